/* SPDX-License-Identifier: Apache-2.0 */
/* Dreamt files of payloads, and who puts them. What a byte of one is follows from its name and its
 * place, so that whatever was pieced together wrongly does not have the hash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/probe.h"
#include "tests/sim/sim.h"

#define DONE_MS   3 /* something on the disk takes so long at the most */
#define PART      32
#define LOOKS_MAX 4 /* of a put that is not answered well, in each look */

void sim_payload_config(struct agent_node_config *c)
{
    c->payload_dir = "/payloads";
    c->payload_part = PART;
    c->payload_rate = 4 * PART;
    c->payload_idle_ms = 40000;
    c->payload_keep_ms = 3600000;
}

static uint8_t byte_of(struct agent_payload_id id, uint64_t at)
{
    return (uint8_t)(agent_payload_id_hash(id) >> at % 56) ^ (uint8_t)(at * 31);
}

static struct sim_payload *payload_find(struct sim_node *n, struct agent_payload_id id)
{
    for (uint32_t i = 0; i < SIM_PAYLOADS; i++)
        if (n->payload[i].is_whole && agent_payload_id_equal(n->payload[i].id, id))
            return &n->payload[i];
    return NULL;
}

bool sim_payload_is_at(const struct sim *s, uint32_t node, uint32_t which)
{
    for (uint32_t i = 0; i < SIM_PAYLOADS; i++) {
        const struct sim_payload *p = &s->node[node].payload[i];
        if (p->is_whole && agent_payload_id_equal(p->id, s->payload[which].id))
            return true;
    }
    return false;
}

static struct sim_payload *payload_new(struct sim *s, uint32_t node)
{
    for (uint32_t i = 0; i < SIM_PAYLOADS; i++)
        if (!s->node[node].payload[i].is_used)
            return &s->node[node].payload[i];
    sim_fail(s, 1, "I14: n%u never removes files of payloads", node);
}

static struct sim_payload *growing(struct sim *s, uint32_t node, uint64_t number, bool makes)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < SIM_PAYLOADS; i++)
        if (n->payload[i].is_used && !n->payload[i].is_whole && n->payload[i].number == number)
            return &n->payload[i];
    if (!makes)
        return NULL;
    struct sim_payload *p = payload_new(s, node);
    *p = (struct sim_payload){ .is_used = true, .number = number };
    return p;
}

static void tell(struct sim *s, uint32_t node, struct agent_payload_news news)
{
    struct sim_item i = { .kind = SIM_STEP, .node = node, .generation = s->node[node].generation };
    i.payload = malloc(sizeof *i.payload);
    i.bytes = malloc(news.bytes.len + 1);
    MUSTER_ASSERT(i.payload != NULL && i.bytes != NULL);
    *i.payload = news;
    if (news.bytes.len > 0)
        memcpy(i.bytes, news.bytes.data, news.bytes.len);
    i.payload->bytes.data = i.bytes;
    i.event.kind = AGENT_EVENT_PAYLOAD;
    i.event.number = news.number;
    sim_at(s, s->now + (news.number ^ s->now) % (DONE_MS + 1), i);
}

static void write_do(struct sim *s, uint32_t node, const struct agent_payload_work *w)
{
    struct agent_payload_news news = { .said = AGENT_PAYLOAD_WROTE, .number = w->number };
    struct sim_payload *p = growing(s, node, w->number, true);
    if (w->offset == 0)
        p->is_bad = false;
    else if (p->size != w->offset)
        p->is_bad = true;
    for (size_t i = 0; i < w->bytes.len; i++)
        p->is_bad |= w->bytes.data[i] != byte_of(w->id, w->offset + i);
    p->size = w->offset + w->bytes.len;
    if (s->node[node].disk.is_full)
        news.err = MUSTER_ENOSPC;
    tell(s, node, news);
}

static void finish_do(struct sim *s, uint32_t node, const struct agent_payload_work *w)
{
    struct agent_payload_news news = { .said = AGENT_PAYLOAD_FINISHED,
                                       .number = w->number,
                                       .id = w->id };
    struct sim_payload *p = growing(s, node, w->number, true);
    if (p->is_bad || p->size != w->size) {
        news.err = MUSTER_ECORRUPT;
        p->is_used = false;
    } else if (payload_find(&s->node[node], w->id) != NULL) {
        p->is_used = false;
    } else {
        p->is_whole = true;
        p->id = w->id;
        sim_log(s, "n%u has a payload of %llu bytes", node, (unsigned long long)p->size);
    }
    tell(s, node, news);
}

