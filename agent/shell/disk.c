/* SPDX-License-Identifier: Apache-2.0 */
/* One commit at a time, on a worker. */
#include "agent/shell/disk.h"

#include "agent/shell/process.h"
#include "store/disk_lmdb.h"

void shell_disk_open(struct shell_disk *d, uv_loop_t *loop, struct store_lmdb *lmdb,
                     const char *folder, void *context,
                     void (*on_done)(void *context, uint64_t batch, int err))
{
    *d = (struct shell_disk){ .loop = loop, .lmdb = lmdb, .folder = folder, .context = context };
    d->on_done = on_done;
    d->work.data = d;
}

static void commit_work(uv_work_t *work)
{
    struct shell_disk *d = work->data;
    shell_process_pace(true);
    d->err = store_lmdb_commit(d->lmdb, d->batch);
    bool is_fault = d->err != MUSTER_OK && d->err != MUSTER_ENOSPC;
    d->is_broken = is_fault && d->was_reopened;
    if (is_fault && !d->was_reopened) {
        int opened = store_lmdb_reopen(d->lmdb, d->folder);
        d->err = opened == MUSTER_OK ? d->err : opened; /* and the next commit fails as well */
    }
    d->was_reopened = is_fault || (d->was_reopened && d->err != MUSTER_OK);
}

static void commit_done(uv_work_t *work, int status)
{
    struct shell_disk *d = work->data;
    uint64_t number = d->batch->number;
    MUSTER_ASSERT(status == 0); /* nobody cancels it */
    d->batch = NULL;
    d->on_done(d->context, number, d->err);
}

void shell_disk_commit(struct shell_disk *d, const struct store_disk_batch *batch)
{
    MUSTER_ASSERT(d->batch == NULL);
    d->batch = batch;
    int err = uv_queue_work(d->loop, &d->work, commit_work, commit_done);
    MUSTER_ASSERT(err == 0);
}
