/* Keyfile: the keyring of this agent on disk.
 *
 *     encrypt: none       no keys, nothing is encrypted
 *     encrypt: KEY        that key, until the first change; from then on DATA/keyring
 *     encrypt: /PATH      that file, which is also written when the ring changes
 *
 * memory   held by value; shell_keyfile_close forgets the keys
 * errors   MUSTER_EINVAL and what shell_errno says, with a sentence for people
 * threads  the loop's only
 * source   docs/protocol.md, "Encryption"
 */
#ifndef MUSTER_AGENT_SHELL_KEYFILE_H
#define MUSTER_AGENT_SHELL_KEYFILE_H

#include <stddef.h>

#include "agent/config.h"
#include "agent/shell/boot.h"
#include "agent/shell/journal.h"
#include "gossip/keyring.h"

struct shell_keyfile {
    struct gossip_keyring ring;
    char path[SHELL_PATH_MAX + 16]; /* "": there are no keys */
};

MUSTER_MUST_USE int shell_keyfile_open(struct shell_keyfile *k, const struct agent_config *c,
                                       const char *data_dir, struct shell_journal *journal,
                                       char *why, size_t size);
void shell_keyfile_close(struct shell_keyfile *k);

/* The whole file is replaced, and on disk when this returns; a failure is logged. */
void shell_keyfile_save(const char *path, struct muster_bytes text, struct shell_journal *journal);

#endif
