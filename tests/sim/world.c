/* SPDX-License-Identifier: Apache-2.0 */
/* The world: nodes come and go, stop and go on, and lose their disks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define SIM_RING_BITS 10
#define AWAY_MS       250 /* the shell tells of a gap from half a probe's timeout on */
#define RENEW_LAST_MS 20  /* for its last words, before it is closed */

const char *sim_name(const struct sim *s, uint32_t node)
{
    static const char *const name[] = {
        "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"
    };
    return sim_has(s, SIM_SAME_NAMES) ? "n" : name[node];
}

static struct agent_node_config config_of(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    struct agent_node_config c;
    agent_node_config_default(&c);
    c.self = n->id;
    c.cluster = n->cluster;
    c.boot = n->boot;
    c.name = n->name != NULL ? n->name : sim_name(s, node);
    c.gossip_addr = n->addr;
    c.peer_port = 7947;
    c.slots = c.weight = n->slots;
    c.tags = n->tags;
    c.found = node == 0 && muster_id_is_zero(n->cluster) && n->boot == 1;
    memset(c.new_cluster.octet, 0xc1, sizeof c.new_cluster.octet);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != node)
            c.seed_addr[c.seed_count++] = s->node[i].addr;
    c.ring_bits = s->ring_bits;
    c.members_max = 16;
    c.rows_max = 512;
    c.runs_max = 128;
    c.strikes_max = s->strikes_max;
    c.zones = s->zones;
    c.configured = (struct agent_settings){ (int32_t)s->times, s->is_majority };
    agent_settings_apply(&c, c.configured);
    c.gossip.compress = s->is_packed;
    c.buckets = s->buckets;
    sim_payload_config(&c);
    c.seen_keep_ms = 60000; /* far above what a frame can be late here */
    c.seed = muster_rng_next(&s->rng);
    return c;
}

static uint64_t meta_number(const struct sim_node *n, const char *key)
{
    struct muster_bytes value;
    char text[24];
    if (!sim_disk_get(n, STORE_TABLE_META, key, &value))
        return 0;
    (void)snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.data);
    return strtoull(text, NULL, 10);
}

void sim_boot(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    struct muster_bytes value;
    char text[MUSTER_ID_TEXT], number[24];
    if (n->is_up)
        return;
    if (n->is_foreign)
        sim_wipe(s, node); /* somebody gives it an empty folder */
    n->boot++;
    n->generation++;
    n->is_up = true;
    n->up_since = s->now;
    n->is_paused = n->is_silent = n->is_leaving = false;
    n->tick_at = 0;
    n->written = 0;
    n->looked = UINT64_MAX;
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)n->boot);
    sim_disk_put(n, STORE_TABLE_META, "boot", number);
    if (sim_disk_get(n, STORE_TABLE_META, "cluster", &value) && value.len == MUSTER_ID_TEXT - 1) {
        (void)snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.data);
        (void)muster_id_parse(&n->cluster, text);
    }
    bool drains = sim_disk_get(n, STORE_TABLE_META, "draining", &value) && value.data[0] == '1';
    bool holds = sim_disk_get(n, STORE_TABLE_META, "held", &value) && value.data[0] == '1';
    struct agent_node_config c = config_of(s, node);
    c.draining = drains;
    c.drain_until_wall_ms = meta_number(n, "drain_until");
    c.drain_length_ms = meta_number(n, "drain_length");
    c.held = holds;
    if (agent_node_open(&n->node, &c) != MUSTER_OK)
        sim_fail(s, 1, "node %u does not open", node);
    sim_disk_load(n);
    sim_log(s, "n%u boots, boot %llu", node, (unsigned long long)n->boot);
    agent_node_start(n->node, sim_now(s, node));
    sim_perform_all(s, node);
    sim_payload_scan(s, node);
    sim_proc_scan(s, node);
}

void sim_crash(struct sim *s, uint32_t node, bool silent)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_up)
        return;
    sim_log(s, "n%u crashes%s", node, silent ? " with its host" : "");
    n->is_up = false;
    n->is_silent = silent;
    n->generation++;
    sim_truth_died(s, node);
    for (uint32_t i = 0; i < n->inbox_count; i++)
        sim_item_free(&n->inbox[i]);
    n->inbox_count = 0;
    if (!sim_has(s, SIM_UNSYNCED) || muster_rng_chance(&s->rng, 1, 2))
        sim_disk_apply(s, node);
    else
        sim_disk_drop(n);
    if (silent)
        sim_proc_machine_died(s, node);
    else
        sim_proc_agent_died(s, node);
    sim_net_crash(s, node, silent);
    for (uint32_t i = 0; i < s->jobs; i++)
        if (s->job[i].asked == node)
            s->job[i].request = 0; /* its client will never know */
    agent_node_close(n->node);
    n->node = NULL;
    if (n->is_restored && !n->is_foreign)
        sim_image_onto(s, node);
    if (silent)
        sim_clock_begins(s, node);
}

/* ---- another program in its place (SIGUSR2) */

static void renew_boot(struct sim *s, uint64_t node)
{
    sim_boot(s, (uint32_t)node);
}

