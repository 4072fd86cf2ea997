/* SPDX-License-Identifier: Apache-2.0 */
/* What would go where: when a node were gone, when there were one more, when somebody levels the
 * load. Each keeper answers for its own rows; nothing is changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/job.h"
#include "agent/json.h"
#include "agent/peers.h"
#include "agent/place.h"
#include "agent/placer.h"
#include "agent/run_name.h"
#include "agent/serve_inside.h"
#include "base/hash.h"

/* A node that is not there yet: its tags come as the label, its slots as the attempt. */
static void plan_add(struct agent_core *core, const struct agent_request *q, struct serve_plan *p)
{
    const struct agent_node_config *c = &core->config;
    const struct ring_config config = { .bits = c->ring_bits,
                                        .replicas = c->replicas,
                                        .nodes_max = c->members_max };
    uint32_t max = agent_peers_count(core), n = 0;
    struct ring_node *node = calloc(max + 1, sizeof *node);
    uint16_t *number = calloc(max + 1, sizeof *number);
    uint64_t id[2] = { muster_hash64(muster_bytes_text(q->node), 1),
                       muster_hash64(muster_bytes_text(q->node), 2) };
    MUSTER_ASSERT(node != NULL && number != NULL);
    for (uint32_t i = 0; i < max; i++) {
        const struct agent_peer *peer = agent_peers_at(core, i);
        if (peer->is_in_ring)
            node[n++] = (struct ring_node){ .id = MUSTER_BYTES(peer->id.octet, MUSTER_ID_LEN),
                                            .weight = peer->meta.weight };
    }
    node[n] = (struct ring_node){ .id = MUSTER_BYTES((const uint8_t *)id, MUSTER_ID_LEN),
                                  .weight = q->attempt };
    p->number = calloc(max, sizeof *p->number);
    MUSTER_ASSERT(p->number != NULL);
    if (ring_open(&p->ring, &config) != MUSTER_OK || ring_set(p->ring, node, n + 1, number) != 0) {
        ring_close(p->ring);
        p->ring = NULL;
    }
    for (uint32_t i = 0, k = 0; i < max; i++)
        p->number[i] = agent_peers_at(core, i)->is_in_ring ? number[k++] : RING_NONE;
    p->added = number[n];
    free(node);
    free(number);
}

void serve_plan_open(struct agent_core *core, const struct agent_request *q, struct serve_plan *p)
{
    *p = (struct serve_plan){ .q = q };
    p->is_one =
        q->op == AGENT_OP_WHATIF || q->op == AGENT_OP_WHATIF_ADD || q->op == AGENT_OP_REBALANCE;
    if (!p->is_one)
        return;
    p->taken = calloc(agent_peers_count(core), sizeof *p->taken);
    MUSTER_ASSERT(p->taken != NULL);
    if (q->op == AGENT_OP_WHATIF_ADD)
        plan_add(core, q, p);
}

void serve_plan_close(struct serve_plan *p)
{
    free(p->taken);
    free(p->number);
    if (p->ring != NULL)
        ring_close(p->ring);
}

static void item(struct agent_json *j, struct muster_bytes run, const char *from, const char *to,
                 uint32_t needs, const char *why)
{
    agent_json_object(j);
    agent_json_put_bytes(j, "run", run);
    agent_json_put_text(j, "from", from);
    agent_json_put_text(j, "to", to);
    agent_json_put_u64(j, "slots", needs);
    agent_json_put_text(j, "reason", why);
    agent_json_object_end(j);
}

/* What would become of a run if its node were gone. */
static bool item_down(struct agent_core *core, struct serve_plan *p, const struct store_row *row,
                      struct agent_json *j)
{
    bool is_wanted = row->want == STORE_WANT_RUN && row->phase == STORE_PLACED;
    const struct agent_peer *to = is_wanted ? agent_placer_next(core, row, p->taken) : NULL;
    const char *why = !is_wanted                     ? "it would end: it is held or being stopped"
                      : to == NULL                   ? "no other node that may have it has room"
                      : row->mode == STORE_EXCLUSIVE ? "when its lease is over"
                      : row->kind == STORE_KIND_TASK ? "it would be done again from its start"
                                                     : NULL;
    item(j, row->key, agent_node_name(core, row->run_node), to != NULL ? to->name : NULL,
         row->needs, why);
    return true;
}

