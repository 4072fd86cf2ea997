/* SPDX-License-Identifier: Apache-2.0 */
/* What one node answers by itself: status, members, health, metrics. */
#include <stdio.h>
#include <string.h>

#include "agent/api_inside.h"
#include "agent/holds.h"

static const char *standing_text(enum agent_standing s)
{
    static const char *const text[] = { [AGENT_WAITING] = "waiting",
                                        [AGENT_JOINED] = "joined",
                                        [AGENT_DRAINING] = "draining",
                                        [AGENT_LEAVING] = "leaving" };
    return text[s];
}

/* ---- status */

static void put_id(struct agent_json *j, const char *key, struct muster_id id)
{
    char text[MUSTER_ID_TEXT];
    agent_json_put_text(j, key, muster_id_is_zero(id) ? NULL : muster_id_text(id, text));
}

static void status(struct agent_api *api, uint64_t id)
{
    struct agent_status s;
    struct muster_text out;
    struct agent_json j;
    char settings[AGENT_SETTINGS_TEXT];
    agent_node_status(api->node, &s);
    muster_text_open(&out, 16384);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_put_text(&j, "node", s.node);
    put_id(&j, "node_id", s.node_id);
    put_id(&j, "cluster_id", s.cluster_id);
    agent_json_put_text(&j, "version", s.version);
    agent_json_put_text(&j, "state", standing_text(s.standing));
    agent_json_put_text(&j, "settings", agent_settings_text(s.settings, settings));
    agent_json_key(&j, "members");
    agent_json_object(&j);
    agent_json_put_u64(&j, "alive", s.alive);
    agent_json_put_u64(&j, "suspect", s.suspect);
    agent_json_put_u64(&j, "dead", s.dead);
    agent_json_put_u64(&j, "left", s.left);
    agent_json_object_end(&j);
    agent_json_put_u64(&j, "slots", s.slots);
    agent_json_put_u64(&j, "used", s.used);
    agent_json_put_u64(&j, "slots_all", s.slots_all);
    agent_json_put_u64(&j, "used_all", s.used_all);
    agent_json_put_u64(&j, "waiting", s.waiting);
    agent_json_put_u64(&j, "jobs", s.jobs);
    agent_json_put_u64(&j, "runs", s.runs);
    agent_json_put_u64(&j, "keeper_buckets", s.buckets_kept);
    agent_json_put_u64(&j, "short_buckets", s.buckets_short);
    agent_json_put_u64(&j, "orphan_buckets", s.buckets_orphan);
    agent_json_put_time(&j, "since", s.since_wall_ms);
    agent_holds_json(s.holds, &j);
    agent_json_key(&j, "problems");
    agent_json_array(&j);
    for (size_t i = 0; i < sizeof s.problem / sizeof *s.problem && s.problem[i] != NULL; i++)
        agent_json_text(&j, s.problem[i]);
    agent_json_array_end(&j);
    agent_json_object_end(&j);
    api_body(api, id, 200, muster_text_bytes(&out));
    muster_text_close(&out);
}

/* ---- members */

static void put_tags(struct agent_json *j, const char *tags)
{
    agent_json_key(j, "tags");
    agent_json_object(j);
    while (*tags != '\0') {
        char pair[512];
        size_t len = strcspn(tags, ",");
        (void)snprintf(pair, sizeof pair, "%.*s", (int)(len < 511 ? len : 511), tags);
        char *eq = strchr(pair, '=');
        if (eq != NULL)
            *eq = '\0';
        if (pair[0] != '\0')
            agent_json_put_text(j, pair, eq != NULL ? eq + 1 : "");
        tags += len + (tags[len] == ',' ? 1 : 0);
    }
    agent_json_object_end(j);
}

