/* Disk: commits on a worker, one at a time; the loop never waits for a platter.
 *
 * memory   held by value; a batch stands unchanged at its owner until its outcome is told
 * errors   the outcome of a commit goes to on_done, from the loop
 * threads  the loop's; the commit itself runs on a worker of libuv
 * source   consistency R53; store/disk.h
 */
#ifndef MUSTER_AGENT_SHELL_DISK_H
#define MUSTER_AGENT_SHELL_DISK_H

#include <stdbool.h>
#include <uv.h>

#include "store/disk.h"

struct store_lmdb;

struct shell_disk {
    uv_loop_t *loop;
    struct store_lmdb *lmdb;
    uv_work_t work;
    const struct store_disk_batch *batch; /* under way, or NULL */
    int err;
    void *context;
    void (*on_done)(void *context, uint64_t batch, int err);
};

void shell_disk_open(struct shell_disk *d, uv_loop_t *loop, struct store_lmdb *lmdb, void *context,
                     void (*on_done)(void *context, uint64_t batch, int err));
/* None may be under way. */
void shell_disk_commit(struct shell_disk *d, const struct store_disk_batch *batch);

#endif
