/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on their way between nodes: parts asked for one after the other, and parts read for others
 * at a bounded pace. */
#include <stdio.h>
#include <string.h>

#include "agent/newsroom.h"
#include "agent/payload_inside.h"
#include "agent/peers.h"
#include "agent/place.h"

#define SOURCES_MAX (2 + 2 * STORE_BENCH_MAX)
#define AGAIN_MS    500u /* after a round in which nobody had it; more after each of four */
#define BUSY_MS     100
#define DISK_MS     5000
#define READS_OUT   8 /* with the shell at once */

/* ---- what is asked, and what is answered */

void payload_id_write(struct muster_writer *w, struct agent_payload_id id)
{
    muster_write_bytes(w, MUSTER_BYTES(id.octet, sizeof id.octet));
}

bool payload_id_read(struct muster_reader *r, struct agent_payload_id *id)
{
    struct muster_bytes bytes = muster_read_bytes(r, sizeof id->octet);
    bool is_one = muster_reader_ok(r) && bytes.len == sizeof id->octet;
    if (is_one)
        memcpy(id->octet, bytes.data, sizeof id->octet);
    return is_one;
}

static bool read_send(struct agent_core *core, const struct payload_pull *p)
{
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_PAYLOAD_READ, 5);
    muster_write_u64(&w, p->read);
    payload_id_write(&w, p->id);
    muster_write_u64(&w, p->offset);
    muster_write_u64(&w, core->config.payload_part);
    return agent_frame_send(core, p->from, &w);
}

static void part_send(struct agent_core *core, const struct payload_read *r, int err, uint64_t size,
                      struct muster_bytes bytes)
{
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_PAYLOAD_PART, 6);
    muster_write_u64(&w, r->number);
    muster_write_i64(&w, err);
    muster_write_u64(&w, size);
    muster_write_u64(&w, r->offset);
    muster_write_bytes(&w, bytes);
    (void)agent_frame_send(core, r->to, &w);
}

/* ---- parts for others */

static void read_drop(struct agent_payload *t, uint32_t at)
{
    t->reads--;
    memmove(&t->read[at], &t->read[at + 1], (t->reads - at) * sizeof *t->read);
}

/* In the order in which they were asked for, no more in a millisecond than the rate says. */
static void reads_go(struct agent_core *core)
{
    struct agent_payload *t = core->payload;
    uint32_t out = 0;
    if (t->read_ms != core->now.mono_ms)
        t->read_left = core->config.payload_rate;
    t->read_ms = core->now.mono_ms;
    for (uint32_t i = 0; i < t->reads && out < READS_OUT; i++) {
        struct payload_read *r = &t->read[i];
        out += r->is_out;
        if (r->is_out || t->read_left == 0)
            continue;
        struct agent_payload_work *w = payload_work(core, AGENT_PAYLOAD_READ);
        w->number = r->local;
        w->id = r->id;
        w->offset = r->offset;
        w->len = r->len;
        t->read_left -= r->len < t->read_left ? r->len : t->read_left;
        r->is_out = true;
        out++;
    }
}

void agent_payload_read_got(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_payload *t = core->payload;
    struct payload_read read = { .to = from, .number = muster_read_u64(r) };
    bool is_id = payload_id_read(r, &read.id);
    read.offset = muster_read_u64(r);
    uint64_t len = muster_read_u64(r);
    if (!muster_reader_ok(r) || !is_id)
        return;
    struct payload_file *f = payload_file(core, read.id);
    if (f == NULL || read.offset > f->size) {
        part_send(core, &read, MUSTER_ENOTFOUND, 0, MUSTER_BYTES(NULL, 0));
        return;
    }
    if (t->reads == PAYLOAD_READS) { /* more than sixty that pull at once */
        part_send(core, &read, MUSTER_EBUSY, 0, MUSTER_BYTES(NULL, 0));
        return;
    }
    f->wanted_ms = core->now.mono_ms;
    uint64_t left = f->size - read.offset;
    len = len < core->config.payload_part ? len : core->config.payload_part;
    read.len = (uint32_t)(len < left ? len : left);
    read.local = agent_number(core);
    t->read[t->reads++] = read;
    reads_go(core);
    payload_wake(core);
}