static void read_do(struct sim *s, uint32_t node, const struct agent_payload_work *w)
{
    uint8_t bytes[PART];
    struct agent_payload_news news = { .said = AGENT_PAYLOAD_GOT, .number = w->number };
    const struct sim_payload *p = payload_find(&s->node[node], w->id);
    MUSTER_ASSERT(w->len <= PART);
    for (uint32_t i = 0; i < w->len; i++)
        bytes[i] = byte_of(w->id, w->offset + i) ^ (p != NULL && p->is_bad && w->offset == 0);
    news.bytes = MUSTER_BYTES(bytes, w->len);
    if (p == NULL || w->offset + w->len > p->size)
        news.err = MUSTER_EIO;
    tell(s, node, news);
}

void sim_payload_perform(struct sim *s, uint32_t node, const struct agent_payload_work *w)
{
    struct sim_payload *p = NULL;
    switch (w->what) {
    case AGENT_PAYLOAD_READ:
        read_do(s, node, w);
        break;
    case AGENT_PAYLOAD_WRITE:
        write_do(s, node, w);
        break;
    case AGENT_PAYLOAD_FINISH:
        finish_do(s, node, w);
        break;
    case AGENT_PAYLOAD_DISCARD:
        p = growing(s, node, w->number, false);
        break;
    case AGENT_PAYLOAD_REMOVE:
        p = payload_find(&s->node[node], w->id);
        if (p != NULL)
            sim_log(s, "n%u removes a payload", node);
        break;
    }
    if (p != NULL)
        p->is_used = p->is_whole = false;
}

/* Boot: what was not whole is thrown away, the rest is told. */
void sim_payload_scan(struct sim *s, uint32_t node)
{
    for (uint32_t i = 0; i < SIM_PAYLOADS; i++) {
        struct sim_payload *p = &s->node[node].payload[i];
        p->is_used = p->is_used && p->is_whole;
        const struct agent_payload_news news = { .said = AGENT_PAYLOAD_FOUND,
                                                 .id = p->id,
                                                 .size = p->size };
        const struct agent_event e = { .kind = AGENT_EVENT_PAYLOAD, .payload = &news };
        if (p->is_used)
            sim_step(s, node, &e);
    }
}

void sim_payload_wipe(struct sim *s, uint32_t node)
{
    for (uint32_t i = 0; i < SIM_PUTS; i++)
        if (sim_payload_is_at(s, node, i))
            s->payload[i].burned |= 1u << node;
    memset(s->node[node].payload, 0, sizeof s->node[node].payload);
}

/* ---- who puts them */

const char *sim_payload_name(const struct sim *s, uint32_t which, char out[AGENT_PAYLOAD_TEXT])
{
    return agent_payload_id_text(s->payload[which].id, out);
}

static struct agent_payload_id id_of(uint32_t which)
{
    struct agent_payload_id id;
    memset(id.octet, 0xa0 + (int)which, sizeof id.octet);
    return id;
}

static uint32_t bucket_of(const struct sim *s, struct agent_payload_id id)
{
    char key[AGENT_PAYLOAD_KEY];
    struct muster_bytes text = muster_bytes_text(agent_payload_key(id, key));
    return (uint32_t)(muster_hash64(text, 0) % s->buckets);
}

uint32_t sim_payload_bucket(const struct sim *s, uint32_t which)
{
    return bucket_of(s, id_of(which));
}

/* The bytes are brought to a node, which is asked to keep them. */
void sim_payload_put(struct sim *s, uint32_t node, uint32_t which, uint64_t size)
{
    char hex[AGENT_PAYLOAD_HEX];
    struct sim_put *put = &s->payload[which];
    struct sim_node *n = &s->node[node];
    put->id = id_of(which);
    put->size = size;
    if (payload_find(n, put->id) == NULL)
        *payload_new(s, node) = (struct sim_payload){ true, true, false, 0, put->id, size };
    const struct agent_payload_news news = { .said = AGENT_PAYLOAD_FOUND,
                                             .id = put->id,
                                             .size = size };
    const struct agent_event found = { .kind = AGENT_EVENT_PAYLOAD, .payload = &news };
    const struct agent_request q = { .op = AGENT_OP_PAYLOAD_PUT,
                                     .name = agent_payload_id_hex(put->id, hex),
                                     .number = s->next_request++ };
    const struct agent_event ask = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    put->request = q.number;
    put->asked = node;
    put->was_kept = false;
    sim_log(s, "client puts payload %u at n%u", which, node);
    sim_step(s, node, &found);
    sim_step(s, node, &ask);
}

