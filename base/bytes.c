/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes: comparing them, and hexadecimal both ways. */
#include "base/bytes.h"

#include <string.h>

#include "base/err.h"

struct muster_bytes muster_bytes_text(const char *text)
{
    return MUSTER_BYTES(text, strlen(text));
}

/* memcmp is never called with a length of zero: an empty range may have a NULL pointer. */

bool muster_bytes_equal(struct muster_bytes a, struct muster_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool muster_bytes_are(struct muster_bytes b, const char *text)
{
    return muster_bytes_equal(b, muster_bytes_text(text));
}

int muster_bytes_compare(struct muster_bytes a, struct muster_bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool muster_bytes_starts_with(struct muster_bytes whole, struct muster_bytes start)
{
    if (start.len > whole.len)
        return false;
    return start.len == 0 || memcmp(whole.data, start.data, start.len) == 0;
}

void muster_hex_write(char *out, struct muster_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        *out++ = digits[bytes.data[i] >> 4];
        *out++ = digits[bytes.data[i] & 15];
    }
    *out = '\0';
}

/* The digit's value, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool muster_hex_read(uint8_t *out, size_t len, const char *text)
{
    /* A NUL is no digit, so a short text is refused before it is left behind. */
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
