/* SPDX-License-Identifier: Apache-2.0 */
/* Durable writes through one store core and LMDB in a folder: disk_store_bench [FOLDER].
 *
 * One thread steps the core, another commits, as in an agent. Rows 1, 2 and 20 of the goals, as far
 * as the store alone goes; a new row of about 250 bytes for every write. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/disk_lmdb.h"
#include "store/store.h"

#define ALONE      2000u
#define TOGETHER   200000u
#define WINDOW     256u
#define SPEC_BYTES 180u

struct bench {
    struct store *store;
    struct store_lmdb *disk;
    pthread_t worker;
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    const struct store_disk_batch *batch; /* on its way; NULL: none */
    uint64_t batch_done;                  /* its number once it is on disk */
    bool is_over;
    uint64_t written, rows, commits, serving;
    uint8_t spec[SPEC_BYTES];
};

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void must(int err)
{
    if (err != MUSTER_OK) {
        (void)fprintf(stderr, "%s\n", muster_err_name(err));
        exit(1);
    }
}

static void *work(void *context)
{
    struct bench *b = context;

    (void)pthread_mutex_lock(&b->mutex);
    while (!b->is_over) {
        while (b->batch == NULL && !b->is_over)
            (void)pthread_cond_wait(&b->wake, &b->mutex);
        if (b->is_over)
            break;
        const struct store_disk_batch *batch = b->batch;
        (void)pthread_mutex_unlock(&b->mutex);
        must(store_lmdb_commit(b->disk, batch));
        (void)pthread_mutex_lock(&b->mutex);
        b->batch = NULL;
        b->batch_done = batch->number;
        (void)pthread_cond_signal(&b->done);
    }
    (void)pthread_mutex_unlock(&b->mutex);
    return NULL;
}

static void fetch(struct bench *b)
{
    struct store_effect e;

    while (store_next(b->store, &e)) {
        switch (e.kind) {
        case STORE_EFFECT_COMMIT:
            (void)pthread_mutex_lock(&b->mutex);
            b->batch = e.batch;
            (void)pthread_cond_signal(&b->wake);
            (void)pthread_mutex_unlock(&b->mutex);
            b->commits++;
            break;
        case STORE_EFFECT_WRITTEN:
            must(e.err);
            b->written++;
            break;
        case STORE_EFFECT_SERVING:
            b->serving++;
            break;
        default:
            break;
        }
    }
}

static void step(struct bench *b, struct store_event event)
{
    struct muster_now now = { .mono_ms = now_ns() / 1000000 };

    store_step(b->store, now, &event);
    fetch(b);
}

/* Waits for the commit that is under way and hands its outcome in. */
static void commit_wait(struct bench *b)
{
    (void)pthread_mutex_lock(&b->mutex);
    while (b->batch_done == 0)
        (void)pthread_cond_wait(&b->done, &b->mutex);
    uint64_t number = b->batch_done;
    b->batch_done = 0;
    (void)pthread_mutex_unlock(&b->mutex);
    step(b, (struct store_event){ .kind = STORE_EVENT_COMMITTED, .batch = number });
}

static void submit(struct bench *b)
{
    char name[40];

    (void)snprintf(name, sizeof name, "bench/job-%08" PRIu64, b->rows++);
    struct store_row row = { .key = muster_bytes_text(name),
                             .spec = MUSTER_BYTES(b->spec, SPEC_BYTES) };
    struct store_write write = { .row = &row, .births = true, .cookie = b->rows };
    must(store_write(b->store, &write, 1));
}

