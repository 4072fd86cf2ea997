/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of this node's clients on their way to whoever decides, and the answers gathered back.
 */
#include "agent/requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/family.h"
#include "agent/gather.h"
#include "agent/holds.h"
#include "agent/payload.h"
#include "agent/peers.h"
#include "agent/place.h"
#include "agent/relay.h"
#include "agent/serve_inside.h"
#include "agent/serve_keys.h"
#include "agent/trigger.h"
#include "agent/triggered.h"

enum way { WAY_KEEPER, WAY_GATHER, WAY_LOGS, WAY_NODE };

struct pending {
    bool is_used;
    enum way way;
    bool is_local_try; /* no keeper answers: any bench member may read for us */
    enum agent_asker asker;
    uint32_t item;
    uint64_t number, client;
    uint64_t until_ms, try_until_ms, retry_ms;
    uint32_t bucket, tries;
    struct muster_id asked; /* keyed: whom; zero: nobody yet */
    struct muster_id told;  /* the keeper as somebody told us */
    struct agent_request q; /* texts in it point into `text` */
    char *text;
    uint8_t *spec;
    struct agent_gather *gather;
    bool is_streaming;
    char last_message[256];
    bool is_loose; /* somebody was asked and has not said what became of it: it may be done yet */
};

struct agent_requests {
    struct pending *pending;
    uint32_t high;
    uint64_t deadline_ms;
};

int agent_requests_open(struct agent_core *core)
{
    core->requests = calloc(1, sizeof *core->requests);
    if (core->requests == NULL)
        return MUSTER_EFULL;
    core->requests->pending = calloc(AGENT_REQUESTS_MAX, sizeof *core->requests->pending);
    core->requests->deadline_ms = MUSTER_NEVER;
    return core->requests->pending != NULL ? MUSTER_OK : MUSTER_EFULL;
}

static void pending_free(struct pending *p)
{
    agent_gather_close(p->gather);
    free(p->text);
    free(p->spec);
    *p = (struct pending){ 0 };
}

void agent_requests_close(struct agent_core *core)
{
    if (core->requests == NULL)
        return;
    for (uint32_t i = 0; core->requests->pending != NULL && i < core->requests->high; i++)
        pending_free(&core->requests->pending[i]);
    free(core->requests->pending);
    free(core->requests);
    core->requests = NULL;
}

/* ---- the end of a request */

void agent_requests_tell(struct agent_core *core, uint64_t client, const struct agent_reply *r)
{
    struct agent_reply *copy = agent_out_take(&core->out, sizeof *copy);
    *copy = (struct agent_reply){ .err = r->err,
                                  .body = agent_out_copy(&core->out, r->body),
                                  .message = agent_out_text(&core->out, r->message),
                                  .field = agent_out_text(&core->out, r->field) };
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_REPLY);
    e->number = client;
    e->reply = copy;
}

/* Gives the request back first: whoever is told may ask anew. */
static void end(struct agent_core *core, struct pending *p, const struct agent_reply *r)
{
    enum agent_asker asker = p->asker;
    uint64_t client = p->client;
    uint32_t item = p->item;
    pending_free(p);
    if (asker == AGENT_ASKER_CLIENT)
        agent_requests_tell(core, client, r);
    else if (asker == AGENT_ASKER_TRIGGER)
        agent_trigger_answered(core, client, item, r);
    else if (asker == AGENT_ASKER_TRIGGERED)
        agent_triggered_answered(core, client, r);
    else if (asker == AGENT_ASKER_PAYLOAD)
        agent_payload_answered(core, client, r);
    else
        agent_family_answered(core, client, r);
}

static void fail(struct agent_core *core, struct pending *p, int err, const char *message)
{
    struct agent_reply r = { .err = err, .message = message };
    end(core, p, &r);
}

/* ---- sending */