void payload_read_done(struct agent_core *core, const struct agent_payload_news *news)
{
    struct agent_payload *t = core->payload;
    uint32_t i = 0;
    while (i < t->reads && t->read[i].local != news->number)
        i++;
    if (i == t->reads)
        return;
    struct payload_read read = t->read[i];
    struct payload_file *f = payload_file(core, read.id);
    bool is_good = news->err == MUSTER_OK && f != NULL && news->bytes.len == read.len;
    read_drop(t, i);
    part_send(core, &read, is_good ? MUSTER_OK : MUSTER_ENOTFOUND, is_good ? f->size : 0,
              is_good ? news->bytes : MUSTER_BYTES(NULL, 0));
    if (!is_good && f != NULL)
        payload_file_drop(core, f); /* it went behind our back: the next sweep pulls it anew */
    reads_go(core);
    payload_wake(core);
}

/* ---- pulls */

static struct payload_pull *pull_find(const struct agent_core *core, struct agent_payload_id id)
{
    struct agent_payload *t = core->payload;
    for (uint32_t i = 0; i < t->pulls; i++)
        if (t->pull[i].is_used && agent_payload_id_equal(t->pull[i].id, id))
            return &t->pull[i];
    return NULL;
}

struct payload_pull *payload_pull_make(struct agent_core *core, struct agent_payload_id id)
{
    struct agent_payload *t = core->payload;
    struct payload_pull *p = pull_find(core, id);
    for (uint32_t i = 0; i < t->pulls && p == NULL; i++)
        if (!t->pull[i].is_used)
            p = &t->pull[i];
    if (p == NULL && t->pulls < PAYLOAD_PULLS)
        p = &t->pull[t->pulls++];
    if (p == NULL || p->is_used)
        return p;
    *p = (struct payload_pull){
        .is_used = true, .id = id, .number = agent_number(core), .retry_ms = core->now.mono_ms
    };
    (void)snprintf(p->why, sizeof p->why, "it is on its way here");
    payload_wake(core);
    return p;
}

static void pull_free(struct agent_core *core, struct payload_pull *p)
{
    if (p->state != PULL_WAITS || p->offset > 0)
        payload_work(core, AGENT_PAYLOAD_DISCARD)->number = p->number;
    *p = (struct payload_pull){ .is_used = false };
}

static void pull_waits(struct agent_core *core, struct payload_pull *p, uint64_t ms)
{
    p->state = PULL_WAITS;
    p->retry_ms = core->now.mono_ms + ms;
    payload_wake(core);
}

/* Who may have it, each once: who was named to us, its bench as far as we know, then everybody. */
static bool source_at(struct agent_core *core, const struct payload_pull *p, uint32_t index,
                      struct muster_id *out)
{
    struct muster_id who[SOURCES_MAX];
    char key[AGENT_PAYLOAD_KEY];
    uint32_t n = 0;
    uint32_t bucket =
        store_bucket_of(core->store, muster_bytes_text(agent_payload_key(p->id, key)));
    if (!muster_id_is_zero(p->hint))
        who[n++] = p->hint;
    n += store_keeper_hint(core->store, bucket, who + n, STORE_BENCH_MAX);
    n += agent_place_bench(core, bucket, who + n, SOURCES_MAX - n);
    if (index >= n + agent_peers_count(core))
        return false;
    *out = index < n ? who[index] : agent_peers_at(core, index - n)->id;
    for (uint32_t i = 0; i < n && i < index; i++)
        if (muster_id_equal(who[i], *out))
            *out = core->config.self; /* asked already */
    return true;
}

