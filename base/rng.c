/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded luck: xoshiro256**, and fair draws made of it. */
#include "base/rng.h"

#include "base/err.h"

uint64_t muster_splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void muster_rng_seed(struct muster_rng *r, uint64_t seed)
{
    /* Four outputs in a row are never all zero, the one state that xoshiro cannot leave. */
    for (size_t i = 0; i < 4; i++)
        r->s[i] = muster_splitmix64(&seed);
}

static uint64_t rng_rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t muster_rng_next(struct muster_rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rng_rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rng_rotate(s[3], 45);
    return result;
}

uint64_t muster_rng_below(struct muster_rng *r, uint64_t limit)
{
    uint64_t unfair;
    uint64_t drawn;

    if (limit == 0)
        return 0;
    /* The first 2^64 mod limit values would make small results likelier: draw again. Written with
     * a remainder and not a 128-bit product, so that every compiler gives the same luck. */
    unfair = (0 - limit) % limit;
    do
        drawn = muster_rng_next(r);
    while (drawn < unfair);
    return drawn % limit;
}

uint64_t muster_rng_between(struct muster_rng *r, uint64_t low, uint64_t high)
{
    MUSTER_ASSERT(low <= high);
    if (high - low == UINT64_MAX)
        return muster_rng_next(r);
    return low + muster_rng_below(r, high - low + 1);
}

bool muster_rng_chance(struct muster_rng *r, uint64_t of, uint64_t in)
{
    MUSTER_ASSERT(in > 0);
    return muster_rng_below(r, in) < of;
}

void muster_rng_permutation(struct muster_rng *r, uint32_t *index, size_t n)
{
    MUSTER_ASSERT(n <= UINT32_MAX);
    /* Fisher and Yates, growing from the front: every order is equally likely. */
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)muster_rng_below(r, i + 1);

        if (j != i)
            index[i] = index[j];
        index[j] = (uint32_t)i;
    }
}
