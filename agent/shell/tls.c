/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 by GnuTLS over buffers: keys of a ring, certificates of nodes, one session. */
#include "agent/shell/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keys.h"
#include "base/crypto.h"
#include "base/text.h"

/* Proofs by a key are bound with SHA-256, and so are the ciphers that go with them. */
#define TLS_ONLY   "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1"
#define TLS_KEY    ":-KX-ALL:+ECDHE-PSK:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305"
#define TLS_CERT   ""
#define TLS_EITHER ":+ECDHE-PSK:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM"

#define TLS_OUT_MAX SIZE_MAX /* what may wait is the caller's to bound, before it is sealed */

/* Shared by the sessions that were begun with it; the last one takes it along. */
struct shell_tls_pair {
    gnutls_certificate_credentials_t credentials;
    uint32_t users;
};

struct shell_tls_session {
    struct shell_tls *all;
    gnutls_session_t tls;
    struct shell_tls_pair *pair;
    gnutls_psk_client_credentials_t key; /* that we offer */
    char mark[AGENT_KEY_MARK];           /* of the key that was proven; "": none */
    bool is_server, is_key_refused;
    enum shell_tls_state state;
    struct muster_bytes in;  /* not taken by GnuTLS yet */
    struct shell_buffer out; /* for the wire */
    uint32_t sent;           /* records since the last change of keys */
    char names[SHELL_CERT_NAMES_MAX];
    size_t names_len;
    char why[256];
};

/* ---- what all share */

static void *pair_take(struct shell_tls_pair *pair)
{
    if (pair != NULL)
        pair->users++;
    return pair;
}

static void pair_give(struct shell_tls_pair *pair)
{
    if (pair == NULL || --pair->users > 0)
        return;
    gnutls_certificate_free_credentials(pair->credentials);
    free(pair);
}

static int peer_verify(gnutls_session_t tls);

static int pair_make(struct shell_tls_pair **out, const struct shell_cert *cert)
{
    gnutls_certificate_credentials_t c;
    gnutls_datum_t chain = { (unsigned char *)cert->cert, (unsigned)strlen(cert->cert) };
    gnutls_datum_t key = { (unsigned char *)cert->key, (unsigned)strlen(cert->key) };
    gnutls_datum_t ca = { (unsigned char *)cert->ca, (unsigned)strlen(cert->ca) };
    struct shell_tls_pair *pair = calloc(1, sizeof *pair);
    MUSTER_ASSERT(pair != NULL);
    if (gnutls_certificate_allocate_credentials(&c) != 0) {
        free(pair);
        return MUSTER_EFULL;
    }
    *pair = (struct shell_tls_pair){ .credentials = c, .users = 1 };
    *out = pair;
    gnutls_certificate_set_verify_function(c, peer_verify);
    if (gnutls_certificate_set_x509_key_mem2(c, &chain, &key, GNUTLS_X509_FMT_PEM, NULL, 0) >= 0 &&
        gnutls_certificate_set_x509_trust_mem(c, &ca, GNUTLS_X509_FMT_PEM) > 0)
        return MUSTER_OK;
    pair_give(pair);
    *out = NULL;
    return MUSTER_EINVAL;
}

static uint32_t ring_find(const struct gossip_keyring *ring, const void *name, size_t len)
{
    char mark[AGENT_KEY_MARK];
    uint32_t i = 0;
    while (i < ring->count && (strlen(agent_key_mark(gossip_keyring_at(ring, i), mark)) != len ||
                               memcmp(mark, name, len) != 0))
        i++;
    return i;
}

