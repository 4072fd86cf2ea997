/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 and CRC-32C, eight bytes at a step. */
#include "base/hash.h"

#include <stddef.h>

/* A byte's entry in a table is the sum (without carries) of the entries of its bits, because a CRC
 * is linear. So eight numbers tell a whole table, and the compiler unfolds it: what stands below is
 * the polynomial, shifted on bit by bit, 64 times. */
#define CRC_1(e0, base)             (base), (base) ^ (e0)
#define CRC_2(e0, e1, base)         CRC_1(e0, base), CRC_1(e0, (base) ^ (e1))
#define CRC_3(e0, e1, e2, base)     CRC_2(e0, e1, base), CRC_2(e0, e1, (base) ^ (e2))
#define CRC_4(e0, e1, e2, e3, base) CRC_3(e0, e1, e2, base), CRC_3(e0, e1, e2, (base) ^ (e3))
#define CRC_5(e0, e1, e2, e3, e4, base)                                                            \
    CRC_4(e0, e1, e2, e3, base), CRC_4(e0, e1, e2, e3, (base) ^ (e4))
#define CRC_6(e0, e1, e2, e3, e4, e5, base)                                                        \
    CRC_5(e0, e1, e2, e3, e4, base), CRC_5(e0, e1, e2, e3, e4, (base) ^ (e5))
#define CRC_7(e0, e1, e2, e3, e4, e5, e6, base)                                                    \
    CRC_6(e0, e1, e2, e3, e4, e5, base), CRC_6(e0, e1, e2, e3, e4, e5, (base) ^ (e6))
#define CRC_TABLE(e0, e1, e2, e3, e4, e5, e6, e7)                                                  \
    {                                                                                              \
        CRC_7(e0, e1, e2, e3, e4, e5, e6, 0u), CRC_7(e0, e1, e2, e3, e4, e5, e6, e7)               \
    }

#define CRC_SLICES 8

/* Table n tells what a byte followed by n zero bytes leaves behind; from each: bit 0 first. */
static const uint32_t crc_ieee[CRC_SLICES][256] = {
    CRC_TABLE(0x77073096u, 0xee0e612cu, 0x076dc419u, 0x0edb8832u, 0x1db71064u, 0x3b6e20c8u,
              0x76dc4190u, 0xedb88320u),
    CRC_TABLE(0x191b3141u, 0x32366282u, 0x646cc504u, 0xc8d98a08u, 0x4ac21251u, 0x958424a2u,
              0xf0794f05u, 0x3b83984bu),
    CRC_TABLE(0x01c26a37u, 0x0384d46eu, 0x0709a8dcu, 0x0e1351b8u, 0x1c26a370u, 0x384d46e0u,
              0x709a8dc0u, 0xe1351b80u),
    CRC_TABLE(0xb8bc6765u, 0xaa09c88bu, 0x8f629757u, 0xc5b428efu, 0x5019579fu, 0xa032af3eu,
              0x9b14583du, 0xed59b63bu),
    CRC_TABLE(0x3d6029b0u, 0x7ac05360u, 0xf580a6c0u, 0x30704bc1u, 0x60e09782u, 0xc1c12f04u,
              0x58f35849u, 0xb1e6b092u),
    CRC_TABLE(0xcb5cd3a5u, 0x4dc8a10bu, 0x9b914216u, 0xec53826du, 0x03d6029bu, 0x07ac0536u,
              0x0f580a6cu, 0x1eb014d8u),
    CRC_TABLE(0xa6770bb4u, 0x979f1129u, 0xf44f2413u, 0x33ef4e67u, 0x67de9cceu, 0xcfbd399cu,
              0x440b7579u, 0x8816eaf2u),
    CRC_TABLE(0xccaa009eu, 0x4225077du, 0x844a0efau, 0xd3e51bb5u, 0x7cbb312bu, 0xf9766256u,
              0x299dc2edu, 0x533b85dau),
};

static const uint32_t crc_castagnoli[CRC_SLICES][256] = {
    CRC_TABLE(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu, 0x20bd8edeu,
              0x417b1dbcu, 0x82f63b78u),
    CRC_TABLE(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u, 0x7f8be302u,
              0xff17c604u, 0xfbc3faf9u),
    CRC_TABLE(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au, 0xe144fb14u,
              0xc76580d9u, 0x8b277743u),
    CRC_TABLE(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du, 0xd725148bu,
              0xaba65fe7u, 0x52a0c93fu),
    CRC_TABLE(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u, 0x1ba8b557u,
              0x37516aaeu, 0x6ea2d55cu),
    CRC_TABLE(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu, 0x85f4168du,
              0x0e045bebu, 0x1c08b7d6u),
    CRC_TABLE(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u, 0x3d5b83bdu,
              0x7ab7077au, 0xf56e0ef4u),
    CRC_TABLE(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u, 0x0d006599u,
              0x1a00cb32u, 0x34019664u),
};

/* Little-endian; compiles to one load. */
static inline uint64_t crc_word(const uint8_t *at)
{
    return (uint64_t)at[7] << 56 | (uint64_t)at[6] << 48 | (uint64_t)at[5] << 40 |
           (uint64_t)at[4] << 32 | (uint64_t)at[3] << 24 | (uint64_t)at[2] << 16 |
           (uint64_t)at[1] << 8 | at[0];
}

/* Eight bytes at once need one look-up in each table, and none waits for another.
 * (Kounavis and Berry, "A systematic approach to building high performance software-based CRC
 * generators", 2005) */
static uint32_t crc_slice(const uint32_t table[CRC_SLICES][256], uint32_t crc,
                          struct muster_bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.len;

    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = crc_word(at) ^ crc;

        crc = table[7][word & 0xff] ^ table[6][word >> 8 & 0xff] ^ table[5][word >> 16 & 0xff] ^
              table[4][word >> 24 & 0xff] ^ table[3][word >> 32 & 0xff] ^
              table[2][word >> 40 & 0xff] ^ table[1][word >> 48 & 0xff] ^ table[0][word >> 56];
    }
    for (; left > 0; left--, at++)
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
    return crc;
}

uint32_t muster_crc32(uint32_t crc, struct muster_bytes bytes)
{
    return ~crc_slice(crc_ieee, ~crc, bytes);
}

/* Processors have an instruction for this one, but a second way that only some machines take would
 * be one that only some machines test, and rows are short. */
uint32_t muster_crc32c(uint32_t crc, struct muster_bytes bytes)
{
    return ~crc_slice(crc_castagnoli, ~crc, bytes);
}
