/* Text: printf into a growing buffer with a maximum, and lines that people read.
 *
 * memory   muster_text_open takes heap memory that grows up to `max`; muster_text_close gives it
 *          back. For shells and replies, never on the path of a packet.
 * errors   kept inside: the first one (MUSTER_ELIMIT or MUSTER_EFULL); what follows is ignored
 * threads  one user each
 */
#ifndef MUSTER_BASE_TEXT_H
#define MUSTER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

struct muster_text {
    char *data; /* always NUL-terminated once something was written */
    size_t len;
    size_t size;
    size_t max;
    int err;
};

void muster_text_open(struct muster_text *t, size_t max);
void muster_text_close(struct muster_text *t);
void muster_text_clear(struct muster_text *t); /* keeps the memory */
void muster_text_add(struct muster_text *t, const char *format, ...) MUSTER_PRINTF(2, 3);
void muster_text_add_bytes(struct muster_text *t, struct muster_bytes bytes);
struct muster_bytes muster_text_bytes(const struct muster_text *t);

/* snprintf that asserts nothing: always terminates, true if it all fitted. */
bool muster_format(char *out, size_t size, const char *format, ...) MUSTER_PRINTF(3, 4);

#endif
