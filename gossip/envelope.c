/* SPDX-License-Identifier: Apache-2.0 */
/* Labels and encryption, put around what goes out and taken off what comes in. */
#include "gossip/envelope.h"

#include <string.h>

#include "gossip/codec.h"

#define SEAL_VERSION_PADDED 0 /* read, never sent */
#define SEAL_VERSION        1
#define SEAL_BLOCK          16

void gossip_envelope_init(struct gossip_envelope *e, const struct gossip_config *c)
{
    size_t len = c->label == NULL ? 0 : strlen(c->label);

    *e = (struct gossip_envelope){ .keyring = c->keyring,
                                   .nonce = c->nonce,
                                   .nonce_context = c->nonce_context,
                                   .accept_plain = c->accept_plain,
                                   .send_plain = c->send_plain,
                                   .accept_unlabelled = c->accept_unlabelled };
    MUSTER_ASSERT(len <= GOSSIP_LABEL_MAX);
    if (len > 0)
        memcpy(e->label, c->label, len);
    e->label_len = (uint8_t)len;
}

static bool has_keys(const struct gossip_envelope *e)
{
    return e->keyring != NULL && e->keyring->count > 0;
}

static bool seals(const struct gossip_envelope *e)
{
    return has_keys(e) && !e->send_plain;
}

size_t gossip_envelope_cost(const struct gossip_envelope *e)
{
    size_t label = e->label_len > 0 ? (size_t)GOSSIP_LABEL_HEAD + e->label_len : 0;

    return label + (seals(e) ? GOSSIP_SEAL_COST : 0);
}

size_t gossip_envelope_head(const struct gossip_envelope *e)
{
    return gossip_envelope_cost(e) - (seals(e) ? GOSSIP_ENVELOPE_TAIL : 0);
}

static struct muster_bytes own_label(const struct gossip_envelope *e)
{
    return MUSTER_BYTES(e->label, e->label_len);
}

static struct muster_bytes bytes_after(struct muster_bytes bytes, size_t len)
{
    return MUSTER_BYTES(bytes.data + len, bytes.len - len);
}

/* ---- opening */

/* The padding of the older version: 1 to 16 bytes, each of which says how many. */
static int padding_cut(struct muster_bytes *plain)
{
    size_t pad = plain->len > 0 ? plain->data[plain->len - 1] : 0;

    if (pad == 0 || pad > SEAL_BLOCK || pad > plain->len)
        return MUSTER_ECORRUPT;
    for (size_t i = 0; i < pad; i++) {
        if (plain->data[plain->len - 1 - i] != pad)
            return MUSTER_ECORRUPT;
    }
    plain->len -= pad;
    return MUSTER_OK;
}

/* Version, nonce, ciphertext, tag; every key is tried. */
static int seal_open(const struct gossip_envelope *e, struct muster_bytes bytes,
                     struct muster_bytes head, uint8_t *room, struct muster_bytes *plain)
{
    struct muster_aead_frame frame = { .open = { head, own_label(e) } };
    const uint8_t *body = bytes.data + 1 + MUSTER_AEAD_NONCE;
    size_t len;

    if (bytes.len < GOSSIP_SEAL_COST || bytes.data[0] > SEAL_VERSION)
        return MUSTER_EDENIED;
    len = bytes.len - GOSSIP_SEAL_COST;
    if (bytes.data[0] == SEAL_VERSION_PADDED && (len == 0 || len % SEAL_BLOCK != 0))
        return MUSTER_EDENIED;
    memcpy(frame.nonce, bytes.data + 1, MUSTER_AEAD_NONCE);
    for (uint32_t i = 0; i < e->keyring->count; i++) {
        if (len > 0)
            memcpy(room, body, len);
        if (muster_aead_unseal(&e->keyring->key[i].cipher, &frame, room, len, body + len) !=
            MUSTER_OK)
            continue;
        *plain = MUSTER_BYTES(room, len);
        return bytes.data[0] == SEAL_VERSION_PADDED ? padding_cut(plain) : MUSTER_OK;
    }
    return MUSTER_EDENIED;
}

/* Takes the label off. One that we do not have is as foreign as one that is missing. */
static int label_open(const struct gossip_envelope *e, struct muster_bytes *bytes)
{
    size_t len;

    if (bytes->len == 0 || bytes->data[0] != GOSSIP_TYPE_LABEL)
        return e->label_len == 0 || e->accept_unlabelled ? MUSTER_OK : MUSTER_EFOREIGN;
    if (bytes->len < GOSSIP_LABEL_HEAD)
        return MUSTER_ESHORT;
    len = bytes->data[1];
    if (len == 0)
        return MUSTER_ECORRUPT;
    if (bytes->len - GOSSIP_LABEL_HEAD < len)
        return MUSTER_ESHORT;
    if (!muster_bytes_equal(MUSTER_BYTES(bytes->data + GOSSIP_LABEL_HEAD, len), own_label(e)))
        return MUSTER_EFOREIGN;
    *bytes = bytes_after(*bytes, GOSSIP_LABEL_HEAD + len);
    return MUSTER_OK;
}

