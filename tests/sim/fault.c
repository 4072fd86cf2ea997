/* SPDX-License-Identifier: Apache-2.0 */
/* The table of faults, and how a seed draws from it. */
#include "tests/sim/fault.h"

#include <string.h>

#include "tests/sim/sim.h"
#include "tests/sim/strike.h"

/* In how many seeds of a hundred a kind is in the mix, by profile; and how often it strikes then,
 * on average. */
struct fault_kind {
    const char *name;
    uint8_t share[SIM_PROFILES];
    uint32_t every_ms; /* 0: weather */
    void (*strike)(struct sim *s, struct muster_rng *r);
};

static const struct fault_kind kinds[SIM_FAULTS] = {
    /*                    mixed lease bench disk storm calm */
    [SIM_LOSS] = { "loss", { 50, 20, 50, 20, 80, 0 }, 0, strike_loss },
    [SIM_DELAY] = { "delay", { 60, 30, 60, 40, 80, 20 }, 0, strike_delay },
    [SIM_SPIKE] = { "spike", { 30, 30, 40, 10, 60, 0 }, 0, strike_spike },
    [SIM_DUPLICATE] = { "duplicate", { 40, 20, 40, 10, 60, 20 }, 0, strike_duplicate },
    [SIM_REORDER] = { "reorder", { 40, 20, 40, 10, 60, 20 }, 0, strike_reorder },
    [SIM_RESET] = { "reset", { 30, 30, 40, 10, 60, 30 }, 5000, strike_reset },
    [SIM_HALVES] = { "halves", { 25, 40, 10, 5, 40, 40 }, 20000, strike_halves },
    [SIM_ISOLATE] = { "isolate", { 25, 60, 10, 5, 40, 40 }, 15000, strike_isolate },
    [SIM_BRIDGE] = { "bridge", { 15, 30, 5, 5, 30, 0 }, 25000, strike_bridge },
    [SIM_RING] = { "ring", { 10, 15, 5, 5, 20, 0 }, 30000, strike_ring },
    [SIM_ONE_WAY] = { "one-way", { 20, 30, 10, 5, 40, 0 }, 15000, strike_one_way },
    [SIM_PAIRS] = { "pairs", { 20, 30, 10, 5, 40, 10 }, 15000, strike_pairs },
    [SIM_FLAP] = { "flap", { 10, 15, 5, 5, 30, 0 }, 30000, strike_flap },
    [SIM_CRASH] = { "crash", { 50, 40, 60, 40, 80, 50 }, 12000, strike_crash },
    [SIM_MACHINE] = { "machine", { 30, 20, 40, 40, 60, 20 }, 20000, strike_machine },
    [SIM_BLACKOUT] = { "blackout", { 10, 5, 5, 15, 25, 0 }, 40000, strike_blackout },
    [SIM_GUARD_DEATH] = { "guard-death", { 25, 30, 5, 5, 50, 20 }, 10000, strike_guard_death },
    [SIM_PAUSE] = { "pause", { 30, 40, 20, 10, 60, 20 }, 15000, strike_pause },
    [SIM_GUARD_PAUSE] = { "guard-pause", { 15, 40, 5, 5, 40, 0 }, 10000, strike_guard_pause },
    [SIM_BOTH_PAUSE] = { "both-pause", { 15, 20, 5, 5, 30, 0 }, 20000, strike_both_pause },
    [SIM_SLOW_LOOP] = { "slow-loop", { 20, 20, 20, 10, 40, 0 }, 20000, strike_slow_loop },
    [SIM_STAGGER] = { "stagger", { 60, 30, 60, 40, 70, 20 }, 0, NULL },
    [SIM_SAME_NAMES] = { "same-names", { 10, 0, 10, 0, 10, 0 }, 0, NULL },
    [SIM_SLOW_DISK] = { "slow-disk", { 30, 10, 30, 60, 50, 0 }, 15000, strike_slow_disk },
    [SIM_FULL_DISK] = { "full-disk", { 10, 5, 10, 40, 20, 0 }, 30000, strike_full_disk },
    [SIM_EIO] = { "eio", { 15, 5, 10, 50, 30, 0 }, 0, strike_eio },
    [SIM_EIO_DONE] = { "eio-done", { 10, 5, 10, 40, 20, 0 }, 0, strike_eio_done },
    [SIM_UNSYNCED] = { "unsynced", { 90, 80, 90, 90, 90, 90 }, 0, NULL },
    [SIM_FLIP] = { "flip", { 10, 0, 10, 40, 20, 0 }, 25000, strike_flip },
    [SIM_WIPE] = { "wipe", { 20, 0, 30, 40, 20, 0 }, 30000, strike_wipe },
    [SIM_OFFSET] = { "offset", { 90, 90, 90, 90, 90, 90 }, 0, NULL },
    [SIM_RATE] = { "rate", { 60, 90, 40, 30, 60, 60 }, 0, NULL },
    [SIM_WALL_STEP] = { "wall-step", { 20, 20, 10, 10, 40, 10 }, 20000, strike_wall_step },
    [SIM_EXIT] = { "exit", { 60, 30, 30, 30, 60, 40 }, 0, NULL },
    [SIM_HANG] = { "hang", { 30, 40, 10, 10, 40, 20 }, 0, NULL },
    [SIM_KILLER] = { "killer", { 8, 8, 4, 4, 12, 0 }, 0, NULL },
    [SIM_DELETE] = { "delete", { 70, 50, 80, 60, 80, 50 }, 0, NULL },
    [SIM_AGAIN] = { "again", { 50, 50, 60, 40, 70, 40 }, 0, NULL },
    /* Open: a copy of a request that is done after another copy was answered (R19). */
    [SIM_HASTE] = { "haste", { 50, 50, 50, 50, 50, 50 }, 0, NULL },
    [SIM_CHANGE] = { "change", { 50, 40, 40, 30, 70, 30 }, 0, NULL },
    [SIM_DRAIN] = { "drain", { 20, 10, 50, 10, 40, 0 }, 20000, strike_drain },
    [SIM_UPGRADE] = { "upgrade", { 20, 10, 30, 5, 20, 20 }, 25000, strike_upgrade },
    [SIM_FORGET] = { "forget", { 15, 0, 30, 10, 15, 0 }, 25000, strike_forget },
    [SIM_HALT] = { "halt", { 15, 10, 15, 10, 15, 10 }, 15000, strike_halt },
    [SIM_EVERY] = { "every", { 25, 25, 25, 25, 25, 25 }, 0, NULL },
    [SIM_SPREAD] = { "spread", { 25, 25, 25, 25, 25, 25 }, 0, NULL },
    [SIM_ROLLBACK] = { "rollback", { 10, 0, 10, 25, 15, 0 }, 10000, strike_rollback },
    [SIM_CLONE] = { "clone", { 15, 10, 15, 25, 20, 10 }, 6000, strike_clone },
};