/* Its sockets stay open meanwhile: nobody is refused. */
static void renew_end(struct sim *s, uint64_t node_and_ms)
{
    uint32_t node = (uint32_t)(node_and_ms >> 32);
    struct sim_node *n = &s->node[node];
    if (!n->is_up || n->is_paused)
        return;
    sim_proc_guards_wait(s, node);
    sim_crash(s, node, false);
    n->is_silent = true;
    sim_call(s, node_and_ms & UINT32_MAX, renew_boot, node);
}

void sim_renew(struct sim *s, uint32_t node, uint32_t gap_ms)
{
    const struct agent_event e = { .kind = AGENT_EVENT_RENEW };
    struct sim_node *n = &s->node[node];
    if (!n->is_up || n->is_paused || n->is_leaving)
        return;
    sim_log(s, "n%u makes room for another program", node);
    sim_step(s, node, &e);
    if (n->is_up)
        sim_call(s, RENEW_LAST_MS, renew_end, (uint64_t)node << 32 | gap_ms);
}

void sim_pause(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_up || n->is_paused)
        return;
    sim_log(s, "n%u pauses", node);
    n->is_paused = true;
    n->paused_at = s->now;
    sim_proc_fed(s, node, false);
}

void sim_resume(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_up || !n->is_paused)
        return;
    sim_log(s, "n%u resumes", node);
    n->is_paused = false;
    sim_proc_fed(s, node, true);
    uint64_t gap = sim_mono(s, node) - sim_mono_at(s, node, n->paused_at);
    struct agent_event away = { .kind = AGENT_EVENT_AWAY, .gap_ms = gap };
    if (gap >= AWAY_MS)
        sim_step(s, node, &away);
    for (uint32_t i = 0; i < n->inbox_count; i++) {
        struct sim_item item = n->inbox[i];
        item.at = s->now;
        sim_at(s, s->now, item);
    }
    n->inbox_count = 0;
    n->tick_at = 0;
    sim_tick_arm(s, node);
}

static void resume_again(struct sim *s, uint64_t node)
{
    sim_resume(s, (uint32_t)node);
}

void sim_hiccup(struct sim *s, uint64_t what)
{
    uint32_t node = (uint32_t)(what & 0xff);
    if (!s->is_storm || !s->node[node].is_up || s->node[node].is_paused)
        return;
    sim_pause(s, node);
    sim_call(s, what >> 8, resume_again, node);
}

static void identity_new(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    uint64_t a = muster_rng_next(&s->rng);
    memcpy(n->id.octet, &a, sizeof a);
    memcpy(n->id.octet + 8, &a, sizeof a);
    n->id.octet[15] = (uint8_t)node;
    n->cluster = (struct muster_id){ 0 };
    n->boot = 0;
}

void sim_wipe(struct sim *s, uint32_t node)
{
    MUSTER_ASSERT(!s->node[node].is_up);
    sim_disk_wipe(&s->node[node]);
    sim_payload_wipe(s, node);
    sim_truth_wiped(s, node);
    MUSTER_ASSERT(!s->node[node].is_wiped || s->node[node].is_foreign);
    s->node[node].is_foreign = s->node[node].is_restored = false;
    if (s->node[node].is_clone)
        s->node[node].name = NULL;
    s->node[node].is_clone = false;
    s->node[node].is_wiped = true;
    s->wipes++;
    identity_new(s, node);
    s->node[node].boot = 1; /* never founds again */
    sim_log(s, "n%u has a new disk", node);
}

void sim_machine(struct sim *s, uint32_t node, uint32_t slots)
{
    struct sim_node *n = &s->node[node];
    n->slots = slots;
    n->addr =
        (struct muster_addr){ .octet = { 10, 0, 0, (uint8_t)(node + 1) }, .len = 4, .port = 7946 };
    n->unfed_since = MUSTER_NEVER;
}

/* `s` is all zero. */
void sim_open(struct sim *s, uint64_t seed, const char *what, uint32_t nodes, uint32_t slots)
{
    s->seed = seed;
    s->what = what;
    s->nodes = nodes;
    s->buckets = SIM_BUCKETS;
    s->ring_bits = SIM_RING_BITS;
    s->next_pid = 1000;
    s->next_stream = s->next_link = 1;
    s->next_handle = 1ull << 63;
    s->next_request = 1;
    s->faults = (struct sim_faults){ .delay_ms = 2, .commit_ms = 2 };
    muster_rng_seed(&s->rng, seed);
    sim_net_open(s);
    sim_probe_dream(strcmp(what, "swarm") == 0 ? seed : 0);
    for (uint32_t i = 0; i < nodes; i++) {
        sim_machine(s, i, slots);
        identity_new(s, i);
        sim_clock_begins(s, i);
    }
}

void sim_close(struct sim *s)
{
    sim_disk_wipe(&s->image.disk);
    for (uint32_t i = 0; i < s->nodes; i++) {
        struct sim_node *n = &s->node[i];
        if (n->node != NULL)
            agent_node_close(n->node);
        sim_disk_wipe(n);
        for (uint32_t k = 0; k < n->inbox_count; k++)
            sim_item_free(&n->inbox[k]);
        free(n->inbox);
    }
    sim_net_close(s);
    sim_items_close(s);
    for (uint32_t b = 0; b < s->buckets; b++)
        free(s->open[b]);
    free(s->token);
    free(s->write);
}
