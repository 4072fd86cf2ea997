/* Wire: bounded msgpack, read and written without allocation.
 *
 * A reader and a writer keep their first error and ignore what follows, so a decoder is a list of
 * fields with one question at the end. Lengths and counts are checked against the bytes that are
 * left before anything is believed; nesting is bounded.
 *
 * memory   the reader borrows its input and what it returns points into it; the writer borrows a
 *          buffer of fixed size
 * errors   MUSTER_ESHORT input ended or a length or count goes beyond it, MUSTER_ETYPE,
 *          MUSTER_ERANGE, MUSTER_ELIMIT, MUSTER_EFULL (writer's buffer), MUSTER_ECORRUPT (trailing
 *          bytes at muster_reader_end)
 * threads  one user each
 * source   msgpack specification; the old raw family as memberlist peers speak it
 */
#ifndef MUSTER_BASE_WIRE_H
#define MUSTER_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"

#define MUSTER_WIRE_DEPTH_MAX 8

struct muster_reader {
    const uint8_t *at;
    const uint8_t *end;
    int err;
};

enum muster_wire_type {
    MUSTER_WIRE_END, /* nothing left, or an error before */
    MUSTER_WIRE_NIL,
    MUSTER_WIRE_BOOL,
    MUSTER_WIRE_INT,
    MUSTER_WIRE_FLOAT,
    MUSTER_WIRE_BYTES, /* raw, str and bin alike */
    MUSTER_WIRE_ARRAY,
    MUSTER_WIRE_MAP,
    MUSTER_WIRE_EXT
};

struct muster_reader muster_reader_over(struct muster_bytes input);
enum muster_wire_type muster_read_peek(const struct muster_reader *r);
void muster_reader_fail(struct muster_reader *r, int err); /* keeps an earlier error */
bool muster_reader_ok(const struct muster_reader *r);
size_t muster_reader_left(const struct muster_reader *r); /* bytes */
int muster_reader_end(struct muster_reader *r);           /* first error; trailing bytes are one */

uint64_t muster_read_u64(struct muster_reader *r);
uint32_t muster_read_u32(struct muster_reader *r);
uint16_t muster_read_u16(struct muster_reader *r);
uint8_t muster_read_u8(struct muster_reader *r);
int64_t muster_read_i64(struct muster_reader *r);
bool muster_read_bool(struct muster_reader *r);
void muster_read_nil(struct muster_reader *r);
bool muster_read_is_nil(struct muster_reader *r); /* consumes it if it is */
/* raw, str or bin of at most `max` bytes; empty after an error */
struct muster_bytes muster_read_bytes(struct muster_reader *r, size_t max);
struct muster_id muster_read_id(struct muster_reader *r); /* exactly MUSTER_ID_LEN, or zero */
/* Copies text with a NUL into a buffer of `size`; a NUL inside is MUSTER_EINVAL. */
void muster_read_text(struct muster_reader *r, char *out, size_t size);
/* Number of elements, at most `max`; an array of exactly `n` for muster_read_array_of, where fewer
 * are MUSTER_ETYPE and more are MUSTER_ELIMIT. */
uint32_t muster_read_array(struct muster_reader *r, uint32_t max);
void muster_read_array_of(struct muster_reader *r, uint32_t n);
uint32_t muster_read_map(struct muster_reader *r, uint32_t max);
void muster_read_skip(struct muster_reader *r); /* one value of any type, bounded depth */
/* The raw encoded bytes of the next value, skipped. */
struct muster_bytes muster_read_raw_value(struct muster_reader *r);
/* `n` bytes as they stand, no msgpack around them. */
struct muster_bytes muster_read_plain(struct muster_reader *r, size_t n);

struct muster_writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    int err;
};

struct muster_writer muster_writer_over(void *buffer, size_t size);
int muster_writer_err(const struct muster_writer *w);
struct muster_bytes muster_writer_bytes(
    const struct muster_writer *w); /* what was written so far */
size_t muster_writer_room(const struct muster_writer *w);

void muster_write_u64(struct muster_writer *w, uint64_t value); /* shortest unsigned form */
void muster_write_i64(struct muster_writer *w, int64_t value);  /* shortest form */
void muster_write_bool(struct muster_writer *w, bool value);
void muster_write_nil(struct muster_writer *w);
void muster_write_bytes(struct muster_writer *w, struct muster_bytes value); /* bin family */
void muster_write_text(struct muster_writer *w, const char *value);          /* str family */
void muster_write_str(struct muster_writer *w, struct muster_bytes value);   /* str family */
void muster_write_raw(struct muster_writer *w,
                      struct muster_bytes value); /* old raw family: fixraw, raw16, raw32 only */
void muster_write_id(struct muster_writer *w, struct muster_id id);
void muster_write_array(struct muster_writer *w, uint32_t n);
void muster_write_map(struct muster_writer *w, uint32_t n);
void muster_write_plain(struct muster_writer *w, struct muster_bytes value); /* as it stands */

/* Reserves a 5-byte array32 header whose count is filled in later by muster_write_array_close. */
uint8_t *muster_write_array_open(struct muster_writer *w);
void muster_write_array_close(struct muster_writer *w, uint8_t *mark, uint32_t n);

#endif
