/* Addresses: an IP address with a port as a value, IPv4 always in its 4-byte form.
 *
 * threads  any
 */
#ifndef MUSTER_BASE_ADDR_H
#define MUSTER_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MUSTER_ADDR_TEXT 56 /* "[ipv6]:port" and a NUL */

struct muster_addr {
    uint8_t octet[16]; /* unused octets are zero */
    uint8_t len;       /* 4, 16, or 0 for none */
    uint16_t port;     /* host byte order */
};

/* From wire octets; a v4-mapped IPv6 address becomes its 4-byte form. MUSTER_EINVAL unless len is 4
 * or 16. */
MUSTER_MUST_USE int muster_addr_from_octets(struct muster_addr *a, const uint8_t *octet, size_t len,
                                            uint16_t port);

/* "10.0.0.1:7946", "[::1]:7946", or without a port (then `default_port`). No host names. */
MUSTER_MUST_USE int muster_addr_parse(struct muster_addr *a, const char *text,
                                      uint16_t default_port);

/* Writes at most MUSTER_ADDR_TEXT bytes; returns `out`. */
char *muster_addr_text(struct muster_addr a, char *out);

bool muster_addr_equal(struct muster_addr a, struct muster_addr b);
bool muster_addr_same_host(struct muster_addr a, struct muster_addr b);
bool muster_addr_is_loopback(struct muster_addr a);
bool muster_addr_is_unspecified(struct muster_addr a);
bool muster_addr_is_multicast(struct muster_addr a);

#endif