/* Who comes has said which key; GnuTLS gives back what was taken for it. */
static int key_find(gnutls_session_t tls, const gnutls_datum_t *name, gnutls_datum_t *key)
{
    const struct shell_tls_session *s = gnutls_session_get_ptr(tls);
    const struct gossip_keyring *ring = s->all->ring;
    uint32_t i = ring == NULL ? 0 : ring_find(ring, name->data, name->size);
    if (ring == NULL || i == ring->count)
        return -1;
    key->data = gnutls_malloc(AGENT_KEY_LINK);
    MUSTER_ASSERT(key->data != NULL);
    key->size = AGENT_KEY_LINK;
    agent_key_link(gossip_keyring_at(ring, i), key->data);
    return 0;
}

static bool priorities_make(struct shell_tls *tls)
{
    static const char *const texts[] = { [SHELL_TLS_KEY] = TLS_ONLY TLS_KEY,
                                         [SHELL_TLS_CERT] = TLS_ONLY TLS_CERT,
                                         [SHELL_TLS_KEY | SHELL_TLS_CERT] = TLS_ONLY TLS_EITHER };
    for (uint32_t i = SHELL_TLS_KEY; i < sizeof texts / sizeof texts[0]; i++) {
        gnutls_priority_t priority = NULL;
        if (gnutls_priority_init(&priority, texts[i], NULL) != 0)
            return false;
        tls->priority[i] = priority;
    }
    return true;
}

int shell_tls_open(struct shell_tls *tls, const struct shell_tls_config *config)
{
    gnutls_psk_server_credentials_t lookup;
    *tls = (struct shell_tls){ .ring = config->ring,
                               .dials = config->dials,
                               .takes = config->takes,
                               .takes_plain = config->takes_plain };
    bool wants_cert = config->dials == SHELL_TLS_CERT || (config->takes & SHELL_TLS_CERT) != 0;
    MUSTER_ASSERT(!wants_cert || (config->cert != NULL && config->cert->ca != NULL));
    MUSTER_ASSERT(config->dials != SHELL_TLS_KEY || config->ring != NULL);
    if (config->dials == SHELL_TLS_NONE && config->takes == 0)
        return MUSTER_OK;
    int err = priorities_make(tls) && gnutls_psk_allocate_server_credentials(&lookup) == 0
                  ? MUSTER_OK
                  : MUSTER_EUNSUPPORTED;
    if (err == MUSTER_OK) {
        tls->lookup = lookup;
        gnutls_psk_set_server_credentials_function2(lookup, key_find);
    }
    if (err == MUSTER_OK && wants_cert)
        err = pair_make(&tls->pair, config->cert);
    if (err != MUSTER_OK)
        shell_tls_close(tls);
    return err;
}

int shell_tls_renew(struct shell_tls *tls, const struct shell_cert *cert)
{
    struct shell_tls_pair *pair = NULL;
    int err = pair_make(&pair, cert);
    if (err != MUSTER_OK)
        return err;
    pair_give(tls->pair);
    tls->pair = pair;
    return MUSTER_OK;
}

void shell_tls_close(struct shell_tls *tls)
{
    for (size_t i = 0; i < sizeof tls->priority / sizeof tls->priority[0]; i++)
        gnutls_priority_deinit(tls->priority[i]);
    if (tls->lookup != NULL)
        gnutls_psk_free_server_credentials(tls->lookup);
    pair_give(tls->pair);
    *tls = (struct shell_tls){ 0 };
}

/* ---- how it fails */

static void failed(struct shell_tls_session *s, const char *why)
{
    s->state = SHELL_TLS_FAILED;
    s->in.len = 0;
    if (s->why[0] == '\0')
        (void)muster_format(s->why, sizeof s->why, "%s", why);
}

static bool is_about_certificates(gnutls_alert_description_t alert)
{
    return alert == GNUTLS_A_BAD_CERTIFICATE || alert == GNUTLS_A_UNSUPPORTED_CERTIFICATE ||
           alert == GNUTLS_A_CERTIFICATE_REVOKED || alert == GNUTLS_A_CERTIFICATE_EXPIRED ||
           alert == GNUTLS_A_CERTIFICATE_UNKNOWN || alert == GNUTLS_A_UNKNOWN_CA ||
           alert == GNUTLS_A_CERTIFICATE_REQUIRED;
}

