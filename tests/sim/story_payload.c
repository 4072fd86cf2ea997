/* SPDX-License-Identifier: Apache-2.0 */
/* A payload: on a quorum's disks when it is acknowledged, pulled by whoever starts a run with it,
 * there when its node is gone, and gone itself when no job names it. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

#define SIZE  5000
#define LARGE 40000 /* many parts: on its way for longer than the last seats are waited for */

/* Who sits on its bench, the keeper first. */
static uint32_t seats_of(const struct sim *s, uint32_t seat[SIM_NODES])
{
    uint32_t bucket = sim_payload_bucket(s, 0), n = 0;
    for (uint32_t i = 0; i < s->nodes; i++) {
        struct store_bucket_view b;
        if (!s->node[i].is_up)
            continue;
        store_bucket(agent_node_store(s->node[i].node), bucket, &b);
        if (b.role == STORE_NO_SEAT)
            continue;
        seat[n++] = i;
        if (b.role == STORE_SERVING) {
            seat[n - 1] = seat[0];
            seat[0] = i;
        }
    }
    return n;
}

static bool is_put(struct sim *s)
{
    return s->payload[0].is_acked;
}

static bool is_held_by_its_bench(struct sim *s)
{
    return sim_payload_unrest(s) == NULL;
}

static bool runs_with_it(struct sim *s)
{
    uint32_t node = 0;
    uint64_t token = 0;
    return sim_proc_live(s, "job", &node, &token) == 1 && sim_payload_is_at(s, node, 0);
}

static bool is_with_nobody(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (sim_payload_is_at(s, i, 0))
            return false;
    return true;
}

static uint32_t node_without(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up && !sim_payload_is_at(s, i, 0))
            return i;
    sim_fail(s, 1, "payload: everybody has it");
}

static void job_put(struct sim *s, uint32_t on)
{
    char spec[400], name[AGENT_PAYLOAD_TEXT];
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
                   "\"payload\":\"%s\",\"on\":\"node == \\\"n%u\\\"\"}",
                   sim_payload_name(s, 0, name), on);
    story_put(s, 0, "job", spec);
}

/* The one who brought it dies for good at the moment of the acknowledgement: a run elsewhere has
 * it all the same, and so has whoever is put on its bench in that one's place. */
static void survives_check(struct sim *s)
{
    uint32_t source = s->payload[0].asked;
    sim_crash(s, source, true);
    sim_wipe(s, source);
    job_put(s, node_without(s) == source ? (source + 1) % s->nodes : node_without(s));
    sim_await(s, 30000, runs_with_it, "the job runs with what another node has brought");
    sim_boot(s, source);
    sim_await(s, 120000, story_benches_full, "the benches are full again");
    sim_await(s, 60000, is_held_by_its_bench, "the new seats have the bytes");
}

static void job_drop(struct sim *s)
{
    (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, "job");
    sim_await(s, 20000, story_is_replied, "the job is deleted");
    sim_run_for(s, 20000);
}

static void damage(struct sim *s, uint32_t sound, bool is_bad)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < SIM_PAYLOADS && i != sound; k++)
            s->node[i].payload[k].is_bad = is_bad && s->node[i].payload[k].is_whole;
}

/* Files that were damaged on their disks are not taken for what they were: the others are asked. */
static void damaged_check(struct sim *s)
{
    uint32_t left = node_without(s), sound = 0;
    while (!sim_payload_is_at(s, sound, 0))
        sound++;
    damage(s, sound, true);
    job_drop(s);
    job_put(s, left);
    sim_await(s, 30000, runs_with_it, "the job runs with what is not damaged");
    damage(s, sound, false);
}

static bool is_with_seats_alone(struct sim *s)
{
    uint32_t seat[SIM_NODES], have = 0;
    for (uint32_t i = 0; i < s->nodes; i++)
        have += sim_payload_is_at(s, i, 0);
    return have == seats_of(s, seat) && is_held_by_its_bench(s);
}

/* When only its bench has it, whoever is put in a lost seat's place comes without: no client and no
 * run asks for it there, its row alone does. */
static void repaired_check(struct sim *s)
{
    uint32_t seat[SIM_NODES];
    job_drop(s);
    sim_await(s, 120000, is_with_seats_alone, "who does not sit on its bench has given it up");
    uint32_t lost = seat[seats_of(s, seat) - 1];
    if (lost == s->payload[0].asked) /* its disk was lost before */
        lost = seat[0];
    sim_crash(s, lost, true);
    sim_wipe(s, lost);
    sim_run_for(s, 100000);
    sim_boot(s, lost);
    sim_await(s, 120000, story_benches_full, "the benches are full again");
    sim_await(s, 30000, is_held_by_its_bench, "the new seat has the bytes");
}

