/* Boot: the data folder. It is what makes an agent the node it is: made once, used by one process
 * at a time, and never in two places.
 *
 *     DATA/agent.lock   locked by the running agent, with its pid for people
 *     DATA/data.mdb …   the records (store/disk_lmdb.h)
 *     DATA/logs/        output of jobs (agent/shell/logs.h)
 *
 * Table META, all texts: `format`, `node` (id), `boot` (number), `home`, and, written by the node,
 * `cluster`, `incarnation`, `draining`, `drain_until` (wall), `drain_length`, `held`, `slots`,
 * `tags` and `peer:ID` (address).
 *
 * A copy of a data folder is a second node with the same identity: it would vote and run in the
 * name of the first. Peers notice by the boot number (R3), but only when they see both. So the
 * folder remembers its `home`: the machine id, and the inode and birth time of its lock file, which
 * no way of copying keeps. Opened anywhere else it is refused, until somebody says with --moved
 * that the original is gone for good. A rename within a file system keeps all three and is no move.
 *
 * units    milliseconds
 * memory   held by value; the disk is closed by shell_boot_close
 * errors   MUSTER_EBUSY in use, MUSTER_EFOREIGN copied or moved, MUSTER_EVERSION of a newer format,
 *          MUSTER_ECORRUPT, MUSTER_EDENIED, MUSTER_ENOSPC, MUSTER_EIO; with a sentence for people
 * threads  before the loop
 * source   consistency R3, R4, R46, section 4
 */
#ifndef MUSTER_AGENT_SHELL_BOOT_H
#define MUSTER_AGENT_SHELL_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/node.h"
#include "base/addr.h"
#include "base/err.h"
#include "base/id.h"

#define SHELL_PATH_MAX  512 /* bytes of a data folder's path, with the NUL */
#define SHELL_PEERS_MAX AGENT_SEEDS_MAX

struct store_lmdb;

struct shell_boot {
    char folder[SHELL_PATH_MAX];
    int lock; /* -1: not held */
    struct store_lmdb *disk;
    bool is_new; /* made just now */
    struct muster_id self, cluster;
    uint64_t boot; /* raised, and on disk */
    uint32_t incarnation;
    bool draining, held;
    uint64_t drain_until_wall_ms, drain_length_ms; /* as in struct agent_node_config */
    uint32_t slots; /* as an operator has set them; 0: as configured */
    bool has_tags;  /* likewise */
    char tags[AGENT_TAGS_TEXT_MAX + 1];
    bool has_settings; /* of the cluster it is in */
    struct agent_settings settings;
    struct muster_addr peer[SHELL_PEERS_MAX]; /* where others were when last heard of */
    uint32_t peer_count;
};

/* Opens or makes the folder, raises boot number and incarnation, and returns when both are on disk.
 * `moved`: the folder may have come from elsewhere. */
MUSTER_MUST_USE int shell_boot_open(struct shell_boot *b, const char *folder, bool moved, char *why,
                                    size_t size);
/* Hands every record but META's to the node. */
MUSTER_MUST_USE int shell_boot_load(struct shell_boot *b, struct agent_node *node, char *why,
                                    size_t size);
void shell_boot_close(struct shell_boot *b);

#endif
