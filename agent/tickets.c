/* SPDX-License-Identifier: Apache-2.0 */
/* A small table, looked through from end to end: it is asked when a slot comes free, not more. */
#include "agent/tickets.h"

#include <string.h>

uint64_t agent_ticket_rank(uint32_t priority, uint64_t since_wall_ms)
{
    return (uint64_t)(255 - priority) << 56 | (since_wall_ms & 0xffffffffffffff);
}

static int compare(uint64_t rank, struct muster_bytes key, const struct agent_ticket *b)
{
    if (rank != b->rank)
        return rank < b->rank ? -1 : 1;
    return muster_bytes_compare(key, muster_bytes_text(b->key));
}

static void drop(struct agent_tickets *t, struct agent_ticket *one)
{
    *one = t->ticket[--t->count];
}

/* Those whose keepers have gone silent, and those that were invited and did not come. */
static void expire(struct agent_tickets *t, uint64_t now_ms)
{
    for (uint32_t i = t->count; i-- > 0;) {
        struct agent_ticket *one = &t->ticket[i];
        bool is_late = one->invited_ms != 0 && now_ms >= one->invited_ms + AGENT_TICKET_INVITE_MS;
        if (now_ms >= one->until_ms || is_late)
            drop(t, one);
    }
}

static struct agent_ticket *find(struct agent_tickets *t, struct muster_bytes key)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (muster_bytes_equal(muster_bytes_text(t->ticket[i].key), key))
            return &t->ticket[i];
    return NULL;
}

static struct agent_ticket *place(struct agent_tickets *t, struct muster_bytes key, uint64_t rank)
{
    if (t->count < AGENT_TICKETS_MAX)
        return &t->ticket[t->count++];
    struct agent_ticket *worst = &t->ticket[0];
    for (uint32_t i = 1; i < t->count; i++)
        if (compare(t->ticket[i].rank, muster_bytes_text(t->ticket[i].key), worst) > 0)
            worst = &t->ticket[i];
    return compare(rank, key, worst) < 0 ? worst : NULL;
}

void agent_tickets_put(struct agent_tickets *t, uint64_t now_ms, struct muster_bytes key,
                       struct muster_id keeper, uint64_t rank, uint32_t needs)
{
    if (key.len == 0 || key.len > STORE_KEY_MAX || memchr(key.data, 0, key.len) != NULL)
        return;
    expire(t, now_ms);
    struct agent_ticket *one = find(t, key);
    uint64_t invited_ms = one != NULL ? one->invited_ms : 0;
    if (one == NULL)
        one = place(t, key, rank);
    if (one == NULL)
        return;
    *one = (struct agent_ticket){ .keeper = keeper,
                                  .rank = rank,
                                  .needs = needs,
                                  .until_ms = now_ms + AGENT_TICKET_MS,
                                  .invited_ms = invited_ms };
    memcpy(one->key, key.data, key.len);
}

void agent_tickets_remove(struct agent_tickets *t, struct muster_bytes key)
{
    struct agent_ticket *one = find(t, key);
    if (one != NULL)
        drop(t, one);
}

void agent_tickets_again(struct agent_tickets *t, struct muster_bytes key)
{
    struct agent_ticket *one = find(t, key);
    if (one != NULL)
        one->invited_ms = 0;
}

uint32_t agent_tickets_invited(struct agent_tickets *t, uint64_t now_ms)
{
    uint32_t needs = 0;
    expire(t, now_ms);
    for (uint32_t i = 0; i < t->count; i++)
        if (t->ticket[i].invited_ms != 0)
            needs += t->ticket[i].needs;
    return needs;
}

struct agent_ticket *agent_tickets_best(struct agent_tickets *t, uint64_t now_ms, uint32_t room)
{
    struct agent_ticket *best = NULL;
    expire(t, now_ms);
    for (uint32_t i = 0; i < t->count; i++) {
        struct agent_ticket *one = &t->ticket[i];
        if (one->needs > room || one->invited_ms != 0)
            continue;
        if (best == NULL || compare(one->rank, muster_bytes_text(one->key), best) < 0)
            best = one;
    }
    return best;
}

bool agent_tickets_precede(struct agent_tickets *t, uint64_t now_ms, uint32_t room,
                           struct muster_bytes key, uint64_t rank, uint32_t needs)
{
    uint64_t taken = 0;
    expire(t, now_ms);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct agent_ticket *one = &t->ticket[i];
        if (one->needs <= room && compare(rank, key, one) > 0)
            taken += one->needs;
    }
    return taken > 0 && taken + needs > room;
}
