/* X509: a CA of one's own, and certificates of nodes that it signs.
 *
 * Keys are ECDSA over P-256. A node's certificate is for its name, as a DNS name of the
 * subjectAltName, and for both ends of a connection; it never outlives its CA. All begin an hour
 * ago, for hosts whose clocks differ a little.
 *
 * units    seconds since 1970, days
 * memory   PEM texts on the heap, to be given back with cli_x509_close, which wipes the key
 * errors   MUSTER_EINVAL with a sentence for people
 * threads  one
 * source   RFC 5280
 */
#ifndef MUSTER_CLI_X509_H
#define MUSTER_CLI_X509_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

#define CLI_X509_ADDRESSES 16

struct cli_x509_made {
    char *cert, *key; /* PEM, NUL-terminated */
    uint64_t ends_s;
};

struct cli_x509_node {
    const char *name;
    struct muster_addr address[CLI_X509_ADDRESSES]; /* ports are of no meaning */
    size_t address_count;
};

MUSTER_MUST_USE int cli_x509_ca(struct cli_x509_made *made, uint64_t now_s, uint32_t days,
                                char *why, size_t size);
/* `ca` and `ca_key` are PEM. */
MUSTER_MUST_USE int cli_x509_cert(struct cli_x509_made *made, const struct cli_x509_node *node,
                                  const char *ca, const char *ca_key, uint64_t now_s, uint32_t days,
                                  char *why, size_t size);
void cli_x509_close(struct cli_x509_made *made);

#endif
