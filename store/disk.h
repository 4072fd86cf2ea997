/* Disk: the contract of an ordered, transactional key-value disk. The core says what to write as a
 * batch of operations; a real disk (store/disk_lmdb.c) or a simulated one performs it whole or not
 * at all.
 *
 * memory   a batch is owned by the core and stands unchanged until its outcome comes back
 * threads  one batch at a time, on one worker; loading happens before the loop starts
 * source   consistency, sections 4 and 14 (R53, R54)
 */
#ifndef MUSTER_STORE_DISK_H
#define MUSTER_STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* Keys begin with two bytes of bucket, most significant first, in BUCKET and CLAIM; a row's begins
 * with the number of its arrival here, so that new rows stand side by side (store/record.c). */
enum store_table {
    STORE_TABLE_META = 0,   /* text -> value: cluster id, node id, boot number, format … */
    STORE_TABLE_BUCKET = 1, /* bucket -> promise, seat, own round, bench row */
    STORE_TABLE_ROW = 2,    /* arrival, bucket -> CRC32C, version, row */
    STORE_TABLE_CLAIM = 3,  /* bucket, key -> node, token, state */
    STORE_TABLE_SEEN = 4,   /* key -> highest token this node has started or refused */
    STORE_TABLE_RUN = 5,    /* key -> what this node runs (floor 3) */
    STORE_TABLES = 6
};

#define STORE_DISK_KEY_MAX 300 /* bytes */
#define STORE_DISK_FORMAT  1   /* of the data folder; a higher number is refused */

struct store_disk_op {
    enum store_table table;
    bool is_delete;
    struct muster_bytes key;
    struct muster_bytes value;
};

struct store_disk_batch {
    const struct store_disk_op *op;
    uint32_t count;
    uint64_t number; /* rises by one with every batch; a refused one comes again under its own */
};

#endif
