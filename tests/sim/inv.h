/* Invariants: each in a file of its own, named by its number in section 16 of the consistency
 * contract. They look at disks, processes and frames, and at what clients were told; no node's
 * belief goes in but where it is about that.
 *
 * errors   a broken one ends the run (sim_fail), with its number first
 * threads  one
 */
#ifndef MUSTER_TESTS_SIM_INV_H
#define MUSTER_TESTS_SIM_INV_H

#include "tests/sim/sim.h"

void sim_inv_reply(struct sim *s, struct sim_job *j, const struct agent_reply *r);   /* I1 */
void sim_inv_keepers(struct sim *s);                                                 /* I2 */
void sim_inv_rows(struct sim *s);                                                    /* I3 */
void sim_inv_chosen(struct sim *s, const struct sim_write *w);                       /* I3 */
void sim_inv_token(struct sim *s, uint32_t node, const struct sim_proc *p);          /* I5, I6 */
void sim_inv_claimed(struct sim *s, uint32_t node, const char *job, uint64_t token); /* I5, I6 */
void sim_inv_seen(struct sim *s, uint32_t node, const struct sim_proc *p);           /* R28 */
void sim_inv_gone(struct sim *s, uint32_t node, struct muster_bytes frame);          /* R28 */
void sim_inv_leased(struct sim *s, uint32_t node, const struct sim_proc *p);         /* R38 */
void sim_inv_overlap(struct sim *s, uint32_t node, const struct sim_proc *p);        /* I7 */
void sim_inv_awake(struct sim *s, uint32_t node);                                    /* I7 */
void sim_inv_slots(struct sim *s, uint32_t node);                                    /* I8 */
void sim_inv_frame(struct sim *s, uint32_t node, struct muster_bytes frame);         /* I9 */
void sim_inv_late(struct sim *s, uint32_t node, const struct sim_proc *p);           /* I10 */
void sim_inv_uid(struct sim *s, struct sim_job *j, const struct sim_write *w);       /* I11 */
void sim_inv_instant(struct sim *s, struct sim_job *j, const struct sim_write *w);   /* I13 */
void sim_inv_bench(struct sim *s, uint32_t node, uint32_t bucket);                   /* I12 */
void sim_inv_page(struct sim *s, uint32_t from, uint32_t to, struct muster_bytes frame); /* R20 */
void sim_inv_effects(struct sim *s, uint32_t node, uint32_t count);                      /* I14 */
void sim_inv_queue(struct sim *s, const struct sim_end *end);                            /* I14 */
void sim_inv_inbox(struct sim *s, uint32_t node);                                        /* I14 */
void sim_inv_version(struct sim *s, uint32_t bucket, uint64_t version);                  /* R6 */
void sim_inv_news(struct sim *s, uint32_t node, const struct agent_news *n);             /* R55 */
void sim_inv_dropped(struct sim *s, uint32_t node, const struct agent_news *n);          /* R29 */
void sim_inv_fed(struct sim *s);                                                         /* R52 */
void sim_inv_halted(struct sim *s, uint32_t node, const struct sim_proc *p);             /* I16 */
void sim_inv_group(struct sim *s, const struct sim_job *j);                              /* I15 */
uint32_t sim_group_runs(const struct sim *s);
void sim_inv_once(struct sim *s); /* P2, P3 */
/* I12 */
void sim_inv_bench_held(struct sim *s, uint32_t node, uint32_t bucket, uint16_t seat,
                        uint64_t version);

#endif
