/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to see who answers, and asking again when the answer was a last breath. */
#include "agent/shell/check.h"

#include <stdlib.h>

struct shell_check {
    struct shell_conn conn; /* first: check_of() goes back from it */
    struct shell_checks *all;
    LIST_ENTRY(shell_check) entry;
    uint32_t number;
    struct muster_addr to;
    uint64_t deadline_ms;
    uint32_t tries;
    bool is_decided;
};

static struct shell_check *check_of(struct shell_conn *conn)
{
    return (struct shell_check *)conn;
}

static void check_try(struct shell_check *c);

static void check_closed(struct shell_conn *conn)
{
    struct shell_check *c = check_of(conn);
    struct shell_net *net = c->all->net;
    struct agent_event e = { .kind = AGENT_EVENT_CHECKED,
                             .link = c->number,
                             .refused = conn->is_refused };
    bool is_over = conn->is_refused || conn->is_late || c->is_decided || c->all->is_closing;
    if (!is_over && c->tries < SHELL_CHECK_TRIES) {
        check_try(c);
        return;
    }
    LIST_REMOVE(c, entry);
    c->all->count--;
    free(c);
    shell_net_tell(net, &e);
}

static void check_read(struct shell_conn *conn, struct muster_bytes bytes)
{
    struct shell_check *c = check_of(conn);
    c->is_decided = bytes.len > 0; /* only the living speak */
    shell_conn_close(conn);
}

static void check_up(struct shell_conn *conn)
{
    struct shell_check *c = check_of(conn);
    uint64_t sure_ms = shell_now().mono_ms + SHELL_CHECK_SURE_MS;
    struct agent_event e = { .kind = AGENT_EVENT_CHECK_TAKEN, .link = c->number };
    shell_conn_deadline(conn, muster_deadline_sooner(sure_ms, c->deadline_ms));
    shell_conn_read(conn);
    shell_net_tell(c->all->net, &e);
}

static void check_try(struct shell_check *c)
{
    c->tries++;
    c->conn = (struct shell_conn){ .on_closed = check_closed, .on_read = check_read };
    shell_conn_open(&c->conn, c->all->net);
    shell_conn_deadline(&c->conn, c->deadline_ms);
    shell_conn_dial(&c->conn, c->to, check_up);
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
    c->to = to;
    c->deadline_ms = deadline_ms;
    LIST_INSERT_HEAD(&all->list, c, entry);
    check_try(c);
    if (++all->count > SHELL_CHECKS_MAX) {
        c->is_decided = true;
        shell_conn_close(&c->conn);
    }
}

void shell_checks_close(struct shell_checks *all)
{
    struct shell_check *c;
    all->is_closing = true;
    LIST_FOREACH(c, &all->list, entry)
    shell_conn_close(&c->conn);
}
