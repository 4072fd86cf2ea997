/* Shell: the loop around a node. What happens in the world becomes events; what the node wants is
 * done.
 *
 * The loop is one thread. Commits alone visit a worker. Nothing in here decides anything about
 * members, records or runs.
 *
 * units    milliseconds
 * memory   owned; given back by shell_close
 * errors   shell_open refuses with a sentence; later trouble is the node's, as events, or logged
 * threads  one
 */
#ifndef MUSTER_AGENT_SHELL_SHELL_H
#define MUSTER_AGENT_SHELL_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/node.h"
#include "agent/shell/boot.h"
#include "agent/shell/cert.h"
#include "agent/shell/journal.h"
#include "agent/shell/notify.h"
#include "agent/shell/ports.h"
#include "agent/shell/renew.h"
#include "agent/shell/tls.h"
#include "agent/tokens.h"

#define SHELL_IDLE_MS   1000 /* the longest sleep, so that being away is noticed */
#define SHELL_FLUSH_MS  500  /* for last words to peers before the end */
#define SHELL_OVERDUE_S 15 /* a leave that has not ended so long after its deadline is cut short */

#define SHELL_EXIT_CONFIG 78 /* wrong configuration, or the wrong data folder */

struct shell_setup {
    struct agent_node_config node;
    struct muster_addr gossip; /* bound */
    struct muster_addr http;   /* len 0: none */
    const char *socket_path;   /* NULL: none */
    const char *socket_group;
    const char *run_dir, *log_dir, *guard_path;
    const char *tokens_path;            /* NULL: none */
    struct agent_tokens *tokens;        /* as the file said last; NULL: none */
    struct shell_cert_paths cert_paths; /* of HTTP; cert NULL: none */
    struct shell_cert *cert;
    struct shell_tls_config secure;     /* of the links between agents */
    struct shell_cert_paths link_paths; /* cert NULL: none */
    struct shell_cert *link_cert;
    const char *keyring_path; /* where a changed keyring is written */
    const char *const *join;  /* as configured; the names among them are looked up for ever */
    uint32_t join_count;
    uint32_t connections_max; /* of clients */
    uint64_t payload_max;     /* bytes of one that a client brings */
    bool is_dev;
    struct shell_renew *renew;
};

struct shell; /* opaque */

/* Takes over ports and boot, also when it fails. The journal and the notifier stay the caller's. */
MUSTER_MUST_USE int shell_open(struct shell **s, const struct shell_setup *setup,
                               struct shell_ports *ports, struct shell_boot *boot,
                               struct shell_journal *journal, struct shell_notify *notify,
                               char *why, size_t size);
/* Until the node has left or the process is told to end at once; the exit code. */
int shell_run(struct shell *s);
void shell_close(struct shell *s);

#endif
