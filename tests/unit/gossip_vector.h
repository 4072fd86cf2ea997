/* Vectors: captured packets and streams of real peers, read from their JSON files, and messages
 * compared with what the files say of them.
 *
 * units    none
 * memory   the caller closes what it opened; bytes of hex fields live until then
 * errors   a missing or broken file fails the test
 * threads  one
 */
#ifndef MUSTER_TESTS_GOSSIP_VECTOR_H
#define MUSTER_TESTS_GOSSIP_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/bytes.h"
#include "gossip/codec.h"

#define VECTOR_BYTES_MAX (256u << 10)

struct vectors {
    json_t *root;
    json_t *list;
};

void vectors_open(struct vectors *v, const char *file);
void vectors_close(struct vectors *v);

const char *vector_text(const json_t *vector, const char *key);
/* True if the vector needs a key, or carries a label: no part of this build. */
bool vector_is_sealed(const json_t *vector);

/* The bytes of a hex string, in exactly as much memory; the caller frees `data`. */
struct muster_bytes vector_bytes(const char *hex);

/* Fails the test unless the decoded message says what the file's "fields" say. */
void vector_check_message(const struct gossip_message *m, const json_t *fields);
void vector_check_entry(const struct gossip_entry *e, const json_t *fields);

#endif
