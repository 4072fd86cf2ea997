/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds that are host names: what they are found to mean becomes a wish to join. */
#include "agent/shell/shell_inside.h"

static uint32_t others_alive(const struct shell *s, struct muster_addr addr, bool *is_member)
{
    uint32_t count = agent_node_member_count(s->node), alive = 0;
    struct agent_member m;
    for (uint32_t i = 0; i < count; i++) {
        agent_node_member(s->node, i, &m);
        if (m.status == NULL || m.status[0] != 'a')
            continue;
        alive += !m.is_self;
        *is_member |= muster_addr_equal(m.addr, addr);
    }
    return alive;
}

static bool is_calm(void *context)
{
    bool is_member = false;
    return others_alive(context, (struct muster_addr){ 0 }, &is_member) > 0;
}

/* The node answers a request; this one's answer is for nobody, so its number is nobody's. */
static void on_addr(void *context, struct muster_addr addr)
{
    struct shell *s = context;
    char text[MUSTER_ADDR_TEXT];
    bool is_member = false;
    const struct agent_request q = { .number = UINT64_MAX,
                                     .op = AGENT_OP_JOIN,
                                     .name = muster_addr_text(addr, text),
                                     .prefix = "",
                                     .state = "",
                                     .label = "",
                                     .job = "",
                                     .node = "",
                                     .after = "" };
    const struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    (void)others_alive(s, addr, &is_member);
    if (!is_member && s->phase == SHELL_SERVING)
        shell_step(s, &e);
}

static void on_fault(void *context, const char *name, const char *why)
{
    struct shell *s = context;
    shell_journal(s->journal, AGENT_LOG_WARN, "join: %s is not found: %s; trying again", name, why);
}

void shell_join_open(struct shell *s)
{
    s->resolve = (struct shell_resolve){
        .loop = &s->loop, .context = s, .on_addr = on_addr, .on_fault = on_fault, .is_calm = is_calm
    };
    shell_resolve_open(&s->resolve, s->setup.join, s->setup.join_count);
}
