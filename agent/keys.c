/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in base64, keyrings as files, and keys on their way to other nodes. */
#include "agent/keys.h"

#include <string.h>

#include "agent/json.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- one key */

static bool is_length(size_t len)
{
    return len == 16 || len == 24 || len == MUSTER_AEAD_KEY_MAX;
}

bool agent_key_read(struct agent_key *key, const char *text)
{
    size_t len = strspn(text, digits), bits = 0, bytes = len * 6 / 8;
    uint32_t value = 0;
    const char *end = text + len;
    if (strcmp(end, len % 4 == 0 ? "" : len % 4 == 3 ? "=" : "==") != 0 || !is_length(bytes))
        return false;
    key->len = 0;
    for (; text < end; text++) {
        value = value << 6 | (uint32_t)(strchr(digits, *text) - digits);
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        key->byte[key->len++] = (uint8_t)(value >> bits);
        value &= (1u << bits) - 1;
    }
    return value == 0; /* bits that are no part of a byte say nothing */
}

const char *agent_key_mark(struct muster_bytes key, char out[AGENT_KEY_MARK])
{
    uint8_t hash[MUSTER_SHA256];
    muster_sha256(key, hash);
    muster_hex_write(out, MUSTER_BYTES(hash, (AGENT_KEY_MARK - 1) / 2));
    return out;
}

void agent_key_link(struct muster_bytes key, uint8_t secret[AGENT_KEY_LINK])
{
    muster_hkdf(key, muster_bytes_text("muster"), muster_bytes_text("link 1"), secret,
                AGENT_KEY_LINK);
}

/* ---- a ring as text */

static int key_add(struct gossip_keyring *ring, const char *text)
{
    struct agent_key key;
    if (!agent_key_read(&key, text))
        return MUSTER_EINVAL;
    int err = gossip_keyring_install(ring, MUSTER_BYTES(key.byte, key.len));
    muster_wipe(&key, sizeof key);
    return err;
}

static int list_read(struct gossip_keyring *ring, struct muster_bytes text)
{
    struct agent_problem problem;
    struct agent_doc doc;
    agent_doc_open(&doc);
    int err = agent_json_read(&doc, text, &problem);
    if (err == MUSTER_OK && (doc.first == NULL || doc.first->kind != AGENT_DOC_LIST))
        err = MUSTER_EINVAL;
    for (const struct agent_doc_node *item = err == MUSTER_OK ? doc.first->first : NULL;
         item != NULL && err == MUSTER_OK; item = item->next)
        err = item->kind == AGENT_DOC_SCALAR ? key_add(ring, item->text) : MUSTER_EINVAL;
    agent_doc_close(&doc);
    return err;
}

int agent_keys_read(struct gossip_keyring *ring, struct muster_bytes text)
{
    static const char blank[] = " \t\r\n";
    char word[GOSSIP_KEY_TEXT];
    while (text.len > 0 && strchr(blank, text.data[0]) != NULL && text.data[0] != '\0') {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && strchr(blank, text.data[text.len - 1]) != NULL)
        text.len--;
    if (text.len > 0 && text.data[0] == '[')
        return list_read(ring, text);
    if (text.len == 0 || text.len >= sizeof word)
        return MUSTER_EINVAL;
    memcpy(word, text.data, text.len);
    word[text.len] = '\0';
    return key_add(ring, word);
}

void agent_keys_write(const struct gossip_keyring *ring, struct muster_text *out)
{
    char text[GOSSIP_KEY_TEXT];
    muster_text_add(out, "[");
    for (uint32_t i = 0; i < ring->count; i++)
        muster_text_add(out, "%s\n  \"%s\"", i > 0 ? "," : "",
                        gossip_key_text(gossip_keyring_at(ring, i), text));
    muster_text_add(out, "\n]\n");
    muster_wipe(text, sizeof text);
}

/* ---- what a word means */

bool agent_keys_find(const struct gossip_keyring *ring, const char *word, struct agent_key *key)
{
    char mark[AGENT_KEY_MARK];
    uint32_t found = 0;
    if (agent_key_read(key, word))
        return true;
    for (uint32_t i = 0; i < ring->count && strlen(word) >= 4; i++) {
        struct muster_bytes bytes = gossip_keyring_at(ring, i);
        if (strncmp(agent_key_mark(bytes, mark), word, strlen(word)) != 0)
            continue;
        memcpy(key->byte, bytes.data, bytes.len);
        key->len = (uint8_t)bytes.len;
        found++;
    }
    return found == 1;
}

/* ---- on the way */

static struct muster_aead_frame frame_of(const uint8_t *nonce)
{
    struct muster_aead_frame frame = { .open = { muster_bytes_text("muster key") } };
    memcpy(frame.nonce, nonce, sizeof frame.nonce);
    return frame;
}

size_t agent_keys_seal(const struct gossip_keyring *ring, const uint8_t nonce[MUSTER_AEAD_NONCE],
                       const struct agent_key *key, uint8_t out[AGENT_KEY_SEALED_MAX])
{
    struct muster_aead_frame frame = frame_of(nonce);
    uint8_t *body = out + MUSTER_AEAD_NONCE;
    MUSTER_ASSERT(ring->count > 0);
    memcpy(out, nonce, MUSTER_AEAD_NONCE);
    memcpy(body, key->byte, key->len);
    muster_aead_seal(&ring->key[0].cipher, &frame, body, key->len, body + key->len);
    return (size_t)MUSTER_AEAD_NONCE + key->len + MUSTER_AEAD_TAG;
}

int agent_keys_unseal(const struct gossip_keyring *ring, struct muster_bytes sealed,
                      struct agent_key *key)
{
    size_t cost = MUSTER_AEAD_NONCE + MUSTER_AEAD_TAG;
    if (sealed.len < cost || !is_length(sealed.len - cost))
        return MUSTER_EINVAL;
    struct muster_aead_frame frame = frame_of(sealed.data);
    size_t len = sealed.len - cost;
    for (uint32_t i = 0; i < ring->count; i++) {
        memcpy(key->byte, sealed.data + MUSTER_AEAD_NONCE, len);
        key->len = (uint8_t)len;
        if (muster_aead_unseal(&ring->key[i].cipher, &frame, key->byte, len,
                               sealed.data + MUSTER_AEAD_NONCE + len) == MUSTER_OK)
            return MUSTER_OK;
    }
    return MUSTER_EDENIED;
}
