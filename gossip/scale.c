/* SPDX-License-Identifier: Apache-2.0 */
/* Logarithms in fixed point, and what the pool's size does to intervals and counts. */
#include "gossip/scale.h"

#include "base/err.h"

#define SCALE_LOG10_2       0x4d104d427de7fbccu /* 2^64 * log10(2) */
#define SCALE_PUSH_PULL_MIN 32u /* members up to which the interval stays as it is */

/* The upper half of a product of two 64-bit numbers, by school multiplication. */
static uint64_t upper_half(uint64_t a, uint64_t b)
{
    uint64_t a_low = (uint32_t)a, a_high = a >> 32;
    uint64_t b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
    uint64_t other = (uint32_t)middle + a_low * b_high;

    return a_high * b_high + (middle >> 32) + (other >> 32);
}

uint64_t gossip_log2(uint32_t n)
{
    uint32_t whole;
    uint64_t mantissa, result;

    MUSTER_ASSERT(n > 0);
    whole = 31u - (uint32_t)__builtin_clz(n);
    mantissa = (uint64_t)n << (63 - whole); /* in [2^63, 2^64): 1.0 to 2.0 */
    result = whole;
    for (int i = 0; i < GOSSIP_LOG2_BITS; i++) {
        uint64_t low = mantissa * mantissa;
        uint64_t high = upper_half(mantissa, mantissa); /* in [2^62, 2^64): 1.0 to 4.0 */
        uint64_t bit = high >> 63;

        result = result << 1 | bit;
        mantissa = bit != 0 ? high : high << 1 | low >> 63;
    }
    return result;
}

uint32_t gossip_log10_milli(uint32_t n)
{
    /* One unit is added because a logarithm is cut, not rounded, and an exact power of ten must not
     * fall below its whole number; no pool is so large that another number comes that close. */
    uint64_t milli = n == 1 ? 0 : (gossip_log2(n) + 1) * 1000;

    return (uint32_t)(upper_half(milli, SCALE_LOG10_2) >> GOSSIP_LOG2_BITS);
}

uint32_t gossip_retransmits(uint32_t mult, uint32_t members)
{
    uint64_t reach = 1;
    uint32_t digits = 0;

    while (reach < (uint64_t)members + 1) {
        reach *= 10;
        digits++;
    }
    return mult * digits;
}

uint32_t gossip_push_pull_stretch(uint32_t members)
{
    uint32_t stretch = 1;

    for (uint64_t reach = SCALE_PUSH_PULL_MIN; reach < members; reach *= 2)
        stretch++;
    return stretch;
}
