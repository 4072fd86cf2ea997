/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs out of a backup: as they were, above every token of the former cluster, and never beside
 * one that is there. */
#include <stdio.h>
#include <string.h>

#include "agent/restore.h"
#include "tests/sim/story.h"

#define SPEC "{\"name\":\"%s\",\"kind\":\"%s\",\"exec\":[\"/bin/x\"]}"

static const uint64_t former = (uint64_t)900 << 40 | (uint64_t)7 << 24 | 3;

static bool is_answered(struct sim *s)
{
    return s->last_reply + 1 == s->next_request;
}

static void restore(struct sim *s, uint32_t node, const char *name, const char *kind,
                    struct agent_restore r)
{
    uint8_t wire[512];
    char spec[256];
    (void)snprintf(spec, sizeof spec, SPEC, name, kind);
    r.spec = muster_bytes_text(spec);
    r.token = former;
    (void)sim_restore(s, node, name, agent_restore_encode(&r, wire));
    sim_await(s, 30000, is_answered, "the restore is answered");
    if (s->last_err != MUSTER_OK)
        sim_fail(s, 1, "%s cannot be restored: %s", name, s->last_message);
}

static uint64_t token_of(struct sim *s, const char *job)
{
    uint32_t node = 0;
    uint64_t token = 0;
    return sim_proc_live(s, job, &node, &token) == 1 ? token : 0;
}

static bool runs(struct sim *s)
{
    return token_of(s, "runs") != 0;
}

void story_restore(struct sim *s)
{
    story_begin(s, 3);
    restore(s, 1, "runs", "service", (struct agent_restore){ .want = STORE_WANT_RUN });
    restore(s, 2, "held", "service", (struct agent_restore){ .want = STORE_WANT_HOLD });
    restore(s, 0, "stopped", "service", (struct agent_restore){ .want = STORE_WANT_STOP });
    restore(s, 0, "over", "task", (struct agent_restore){ .as = AGENT_RESTORE_DONE });
    restore(s, 1, "gave-up", "task", (struct agent_restore){ .as = AGENT_RESTORE_DEAD });
    sim_await(s, 30000, runs, "what ran runs again");
    uint64_t token = token_of(s, "runs");
    if (token <= former)
        sim_fail(s, 1, "R7: a run has token %llu, and the former cluster has given out %llu",
                 (unsigned long long)token, (unsigned long long)former);
    /* Again, by another node: nothing begins anew. */
    restore(s, 2, "runs", "service", (struct agent_restore){ .want = STORE_WANT_RUN });
    sim_run_for(s, 60000);
    if (token_of(s, "runs") != token)
        sim_fail(s, 1, "P2: a job that is there was restored over");
    static const char *const quiet[] = { "held", "stopped", "over", "gave-up" };
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++)
        if (token_of(s, quiet[i]) != 0)
            sim_fail(s, 1, "%s was not running in the backup, and runs", quiet[i]);
}
