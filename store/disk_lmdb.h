/* LMDB disk: the real one behind store/disk.h. Only this door's source includes lmdb.h.
 *
 * A batch is one transaction: it is on disk as a whole when store_lmdb_commit returns MUSTER_OK, or
 * not at all. Space is taken from the file system before it is needed, so that a disk that fills up
 * is refused at the next growth and not in the middle of a page.
 *
 * memory   owned, from open to close; keys and values handed to `take` live until it returns
 * errors   MUSTER_ENOSPC no room (at open: not even for an empty one), MUSTER_EDENIED,
 *          MUSTER_ECORRUPT, MUSTER_EVERSION, MUSTER_EBUSY another process has it open, MUSTER_EIO
 * threads  one at a time: loading before the loop starts, then one commit at a time on one worker
 * source   consistency R53, R54
 */
#ifndef MUSTER_STORE_DISK_LMDB_H
#define MUSTER_STORE_DISK_LMDB_H

#include "base/bytes.h"
#include "base/err.h"
#include "store/disk.h"

struct store_lmdb; /* opaque */

/* Makes its files in `folder`, which stands already, when there are none. After MUSTER_EVERSION
 * `*d` is not NULL when META can be read, to say which format it was, and must be closed. */
MUSTER_MUST_USE int store_lmdb_open(struct store_lmdb **d, const char *folder);

/* Every record of a table in key order; stops at the first error of `take` and returns it. */
MUSTER_MUST_USE int store_lmdb_each(struct store_lmdb *d, enum store_table table, void *context,
                                    int (*take)(void *context, struct muster_bytes key,
                                                struct muster_bytes value));

/* Closes and opens the same files again, as after a failed commit, which LMDB may answer by
 * refusing everything that follows. The lock is kept. When it fails, every commit fails until it
 * succeeds. */
MUSTER_MUST_USE int store_lmdb_reopen(struct store_lmdb *d, const char *folder);

MUSTER_MUST_USE int store_lmdb_commit(struct store_lmdb *d, const struct store_disk_batch *batch);

void store_lmdb_close(struct store_lmdb *d);

#endif
