/* SPDX-License-Identifier: Apache-2.0 */
/* The real disk: batches whole or not at all, whatever ends the process; one process at a time;
 * full disks that still delete. Works in a folder of its own under $TMPDIR or /tmp. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/disk_lmdb.h"
#include "tests/unit/unit.h"

#define OPS 50 /* of one batch */

struct folder {
    char path[256];
};

static int folder_make(void **state)
{
    static struct folder f;
    const char *base = getenv("TMPDIR");

    (void)snprintf(f.path, sizeof f.path, "%s/muster-disk-XXXXXX", base == NULL ? "/tmp" : base);
    *state = &f;
    return mkdtemp(f.path) == NULL ? -1 : 0;
}

static int folder_remove(void **state)
{
    const struct folder *f = *state;
    static const char *const files[] = { "data.mdb", "lock.mdb" };
    char path[300];

    for (size_t i = 0; i < UNIT_COUNT(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", f->path, files[i]);
        (void)unlink(path);
    }
    return rmdir(f->path);
}

/* A batch that writes `count` rows of `len` bytes, all marked with its number. */
struct filled {
    struct store_disk_op op[OPS];
    struct store_disk_batch batch;
    uint8_t key[OPS][8];
    uint8_t *value;
};

static void batch_fill(struct filled *f, uint64_t number, uint32_t count, size_t len, bool del)
{
    f->value = malloc(len);
    assert_non_null(f->value);
    memset(f->value, (int)(number & 0xFF), len);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = number * OPS + i;
        for (uint32_t k = 0; k < 8; k++)
            f->key[i][k] = (uint8_t)(key >> (8 * (7 - k)));
        f->op[i] = (struct store_disk_op){ .table = STORE_TABLE_ROW,
                                           .is_delete = del,
                                           .key = MUSTER_BYTES(f->key[i], 8),
                                           .value = MUSTER_BYTES(f->value, len) };
    }
    f->batch = (struct store_disk_batch){ .op = f->op, .count = count, .number = number };
}

static int commit(struct store_lmdb *d, uint64_t number, uint32_t count, size_t len, bool del)
{
    struct filled f;

    batch_fill(&f, number, count, len, del);
    int err = store_lmdb_commit(d, &f.batch);
    free(f.value);
    return err;
}

struct tally {
    uint32_t rows;
    uint32_t of_batch[4096];
};

static int tally_take(void *context, struct muster_bytes key, struct muster_bytes value)
{
    struct tally *t = context;
    uint64_t number = 0;

    for (uint32_t i = 0; i < 8; i++)
        number = number << 8 | key.data[i];
    assert_int_equal(value.data[0], (number / OPS) & 0xFF);
    t->rows++;
    t->of_batch[number / OPS % 4096]++;
    return MUSTER_OK;
}

static void tally_rows(struct store_lmdb *d, struct tally *t)
{
    memset(t, 0, sizeof *t);
    assert_int_equal(store_lmdb_each(d, STORE_TABLE_ROW, t, tally_take), MUSTER_OK);
}

static void what_is_committed_is_there_after_opening_again(void **state)
{
    const struct folder *f = *state;
    struct store_lmdb *d;
    static struct tally t;

    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    tally_rows(d, &t);
    assert_int_equal(t.rows, 0);
    assert_int_equal(commit(d, 1, OPS, 100, false), MUSTER_OK);
    assert_int_equal(commit(d, 2, 10, 100, false), MUSTER_OK);
    assert_int_equal(commit(d, 1, 5, 0, true), MUSTER_OK);
    assert_int_equal(commit(d, 9, 5, 0, true), MUSTER_OK); /* deleting what is not there */
    store_lmdb_close(d);
    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    tally_rows(d, &t);
    assert_int_equal(t.of_batch[1], OPS - 5);
    assert_int_equal(t.of_batch[2], 10);
    store_lmdb_close(d);
}

static int order_take(void *context, struct muster_bytes key, struct muster_bytes value)
{
    uint8_t *last = context;

    (void)value;
    assert_true(key.data[0] > *last);
    *last = key.data[0];
    return *last == 3 ? MUSTER_EBUSY : MUSTER_OK;
}