static const char *const profiles[SIM_PROFILES] = { "mixed", "lease", "bench",
                                                    "disk",  "storm", "calm" };

const char *sim_fault_name(enum sim_fault f)
{
    return kinds[f].name;
}

bool sim_fault_find(const char *name, enum sim_fault *out)
{
    for (uint32_t f = 0; f < SIM_FAULTS; f++)
        if (strcmp(kinds[f].name, name) == 0) {
            *out = (enum sim_fault)f;
            return true;
        }
    return false;
}

const char *sim_profile_name(enum sim_profile p)
{
    return p < SIM_PROFILES ? profiles[p] : "any";
}

bool sim_profile_find(const char *name, enum sim_profile *out)
{
    for (uint32_t p = 0; p < SIM_PROFILES; p++)
        if (strcmp(profiles[p], name) == 0) {
            *out = (enum sim_profile)p;
            return true;
        }
    return false;
}

bool sim_has(const struct sim *s, enum sim_fault f)
{
    return (s->mix >> f & 1) != 0;
}

void sim_count(struct sim *s, enum sim_fault f)
{
    s->fault_count[f]++;
}

/* ---- a seed's mix: each kind has luck of its own, so that leaving one out changes no other */

static uint64_t wait_draw(struct sim *s, enum sim_fault f)
{
    uint64_t every = kinds[f].every_ms / s->mood;
    return 200 + muster_rng_below(&s->luck[f], 2 * every);
}

static void strike(struct sim *s, uint64_t number)
{
    enum sim_fault f = (enum sim_fault)number;
    if (!s->is_storm)
        return;
    kinds[f].strike(s, &s->luck[f]);
    sim_call(s, wait_draw(s, f), strike, number);
}

void sim_faults_begin(struct sim *s)
{
    enum sim_profile p = s->run.profile;
    s->is_storm = true;
    s->mood = p == SIM_CALM ? 1 : 1 + (uint32_t)muster_rng_below(&s->rng, 3);
    for (uint32_t f = 0; f < SIM_FAULTS; f++) {
        muster_rng_seed(&s->luck[f], s->seed * 64 + f);
        bool is_in = muster_rng_chance(&s->luck[f], kinds[f].share[p], 100);
        if (!is_in || (s->run.without >> f & 1) != 0)
            continue;
        s->mix |= UINT64_C(1) << f;
        if (kinds[f].every_ms == 0 && kinds[f].strike != NULL)
            kinds[f].strike(s, &s->luck[f]);
        else if (kinds[f].every_ms != 0)
            sim_call(s, 5000 + wait_draw(s, (enum sim_fault)f), strike, f);
    }
}

void sim_faults_end(struct sim *s)
{
    s->is_storm = false;
    s->faults = (struct sim_faults){ .delay_ms = 2, .commit_ms = 2 };
    s->mix &= UINT64_C(1) << SIM_OFFSET | UINT64_C(1) << SIM_RATE | UINT64_C(1) << SIM_EXIT |
              UINT64_C(1) << SIM_HANG | UINT64_C(1) << SIM_SAME_NAMES | UINT64_C(1) << SIM_EVERY |
              UINT64_C(1) << SIM_SPREAD;
    for (uint32_t i = 0; i < s->nodes; i++)
        s->node[i].disk.is_full = false;
}
