/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for many lives. Large blocks: a node asks for tens of megabytes when it boots, zeroed, and
 * touches a hundred pages of them. Blocks that were given back are handed out again, and only the
 * pages that are in memory and not zero are zeroed: the kernel is spared the mapping and the
 * faults. Small blocks are kept by size. Builds with a sanitizer have the C library's own. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/sim/run.h"

#define SPACE       ((size_t)64 << 30) /* of addresses */
#define PAGE        4096u
#define PAGE_LOOK   32u /* words at a time */
#define PAGE_FETCH  512u
#define CACHE_LINE  64u
#define UNIT        ((size_t)16 << 10)
#define UNITS       (SPACE / UNIT)
#define BLOCK_PAGES 16384u /* 64 MiB; what is larger is the C library's */
#define KINDS       256u
#define KIND_ZEROED (UINT32_C(1) << 31)

#define SMALL_SPACE ((size_t)16 << 30)
#define SMALL_STEP  16u
#define SMALL_STEPS 64u /* sizes of 16 bytes more each, then of 1 KiB more each up to UNIT, */
#define SMALL_SIZES (2 * SMALL_STEPS + 1) /* with the word in front that tells which */
#define SMALL_WORD  sizeof(uint64_t)

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

/* A block that is free has the next one of its kind in its first bytes. What was wanted zeroed once
 * is kept apart from what was not: that one is full of pages that would have to be looked at. */
static struct {
    uint8_t *space;
    size_t used;
    uint32_t kind[KINDS]; /* of the blocks in `spare` */
    void *spare[KINDS];
    uint32_t kinds;
} heap;
static uint32_t *kind_of; /* by where a block begins: its units, and KIND_ZEROED */

/* ---- small blocks: they are handed out again, and never given back */

static struct {
    uint8_t *space;
    size_t used;
    void *spare[SMALL_SIZES];
} small;

static bool is_small(const void *block)
{
    return small.space != NULL && (size_t)((const uint8_t *)block - small.space) < SMALL_SPACE;
}

static uint64_t index_of(const void *block)
{
    uint64_t index;
    memcpy(&index, (const uint8_t *)block - SMALL_WORD, SMALL_WORD);
    return index;
}

static size_t small_bytes(uint64_t index)
{
    return index <= SMALL_STEPS ? index * SMALL_STEP
                                : (index - SMALL_STEPS) * SMALL_STEPS * SMALL_STEP;
}

static size_t small_index(size_t size)
{
    size_t steps = (size + SMALL_WORD + SMALL_STEP - 1) / SMALL_STEP;
    return steps <= SMALL_STEPS ? steps : SMALL_STEPS + (steps + SMALL_STEPS - 1) / SMALL_STEPS;
}

static void *small_take(size_t size)
{
    size_t index = size < UNIT ? small_index(size) : SMALL_SIZES;
    if (index >= SMALL_SIZES || small.space == NULL)
        return NULL;
    uint8_t *block = small.spare[index];
    if (block != NULL) {
        memcpy(&small.spare[index], block, sizeof small.spare[index]);
        return block;
    }
    if (SMALL_SPACE - small.used < small_bytes(index) + SMALL_STEP)
        return NULL;
    block = small.space + small.used + SMALL_STEP;
    small.used += small_bytes(index);
    uint64_t word = index;
    memcpy(block - SMALL_WORD, &word, SMALL_WORD);
    return block;
}

static void small_give(void *block)
{
    uint64_t index = index_of(block);
    memcpy(block, &small.spare[index], sizeof small.spare[index]);
    small.spare[index] = block;
}

/* ---- large blocks */

static bool is_large(const void *block)
{
    return heap.space != NULL && (size_t)((const uint8_t *)block - heap.space) < SPACE;
}

static uint32_t block_kind(const void *block)
{
    return kind_of[(size_t)((const uint8_t *)block - heap.space) / UNIT];
}

static size_t size_of(const void *block)
{
    return (block_kind(block) & ~KIND_ZEROED) * UNIT;
}

static void **spare_of(uint32_t kind)
{
    uint32_t i = 0;
    while (i < heap.kinds && heap.kind[i] != kind)
        i++;
    if (i == KINDS)
        return NULL;
    if (i == heap.kinds)
        heap.kind[heap.kinds++] = kind;
    return &heap.spare[i];
}

/* NULL where the C library's own is to be taken; `was_used`: it need not be zero. */
static void *large_take(size_t size, uint32_t kind, bool *was_used)
{
    *was_used = false;
    if (size < UNIT || size > BLOCK_PAGES * (size_t)PAGE || heap.space == NULL)
        return NULL;
    uint32_t units = (uint32_t)((size + UNIT - 1) / UNIT);
    void **spare = spare_of(kind | units);
    if (spare != NULL && *spare != NULL) {
        void *block = *spare;
        memcpy(spare, block, sizeof *spare);
        *was_used = true;
        return block;
    }
    if (SPACE - heap.used < units * UNIT)
        return NULL;
    uint8_t *block = heap.space + heap.used;
    kind_of[heap.used / UNIT] = kind | units;
    heap.used += units * UNIT;
    return block;
}

/* Most pages were written to in another life than the last: to look is half of what writing is. */
static void page_zero(uint8_t *page)
{
    uint64_t word[PAGE_LOOK];
    for (size_t at = 0; at < PAGE; at += sizeof word) {
        uint64_t any = 0;
        memcpy(word, page + at, sizeof word);
        for (size_t i = 0; i < PAGE_LOOK; i++)
            any |= word[i];
        if (any != 0) {
            memset(page + at, 0, PAGE - at);
            return;
        }
    }
}

