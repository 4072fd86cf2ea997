/* Setup: from settings to a shell that can be opened: folders, ports, addresses, and the node's own
 * configuration.
 *
 * memory   the texts live in struct shell_setup_work, which must outlive the shell
 * errors   as their finders say, with a sentence for people
 * threads  before the loop
 */
#ifndef MUSTER_AGENT_SHELL_SETUP_H
#define MUSTER_AGENT_SHELL_SETUP_H

#include <stddef.h>

#include "agent/config.h"
#include "agent/shell/boot.h"
#include "agent/shell/cert.h"
#include "agent/shell/keyfile.h"
#include "agent/shell/ports.h"
#include "agent/shell/shell.h"

#define SHELL_SOCKET_GROUP "muster"
#define SHELL_RUN_DIR      "/run/muster" /* for the usual data folder; else DATA/run */

struct shell_setup_work {
    char dev_dir[SHELL_PATH_MAX]; /* to be removed at the end; "" without --dev */
    char data_dir[SHELL_PATH_MAX];
    char run_dir[SHELL_PATH_MAX];
    char log_dir[SHELL_PATH_MAX];
    char socket[SHELL_PATH_MAX];
    char guard_path[SHELL_PATH_MAX];
    struct shell_keyfile keys;
    struct agent_tokens tokens;
    struct shell_cert cert;      /* of HTTP; no `cert` in it: none */
    struct shell_cert link_cert; /* of the links between agents; likewise */
};

/* Binds the ports and fills in paths; nothing on disk changes but a trial run's own new folder. */
MUSTER_MUST_USE int shell_setup_begin(struct shell_setup *setup, struct shell_setup_work *work,
                                      struct shell_ports *ports, const struct agent_config *c,
                                      struct shell_renew *renew, char *why, size_t size);
/* A certificate that this node of that name can show; nobody is warned without a journal. */
MUSTER_MUST_USE int shell_setup_cert(struct shell_cert *cert, const struct shell_cert_paths *paths,
                                     const char *name, struct shell_journal *journal, char *why,
                                     size_t size);
/* What settings name and an agent would not start with. */
MUSTER_MUST_USE int shell_setup_check(const struct agent_config *c, char *why, size_t size);
/* What proves who we are, read: the keys of the pool and our certificate. */
MUSTER_MUST_USE int shell_setup_proofs(struct shell_setup *setup, struct shell_setup_work *work,
                                       const struct agent_config *c, struct shell_journal *journal,
                                       char *why, size_t size);
/* The rest, once the data folder has said who we are. */
void shell_setup_node(struct shell_setup *setup, struct shell_setup_work *work,
                      const struct agent_config *c, const struct shell_boot *boot);
/* Reads and checks the files that say who may come in over HTTP, and as whom we answer. Without a
 * journal (a check of settings) nobody is warned. */
MUSTER_MUST_USE int shell_setup_door(struct shell_setup_work *work, const struct agent_config *c,
                                     struct shell_journal *journal, char *why, size_t size);
void shell_setup_door_close(struct shell_setup_work *work);
/* After the shell has been closed. */
void shell_setup_end(struct shell_setup_work *work);

#endif