static void tables_are_apart_in_key_order_and_a_reader_may_stop(void **state)
{
    const struct folder *f = *state;
    struct store_disk_op op[5];
    struct store_lmdb *d;
    static struct tally t;
    uint8_t key[] = { 4, 2, 3, 1, 5 }, last = 0;

    for (uint32_t i = 0; i < 5; i++)
        op[i] = (struct store_disk_op){ .table = STORE_TABLE_CLAIM,
                                        .key = MUSTER_BYTES(&key[i], 1),
                                        .value = MUSTER_BYTES("x", 1) };
    const struct store_disk_batch batch = { .op = op, .count = 5, .number = 1 };
    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    assert_int_equal(store_lmdb_commit(d, &batch), MUSTER_OK);
    tally_rows(d, &t);
    assert_int_equal(t.rows, 0);
    assert_int_equal(store_lmdb_each(d, STORE_TABLE_CLAIM, &last, order_take), MUSTER_EBUSY);
    assert_int_equal(last, 3);
    store_lmdb_close(d);
}

static void one_process_at_a_time(void **state)
{
    const struct folder *f = *state;
    struct store_lmdb *d, *second;

    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    assert_int_equal(store_lmdb_open(&second, f->path), MUSTER_EBUSY);
    assert_null(second);
    store_lmdb_close(d);
    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    store_lmdb_close(d);
}

static void a_newer_format_is_refused(void **state)
{
    static const struct {
        const char *format;
        int err;
    } cases[] = { { "1", MUSTER_OK }, { "2", MUSTER_EVERSION }, { "x", MUSTER_ECORRUPT } };
    const struct folder *f = *state;
    struct store_lmdb *d;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct store_disk_op op = { .table = STORE_TABLE_META,
                                    .key = muster_bytes_text("format"),
                                    .value = muster_bytes_text(cases[i].format) };
        const struct store_disk_batch batch = { .op = &op, .count = 1, .number = 1 };
        assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
        assert_int_equal(store_lmdb_commit(d, &batch), MUSTER_OK);
        store_lmdb_close(d);
        assert_int_equal(store_lmdb_open(&d, f->path), cases[i].err);
        store_lmdb_close(d);
        (void)folder_remove(state); /* what cannot be opened cannot be mended either */
        assert_int_equal(mkdir(f->path, 0700), 0);
    }
}

static int count_take(void *context, struct muster_bytes key, struct muster_bytes value)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)context;
    return MUSTER_OK;
}

/* Opens what was damaged: refused, or every row is there (what is in it has a checksum elsewhere).
 * True if it was refused. */
static bool damaged_open(const char *folder, uint32_t rows)
{
    struct store_lmdb *d;
    uint32_t count = 0;
    int err = store_lmdb_open(&d, folder);

    if (err == MUSTER_OK) {
        assert_int_equal(store_lmdb_each(d, STORE_TABLE_ROW, &count, count_take), MUSTER_OK);
        assert_int_equal(count, rows);
    } else {
        assert_true(err == MUSTER_ECORRUPT || err == MUSTER_EVERSION);
    }
    store_lmdb_close(d);
    return err != MUSTER_OK;
}

#define WHOLE_MAX (1 << 20)
#define META_END  (2 * 4096)

/* LMDB itself would be killed by many of these, or show fewer rows than there are. Its two first
 * pages say which of two states is the newest and have no checksum: one state may be lost there. */
