/* SPDX-License-Identifier: Apache-2.0 */
/* I5, I6: no token starts twice, and each was chosen or claimed. */
#include <stdlib.h>

#include "tests/sim/inv.h"

static uint32_t job_index(struct sim *s, const char *name)
{
    struct sim_job *j = sim_job_find(s, name);
    if (j == NULL)
        sim_fail(s, 1, "a job nobody made: %s", name);
    return (uint32_t)(j - s->job);
}

static struct sim_token *token_of(struct sim *s, uint32_t job, uint64_t token)
{
    for (uint32_t i = s->tokens; i-- > 0;)
        if (s->token[i].token == token && s->token[i].job == job)
            return &s->token[i];
    if (s->tokens == s->tokens_size) {
        s->tokens_size = s->tokens_size > 0 ? 2 * s->tokens_size : 64;
        s->token = realloc(s->token, s->tokens_size * sizeof *s->token);
        MUSTER_ASSERT(s->token != NULL);
    }
    s->token[s->tokens] = (struct sim_token){ .token = token, .job = job };
    return &s->token[s->tokens++];
}

void sim_inv_token(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    struct sim_token *t = token_of(s, job_index(s, p->job), p->token);
    if (t->is_started && (t->node != node || p->attempt <= t->attempt))
        sim_fail(s, 1, "I5: token %llu of %s starts twice, on n%u and n%u",
                 (unsigned long long)p->token, p->job, t->node, node);
    if (!t->is_right && !sim_truth_may_start(s, t->job, p->token))
        sim_fail(s, 1, "I6: %s starts on n%u with token %llu, neither chosen nor claimed", p->job,
                 node, (unsigned long long)p->token);
    t->is_started = true;
    t->node = node;
    t->attempt = p->attempt;
}

/* A seat that a change only adds may be nobody's, and its number another node's. */
static void seat_must_be_chosen(struct sim *s, uint32_t node, const struct sim_job *j,
                                uint64_t token)
{
    struct store_bucket_view v;
    if (!s->node[node].is_up)
        return;
    store_bucket(agent_node_store(s->node[node].node), j->bucket, &v);
    uint16_t seat = store_reign_seat(store_version_reign((struct store_version){ token }));
    for (uint32_t i = 0; i < v.old_count; i++)
        if (v.old_seat[i].seat == seat)
            return;
    if (v.new_count > 0 && v.seat == seat)
        sim_fail(s, 1, "I5: n%u claims %s from seat %u, which may never be chosen", node, j->name,
                 seat);
}

void sim_inv_claimed(struct sim *s, uint32_t node, const char *job, uint64_t token)
{
    struct sim_token *t = token_of(s, job_index(s, job), token);
    t->is_right = t->is_claimed = true;
    seat_must_be_chosen(s, node, &s->job[t->job], token);
    if (s->job[t->job].is_exclusive)
        sim_fail(s, 1, "R41: exclusive %s is claimed", job);
}

/* R6: a round that was spent for claims writes no rows, or a token would mean two things. */
void sim_inv_version(struct sim *s, uint32_t bucket, uint64_t version)
{
    for (uint32_t i = 0; i < s->tokens; i++) {
        const struct sim_token *t = &s->token[i];
        const struct sim_job *j = &s->job[t->job];
        if (t->is_claimed && t->token >> 24 == version >> 24 && j->bucket == bucket)
            sim_fail(s, 1, "R6: %s was claimed in reign %llu, and rows are written in it", j->name,
                     (unsigned long long)(t->token >> 24));
    }
}
