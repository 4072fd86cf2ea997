/* Reply: the API's JSON read with forgiving getters; the command line's only door to jansson.
 *
 * An agent may be newer than this program: fields that are not understood are passed over, and one
 * that is missing or of another type is answered with the default the caller names. Values are
 * handles into the reply; the one without a place (`at` NULL) answers every question with the
 * default.
 *
 * memory   cli_reply_open allocates; every text and value lives until cli_reply_close
 * errors   MUSTER_EINVAL for what is not JSON
 * threads  one
 */
#ifndef MUSTER_CLI_REPLY_H
#define MUSTER_CLI_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

struct cli_reply;

struct cli_value {
    void *at;
};

MUSTER_MUST_USE int cli_reply_open(struct cli_reply **reply, struct muster_bytes json);
void cli_reply_close(struct cli_reply *reply);
struct cli_value cli_reply_root(const struct cli_reply *reply);

struct cli_value cli_value_field(struct cli_value v, const char *key);
bool cli_value_is_set(struct cli_value v); /* there and not null */

/* Fields of an object. */
const char *cli_text(struct cli_value v, const char *key, const char *absent);
long long cli_number(struct cli_value v, const char *key, long long absent);
bool cli_truth(struct cli_value v, const char *key, bool absent);

/* Items of a list; 0 for anything else. */
size_t cli_value_count(struct cli_value v);
struct cli_value cli_value_item(struct cli_value v, size_t i);
const char *cli_value_text(struct cli_value v, const char *absent);

/* Appends an object's pairs as "a=1 b=2", or any other value in one line as a person would write
 * it. */
void cli_value_print(struct cli_value v, struct muster_text *out);

/* Appends it as JSON. */
void cli_value_json(struct cli_value v, struct muster_text *out);

/* The object's keys in order, for walking: NULL after the last. */
const char *cli_value_key(struct cli_value v, size_t i);

#endif
