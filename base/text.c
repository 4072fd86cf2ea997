/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows up to a maximum, and formatting into fixed buffers. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE_FIRST 256

void muster_text_open(struct muster_text *t, size_t max)
{
    /* Nothing is taken before the first word, so an unused text costs nothing. */
    *t = (struct muster_text){ .max = max };
}

void muster_text_close(struct muster_text *t)
{
    free(t->data);
    *t = (struct muster_text){ 0 };
}

void muster_text_clear(struct muster_text *t)
{
    t->len = 0;
    t->err = MUSTER_OK;
    if (t->data != NULL)
        t->data[0] = '\0';
}

/* Makes room for `more` bytes and a NUL; false with the error kept. */
static bool text_reserve(struct muster_text *t, size_t more)
{
    size_t size = t->size == 0 ? TEXT_SIZE_FIRST : t->size;
    char *data;

    MUSTER_ASSERT(t->len <= t->max);
    if (t->err != MUSTER_OK)
        return false;
    if (more > t->max - t->len) {
        t->err = MUSTER_ELIMIT;
        return false;
    }
    if (t->data != NULL && t->len + more < t->size)
        return true;
    while (size <= t->len + more)
        size *= 2;
    data = realloc(t->data, size);
    if (data == NULL) {
        t->err = MUSTER_EFULL;
        return false;
    }
    t->data = data;
    t->size = size;
    return true;
}

void muster_text_add(struct muster_text *t, const char *format, ...)
{
    va_list args;
    size_t room = t->data == NULL ? 0 : t->size - t->len;
    int len;

    if (t->err != MUSTER_OK)
        return;
    va_start(args, format);
    len = vsnprintf(room == 0 ? NULL : t->data + t->len, room, format, args);
    va_end(args);
    MUSTER_ASSERT(len >= 0); /* only a wrong format or more than 2 GiB */
    if ((size_t)len >= room || (size_t)len > t->max - t->len) {
        /* The first attempt only counted, or went beyond the maximum; what it left is undone. */
        if (room != 0)
            t->data[t->len] = '\0';
        if (!text_reserve(t, (size_t)len))
            return;
        va_start(args, format);
        vsnprintf(t->data + t->len, t->size - t->len, format, args);
        va_end(args);
    }
    t->len += (size_t)len;
}

void muster_text_add_bytes(struct muster_text *t, struct muster_bytes bytes)
{
    if (!text_reserve(t, bytes.len))
        return;
    if (bytes.len != 0)
        memcpy(t->data + t->len, bytes.data, bytes.len);
    t->len += bytes.len;
    t->data[t->len] = '\0';
}

struct muster_bytes muster_text_bytes(const struct muster_text *t)
{
    return MUSTER_BYTES(t->data, t->len);
}

bool muster_format(char *out, size_t size, const char *format, ...)
{
    va_list args;
    int len;

    MUSTER_ASSERT(size > 0);
    va_start(args, format);
    len = vsnprintf(out, size, format, args);
    va_end(args);
    if (len < 0)
        out[0] = '\0';
    return len >= 0 && (size_t)len < size;
}
