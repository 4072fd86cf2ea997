/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered list of a pool's keys. */
#include "gossip/keyring.h"

#include <string.h>

const char *gossip_key_text(struct muster_bytes key, char out[GOSSIP_KEY_TEXT])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;

    MUSTER_ASSERT(key.len <= MUSTER_AEAD_KEY_MAX);
    for (size_t i = 0; i < key.len; i += 3) {
        size_t left = key.len - i;
        uint32_t value = (uint32_t)key.data[i] << 16 | (left > 1 ? key.data[i + 1] : 0u) << 8 |
                         (left > 2 ? key.data[i + 2] : 0u);

        out[at++] = digits[value >> 18];
        out[at++] = digits[value >> 12 & 63];
        out[at++] = left > 1 ? digits[value >> 6 & 63] : '=';
        out[at++] = left > 2 ? digits[value & 63] : '=';
    }
    out[at] = '\0';
    return out;
}

struct muster_bytes gossip_keyring_at(const struct gossip_keyring *r, uint32_t index)
{
    MUSTER_ASSERT(index < r->count);
    return MUSTER_BYTES(r->key[index].byte, r->key[index].len);
}

/* The place of a key, or `count`. */
static uint32_t key_find(const struct gossip_keyring *r, struct muster_bytes key)
{
    uint32_t i = 0;

    while (i < r->count && !muster_bytes_equal(gossip_keyring_at(r, i), key))
        i++;
    return i;
}

static void key_close(struct gossip_key *k)
{
    muster_aead_close(&k->cipher);
    muster_wipe(k->byte, sizeof k->byte);
}

void gossip_keyring_close(struct gossip_keyring *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        key_close(&r->key[i]);
    r->count = 0;
}

int gossip_keyring_install(struct gossip_keyring *r, struct muster_bytes key)
{
    struct gossip_key *k;
    int err;

    if (key_find(r, key) < r->count)
        return MUSTER_OK;
    if (r->count == GOSSIP_KEYS_MAX)
        return MUSTER_EFULL;
    k = &r->key[r->count];
    err = muster_aead_open(&k->cipher, key);
    if (err != MUSTER_OK)
        return err;
    memcpy(k->byte, key.data, key.len);
    k->len = (uint8_t)key.len;
    r->count++;
    return MUSTER_OK;
}

int gossip_keyring_use(struct gossip_keyring *r, struct muster_bytes key)
{
    uint32_t i = key_find(r, key);
    struct gossip_key first;

    if (i == r->count)
        return MUSTER_ENOTFOUND;
    first = r->key[i];
    memmove(&r->key[1], &r->key[0], i * sizeof r->key[0]);
    r->key[0] = first;
    return MUSTER_OK;
}

int gossip_keyring_remove(struct gossip_keyring *r, struct muster_bytes key)
{
    uint32_t i = key_find(r, key);

    if (i == r->count)
        return MUSTER_OK;
    if (i == 0)
        return MUSTER_EREFUSED;
    key_close(&r->key[i]);
    r->count--;
    memmove(&r->key[i], &r->key[i + 1], (r->count - i) * sizeof r->key[0]);
    return MUSTER_OK;
}
