/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys: read, held against each other and against the clock. */
#include "agent/shell/cert.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shell/folder.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/text.h"

#define DAY_MS (24ull * 60 * 60 * 1000)

/* What one opening works on. */
struct cert_work {
    struct shell_cert *cert;
    const struct shell_cert_paths *paths;
    uint64_t wall_ms;
    char *why;
    size_t size;
    gnutls_x509_crt_t *chain, *trusted;
    unsigned chain_count, trusted_count;
};

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){ (unsigned char *)(uintptr_t)text, (unsigned)strlen(text) };
}

/* ---- files */

static int file_refused(const struct cert_work *w, const char *path, int number)
{
    char reason[128];
    (void)muster_format(w->why, w->size, "%s: cannot be read: %s; see `%s`", path,
                        strerror_r(number, reason, sizeof reason), w->paths->setting);
    return number == ENOENT ? MUSTER_EINVAL : shell_errno(number);
}

static int file_wrong(const struct cert_work *w, const char *path, const char *fault)
{
    (void)muster_format(w->why, w->size, "%s: %s; see `%s`", path, fault, w->paths->setting);
    return MUSTER_EINVAL;
}

static int file_take(const struct cert_work *w, const char *path, int fd, char **out)
{
    char *text = calloc(1, SHELL_CERT_FILE_MAX);
    size_t len = 0;
    ssize_t n = 1;
    MUSTER_ASSERT(text != NULL);
    *out = text;
    while (n > 0 && len < SHELL_CERT_FILE_MAX - 1) {
        n = read(fd, text + len, SHELL_CERT_FILE_MAX - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        return file_refused(w, path, errno);
    return n > 0 ? file_wrong(w, path, "is larger than any certificate or key") : MUSTER_OK;
}

static int file_read(const struct cert_work *w, const char *path, char **out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_refused(w, path, errno);
    int err = file_take(w, path, fd, out);
    (void)close(fd);
    return err;
}

/* ---- what they say */

static int list_read(const struct cert_work *w, const char *path, const char *text,
                     gnutls_x509_crt_t **list, unsigned *count)
{
    gnutls_datum_t pem = datum_of(text);
    int n = gnutls_x509_crt_list_import2(list, count, &pem, GNUTLS_X509_FMT_PEM, 0);
    return n >= 0 ? MUSTER_OK : file_wrong(w, path, "holds no certificate in PEM that can be read");
}

static void list_close(gnutls_x509_crt_t *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
}

static int time_look(const struct cert_work *w, const char *path, gnutls_x509_crt_t crt)
{
    char text[64];
    time_t begins = gnutls_x509_crt_get_activation_time(crt);
    time_t ends = gnutls_x509_crt_get_expiration_time(crt);
    uint64_t begins_ms = begins > 0 ? (uint64_t)begins * 1000 : 0;
    uint64_t ends_ms = ends > 0 ? (uint64_t)ends * 1000 : 0;
    if (begins_ms > w->wall_ms) {
        (void)muster_format(w->why, w->size,
                            "%s: is good from %s on, and not yet: look at this host's clock", path,
                            muster_time_text(begins_ms, text));
        return MUSTER_EINVAL;
    }
    if (ends_ms <= w->wall_ms) {
        (void)muster_format(w->why, w->size,
                            "%s: ended on %s; put a new one there (`muster help tls cert create`)",
                            path, muster_time_text(ends_ms, text));
        return MUSTER_EINVAL;
    }
    if (ends_ms < w->cert->ends_wall_ms) {
        w->cert->ends_wall_ms = ends_ms;
        (void)muster_format(w->cert->first, sizeof w->cert->first, "%s", path);
    }
    return MUSTER_OK;
}

static int times_look(const struct cert_work *w)
{
    int err = MUSTER_OK;
    for (unsigned i = 0; i < w->chain_count && err == MUSTER_OK; i++)
        err = time_look(w, w->paths->cert, w->chain[i]);
    for (unsigned i = 0; i < w->trusted_count && err == MUSTER_OK; i++)
        err = time_look(w, w->paths->ca, w->trusted[i]);
    return err;
}

static int key_look(const struct cert_work *w)
{
    unsigned char of_cert[64], of_key[64];
    size_t cert_len = sizeof of_cert, key_len = sizeof of_key;
    gnutls_datum_t pem = datum_of(w->cert->key);
    gnutls_privkey_t key;
    if (gnutls_privkey_init(&key) != 0)
        return MUSTER_EFULL;
    bool is_key = gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) == 0;
    gnutls_pubkey_t public;
    bool fits = is_key && gnutls_pubkey_init(&public) == 0;
    if (fits) {
        fits = gnutls_pubkey_import_privkey(public, key, 0, 0) == 0 &&
               gnutls_pubkey_get_key_id(public, 0, of_key, &key_len) == 0 &&
               gnutls_x509_crt_get_key_id(w->chain[0], 0, of_cert, &cert_len) == 0 &&
               key_len == cert_len && memcmp(of_key, of_cert, key_len) == 0;
        gnutls_pubkey_deinit(public);
    }
    gnutls_privkey_deinit(key);
    if (!is_key)
        return file_wrong(w, w->paths->key, "holds no private key in PEM without a password");
    if (fits)
        return MUSTER_OK;
    (void)muster_format(w->why, w->size, "%s: is not the key of %s; see `%s`", w->paths->key,
                        w->paths->cert, w->paths->setting);
    return MUSTER_EINVAL;
}

/* Whether those who trust that CA will take ours, at either end of a connection; times_look has
 * asked the clock. */
static int trust_look(const struct cert_work *w)
{
    static const char *const ends[] = { GNUTLS_KP_TLS_WWW_SERVER, GNUTLS_KP_TLS_WWW_CLIENT };
    gnutls_x509_trust_list_t trust;
    bool is_good = true;
    if (gnutls_x509_trust_list_init(&trust, 0) != 0)
        return MUSTER_EFULL;
    (void)gnutls_x509_trust_list_add_cas(trust, w->trusted, w->trusted_count, 0);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        gnutls_typed_vdata_st data = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
                                       .data = (unsigned char *)(uintptr_t)ends[i],
                                       .size = (unsigned)strlen(ends[i]) };
        unsigned faults = 0;
        int err =
            gnutls_x509_trust_list_verify_crt2(trust, w->chain, w->chain_count, &data, 1,
                                               GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &faults, NULL);
        is_good = is_good && err == 0 && faults == 0;
    }
    gnutls_x509_trust_list_deinit(trust, 0);
    if (is_good)
        return MUSTER_OK;
    (void)muster_format(w->why, w->size,
                        "%s: is not signed by %s, or not for both ends of a connection (it needs "
                        "clientAuth and serverAuth); see `%s`",
                        w->paths->cert, w->paths->ca, w->paths->setting);
    return MUSTER_EINVAL;
}

