/* SPDX-License-Identifier: Apache-2.0 */
/* Archives, written and read. */
#include "tools/cli/tar.h"

#include <stddef.h>
#include <string.h>

#define BLOCK 512

struct head {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
    char magic[8], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct head) == BLOCK, "a head is a block");

static const char zeros[BLOCK];

static unsigned sum_of(const struct head *h)
{
    const unsigned char *at = (const unsigned char *)h;
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof *h; i++)
        sum += i >= offsetof(struct head, sum) && i < offsetof(struct head, type) ? ' ' : at[i];
    return sum;
}

/* Octal digits where they have room, else the number itself with its highest bit set. */
static void size_put(char out[12], uint64_t size)
{
    if (size < 1ull << 33) {
        (void)snprintf(out, 12, "%011llo", (unsigned long long)size);
        return;
    }
    memset(out, 0, 12);
    out[0] = (char)0x80;
    for (int i = 0; i < 8; i++)
        out[11 - i] = (char)(size >> 8 * i & 0xff);
}

static bool size_get(const char in[12], uint64_t *size)
{
    *size = 0;
    if (((unsigned char)in[0] & 0x80) != 0) {
        for (int i = 4; i < 12; i++)
            *size = *size << 8 | (unsigned char)in[i];
        return *size < 1ull << 62;
    }
    for (int i = 0; i < 12 && in[i] >= '0' && in[i] <= '7'; i++)
        *size = *size << 3 | (uint64_t)(in[i] - '0');
    return true;
}

bool cli_tar_begin(FILE *file, struct cli_tar_entry *e, const char *name)
{
    *e = (struct cli_tar_entry){ .size = 0 };
    (void)snprintf(e->name, sizeof e->name, "%s", name);
    bool is_good = fwrite(zeros, BLOCK, 1, file) == 1;
    e->at = ftello(file);
    return is_good && e->at >= BLOCK;
}

bool cli_tar_end(FILE *file, struct cli_tar_entry *e, long long wall_s)
{
    struct head h = { .type = '0', .magic = "ustar" };
    long long end = ftello(file);
    if (end < e->at)
        return false;
    e->size = (uint64_t)(end - e->at);
    memcpy(h.name, e->name, strlen(e->name) < sizeof h.name ? strlen(e->name) : sizeof h.name);
    memcpy(h.magic + 6, "00", 2);
    (void)snprintf(h.mode, sizeof h.mode, "%07o", 0600u);
    (void)snprintf(h.uid, sizeof h.uid, "%07o", 0u);
    (void)snprintf(h.gid, sizeof h.gid, "%07o", 0u);
    (void)snprintf(h.mtime, sizeof h.mtime, "%011llo", (unsigned long long)wall_s);
    size_put(h.size, e->size);
    (void)snprintf(h.sum, sizeof h.sum, "%06o", sum_of(&h));
    h.sum[7] = ' ';
    size_t pad = (BLOCK - e->size % BLOCK) % BLOCK;
    return (pad == 0 || fwrite(zeros, pad, 1, file) == 1) &&
           fseeko(file, e->at - BLOCK, SEEK_SET) == 0 && fwrite(&h, sizeof h, 1, file) == 1 &&
           fseeko(file, 0, SEEK_END) == 0;
}

bool cli_tar_finish(FILE *file)
{
    return fwrite(zeros, BLOCK, 1, file) == 1 && fwrite(zeros, BLOCK, 1, file) == 1;
}

bool cli_tar_next(FILE *file, struct cli_tar_entry *e, bool *is_end)
{
    struct head h;
    unsigned sum = 0;
    *is_end = false;
    if (fread(&h, sizeof h, 1, file) != 1)
        return false;
    *is_end = memcmp(&h, zeros, sizeof h) == 0;
    for (int i = 0; i < 6 && h.sum[i] >= '0' && h.sum[i] <= '7'; i++)
        sum = sum * 8 + (unsigned)(h.sum[i] - '0');
    bool is_one = !*is_end && memcmp(h.magic, "ustar", 5) == 0 && sum == sum_of(&h) &&
                  size_get(h.size, &e->size);
    (void)snprintf(e->name, sizeof e->name, "%.100s", h.name);
    e->at = ftello(file);
    return is_one && e->at >= 0;
}

bool cli_tar_pass(FILE *file, const struct cli_tar_entry *e)
{
    uint64_t whole = (e->size + BLOCK - 1) / BLOCK * BLOCK;
    return fseeko(file, e->at + (long long)whole, SEEK_SET) == 0;
}