static void refused_by(struct shell_tls_session *s)
{
    gnutls_alert_description_t alert = gnutls_alert_get(s->tls);
    const char *name = gnutls_alert_get_name(alert);
    char why[sizeof s->why];
    s->is_key_refused = s->key != NULL && s->state == SHELL_TLS_SHAKING;
    (void)muster_format(why, sizeof why, "%s (%s)",
                        s->is_key_refused              ? "has none of our keys, or takes no keys"
                        : is_about_certificates(alert) ? "does not take our certificate"
                                                       : "takes no proof that is given here: it "
                                                         "has `encrypt` and not `tls`, or the "
                                                         "other way about",
                        name != NULL ? name : "no reason given");
    failed(s, why);
}

static void failed_with(struct shell_tls_session *s, int err)
{
    if (err == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        refused_by(s);
        return;
    }
    (void)gnutls_alert_send_appropriate(s->tls, err);
    char why[sizeof s->why];
    (void)muster_format(why, sizeof why, "cannot be understood (%s)", gnutls_strerror(err));
    failed(s, err == GNUTLS_E_KEYFILE_ERROR          ? "has none of our keys"
              : err == GNUTLS_E_NO_CIPHER_SUITES     ? "offers no proof that is taken here: a key, "
                                                       "or a certificate"
              : err == GNUTLS_E_CERTIFICATE_REQUIRED ? "shows no certificate"
              : err == GNUTLS_E_NO_CERTIFICATE_FOUND ? "shows no certificate"
                                                     : why);
}

/* The far certificate: signed by our CA, for that end of a connection, and good today. Whose it is,
 * is asked of its names when the far end has said who it is. */
static int peer_verify(gnutls_session_t tls)
{
    struct shell_tls_session *s = gnutls_session_get_ptr(tls);
    const char *end = s->is_server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_typed_vdata_st data = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                   .data = (unsigned char *)(uintptr_t)end,
                                   .size = (unsigned)strlen(end) };
    unsigned faults = 0;
    gnutls_datum_t text = { NULL, 0 };
    int err = gnutls_certificate_verify_peers(tls, &data, 1, &faults);
    if (err == 0 && faults == 0)
        return 0;
    if (err == 0 &&
        gnutls_certificate_verification_status_print(faults, GNUTLS_CRT_X509, &text, 0) == 0)
        (void)muster_format(s->why, sizeof s->why, "shows a certificate that is not taken here: %s",
                            (const char *)text.data);
    else
        (void)muster_format(s->why, sizeof s->why, "shows no certificate");
    for (size_t len = strlen(s->why); len > 0 && s->why[len - 1] == ' '; len--)
        s->why[len - 1] = '\0';
    gnutls_free(text.data);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* ---- the wire */

static ssize_t wire_push(gnutls_transport_ptr_t to, const void *bytes, size_t len)
{
    struct shell_tls_session *s = to;
    bool fits = shell_buffer_add(&s->out, MUSTER_BYTES(bytes, len), TLS_OUT_MAX);
    MUSTER_ASSERT(fits);
    return (ssize_t)len;
}

static ssize_t wire_pull(gnutls_transport_ptr_t from, void *bytes, size_t len)
{
    struct shell_tls_session *s = from;
    if (s->in.len == 0) {
        gnutls_transport_set_errno(s->tls, EAGAIN);
        return -1;
    }
    len = len < s->in.len ? len : s->in.len;
    memcpy(bytes, s->in.data, len);
    s->in = MUSTER_BYTES(s->in.data + len, s->in.len - len);
    return (ssize_t)len;
}

static int wire_wait(gnutls_transport_ptr_t from, unsigned ms)
{
    const struct shell_tls_session *s = from;
    (void)ms;
    return s->in.len > 0;
}

