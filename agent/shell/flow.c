/* SPDX-License-Identifier: Apache-2.0 */
/* Output of jobs is read no faster than whoever it is for can take it: a disk outruns most
 * networks, and a link that is full of output would end, reigns and all. */
#include "agent/shell/shell_inside.h"

#define FLOW_HIGH (4u << 20) /* bytes waiting at a link or a client, from where its source pauses */
#define FLOW_LOW  (1u << 20)

/* What a block of output led to is seen while the node is stepped with it. */
void shell_flow_begin(struct shell *s, uint64_t number)
{
    s->flow = (struct shell_flow){ .number = number };
    s->has_flow = true;
}

static size_t waiting(const struct shell *s, const struct shell_flow *f)
{
    size_t link = f->has_link ? shell_link_queued(&s->links, f->link) : 0;
    size_t client = f->has_client ? shell_http_queued(s->http, f->client) : 0;
    return link > client ? link : client;
}

void shell_flow_saw(struct shell *s, const struct agent_effect *e)
{
    if (!s->has_flow)
        return;
    if (e->kind == AGENT_EFFECT_CHUNK) {
        s->flow.has_client = true;
        s->flow.client = e->number;
    } else if (shell_link_queued(&s->links, e->link) > FLOW_HIGH) {
        s->flow.has_link = true;
        s->flow.link = e->link;
    }
}

void shell_flow_end(struct shell *s)
{
    s->has_flow = false;
    if (waiting(s, &s->flow) <= FLOW_HIGH || s->paused_count == SHELL_LOGS_MAX)
        return;
    shell_logs_pause(s->logs, s->flow.number, true);
    s->paused[s->paused_count++] = s->flow;
}

/* Before the loop sleeps: whoever has been served goes on. A link or a client that is gone has
 * nothing waiting; the node has cancelled its output, or will. */
void shell_flow_look(struct shell *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->paused_count; i++) {
        struct shell_flow f = s->paused[i];
        if (waiting(s, &f) > FLOW_LOW)
            s->paused[kept++] = f;
        else
            shell_logs_pause(s->logs, f.number, false);
    }
    s->paused_count = kept;
}
