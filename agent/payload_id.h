/* Payload names: the SHA-256 of bytes as a value, as text, as the key of a row, and what that row
 * says.
 *
 * memory   held by value
 * errors   false for what is no such name, or no such row
 * threads  any
 * source   product reference, sections 1 and 2; FIPS 180-4
 */
#ifndef MUSTER_AGENT_PAYLOAD_ID_H
#define MUSTER_AGENT_PAYLOAD_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/crypto.h"
#include "store/row.h"

#define AGENT_PAYLOAD_HEX    65 /* 64 digits and the NUL */
#define AGENT_PAYLOAD_KEY    66 /* `$` before them: no name of a job begins so */
#define AGENT_PAYLOAD_TEXT   72 /* `sha256:` before them */
#define AGENT_PAYLOAD_PREFIX "sha256:"

struct agent_payload_id {
    uint8_t octet[MUSTER_SHA256];
};

bool agent_payload_id_equal(struct agent_payload_id a, struct agent_payload_id b);
uint64_t agent_payload_id_hash(struct agent_payload_id id);

/* 64 hexadecimal digits, with or without `sha256:` before them. */
bool agent_payload_id_parse(struct agent_payload_id *id, struct muster_bytes text);
const char *agent_payload_id_hex(struct agent_payload_id id, char out[AGENT_PAYLOAD_HEX]);
/* As it stands in a canonical specification. */
const char *agent_payload_id_text(struct agent_payload_id id, char out[AGENT_PAYLOAD_TEXT]);

bool agent_payload_is_row(struct muster_bytes key);
const char *agent_payload_key(struct agent_payload_id id, char out[AGENT_PAYLOAD_KEY]);
bool agent_payload_of_key(struct agent_payload_id *id, struct muster_bytes key);

/* The row of a payload says its size; when it was made and when a job last named it are times of
 * the row. `spec` has room for AGENT_PAYLOAD_SPEC bytes. */
#define AGENT_PAYLOAD_SPEC 16
struct muster_bytes agent_payload_spec(uint64_t size, uint8_t spec[AGENT_PAYLOAD_SPEC]);
bool agent_payload_size(uint64_t *size, struct muster_bytes spec);

/* The payload that a canonical specification names; false: none. Cheap where there is none. */
bool agent_payload_named(struct agent_payload_id *id, struct muster_bytes spec);

#endif
