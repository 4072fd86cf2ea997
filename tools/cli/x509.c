/* SPDX-License-Identifier: Apache-2.0 */
/* Making certificates, by GnuTLS. */
#include "tools/cli/x509.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"

#define DAY_S  86400u
#define HOUR_S 3600u

/* What is being made, and the first thing that went wrong. */
struct x509_work {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
    int err;
};

static void did(struct x509_work *w, int err)
{
    if (w->err >= 0 && err < 0)
        w->err = err;
}

static int fault(const char *what, int err, char *why, size_t size)
{
    (void)muster_format(why, size, "%s: %s", what, gnutls_strerror(err));
    return MUSTER_EINVAL;
}

static char *copy_of(gnutls_datum_t text)
{
    char *copy = calloc(1, text.size + 1);
    MUSTER_ASSERT(copy != NULL);
    memcpy(copy, text.data, text.size);
    gnutls_memset(text.data, 0, text.size);
    gnutls_free(text.data);
    return copy;
}

/* ---- parts of a certificate */

static void work_open(struct x509_work *w, const char *name, uint64_t now_s, uint64_t ends_s)
{
    uint8_t serial[16], id[64];
    size_t id_len = sizeof id;
    *w = (struct x509_work){ .err = 0 };
    did(w, gnutls_x509_crt_init(&w->crt));
    did(w, gnutls_x509_privkey_init(&w->key));
    if (w->err < 0)
        return;
    did(w, gnutls_x509_privkey_generate(w->key, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    muster_random(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and of full length */
    did(w, gnutls_x509_crt_set_version(w->crt, 3));
    did(w, gnutls_x509_crt_set_serial(w->crt, serial, sizeof serial));
    did(w, gnutls_x509_crt_set_activation_time(w->crt, (time_t)(now_s - HOUR_S)));
    did(w, gnutls_x509_crt_set_expiration_time(w->crt, (time_t)ends_s));
    did(w, gnutls_x509_crt_set_key(w->crt, w->key));
    did(w, gnutls_x509_crt_set_dn_by_oid(w->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                         (unsigned)(strlen(name) < 64 ? strlen(name) : 64)));
    if (gnutls_x509_crt_get_key_id(w->crt, 0, id, &id_len) == 0)
        did(w, gnutls_x509_crt_set_subject_key_id(w->crt, id, id_len));
}

static void names_set(struct x509_work *w, const struct cli_x509_node *node)
{
    did(w, gnutls_x509_crt_set_subject_alt_name(w->crt, GNUTLS_SAN_DNSNAME, node->name,
                                                (unsigned)strlen(node->name), GNUTLS_FSAN_SET));
    for (size_t i = 0; i < node->address_count; i++)
        did(w, gnutls_x509_crt_set_subject_alt_name(w->crt, GNUTLS_SAN_IPADDRESS,
                                                    node->address[i].octet, node->address[i].len,
                                                    GNUTLS_FSAN_APPEND));
}

static void purposes_set(struct x509_work *w)
{
    did(w, gnutls_x509_crt_set_basic_constraints(w->crt, 0, -1));
    did(w, gnutls_x509_crt_set_key_usage(w->crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
    did(w, gnutls_x509_crt_set_key_purpose_oid(w->crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
    did(w, gnutls_x509_crt_set_key_purpose_oid(w->crt, GNUTLS_KP_TLS_WWW_CLIENT, 0));
}

static int work_close(struct x509_work *w, struct cli_x509_made *made, char *why, size_t size)
{
    gnutls_datum_t cert = { NULL, 0 }, key = { NULL, 0 };
    if (w->err >= 0)
        did(w, gnutls_x509_crt_export2(w->crt, GNUTLS_X509_FMT_PEM, &cert));
    if (w->err >= 0)
        did(w, gnutls_x509_privkey_export2_pkcs8(w->key, GNUTLS_X509_FMT_PEM, NULL,
                                                 GNUTLS_PKCS_PLAIN, &key));
    if (cert.data != NULL)
        made->cert = copy_of(cert);
    if (key.data != NULL)
        made->key = copy_of(key);
    if (w->crt != NULL)
        gnutls_x509_crt_deinit(w->crt);
    if (w->key != NULL)
        gnutls_x509_privkey_deinit(w->key);
    if (w->err >= 0)
        return MUSTER_OK;
    cli_x509_close(made);
    return fault("the certificate cannot be made", w->err, why, size);
}

/* ---- a CA, a node */

int cli_x509_ca(struct cli_x509_made *made, uint64_t now_s, uint32_t days, char *why, size_t size)
{
    struct x509_work w;
    *made = (struct cli_x509_made){ .ends_s = now_s + (uint64_t)days * DAY_S };
    work_open(&w, "muster CA", now_s, made->ends_s);
    if (w.err >= 0) {
        did(&w, gnutls_x509_crt_set_basic_constraints(w.crt, 1, 0));
        did(&w,
            gnutls_x509_crt_set_key_usage(w.crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
        did(&w, gnutls_x509_crt_sign2(w.crt, w.crt, w.key, GNUTLS_DIG_SHA256, 0));
    }
    return work_close(&w, made, why, size);
}

/* The CA and its key, if they belong together. */
static int ca_read(gnutls_x509_crt_t ca, gnutls_x509_privkey_t key, const char *ca_text,
                   const char *key_text, char *why, size_t size)
{
    gnutls_datum_t pem = { (unsigned char *)(uintptr_t)ca_text, (unsigned)strlen(ca_text) };
    uint8_t of_ca[64], of_key[64];
    size_t ca_len = sizeof of_ca, key_len = sizeof of_key;
    int err = gnutls_x509_crt_import(ca, &pem, GNUTLS_X509_FMT_PEM);
    if (err < 0)
        return fault("the CA's certificate cannot be read", err, why, size);
    pem = (gnutls_datum_t){ (unsigned char *)(uintptr_t)key_text, (unsigned)strlen(key_text) };
    err = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (err < 0)
        return fault("the CA's key cannot be read", err, why, size);
    if (gnutls_x509_crt_get_ca_status(ca, NULL) <= 0) {
        (void)muster_format(why, size, "what is to sign is no CA");
        return MUSTER_EINVAL;
    }
    if (gnutls_x509_crt_get_key_id(ca, 0, of_ca, &ca_len) == 0 &&
        gnutls_x509_privkey_get_key_id(key, 0, of_key, &key_len) == 0 && ca_len == key_len &&
        memcmp(of_ca, of_key, ca_len) == 0)
        return MUSTER_OK;
    (void)muster_format(why, size, "the CA's key belongs to another certificate");
    return MUSTER_EINVAL;
}

static int cert_make(struct cli_x509_made *made, const struct cli_x509_node *node,
                     gnutls_x509_crt_t ca, gnutls_x509_privkey_t ca_key, uint64_t now_s,
                     uint32_t days, char *why, size_t size)
{
    struct x509_work w;
    uint8_t id[64];
    size_t id_len = sizeof id;
    time_t ca_ends = gnutls_x509_crt_get_expiration_time(ca);
    uint64_t ca_ends_s = ca_ends > 0 ? (uint64_t)ca_ends : 0;
    made->ends_s = now_s + (uint64_t)days * DAY_S;
    made->ends_s = made->ends_s < ca_ends_s ? made->ends_s : ca_ends_s;
    if (made->ends_s <= now_s) {
        (void)muster_format(why, size, "the CA has ended; make a new one");
        return MUSTER_EINVAL;
    }
    work_open(&w, node->name, now_s, made->ends_s);
    if (w.err >= 0) {
        names_set(&w, node);
        purposes_set(&w);
        if (gnutls_x509_crt_get_subject_key_id(ca, id, &id_len, NULL) == 0)
            did(&w, gnutls_x509_crt_set_authority_key_id(w.crt, id, id_len));
        did(&w, gnutls_x509_crt_sign2(w.crt, ca, ca_key, GNUTLS_DIG_SHA256, 0));
    }
    return work_close(&w, made, why, size);
}

int cli_x509_cert(struct cli_x509_made *made, const struct cli_x509_node *node, const char *ca,
                  const char *ca_key, uint64_t now_s, uint32_t days, char *why, size_t size)
{
    gnutls_x509_crt_t crt = NULL;
    gnutls_x509_privkey_t key = NULL;
    *made = (struct cli_x509_made){ .cert = NULL };
    int err = gnutls_x509_crt_init(&crt) == 0 && gnutls_x509_privkey_init(&key) == 0 ? MUSTER_OK
                                                                                     : MUSTER_EFULL;
    if (err == MUSTER_OK)
        err = ca_read(crt, key, ca, ca_key, why, size);
    if (err == MUSTER_OK)
        err = cert_make(made, node, crt, key, now_s, days, why, size);
    if (crt != NULL)
        gnutls_x509_crt_deinit(crt);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    return err;
}

void cli_x509_close(struct cli_x509_made *made)
{
    if (made->key != NULL)
        muster_wipe(made->key, strlen(made->key));
    free(made->cert);
    free(made->key);
    made->cert = made->key = NULL;
}
