/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds that are host names: what they are found to mean becomes a wish to join. */
#include "agent/shell/shell_inside.h"

#define JOIN_LOOK_MS 30000 /* from the start; later a stranger in the list is only warned of */
#define JOIN_SURE_MS 2000  /* our own may answer a moment after the strangers */

/* ---- host names */

static uint32_t others_alive(const struct shell *s, struct muster_addr addr, bool *is_member)
{
    uint32_t count = agent_node_member_count(s->node), alive = 0;
    struct agent_member m;
    for (uint32_t i = 0; i < count; i++) {
        agent_node_member(s->node, i, &m);
        if (m.is_foreign || m.status == NULL || m.status[0] != 'a')
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

/* ---- whose cluster the list leads to */

static bool is_stranger(const struct shell *s, struct muster_addr seed)
{
    struct agent_member m;
    uint32_t count = agent_node_member_count(s->node);
    for (uint32_t i = 0; i < count; i++) {
        agent_node_member(s->node, i, &m);
        if (m.is_foreign && muster_addr_equal(m.addr, seed))
            return true;
    }
    return false;
}

/* Every address of the list is known to be of another cluster. */
static bool are_all_strangers(const struct shell *s, struct muster_addr *seen)
{
    uint32_t strangers = 0;
    for (uint32_t i = 0; i < s->setup.join_count; i++) {
        struct muster_addr seed;
        if (muster_addr_parse(&seed, s->setup.join[i], SHELL_GOSSIP_PORT) != MUSTER_OK)
            return false;
        if (muster_addr_equal(seed, s->setup.node.gossip_addr))
            continue;
        if (!is_stranger(s, seed))
            return false;
        *seen = seed;
        strangers++;
    }
    return strangers > 0;
}

/* A data folder of one cluster and a list that leads to another: whichever is the mistake, this
 * agent should not act on either. One that has met a member of its own cluster stays, whoever else
 * is in the list (R4). */
void shell_join_look(struct shell *s, uint64_t now_ms)
{
    char addr[MUSTER_ADDR_TEXT], cluster[MUSTER_ID_TEXT];
    struct muster_addr seen = { 0 };
    bool is_member = false;
    if (s->is_leaving || now_ms > s->serving_ms + JOIN_LOOK_MS ||
        muster_id_is_zero(s->boot.cluster) || others_alive(s, seen, &is_member) > 0 ||
        !are_all_strangers(s, &seen)) {
        s->strangers_ms = 0;
        return;
    }
    if (s->strangers_ms == 0)
        s->strangers_ms = now_ms;
    if (now_ms - s->strangers_ms < JOIN_SURE_MS)
        return;
    shell_journal(
        s->journal, AGENT_LOG_ERROR,
        "%s: this data folder belongs to cluster %s, but %s, which `join` names, belongs to "
        "another cluster; name addresses of the first, or use another `data_dir`",
        s->boot.folder, muster_id_text(s->boot.cluster, cluster), muster_addr_text(seen, addr));
    s->is_wrong_folder = true;
    shell_leave(s);
}
