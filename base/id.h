/* Node id: 128 random bits made once with the data directory; a new directory is a new node.
 * (docs/protocol.md; R2 and R3 say why a frame names both ends by it.)
 *
 * threads  any
 */
#ifndef MUSTER_BASE_ID_H
#define MUSTER_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define MUSTER_ID_LEN  16
#define MUSTER_ID_TEXT 33 /* 32 hex digits and a NUL */

struct muster_id {
    uint8_t octet[MUSTER_ID_LEN];
};

bool muster_id_equal(struct muster_id a, struct muster_id b);
int muster_id_compare(struct muster_id a, struct muster_id b);
bool muster_id_is_zero(struct muster_id id);

/* Writes MUSTER_ID_TEXT bytes; returns `out`. */
char *muster_id_text(struct muster_id id, char *out);
bool muster_id_parse(struct muster_id *id, const char *text);

#endif
