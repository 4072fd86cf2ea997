/* SPDX-License-Identifier: Apache-2.0 */
/* Why a bucket has no keeper: seats that answer, and nodes that do not. */
#include "agent/absence.h"

#include <stdio.h>
#include <string.h>

#include "agent/peers.h"
#include "base/text.h"

struct absence {
    struct muster_id who[2 * STORE_BENCH_MAX];
    uint32_t count, seats;
    uint64_t since_wall_ms; /* of the first; 0: longer than we are up */
};

static bool has(const struct absence *a, struct muster_id id)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (muster_id_equal(a->who[i], id))
            return true;
    return false;
}

static uint64_t gone_since(const struct agent_core *core, const struct agent_peer *p)
{
    if (p == NULL || p->seen_ms == 0)
        return core->started_wall_ms;
    if (p->life != AGENT_LIFE_ALIVE)
        return p->state_since_wall_ms;
    return core->now.wall_ms - (core->now.mono_ms - p->unlinked_ms);
}

static void seat_look(const struct agent_core *core, struct muster_id node, struct absence *a)
{
    const struct agent_peer *p = agent_peers_find(core, node);
    bool answers = p != NULL && agent_peer_is_alive(p) && agent_peer_is_linked(core, p);
    if (answers || has(a, node))
        return;
    uint64_t since = gone_since(core, p);
    if (a->since_wall_ms == 0 || since < a->since_wall_ms)
        a->since_wall_ms = since;
    a->who[a->count++] = node;
}

static void names(struct agent_core *core, const struct absence *a, char *out, size_t size)
{
    size_t at = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const char *join = i == 0 ? "" : i + 1 == a->count ? " and " : ", ";
        const char *name = agent_node_name(core, a->who[i]);
        if (at + strlen(join) + strlen(name) + 8 > size) {
            (void)snprintf(out + at, size - at, " …");
            return;
        }
        at += (size_t)snprintf(out + at, size - at, "%s%s", join, name);
    }
}

bool agent_absence(struct agent_core *core, uint32_t bucket, char *out, size_t size)
{
    struct store_bucket_view v;
    struct absence a = { .count = 0 };
    char who[128], time[MUSTER_TIME_TEXT];
    store_bucket(core->store, bucket, &v);
    bool is_heard = v.role >= STORE_ELECTED ||
                    core->now.mono_ms < v.heard_ms + 2 * (uint64_t)core->config.times.calm_ms;
    if (is_heard || v.role == STORE_NO_SEAT)
        return false;
    for (uint32_t i = 0; i < v.old_count; i++)
        seat_look(core, v.old_seat[i].node, &a);
    uint32_t answer = v.old_count - a.count;
    if (a.count == 0)
        return false;
    names(core, &a, who, sizeof who);
    (void)muster_time_text(a.since_wall_ms, time);
    (void)snprintf(
        out, size, "%u of %u seats %s; %s %s missing since %.8s; `muster forget` if %s gone",
        answer, v.old_count, answer == 1 ? "answers" : "answer", who, a.count == 1 ? "is" : "are",
        time + 11, a.count == 1 ? "its disk is" : "their disks are");
    return true;
}