void api_member_json(const struct agent_member *m, struct agent_json *j)
{
    char addr[MUSTER_ADDR_TEXT];
    agent_json_object(j);
    agent_json_put_text(j, "name", m->name);
    put_id(j, "id", m->id);
    agent_json_put_text(j, "address", muster_addr_text(m->addr, addr));
    agent_json_put_text(j, "status", m->status);
    agent_json_put_text(j, "mode", m->mode);
    agent_json_put_u64(j, "slots", m->slots);
    agent_json_put_u64(j, "used", m->used);
    agent_json_put_u64(j, "weight", m->weight);
    put_tags(j, m->tags);
    agent_json_put_text(j, "version", m->version);
    agent_json_put_u64(j, "incarnation", m->incarnation);
    agent_json_put_bool(j, "self", m->is_self);
    agent_json_put_bool(j, "linked", m->is_linked);
    agent_json_put_bool(j, "foreign", m->is_foreign);
    agent_json_put_time(j, "since", m->since_wall_ms);
    agent_json_object_end(j);
}

bool api_member_find(const struct agent_api *api, const char *name, struct agent_member *out)
{
    uint32_t n = agent_node_member_count(api->node);
    bool found = false;
    for (uint32_t i = 0; i < n; i++) {
        struct agent_member m;
        agent_node_member(api->node, i, &m);
        if (strcmp(m.name, name) != 0 || (found && strcmp(m.status, "alive") != 0))
            continue;
        *out = m;
        found = true;
    }
    return found;
}

static void members(struct agent_api *api, uint64_t id)
{
    struct muster_text out;
    struct agent_json j;
    uint32_t n = agent_node_member_count(api->node), cursor = 0;
    struct agent_member m;
    struct agent_meta meta;
    muster_text_open(&out, 16u << 20);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_key(&j, "items");
    agent_json_array(&j);
    for (uint32_t i = 0; i < n; i++) {
        agent_node_member(api->node, i, &m);
        api_member_json(&m, &j);
    }
    while (agent_node_stranger(api->node, &cursor, &meta, &m))
        api_member_json(&m, &j);
    agent_json_array_end(&j);
    agent_json_put_null(&j, "next");
    agent_json_object_end(&j);
    api_body(api, id, 200, muster_text_bytes(&out));
    muster_text_close(&out);
}

/* ---- health */

static void health(struct agent_api *api, uint64_t id, bool ready_only)
{
    struct agent_status s;
    struct muster_text out;
    struct agent_json j;
    agent_node_status(api->node, &s);
    bool bad = s.standing == AGENT_WAITING;
    bool warn = s.problem[0] != NULL || s.suspect > 0;
    muster_text_open(&out, 8192);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_put_text(&j, "status", bad ? "critical" : warn ? "warning" : "ok");
    agent_json_key(&j, "reasons");
    agent_json_array(&j);
    for (size_t i = 0; i < sizeof s.problem / sizeof *s.problem && s.problem[i] != NULL; i++)
        agent_json_text(&j, s.problem[i]);
    if (s.suspect > 0)
        agent_json_text(&j, "a member does not answer");
    agent_json_array_end(&j);
    agent_json_object_end(&j);
    bool closed = ready_only && s.standing != AGENT_JOINED;
    api_body(api, id, bad || closed ? 503 : 200, muster_text_bytes(&out));
    muster_text_close(&out);
}

/* ---- metrics (Prometheus text, version 0.0.4) */

static void metric(struct muster_text *t, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    muster_text_add(t, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
                    (unsigned long long)value);
}

static void metrics_now(struct muster_text *t, const struct agent_status *s)
{
    muster_text_add(t,
                    "# HELP muster_build_info Which build this is; always 1.\n"
                    "# TYPE muster_build_info gauge\nmuster_build_info{version=\"%s\"} 1\n",
                    s->version);
    muster_text_add(t,
                    "# HELP muster_members Members by what gossip believes of them.\n"
                    "# TYPE muster_members gauge\nmuster_members{state=\"alive\"} %u\n"
                    "muster_members{state=\"suspect\"} %u\nmuster_members{state=\"dead\"} %u\n"
                    "muster_members{state=\"left\"} %u\n",
                    s->alive, s->suspect, s->dead, s->left);
    metric(t, "muster_slots", "gauge", "Slots this node offers.", s->slots);
    metric(t, "muster_slots_used", "gauge", "Slots in use here, reserved ones included.", s->used);
    metric(t, "muster_runs", "gauge", "Runs on this node.", s->runs);
    metric(t, "muster_jobs_waiting", "gauge", "Jobs kept here that have no place.", s->waiting);
    metric(t, "muster_rows", "gauge", "Rows of the job table held here.", s->rows);
    metric(t, "muster_buckets_kept", "gauge", "Buckets this node decides for.", s->buckets_kept);
    metric(t, "muster_buckets_orphan", "gauge", "Buckets seated here whose keeper is not heard.",
           s->buckets_orphan);
    metric(t, "muster_gossip_queued", "gauge", "News about members yet to be passed on.",
           s->gossip_queued);
    metric(t, "muster_start_time_seconds", "gauge", "Start of the agent since 1970.",
           s->since_wall_ms / 1000);
}

