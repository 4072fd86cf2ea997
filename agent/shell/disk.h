/* Disk: commits on a worker, one at a time; the loop never waits for a platter.
 *
 * memory   held by value; a batch stands unchanged at its owner until its outcome is told
 * errors   the outcome of a commit goes to on_done, from the loop. A disk that is full is asked
 *          again for as long as it takes; any other error opens its files anew, once, and
 *          `is_broken` stands when the next commit fails as well
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
    const char *folder;
    uv_work_t work;
    const struct store_disk_batch *batch; /* under way, or NULL */
    int err;
    bool was_reopened; /* since the last commit that succeeded */
    bool is_broken;    /* and it failed again: the agent must end */
    void *context;
    void (*on_done)(void *context, uint64_t batch, int err);
};

/* `folder` is borrowed for as long as commits are made. */
void shell_disk_open(struct shell_disk *d, uv_loop_t *loop, struct store_lmdb *lmdb,
                     const char *folder, void *context,
                     void (*on_done)(void *context, uint64_t batch, int err));
/* None may be under way. */
void shell_disk_commit(struct shell_disk *d, const struct store_disk_batch *batch);

#endif
