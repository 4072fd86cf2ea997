/* Keys: the keys of a pool as people and files write them, and how they get from node to node.
 *
 * A key is 16, 24 or 32 bytes, written in base64 as serf writes it. Its mark is what stands for it
 * where others may look: the first eight bytes of its SHA-256 in hex; nothing leads back from it. A
 * keyring's file is what serf's is, a JSON list whose first key is the one in use; a single key
 * without brackets is read too.
 *
 * memory   held by value; who opened a ring closes it
 * errors   as gossip/keyring.h; MUSTER_EDENIED: sealed with a key that this ring does not have
 * threads  any, one user for each ring
 */
#ifndef MUSTER_AGENT_KEYS_H
#define MUSTER_AGENT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "gossip/keyring.h"

#define AGENT_KEY_MARK       17
#define AGENT_KEY_LINK       32
#define AGENT_KEYS_TEXT      4096 /* bytes of a keyring's file, at most */
#define AGENT_KEY_SEALED_MAX (MUSTER_AEAD_NONCE + MUSTER_AEAD_KEY_MAX + MUSTER_AEAD_TAG)

struct agent_key {
    uint8_t byte[MUSTER_AEAD_KEY_MAX];
    uint8_t len;
};

/* A key out of base64. False when it is none, or of a wrong length. */
bool agent_key_read(struct agent_key *key, const char *text);
const char *agent_key_mark(struct muster_bytes key, char out[AGENT_KEY_MARK]);

/* What both ends of a link prove that they have, derived from a key: a link tells nothing of the
 * key itself, and gossip nothing of links. */
void agent_key_link(struct muster_bytes key, uint8_t secret[AGENT_KEY_LINK]);

/* Adds the keys of a file. MUSTER_EINVAL when it says anything else; what was added stays. */
MUSTER_MUST_USE int agent_keys_read(struct gossip_keyring *ring, struct muster_bytes text);
void agent_keys_write(const struct gossip_keyring *ring, struct muster_text *out);

/* The key that this word means: a key itself, or the first four or more digits of a mark of one in
 * the ring. False when there is none, or more than one. */
bool agent_keys_find(const struct gossip_keyring *ring, const char *word, struct agent_key *key);

/* A key on its way to another node, sealed with the one in use. */
size_t agent_keys_seal(const struct gossip_keyring *ring, const uint8_t nonce[MUSTER_AEAD_NONCE],
                       const struct agent_key *key, uint8_t out[AGENT_KEY_SEALED_MAX]);
MUSTER_MUST_USE int agent_keys_unseal(const struct gossip_keyring *ring, struct muster_bytes sealed,
                                      struct agent_key *key);

#endif
