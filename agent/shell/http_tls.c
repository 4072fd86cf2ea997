/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of the HTTP port: ours, when it is read again; what a client's lets him do. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "agent/shell/http_door.h"

#define UNITS_MAX 16 /* of one certificate that are looked at */

/* A certificate says its right as an organizational unit, which its CA has signed. A node's own
 * certificate has none, and so lets nobody in. */
static enum agent_right right_of(gnutls_x509_crt_t crt)
{
    static const char before[] = "muster:";
    enum agent_right best = AGENT_RIGHT_NONE, right;
    for (unsigned i = 0; i < UNITS_MAX; i++) {
        char unit[64];
        size_t len = sizeof unit;
        int err = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, i, 0,
                                                unit, &len);
        if (err == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (err == 0 && strlen(unit) == len && strncmp(unit, before, sizeof before - 1) == 0 &&
            agent_right_parse(&right, unit + sizeof before - 1) && right > best)
            best = right;
    }
    return best;
}

static void certificate_read(struct http_connection *c, const gnutls_datum_t *der)
{
    gnutls_x509_crt_t crt;
    size_t len = sizeof c->who;
    if (gnutls_x509_crt_init(&crt) != 0)
        return;
    if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0) {
        c->right = right_of(crt);
        if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, c->who, &len) !=
            0)
            memcpy(c->who, "a certificate", sizeof "a certificate");
    }
    gnutls_x509_crt_deinit(crt);
}

/* The library asks for a certificate and leaves the judging to us. */
void http_tls_who(struct http_connection *c)
{
    gnutls_typed_vdata_st data = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                   .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT };
    unsigned faults = 0, count = 0;
    if (c->is_known)
        return;
    c->is_known = true;
    c->right = AGENT_RIGHT_NONE;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_session_t session = info != NULL ? info->tls_session : NULL;
    const gnutls_datum_t *chain =
        session != NULL ? gnutls_certificate_get_peers(session, &count) : NULL;
    if (chain == NULL || count == 0 ||
        gnutls_certificate_verify_peers(session, &data, 1, &faults) != 0 || faults != 0)
        return;
    certificate_read(c, &chain[0]);
}

/* ---- files that were read again */

struct http_files {
    gnutls_certificate_credentials_t credentials;
    uint32_t users; /* the door itself, and connections; at none it goes */
};

void http_tls_drop(struct http_files **files)
{
    struct http_files *f = *files;
    *files = NULL;
    if (f == NULL || --f->users > 0)
        return;
    gnutls_certificate_free_credentials(f->credentials);
    free(f);
}

/* The library has made the session with the files of the start; nothing was said over it yet. */
void http_tls_begin(struct http_connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_session_t session = info != NULL ? info->tls_session : NULL;
    if (c->h->files == NULL || session == NULL ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->h->files->credentials) != 0)
        return;
    c->files = c->h->files;
    c->files->users++;
}

static bool credentials_fill(gnutls_certificate_credentials_t to, const struct shell_cert *cert)
{
    const gnutls_datum_t pem = { (unsigned char *)cert->cert, (unsigned)strlen(cert->cert) };
    const gnutls_datum_t key = { (unsigned char *)cert->key, (unsigned)strlen(cert->key) };
    if (gnutls_certificate_set_x509_key_mem(to, &pem, &key, GNUTLS_X509_FMT_PEM) < 0)
        return false;
    if (cert->ca == NULL)
        return true;
    const gnutls_datum_t ca = { (unsigned char *)cert->ca, (unsigned)strlen(cert->ca) };
    return gnutls_certificate_set_x509_trust_mem(to, &ca, GNUTLS_X509_FMT_PEM) > 0;
}

int shell_http_renew(struct shell_http *h, const struct shell_cert *cert)
{
    struct http_files *f = calloc(1, sizeof *f);
    MUSTER_ASSERT(h->config.cert != NULL);
    if (f == NULL || gnutls_certificate_allocate_credentials(&f->credentials) != 0) {
        free(f);
        return MUSTER_EFULL;
    }
    f->users = 1;
    if (!credentials_fill(f->credentials, cert)) {
        http_tls_drop(&f);
        return MUSTER_EINVAL;
    }
    http_tls_drop(&h->files);
    h->files = f;
    return MUSTER_OK;
}
