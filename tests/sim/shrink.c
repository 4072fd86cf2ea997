/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest run that still fails in the same way: without kinds of faults, with fewer nodes and
 * fewer jobs, as long as it goes on failing. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/run.h"

struct failure {
    int code;
    char words[SIM_WORDS];
};

/* Up to its first colon a failure names the promise that was broken. */
static bool is_same(const struct failure *a, const struct failure *b)
{
    size_t len = strcspn(a->words, ":");
    return a->code == b->code && strncmp(a->words, b->words, len) == 0;
}

static bool still_fails(const struct sim_run *run, const struct failure *first)
{
    struct failure now = { 0 };
    struct sim_sum sum;
    now.code = sim_try(run, &sum, now.words);
    return now.code != 0 && is_same(first, &now);
}

static bool shrink_faults(struct sim_run *run, const struct failure *first)
{
    bool smaller = false;
    for (uint32_t f = 0; f < SIM_FAULTS; f++) {
        struct sim_run less = *run;
        less.without |= UINT64_C(1) << f;
        if (less.without == run->without || !still_fails(&less, first))
            continue;
        *run = less;
        smaller = true;
    }
    return smaller;
}

static bool shrink_number(struct sim_run *run, uint32_t *number, uint32_t low, uint32_t high,
                          const struct failure *first)
{
    uint32_t now = *number == 0 ? high : *number;
    for (uint32_t n = low; n < now; n++) {
        *number = n;
        if (still_fails(run, first))
            return true;
    }
    *number = now == high ? 0 : now;
    return false;
}

int sim_shrink(const struct sim_run *run)
{
    struct failure first = { 0 };
    struct sim_run least = *run;
    struct sim_sum sum;
    char text[800];
    first.code = sim_try(run, &sum, first.words);
    if (first.code == 0) {
        printf("this run does not fail\n");
        return 0;
    }
    printf("it fails: %s\n", first.words[0] != '\0' ? first.words : "a crash");
    for (bool smaller = true; smaller;) {
        smaller = shrink_faults(&least, &first);
        smaller = shrink_number(&least, &least.nodes_max, 2, SIM_NODES_MAX, &first) || smaller;
        smaller = shrink_number(&least, &least.jobs_max, 1, SIM_JOBS_MAX, &first) || smaller;
    }
    sim_run_text(&least, text, sizeof text);
    printf("the smallest that still does: %s TRACE=1\n", text);
    return first.code;
}