static bool item_level(struct agent_core *core, struct serve_plan *p, const struct store_row *row,
                       struct agent_json *j)
{
    const struct agent_peer *to = agent_placer_lighter(core, row, p->taken);
    if (to == NULL)
        return false;
    item(j, row->key, agent_node_name(core, row->run_node), to->name, row->needs,
         row->mode == STORE_EXCLUSIVE ? "when its lease is over" : NULL);
    return true;
}

/* The ring with the new node names that before the one which has it. */
static bool comes_first(struct agent_core *core, const struct serve_plan *p,
                        const struct store_row *row)
{
    uint16_t order[RING_ORDER_MAX];
    const struct agent_peer *own = agent_peers_find(core, row->run_node);
    uint16_t now = own != NULL ? p->number[own - agent_peers_at(core, 0)] : RING_NONE;
    uint32_t n = ring_order(p->ring, ring_slot(p->ring, row->key), order);
    for (uint32_t i = 0; i < n && order[i] != now; i++)
        if (order[i] == p->added)
            return true;
    return false;
}

static bool item_share(const struct serve_plan *p, const struct store_row *row,
                       struct agent_json *j)
{
    struct agent_job job;
    struct agent_problem problem;
    char key[STORE_KEY_MAX + 1];
    const struct agent_run_name name = { .job = row->key, .node = muster_bytes_text(p->q->node) };
    if (agent_job_decode(&job, row->spec, &problem) != MUSTER_OK)
        return false;
    bool is_each = job.spread == AGENT_JOB_EACH && row->want == STORE_WANT_RUN &&
                   agent_job_ends(&job) == false;
    agent_job_close(&job);
    if (!is_each || !agent_run_name_write(&name, key))
        return false;
    item(j, muster_bytes_text(key), NULL, p->q->node, row->needs, "each node has one");
    return true;
}

static bool item_add(struct agent_core *core, struct serve_plan *p, const struct store_row *row,
                     struct agent_json *j)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    const struct agent_facts facts = { .node = p->q->node, .arch = "", .tags = p->q->label };
    bool fits = p->ring != NULL && agent_wish_allows(wish, &facts) &&
                p->added_used + row->needs <= p->q->attempt && row->want == STORE_WANT_RUN;
    bool is_fixed = wish != NULL && wish->is_fixed, is_eager = wish != NULL && wish->is_eager;
    agent_wish_drop(&core->wishes, wish);
    if (!fits)
        return false;
    const char *why = NULL;
    bool is_share = agent_run_name_read(row->key).node.len > 0;
    if (row->kind == STORE_KIND_PARENT)
        why = item_share(p, row, j) ? "" : NULL;
    else if (row->phase == STORE_WAITING && row->run_token == 0 && !is_share)
        why = "it waits for a place";
    else if (row->phase == STORE_PLACED && row->kind == STORE_KIND_SERVICE && !is_share &&
             !is_fixed && comes_first(core, p, row))
        why = is_eager ? "at once: move: eager" : "when others are fuller, or by rebalance";
    if (why == NULL)
        return false;
    p->added_used += row->needs;
    if (why[0] != '\0')
        item(j, row->key, row->run_token != 0 ? agent_node_name(core, row->run_node) : NULL,
             p->q->node, row->needs, why);
    return true;
}

bool serve_plan_item(struct agent_core *core, struct serve_plan *p, const struct store_row *row,
                     struct agent_json *j)
{
    if (p->q->op == AGENT_OP_WHATIF)
        return item_down(core, p, row, j);
    if (p->q->op == AGENT_OP_REBALANCE)
        return item_level(core, p, row, j);
    return item_add(core, p, row, j);
}
