/* Crypto: bytes sealed with a key so that nobody without it can read or change them (AES-GCM), and
 * what keys need besides: the pure rooms' door to GnuTLS. Arithmetic on the caller's bytes; only
 * muster_random asks the world.
 *
 * memory   a cipher holds what GnuTLS took for its key until it is closed; nothing for a message
 * errors   MUSTER_EINVAL for a key that is not 16, 24 or 32 bytes long; MUSTER_EDENIED for bytes
 *          that this key did not seal
 * threads  one user each
 * source   NIST SP 800-38D, FIPS 180-4, RFC 5869
 */
#ifndef MUSTER_BASE_CRYPTO_H
#define MUSTER_BASE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define MUSTER_AEAD_NONCE   12
#define MUSTER_AEAD_TAG     16
#define MUSTER_AEAD_KEY_MAX 32
#define MUSTER_SHA256       32

struct muster_aead {
    void *cipher; /* NULL: closed */
};

/* What goes with the sealed bytes: a nonce that this key never had before, and bytes that are not
 * hidden but must be the same when it is opened. */
struct muster_aead_frame {
    uint8_t nonce[MUSTER_AEAD_NONCE];
    struct muster_bytes open[2];
};

MUSTER_MUST_USE int muster_aead_open(struct muster_aead *a, struct muster_bytes key);
void muster_aead_close(struct muster_aead *a); /* a closed one is fine */

/* Both work in place on `len` bytes; the tag stands apart. After MUSTER_EDENIED the bytes are of no
 * use. */
void muster_aead_seal(const struct muster_aead *a, const struct muster_aead_frame *frame,
                      uint8_t *bytes, size_t len, uint8_t *tag);
MUSTER_MUST_USE int muster_aead_unseal(const struct muster_aead *a,
                                       const struct muster_aead_frame *frame, uint8_t *bytes,
                                       size_t len, const uint8_t *tag);

void muster_sha256(struct muster_bytes bytes, uint8_t out[MUSTER_SHA256]);

/* Another secret out of one, for the use that `info` names: nothing leads from either to the other
 * (HKDF, RFC 5869, with SHA-256). */
void muster_hkdf(struct muster_bytes secret, struct muster_bytes salt, struct muster_bytes info,
                 uint8_t *out, size_t len);

/* The same of bytes that come in parts; every one that is begun has to end. */
struct muster_sha256 {
    void *hash; /* NULL: not begun, or ended */
};
MUSTER_MUST_USE int muster_sha256_begin(struct muster_sha256 *s); /* MUSTER_EFULL: no memory */
void muster_sha256_add(struct muster_sha256 *s, struct muster_bytes bytes);
void muster_sha256_end(struct muster_sha256 *s, uint8_t out[MUSTER_SHA256]);

/* Overwrites what was secret; a compiler may not leave that out. */
void muster_wipe(void *secret, size_t len);

/* Bytes that nobody can guess, for keys; and such as never come twice. Not for cores: they have
 * their luck given. */
void muster_random(void *out, size_t len);
void muster_nonce(uint8_t out[MUSTER_AEAD_NONCE]);

#endif
