/* Bytes that somebody else owns: a pointer and a length, and the small things done with them.
 *
 * memory   borrowed; whoever hands them over says how long they live (in a core: until its next
 *          step)
 * threads  any
 */
#ifndef MUSTER_BASE_BYTES_H
#define MUSTER_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct muster_bytes {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

#define MUSTER_BYTES(pointer, length)                                                              \
    ((struct muster_bytes){ (const uint8_t *)(pointer), (length) })

/* The bytes of a NUL-terminated text, without the NUL. */
struct muster_bytes muster_bytes_text(const char *text);

bool muster_bytes_equal(struct muster_bytes a, struct muster_bytes b);
bool muster_bytes_are(struct muster_bytes b, const char *text);

/* memcmp order, a prefix before what it begins. */
int muster_bytes_compare(struct muster_bytes a, struct muster_bytes b);

bool muster_bytes_starts_with(struct muster_bytes whole, struct muster_bytes start);

/* Lower-case hex with a NUL into `out` (2 * len + 1 bytes). */
void muster_hex_write(char *out, struct muster_bytes bytes);

/* Reads exactly 2 * len hex digits. */
bool muster_hex_read(uint8_t *out, size_t len, const char *text);

#endif