/* ---- a session */

static struct shell_tls_session *session_make(struct shell_tls *tls, bool is_server,
                                              uint32_t proofs)
{
    struct shell_tls_session *s = calloc(1, sizeof *s);
    MUSTER_ASSERT(s != NULL);
    MUSTER_ASSERT(tls->priority[proofs] != NULL);
    s->all = tls;
    s->is_server = is_server;
    s->pair = (proofs & SHELL_TLS_CERT) != 0 ? pair_take(tls->pair) : NULL;
    int err = gnutls_init(&s->tls, (is_server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK |
                                       GNUTLS_NO_TICKETS | GNUTLS_NO_SIGNAL);
    MUSTER_ASSERT(err == 0);
    err = gnutls_priority_set(s->tls, tls->priority[proofs]);
    MUSTER_ASSERT(err == 0);
    gnutls_session_set_ptr(s->tls, s);
    gnutls_transport_set_ptr(s->tls, s);
    gnutls_transport_set_push_function(s->tls, wire_push);
    gnutls_transport_set_pull_function(s->tls, wire_pull);
    gnutls_transport_set_pull_timeout_function(s->tls, wire_wait);
    gnutls_handshake_set_timeout(s->tls, GNUTLS_INDEFINITE_TIMEOUT); /* the caller has a clock */
    gnutls_handshake_set_max_packet_length(s->tls, SHELL_TLS_GREETING_MAX);
    if (s->pair != NULL)
        (void)gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, s->pair->credentials);
    if (is_server && (proofs & SHELL_TLS_KEY) != 0)
        (void)gnutls_credentials_set(s->tls, GNUTLS_CRD_PSK, tls->lookup);
    if (!is_server)
        return s;
    gnutls_certificate_server_set_request(s->tls, GNUTLS_CERT_REQUIRE);
    /* Or one of another CA would not be shown at all, and nobody told why it is refused. */
    gnutls_certificate_send_x509_rdn_sequence(s->tls, 1);
    return s;
}

/* Whom it has proven to be, once the handshake is over. */
static void proof_take(struct shell_tls_session *s)
{
    unsigned count = 0;
    const char *mark = s->is_server && gnutls_auth_get_type(s->tls) == GNUTLS_CRD_PSK
                           ? gnutls_psk_server_get_username(s->tls)
                           : NULL;
    if (mark != NULL)
        (void)muster_format(s->mark, sizeof s->mark, "%s", mark);
    if (gnutls_auth_get_type(s->tls) != GNUTLS_CRD_CERTIFICATE)
        return;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(s->tls, &count);
    if (chain != NULL && count > 0)
        s->names_len =
            shell_cert_names(MUSTER_BYTES(chain[0].data, chain[0].size), s->names, sizeof s->names);
    if (s->names_len == 0)
        failed(s, "shows a certificate without a name (DNS, in its subjectAltName)");
}

static void shake(struct shell_tls_session *s)
{
    int err = GNUTLS_E_SUCCESS;
    do {
        err = gnutls_handshake(s->tls);
    } while (err == GNUTLS_E_WARNING_ALERT_RECEIVED || err == GNUTLS_E_INTERRUPTED);
    if (err == GNUTLS_E_AGAIN)
        return;
    if (err != GNUTLS_E_SUCCESS) {
        failed_with(s, err);
        return;
    }
    s->state = SHELL_TLS_UP;
    proof_take(s);
}

