/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to whole nodes: they replace agents, swear that disks are gone, and put disks back
 * as they once were. And what they do when an agent ends by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hold_set.h"
#include "tests/sim/sim.h"

#define OATH_AGAIN_MS 2000
#define EXIT_LOOK_MS  500
#define FOREIGN_MS    3000 /* until somebody gives it an empty folder */

static void boot_again(struct sim *s, uint64_t node)
{
    if (!s->node[node].stays_down)
        sim_boot(s, (uint32_t)node);
}

static void ended(struct sim *s, uint64_t what)
{
    uint32_t node = (uint32_t)(what & 0xff);
    struct sim_node *n = &s->node[node];
    if (!n->is_up || n->generation != what >> 8)
        return;
    if (!n->is_foreign)
        sim_proc_guards_wait(s, node);
    sim_crash(s, node, false);
    sim_call(s, n->is_foreign ? FOREIGN_MS : EXIT_LOOK_MS, boot_again, node);
}

/* An agent has ended by itself: after it was asked to, or because its id is no good any more; then
 * it would not start from this folder again (R3, R49). */
void sim_exits(struct sim *s, uint32_t node, int err)
{
    sim_log(s, "n%u ends: %s", node, muster_err_name(err));
    s->node[node].is_foreign = err == MUSTER_EFOREIGN;
    sim_call(s, 0, ended, s->node[node].generation << 8 | node);
}

/* ---- upgrades */

/* As `systemctl restart` does it: what runs there is handed over first, or left to its guards. */
void sim_leave(struct sim *s, uint32_t node)
{
    const struct agent_event leave = { .kind = AGENT_EVENT_LEAVE };
    if (!s->node[node].is_up || s->node[node].is_paused)
        return;
    sim_log(s, "n%u is asked to end", node);
    s->node[node].is_leaving = true;
    sim_step(s, node, &leave);
}

/* ---- oaths */

static void oath(struct sim *s, uint64_t first)
{
    char id[MUSTER_ID_TEXT];
    struct agent_request q = { .op = AGENT_OP_FORGET, .node = "" };
    const struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    if (!s->oath.is_wanted || !s->is_storm)
        return;
    uint32_t node = (uint32_t)(first % s->nodes);
    sim_call(s, OATH_AGAIN_MS, oath, first + 1);
    if (!s->node[node].is_up || s->node[node].is_paused)
        return;
    if (!sim_truth_is_sworn(s, s->oath.id) && s->sworns < SIM_NODES)
        s->sworn[s->sworns++] = s->oath.id;
    q.name = muster_id_text(s->oath.id, id);
    q.number = s->oath.request = s->next_request++;
    q.request_id[0] = q.number;
    sim_log(s, "n%u is told to forget %s", node, q.name);
    sim_step(s, node, &e);
}

void sim_oath(struct sim *s, struct muster_id id, uint32_t in_ms)
{
    s->oath.id = id;
    s->oath.is_wanted = true;
    sim_call(s, in_ms, oath, muster_rng_below(&s->rng, s->nodes));
}

/* ---- everything held, and let go */

void sim_hold_all(struct sim *s, uint32_t node, const char *verb, const char *prefix)
{
    struct agent_request q = {
        .op = AGENT_OP_HOLDS, .name = verb, .prefix = prefix, .number = s->next_request++
    };
    const struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    sim_log(s, "%s of everything (%s) at n%u", verb, prefix, node);
    sim_step(s, node, &e);
}

bool sim_holds_any(const struct sim *s, uint32_t node)
{
    struct agent_status status;
    agent_node_status(s->node[node].node, &status);
    for (uint32_t i = 0; i < status.holds->count; i++)
        if (status.holds->hold[i].is_held)
            return true;
    return false;
}

/* ---- disks put back */

/* Every other node has noted this boot of it: then no copy from before can deceive anybody (R3). */
bool sim_boot_is_known(const struct sim *s, uint32_t node)
{
    char key[8 + MUSTER_ID_TEXT], id[MUSTER_ID_TEXT];
    struct muster_bytes value;
    (void)snprintf(key, sizeof key, "boot:%s", muster_id_text(s->node[node].id, id));
    for (uint32_t i = 0; i < s->nodes; i++) {
        if (i == node)
            continue;
        if (!sim_disk_get(&s->node[i], STORE_TABLE_META, key, &value) || value.len == 0 ||
            strtoull((const char *)value.data, NULL, 10) != s->node[node].boot)
            return false;
    }
    return true;
}

void sim_image_take(struct sim *s, uint32_t node)
{
    s->image.node = node;
    s->image.boot = s->node[node].boot;
    s->image.id = s->node[node].id;
    sim_disk_wipe(&s->image.disk);
    sim_disk_copy(&s->node[node], &s->image.disk);
}

/* While it is down. As long as nobody has told it that it is a copy it starts from the same image
 * each time, as machines do that are set up from one: a folder that is put back once and then boots
 * twice before it meets anybody who knows it looks like one that was never gone, and R3 does not
 * cover that. */
void sim_image_onto(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    sim_disk_wipe(n);
    sim_truth_wiped(s, node);
    sim_disk_copy(&s->image.disk, n);
    sim_truth_restored(s, node);
    n->is_restored = true;
    s->wipes++;
    sim_log(s, "n%u has the disk of n%u as of boot %llu", node, s->image.node,
            (unsigned long long)n->boot);
}

/* On a machine that was not there before. */
uint32_t sim_image_clone(struct sim *s, bool same_name)
{
    uint32_t node = s->nodes++;
    struct sim_node *n = &s->node[node];
    const struct sim_node *of = &s->node[s->image.node];
    sim_machine(s, node, of->slots);
    sim_clock_begins(s, node);
    n->id = s->image.id;
    n->is_clone = true;
    if (same_name)
        n->name = sim_name(s, s->image.node);
    memcpy(n->payload, of->payload, sizeof n->payload);
    sim_image_onto(s, node);
    return node;
}