static void a_flipped_bit_or_a_cut_is_refused_or_hurts_nothing(void **state)
{
    static uint8_t whole[WHOLE_MAX];
    const struct folder *f = *state;
    char path[300];
    struct store_lmdb *d;
    uint32_t refused = 0;

    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    for (uint64_t number = 0; number < 4; number++)
        assert_int_equal(commit(d, number, OPS, 700, false), MUSTER_OK);
    assert_int_equal(commit(d, 1, OPS, 0, true), MUSTER_OK);
    store_lmdb_close(d);
    (void)snprintf(path, sizeof path, "%s/data.mdb", f->path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = read(fd, whole, sizeof whole);
    assert_in_range(size, 40 * 4096, sizeof whole - 1);

    for (ssize_t at = META_END + 7; at < size; at += 331) {
        uint8_t flipped = whole[at] ^ (uint8_t)(1u << (at % 8));
        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        refused += damaged_open(f->path, 3 * OPS);
        assert_int_equal(pwrite(fd, whole, (size_t)size, 0), size);
    }
    assert_in_range(refused, 5, 400);
    for (ssize_t at = size - 4096; at > 0; at -= 5 * 4096) {
        assert_int_equal(ftruncate(fd, at), 0);
        assert_true(damaged_open(f->path, 3 * OPS));
        assert_int_equal(pwrite(fd, whole, (size_t)size, 0), size);
    }
    assert_false(damaged_open(f->path, 3 * OPS));
    close(fd);
}

static void a_map_three_quarters_full_grows(void **state)
{
    const struct folder *f = *state;
    struct store_lmdb *d;
    static struct tally t;

    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    for (uint64_t number = 0; number < 50; number++) /* 150 MiB into what began as 60 */
        assert_int_equal(commit(d, number, OPS, 60000, false), MUSTER_OK);
    tally_rows(d, &t);
    assert_int_equal(t.rows, 50 * OPS);
    store_lmdb_close(d);
    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    tally_rows(d, &t);
    assert_int_equal(t.rows, 50 * OPS);
    store_lmdb_close(d);
}

/* The child commits batch after batch and says so after each; it never ends by itself. */
static _Noreturn void writer(const char *path, int report)
{
    struct store_lmdb *d;

    if (store_lmdb_open(&d, path) != MUSTER_OK)
        _exit(1);
    for (uint64_t number = 0; number < 4096; number++) {
        uint32_t said = (uint32_t)number;
        if (commit(d, number, OPS, 300, false) != MUSTER_OK ||
            write(report, &said, sizeof said) != sizeof said)
            _exit(2);
    }
    _exit(3);
}

/* KiB of its map that count as memory of ours. */
static unsigned long map_kib(const struct folder *f)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    unsigned long begin, kib = 0, sum = 0;
    bool is_its = false;
    char line[400];

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-", &begin) == 1 && strchr(line, '-') != NULL)
            is_its = strstr(line, f->path) != NULL && strstr(line, "data.mdb") != NULL;
        else if (is_its && sscanf(line, "Rss: %lu", &kib) == 1)
            sum += kib;
    }
    (void)fclose(maps);
    return sum;
}

/* What was read and written stays with the kernel, and is read again from there. */
static void the_map_is_let_go_of(void **state)
{
    const struct folder *f = *state;
    struct store_lmdb *d;
    static struct tally t;

    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    for (uint32_t i = 0; i < 100; i++) { /* 5 MiB, and again over what is there */
        assert_int_equal(commit(d, 1 + i % 50, OPS, 1900, false), MUSTER_OK);
        assert_true(map_kib(f) < 2048);
    }
    tally_rows(d, &t);
    assert_int_equal(t.rows, 50 * OPS);
    assert_true(map_kib(f) < 1024);
    store_lmdb_close(d);
    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    tally_rows(d, &t);
    assert_int_equal(t.rows, 50 * OPS);
    assert_true(map_kib(f) < 1024);
    store_lmdb_close(d);
}

static void a_killed_writer_leaves_whole_batches_only(void **state)
{
    const struct folder *f = *state;
    static struct tally t;

    for (uint32_t round = 0; round < 8; round++) {
        int pipes[2], status;
        uint32_t last = 0;
        struct store_lmdb *d;
        assert_int_equal(pipe(pipes), 0);
        pid_t pid = fork();
        if (pid == 0)
            writer(f->path, pipes[1]);
        assert_true(pid > 0);
        (void)close(pipes[1]);
        for (uint32_t i = 0; i <= 7 * round; i++)
            assert_int_equal(read(pipes[0], &last, sizeof last), sizeof last);
        assert_int_equal(kill(pid, SIGKILL), 0); /* it is in its next commit by now */
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(pipes[0], &last, sizeof last) == sizeof last)
            continue; /* what it had said before the signal came */
        (void)close(pipes[0]);
        assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
        tally_rows(d, &t);
        for (uint32_t number = 0; number < 4096; number++) {
            if (number <= last)
                assert_int_equal(t.of_batch[number], OPS);
            assert_true(t.of_batch[number] == 0 || t.of_batch[number] == OPS);
        }
        for (uint64_t number = 0; number < 4096 && t.of_batch[number] > 0; number++)
            assert_int_equal(commit(d, number, OPS, 0, true), MUSTER_OK);
        store_lmdb_close(d);
    }
}

