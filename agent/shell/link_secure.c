/* SPDX-License-Identifier: Apache-2.0 */
/* Secured links: what begins them, what makes them fail, and the bytes between frame and wire. */
#include <stdlib.h>
#include <string.h>

#include "agent/shell/link_inside.h"
#include "base/text.h"

#define SECURE_PLAIN SHELL_READ_MAX /* what came in one read of the wire says no more than that */

/* ---- whom nobody could vouch for */

static void unproven_tell(struct shell_link *l, const char *why, bool may_be_chance)
{
    struct agent_event e = { .kind = AGENT_EVENT_LINK_UNPROVEN,
                             .link = l->number < AGENT_LINK_INBOUND ? l->number : 0,
                             .from = l->conn.from,
                             .bytes = muster_bytes_text(why),
                             .ended = may_be_chance };
    if (l->is_told || l->all->is_closing)
        return;
    l->is_told = true;
    l->all->net->counters.links_unproven++;
    shell_net_tell(l->all->net, &e);
}

/* Its own reason goes to the far end first, as far as TLS has a word for it. */
static void link_part(struct shell_link *l)
{
    link_flush(l);
    shell_conn_finish(&l->conn, SHELL_LINK_FINISH_MS);
}

static void link_failed(struct shell_link *l)
{
    if (shell_tls_is_key_refused(l->tls) && l->key + 1 < l->all->tls->ring->count) {
        l->key++;
        l->is_again = true;
        shell_conn_close(&l->conn);
        return;
    }
    unproven_tell(l, shell_tls_why(l->tls), false);
    link_part(l);
}

bool link_secure_ended(struct shell_link *l)
{
    bool is_again = l->is_again && !l->conn.is_late && !l->all->is_closing;
    bool was_shaking = l->tls != NULL && shell_tls_state(l->tls) == SHELL_TLS_SHAKING;
    l->is_again = false;
    /* Of who comes and goes nothing is known; whom we dialled has closed on our greeting. */
    if (was_shaking && !is_again && l->number < AGENT_LINK_INBOUND && !l->conn.is_late)
        unproven_tell(l,
                      "ends connections as soon as they are to be secured: as a rule it has "
                      "neither `encrypt` nor `tls`",
                      true);
    if (!is_again)
        return false;
    shell_tls_session_close(l->tls);
    l->tls = NULL;
    shell_buffer_close(&l->flying);
    return true;
}

void link_secure_missed(struct shell_link *l, uint8_t first)
{
    if (first == SHELL_TLS_FIRST_BYTE && l->tls == NULL && l->is_stranger)
        unproven_tell(l,
                      "wants links to be secured, and this agent has nothing to do so: give it "
                      "`encrypt` or `tls` as they have it",
                      false);
}

/* ---- the greeting */

void link_secure_begin(struct shell_link *l)
{
    struct shell_tls *tls = l->all->tls;
    if (l->number >= AGENT_LINK_INBOUND) {
        l->is_unsure = tls->takes != 0 || !tls->takes_plain;
    } else if (tls->dials != SHELL_TLS_NONE) {
        l->tls = shell_tls_dial(tls, l->key);
        link_due(l);
    }
    if (!l->is_unsure && l->tls == NULL)
        link_up(l);
}

/* The first byte of who comes: a greeting, or the length of a frame. */
static void link_decide(struct shell_link *l, uint8_t first)
{
    struct shell_tls *tls = l->all->tls;
    l->is_unsure = false;
    if (first == SHELL_TLS_FIRST_BYTE && tls->takes != 0) {
        l->tls = shell_tls_accept(tls);
    } else if (first == 0 && tls->takes_plain) {
        link_up(l);
    } else {
        unproven_tell(l,
                      "speaks in the clear, which is not taken here: give it `encrypt` or `tls` as "
                      "this agent has it",
                      first != 0);
        shell_conn_close(&l->conn);
    }
}

void link_secure_hear(struct shell_link *l, struct muster_bytes bytes)
{
    struct shell_links *all = l->all;
    bool was_unsure = l->is_unsure;
    if (l->is_unsure)
        link_decide(l, bytes.data[0]);
    if (l->conn.is_closing)
        return;
    if (l->tls == NULL) {
        MUSTER_ASSERT(was_unsure);
        link_hear(l, bytes);
        return;
    }
    if (all->plain == NULL)
        all->plain = malloc(SECURE_PLAIN);
    MUSTER_ASSERT(all->plain != NULL);
    shell_tls_feed(l->tls, bytes);
    link_due(l);
    if (shell_tls_state(l->tls) == SHELL_TLS_UP && !l->is_up)
        link_up(l);
    for (size_t n = 1; n > 0 && !l->conn.is_closing && !l->conn.is_finishing;) {
        n = shell_tls_read(l->tls, all->plain, SECURE_PLAIN);
        if (n > 0)
            link_hear(l, MUSTER_BYTES(all->plain, n));
    }
    if (l->conn.is_closing || l->conn.is_finishing)
        return;
    if (shell_tls_state(l->tls) == SHELL_TLS_FAILED)
        link_failed(l);
    else if (shell_tls_state(l->tls) == SHELL_TLS_ENDED)
        shell_conn_close(&l->conn);
}

struct shell_buffer *link_secure_out(struct shell_link *l)
{
    if (l->is_up && l->out.len > 0) {
        shell_tls_write(l->tls, MUSTER_BYTES(l->out.data, l->out.len));
        l->out.len = 0;
        if (l->out.size > LINK_KEPT)
            shell_buffer_close(&l->out);
        if (shell_tls_state(l->tls) == SHELL_TLS_FAILED)
            shell_conn_close(&l->conn);
    }
    return shell_tls_out(l->tls);
}
