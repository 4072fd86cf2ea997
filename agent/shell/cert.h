/* Cert: files of certificates and their keys (PEM), read and checked before anything leans on them.
 *
 * What is checked: that they can be read and are what they are taken for, that the key belongs to
 * the certificate, that nothing of it has ended or has not begun, and, where both sides of a
 * connection show certificates of one CA, that ours is good to the others.
 *
 * units    milliseconds since 1970
 * memory   owned until shell_cert_close, which wipes the key
 * errors   MUSTER_EINVAL for what a file says, else what shell_errno says; with a sentence for
 *          people that names the file and what to do
 * threads  any, one user each
 * source   RFC 5280
 */
#ifndef MUSTER_AGENT_SHELL_CERT_H
#define MUSTER_AGENT_SHELL_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/shell/journal.h"
#include "base/bytes.h"
#include "base/err.h"

#define SHELL_CERT_FILE_MAX  (256u << 10)
#define SHELL_CERT_NAMES_MAX 1024               /* bytes of the names in a certificate */
#define SHELL_CERT_WARN_MS   (14ull * 86400000) /* before the end it is said every day */

struct shell_cert_paths {
    const char *setting; /* for people: which one names these files */
    const char *ca;      /* who may sign the others' certificates; NULL: nobody is asked for one */
    const char *cert;    /* ours, and behind it those between it and the CA, if any */
    const char *key;     /* of ours; without a password */
    bool is_mutual;      /* both sides show a certificate of this CA, for either end */
};

struct shell_cert {
    char *ca, *cert, *key;            /* the files, NUL-terminated; `ca` may be NULL */
    char names[SHELL_CERT_NAMES_MAX]; /* of ours, as shell_cert_names */
    size_t names_len;
    char first[256];       /* the file of what ends first */
    uint64_t ends_wall_ms; /* and when */
    uint64_t told_wall_ms; /* when that was said last; 0: never */
};

/* Without an agent's journal (a check of settings) nobody is warned. */
MUSTER_MUST_USE int shell_cert_open(struct shell_cert *c, const struct shell_cert_paths *paths,
                                    uint64_t wall_ms, struct shell_journal *journal, char *why,
                                    size_t size);
void shell_cert_close(struct shell_cert *c); /* one that was never opened, zeroed, is fine */

/* Warns when the end is near, once a day; ask as often as you like. */
void shell_cert_look(struct shell_cert *c, uint64_t wall_ms, struct shell_journal *journal);

/* The DNS names in a certificate (DER), in small letters, each ended by a NUL: they are the names
 * of the nodes that it is for. What does not fit or could be misread is left out. How many bytes.
 */
size_t shell_cert_names(struct muster_bytes der, char *out, size_t size);
/* Whether this is one of such names. */
bool shell_cert_has_name(const char *names, size_t len, const char *name);

#endif