/* The next one who may have it, from the start; when all have been asked, all again, later. */
static void pull_ask_next(struct agent_core *core, struct payload_pull *p)
{
    struct muster_id who;
    p->offset = 0;
    while (source_at(core, p, p->tried, &who)) {
        p->from = who;
        p->read = agent_number(core);
        p->state = PULL_ASKED;
        p->until_ms = core->now.mono_ms + PAYLOAD_ASK_MS;
        if (!agent_is_self(core, who) && read_send(core, p)) {
            payload_wake(core);
            return;
        }
        p->tried++;
    }
    MUSTER_MARK(payload_of_nobody);
    uint32_t wait = p->rounds < 4 ? AGAIN_MS << p->rounds : 16 * AGAIN_MS;
    p->rounds++;
    p->tried = 0;
    if (p->err == MUSTER_OK)
        (void)snprintf(p->why, sizeof p->why, "no node that answers has it");
    pull_waits(core, p, wait);
    payload_late(core, p);
}

static void pull_ask_more(struct agent_core *core, struct payload_pull *p)
{
    p->read = agent_number(core);
    p->state = PULL_ASKED;
    p->until_ms = core->now.mono_ms + PAYLOAD_ASK_MS;
    payload_wake(core);
    if (!read_send(core, p)) {
        p->tried++;
        pull_ask_next(core, p);
    }
}

static void pull_part(struct agent_core *core, struct payload_pull *p, uint64_t size,
                      struct muster_bytes bytes)
{
    bool fits = (p->offset == 0 || size == p->size) && bytes.len <= size &&
                p->offset <= size - bytes.len && (bytes.len > 0 || size == 0);
    if (!fits) {
        p->tried++;
        pull_ask_next(core, p);
        return;
    }
    struct agent_payload_work *w = payload_work(core, AGENT_PAYLOAD_WRITE);
    w->number = p->number;
    w->id = p->id;
    w->offset = p->offset;
    w->bytes = agent_out_copy(&core->out, bytes);
    p->size = size;
    p->offset += bytes.len;
    p->state = PULL_WRITES;
    (void)snprintf(p->why, sizeof p->why, "%llu of %llu bytes of it are here",
                   (unsigned long long)p->offset, (unsigned long long)p->size);
}

void agent_payload_part_got(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_payload *t = core->payload;
    uint64_t number = muster_read_u64(r);
    int64_t err = muster_read_i64(r);
    uint64_t size = muster_read_u64(r), offset = muster_read_u64(r);
    struct muster_bytes bytes = muster_read_bytes(r, AGENT_FRAME_MAX);
    if (!muster_reader_ok(r))
        return;
    for (uint32_t i = 0; i < t->pulls; i++) {
        struct payload_pull *p = &t->pull[i];
        if (!p->is_used || p->state != PULL_ASKED || p->read != number ||
            !muster_id_equal(p->from, from) || p->offset != offset)
            continue;
        if (err == MUSTER_OK) {
            pull_part(core, p, size, bytes);
        } else if (err == MUSTER_EBUSY) {
            pull_waits(core, p, BUSY_MS);
        } else {
            p->tried++;
            pull_ask_next(core, p);
        }
        return;
    }
}

static struct payload_pull *pull_of(const struct agent_core *core, uint64_t number)
{
    struct agent_payload *t = core->payload;
    for (uint32_t i = 0; i < t->pulls; i++)
        if (t->pull[i].is_used && t->pull[i].number == number)
            return &t->pull[i];
    return NULL;
}

/* This disk does not take it: said, and tried again later. */
static void pull_refused(struct agent_core *core, struct payload_pull *p, int err)
{
    payload_work(core, AGENT_PAYLOAD_DISCARD)->number = p->number;
    p->err = err;
    p->offset = 0;
    (void)snprintf(p->why, sizeof p->why, "the disk of %s does not take it: %s", core->config.name,
                   muster_err_text(err));
    p->rounds++;
    pull_waits(core, p, DISK_MS);
    payload_kept_tell(core, p->asker, p->id, p);
    payload_late(core, p);
}

