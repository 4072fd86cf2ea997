/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what jobs of a real cluster wrote about themselves (record.h) and says what may not be.
 *
 *     history FILE [part START END NODE,NODE...]...
 *
 * The attempts, then for each mode the gaps between the last beat on one node and the first on
 * another, then what is wrong. Exit code 0: nothing is, 1: something is, 2: no such history. Times
 * of a part are CLOCK_BOOTTIME nanoseconds, as in the records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/kit/record.h"
#include "tests/sim/history.h"

#define SPANS_MAX    200000
#define NAMES_MAX    65536
#define PARTS_MAX    64
#define VERDICTS_MAX 20

struct names {
    char *name[NAMES_MAX];
    uint32_t count;
};

struct line {
    unsigned long long first, last, token;
    unsigned attempt;
    int pid;
    char state, mode, node[RECORD_LEN], job[RECORD_LEN];
};

struct attempt {
    struct sim_history_span span;
    unsigned number;
};

struct reader {
    struct attempt attempt[SPANS_MAX];
    struct sim_history_span span[SPANS_MAX];
    uint64_t gap[SPANS_MAX];
    struct names jobs, nodes;
    struct sim_history_part part[PARTS_MAX];
    uint32_t count, parts;
};

static uint32_t number_of(struct names *n, const char *name, uint32_t max)
{
    for (uint32_t i = n->count; i-- > 0;) /* the last one is the likeliest */
        if (strcmp(n->name[i], name) == 0)
            return i;
    if (n->count == max || (n->name[n->count] = strdup(name)) == NULL) {
        fprintf(stderr, "history: more than %u names\n", max);
        exit(2);
    }
    return n->count++;
}

/* A daemon of a job is the job still: lines of one attempt are one span. */
static void attempt_add(struct reader *r, const struct line *line)
{
    struct attempt a = { .number = line->attempt,
                         .span = { .job = number_of(&r->jobs, line->job, NAMES_MAX),
                                   .node = number_of(&r->nodes, line->node, SIM_HISTORY_NODES),
                                   .token = line->token,
                                   .start = line->first,
                                   .end = line->last,
                                   .is_exclusive = line->mode == RECORD_EXCLUSIVE } };
    if (a.span.end == a.span.start)
        a.span.end++; /* it lived for an instant, not for none */
    for (uint32_t i = 0; i < r->count; i++) {
        struct attempt *old = &r->attempt[i];
        if (old->number != a.number || old->span.job != a.span.job ||
            old->span.token != a.span.token || old->span.node != a.span.node)
            continue;
        old->span.start = a.span.start < old->span.start ? a.span.start : old->span.start;
        old->span.end = a.span.end > old->span.end ? a.span.end : old->span.end;
        return;
    }
    if (r->count == SPANS_MAX) {
        fprintf(stderr, "history: more than %u attempts\n", SPANS_MAX);
        exit(2);
    }
    r->attempt[r->count++] = a;
}

static int file_read(struct reader *r, const char *path)
{
    char text[RECORD_LEN + 1] = { 0 };
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 2;
    int code = 0;
    for (size_t got; code == 0 && (got = fread(text, 1, RECORD_LEN, file)) != 0;) {
        struct line l;
        int fields = got != RECORD_LEN || text[RECORD_LEN - 1] != '\n'
                         ? 0
                         : sscanf(text, "%llu %llu %c %c %llu %u %d %511s %511s", &l.first, &l.last,
                                  &l.state, &l.mode, &l.token, &l.attempt, &l.pid, l.node, l.job);
        if (fields == 9)
            attempt_add(r, &l);
        else
            code = 2;
    }
    if (code != 0)
        fprintf(stderr, "history: no record: %.*s\n", RECORD_LEN - 1, text);
    fclose(file);
    return code;
}

/* part START END NODE,NODE...; a node that never ran anything is of no interest. */
static int part_read(struct reader *r, char **word)
{
    if (r->parts == PARTS_MAX)
        return 2;
    struct sim_history_part *p = &r->part[r->parts++];
    p->start = strtoull(word[0], NULL, 10);
    p->end = strtoull(word[1], NULL, 10);
    for (char *at = word[2]; at != NULL;) {
        size_t len = strcspn(at, ",");
        for (uint32_t i = 0; i < r->nodes.count; i++)
            if (strlen(r->nodes.name[i]) == len && memcmp(r->nodes.name[i], at, len) == 0)
                p->nodes |= (uint64_t)1 << i;
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    return 0;
}

static int by_size(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Spans stand in the order of their start. A job that runs twice for a while has no gap. */
static void gaps_print(struct reader *r, bool is_exclusive)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < r->count; i++) {
        const struct sim_history_span *a = &r->span[i - 1], *b = &r->span[i];
        if (a->job == b->job && a->node != b->node && a->is_exclusive == is_exclusive &&
            b->is_exclusive == is_exclusive)
            r->gap[count++] = b->start > a->end ? b->start - a->end : 0;
    }
    qsort(r->gap, count, sizeof r->gap[0], by_size);
    printf("gaps %s: %u", is_exclusive ? "exclusive" : "available", count);
    if (count > 0)
        printf(" p50 %.3f p99 %.3f max %.3f s", (double)r->gap[count / 2] / 1e9,
               (double)r->gap[count - 1 - count / 100] / 1e9, (double)r->gap[count - 1] / 1e9);
    printf("\n");
}

static void span_print(const struct reader *r, const struct sim_history_span *s)
{
    printf("    %s on %s, token %llu, from %.3f to %.3f s\n", r->jobs.name[s->job],
           r->nodes.name[s->node], (unsigned long long)s->token, (double)s->start / 1e9,
           (double)s->end / 1e9);
}

static int judge(struct reader *r)
{
    struct sim_history_verdict verdict[VERDICTS_MAX];
    for (uint32_t i = 0; i < r->count; i++)
        r->span[i] = r->attempt[i].span;
    uint32_t wrong = sim_history_check(r->span, r->count, r->part, r->parts, verdict, VERDICTS_MAX);
    printf("attempts: %u of %u jobs on %u nodes\n", r->count, r->jobs.count, r->nodes.count);
    gaps_print(r, false);
    gaps_print(r, true);
    printf("wrong: %u\n", wrong);
    for (uint32_t i = 0; i < wrong && i < VERDICTS_MAX; i++) {
        printf("  %s\n", sim_history_fault_text(verdict[i].fault));
        span_print(r, &verdict[i].first);
        span_print(r, &verdict[i].second);
    }
    return wrong != 0;
}

int main(int argc, char **argv)
{
    struct reader *r = calloc(1, sizeof *r);
    int code = argc < 2 || r == NULL ? 2 : file_read(r, argv[1]);
    for (int i = 2; i < argc && code == 0; i += 4)
        code = i + 3 < argc && strcmp(argv[i], "part") == 0 ? part_read(r, &argv[i + 1]) : 2;
    if (code == 0)
        code = judge(r);
    for (uint32_t i = 0; r != NULL && i < r->jobs.count; i++)
        free(r->jobs.name[i]);
    for (uint32_t i = 0; r != NULL && i < r->nodes.count; i++)
        free(r->nodes.name[i]);
    free(r);
    return code;
}
