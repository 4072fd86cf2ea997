/* SPDX-License-Identifier: Apache-2.0 */
/* The door to LMDB: one environment per data folder, one write transaction per batch.
 *
 *   file  |<------------- taken from the file system ------------->|
 *   map   |<--------------- for any batch --------------->|  spare  |
 *
 * LMDB writes pages where the map has room, whether or not the file system has blocks for them, and
 * a page without a block fails in the middle of a commit. So blocks are taken before the map may
 * reach them. A delete writes new pages too: the spare is theirs alone, and a disk that is full of
 * rows can still let go of them. */
#include "store/disk_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

#define LMDB_TAKEN_FIRST ((size_t)64 << 20)
#define LMDB_TAKEN_MAX   ((size_t)1 << 40)
#define LMDB_SPARE_PART  16  /* a sixteenth is spare */
#define LMDB_REST_OPS    256 /* an operation reads a page, and the kernel maps its neighbours too */
#define LMDB_PATH_MAX    4096
#define LMDB_MODE        0600
#define LMDB_LOOK_S      20 /* seconds, and one for each of these bytes */
#define LMDB_LOOK_PACE   ((size_t)32 << 20)

struct store_lmdb {
    MDB_env *env;
    MDB_dbi table[STORE_TABLES];
    size_t taken; /* bytes of the file that surely have blocks */
    int fd;       /* of the data file: for its lock and its blocks */
    void *map;    /* NULL: not known */
    size_t map_size;
    uint32_t fresh_ops; /* written since the map's pages were let go of */
};

/* In the order of enum store_table; they name the tables of folders written by any build. */
static const char *const table_names[STORE_TABLES] = { "meta",  "bucket", "row",
                                                       "claim", "seen",   "run" };

static int lmdb_outcome(int err)
{
    switch (err) {
    case 0:
        return MUSTER_OK;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case MDB_MAP_FULL:
        return MUSTER_ENOSPC;
    case EACCES:
    case EPERM:
    case EROFS:
        return MUSTER_EDENIED;
    case EAGAIN:
    case EBUSY:
        return MUSTER_EBUSY;
    case MDB_VERSION_MISMATCH:
        return MUSTER_EVERSION;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return MUSTER_ECORRUPT;
    case ENOMEM:
        return MUSTER_EFULL;
    default:
        return MUSTER_EIO; /* MDB_PANIC too: an earlier commit failed half-way; open it again */
    }
}

static size_t map_size(size_t taken)
{
    return taken - taken / LMDB_SPARE_PART;
}

/* A file system that cannot promise blocks is used without the promise. */
static int blocks_take(struct store_lmdb *d, size_t size)
{
    if (fallocate(d->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) != 0 && errno != EOPNOTSUPP)
        return lmdb_outcome(errno);
    d->taken = size;
    return MUSTER_OK;
}

/* ---- a look before anybody trusts it
 *
 * LMDB follows the numbers in its pages without a doubt: a flipped bit or a file cut short ends the
 * process that reads it, or hides records without a word. So a child reads all of it first, and if
 * that kills the child the folder is damaged. What it counts must be what the pages say. */

struct lmdb_look {
    MDB_txn *txn;
    size_t pages; /* accounted for so far */
    size_t last;  /* the highest page number */
};

static bool free_list_is_whole(struct lmdb_look *l, const MDB_val *value)
{
    size_t page, before = l->last + 1, count = 0;

    if (value->mv_size < sizeof count)
        return false;
    memcpy(&count, value->mv_data, sizeof count);
    if (count > value->mv_size / sizeof count - 1)
        return false;
    for (size_t i = 1; i <= count; i++, before = page) {
        memcpy(&page, (const char *)value->mv_data + i * sizeof page, sizeof page);
        if (page >= before || page < 2) /* falling; the first two are LMDB's own */
            return false;
    }
    l->pages += count;
    return true;
}

/* Every byte, in case the disk or the map has lost it; what volatile says is done. */
static void bytes_touch(const MDB_val *bytes)
{
    const volatile uint8_t *at = bytes->mv_data;

    for (size_t i = 0; i < bytes->mv_size; i++)
        (void)at[i];
}

