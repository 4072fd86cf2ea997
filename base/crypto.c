/* SPDX-License-Identifier: Apache-2.0 */
/* AES-GCM, SHA-256 and luck that nobody can guess, by GnuTLS. */
#include "base/crypto.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

int muster_aead_open(struct muster_aead *a, struct muster_bytes key)
{
    gnutls_aead_cipher_hd_t cipher;
    gnutls_datum_t datum = { (unsigned char *)(uintptr_t)key.data, (unsigned)key.len };
    gnutls_cipher_algorithm_t algorithm = key.len == 16   ? GNUTLS_CIPHER_AES_128_GCM
                                          : key.len == 24 ? GNUTLS_CIPHER_AES_192_GCM
                                                          : GNUTLS_CIPHER_AES_256_GCM;

    a->cipher = NULL;
    if (key.len != 16 && key.len != 24 && key.len != MUSTER_AEAD_KEY_MAX)
        return MUSTER_EINVAL;
    if (gnutls_aead_cipher_init(&cipher, algorithm, &datum) != GNUTLS_E_SUCCESS)
        return MUSTER_EFULL;
    a->cipher = cipher;
    return MUSTER_OK;
}

void muster_aead_close(struct muster_aead *a)
{
    if (a->cipher != NULL)
        gnutls_aead_cipher_deinit(a->cipher);
    a->cipher = NULL;
}

/* What is not hidden, as GnuTLS wants it; how many there are. */
static int open_parts(const struct muster_aead_frame *frame, giovec_t *part)
{
    int count = 0;

    for (unsigned i = 0; i < 2; i++) {
        if (frame->open[i].len == 0)
            continue;
        part[count].iov_base = (void *)(uintptr_t)frame->open[i].data;
        part[count++].iov_len = frame->open[i].len;
    }
    return count;
}

void muster_aead_seal(const struct muster_aead *a, const struct muster_aead_frame *frame,
                      uint8_t *bytes, size_t len, uint8_t *tag)
{
    giovec_t part[2], body = { bytes, len };
    int parts = open_parts(frame, part);
    size_t tag_len = MUSTER_AEAD_TAG;
    int err = gnutls_aead_cipher_encryptv2(a->cipher, frame->nonce, MUSTER_AEAD_NONCE, part, parts,
                                           &body, 1, tag, &tag_len);

    MUSTER_ASSERT(err == GNUTLS_E_SUCCESS);
    MUSTER_ASSERT(tag_len == MUSTER_AEAD_TAG);
}

int muster_aead_unseal(const struct muster_aead *a, const struct muster_aead_frame *frame,
                       uint8_t *bytes, size_t len, const uint8_t *tag)
{
    giovec_t part[2], body = { bytes, len };
    int parts = open_parts(frame, part);
    int err = gnutls_aead_cipher_decryptv2(a->cipher, frame->nonce, MUSTER_AEAD_NONCE, part, parts,
                                           &body, 1, (void *)(uintptr_t)tag, MUSTER_AEAD_TAG);

    return err == GNUTLS_E_SUCCESS ? MUSTER_OK : MUSTER_EDENIED;
}

void muster_sha256(struct muster_bytes bytes, uint8_t out[MUSTER_SHA256])
{
    int err = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.data, bytes.len, out);

    MUSTER_ASSERT(err == GNUTLS_E_SUCCESS);
}

static gnutls_datum_t datum_of(struct muster_bytes bytes)
{
    return (gnutls_datum_t){ (unsigned char *)(uintptr_t)bytes.data, (unsigned)bytes.len };
}

void muster_hkdf(struct muster_bytes secret, struct muster_bytes salt, struct muster_bytes info,
                 uint8_t *out, size_t len)
{
    uint8_t middle[MUSTER_SHA256];
    gnutls_datum_t from = datum_of(secret), with = datum_of(salt), use = datum_of(info);
    gnutls_datum_t key = { middle, sizeof middle };
    int err = gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &from, &with, middle);

    MUSTER_ASSERT(err == GNUTLS_E_SUCCESS);
    err = gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &key, &use, out, len);
    MUSTER_ASSERT(err == GNUTLS_E_SUCCESS);
    muster_wipe(middle, sizeof middle);
}

int muster_sha256_begin(struct muster_sha256 *s)
{
    gnutls_hash_hd_t hash;

    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != GNUTLS_E_SUCCESS)
        return MUSTER_EFULL;
    s->hash = hash;
    return MUSTER_OK;
}

void muster_sha256_add(struct muster_sha256 *s, struct muster_bytes bytes)
{
    MUSTER_ASSERT(s->hash != NULL);
    int err = gnutls_hash(s->hash, bytes.data, bytes.len);

    MUSTER_ASSERT(err == GNUTLS_E_SUCCESS);
}

void muster_sha256_end(struct muster_sha256 *s, uint8_t out[MUSTER_SHA256])
{
    MUSTER_ASSERT(s->hash != NULL);
    gnutls_hash_deinit(s->hash, out);
    s->hash = NULL;
}

void muster_wipe(void *secret, size_t len)
{
    gnutls_memset(secret, 0, len);
}

void muster_random(void *out, size_t len)
{
    int err = gnutls_rnd(GNUTLS_RND_KEY, out, len);

    MUSTER_ASSERT(err == GNUTLS_E_SUCCESS);
}

void muster_nonce(uint8_t out[MUSTER_AEAD_NONCE])
{
    int err = gnutls_rnd(GNUTLS_RND_NONCE, out, MUSTER_AEAD_NONCE);

    MUSTER_ASSERT(err == GNUTLS_E_SUCCESS);
}