static void metrics_ever(struct muster_text *t, const struct agent_counters *c)
{
    metric(t, "muster_placements_total", "counter", "Runs given a place by this keeper.",
           c->placements);
    metric(t, "muster_handovers_total", "counter", "Runs placed anew after their node died.",
           c->handovers);
    metric(t, "muster_run_starts_total", "counter", "Runs taken on by this node.", c->starts);
    metric(t, "muster_run_exits_total", "counter", "Processes that ended here.", c->exits);
    metric(t, "muster_run_restarts_total", "counter", "Processes started again here.", c->restarts);
    metric(t, "muster_requests_total", "counter", "Requests of clients.", c->requests);
    metric(t, "muster_commits_total", "counter", "Batches written to disk.", c->store.commits);
    metric(t, "muster_elections_total", "counter", "Reigns won by this node.", c->store.elections);
    metric(t, "muster_bench_changes_total", "counter", "Changes of benches finished here.",
           c->store.bench_changes);
    metric(t, "muster_peer_frames_received_total", "counter", "Frames from peers.", c->frames_in);
    metric(t, "muster_peer_frames_sent_total", "counter", "Frames to peers.", c->frames_out);
    metric(t, "muster_peer_received_bytes_total", "counter", "Bytes from peers.", c->bytes_in);
    metric(t, "muster_peer_sent_bytes_total", "counter", "Bytes to peers.", c->bytes_out);
    metric(t, "muster_gossip_packets_received_total", "counter", "Gossip datagrams received.",
           c->gossip.packets_in);
    metric(t, "muster_gossip_packets_sent_total", "counter", "Gossip datagrams sent.",
           c->gossip.packets_out);
    metric(t, "muster_gossip_received_bytes_total", "counter", "Bytes of these datagrams.",
           c->gossip.bytes_in);
    metric(t, "muster_gossip_sent_bytes_total", "counter", "Bytes of these datagrams.",
           c->gossip.bytes_out);
    metric(t, "muster_gossip_dropped_total", "counter", "Gossip input refused.",
           c->gossip.dropped_malformed + c->gossip.dropped_crc + c->gossip.dropped_type +
               c->gossip.dropped_unfit + c->gossip.dropped_full + c->gossip.dropped_sealed +
               c->gossip.dropped_foreign);
    metric(t, "muster_gossip_suspicions_total", "counter", "Members suspected.",
           c->gossip.suspicions);
}

static void metrics_all(struct agent_api *api, uint64_t id)
{
    struct agent_status s;
    struct agent_counters c;
    struct muster_text out;
    agent_node_status(api->node, &s);
    agent_node_counters(api->node, &c);
    muster_text_open(&out, 65536);
    metrics_now(&out, &s);
    metrics_ever(&out, &c);
    api_body(api, id, 200, muster_text_bytes(&out));
    api->effect[api->count - 1].reply.content_type = AGENT_HTTP_PROM;
    muster_text_close(&out);
}

void api_local(struct agent_api *api, const struct agent_http_request *r, enum api_way way)
{
    if (way == API_WAY_STATUS)
        status(api, r->id);
    else if (way == API_WAY_MEMBERS)
        members(api, r->id);
    else if (way == API_WAY_METRICS)
        metrics_all(api, r->id);
    else
        health(api, r->id, way == API_WAY_READY);
}
