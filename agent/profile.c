/* SPDX-License-Identifier: Apache-2.0 */
/* The times of each profile, and the rules between them. */
#include "agent/profile.h"

#include <stdio.h>
#include <string.h>

#include "agent/node.h"

/* By profile, and whether the majority decides. */
static const char *const settings_text[][2] = {
    [AGENT_PROFILE_LAN] = { "lan available", "lan majority" },
    [AGENT_PROFILE_WAN] = { "wan available", "wan majority" },
    [AGENT_PROFILE_LOCAL] = { "local available", "local majority" },
};

#define PROFILES (sizeof settings_text / sizeof *settings_text)

/* R58 lets lan halve the dead-man time too. It keeps its 3 s there: half of it would end every job
 * of a host that hangs for two seconds, and 3 s are below what gossip needs for a verdict. */
void agent_settings_apply(struct agent_node_config *c, struct agent_settings s)
{
    c->settings = s;
    c->hold_ms = 500;
    c->dead_man_ms = 3000;
    c->orphan_ms = 3000;
    c->start_repeat_ms = 2500;
    c->return_grace_ms = 30000;
    c->lonely_ms = 30000;
    switch (s.profile) {
    case AGENT_PROFILE_WAN:
        gossip_config_wan(&c->gossip);
        store_times_wan(&c->times);
        c->hold_ms = 1000;
        break;
    case AGENT_PROFILE_LOCAL:
        gossip_config_local(&c->gossip);
        store_times_lan(&c->times);
        c->dead_man_ms = 2000;
        c->orphan_ms = 2000;
        break;
    default:
        gossip_config_lan(&c->gossip);
        store_times_lan(&c->times);
    }
    c->silent_ms = c->hold_ms * 3 / 2;
    c->kernel_wait_ms = c->hold_ms * 2 / 5;
    c->times.has_claims = !s.is_majority;
}

const char *agent_times_fault(const struct agent_node_config *c)
{
    const struct store_times *t = &c->times;
    /* An election takes as long as a vote holds: after that the next one asks. */
    uint64_t calmed = (uint64_t)t->calm_ms + 2 * (uint64_t)t->vote_hold_ms +
                      2 * (uint64_t)c->hold_ms + t->margin_ms;
    if (c->dead_man_ms > c->orphan_ms)
        return "a guard's dead-man time must not be longer than the silence after which its run is "
               "given up, or a run is placed anew while its old process lives";
    if (t->horizon_ms <= calmed)
        return "the lease horizon must be longer than the calm, two elections, two reports and the "
               "margin together, or a change of keepers ends exclusive runs that are well";
    if (c->hold_ms >= c->orphan_ms || c->hold_ms >= c->start_repeat_ms)
        return "runs must be reported more often than their keepers ask for them or give them up";
    if (c->hold_ms >= c->silent_ms)
        return "a node must have been silent for longer than it takes until its next report, or "
               "its runs are given up although it is heard";
    if (t->beat_ms >= t->calm_ms || t->margin_ms >= t->horizon_ms)
        return "keepers must beat within the calm, and the margin is a part of the horizon";
    return NULL;
}

bool agent_settings_equal(struct agent_settings a, struct agent_settings b)
{
    return a.profile == b.profile && a.is_majority == b.is_majority;
}

const char *agent_settings_text(struct agent_settings s, char out[AGENT_SETTINGS_TEXT])
{
    (void)snprintf(out, AGENT_SETTINGS_TEXT, "%s", settings_text[s.profile][s.is_majority]);
    return out;
}

bool agent_settings_parse(struct agent_settings *s, struct muster_bytes text)
{
    for (int32_t i = 0; i < (int32_t)(2 * PROFILES); i++) {
        struct agent_settings one = { i / 2, i % 2 == 1 };
        if (!muster_bytes_are(text, settings_text[one.profile][one.is_majority]))
            continue;
        *s = one;
        return true;
    }
    return false;
}
