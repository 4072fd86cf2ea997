/* Keyring: the keys of a pool, the first of them for what we send, all of them for what we hear.
 *
 * A pool changes its key in three rounds: everybody installs the new one, everybody uses it,
 * everybody removes the old one. In between all of them understand each other.
 *
 * memory   held by value; a cipher for each key until gossip_keyring_close
 * errors   MUSTER_EINVAL for a key of a wrong length, MUSTER_EFULL at the brim, MUSTER_ENOTFOUND
 *          for one that is not there, MUSTER_EREFUSED for the removal of the first
 * threads  one user each
 * source   docs/protocol.md, "Encryption"
 */
#ifndef MUSTER_GOSSIP_KEYRING_H
#define MUSTER_GOSSIP_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"

#define GOSSIP_KEYS_MAX 16
#define GOSSIP_KEY_TEXT 45 /* of the longest in base64, with the NUL */

struct gossip_key {
    struct muster_aead cipher;
    uint8_t byte[MUSTER_AEAD_KEY_MAX];
    uint8_t len;
};

struct gossip_keyring {
    struct gossip_key key[GOSSIP_KEYS_MAX];
    uint32_t count; /* 0: nothing is encrypted */
};

void gossip_keyring_close(struct gossip_keyring *r);

/* At the end of the ring; there already is fine. The first one ever is the one in use. */
MUSTER_MUST_USE int gossip_keyring_install(struct gossip_keyring *r, struct muster_bytes key);
MUSTER_MUST_USE int gossip_keyring_use(struct gossip_keyring *r, struct muster_bytes key);
/* One that is not there is gone already, and fine. */
MUSTER_MUST_USE int gossip_keyring_remove(struct gossip_keyring *r, struct muster_bytes key);

/* A key in base64, as serf and people write it. */
const char *gossip_key_text(struct muster_bytes key, char out[GOSSIP_KEY_TEXT]);

struct muster_bytes gossip_keyring_at(const struct gossip_keyring *r, uint32_t index);

#endif