struct shell_tls_session *shell_tls_dial(struct shell_tls *tls, uint32_t key)
{
    MUSTER_ASSERT(tls->dials != SHELL_TLS_NONE);
    struct shell_tls_session *s = session_make(tls, false, tls->dials);
    if (tls->dials == SHELL_TLS_KEY) {
        uint8_t secret[AGENT_KEY_LINK];
        MUSTER_ASSERT(key < tls->ring->count);
        struct muster_bytes bytes = gossip_keyring_at(tls->ring, key);
        (void)agent_key_mark(bytes, s->mark);
        agent_key_link(bytes, secret);
        gnutls_datum_t datum = { secret, sizeof secret };
        int err = gnutls_psk_allocate_client_credentials(&s->key);
        MUSTER_ASSERT(err == 0);
        err = gnutls_psk_set_client_credentials(s->key, s->mark, &datum, GNUTLS_PSK_KEY_RAW);
        MUSTER_ASSERT(err == 0);
        muster_wipe(secret, sizeof secret);
        (void)gnutls_credentials_set(s->tls, GNUTLS_CRD_PSK, s->key);
    }
    shake(s);
    return s;
}

struct shell_tls_session *shell_tls_accept(struct shell_tls *tls)
{
    MUSTER_ASSERT(tls->takes != 0);
    return session_make(tls, true, tls->takes);
}

void shell_tls_session_close(struct shell_tls_session *s)
{
    if (s == NULL)
        return;
    gnutls_deinit(s->tls);
    if (s->key != NULL)
        gnutls_psk_free_client_credentials(s->key);
    pair_give(s->pair);
    shell_buffer_close(&s->out);
    free(s);
}

/* ---- bytes */

void shell_tls_feed(struct shell_tls_session *s, struct muster_bytes bytes)
{
    MUSTER_ASSERT(s->in.len == 0);
    if (s->state == SHELL_TLS_SHAKING || s->state == SHELL_TLS_UP)
        s->in = bytes;
    if (s->state == SHELL_TLS_SHAKING)
        shake(s);
}

size_t shell_tls_read(struct shell_tls_session *s, uint8_t *out, size_t size)
{
    size_t at = 0;
    while (s->state == SHELL_TLS_UP && size - at >= SHELL_TLS_RECORD) {
        ssize_t n = gnutls_record_recv(s->tls, out + at, size - at);
        if (n == GNUTLS_E_AGAIN)
            break;
        if (n > 0)
            at += (size_t)n;
        else if (n == 0)
            s->state = SHELL_TLS_ENDED;
        else if (n != GNUTLS_E_INTERRUPTED && n != GNUTLS_E_WARNING_ALERT_RECEIVED)
            failed_with(s, (int)n);
    }
    if (s->state != SHELL_TLS_UP)
        s->in.len = 0;
    return at;
}

void shell_tls_write(struct shell_tls_session *s, struct muster_bytes bytes)
{
    while (bytes.len > 0 && s->state == SHELL_TLS_UP) {
        ssize_t n = gnutls_record_send(s->tls, bytes.data, bytes.len);
        if (n < 0) {
            failed_with(s, (int)n);
            return;
        }
        bytes = MUSTER_BYTES(bytes.data + n, bytes.len - (size_t)n);
        if (++s->sent < SHELL_TLS_REKEY)
            continue;
        s->sent = 0;
        if (gnutls_session_key_update(s->tls, 0) != 0)
            failed(s, "cannot be given new keys");
    }
}

enum shell_tls_state shell_tls_state(const struct shell_tls_session *s)
{
    return s->state;
}

struct shell_buffer *shell_tls_out(struct shell_tls_session *s)
{
    return &s->out;
}

struct muster_bytes shell_tls_names(const struct shell_tls_session *s)
{
    return MUSTER_BYTES((const uint8_t *)s->names, s->names_len);
}

bool shell_tls_is_stale(const struct shell_tls_session *s)
{
    const struct gossip_keyring *ring = s->all->ring;
    return s->mark[0] != '\0' &&
           (ring == NULL || ring_find(ring, s->mark, strlen(s->mark)) == ring->count);
}

const char *shell_tls_why(const struct shell_tls_session *s)
{
    return s->why;
}

bool shell_tls_is_key_refused(const struct shell_tls_session *s)
{
    return s->is_key_refused;
}