/* Keys rise, and there are as many records as the table says. */
static bool table_is_whole(struct lmdb_look *l, MDB_dbi table, bool is_free_list)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value, before = { 0 };
    MDB_stat stat;
    size_t count = 0;
    bool is_whole =
        mdb_stat(l->txn, table, &stat) == 0 && mdb_cursor_open(l->txn, table, &cursor) == 0;
    int err = 0;

    while (is_whole && (err = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        is_whole = (count++ == 0 || mdb_cmp(l->txn, table, &before, &key) < 0) &&
                   count <= stat.ms_entries && (!is_free_list || free_list_is_whole(l, &value));
        bytes_touch(&key);
        bytes_touch(&value);
        before = key;
    }
    l->pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    return is_whole && err == MDB_NOTFOUND && count == stat.ms_entries;
}

/* What cannot even be opened is left to the one who opens it in earnest, who knows why. */
static bool data_is_whole(const char *folder, size_t size)
{
    struct lmdb_look l = { .pages = 2 };
    MDB_env *env = NULL;
    MDB_envinfo info;
    MDB_stat stat;

    if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, STORE_TABLES) != 0 ||
        mdb_env_open(env, folder, MDB_RDONLY | MDB_NOLOCK, LMDB_MODE) != 0)
        return true;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &l.txn) != 0 || mdb_env_info(env, &info) != 0 ||
        mdb_env_stat(env, &stat) != 0)
        return false;
    l.last = info.me_last_pgno;
    MDB_dbi table = 0; /* the free pages; NULL is the table of the tables' names */
    if (l.last >= size / stat.ms_psize || !table_is_whole(&l, table, true) ||
        mdb_dbi_open(l.txn, NULL, 0, &table) != 0 || !table_is_whole(&l, table, false))
        return false;
    for (uint32_t i = 0; i < STORE_TABLES; i++) {
        int err = mdb_dbi_open(l.txn, table_names[i], 0, &table);
        if (err != MDB_NOTFOUND && (err != 0 || !table_is_whole(&l, table, false)))
            return false;
    }
    return l.pages <= l.last + 1; /* more: two tables share a page */
}

static _Noreturn void data_look(const char *folder, size_t size)
{
    struct rlimit none = { 0, 0 };
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)dup2(null, STDERR_FILENO); /* LMDB's last words are not for operators */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)alarm((unsigned)(LMDB_LOOK_S + size / LMDB_LOOK_PACE)); /* pages may form a ring */
    _exit(data_is_whole(folder, size) ? 0 : 1);
}

/* Without room for another process the look is left out. */
static int data_check(const char *folder, size_t size)
{
    int status = 0;
    pid_t pid = size == 0 ? -1 : fork();

    if (pid == 0)
        data_look(folder, size);
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return MUSTER_EIO;
    }
    return status == 0 ? MUSTER_OK : MUSTER_ECORRUPT;
}

/* ---- opening */

static int data_open(struct store_lmdb *d, const char *folder)
{
    char path[LMDB_PATH_MAX];
    struct stat st;

    if (!muster_format(path, sizeof path, "%s/data.mdb", folder))
        return MUSTER_ELIMIT;
    d->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LMDB_MODE);
    if (d->fd < 0)
        return lmdb_outcome(errno);
    /* LMDB itself lets several processes in; our memory could not follow what another one writes.
     */
    if (flock(d->fd, LOCK_EX | LOCK_NB) != 0 || fstat(d->fd, &st) != 0)
        return lmdb_outcome(errno);
    int whole = data_check(folder, (size_t)st.st_size);
    if (whole != MUSTER_OK)
        return whole;
    size_t size = LMDB_TAKEN_FIRST;
    while (map_size(size) < (size_t)st.st_size && size < LMDB_TAKEN_MAX)
        size *= 2;
    int err = blocks_take(d, size);
    if (err != MUSTER_ENOSPC || st.st_size == 0)
        return err;
    d->taken = size; /* full since it was made: it must open, if only to let go of rows */
    return MUSTER_OK;
}

static int env_open(struct store_lmdb *d, const char *folder)
{
    int dead = 0;
    int err = mdb_env_create(&d->env);

    if (err == 0)
        err = mdb_env_set_maxdbs(d->env, STORE_TABLES);
    if (err == 0)
        err = mdb_env_set_mapsize(d->env, map_size(d->taken));
    if (err == 0)
        err = mdb_env_open(d->env, folder, MDB_NOTLS, LMDB_MODE);
    if (err == 0)
        err = mdb_reader_check(d->env, &dead); /* a killed agent's reader would pin old pages */
    return lmdb_outcome(err);
}

