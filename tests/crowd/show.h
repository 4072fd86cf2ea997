/* Show: what a crowd is made to do, and what comes of it. Figures go to standard output; a broken
 * promise ends the program.
 *
 * units    as named
 * threads  one
 */
#ifndef MUSTER_TESTS_CROWD_SHOW_H
#define MUSTER_TESTS_CROWD_SHOW_H

#include "tests/crowd/crowd.h"

/* A storm of joins, rest, deaths, loss, slow nodes, a rack cut off and back. With `is_strict` what
 * must hold at any size is asked too. */
void crowd_scale(uint32_t nodes, uint64_t seed, bool is_strict);

/* 128 members of which some starve in bursts: false deaths and time to notice a real one, for our
 * settings and for memberlist's, by the same code.
 * (Dadgar, Phillips, Currey: "Lifeguard", 2018, section 5) */
void crowd_lifeguard(uint32_t seeds);

/* A few runs of it, in which ours must notice sooner than memberlist's and take no more of the
 * healthy for dead; else the program ends. */
void crowd_lifeguard_check(void);

#endif