static bool op_send(struct agent_core *core, struct pending *p, struct muster_id to, bool is_local)
{
    struct muster_writer w = agent_frame(core);
    agent_write_op(&w, p->number, is_local, &p->q);
    return agent_frame_send(core, to, &w);
}

static bool is_reachable(const struct agent_core *core, struct muster_id id)
{
    const struct agent_peer *p = agent_peers_find(core, id);
    if (p == NULL || !agent_peer_is_alive(p))
        return false;
    return agent_peer_is_linked(core, p) || agent_relay_knows(core, id);
}

/* Whom to ask about a bucket: ourselves when we keep it, the keeper somebody told us, the keeper as
 * last heard, the bench, the wish; in turn, one per try. */
static bool keeper_choose(struct agent_core *core, struct pending *p, struct muster_id *out)
{
    struct muster_id who[2 + STORE_BENCH_MAX + RING_REPLICAS_MAX];
    uint32_t n = 0, reachable = 0;
    if (!p->is_local_try && store_is_serving(core->store, p->bucket))
        who[n++] = core->config.self;
    if (!muster_id_is_zero(p->told))
        who[n++] = p->told;
    n += store_keeper_hint(core->store, p->bucket, who + n, STORE_BENCH_MAX);
    n += agent_place_bench(core, p->bucket, who + n, RING_REPLICAS_MAX);
    for (uint32_t i = 0; i < n; i++)
        if (is_reachable(core, who[i]))
            who[reachable++] = who[i];
    if (reachable == 0)
        return false;
    bool sure = agent_is_self(core, who[0]) || !muster_id_is_zero(p->told);
    *out = who[sure ? 0 : p->tries % reachable];
    return true;
}

static void keeper_ask(struct agent_core *core, struct pending *p)
{
    struct muster_id to;
    uint64_t now = core->now.mono_ms;
    /* Two seconds without a keeper: any member of the bench may show what it holds. */
    p->is_local_try = agent_op_reads(p->q.op) && now + AGENT_REQUEST_MS >= p->until_ms + 2000;
    if (muster_deadline_reached(p->try_until_ms, now) && !muster_id_is_zero(p->asked))
        agent_relay_mute(core, p->asked);
    p->is_loose = p->is_loose || !muster_id_is_zero(p->asked);
    p->retry_ms = MUSTER_NEVER;
    p->asked = (struct muster_id){ 0 };
    if (p->q.reign == 0)
        p->q.reign = agent_reigns_meant(&core->reigns, core->store, p->bucket);
    bool is_sent = keeper_choose(core, p, &to) && op_send(core, p, to, p->is_local_try);
    p->q.reign = 0;
    if (!is_sent) {
        p->try_until_ms = now + 50;
        return;
    }
    p->tries++;
    p->asked = to;
    p->told = (struct muster_id){ 0 };
    p->try_until_ms = now + AGENT_TRY_MS;
}

static void gather_ask(struct agent_core *core, struct pending *p)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *peer = agent_peers_at(core, i);
        if (!agent_peer_is_alive(peer) || !agent_peer_is_linked(core, peer))
            continue;
        if (op_send(core, p, peer->id, true))
            agent_gather_expect(p->gather, peer->id);
    }
    p->try_until_ms = core->now.mono_ms + AGENT_GATHER_MS;
}

static void node_ask(struct agent_core *core, struct pending *p)
{
    const struct agent_peer *peer =
        p->q.node[0] != '\0' ? agent_peers_by_name(core, p->q.node) : agent_peers_at(core, 0);
    if (peer == NULL)
        fail(core, p, MUSTER_ENOTFOUND, "no node of that name; `muster members` lists them");
    else if (!op_send(core, p, peer->id, false))
        fail(core, p, MUSTER_EUNREACHABLE, "that node is not connected to this one now");
    else
        p->asked = peer->id;
}

/* ---- arrivals */

