/* JSON: the door to jansson for what comes in, and a small writer for what goes out.
 *
 * Reading: one value, no trailing text, no key twice, integers exact to 63 bits, text in UTF-8
 * without NUL. Values carry no place (the parser forgets it), only errors of notation do.
 *
 * Writing: a caller opens and closes objects and arrays in order; commas, quotes and escapes are
 * done here. Bytes that are not UTF-8 come out as U+FFFD, so that what is written is always JSON.
 * Unset is null, never missing.
 *
 * units    text in UTF-8; times in milliseconds since 1970
 * memory   the tree is in `doc`, which the caller opened and closes, also after an error; the
 *          writer borrows a muster_text, which keeps the first error
 * threads  one user each
 */
#ifndef MUSTER_AGENT_JSON_H
#define MUSTER_AGENT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/doc.h"
#include "agent/problem.h"
#include "base/text.h"

#define AGENT_JSON_DEPTH_MAX 16 /* of the writer */

MUSTER_MUST_USE int agent_json_read(struct agent_doc *doc, struct muster_bytes text,
                                    struct agent_problem *problem);

struct agent_json {
    struct muster_text *out;
    uint32_t depth;
    uint32_t has_items; /* one bit for each open level */
    bool is_after_key;
};

void agent_json_open(struct agent_json *j, struct muster_text *out);
bool agent_json_is_closed(const struct agent_json *j); /* every object and array was closed */

void agent_json_object(struct agent_json *j);
void agent_json_object_end(struct agent_json *j);
void agent_json_array(struct agent_json *j);
void agent_json_array_end(struct agent_json *j);
void agent_json_key(struct agent_json *j, const char *key);
void agent_json_key_bytes(struct agent_json *j, struct muster_bytes key);

void agent_json_text(struct agent_json *j, const char *value); /* NULL: null */
void agent_json_u64(struct agent_json *j, uint64_t value);
void agent_json_i64(struct agent_json *j, int64_t value);
void agent_json_bool(struct agent_json *j, bool value);
void agent_json_null(struct agent_json *j);
void agent_json_raw(struct agent_json *j, struct muster_bytes json); /* JSON as it stands */

bool agent_json_is_utf8(struct muster_bytes text); /* what a reader will see as it was */

/* The same with a key, for the many objects that are a list of fields. */
void agent_json_put_text(struct agent_json *j, const char *key, const char *value);
void agent_json_put_bytes(struct agent_json *j, const char *key, struct muster_bytes value);
void agent_json_put_u64(struct agent_json *j, const char *key, uint64_t value);
void agent_json_put_i64(struct agent_json *j, const char *key, int64_t value);
void agent_json_put_bool(struct agent_json *j, const char *key, bool value);
void agent_json_put_null(struct agent_json *j, const char *key);
/* decimal in quotes: 64 bits */
void agent_json_put_token(struct agent_json *j, const char *key, uint64_t value);
/* RFC 3339; 0: null */
void agent_json_put_time(struct agent_json *j, const char *key, uint64_t wall_ms);
void agent_json_put_raw(struct agent_json *j, const char *key, struct muster_bytes json);

#endif