size_t shell_cert_names(struct muster_bytes der, char *out, size_t size)
{
    gnutls_datum_t datum = { (unsigned char *)(uintptr_t)der.data, (unsigned)der.len };
    gnutls_x509_crt_t crt;
    size_t at = 0;
    int kind = 0;
    if (gnutls_x509_crt_init(&crt) != 0)
        return 0;
    if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) != 0)
        kind = GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
    for (unsigned i = 0; kind != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE; i++) {
        char name[256];
        size_t len = sizeof name;
        kind = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &len, NULL);
        /* A NUL inside would make one name look like another. */
        if (kind != GNUTLS_SAN_DNSNAME || len == 0 || memchr(name, '\0', len) != NULL ||
            at + len + 1 > size)
            continue;
        for (size_t k = 0; k < len; k++)
            out[at++] = (char)(name[k] >= 'A' && name[k] <= 'Z' ? name[k] - 'A' + 'a' : name[k]);
        out[at++] = '\0';
    }
    gnutls_x509_crt_deinit(crt);
    return at;
}

bool shell_cert_has_name(const char *names, size_t len, const char *name)
{
    for (size_t at = 0; at < len; at += strlen(names + at) + 1)
        if (strcmp(names + at, name) == 0)
            return true;
    return false;
}

static void names_take(const struct cert_work *w)
{
    gnutls_datum_t der = { NULL, 0 };
    if (gnutls_x509_crt_export2(w->chain[0], GNUTLS_X509_FMT_DER, &der) != 0)
        return;
    w->cert->names_len =
        shell_cert_names(MUSTER_BYTES(der.data, der.size), w->cert->names, sizeof w->cert->names);
    gnutls_free(der.data);
}