static void a_full_disk_refuses_rows_and_lets_them_go(void **state)
{
    const struct folder *f = *state;
    struct store_lmdb *d;
    static struct tally t;
    uint64_t number = 0;
    int err = MUSTER_OK;

    if (mount("tmpfs", f->path, "tmpfs", 0, "size=80m") != 0) {
        print_message("SKIPPED: no small file system can be mounted here: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    for (; err == MUSTER_OK && number < 100; number++)
        err = commit(d, number, OPS, 60000, false);
    assert_int_equal(err, MUSTER_ENOSPC);
    uint64_t refused = --number;
    assert_true(refused > 10);
    while (commit(d, ++number, 1, 3000, false) == MUSTER_OK) /* to the last page */
        assert_true(number < 4096);
    tally_rows(d, &t);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(commit(d, i, OPS, 0, true), MUSTER_OK);        /* deletes still work */
    assert_int_equal(commit(d, refused, OPS, 60000, false), MUSTER_OK); /* into what they freed */
    store_lmdb_close(d);
    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK); /* it opens while the disk is full */
    tally_rows(d, &t);
    assert_int_equal(t.of_batch[0], 0);
    assert_int_equal(t.of_batch[refused], OPS);
    store_lmdb_close(d);
    assert_int_equal(umount(f->path), 0);
}

static void a_disk_too_small_for_an_empty_table_is_refused(void **state)
{
    const struct folder *f = *state;
    struct store_lmdb *d;

    if (mount("tmpfs", f->path, "tmpfs", 0, "size=1m") != 0) {
        print_message("SKIPPED: no small file system can be mounted here: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_ENOSPC);
    assert_int_equal(umount(f->path), 0);
}

static uint32_t rows_count(struct store_lmdb *d)
{
    static struct tally t;

    tally_rows(d, &t);
    return t.rows;
}

/* R53: opened anew it is the same disk, still ours alone, or none. */
static void a_disk_is_opened_anew_or_not_at_all(void **state)
{
    const struct folder *f = *state;
    struct store_lmdb *d = NULL, *other = NULL;
    char from[300], to[300];

    assert_int_equal(store_lmdb_open(&d, f->path), MUSTER_OK);
    assert_int_equal(commit(d, 1, OPS, 100, false), MUSTER_OK);
    assert_int_equal(store_lmdb_reopen(d, f->path), MUSTER_OK);
    assert_int_equal(commit(d, 2, OPS, 100, false), MUSTER_OK);
    assert_int_equal(rows_count(d), 2 * OPS);
    assert_int_not_equal(store_lmdb_open(&other, f->path), MUSTER_OK);
    /* Its file is gone, and another one must not be made in its place. */
    (void)snprintf(from, sizeof from, "%s/data.mdb", f->path);
    (void)snprintf(to, sizeof to, "%s/moved.mdb", f->path);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(store_lmdb_reopen(d, f->path), MUSTER_EIO);
    assert_int_not_equal(access(from, F_OK), 0);
    assert_int_equal(commit(d, 3, OPS, 100, false), MUSTER_EIO);
    assert_int_equal(rename(to, from), 0);
    assert_int_equal(store_lmdb_reopen(d, f->path), MUSTER_OK);
    assert_int_equal(commit(d, 3, OPS, 100, false), MUSTER_OK);
    assert_int_equal(rows_count(d), 3 * OPS);
    store_lmdb_close(d);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    struct store_lmdb *d;

    (void)state;
    assert_int_not_equal(store_lmdb_open(&d, "/nonexistent/folder"), MUSTER_OK);
    assert_null(d);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(what_is_committed_is_there_after_opening_again),
        in_folder(tables_are_apart_in_key_order_and_a_reader_may_stop),
        in_folder(one_process_at_a_time),
        in_folder(a_newer_format_is_refused),
        in_folder(a_disk_is_opened_anew_or_not_at_all),
        in_folder(a_flipped_bit_or_a_cut_is_refused_or_hurts_nothing),
        in_folder(a_map_three_quarters_full_grows),
        in_folder(the_map_is_let_go_of),
        in_folder(a_killed_writer_leaves_whole_batches_only),
        in_folder(a_full_disk_refuses_rows_and_lets_them_go),
        in_folder(a_disk_too_small_for_an_empty_table_is_refused),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