static enum way way_of(enum agent_op op)
{
    if (agent_op_writes(op) || agent_op_reads(op))
        return WAY_KEEPER;
    if (op <= AGENT_OP_HOLDS)
        return WAY_GATHER;
    return op == AGENT_OP_LOGS ? WAY_LOGS : WAY_NODE;
}

static bool texts_copy(struct pending *p, const struct agent_request *q)
{
    const char *from[] = { q->name, q->prefix, q->state, q->label, q->job, q->node, q->after };
    const char **to[] = { &p->q.name, &p->q.prefix, &p->q.state, &p->q.label,
                          &p->q.job,  &p->q.node,   &p->q.after };
    size_t size = 0, at = 0;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        size += (from[i] != NULL ? strlen(from[i]) : 0) + 1;
    p->text = calloc(1, size);
    p->spec = malloc(q->spec.len + 1);
    if (p->text == NULL || p->spec == NULL)
        return false;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        size_t len = from[i] != NULL ? strlen(from[i]) : 0;
        *to[i] = p->text + at;
        if (len > 0)
            memcpy(p->text + at, from[i], len);
        at += len + 1;
    }
    if (q->spec.len > 0)
        memcpy(p->spec, q->spec.data, q->spec.len);
    p->q.spec = MUSTER_BYTES(p->spec, q->spec.len);
    return true;
}

static struct pending *pending_make(struct agent_core *core, const struct agent_request *q)
{
    struct agent_requests *t = core->requests;
    struct pending *p = NULL;
    for (uint32_t i = 0; i < t->high && p == NULL; i++)
        if (!t->pending[i].is_used)
            p = &t->pending[i];
    if (p == NULL && t->high < AGENT_REQUESTS_MAX)
        p = &t->pending[t->high++];
    if (p == NULL)
        return NULL;
    *p = (struct pending){ .is_used = true, .client = q->number, .q = *q };
    p->way = way_of(q->op);
    p->number = agent_number(core);
    p->retry_ms = MUSTER_NEVER;
    p->until_ms = core->now.mono_ms + AGENT_REQUEST_MS;
    if (!texts_copy(p, q)) {
        pending_free(p);
        return NULL;
    }
    p->bucket = store_bucket_of(core->store, muster_bytes_text(p->q.name));
    if (p->q.request_id[0] == 0 && p->q.request_id[1] == 0) {
        p->q.request_id[0] = muster_rng_next(&core->rng) | 1;
        p->q.request_id[1] = muster_rng_next(&core->rng);
    }
    return p;
}

static const char *waiting_text(const struct agent_core *core)
{
    (void)core;
    return "this node is in no cluster yet: run `muster init` on one node of a new cluster, or "
           "check "
           "the join list and that the other nodes can be reached";
}

void agent_requests_client(struct agent_core *core, const struct agent_request *q)
{
    struct agent_reply busy = { .err = MUSTER_EBUSY,
                                .message = "too many requests under way; try again" };
    struct agent_reply waits = { .err = MUSTER_EREFUSED, .message = waiting_text(core) };
    struct agent_request asked = *q;
    core->counters.requests++;
    if (core->standing == AGENT_WAITING && way_of(q->op) != WAY_NODE &&
        q->op != AGENT_OP_NEWS_LIST && q->op != AGENT_OP_KEYS && q->op != AGENT_OP_FACTS) {
        agent_requests_tell(core, q->number, &waits);
        return;
    }
    if (q->op == AGENT_OP_TRIGGER) {
        agent_trigger_begin(core, q);
        return;
    }
    if (q->op == AGENT_OP_PAYLOAD_PUT || q->op == AGENT_OP_PAYLOAD_GET) {
        agent_payload_begin(core, q);
        return;
    }
    if (q->op == AGENT_OP_KEYS || q->op == AGENT_OP_HOLDS) {
        struct agent_reply no = { .err = MUSTER_OK };
        no.err = q->op == AGENT_OP_KEYS ? agent_keys_ask(core, &asked, &no.message)
                                        : agent_holds_ask(core, &asked, &no.message);
        if (no.err != MUSTER_OK) {
            agent_requests_tell(core, q->number, &no);
            return;
        }
    }
    struct pending *p = pending_make(core, &asked);
    if (p == NULL) {
        agent_requests_tell(core, q->number, &busy);
        return;
    }
    core->requests->deadline_ms = core->now.mono_ms;
    if (p->way == WAY_GATHER || p->way == WAY_LOGS)
        p->gather = agent_gather_open();
    if (p->way == WAY_KEEPER)
        keeper_ask(core, p);
    else if (p->way == WAY_NODE)
        node_ask(core, p);
    else if (p->gather != NULL)
        gather_ask(core, p);
    else
        fail(core, p, MUSTER_EBUSY, "out of memory for a list");
}