/* No job names it any more: after its time it is gone everywhere. */
static void forgotten_check(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++) /* a week by its wall clock, all at once */
        s->node[i].wall_offset += 7ll * 86400000;
    sim_await(s, 2 * 3600000 + 600000, is_with_nobody, "what nobody names is gone");
}

void story_payload(struct sim *s)
{
    story_begin(s, 5);
    sim_payload_put(s, 1, 0, SIZE);
    sim_await(s, 20000, is_put, "the payload is acknowledged");
    survives_check(s);
    damaged_check(s);
    repaired_check(s);
    forgotten_check(s);
}

/* The clock of who keeps its row is set a week ahead, and back: a job names it all the while. */
void story_ahead(struct sim *s)
{
    uint32_t seat[SIM_NODES];
    story_begin(s, 5);
    sim_run_for(s, 2 * 3600000 + 60000); /* everybody has had the time to name something */
    sim_payload_put(s, 1, 0, SIZE);
    sim_await(s, 20000, is_put, "the payload is acknowledged");
    job_put(s, node_without(s));
    sim_await(s, 30000, runs_with_it, "the job runs with it");
    (void)seats_of(s, seat);
    s->node[seat[0]].wall_offset += 8ll * 86400000;
    sim_run_for(s, 30000);
    s->node[seat[0]].wall_offset -= 8ll * 86400000;
    sim_run_for(s, 150000);
    sim_await(s, 1000, is_held_by_its_bench, "a payload that a job names is there");
}

/* One seat is cut off, and to the other it takes long: until that one has everything, the bytes lie
 * on one disk of three, and the put waits (asked at every answer: P1). */
void story_parcel(struct sim *s)
{
    uint32_t seat[SIM_NODES];
    story_begin(s, 5);
    uint32_t n = seats_of(s, seat);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != seat[n - 1])
            sim_cut(s, i, seat[n - 1], true);
    sim_payload_put(s, seat[0], 0, LARGE);
    sim_run_for(s, 6000);
    if (is_put(s) || sim_payload_is_at(s, seat[1], 0))
        sim_fail(s, 1, "parcel: it came too soon for this story");
    sim_await(s, 60000, is_put, "the payload is acknowledged by those who are left");
    sim_heal(s);
    sim_await(s, 120000, story_benches_full, "the benches are full again");
    sim_await(s, 60000, is_held_by_its_bench, "the seat that was cut off has the bytes too");
}

static bool is_seated_thrice(struct sim *s)
{
    uint32_t seat[SIM_NODES];
    return seats_of(s, seat) == 3;
}

static bool is_without_seat(struct sim *s)
{
    struct store_bucket_view b;
    store_bucket(agent_node_store(s->node[0].node), sim_payload_bucket(s, 0), &b);
    return b.role == STORE_NO_SEAT;
}

/* The first node of a cluster gets company, and whoever sits on the bench of its payload is emptied
 * at once, until it has no seat. It looks for what nobody wants here a moment before the others
 * look for what they want: they have its row by then, and it has the bytes alone, which nobody has
 * asked it for in long. */
void story_bequest(struct sim *s)
{
    uint32_t seat[SIM_NODES];
    sim_boot(s, 0);
    sim_payload_put(s, 0, 0, SIZE);
    sim_await(s, 20000, is_put, "the only node there is acknowledges it");
    sim_run_for(s, 60500 - s->now);
    for (uint32_t i = 1; i < s->nodes; i++)
        sim_boot(s, i);
    sim_await(s, 2000, is_seated_thrice, "it has two beside it");
    while (!is_without_seat(s) && s->now < 69000) {
        for (uint32_t i = seats_of(s, seat); i > 0; i--)
            sim_drain(s, seat[i - 1], false);
        sim_run_for(s, 1000);
    }
    for (uint32_t i = 1; i < s->nodes; i++)
        if (!is_without_seat(s) || sim_payload_is_at(s, i, 0))
            sim_fail(s, 1, "bequest: it came too soon for this story");
    sim_await(s, 60000, is_held_by_its_bench, "the new seats have the bytes");
    sim_await(s, 120000, is_with_seats_alone, "the first node has given them up");
}