static int tables_open(struct store_lmdb *d)
{
    MDB_txn *txn = NULL;
    int err = mdb_txn_begin(d->env, NULL, 0, &txn);

    if (err != 0)
        return lmdb_outcome(err);
    for (uint32_t i = 0; i < STORE_TABLES && err == 0; i++)
        err = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &d->table[i]);
    if (err == 0)
        return lmdb_outcome(mdb_txn_commit(txn));
    mdb_txn_abort(txn);
    return lmdb_outcome(err);
}

/* The names of new files are on disk only when their folder is. */
static int folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return lmdb_outcome(errno);
    int err = fsync(fd) == 0 ? MUSTER_OK : lmdb_outcome(errno);
    (void)close(fd);
    return err;
}

static int format_take(void *context, struct muster_bytes key, struct muster_bytes value)
{
    uint64_t *format = context;

    if (!muster_bytes_equal(key, muster_bytes_text("format")))
        return MUSTER_OK;
    *format = 0;
    for (size_t i = 0; i < value.len && i < 19; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return MUSTER_ECORRUPT;
        *format = *format * 10 + (uint64_t)(value.data[i] - '0');
    }
    return MUSTER_OK;
}

static int format_check(struct store_lmdb *d)
{
    uint64_t format = 0;
    int err = store_lmdb_each(d, STORE_TABLE_META, &format, format_take);

    if (err != MUSTER_OK)
        return err;
    return format > STORE_DISK_FORMAT ? MUSTER_EVERSION : MUSTER_OK;
}

int store_lmdb_open(struct store_lmdb **out, const char *folder)
{
    struct store_lmdb *d = calloc(1, sizeof *d);

    *out = NULL;
    if (d == NULL)
        return MUSTER_EFULL;
    d->fd = -1;
    int err = data_open(d, folder);
    if (err == MUSTER_OK)
        err = env_open(d, folder);
    if (err == MUSTER_OK)
        err = tables_open(d);
    if (err == MUSTER_OK)
        err = folder_sync(folder);
    if (err == MUSTER_OK)
        err = format_check(d);
    if (err != MUSTER_OK && (err != MUSTER_EVERSION || d->table[STORE_TABLE_META] == 0)) {
        store_lmdb_close(d);
        return err;
    }
    *out = d;
    return err;
}

/* Another file of that name is not what our memory was read from: to go on with it would be to
 * forget everything and call it kept. */
static bool is_same_file(const struct store_lmdb *d, const char *folder)
{
    char path[LMDB_PATH_MAX];
    struct stat held, named;

    return muster_format(path, sizeof path, "%s/data.mdb", folder) && fstat(d->fd, &held) == 0 &&
           stat(path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

int store_lmdb_reopen(struct store_lmdb *d, const char *folder)
{
    if (d->env != NULL)
        mdb_env_close(d->env);
    d->env = NULL;
    d->map = NULL;
    if (!is_same_file(d, folder))
        return MUSTER_EIO;
    int err = env_open(d, folder);
    if (err == MUSTER_OK)
        err = tables_open(d);
    if (err == MUSTER_OK)
        return MUSTER_OK;
    if (d->env != NULL)
        mdb_env_close(d->env);
    d->env = NULL;
    return err;
}

void store_lmdb_close(struct store_lmdb *d)
{
    if (d == NULL)
        return;
    if (d->env != NULL)
        mdb_env_close(d->env);
    if (d->fd >= 0)
        (void)close(d->fd);
    free(d);
}

/* ---- the map's memory
 *
 * What LMDB reads through its map counts as memory of ours, page by page until that is the whole
 * file, though the kernel has it in its cache anyway. It is let go of, and read from there again.
 * LMDB does not say where the map is. */

static void map_find(struct store_lmdb *d)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long begin, end;
    unsigned long long inode;
    char mode[5], *line = NULL;
    struct stat st;
    size_t size = 0;

    while (maps != NULL && fstat(d->fd, &st) == 0 && getline(&line, &size, maps) > 0) {
        if (sscanf(line, "%lx-%lx %4s %*s %*s %llu", &begin, &end, mode, &inode) != 4 ||
            mode[3] != 's' || inode != st.st_ino)
            continue;
        d->map = (void *)begin;
        d->map_size = end - begin;
    }
    free(line);
    if (maps != NULL)
        (void)fclose(maps);
}

static void map_rest(struct store_lmdb *d)
{
    d->fresh_ops = 0;
    if (d->map == NULL)
        map_find(d);
    if (d->map != NULL)
        (void)madvise(d->map, d->map_size, MADV_DONTNEED); /* shared: nothing can be lost */
}

/* No transaction is open now: the map may be moved. */
static int map_resize(struct store_lmdb *d, size_t size)
{
    d->map = NULL;
    return mdb_env_set_mapsize(d->env, size);
}

/* ---- reading */

int store_lmdb_each(struct store_lmdb *d, enum store_table table, void *context,
                    int (*take)(void *context, struct muster_bytes key, struct muster_bytes value))
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int taken = MUSTER_OK;
    int err = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn);

    if (err != 0)
        return lmdb_outcome(err);
    err = mdb_cursor_open(txn, d->table[table], &cursor);
    for (MDB_cursor_op op = MDB_FIRST; err == 0 && taken == MUSTER_OK; op = MDB_NEXT) {
        err = mdb_cursor_get(cursor, &key, &value, op);
        if (err == 0)
            taken = take(context, MUSTER_BYTES(key.mv_data, key.mv_size),
                         MUSTER_BYTES(value.mv_data, value.mv_size));
    }
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    map_rest(d);
    if (taken != MUSTER_OK)
        return taken;
    return err == MDB_NOTFOUND ? MUSTER_OK : lmdb_outcome(err);
}