void payload_pull_wrote(struct agent_core *core, const struct agent_payload_news *news)
{
    struct payload_pull *p = pull_of(core, news->number);
    if (p == NULL || p->state != PULL_WRITES)
        return;
    if (news->err != MUSTER_OK) {
        pull_refused(core, p, news->err);
        return;
    }
    p->err = MUSTER_OK;
    if (p->offset < p->size) {
        pull_ask_more(core, p);
        return;
    }
    struct agent_payload_work *w = payload_work(core, AGENT_PAYLOAD_FINISH);
    w->number = p->number;
    w->id = p->id;
    w->size = p->size;
    p->state = PULL_ENDS;
}

void payload_pull_finished(struct agent_core *core, const struct agent_payload_news *news)
{
    struct payload_pull *p = pull_of(core, news->number);
    if (p == NULL || p->state != PULL_ENDS)
        return;
    if (news->err == MUSTER_OK && payload_file_add(core, p->id, p->size) != NULL) {
        payload_pull_done(core, news->id);
    } else if (news->err == MUSTER_ECORRUPT) {
        MUSTER_MARK(payload_arrived_damaged);
        agent_out_log(&core->out, AGENT_LOG_WARN,
                      "what %s sent of a payload does not have its hash: others are asked",
                      agent_node_name(core, p->from));
        p->tried++;
        pull_ask_next(core, p);
    } else {
        pull_refused(core, p, news->err != MUSTER_OK ? news->err : MUSTER_EFULL);
    }
}

void payload_pull_done(struct agent_core *core, struct agent_payload_id id)
{
    struct payload_pull *p = pull_find(core, id);
    if (p != NULL) {
        struct muster_id asker = p->asker;
        bool is_ours = p->state == PULL_ENDS;
        p->state = is_ours ? PULL_WAITS : p->state;
        p->offset = is_ours ? 0 : p->offset;
        pull_free(core, p);
        payload_kept_tell(core, asker, id, NULL);
    }
    payload_came(core, id);
}

static bool pull_is_wanted(const struct agent_core *core, const struct payload_pull *p)
{
    return p->is_for_row || p->asker_until_ms > core->now.mono_ms ||
           payload_is_waited_for(core, p->id);
}

void payload_pulls_tick(struct agent_core *core)
{
    struct agent_payload *t = core->payload;
    uint64_t now = core->now.mono_ms;
    uint32_t active = 0;
    for (uint32_t i = 0; i < t->pulls; i++) {
        struct payload_pull *p = &t->pull[i];
        if (p->is_used && p->state == PULL_ASKED && muster_deadline_reached(p->until_ms, now)) {
            p->tried++;
            pull_ask_next(core, p);
        }
        active += p->is_used && p->state != PULL_WAITS;
    }
    for (uint32_t i = 0; i < t->pulls; i++) {
        struct payload_pull *p = &t->pull[i];
        bool is_due = p->is_used && p->state == PULL_WAITS && p->retry_ms <= now;
        if (!is_due)
            continue;
        if (!pull_is_wanted(core, p)) {
            pull_free(core, p);
        } else if (active < PAYLOAD_ACTIVE) {
            pull_ask_next(core, p);
            active += p->state != PULL_WAITS;
        }
    }
    reads_go(core);
}

uint64_t payload_pulls_deadline(const struct agent_core *core)
{
    const struct agent_payload *t = core->payload;
    uint64_t next = t->reads > 0 ? t->read_ms + 1 : MUSTER_NEVER;
    uint32_t active = 0;
    for (uint32_t i = 0; i < t->pulls; i++)
        active += t->pull[i].is_used && t->pull[i].state != PULL_WAITS;
    for (uint32_t i = 0; i < t->pulls; i++) {
        const struct payload_pull *p = &t->pull[i];
        if (p->is_used && p->state == PULL_ASKED)
            next = muster_deadline_sooner(next, p->until_ms);
        else if (p->is_used && p->state == PULL_WAITS && active < PAYLOAD_ACTIVE)
            next = muster_deadline_sooner(next, p->retry_ms);
    }
    return next;
}