/* PAGEMAP_SCAN as Linux has it from 6.7 on, whatever the headers say: where pages are, as ranges.
 * It takes a third of the time of mincore, which tells it page by page. A page that the kernel is
 * just moving counts as swapped. */
#define SCAN_RANGES  64u
#define SCAN_PRESENT (UINT64_C(1) << 3)
#define SCAN_SWAPPED (UINT64_C(1) << 4)
#define SCAN_ZERO    (UINT64_C(1) << 5) /* read, never written to: all such pages are one */

struct scan_range {
    uint64_t begin, end, what;
};

struct scan {
    uint64_t size, flags, begin, end, reached, range, ranges, pages_max;
    uint64_t inverted, all_of, any_of, told;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan)

static uint8_t *page_at(uint64_t address)
{
    return heap.space + (address - (uintptr_t)heap.space);
}

/* The processor reads ahead within a page, and not from one to the next. */
static void page_fetch(const uint8_t *page)
{
    for (size_t at = 0; at < PAGE_FETCH; at += CACHE_LINE)
        __builtin_prefetch(page + at);
}

/* `then`: where the next range begins. */
static void range_zero(uint64_t begin, uint64_t end, uint64_t then)
{
    for (uint64_t at = begin; at < end; at += PAGE) {
        page_fetch(page_at(at + PAGE < end ? at + PAGE : then));
        page_zero(page_at(at));
    }
}

/* A page map is that of the process that opened it. */
static int pages_file(void)
{
    static pid_t owner;
    static int file = -1;
    if (owner != getpid()) {
        if (file >= 0)
            close(file);
        file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        owner = getpid();
    }
    return file;
}

/* False when the kernel does not know how. */
static bool scan_zero(void *block, size_t size)
{
    static struct scan_range range[SCAN_RANGES];
    struct scan scan = { .size = sizeof scan,
                         .begin = (uintptr_t)block,
                         .end = (uintptr_t)block + size,
                         .range = (uintptr_t)range,
                         .ranges = SCAN_RANGES,
                         .inverted = SCAN_ZERO,
                         .all_of = SCAN_ZERO,
                         .any_of = SCAN_PRESENT | SCAN_SWAPPED };
    int file = pages_file();
    while (scan.begin < scan.end) {
        int found = ioctl(file, SCAN_IOCTL, &scan);
        if (found < 0)
            return false;
        for (int i = 0; i < found; i++)
            range_zero(range[i].begin, range[i].end, range[i + 1 < found ? i + 1 : i].begin);
        scan.begin = scan.reached;
    }
    return true;
}

static void large_zero(void *block)
{
    static unsigned char is_there[BLOCK_PAGES];
    static bool is_old;
    size_t size = size_of(block);
    is_old = is_old || !scan_zero(block, size);
    if (!is_old)
        return;
    int err = mincore(block, size, is_there);
    MUSTER_ASSERT(err == 0);
    for (size_t i = 0; i < size / PAGE; i++)
        if ((is_there[i] & 1) != 0)
            page_zero((uint8_t *)block + i * PAGE);
}

void sim_memory_open(void)
{
    struct sysinfo machine;
    /* What has been swapped out does not look like memory in use. */
    if (sysinfo(&machine) != 0 || machine.totalswap != 0)
        return;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *kinds = mmap(NULL, UNITS * sizeof *kind_of, PROT_READ | PROT_WRITE, flags, -1, 0);
    void *space = mmap(NULL, SPACE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (kinds == MAP_FAILED || space == MAP_FAILED)
        return;
    (void)madvise(space, SPACE, MADV_NOHUGEPAGE);
    void *blocks = mmap(NULL, SMALL_SPACE, PROT_READ | PROT_WRITE, flags, -1, 0);
    small.space = blocks != MAP_FAILED ? blocks : NULL;
    (void)madvise(small.space, small.space != NULL ? SMALL_SPACE : 0, MADV_HUGEPAGE);
    kind_of = kinds;
    heap.space = space;
}

/* ---- what everybody calls */

void *malloc(size_t size)
{
    bool was_used;
    void *block = small_take(size);
    if (block == NULL)
        block = large_take(size, 0, &was_used);
    return block != NULL ? block : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    bool was_used;
    size_t all;
    if (__builtin_mul_overflow(count, size, &all))
        return NULL;
    void *block = small_take(all);
    if (block != NULL)
        return memset(block, 0, all);
    block = large_take(all, KIND_ZEROED, &was_used);
    if (block != NULL && was_used)
        large_zero(block);
    return block != NULL ? block : __libc_calloc(count, size);
}

void free(void *block)
{
    if (block == NULL)
        return; /* as three of four are */
    if (is_small(block)) {
        small_give(block);
        return;
    }
    if (!is_large(block)) {
        __libc_free(block);
        return;
    }
    void **spare = spare_of(block_kind(block));
    if (spare == NULL)
        return; /* too many kinds: it is lost */
    memcpy(block, spare, sizeof *spare);
    *spare = block;
}

void *realloc(void *block, size_t size)
{
    if (!is_small(block) && !is_large(block))
        return __libc_realloc(block, size);
    size_t had = is_small(block) ? small_bytes(index_of(block)) - SMALL_WORD : size_of(block);
    if (size <= had)
        return block;
    void *larger = malloc(size);
    if (larger == NULL)
        return NULL;
    memcpy(larger, block, had);
    free(block);
    return larger;
}

#else

void sim_memory_open(void)
{
}

#endif
