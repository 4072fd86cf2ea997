/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting once to see who answers. */
#include "agent/shell/check.h"

#include <stdlib.h>

struct shell_check {
    struct shell_conn conn; /* first: check_of() goes back from it */
    struct shell_checks *all;
    LIST_ENTRY(shell_check) entry;
    uint32_t number;
};

static void check_closed(struct shell_conn *conn)
{
    struct shell_check *c = (struct shell_check *)conn;
    struct shell_net *net = c->all->net;
    struct agent_event e = { .kind = AGENT_EVENT_CHECKED,
                             .link = c->number,
                             .refused = conn->is_refused };
    LIST_REMOVE(c, entry);
    c->all->count--;
    free(c);
    shell_net_tell(net, &e);
}

void shell_checks_open(struct shell_checks *all, struct shell_net *net)
{
    *all = (struct shell_checks){ .net = net };
    LIST_INIT(&all->list);
}

void shell_check(struct shell_checks *all, uint32_t number, struct muster_addr to,
                 uint64_t deadline_ms)
{
    struct shell_check *c = calloc(1, sizeof *c);
    MUSTER_ASSERT(c != NULL);
    c->all = all;
    c->number = number;
    c->conn.on_closed = check_closed;
    shell_conn_open(&c->conn, all->net);
    LIST_INSERT_HEAD(&all->list, c, entry);
    if (++all->count > SHELL_CHECKS_MAX) {
        shell_conn_close(&c->conn);
        return;
    }
    shell_conn_deadline(&c->conn, deadline_ms);
    /* Somebody listens: that is all there was to see. */
    shell_conn_dial(&c->conn, to, shell_conn_close);
}

void shell_checks_close(struct shell_checks *all)
{
    struct shell_check *c;
    LIST_FOREACH(c, &all->list, entry)
    shell_conn_close(&c->conn);
}
