/* LZW: the compression memberlist peers speak, GIF's flavour without GIF's sub-blocks.
 *
 * Codes are packed least significant bit first, literals are 8 bits, 256 clears the table, 257
 * ends, and a code is 9 to 12 bits wide. The decoder hands its output out in pieces, so that a
 * stream of many megabytes needs no buffer of that size, and so that whoever reads decides how much
 * is enough.
 *
 * memory   both are held by value (40 and 56 KiB, so in an arena, never on a stack)
 * errors   a stranger's bytes give MUSTER_ECORRUPT or MUSTER_ESHORT, never more
 * threads  one user each
 * source   docs/protocol.md, "Compression"
 */
#ifndef MUSTER_GOSSIP_LZW_H
#define MUSTER_GOSSIP_LZW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define GOSSIP_LZW_CODES 4096
#define GOSSIP_LZW_SLOTS 8192 /* of the encoder's hash; at most half of them are ever taken */

/* Zero before its first use; each use takes away what the last one left, which for the small
 * messages of gossip is far less than the table. */
struct gossip_lzw_encoder {
    uint32_t slot[GOSSIP_LZW_SLOTS]; /* prefix code << 20 | byte << 12 | code; 0 is free */
    uint16_t used[GOSSIP_LZW_CODES]; /* slots that are not free */
    uint32_t used_count;
};

/* Compresses all of `plain` into `out`; `*len` becomes the size. MUSTER_EFULL when it does not fit,
 * which is how a caller asks for "only if smaller". */
MUSTER_MUST_USE int gossip_lzw_compress(struct gossip_lzw_encoder *e, struct muster_bytes plain,
                                        uint8_t *out, size_t size, size_t *len);

/* Zero before its first use. */
struct gossip_lzw_decoder {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t bits;
    uint32_t bit_count;
    uint32_t width;
    uint32_t next;     /* number the next string gets; GOSSIP_LZW_CODES when the table is full */
    uint32_t previous; /* last code, GOSSIP_LZW_CODES right after a clear */
    bool is_ended;     /* the end code was read */
    int err;
    /* A string is kept as pieces of eight bytes from its start: the last piece, which may be
     * shorter, and the string that is all before that. */
    uint64_t piece[GOSSIP_LZW_CODES]; /* its first byte is the lowest */
    uint16_t before[GOSSIP_LZW_CODES];
    uint16_t len[GOSSIP_LZW_CODES];
    uint8_t first[GOSSIP_LZW_CODES];
    uint8_t held[GOSSIP_LZW_CODES]; /* a string that did not fit into the caller's buffer */
    uint32_t held_at;
    uint32_t held_len;
};

void gossip_lzw_open(struct gossip_lzw_decoder *d, struct muster_bytes packed);

/* Fills `out` as far as the stream goes and returns the bytes written. Fewer than `size` means that
 * the stream is over: is_ended if it ended as it should, else err says why. */
size_t gossip_lzw_read(struct gossip_lzw_decoder *d, uint8_t *out, size_t size);

/* All at once, at most `size` bytes: MUSTER_ELIMIT when there would be more. */
MUSTER_MUST_USE int gossip_lzw_expand(struct gossip_lzw_decoder *d, struct muster_bytes packed,
                                      uint8_t *out, size_t size, size_t *len);

#endif