static uint32_t copies_said(const struct agent_reply *r)
{
    char body[512] = "";
    size_t len = r->body.len < sizeof body ? r->body.len : sizeof body - 1;
    memcpy(body, r->body.data, len);
    const char *at = strstr(body, "\"copies\":");
    return at != NULL ? (uint32_t)strtoul(at + 9, NULL, 10) : 0;
}

/* Of those whom the newest bench that was chosen names a quorum. Those who are about to join it
 * fetch what its rows name once they have the rows. */
static bool is_kept(const struct sim *s, uint32_t which)
{
    uint32_t mask = 0;
    struct store_bench b = s->chain[bucket_of(s, s->payload[which].id)].bench;
    b.new_mask = 0;
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < b.count && sim_payload_is_at(s, i, which); k++)
            mask |= muster_id_equal(b.member[k].node, s->node[i].id) ? 1u << k : 0;
    return store_bench_quorum(&b, mask);
}

/* The answer may have left before it. */
void sim_payload_bench(struct sim *s, uint32_t bucket)
{
    for (uint32_t i = 0; i < SIM_PUTS; i++) {
        struct sim_put *put = &s->payload[i];
        if (put->request != 0 && bucket_of(s, put->id) == bucket)
            put->was_kept = put->was_kept || is_kept(s, i);
    }
}

/* P1 of bytes: so many disks have them as were said, and a quorum of their bench, or did when the
 * answer left: a disk may be lost and the bench be changed before it comes. */
static void acked_check(struct sim *s, uint32_t which, const struct agent_reply *r)
{
    const struct sim_put *put = &s->payload[which];
    uint32_t on = 0, said = copies_said(r);
    for (uint32_t i = 0; i < s->nodes; i++)
        on += sim_payload_is_at(s, i, which) || (put->burned >> i & 1) != 0;
    if (said == 0 || on < said)
        sim_fail(s, 1, "P1: payload %u is acknowledged with %u copies and lies on %u disks", which,
                 said, on);
    if (!put->was_kept && !is_kept(s, which) && s->wipes == 0)
        sim_fail(s, 1, "P1: payload %u is acknowledged and no quorum of its bench has it", which);
}

void sim_payload_replied(struct sim *s, const struct agent_effect *e)
{
    for (uint32_t i = 0; i < SIM_PUTS; i++) {
        struct sim_put *put = &s->payload[i];
        if (put->request == 0 || put->request != e->number)
            continue;
        put->request = 0;
        sim_log(s, "reply payload %u: %d", i, e->reply->err);
        if (e->reply->err != MUSTER_OK)
            continue;
        acked_check(s, i, e->reply);
        put->is_acked = true;
        s->acks++;
    }
}

/* In the swarm: a few are put and put again until that is answered well. */
void sim_payloads_look(struct sim *s, uint32_t node)
{
    uint32_t puts = s->seed % 8 == 5 ? SIM_PUTS : 0;
    for (uint32_t i = 0; i < puts; i++) {
        struct sim_put *put = &s->payload[i];
        bool is_lost = put->request != 0 && (!s->node[put->asked].is_up ||
                                             s->node[put->asked].generation != put->generation);
        if (put->is_acked || (put->request != 0 && !is_lost) || s->now < 8000u * i)
            continue;
        sim_payload_put(s, node, i, 40 + 301 * i);
        put->generation = s->node[node].generation;
        return;
    }
}

bool sim_payloads_wait(const struct sim *s)
{
    for (uint32_t i = 0; i < SIM_PUTS; i++)
        if (s->payload[i].size > 0 && !s->payload[i].is_acked)
            return true;
    return false;
}

/* Whoever sits on the bench of one that was acknowledged has its bytes. NULL: nobody. */
const char *sim_payload_unrest(const struct sim *s)
{
    for (uint32_t which = 0; which < SIM_PUTS; which++) {
        const struct sim_put *put = &s->payload[which];
        uint32_t bucket = bucket_of(s, put->id);
        for (uint32_t i = 0; i < s->nodes && put->is_acked; i++) {
            struct store_bucket_view b;
            if (!s->node[i].is_up)
                continue;
            store_bucket(agent_node_store(s->node[i].node), bucket, &b);
            if (b.role != STORE_NO_SEAT && !sim_payload_is_at(s, i, which))
                return "a seat has not the bytes of a payload";
        }
    }
    return NULL;
}

/* A disk may be lost when what was acknowledged lies on three of them. */
bool sim_payloads_can_lose(const struct sim *s)
{
    for (uint32_t which = 0; which < SIM_PUTS; which++) {
        uint32_t on = 0;
        for (uint32_t i = 0; i < s->nodes; i++)
            on += sim_payload_is_at(s, i, which);
        if (s->payload[which].is_acked && on < 3)
            return false;
    }
    return true;
}
