/* Scale: how times and counts stretch with the size of the pool, in whole numbers.
 *
 * The peers compute these with floating point and cut the result; a decision here never touches
 * one, so the logarithms come from fixed-point squaring, exact to well below the digit that is
 * kept.
 *
 * threads  any
 * source   docs/protocol.md, "Suspicion", "Broadcasts", "Push/pull"
 */
#ifndef MUSTER_GOSSIP_SCALE_H
#define MUSTER_GOSSIP_SCALE_H

#include <stdint.h>

#define GOSSIP_LOG2_BITS 40

/* 2^40 * log2(n), n >= 1. */
uint64_t gossip_log2(uint32_t n);

/* 1000 * log10(n) without its fraction, n >= 1. */
uint32_t gossip_log10_milli(uint32_t n);

/* How often a broadcast is sent: mult * ceil(log10(members + 1)). */
uint32_t gossip_retransmits(uint32_t mult, uint32_t members);

/* By how much the push/pull interval is stretched: 1 up to 32 members, 2 up to 64, 3 up to 128 ...
 */
uint32_t gossip_push_pull_stretch(uint32_t members);

#endif