bool agent_requests_inner(struct agent_core *core, const struct agent_request *q,
                          enum agent_asker asker, uint64_t number, uint32_t item)
{
    struct pending *p = pending_make(core, q);
    if (p == NULL)
        return false;
    MUSTER_ASSERT(p->way == WAY_KEEPER || p->way == WAY_GATHER);
    p->gather = p->way == WAY_GATHER ? agent_gather_open() : NULL;
    if (p->way == WAY_GATHER && p->gather == NULL) {
        pending_free(p);
        return false;
    }
    p->asker = asker;
    p->client = number;
    p->item = item;
    core->requests->deadline_ms = core->now.mono_ms;
    if (p->gather != NULL)
        gather_ask(core, p);
    else
        keeper_ask(core, p);
    return true;
}

static struct pending *pending_find(struct agent_core *core, uint64_t number)
{
    struct agent_requests *t = core->requests;
    for (uint32_t i = 0; i < t->high; i++)
        if (t->pending[i].is_used && t->pending[i].number == number)
            return &t->pending[i];
    return NULL;
}

void agent_requests_cancel(struct agent_core *core, uint64_t client)
{
    struct agent_requests *t = core->requests;
    agent_trigger_cancel(core, client);
    agent_payload_cancel(core, client);
    for (uint32_t i = 0; i < t->high; i++) {
        struct pending *p = &t->pending[i];
        if (!p->is_used || p->asker != AGENT_ASKER_CLIENT || p->client != client)
            continue;
        if (p->is_streaming) {
            struct muster_writer w = agent_frame(core);
            agent_write_head(&w, AGENT_MSG_CANCEL, 2);
            muster_write_u64(&w, p->number);
            (void)agent_frame_send(core, p->asked, &w);
        }
        pending_free(p);
    }
}

/* ---- answers */

static void gather_done(struct agent_core *core, struct pending *p)
{
    struct muster_text out;
    muster_text_open(&out, 64u << 20);
    uint32_t limit = p->q.limit == 0 || p->q.limit > AGENT_LIST_MAX ? AGENT_LIST_MAX : p->q.limit;
    if (p->asker == AGENT_ASKER_CLIENT)
        agent_gather_print(p->gather, limit, p->q.op == AGENT_OP_NEWS_LIST, &out);
    else
        agent_gather_join(p->gather, &out);
    struct agent_reply r = { .err = out.err, .body = muster_text_bytes(&out) };
    end(core, p, &r);
    muster_text_close(&out);
}

/* Everybody has said what they know of the job's output: the stream comes from who ran it last. */
static void logs_follow(struct agent_core *core, struct pending *p)
{
    char id_text[MUSTER_ID_TEXT];
    if (!agent_gather_best(p->gather, id_text, sizeof id_text) ||
        !muster_id_parse(&p->asked, id_text)) {
        fail(core, p, MUSTER_ENOTFOUND, "no connected node has output of a run of that name");
        return;
    }
    p->is_streaming = true;
    p->until_ms = MUSTER_NEVER;
    p->try_until_ms = MUSTER_NEVER;
    if (!op_send(core, p, p->asked, false))
        fail(core, p, MUSTER_EUNREACHABLE, "the node that has its output is not connected now");
}

