/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to processes, disks and clocks. */
#include <stdlib.h>

#include "tests/sim/sim.h"
#include "tests/sim/strike.h"

static uint32_t draw(struct muster_rng *r, const uint32_t *of, uint32_t n)
{
    return of[muster_rng_below(r, n)];
}

static uint32_t node_draw(const struct sim *s, struct muster_rng *r)
{
    return (uint32_t)muster_rng_below(r, s->nodes);
}

static void boot_again(struct sim *s, uint64_t node)
{
    sim_boot(s, (uint32_t)node);
}

static void resume(struct sim *s, uint64_t node)
{
    sim_resume(s, (uint32_t)node);
}

/* ---- processes */

static void crash(struct sim *s, struct muster_rng *r, uint32_t node, bool silent)
{
    static const uint32_t back[] = { 50, 200, 500, 3000, 8000, 20000 };
    sim_call(s, draw(r, back, 6), boot_again, node);
    sim_crash(s, node, silent);
    sim_count(s, silent ? SIM_MACHINE : SIM_CRASH);
}

void strike_crash(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r);
    if (s->node[node].is_up)
        crash(s, r, node, false);
}

void strike_machine(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r);
    if (s->node[node].is_up)
        crash(s, r, node, true);
}

/* The power fails everywhere, and comes back for one after the other. */
void strike_blackout(struct sim *s, struct muster_rng *r)
{
    bool silent = muster_rng_chance(r, 2, 3);
    for (uint32_t i = 0; i < s->nodes; i++) {
        sim_crash(s, i, silent);
        sim_call(s, 500 + muster_rng_below(r, 25000), boot_again, i);
    }
    sim_count(s, SIM_BLACKOUT);
}

void strike_guard_death(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r);
    if (sim_proc_guard_dies(s, node, (uint32_t)muster_rng_next(r)))
        sim_count(s, SIM_GUARD_DEATH);
}

static uint32_t pause_ms(struct muster_rng *r)
{
    static const uint32_t ms[] = { 300, 900, 2000, 3500, 8000, 20000, 40000 };
    return draw(r, ms, 7);
}

static bool may_pause(const struct sim *s, uint32_t node)
{
    return s->node[node].is_up && !s->node[node].is_paused;
}

void strike_pause(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r);
    if (!may_pause(s, node))
        return;
    sim_pause(s, node);
    sim_call(s, pause_ms(r), resume, node);
    sim_count(s, SIM_PAUSE);
}

void strike_guard_pause(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r);
    if (sim_proc_guard_pauses(s, node, (uint32_t)muster_rng_next(r), pause_ms(r)))
        sim_count(s, SIM_GUARD_PAUSE);
}

void strike_both_pause(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r), ms = pause_ms(r);
    if (!may_pause(s, node))
        return;
    sim_pause(s, node);
    sim_proc_guards_pause(s, node, ms);
    sim_call(s, ms, resume, node);
    sim_count(s, SIM_BOTH_PAUSE);
}

/* For a while the loop is late, again and again. */
void strike_slow_loop(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r), times = 5 + (uint32_t)muster_rng_below(r, 20), at = 0;
    for (uint32_t i = 0; i < times; i++) {
        uint32_t for_ms = 20 + (uint32_t)muster_rng_below(r, i % 4 == 0 ? 1500 : 300);
        sim_call(s, at, sim_hiccup, (uint64_t)for_ms << 8 | node);
        at += for_ms + 50 + (uint32_t)muster_rng_below(r, 800);
    }
    sim_count(s, SIM_SLOW_LOOP);
}

/* ---- disks */

void strike_slow_disk(struct sim *s, struct muster_rng *r)
{
    static const uint32_t ms[] = { 30, 100, 400, 1500, 4000 };
    struct sim_disk *d = &s->node[node_draw(s, r)].disk;
    d->slow_ms = draw(r, ms, 5);
    d->slow_until = s->now + 1000 + muster_rng_below(r, 15000);
    sim_count(s, SIM_SLOW_DISK);
}

static void disk_frees(struct sim *s, uint64_t node)
{
    if (s->node[node].disk.is_full)
        sim_log(s, "n%u has room on its disk again", (uint32_t)node);
    s->node[node].disk.is_full = false;
}

void strike_full_disk(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r);
    s->node[node].disk.is_full = true;
    sim_log(s, "n%u has a full disk", node);
    sim_call(s, 1000 + muster_rng_below(r, 20000), disk_frees, node);
    sim_count(s, SIM_FULL_DISK);
}

void strike_eio(struct sim *s, struct muster_rng *r)
{
    s->faults.eio_per_mille = 1 + (uint32_t)muster_rng_below(r, 15);
}

void strike_eio_done(struct sim *s, struct muster_rng *r)
{
    s->faults.eio_done_per_mille = 1 + (uint32_t)muster_rng_below(r, 15);
}

/* A disk is lost or lies only when every bench can do without it: the promises end there. */
static bool spare_draw(struct sim *s, struct muster_rng *r, uint32_t *node)
{
    *node = node_draw(s, r);
    return s->wipes == 0 && s->node[*node].cluster.octet[0] != 0 && sim_truth_can_lose(s);
}

