/* Strikes: what each kind of fault does to the dreamt world.
 *
 * units    milliseconds of true time
 * threads  one
 */
#ifndef MUSTER_TESTS_SIM_STRIKE_H
#define MUSTER_TESTS_SIM_STRIKE_H

#include "base/rng.h"

struct sim;

void strike_loss(struct sim *s, struct muster_rng *r);
void strike_delay(struct sim *s, struct muster_rng *r);
void strike_spike(struct sim *s, struct muster_rng *r);
void strike_duplicate(struct sim *s, struct muster_rng *r);
void strike_reorder(struct sim *s, struct muster_rng *r);
void strike_reset(struct sim *s, struct muster_rng *r);
void strike_halves(struct sim *s, struct muster_rng *r);
void strike_isolate(struct sim *s, struct muster_rng *r);
void strike_bridge(struct sim *s, struct muster_rng *r);
void strike_ring(struct sim *s, struct muster_rng *r);
void strike_one_way(struct sim *s, struct muster_rng *r);
void strike_pairs(struct sim *s, struct muster_rng *r);
void strike_flap(struct sim *s, struct muster_rng *r);
void strike_crash(struct sim *s, struct muster_rng *r);
void strike_machine(struct sim *s, struct muster_rng *r);
void strike_blackout(struct sim *s, struct muster_rng *r);
void strike_guard_death(struct sim *s, struct muster_rng *r);
void strike_pause(struct sim *s, struct muster_rng *r);
void strike_guard_pause(struct sim *s, struct muster_rng *r);
void strike_both_pause(struct sim *s, struct muster_rng *r);
void strike_slow_loop(struct sim *s, struct muster_rng *r);
void strike_slow_disk(struct sim *s, struct muster_rng *r);
void strike_full_disk(struct sim *s, struct muster_rng *r);
void strike_eio(struct sim *s, struct muster_rng *r);
void strike_eio_done(struct sim *s, struct muster_rng *r);
void strike_flip(struct sim *s, struct muster_rng *r);
void strike_wipe(struct sim *s, struct muster_rng *r);
void strike_wall_step(struct sim *s, struct muster_rng *r);
void strike_drain(struct sim *s, struct muster_rng *r);
void strike_upgrade(struct sim *s, struct muster_rng *r);
void strike_forget(struct sim *s, struct muster_rng *r);
void strike_halt(struct sim *s, struct muster_rng *r);
void strike_rollback(struct sim *s, struct muster_rng *r);
void strike_clone(struct sim *s, struct muster_rng *r);

#endif