/* ---- writing */

static MDB_val lmdb_bytes(struct muster_bytes bytes)
{
    MDB_val v = { .mv_size = bytes.len };

    memcpy(&v.mv_data, &bytes.data, sizeof v.mv_data); /* LMDB only reads what it is given to put */
    return v;
}

static int op_write(struct store_lmdb *d, MDB_txn *txn, const struct store_disk_op *op)
{
    MDB_val key = lmdb_bytes(op->key);
    MDB_val value = lmdb_bytes(op->value);

    if (!op->is_delete)
        return mdb_put(txn, d->table[op->table], &key, &value, 0);
    int err = mdb_del(txn, d->table[op->table], &key, NULL);
    return err == MDB_NOTFOUND ? 0 : err;
}

static int batch_write(struct store_lmdb *d, const struct store_disk_batch *batch)
{
    MDB_txn *txn = NULL;
    int err = mdb_txn_begin(d->env, NULL, 0, &txn);

    if (err != 0)
        return err;
    for (uint32_t i = 0; i < batch->count && err == 0; i++)
        err = op_write(d, txn, &batch->op[i]);
    if (err == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return err;
}

static bool batch_only_deletes(const struct store_disk_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        if (!batch->op[i].is_delete)
            return false;
    }
    return true;
}

static int map_grow(struct store_lmdb *d)
{
    if (d->taken >= LMDB_TAKEN_MAX)
        return MUSTER_ENOSPC;
    int err = blocks_take(d, 2 * d->taken);
    return err == MUSTER_OK ? lmdb_outcome(map_resize(d, map_size(d->taken))) : err;
}

/* In time, so that a batch need not be written twice. A disk that has no more to give is no error
 * yet: there is a quarter left. */
static void map_look_ahead(struct store_lmdb *d)
{
    MDB_envinfo info;
    MDB_stat stat;

    if (mdb_env_info(d->env, &info) != 0 || mdb_env_stat(d->env, &stat) != 0)
        return;
    size_t used = (info.me_last_pgno + 1) * (size_t)stat.ms_psize;
    if (used >= map_size(d->taken) / 4 * 3)
        (void)map_grow(d);
}

static int spare_write(struct store_lmdb *d, const struct store_disk_batch *batch)
{
    int err = map_resize(d, d->taken);

    if (err == 0)
        err = batch_write(d, batch);
    /* The map shrinks back to what is used at the least; pages set free are used first from now. */
    int back = map_resize(d, map_size(d->taken));
    return err == 0 ? back : err;
}

int store_lmdb_commit(struct store_lmdb *d, const struct store_disk_batch *batch)
{
    if (d->env == NULL)
        return MUSTER_EIO; /* it could not be opened again */
    int err = batch_write(d, batch);

    while (err == MDB_MAP_FULL && map_grow(d) == MUSTER_OK)
        err = batch_write(d, batch);
    if (err == MDB_MAP_FULL && batch_only_deletes(batch))
        err = spare_write(d, batch);
    if (err == 0)
        map_look_ahead(d);
    d->fresh_ops += batch->count;
    if (d->fresh_ops >= LMDB_REST_OPS)
        map_rest(d);
    return lmdb_outcome(err);
}
