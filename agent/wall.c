/* SPDX-License-Identifier: Apache-2.0 */
/* The time of day by most clocks: gathered, sorted, and the one in the middle taken. */
#include "agent/wall.h"

#include <stdlib.h>

#include "agent/core.h"
#include "agent/peers.h"
#include "base/probe.h"

#define WALL_LOOK_MS  1000
#define WALL_STEP_MS  100 /* ours has been set, and is looked at at once */
#define WALL_CLOCKS   64  /* that many say as much as thousands */
#define MS_PER_SECOND 1000

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int64_t agent_wall_off(int64_t own_ms, int64_t *lead_ms, uint32_t count)
{
    if (count < AGENT_WALL_LEAST)
        return 0;
    qsort(lead_ms, count, sizeof *lead_ms, by_size);
    int64_t low = lead_ms[(count - 1) / 2], high = lead_ms[count / 2];
    if (own_ms < low - AGENT_WALL_APART_MS)
        return low - own_ms;
    if (own_ms > high + AGENT_WALL_APART_MS)
        return high - own_ms;
    return 0;
}

static int64_t lead_of(const struct agent_core *core, uint64_t wall_ms)
{
    return (int64_t)(wall_ms - core->now.mono_ms);
}

bool agent_wall_is_due(const struct agent_core *core)
{
    const struct agent_wall *w = &core->wall;
    return core->now.mono_ms >= w->told_ms + AGENT_WALL_TELL_MS ||
           llabs(lead_of(core, core->now.wall_ms) - w->told_lead_ms) > AGENT_WALL_APART_MS;
}

void agent_wall_told(struct agent_core *core)
{
    core->wall.told_ms = core->now.mono_ms;
    core->wall.told_lead_ms = lead_of(core, core->now.wall_ms);
}

void agent_wall_hear(struct agent_core *core, struct agent_peer *p, uint64_t wall_ms)
{
    p->wall = (struct agent_wall_said){ lead_of(core, wall_ms), core->now.mono_ms };
}

static int64_t off_now(struct agent_core *core, int64_t own)
{
    int64_t lead[WALL_CLOCKS] = { own };
    uint32_t count = 1;
    for (uint32_t i = 0; i < agent_peers_count(core) && count < WALL_CLOCKS; i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        bool is_known =
            p->wall.heard_ms != 0 && core->now.mono_ms < p->wall.heard_ms + AGENT_WALL_KNOWN_MS;
        if (!p->is_self && is_known && agent_peer_is_alive(p))
            lead[count++] = p->wall.lead_ms;
    }
    return agent_wall_off(own, lead, count);
}

static void off_tell(struct agent_core *core, int64_t off)
{
    if (off == 0)
        agent_out_log(&core->out, AGENT_LOG_INFO, "this host's clock is that of most nodes again");
    else
        agent_out_log(&core->out, AGENT_LOG_WARN,
                      "this host's clock is %lld s %s that of most nodes: schedules go by theirs; "
                      "set it by NTP",
                      llabs(off) / MS_PER_SECOND, off > 0 ? "behind" : "ahead of");
}

uint64_t agent_wall_ms(struct agent_core *core)
{
    struct agent_wall *w = &core->wall;
    int64_t own = lead_of(core, core->now.wall_ms);
    bool is_same = llabs(own - w->own_lead_ms) < WALL_STEP_MS;
    if (!is_same || muster_deadline_reached(w->until_ms, core->now.mono_ms)) {
        int64_t off = MUSTER_MUTANT(wall_of_one) ? 0 : off_now(core, own);
        if ((off == 0) != (w->off_ms == 0))
            off_tell(core, off);
        w->until_ms = core->now.mono_ms + WALL_LOOK_MS;
        w->own_lead_ms = own;
        w->off_ms = off;
    }
    return (uint64_t)((int64_t)core->now.wall_ms + w->off_ms);
}
