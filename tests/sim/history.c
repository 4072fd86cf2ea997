/* SPDX-License-Identifier: Apache-2.0 */
/* Checks run histories: in order of time for what must not overlap, in order of tokens for what
 * must not be used twice. */
#include "tests/sim/history.h"

#include <stdlib.h>

#include "base/err.h"

struct court {
    struct sim_history_verdict *verdict;
    uint32_t max, count;
};

static void accuse(struct court *c, enum sim_history_fault fault,
                   const struct sim_history_span *first, const struct sim_history_span *second)
{
    if (c->count < c->max)
        c->verdict[c->count] =
            (struct sim_history_verdict){ .fault = fault, .first = *first, .second = *second };
    c->count++;
}

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_start(const void *left, const void *right)
{
    const struct sim_history_span *a = left, *b = right;
    int order = compare(a->job, b->job);
    if (order == 0)
        order = compare(a->start, b->start);
    return order != 0 ? order : compare(a->token, b->token);
}

static int by_token(const void *left, const void *right)
{
    const struct sim_history_span *a = left, *b = right;
    int order = compare(a->job, b->job);
    if (order == 0)
        order = compare(a->token, b->token);
    return order != 0 ? order : compare(a->start, b->start);
}

/* The one whose end is the latest: what begins before it overlaps with it. */
static const struct sim_history_span *longer(const struct sim_history_span *a,
                                             const struct sim_history_span *b)
{
    return a == NULL || b->end > a->end ? b : a;
}

/* One job's spans in the order in which they began. */
static void exclusive_check(struct court *c, const struct sim_history_span *span, uint32_t count)
{
    const struct sim_history_span *last = NULL, *highest = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_history_span *s = &span[i];
        if (!s->is_exclusive)
            continue;
        if (last != NULL && s->start < last->end)
            accuse(c, SIM_HISTORY_OVERLAP, last, s);
        if (highest != NULL && s->token < highest->token)
            accuse(c, SIM_HISTORY_FELL, highest, s);
        last = longer(last, s);
        highest = highest == NULL || s->token > highest->token ? s : highest;
    }
}

static bool part_has_both(const struct sim_history_part *p, const struct sim_history_span *a,
                          const struct sim_history_span *b)
{
    uint64_t both = (uint64_t)1 << a->node | (uint64_t)1 << b->node;
    uint64_t end = a->end < b->end ? a->end : b->end; /* b began later */
    bool is_within = b->start < p->end && p->start < end;
    return (p->nodes & both) == both && is_within;
}

/* Overlaps are rare, so looking ahead from every span ends at once. */
static void part_check(struct court *c, const struct sim_history_span *span, uint32_t count,
                       const struct sim_history_part *part, uint32_t parts)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = i + 1; j < count && span[j].start < span[i].end; j++)
            for (uint32_t k = 0; k < parts; k++)
                if (part_has_both(&part[k], &span[i], &span[j])) {
                    accuse(c, SIM_HISTORY_PART, &span[i], &span[j]);
                    break;
                }
}

static void tokens_check(struct court *c, const struct sim_history_span *span, uint32_t count)
{
    const struct sim_history_span *last = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_history_span *s = &span[i];
        bool is_same = last != NULL && last->job == s->job && last->token == s->token;
        if (is_same && last->node != s->node)
            accuse(c, SIM_HISTORY_SHARED, last, s);
        if (is_same && s->start < last->end)
            accuse(c, SIM_HISTORY_TWICE, last, s);
        last = is_same ? longer(last, s) : s;
    }
}

uint32_t sim_history_check(struct sim_history_span *span, uint32_t count,
                           const struct sim_history_part *part, uint32_t parts,
                           struct sim_history_verdict *verdict, uint32_t max)
{
    struct court c = { .verdict = verdict, .max = max };
    for (uint32_t i = 0; i < count; i++) {
        MUSTER_ASSERT(span[i].node < SIM_HISTORY_NODES);
        if (span[i].end < span[i].start)
            accuse(&c, SIM_HISTORY_BACKWARDS, &span[i], &span[i]);
    }
    if (count == 0)
        return 0;
    qsort(span, count, sizeof *span, by_token);
    tokens_check(&c, span, count);
    qsort(span, count, sizeof *span, by_start);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && span[end].job == span[i].job;)
            end++;
        exclusive_check(&c, span + i, end - i);
        part_check(&c, span + i, end - i, part, parts);
    }
    return c.count;
}

const char *sim_history_fault_text(enum sim_history_fault fault)
{
    static const char *const text[] = {
        [SIM_HISTORY_BACKWARDS] = "ended before it began",
        [SIM_HISTORY_OVERLAP] = "two exclusive runs at one instant",
        [SIM_HISTORY_FELL] = "a token below an earlier one",
        [SIM_HISTORY_SHARED] = "one token on two nodes",
        [SIM_HISTORY_TWICE] = "one token twice at one instant",
        [SIM_HISTORY_PART] = "two runs at one instant within a connected part",
    };
    return text[fault];
}
