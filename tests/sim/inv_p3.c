/* SPDX-License-Identifier: Apache-2.0 */
/* P2, P3: connected and healthy, a job runs once at the most; and once the network has been whole
 * and every node awake for a while, so it is again. */
#include <string.h>

#include "base/hash.h"
#include "tests/sim/inv.h"

static void disturbed(struct sim *s)
{
    s->disturbed_at = s->now;
    memset(s->doubled_at, 0, sizeof s->doubled_at);
}

/* What P3 promises after a heal, where nothing but a network was broken: a second to find one
 * another, the calm and an election where no keeper was left, one more where a claim outranks it,
 * and a report (R58: wan has twice the times). */
#define HEALED_MS     5000
#define HEALED_WAN_MS 10000

/* While packets are lost and disks refuse nothing of that has a bound: then this is what holds. */
#define SETTLE_MS 35000

/* A disk that is slow or full can cost a keeper its quorum in a whole network too, and then a claim
 * may start a second run (R42): it must end as soon as the two are in touch again. A run and its
 * keeper are not while a spike holds up what one of them says to the other. */
#define CONTACT_MS 5000
#define HELD_UP_MS 1000

#define FAIR_DELAY_MS 15

static bool is_slow(const struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->now < s->node[i].disk.slow_until)
            return true;
    return false;
}

static bool is_whole(const struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->cut[i] != 0 || !s->node[i].is_up || s->node[i].is_paused)
            return false;
    return true;
}

/* Nothing is in this run that costs a quorum its answers in a whole network. A link keeps its
 * order: what a spike has held up holds up all behind it, when there are no spikes any more too. */
static bool is_fair(const struct sim *s)
{
    static const enum sim_fault foul[] = { SIM_LOSS,      SIM_SPIKE,     SIM_EIO,      SIM_EIO_DONE,
                                           SIM_SLOW_DISK, SIM_FULL_DISK, SIM_SLOW_LOOP };
    for (uint32_t i = 0; i < sizeof foul / sizeof *foul; i++)
        if (sim_has(s, foul[i]))
            return false;
    return s->faults.delay_ms <= FAIR_DELAY_MS;
}

/* Names that more than one process has, or that fall together with such a one. */
#define NAMES 1024
struct names {
    uint64_t once[NAMES / 64], twice[NAMES / 64];
};

static uint32_t name_bit(const char *job)
{
    return (uint32_t)(muster_hash64(muster_bytes_text(job), 0) % NAMES);
}

static void names_find(const struct sim *s, struct names *names)
{
    memset(names, 0, sizeof *names);
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < s->node[i].procs; k++) {
            const struct sim_proc *p = &s->node[i].proc[k];
            if (!sim_proc_is_wanted(p))
                continue;
            uint32_t bit = name_bit(p->job);
            uint64_t mask = UINT64_C(1) << bit % 64;
            names->twice[bit / 64] |= names->once[bit / 64] & mask;
            names->once[bit / 64] |= mask;
        }
}

/* Most jobs run once or not at all: they need not be counted. */
static uint32_t doubled(const struct sim *s, const struct names *names, const struct sim_job *j)
{
    uint32_t bit = name_bit(j->name);
    return (names->twice[bit / 64] >> bit % 64 & 1) != 0 ? sim_proc_doubled(s, j) : 0;
}

static void healed_check(struct sim *s, const struct names *names)
{
    uint64_t bound = s->times == AGENT_PROFILE_WAN ? HEALED_WAN_MS : HEALED_MS;
    if (!is_fair(s) || is_slow(s) || s->now < s->spiked_until || s->now < s->stopped_until)
        s->unfair_at = s->now;
    if (s->now < s->disturbed_at + bound || s->now < s->unfair_at + bound)
        return;
    for (uint32_t i = 0; i < sim_jobs_all(s); i++) {
        const struct sim_job *j = sim_job_at(s, i);
        uint32_t live = doubled(s, names, j);
        if (live > 1)
            sim_fail(s, 1, "P3: %s runs %u times, %llu ms after all was whole again", j->name, live,
                     (unsigned long long)(s->now - s->disturbed_at));
    }
}

static bool is_held_up(const struct sim *s, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < s->links; i++) {
        const struct sim_end *end = s->link[i].end;
        bool joins =
            (end[0].node == a && end[1].node == b) || (end[0].node == b && end[1].node == a);
        if (s->link[i].is_used && joins &&
            (end[0].ready > s->now + HELD_UP_MS || end[1].ready > s->now + HELD_UP_MS))
            return true;
    }
    return false;
}

/* Whoever runs it, and whoever keeps it, can tell one another so. */
static bool is_in_touch(const struct sim *s, const struct sim_job *j)
{
    for (uint32_t keeper = 0; keeper < s->nodes; keeper++) {
        if (!store_is_serving(agent_node_store(s->node[keeper].node), j->bucket))
            continue;
        for (uint32_t i = 0; i < s->nodes; i++)
            for (uint32_t k = 0; k < s->node[i].procs; k++) {
                const struct sim_proc *p = &s->node[i].proc[k];
                if (sim_proc_is_wanted(p) && strcmp(p->job, j->name) == 0 &&
                    is_held_up(s, keeper, i))
                    return false;
            }
    }
    return true;
}

void sim_inv_once(struct sim *s)
{
    if (!is_whole(s)) {
        s->unfair_at = s->now;
        disturbed(s);
        return;
    }
    struct names names;
    names_find(s, &names);
    healed_check(s, &names);
    if (s->now < s->disturbed_at + SETTLE_MS)
        return;
    for (uint32_t i = 0; i < sim_jobs_all(s); i++) {
        const struct sim_job *j = sim_job_at(s, i);
        uint64_t *since = &s->doubled_at[j - s->job];
        uint32_t live = doubled(s, &names, j);
        if (live <= 1)
            *since = 0;
        else if (*since == 0 || !is_in_touch(s, j))
            *since = s->now;
        else if (s->now > *since + CONTACT_MS)
            sim_fail(s, 1, "P3: %s runs %u times in a whole network, %llu ms after it was cut",
                     j->name, live, (unsigned long long)(s->now - s->disturbed_at));
    }
}