int gossip_envelope_open_packet(const struct gossip_envelope *e, struct muster_bytes bytes,
                                uint8_t *room, struct muster_bytes *plain)
{
    int err = label_open(e, &bytes);

    if (err != MUSTER_OK)
        return err == MUSTER_ESHORT ? MUSTER_ECORRUPT : err;
    if (has_keys(e)) {
        err = seal_open(e, bytes, (struct muster_bytes){ 0 }, room, plain);
        if (err != MUSTER_EDENIED || !e->accept_plain)
            return err;
    }
    *plain = bytes;
    return MUSTER_OK;
}

static size_t length_read(const uint8_t *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

int gossip_envelope_open_stream(const struct gossip_envelope *e, struct muster_bytes bytes,
                                bool is_request, uint8_t *room, size_t size,
                                struct gossip_letter *letter)
{
    size_t len;
    int err = bytes.len == 0 ? MUSTER_ESHORT : is_request ? label_open(e, &bytes) : MUSTER_OK;

    if (err != MUSTER_OK || bytes.len == 0)
        return err == MUSTER_OK ? MUSTER_ESHORT : err;
    *letter = (struct gossip_letter){ .plain = bytes };
    if (bytes.data[0] != GOSSIP_TYPE_ENCRYPT)
        return has_keys(e) && !e->accept_plain ? MUSTER_EREFUSED : MUSTER_OK;
    if (!has_keys(e))
        return MUSTER_EUNSUPPORTED;
    if (bytes.len < GOSSIP_SEAL_STREAM)
        return MUSTER_ESHORT;
    len = length_read(bytes.data + 1);
    if (len > size)
        return MUSTER_ELIMIT;
    if (bytes.len - GOSSIP_SEAL_STREAM < len)
        return MUSTER_ESHORT;
    letter->is_sealed = true;
    return seal_open(e, MUSTER_BYTES(bytes.data + GOSSIP_SEAL_STREAM, len),
                     MUSTER_BYTES(bytes.data, GOSSIP_SEAL_STREAM), room, &letter->plain);
}

/* ---- closing */

/* Seals with the first key; returns where version and nonce begin. */
static uint8_t *seal_close(const struct gossip_envelope *e, uint8_t *body, size_t len,
                           struct muster_bytes head)
{
    struct muster_aead_frame frame = { .open = { head, own_label(e) } };
    uint8_t *start = body - MUSTER_AEAD_NONCE - 1;

    e->nonce(e->nonce_context, frame.nonce);
    start[0] = SEAL_VERSION;
    memcpy(start + 1, frame.nonce, MUSTER_AEAD_NONCE);
    muster_aead_seal(&e->keyring->key[0].cipher, &frame, body, len, body + len);
    return start;
}

static struct muster_bytes label_close(const struct gossip_envelope *e, uint8_t *start, size_t len)
{
    if (e->label_len == 0)
        return MUSTER_BYTES(start, len);
    start -= e->label_len;
    memcpy(start, e->label, e->label_len);
    *--start = e->label_len;
    *--start = GOSSIP_TYPE_LABEL;
    return MUSTER_BYTES(start, GOSSIP_LABEL_HEAD + e->label_len + len);
}

struct muster_bytes gossip_envelope_close_packet(const struct gossip_envelope *e, uint8_t *body,
                                                 size_t len)
{
    if (!seals(e))
        return label_close(e, body, len);
    return label_close(e, seal_close(e, body, len, (struct muster_bytes){ 0 }),
                       len + GOSSIP_SEAL_COST);
}

struct muster_bytes gossip_envelope_close_stream(const struct gossip_envelope *e, uint8_t *body,
                                                 size_t len, bool is_request)
{
    uint8_t *start = body;

    if (seals(e)) {
        size_t sealed = len + GOSSIP_SEAL_COST;

        start = body - MUSTER_AEAD_NONCE - 1 - GOSSIP_SEAL_STREAM;
        start[0] = GOSSIP_TYPE_ENCRYPT;
        for (unsigned i = 0; i < 4; i++)
            start[1 + i] = (uint8_t)(sealed >> (24 - 8 * i));
        (void)seal_close(e, body, len, MUSTER_BYTES(start, GOSSIP_SEAL_STREAM));
        len = sealed + GOSSIP_SEAL_STREAM;
    }
    return is_request ? label_close(e, start, len) : MUSTER_BYTES(start, len);
}