/* ---- all together */

static int files_read(const struct cert_work *w)
{
    int err = file_read(w, w->paths->cert, &w->cert->cert);
    if (err == MUSTER_OK)
        err = file_read(w, w->paths->key, &w->cert->key);
    if (err == MUSTER_OK && w->paths->ca != NULL)
        err = file_read(w, w->paths->ca, &w->cert->ca);
    return err;
}

static int work_do(struct cert_work *w)
{
    int err = files_read(w);
    if (err == MUSTER_OK)
        err = list_read(w, w->paths->cert, w->cert->cert, &w->chain, &w->chain_count);
    if (err == MUSTER_OK && w->paths->ca != NULL)
        err = list_read(w, w->paths->ca, w->cert->ca, &w->trusted, &w->trusted_count);
    if (err == MUSTER_OK)
        err = key_look(w);
    if (err == MUSTER_OK)
        err = times_look(w);
    if (err == MUSTER_OK && w->paths->ca != NULL && w->paths->is_mutual)
        err = trust_look(w);
    if (err == MUSTER_OK)
        names_take(w);
    return err;
}

int shell_cert_open(struct shell_cert *c, const struct shell_cert_paths *paths, uint64_t wall_ms,
                    struct shell_journal *journal, char *why, size_t size)
{
    struct stat s;
    struct cert_work w = {
        .cert = c, .paths = paths, .wall_ms = wall_ms, .why = why, .size = size
    };
    *c = (struct shell_cert){ .ends_wall_ms = UINT64_MAX };
    int err = work_do(&w);
    list_close(w.chain, w.chain_count);
    list_close(w.trusted, w.trusted_count);
    if (err != MUSTER_OK) {
        shell_cert_close(c);
        return err;
    }
    if (journal != NULL && stat(paths->key, &s) == 0 && (s.st_mode & (S_IROTH | S_IWOTH)) != 0)
        shell_journal(journal, AGENT_LOG_WARN,
                      "%s: every user of this host may read the key; chmod 600", paths->key);
    if (journal != NULL)
        shell_cert_look(c, wall_ms, journal);
    return MUSTER_OK;
}

void shell_cert_close(struct shell_cert *c)
{
    if (c->key != NULL)
        muster_wipe(c->key, strlen(c->key));
    free(c->ca);
    free(c->cert);
    free(c->key);
    *c = (struct shell_cert){ 0 };
}

void shell_cert_look(struct shell_cert *c, uint64_t wall_ms, struct shell_journal *journal)
{
    char text[64];
    if (c->cert == NULL || wall_ms + SHELL_CERT_WARN_MS < c->ends_wall_ms ||
        (c->told_wall_ms != 0 && wall_ms < c->told_wall_ms + DAY_MS))
        return;
    bool is_over = wall_ms >= c->ends_wall_ms;
    c->told_wall_ms = wall_ms;
    shell_journal(journal, is_over ? AGENT_LOG_ERROR : AGENT_LOG_WARN,
                  "%s %s on %s; put a new one there, then send SIGHUP", c->first,
                  is_over ? "ended" : "ends", muster_time_text(c->ends_wall_ms, text));
}
