/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: from octets, from text and back, and the questions asked of them. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define ADDR_HOST_TEXT INET6_ADDRSTRLEN /* 46 with the NUL */

static const uint8_t addr_v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

int muster_addr_from_octets(struct muster_addr *a, const uint8_t *octet, size_t len, uint16_t port)
{
    if (len != 4 && len != 16)
        return MUSTER_EINVAL;
    /* One host has one form, or the same peer would be counted twice. */
    if (len == 16 && memcmp(octet, addr_v4_mapped, sizeof addr_v4_mapped) == 0) {
        octet += sizeof addr_v4_mapped;
        len = 4;
    }
    *a = (struct muster_addr){ .len = (uint8_t)len, .port = port };
    memcpy(a->octet, octet, len);
    return MUSTER_OK;
}

/* A port of one to five digits, 0 to 65535, and nothing after it. */
static bool addr_port_parse(uint16_t *port, const char *text)
{
    uint32_t value = 0;
    size_t digits = 0;

    for (; text[digits] >= '0' && text[digits] <= '9'; digits++) {
        if (digits == 5)
            return false;
        value = value * 10 + (uint32_t)(text[digits] - '0');
    }
    if (digits == 0 || text[digits] != '\0' || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* The host between `text` and `end`, in the given family. */
static int addr_host_parse(struct muster_addr *a, const char *text, const char *end, int family,
                           uint16_t port)
{
    char host[ADDR_HOST_TEXT];
    uint8_t octet[16];
    size_t len = (size_t)(end - text);

    if (len >= sizeof host)
        return MUSTER_EINVAL;
    memcpy(host, text, len);
    host[len] = '\0';
    if (inet_pton(family, host, octet) != 1)
        return MUSTER_EINVAL;
    return muster_addr_from_octets(a, octet, family == AF_INET ? 4 : 16, port);
}

int muster_addr_parse(struct muster_addr *a, const char *text, uint16_t default_port)
{
    const char *colon = strchr(text, ':');
    uint16_t port = default_port;

    if (text[0] == '[') {
        const char *close = strchr(text, ']');

        if (close == NULL)
            return MUSTER_EINVAL;
        if (close[1] != '\0' && (close[1] != ':' || !addr_port_parse(&port, close + 2)))
            return MUSTER_EINVAL;
        return addr_host_parse(a, text + 1, close, AF_INET6, port);
    }
    /* Two colons and no bracket: a bare IPv6 address, which cannot carry a port. */
    if (colon != NULL && strchr(colon + 1, ':') != NULL)
        return addr_host_parse(a, text, text + strlen(text), AF_INET6, port);
    if (colon == NULL)
        return addr_host_parse(a, text, text + strlen(text), AF_INET, port);
    if (!addr_port_parse(&port, colon + 1))
        return MUSTER_EINVAL;
    return addr_host_parse(a, text, colon, AF_INET, port);
}

char *muster_addr_text(struct muster_addr a, char *out)
{
    char host[ADDR_HOST_TEXT];
    const char *shown;

    MUSTER_ASSERT(a.len == 0 || a.len == 4 || a.len == 16);
    if (a.len == 0) {
        memcpy(out, "none", sizeof "none");
        return out;
    }
    shown = inet_ntop(a.len == 4 ? AF_INET : AF_INET6, a.octet, host, sizeof host);
    MUSTER_ASSERT(shown != NULL);
    snprintf(out, MUSTER_ADDR_TEXT, a.len == 4 ? "%s:%u" : "[%s]:%u", shown, (unsigned)a.port);
    return out;
}

bool muster_addr_same_host(struct muster_addr a, struct muster_addr b)
{
    return a.len == b.len && memcmp(a.octet, b.octet, sizeof a.octet) == 0;
}

bool muster_addr_equal(struct muster_addr a, struct muster_addr b)
{
    return a.port == b.port && muster_addr_same_host(a, b);
}

bool muster_addr_is_loopback(struct muster_addr a)
{
    static const uint8_t one[16] = { [15] = 1 };

    if (a.len == 4)
        return a.octet[0] == 127;
    return a.len == 16 && memcmp(a.octet, one, sizeof one) == 0;
}

bool muster_addr_is_unspecified(struct muster_addr a)
{
    static const uint8_t zero[16] = { 0 };

    return a.len != 0 && memcmp(a.octet, zero, sizeof zero) == 0;
}

bool muster_addr_is_multicast(struct muster_addr a)
{
    if (a.len == 4)
        return (a.octet[0] & 0xf0) == 0xe0;
    return a.len == 16 && a.octet[0] == 0xff;
}