static int number_compare(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void one_at_a_time(struct bench *b)
{
    uint64_t *took = calloc(ALONE, sizeof *took);
    if (took == NULL)
        return;

    for (uint32_t i = 0; i < ALONE; i++) {
        uint64_t from = now_ns(), until = b->written + 1;
        submit(b);
        fetch(b);
        while (b->written < until)
            commit_wait(b);
        took[i] = now_ns() - from;
    }
    qsort(took, ALONE, sizeof took[0], number_compare);
    printf("store_submit_p50 %" PRIu64 " us\n", took[ALONE / 2] / 1000);
    printf("store_submit_p99 %" PRIu64 " us\n", took[ALONE * 99 / 100] / 1000);
    free(took);
}

static void window(struct bench *b)
{
    uint64_t first = b->written, from = now_ns(), commits = b->commits, sent = 0;

    while (b->written < first + TOGETHER) {
        for (; sent < TOGETHER && sent < b->written - first + WINDOW; sent++)
            submit(b);
        fetch(b);
        commit_wait(b);
    }
    uint64_t took = now_ns() - from;
    printf("store_submits_window_256 %" PRIu64 " /s\n",
           TOGETHER * UINT64_C(1000000) / (took / 1000));
    printf("store_rows_per_commit %" PRIu64 " rows\n", TOGETHER / (b->commits - commits));
}

/* The part of the memory that is ours alone: LMDB's map of the file does not count. */
static void memory(const char *name)
{
    char line[128];
    unsigned long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        (void)sscanf(line, "RssAnon: %lu kB", &kib);
    if (f != NULL)
        (void)fclose(f);
    printf("%s %lu KiB\n", name, kib);
}

static int record_load(void *context, struct muster_bytes key, struct muster_bytes value)
{
    return store_load(context, STORE_TABLE_ROW, key, value);
}

static int bucket_load(void *context, struct muster_bytes key, struct muster_bytes value)
{
    return store_load(context, STORE_TABLE_BUCKET, key, value);
}

static void open_store(struct bench *b)
{
    struct store_config c = { .self = { { 1 } },
                              .boot = 1,
                              .buckets = STORE_BUCKETS,
                              .replicas = 3,
                              .rows_max = 1u << 20,
                              .peers_max = 64,
                              .seed = 1 };

    store_times_wan(&c.times);
    must(store_open(&b->store, &c));
}

static void serve_all(struct bench *b)
{
    b->serving = 0;
    step(b, (struct store_event){ .kind = STORE_EVENT_TICK });
    while (b->serving < STORE_BUCKETS)
        commit_wait(b);
}

static void boot_again(struct bench *b)
{
    uint64_t from = now_ns();

    store_close(b->store);
    open_store(b);
    must(store_lmdb_each(b->disk, STORE_TABLE_BUCKET, b->store, bucket_load));
    must(store_lmdb_each(b->disk, STORE_TABLE_ROW, b->store, record_load));
    store_start(b->store, (struct muster_now){ .mono_ms = now_ns() / 1000000 });
    serve_all(b);
    printf("store_boot_%uk_rows %" PRIu64 " ms\n", (unsigned)(b->rows / 1000),
           (now_ns() - from) / 1000000);
}

int main(int argc, char **argv)
{
    struct bench b = { .mutex = PTHREAD_MUTEX_INITIALIZER,
                       .wake = PTHREAD_COND_INITIALIZER,
                       .done = PTHREAD_COND_INITIALIZER };
    char folder[] = "/var/tmp/muster-bench-XXXXXX", path[300];
    const char *at = argc > 1 ? argv[1] : mkdtemp(folder);

    if (at == NULL)
        must(MUSTER_EIO);
    open_store(&b);
    must(store_lmdb_open(&b.disk, at));
    if (pthread_create(&b.worker, NULL, work, &b) != 0)
        must(MUSTER_EIO);
    store_found(b.store);
    store_start(b.store, (struct muster_now){ .mono_ms = now_ns() / 1000000 });
    serve_all(&b);
    memory("store_memory_idle");
    one_at_a_time(&b);
    window(&b);
    memory("store_memory_202k_rows");
    boot_again(&b);
    (void)pthread_mutex_lock(&b.mutex);
    b.is_over = true;
    (void)pthread_cond_signal(&b.wake);
    (void)pthread_mutex_unlock(&b.mutex);
    (void)pthread_join(b.worker, NULL);
    store_close(b.store);
    store_lmdb_close(b.disk);
    for (uint32_t i = 0; i < 2 && argc == 1; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", at, i == 0 ? "data.mdb" : "lock.mdb");
        (void)unlink(path);
    }
    return argc == 1 ? rmdir(at) : 0;
}
