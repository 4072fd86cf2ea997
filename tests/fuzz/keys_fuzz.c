/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a keyring: whatever it is, it is refused, or means a ring that can be written and
 * read again; and a sealed key that a peer sends opens to a key or to nothing. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct gossip_keyring *ring)
{
    struct gossip_keyring copy = { .count = 0 };
    struct muster_text text;
    int err;

    muster_text_open(&text, AGENT_KEYS_TEXT);
    agent_keys_write(ring, &text);
    err = agent_keys_read(&copy, muster_text_bytes(&text));
    MUSTER_ASSERT(err == MUSTER_OK);
    MUSTER_ASSERT(copy.count == ring->count);
    for (uint32_t i = 0; i < copy.count; i++)
        MUSTER_ASSERT(muster_bytes_equal(gossip_keyring_at(&copy, i), gossip_keyring_at(ring, i)));
    muster_text_close(&text);
    gossip_keyring_close(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gossip_keyring ring = { .count = 0 };
    struct agent_key key;
    char word[64];
    size_t len = size < sizeof word - 1 ? size : sizeof word - 1;

    if (agent_keys_read(&ring, MUSTER_BYTES(data, size)) == MUSTER_OK && ring.count > 0)
        again(&ring);
    if (len > 0)
        memcpy(word, data, len);
    word[len] = '\0';
    if (agent_keys_find(&ring, word, &key))
        MUSTER_ASSERT(key.len == 16 || key.len == 24 || key.len == MUSTER_AEAD_KEY_MAX);
    MUSTER_ASSERT(agent_keys_unseal(&ring, MUSTER_BYTES(data, size), &key) != MUSTER_OK);
    gossip_keyring_close(&ring);
    return 0;
}