static void part_got(struct agent_core *core, struct pending *p, struct muster_id from,
                     const struct agent_msg_reply *m)
{
    agent_gather_add(p->gather, from, m->err == MUSTER_OK ? m->body : MUSTER_BYTES(NULL, 0));
    if (!agent_gather_is_complete(p->gather))
        return;
    if (p->way == WAY_LOGS)
        logs_follow(core, p);
    else
        gather_done(core, p);
}

static void last_keep(struct pending *p, const struct agent_msg_reply *m)
{
    size_t room = sizeof p->last_message - 1;
    size_t len = m->message.len < room ? m->message.len : room;
    if (len > 0)
        memcpy(p->last_message, m->message.data, len);
    p->last_message[len] = '\0';
}

/* A keeper is elected in some hundredths of a second, or it takes seconds: then asking on and on
 * would keep those busy who are to elect it. */
static uint32_t retry_wait_ms(const struct pending *p)
{
    return p->tries < 8 ? 20 : p->tries < 16 ? 40 : 80;
}

/* Not the keeper, or a keeper in trouble: the next one, soon. The request id makes repeating safe.
 */
static bool try_again(struct agent_core *core, struct pending *p, struct muster_id from,
                      const struct agent_msg_reply *m)
{
    char id[MUSTER_ID_TEXT];
    if (p->way != WAY_KEEPER ||
        (m->err != MUSTER_EREFUSED && m->err != MUSTER_EUNKNOWN && m->err != MUSTER_ENOQUORUM))
        return false;
    p->asked = (struct muster_id){ 0 };
    p->is_loose = p->is_loose || m->err == MUSTER_EUNKNOWN;
    last_keep(p, m);
    p->q.reign = m->reign;
    agent_reigns_told(&core->reigns, p->bucket, m->reign);
    (void)snprintf(id, sizeof id, "%.*s", (int)m->field.len, (const char *)m->field.data);
    bool told = m->field.len == MUSTER_ID_TEXT - 1 && muster_id_parse(&p->told, id);
    if (told)
        (void)agent_relay_learn(core, p->told, from);
    p->retry_ms = core->now.mono_ms + (told && p->tries < 4 ? 0 : retry_wait_ms(p));
    p->try_until_ms = MUSTER_NEVER;
    core->requests->deadline_ms = muster_deadline_sooner(core->requests->deadline_ms, p->retry_ms);
    return true;
}

void agent_requests_reply(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_reply m = { 0 };
    agent_read_reply(r, &m);
    struct pending *p = muster_reader_ok(r) ? pending_find(core, m.number) : NULL;
    if (p == NULL)
        return;
    if (p->gather != NULL && !p->is_streaming) {
        part_got(core, p, from, &m);
        return;
    }
    if (!muster_id_equal(p->asked, from) || try_again(core, p, from, &m))
        return;
    char message[512], field[64];
    (void)snprintf(message, sizeof message, "%.*s", (int)m.message.len,
                   (const char *)m.message.data);
    (void)snprintf(field, sizeof field, "%.*s", (int)m.field.len, (const char *)m.field.data);
    struct agent_reply reply = { .err = m.err,
                                 .body = m.body,
                                 .message = message[0] != '\0' ? message : NULL,
                                 .field = field[0] != '\0' ? field : NULL };
    end(core, p, &reply);
}

void agent_requests_chunk(struct agent_core *core, struct muster_reader *r)
{
    uint64_t number = muster_read_u64(r);
    struct muster_bytes bytes = muster_read_bytes(r, AGENT_FRAME_MAX);
    struct pending *p = muster_reader_ok(r) ? pending_find(core, number) : NULL;
    if (p == NULL || !p->is_streaming)
        return;
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_CHUNK);
    e->number = p->client;
    e->bytes = agent_out_copy(&core->out, bytes);
}

/* ---- time and peers */

