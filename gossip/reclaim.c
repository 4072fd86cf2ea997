/* SPDX-License-Identifier: Apache-2.0 */
/* Names of dead members claimed from new addresses: the old address is asked before the name moves.
 */
#include "gossip/reclaim.h"

#include <string.h>

#include "base/clock.h"
#include "gossip/post.h"
#include "gossip/rumor.h"

/* The case of this member, else a free place; NULL when all places are taken. */
static struct gossip_reclaim *reclaim_place(struct gossip *g, const struct gossip_member *m)
{
    struct gossip_reclaim *free_place = NULL;

    for (uint32_t i = 0; i < GOSSIP_RECLAIMS_MAX; i++) {
        struct gossip_reclaim *r = &g->reclaim[i];

        if (r->is_used && r->member == m->number)
            return r;
        if (!r->is_used)
            free_place = r;
    }
    return free_place;
}

static void reclaim_fill(struct gossip_reclaim *r, const struct gossip_alive *a)
{
    r->incarnation = a->incarnation;
    memcpy(r->vsn, a->vsn.data, GOSSIP_VSN_LEN);
    r->meta_len = (uint16_t)a->meta.len;
    if (a->meta.len > 0)
        memcpy(r->meta, a->meta.data, a->meta.len);
}

static void owner_ask(struct gossip *g, struct gossip_reclaim *r, const struct gossip_member *m)
{
    struct gossip_message ping;

    r->seq = gossip_post_seq(g);
    gossip_post_ping(g, &ping, r->seq, gossip_member_name(m));
    gossip_post_bare(g, m->addr, &ping);
}

void gossip_reclaim_open(struct gossip *g, struct gossip_member *m, const struct gossip_alive *a)
{
    struct gossip_reclaim *r;
    struct muster_addr addr;
    int err = muster_addr_from_octets(&addr, a->addr.data, a->addr.len, a->port);

    MUSTER_ASSERT(err == MUSTER_OK);
    MUSTER_ASSERT(m->state == GOSSIP_DEAD);
    if (!gossip_table_fits(&g->table, a->vsn.data)) {
        g->counters.dropped_unfit++;
        return;
    }
    if (m->is_proven) {
        (void)gossip_rumor_believe(g, m, a, true);
        return;
    }
    r = reclaim_place(g, m);
    if (r == NULL || (r->is_used && !muster_addr_equal(r->addr, addr))) {
        g->counters
            .conflicts++; /* two claimants, or too many names at once: peers refuse all of them */
        return;
    }
    if (r->is_used) {
        if (a->incarnation > r->incarnation)
            reclaim_fill(r, a);
        return;
    }
    *r = (struct gossip_reclaim){ .is_used = true, .member = m->number, .addr = addr };
    r->since_ms = m->since_ms;
    r->due_ms = muster_deadline_after(m->since_ms, GOSSIP_RECLAIM_MS);
    if (r->due_ms < g->now_ms + g->config.probe_timeout_ms)
        r->due_ms = g->now_ms + g->config.probe_timeout_ms;
    reclaim_fill(r, a);
    owner_ask(g, r, m);
}

bool gossip_reclaim_ack(struct gossip *g, struct muster_addr from, uint32_t seq)
{
    for (uint32_t i = 0; i < GOSSIP_RECLAIMS_MAX; i++) {
        struct gossip_reclaim *r = &g->reclaim[i];
        const struct gossip_member *m = &g->table.member[r->member];

        if (!r->is_used || r->seq != seq || !muster_addr_equal(m->addr, from))
            continue;
        /* The owner is there after all, and does not know that it counts as dead. */
        r->is_used = false;
        g->counters.conflicts++;
        if (!m->is_forgotten && m->state == GOSSIP_DEAD)
            gossip_rumor_answer(g, m->addr, gossip_member_name(m), m->incarnation);
        return true;
    }
    return false;
}

static void reclaim_end(struct gossip *g, struct gossip_reclaim *r)
{
    struct gossip_member *m = &g->table.member[r->member];

    r->is_used = false;
    if (m->is_forgotten || m->state != GOSSIP_DEAD || m->since_ms != r->since_ms)
        return; /* it came back, or was forgotten: then the claimant is a newcomer like any other */
    const struct gossip_alive a = {
        .incarnation = r->incarnation,
        .node = gossip_member_name(m),
        .addr = MUSTER_BYTES(r->addr.octet, r->addr.len),
        .meta = MUSTER_BYTES(r->meta_len > 0 ? r->meta : NULL, r->meta_len),
        .vsn = MUSTER_BYTES(r->vsn, GOSSIP_VSN_LEN),
        .port = r->addr.port,
    };
    (void)gossip_rumor_believe(g, m, &a, true);
}

void gossip_reclaim_run(struct gossip *g)
{
    for (uint32_t i = 0; i < GOSSIP_RECLAIMS_MAX; i++) {
        if (g->reclaim[i].is_used && muster_deadline_reached(g->reclaim[i].due_ms, g->now_ms))
            reclaim_end(g, &g->reclaim[i]);
    }
}

uint64_t gossip_reclaim_deadline_ms(const struct gossip *g)
{
    uint64_t first = MUSTER_NEVER;

    for (uint32_t i = 0; i < GOSSIP_RECLAIMS_MAX; i++) {
        if (g->reclaim[i].is_used)
            first = muster_deadline_sooner(first, g->reclaim[i].due_ms);
    }
    return first;
}
