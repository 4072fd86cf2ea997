/* Luck from a seed: xoshiro256** seeded by splitmix64. The same seed gives the same luck
 * everywhere, which is what lets a simulated cluster be run twice. Not for keys or ids.
 *
 * memory   held by value
 * threads  one user each
 * source   Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018
 */
#ifndef MUSTER_BASE_RNG_H
#define MUSTER_BASE_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct muster_rng {
    uint64_t s[4];
};

void muster_rng_seed(struct muster_rng *r, uint64_t seed);
uint64_t muster_rng_next(struct muster_rng *r);

/* Uniform in [0, limit); 0 when limit is 0. */
uint64_t muster_rng_below(struct muster_rng *r, uint64_t limit);

/* Uniform in [low, high]; low <= high. */
uint64_t muster_rng_between(struct muster_rng *r, uint64_t low, uint64_t high);

/* True `of` times in `in`; a probability is a ratio of integers. */
bool muster_rng_chance(struct muster_rng *r, uint64_t of, uint64_t in);

/* Fills and shuffles an index array 0..n-1. */
void muster_rng_permutation(struct muster_rng *r, uint32_t *index, size_t n);

/* One step of splitmix64 (also what the definition of the ring's vectors are generated with). */
uint64_t muster_splitmix64(uint64_t *state);

#endif