void strike_flip(struct sim *s, struct muster_rng *r)
{
    uint32_t node = 0;
    if (!spare_draw(s, r, &node))
        return;
    sim_crash(s, node, muster_rng_chance(r, 1, 2));
    if (sim_disk_flip(s, node, muster_rng_next(r)))
        sim_count(s, SIM_FLIP);
    sim_call(s, 500 + muster_rng_below(r, 3000), boot_again, node);
}

void strike_wipe(struct sim *s, struct muster_rng *r)
{
    uint32_t node = 0;
    if (!spare_draw(s, r, &node))
        return;
    sim_crash(s, node, true);
    sim_wipe(s, node);
    sim_call(s, 500 + muster_rng_below(r, 20000), boot_again, node);
    sim_count(s, SIM_WIPE);
}

/* ---- clocks */

void strike_wall_step(struct sim *s, struct muster_rng *r)
{
    static const uint32_t ms[] = { 900, 5000, 60000, 3600000 };
    struct sim_node *n = &s->node[node_draw(s, r)];
    int64_t by = draw(r, ms, 4);
    n->wall_offset += muster_rng_chance(r, 1, 2) ? by : -by;
    sim_log(s, "n%u steps its wall clock", (uint32_t)(n - s->node));
    sim_count(s, SIM_WALL_STEP);
}

/* ---- people */

void strike_drain(struct sim *s, struct muster_rng *r)
{
    uint32_t node = node_draw(s, r);
    if (!may_pause(s, node))
        return;
    sim_drain(s, node, muster_rng_chance(r, 1, 2));
    sim_count(s, SIM_DRAIN);
}

/* Somebody holds everything, or a part, and lets go of as much a while later. */
void strike_halt(struct sim *s, struct muster_rng *r)
{
    static const char *const prefix[] = { "", "", "job-1", "job-" };
    uint32_t node = node_draw(s, r), which = (uint32_t)muster_rng_below(r, 4);
    bool is_hold = muster_rng_chance(r, 1, 2);
    if (!s->node[node].is_up || s->node[node].is_paused)
        return;
    sim_hold_all(s, node, is_hold ? "hold" : "release", prefix[which]);
    sim_count(s, SIM_HALT);
}

static void leave(struct sim *s, uint64_t node)
{
    if (s->is_storm)
        sim_leave(s, (uint32_t)node);
}

static void replace(struct sim *s, uint64_t node)
{
    if (s->is_storm)
        sim_renew(s, (uint32_t)node, 200);
}

/* One node after the other gets a new agent: it is asked to end and hands over, or another program
 * takes its place and its guards. */
void strike_upgrade(struct sim *s, struct muster_rng *r)
{
    bool asks = muster_rng_chance(r, 1, 2);
    uint32_t first = node_draw(s, r), count = 1 + (uint32_t)muster_rng_below(r, s->nodes);
    uint32_t apart = 500 + (uint32_t)muster_rng_below(r, 6000);
    for (uint32_t i = 0; i < count; i++)
        sim_call(s, i * apart, asks ? leave : replace, (first + i) % s->nodes);
    sim_count(s, SIM_UPGRADE);
}

/* Its disk burns, and somebody swears so, now or later; another one comes in its place. */
void strike_forget(struct sim *s, struct muster_rng *r)
{
    uint32_t node = 0;
    if (!spare_draw(s, r, &node) || !sim_truth_can_forget(s, node))
        return;
    struct muster_id id = s->node[node].id;
    sim_crash(s, node, true);
    sim_wipe(s, node);
    sim_oath(s, id, 500 + (uint32_t)muster_rng_below(r, 15000));
    sim_call(s, 500 + muster_rng_below(r, 20000), boot_again, node);
    sim_count(s, SIM_FORGET);
}

/* Somebody keeps an image of a disk: true once its node has booted since and all others know that
 * boot. Until then this sees to it, strike by strike. */
static bool is_outdated_image(struct sim *s, struct muster_rng *r)
{
    uint32_t node = s->image.node;
    if (s->image.boot == 0) {
        node = node_draw(s, r);
        if (s->node[node].cluster.octet[0] != 0 && sim_truth_can_lose(s))
            sim_image_take(s, node);
        return false;
    }
    const struct sim_node *n = &s->node[node];
    if (!n->is_up || n->is_paused || !muster_id_equal(n->id, s->image.id))
        return false;
    if (n->boot == s->image.boot) {
        crash(s, r, node, muster_rng_chance(r, 1, 2));
        return false;
    }
    return s->wipes == 0 && sim_truth_can_lose(s) && sim_boot_is_known(s, node);
}

/* It is put back. */
void strike_rollback(struct sim *s, struct muster_rng *r)
{
    if (!is_outdated_image(s, r))
        return;
    uint32_t node = s->image.node;
    sim_crash(s, node, muster_rng_chance(r, 1, 2));
    sim_image_onto(s, node); /* what it has now counts no more: it comes back as another */
    sim_call(s, 500 + muster_rng_below(r, 20000), boot_again, node);
    sim_count(s, SIM_ROLLBACK);
}

/* It is put on the disk of another machine, which starts beside the one it was taken from: under
 * the same name, as it stands in the file of settings on that disk too, or under its own. */
void strike_clone(struct sim *s, struct muster_rng *r)
{
    if (s->nodes == SIM_NODES || !is_outdated_image(s, r))
        return;
    uint32_t node = sim_image_clone(s, muster_rng_chance(r, 1, 2));
    sim_call(s, 500 + muster_rng_below(r, 20000), boot_again, node);
    sim_count(s, SIM_CLONE);
}
