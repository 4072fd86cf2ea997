/* Versions and tokens: one 64-bit number, round:24 | seat:16 | seq:24, so that comparing two
 * versions is comparing two integers. (R5, R7)
 *
 * A reign is a version without its seq; a token is the version of the write that placed the run.
 *
 * threads  any
 */
#ifndef MUSTER_STORE_VERSION_H
#define MUSTER_STORE_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#define STORE_ROUND_MAX 0xFFFFFFu
#define STORE_SEQ_MAX   0xFFFFFFu

struct store_version {
    uint64_t packed; /* 0: none */
};

/* (round, seat): the period of one keeper. 0: none. */
struct store_reign {
    uint64_t packed; /* round << 16 | seat */
};

static inline struct store_reign store_reign_of(uint32_t round, uint16_t seat)
{
    return (struct store_reign){ (uint64_t)round << 16 | seat };
}

static inline uint32_t store_reign_round(struct store_reign r)
{
    return (uint32_t)(r.packed >> 16);
}

static inline uint16_t store_reign_seat(struct store_reign r)
{
    return (uint16_t)r.packed;
}

static inline struct store_version store_version_of(struct store_reign r, uint32_t seq)
{
    return (struct store_version){ r.packed << 24 | seq };
}

static inline struct store_reign store_version_reign(struct store_version v)
{
    return (struct store_reign){ v.packed >> 24 };
}

static inline uint32_t store_version_seq(struct store_version v)
{
    return (uint32_t)(v.packed & STORE_SEQ_MAX);
}

#endif
