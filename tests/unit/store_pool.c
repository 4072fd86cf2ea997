/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's world: time, mail, disks, lives. */
#include "tests/unit/store_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* ---- mail */

static bool mail_before(const struct pool_mail *a, const struct pool_mail *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void mail_add(struct pool *p, struct pool_mail mail)
{
    if (p->mail_count == p->mail_max) {
        p->mail_max = p->mail_max == 0 ? 1024 : 2 * p->mail_max;
        p->mail = realloc(p->mail, p->mail_max * sizeof *p->mail);
        assert_non_null(p->mail);
    }
    mail.number = ++p->mails;
    uint32_t at = p->mail_count++;
    while (at > 0 && mail_before(&mail, &p->mail[(at - 1) / 2])) {
        p->mail[at] = p->mail[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    p->mail[at] = mail;
}

static struct pool_mail mail_take(struct pool *p)
{
    struct pool_mail first = p->mail[0], last = p->mail[--p->mail_count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= p->mail_count)
            break;
        if (child + 1 < p->mail_count && mail_before(&p->mail[child + 1], &p->mail[child]))
            child++;
        if (!mail_before(&p->mail[child], &last))
            break;
        p->mail[at] = p->mail[child];
        at = child;
    }
    if (p->mail_count > 0)
        p->mail[at] = last;
    return first;
}

/* ---- lives */

struct muster_id pool_id(uint32_t node)
{
    struct muster_id id = { { 0 } };

    id.octet[0] = (uint8_t)('A' + node);
    id.octet[15] = 1;
    return id;
}

uint32_t pool_node_of(struct muster_id id)
{
    return (uint32_t)(id.octet[0] - 'A');
}

static void node_effects(struct pool *p, uint32_t node);

static void node_step(struct pool *p, uint32_t node, struct store_event event)
{
    struct pool_node *n = &p->node[node];
    struct muster_now now = { .mono_ms = p->now_ms, .wall_ms = 1000000 + p->now_ms };

    store_step(n->store, now, &event);
    node_effects(p, node);
    n->wake_ms = store_deadline_ms(n->store);
    n->steps++;
    pool_check_step(p, node);
}

static void frame_post(struct pool *p, uint32_t from, const struct store_effect *e)
{
    uint32_t to = pool_node_of(e->to);

    assert_true(e->bytes.len <= STORE_FRAME_MAX);
    if (p->link[from][to] == 0)
        return;
    uint64_t at = p->now_ms + muster_rng_below(&p->rng, p->delay_ms + 1);
    uint64_t *lane = &p->lane_ms[from][to][e->lane];
    *lane = at > *lane ? at : *lane;
    mail_add(p, (struct pool_mail){ .at_ms = *lane,
                                    .kind = POOL_FRAME,
                                    .from = from,
                                    .to = to,
                                    .link = p->link[from][to],
                                    .boot = p->node[from].boot,
                                    .bytes = pool_copy(e->bytes),
                                    .len = e->bytes.len });
}

static void written(struct pool *p, const struct store_effect *e)
{
    struct pool_op *op = &p->op[e->cookie];
    struct pool_key *key = &p->key[op->key];

    assert_true(op->is_open);
    op->is_open = false;
    if (e->err != MUSTER_OK) {
        assert_int_equal(e->err, MUSTER_EUNKNOWN);
        p->unknowns++;
        return;
    }
    assert_true(e->copies > 0);
    p->acks++;
    if (op->number > key->acked) {
        key->acked = op->number;
        key->acked_delete = op->is_delete;
    }
}

/* A claim is made for every available row without a run in sight, as a scheduler would. */
static void claimable(struct pool *p, uint32_t node, uint32_t bucket)
{
    struct store *s = p->node[node].store;
    struct store_view view;
    uint64_t cursor = 0;

    while (store_bucket_next(s, bucket, &cursor, &view)) {
        if (view.row.phase == STORE_GONE || view.row.mode != STORE_AVAILABLE)
            continue;
        if (store_claim(s, view.row.key, pool_id(node)) == MUSTER_OK)
            p->claims++;
    }
}

static void node_effect(struct pool *p, uint32_t node, const struct store_effect *e)
{
    struct pool_node *n = &p->node[node];

    switch (e->kind) {
    case STORE_EFFECT_FRAME:
        frame_post(p, node, e);
        return;
    case STORE_EFFECT_COMMIT:
        assert_null(n->flying);
        n->flying = e->batch;
        n->commit_ms = p->now_ms + muster_rng_below(&p->rng, p->commit_ms + 1);
        return;
    case STORE_EFFECT_SERVING:
        p->elections++;
        pool_check_serving(p, node, e->bucket);
        return;
    case STORE_EFFECT_CHOSEN:
        pool_check_chosen(p, node, e->key);
        return;
    case STORE_EFFECT_WRITTEN:
        written(p, e);
        return;
    case STORE_EFFECT_CLAIMABLE:
        claimable(p, node, e->bucket);
        return;
    case STORE_EFFECT_CLAIMED:
        p->claimed++;
        p->claimed_token = e->token;
        return;
    case STORE_EFFECT_DROP:
        p->drops++;
        p->dropped_token = e->token;
        return;
    case STORE_EFFECT_CLEARED:
        p->cleared++;
        return;
    default:
        return;
    }
}

static void node_effects(struct pool *p, uint32_t node)
{
    struct store_effect e;

    while (store_next(p->node[node].store, &e))
        node_effect(p, node, &e);
    p->node[node].wake_ms = store_deadline_ms(p->node[node].store);
}

void pool_drain(struct pool *p, uint32_t node)
{
    node_effects(p, node);
}

static void news_post(struct pool *p, uint32_t about, uint32_t to, enum store_peer_state news,
                      uint64_t after_ms)
{
    mail_add(p, (struct pool_mail){ .at_ms = p->now_ms + after_ms,
                                    .kind = POOL_NEWS,
                                    .from = about,
                                    .to = to,
                                    .news = news });
}

static void link_close(struct pool *p, uint32_t a, uint32_t b)
{
    if (p->link[a][b] == 0)
        return;
    for (uint32_t turn = 0; turn < 2; turn++) {
        mail_add(p, (struct pool_mail){ .at_ms = p->now_ms + muster_rng_below(&p->rng, 20),
                                        .kind = POOL_CLOSE,
                                        .from = turn == 0 ? a : b,
                                        .to = turn == 0 ? b : a,
                                        .link = p->link[a][b] });
    }
    p->link[a][b] = 0;
    p->link[b][a] = 0;
}

static void link_open(struct pool *p, uint32_t a, uint32_t b)
{
    if (p->link[a][b] != 0 || p->is_cut[a][b] || !p->node[a].is_up || !p->node[b].is_up)
        return;
    if (p->node[a].is_paused || p->node[b].is_paused)
        return;
    p->link[a][b] = ++p->links;
    p->link[b][a] = p->links;
    for (uint32_t turn = 0; turn < 2; turn++) {
        uint32_t from = turn == 0 ? a : b, to = turn == 0 ? b : a;
        uint64_t at = p->now_ms + muster_rng_below(&p->rng, 5);
        for (uint32_t lane = 0; lane < STORE_LANES; lane++)
            p->lane_ms[from][to][lane] = at; /* nothing overtakes the greeting */
        mail_add(p, (struct pool_mail){ .at_ms = at,
                                        .kind = POOL_CONNECT,
                                        .from = from,
                                        .to = to,
                                        .link = p->links,
                                        .boot = p->node[from].boot });
    }
}

/* Every half second whoever can reach each other is connected, and hears who lives. */
static void world_tend(struct pool *p)
{
    for (uint32_t a = 0; a < p->nodes; a++) {
        for (uint32_t b = 0; b < p->nodes; b++) {
            if (a < b && p->link[a][b] != 0 && p->is_cut[a][b])
                link_close(p, a, b);
            if (a < b)
                link_open(p, a, b);
            if (a != b && p->node[a].is_up && p->node[b].is_up && !p->is_cut[a][b])
                news_post(p, a, b, STORE_PEER_ALIVE, 0);
        }
    }
}

void pool_open(struct pool *p, uint32_t nodes, uint32_t buckets, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    muster_rng_seed(&p->rng, seed);
    p->now_ms = 1000;
    p->nodes = nodes;
    p->buckets = buckets;
    p->replicas = 3;
    p->rows_max = 1000;
    p->delay_ms = p->commit_ms = 2;
    p->wishes_all = true;
    store_times_wan(&p->times);
    p->times.ripe_ms = 0; /* but where a story is about it */
    assert_int_equal(
        muster_arena_open(&p->trace_arena, POOL_NODES * (POOL_LINES + 1) * MUSTER_TRACE_LINE),
        MUSTER_OK);
    for (uint32_t i = 0; i < nodes; i++) {
        p->node[i].disk.record = calloc(POOL_RECORDS, sizeof *p->node[i].disk.record);
        assert_non_null(p->node[i].disk.record);
        assert_int_equal(muster_trace_init(&p->trace[i], &p->trace_arena, POOL_LINES), MUSTER_OK);
    }
    pool_check_open(p);
}

void pool_close(struct pool *p)
{
    for (uint32_t i = 0; i < p->nodes; i++) {
        store_close(p->node[i].store);
        pool_disk_clear(&p->node[i].disk);
        free(p->node[i].disk.record);
    }
    while (p->mail_count > 0)
        free(mail_take(p).bytes);
    free(p->mail);
    muster_arena_close(&p->trace_arena);
    pool_check_close(p);
}

static void node_wish(struct pool *p, uint32_t node)
{
    struct muster_id wish[STORE_REPLICAS_MAX];
    uint32_t up[POOL_NODES], count = 0;

    for (uint32_t i = 0; i < p->nodes; i++) {
        if (p->node[i].is_up)
            up[count++] = i;
    }
    for (uint32_t b = 0; b < p->buckets && count > 0; b++) {
        uint32_t n = count < p->replicas ? count : p->replicas;
        for (uint32_t i = 0; i < n; i++)
            wish[i] = pool_id(up[(b + i) % count]);
        store_wish(p->node[node].store, b, wish, n);
    }
}

static void all_wish(struct pool *p)
{
    for (uint32_t i = 0; i < p->nodes && p->wishes_all; i++) {
        if (p->node[i].is_up)
            node_wish(p, i);
    }
}

void pool_wish(struct pool *p, const uint32_t *nodes, uint32_t n)
{
    struct muster_id wish[STORE_REPLICAS_MAX];

    p->wishes_all = false;
    for (uint32_t i = 0; i < p->nodes; i++) {
        for (uint32_t b = 0; b < p->buckets && p->node[i].is_up; b++) {
            for (uint32_t k = 0; k < n; k++)
                wish[k] = pool_id(nodes[(b + k) % n]);
            store_wish(p->node[i].store, b, wish, n);
        }
    }
}

void pool_boot(struct pool *p, uint32_t node, bool found)
{
    struct pool_node *n = &p->node[node];
    struct store_config c = {
        .self = pool_id(node),
        .boot = ++n->boot,
        .buckets = p->buckets,
        .replicas = p->replicas,
        .rows_max = p->rows_max,
        .peers_max = 16,
        .seed = muster_rng_next(&p->rng),
        .times = p->times,
        .trace = &p->trace[node],
    };

    assert_false(n->is_up);
    assert_int_equal(store_open(&n->store, &c), MUSTER_OK);
    for (uint32_t i = 0; i < n->disk.count; i++) {
        const struct pool_record *r = &n->disk.record[i];
        assert_int_equal(store_load(n->store, r->table, MUSTER_BYTES(r->key, r->key_len),
                                    MUSTER_BYTES(r->value, r->value_len)),
                         MUSTER_OK);
    }
    if (found)
        store_found(n->store);
    pool_lost_tell(p, node);
    store_start(n->store, (struct muster_now){ p->now_ms, 1000000 + p->now_ms });
    n->is_up = true;
    n->flying = NULL;
    n->disk_err = MUSTER_OK;
    node_step(p, node, (struct store_event){ .kind = STORE_EVENT_TICK });
    all_wish(p);
    world_tend(p);
}

void pool_kill(struct pool *p, uint32_t node, bool is_proven)
{
    struct pool_node *n = &p->node[node];

    if (!n->is_up)
        return;
    for (uint32_t i = 0; i < p->nodes; i++)
        link_close(p, node, i);
    if (n->flying != NULL && muster_rng_chance(&p->rng, 1, 2))
        pool_disk_commit(&n->disk, n->flying); /* it made it, but nobody was told */
    store_close(n->store);
    n->store = NULL;
    n->flying = NULL;
    n->is_up = false;
    n->is_paused = false;
    for (uint32_t i = 0; i < p->nodes; i++) {
        if (i != node && p->node[i].is_up)
            news_post(p, node, i, is_proven ? STORE_PEER_PROVEN : STORE_PEER_DEAD,
                      is_proven ? 30 : 3000);
    }
    all_wish(p);
}

void pool_wipe(struct pool *p, uint32_t node)
{
    assert_false(p->node[node].is_up);
    pool_disk_clear(&p->node[node].disk);
}

void pool_later(struct pool *p, uint64_t ms, void (*action)(void *context, uint32_t argument),
                uint32_t argument)
{
    mail_add(p, (struct pool_mail){ .at_ms = p->now_ms + ms,
                                    .kind = POOL_ACTION,
                                    .action = action,
                                    .argument = argument });
}

static void pause_end(void *context, uint32_t node)
{
    struct pool *p = context;

    if (!p->node[node].is_paused)
        return;
    p->node[node].is_paused = false;
    node_step(p, node, (struct store_event){ .kind = STORE_EVENT_AWAY });
}

void pool_pause(struct pool *p, uint32_t node, uint64_t ms)
{
    if (!p->node[node].is_up || p->node[node].is_paused)
        return;
    p->node[node].is_paused = true;
    for (uint32_t i = 0; i < p->nodes; i++)
        link_close(p, node, i);
    for (uint32_t i = 0; i < p->nodes && ms > 3000; i++)
        news_post(p, node, i, STORE_PEER_DEAD, 3000);
    pool_later(p, ms, pause_end, node);
}

void pool_cut(struct pool *p, uint32_t a, uint32_t b)
{
    p->is_cut[a][b] = true;
    p->is_cut[b][a] = true;
    link_close(p, a, b);
    news_post(p, a, b, STORE_PEER_DEAD, 3000);
    news_post(p, b, a, STORE_PEER_DEAD, 3000);
}

void pool_isolate(struct pool *p, uint32_t node)
{
    for (uint32_t i = 0; i < p->nodes; i++) {
        if (i != node)
            pool_cut(p, node, i);
    }
}

void pool_heal(struct pool *p)
{
    memset(p->is_cut, 0, sizeof p->is_cut);
    world_tend(p);
}

void pool_slander(struct pool *p, uint32_t about, uint32_t to, enum store_peer_state news)
{
    if (about == to || !p->node[to].is_up || p->node[to].is_paused)
        return;
    node_step(
        p, to,
        (struct store_event){ .kind = STORE_EVENT_PEER, .peer = pool_id(about), .state = news });
}

void pool_shuffle(struct pool *p)
{
    struct muster_id wish[STORE_REPLICAS_MAX];
    uint32_t order[POOL_NODES];

    p->wishes_all = false;
    for (uint32_t b = 0; b < p->buckets; b++) {
        muster_rng_permutation(&p->rng, order, p->nodes);
        for (uint32_t k = 0; k < p->replicas; k++)
            wish[k] = pool_id(order[k]);
        for (uint32_t i = 0; i < p->nodes; i++) {
            if (p->node[i].is_up)
                store_wish(p->node[i].store, b, wish, p->replicas);
        }
    }
}

/* ---- time */

static void mail_deliver(struct pool *p, const struct pool_mail *m)
{
    struct pool_node *n = &p->node[m->to];
    struct store_event event = { .peer = pool_id(m->from), .boot = m->boot };

    if (m->kind == POOL_ACTION) {
        m->action(p, m->argument);
        return;
    }
    if (!n->is_up || n->is_paused)
        return;
    switch (m->kind) {
    case POOL_FRAME:
        if (p->link[m->from][m->to] != m->link)
            return;
        event.kind = STORE_EVENT_FRAME;
        event.bytes = MUSTER_BYTES(m->bytes, m->len);
        if (muster_rng_chance(&p->rng, p->lossy, 1000)) {
            link_close(p, m->from, m->to);
            return;
        }
        break;
    case POOL_CONNECT:
        if (p->link[m->from][m->to] != m->link)
            return;
        event.kind = STORE_EVENT_CONNECTED;
        break;
    case POOL_CLOSE:
        if (p->link[m->from][m->to] != 0)
            return; /* there is a newer connection already */
        event.kind = STORE_EVENT_CLOSED;
        break;
    default:
        /* Word of a death that is no longer true, or of a life that is over, is not passed on. */
        if ((m->news == STORE_PEER_ALIVE) !=
            (p->node[m->from].is_up && !p->node[m->from].is_paused && !p->is_cut[m->from][m->to]))
            return;
        event.kind = STORE_EVENT_PEER;
        event.state = m->news;
        break;
    }
    node_step(p, m->to, event);
}

static void commit_end(struct pool *p, uint32_t node)
{
    struct pool_node *n = &p->node[node];
    struct store_event event = { .kind = STORE_EVENT_COMMITTED,
                                 .batch = n->flying->number,
                                 .err = n->disk_err };

    if (n->disk_err == MUSTER_OK)
        pool_disk_commit(&n->disk, n->flying);
    n->flying = NULL;
    node_step(p, node, event);
}

static uint64_t world_next(const struct pool *p, uint32_t *node)
{
    uint64_t at = p->mail_count > 0 ? p->mail[0].at_ms : MUSTER_NEVER;

    *node = POOL_NODES;
    for (uint32_t i = 0; i < p->nodes; i++) {
        const struct pool_node *n = &p->node[i];
        if (!n->is_up || n->is_paused)
            continue;
        uint64_t due = n->wake_ms;
        if (n->flying != NULL && n->commit_ms < due)
            due = n->commit_ms;
        if (due < at) {
            at = due;
            *node = i;
        }
    }
    return at;
}

void pool_run(struct pool *p, uint64_t ms)
{
    uint64_t end = p->now_ms + ms;
    uint64_t guard = 0;

    for (;;) {
        uint32_t node;
        uint64_t tend = (p->now_ms / 500 + 1) * 500;
        uint64_t at = world_next(p, &node);
        if (tend <= at && tend <= end) {
            p->now_ms = tend;
            world_tend(p);
            continue;
        }
        if (at > end)
            break;
        if (at > p->now_ms)
            guard = 0;
        assert_true(++guard < 200000); /* time must move on */
        p->now_ms = at > p->now_ms ? at : p->now_ms;
        if (node == POOL_NODES) {
            struct pool_mail m = mail_take(p);
            mail_deliver(p, &m);
            free(m.bytes);
        } else if (p->node[node].flying != NULL && p->node[node].commit_ms <= p->now_ms) {
            commit_end(p, node);
        } else {
            node_step(p, node, (struct store_event){ .kind = STORE_EVENT_TICK });
        }
    }
    p->now_ms = end;
}

void pool_until(struct pool *p, uint64_t ms, bool (*holds)(struct pool *p), const char *what)
{
    for (uint64_t end = p->now_ms + ms; p->now_ms < end;) {
        if (holds(p))
            return;
        pool_run(p, 50);
    }
    pool_fail(p);
    fail_msg("never: %s", what);
}
