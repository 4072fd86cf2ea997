/* SPDX-License-Identifier: Apache-2.0 */
/* Large blocks for many lives: a node asks for tens of megabytes when it boots, zeroed, and touches
 * a hundred pages of them. Blocks that were given back are handed out again, and only the pages
 * that are in memory are zeroed: the kernel is spared the mapping and the faults. Small blocks, and
 * builds with a sanitizer, have the C library's own. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "base/err.h"
#include "tests/sim/run.h"

#define SPACE       ((size_t)64 << 30) /* of addresses */
#define PAGE        4096u
#define UNIT        ((size_t)64 << 10)
#define UNITS       (SPACE / UNIT)
#define BLOCK_PAGES 16384u /* 64 MiB; what is larger is the C library's */
#define SIZES       64u

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define IS_PLAIN 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_PLAIN 0
#endif
#endif
#ifndef IS_PLAIN
#define IS_PLAIN 1
#endif

#if IS_PLAIN

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

/* A block that is free has the next one of its size in its first bytes. */
static struct {
    uint8_t *space;
    size_t used;
    uint32_t units[SIZES]; /* of the blocks in `spare` */
    void *spare[SIZES];
    uint32_t sizes;
} heap;
static uint32_t *units_of; /* by where a block begins */

void sim_memory_open(void)
{
    struct sysinfo machine;
    /* What has been swapped out does not look like memory in use. */
    if (sysinfo(&machine) != 0 || machine.totalswap != 0)
        return;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *units = mmap(NULL, UNITS * sizeof *units_of, PROT_READ | PROT_WRITE, flags, -1, 0);
    void *space = mmap(NULL, SPACE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (units == MAP_FAILED || space == MAP_FAILED)
        return;
    (void)madvise(space, SPACE, MADV_NOHUGEPAGE);
    units_of = units;
    heap.space = space;
}

static bool is_ours(const void *block)
{
    return heap.space != NULL && (size_t)((const uint8_t *)block - heap.space) < SPACE;
}

static size_t size_of(const void *block)
{
    return units_of[(size_t)((const uint8_t *)block - heap.space) / UNIT] * UNIT;
}

static void **spare_of(uint32_t units)
{
    uint32_t i = 0;
    while (i < heap.sizes && heap.units[i] != units)
        i++;
    if (i == SIZES)
        return NULL;
    if (i == heap.sizes)
        heap.units[heap.sizes++] = units;
    return &heap.spare[i];
}

/* NULL where the C library's own is to be taken; `was_used`: it need not be zero. */
static void *large_take(size_t size, bool *was_used)
{
    *was_used = false;
    if (size < UNIT || size > BLOCK_PAGES * (size_t)PAGE || heap.space == NULL)
        return NULL;
    uint32_t units = (uint32_t)((size + UNIT - 1) / UNIT);
    void **spare = spare_of(units);
    if (spare != NULL && *spare != NULL) {
        void *block = *spare;
        memcpy(spare, block, sizeof *spare);
        *was_used = true;
        return block;
    }
    if (SPACE - heap.used < units * UNIT)
        return NULL;
    uint8_t *block = heap.space + heap.used;
    units_of[heap.used / UNIT] = units;
    heap.used += units * UNIT;
    return block;
}

static void large_zero(void *block)
{
    static unsigned char is_there[BLOCK_PAGES];
    size_t pages = size_of(block) / PAGE;
    int err = mincore(block, pages * PAGE, is_there);
    MUSTER_ASSERT(err == 0);
    for (size_t i = 0; i < pages; i++)
        if ((is_there[i] & 1) != 0)
            memset((uint8_t *)block + i * PAGE, 0, PAGE);
}

void *malloc(size_t size)
{
    bool was_used;
    void *block = large_take(size, &was_used);
    return block != NULL ? block : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    bool was_used;
    size_t all;
    if (__builtin_mul_overflow(count, size, &all))
        return NULL;
    void *block = large_take(all, &was_used);
    if (block != NULL && was_used)
        large_zero(block);
    return block != NULL ? block : __libc_calloc(count, size);
}

void free(void *block)
{
    if (!is_ours(block)) {
        __libc_free(block);
        return;
    }
    void **spare = spare_of((uint32_t)(size_of(block) / UNIT));
    if (spare == NULL)
        return; /* too many sizes: it is lost */
    memcpy(block, spare, sizeof *spare);
    *spare = block;
}

void *realloc(void *block, size_t size)
{
    if (!is_ours(block))
        return __libc_realloc(block, size);
    if (size <= size_of(block))
        return block;
    void *larger = malloc(size);
    if (larger == NULL)
        return NULL;
    memcpy(larger, block, size_of(block));
    free(block);
    return larger;
}

#else

void sim_memory_open(void)
{
}

#endif
