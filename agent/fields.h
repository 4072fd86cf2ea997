/* Fields: a list of key=value texts in one buffer, the form of every message and record that passes
 * between an agent and its guards.
 *
 * Each field ends with the same byte: NUL on a socket, where values may hold anything else, and a
 * newline on disk, where people read along and control bytes become blanks. Unknown keys are
 * skipped by whoever reads, so that an older guard and a newer agent understand each other.
 *
 * memory   the buffer is the caller's; a reader cuts it up in place, and what it hands out points
 *          into it
 * errors   a writer remembers that something did not fit; a reader stops at the first oddity
 * threads  one user each
 */
#ifndef MUSTER_AGENT_FIELDS_H
#define MUSTER_AGENT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_FIELDS_MESSAGE '\0'
#define AGENT_FIELDS_RECORD  '\n'

struct agent_fields {
    char *data;
    size_t size;
    size_t len;
    char end;
    bool is_full; /* something did not fit: what stands in `data` must not be used */
};

void agent_fields_init(struct agent_fields *f, char *data, size_t size, char end);
void agent_fields_text(struct agent_fields *f, const char *key, const char *value); /* not NULL */
void agent_fields_u64(struct agent_fields *f, const char *key, uint64_t value);
void agent_fields_i64(struct agent_fields *f, const char *key, int64_t value);

struct agent_fields_reader {
    char *at;
    char *limit;
    char end;
};

void agent_fields_reader_init(struct agent_fields_reader *r, char *data, size_t len, char end);

/* The next field as two terminated texts; false at the end, and at a field without an end or '='.
 */
bool agent_fields_next(struct agent_fields_reader *r, const char **key, const char **value);

/* Decimal digits only, nothing before or after them; false leaves *out alone. */
bool agent_fields_parse_u64(const char *value, uint64_t *out);
bool agent_fields_parse_i64(const char *value, int64_t *out);

#endif