static void names_missing(struct agent_core *core, uint32_t bucket, char *out, size_t size)
{
    struct store_bucket_view b;
    size_t at = 0;
    store_bucket(core->store, bucket, &b);
    out[0] = '\0';
    for (uint32_t i = 0; i < b.old_count; i++) {
        if (is_reachable(core, b.old_seat[i].node) || at + AGENT_NAME_MAX + 4 > size)
            continue;
        at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "",
                               agent_node_name(core, b.old_seat[i].node));
    }
}

/* Refused for good it is only if all who were asked have said so. */
static void keyed_late(struct agent_core *core, struct pending *p)
{
    char missing[256], text[640];
    bool is_out = p->is_loose || !muster_id_is_zero(p->asked);
    bool is_unknown = is_out && !agent_op_reads(p->q.op);
    const char *yet = is_unknown ? "; it may be done yet" : "";
    names_missing(core, p->bucket, missing, sizeof missing);
    if (missing[0] != '\0')
        (void)snprintf(text, sizeof text,
                       "%s: no quorum of the nodes that hold it answers; missing: %s%s", p->q.name,
                       missing, yet);
    else
        (void)snprintf(text, sizeof text, "%s: no keeper of it answered in time%s%s%s", p->q.name,
                       yet, p->last_message[0] != '\0' ? "; last heard: " : "", p->last_message);
    fail(core, p, is_unknown ? MUSTER_EUNKNOWN : MUSTER_ENOQUORUM, text);
}

static void pending_tick(struct agent_core *core, struct pending *p)
{
    uint64_t now = core->now.mono_ms;
    if (muster_deadline_reached(p->until_ms, now)) {
        if (p->way == WAY_KEEPER)
            keyed_late(core, p);
        else
            fail(core, p, MUSTER_ETIMEOUT, "no answer in time");
    } else if (p->way == WAY_KEEPER && (muster_deadline_reached(p->retry_ms, now) ||
                                        muster_deadline_reached(p->try_until_ms, now))) {
        keeper_ask(core, p);
    } else if (p->gather != NULL && !p->is_streaming &&
               muster_deadline_reached(p->try_until_ms, now)) {
        if (p->way == WAY_LOGS)
            logs_follow(core, p);
        else
            gather_done(core, p);
    }
}

void agent_requests_tick(struct agent_core *core)
{
    struct agent_requests *t = core->requests;
    uint64_t next = MUSTER_NEVER;
    for (uint32_t i = 0; i < t->high; i++) {
        struct pending *p = &t->pending[i];
        if (p->is_used)
            pending_tick(core, p);
        if (!p->is_used)
            continue;
        next = muster_deadline_sooner(next, p->until_ms);
        next = muster_deadline_sooner(next, p->retry_ms);
        if (p->way != WAY_NODE)
            next = muster_deadline_sooner(next, p->try_until_ms);
    }
    t->deadline_ms = next;
}

uint64_t agent_requests_deadline_ms(const struct agent_core *core)
{
    return core->requests->deadline_ms;
}

void agent_requests_peer(struct agent_core *core, struct muster_id peer)
{
    struct agent_requests *t = core->requests;
    bool is_up = is_reachable(core, peer);
    for (uint32_t i = 0; i < t->high; i++) {
        struct pending *p = &t->pending[i];
        if (!p->is_used || is_up)
            continue;
        if (p->gather != NULL && !p->is_streaming) {
            agent_gather_add(p->gather, peer, MUSTER_BYTES(NULL, 0));
            if (agent_gather_is_complete(p->gather))
                p->try_until_ms = core->now.mono_ms;
        } else if (muster_id_equal(p->asked, peer) && p->way == WAY_KEEPER) {
            p->retry_ms = core->now.mono_ms;
        } else if (muster_id_equal(p->asked, peer)) {
            p->until_ms = core->now.mono_ms;
        }
    }
    t->deadline_ms = core->now.mono_ms;
}
