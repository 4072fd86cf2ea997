/* SPDX-License-Identifier: Apache-2.0 */
/* The dreamt network: datagrams that get lost, gossip streams, peer links that keep their order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/message.h"
#include "tests/sim/inv.h"

#define CUT_RESET_MS  10000 /* a link that moves nothing for so long is reset */
#define CUT_LOOK_MS   50
#define CHECK_KEPT_MS 200 /* whoever is checked for so long lives, or hangs */

static uint64_t delay(struct sim *s)
{
    const struct sim_faults *f = &s->faults;
    uint64_t ms = 1 + muster_rng_below(&s->rng, f->delay_ms + 1);
    if (f->spike_per_mille > 0 && muster_rng_chance(&s->rng, f->spike_per_mille, 1000)) {
        ms += muster_rng_below(&s->rng, f->spike_ms);
        s->spiked_until = s->now + ms > s->spiked_until ? s->now + ms : s->spiked_until;
        sim_count(s, SIM_SPIKE);
    }
    return ms;
}

bool sim_is_cut(const struct sim *s, uint32_t from, uint32_t to)
{
    return (s->cut[from] >> to & 1) != 0;
}

static uint32_t node_at(const struct sim *s, struct muster_addr a)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (muster_addr_same_host(s->node[i].addr, a))
            return i;
    return UINT32_MAX;
}

static uint8_t *copy(struct muster_bytes b)
{
    uint8_t *p = malloc(b.len + 1);
    MUSTER_ASSERT(p != NULL);
    if (b.len > 0)
        memcpy(p, b.data, b.len);
    return p;
}

static void deliver(struct sim *s, uint64_t at, uint32_t node, uint64_t generation,
                    const struct agent_event *event)
{
    struct sim_item *i = sim_put_at(s, at);
    i->kind = SIM_STEP;
    i->node = node;
    i->generation = generation;
    i->event = *event;
    if (event->bytes.len > 0) {
        i->bytes = copy(event->bytes);
        i->event.bytes.data = i->bytes;
    }
}

/* ---- datagrams */

static void packet(struct sim *s, uint32_t from, const struct agent_effect *e)
{
    uint32_t to = node_at(s, e->to);
    struct agent_event event = { .kind = AGENT_EVENT_PACKET,
                                 .from = s->node[from].addr,
                                 .bytes = e->bytes };
    if (to == UINT32_MAX || !s->node[to].is_up || sim_is_cut(s, from, to))
        return;
    const struct sim_faults *f = &s->faults;
    bool twice = f->dup_percent > 0 && muster_rng_chance(&s->rng, f->dup_percent, 100);
    for (uint32_t i = 0; i < 1 + (uint32_t)twice; i++) {
        uint64_t late = delay(s);
        if (f->loss[from][to] > 0 && muster_rng_chance(&s->rng, f->loss[from][to], 100))
            continue;
        if (f->reorder_percent > 0 && muster_rng_chance(&s->rng, f->reorder_percent, 100))
            late += muster_rng_below(&s->rng, 10 * f->delay_ms + 50);
        deliver(s, s->now + late, to, s->node[to].generation, &event);
    }
}

/* ---- gossip streams: one message there, one back */

static void stream_failed(struct sim *s, uint32_t node, uint32_t stream, bool refused,
                          uint64_t in_ms)
{
    struct agent_event e = { .kind = AGENT_EVENT_STREAM_FAILED,
                             .stream = stream,
                             .refused = refused };
    deliver(s, s->now + in_ms, node, s->node[node].generation, &e);
}

static void stream_open(struct sim *s, uint32_t from, const struct agent_effect *e)
{
    uint32_t to = node_at(s, e->to);
    if (to == UINT32_MAX || sim_is_cut(s, from, to) || sim_is_cut(s, to, from) ||
        s->node[to].is_silent) {
        stream_failed(s, from, e->stream, false, 1000);
        return;
    }
    if (!s->node[to].is_up) {
        stream_failed(s, from, e->stream, true, delay(s));
        return;
    }
    uint32_t number = s->next_stream++;
    s->stream[number % 256].number = number;
    s->stream[number % 256].from = from;
    s->stream[number % 256].stream = e->stream;
    s->stream[number % 256].generation = s->node[from].generation;
    struct agent_event event = { .kind = AGENT_EVENT_STREAM_DATA,
                                 .from = s->node[from].addr,
                                 .stream = number,
                                 .inbound = true,
                                 .bytes = e->bytes };
    deliver(s, s->now + delay(s), to, s->node[to].generation, &event);
}

static void stream_reply(struct sim *s, uint32_t node, const struct agent_effect *e)
{
    uint32_t slot = e->stream % 256;
    uint32_t to = s->stream[slot].from;
    if (s->stream[slot].number != e->stream || sim_is_cut(s, node, to))
        return;
    struct agent_event event = { .kind = AGENT_EVENT_STREAM_DATA,
                                 .from = s->node[node].addr,
                                 .stream = s->stream[slot].stream,
                                 .bytes = e->bytes,
                                 .ended = true };
    deliver(s, s->now + delay(s), to, s->stream[slot].generation, &event);
}

/* ---- links */

static struct sim_link *link_free(struct sim *s)
{
    for (uint32_t i = 0; i < s->links; i++)
        if (!s->link[i].is_used)
            return &s->link[i];
    if (s->links == SIM_LINKS)
        sim_fail(s, 1, "out of links");
    return &s->link[s->links++];
}

/* The ends of links by node and number. */
static uint64_t end_hash(uint32_t node, uint32_t number)
{
    uint64_t key = (uint64_t)node << 32 | number;
    return muster_splitmix64(&key);
}

static uint32_t link_index(const struct sim *s, const struct sim_link *l)
{
    return (uint32_t)(l - s->link);
}

static void pump_at(struct sim *s, const struct sim_link *l, uint64_t at)
{
    struct sim_item *pump = sim_put_at(s, at);
    pump->kind = SIM_PUMP;
    pump->number = link_index(s, l);
    pump->generation = UINT64_MAX;
}

static void frames_drop(struct sim_end *end)
{
    for (uint32_t i = 0; i < end->count; i++)
        free(end->queue[(end->head + i) % end->size].bytes);
    end->count = 0;
}

static void end_name(struct sim *s, const struct sim_link *l, uint32_t side)
{
    uint64_t hash = end_hash(l->end[side].node, l->end[side].number);
    int err =
        muster_map_put_growing(&s->link_map, hash, 2 * link_index(s, l) + side, 2 * SIM_LINKS);
    MUSTER_ASSERT(err == MUSTER_OK);
}

static void link_retire(struct sim *s, struct sim_link *l)
{
    for (uint32_t i = 0; i < 2; i++) {
        muster_map_remove(&s->link_map, end_hash(l->end[i].node, l->end[i].number),
                          2 * link_index(s, l) + i);
        frames_drop(&l->end[i]);
        free(l->end[i].queue);
    }
    memset(l, 0, sizeof *l);
}

static void end_closed(struct sim *s, struct sim_link *l, int i, uint64_t in_ms)
{
    struct sim_end *end = &l->end[i];
    if (end->is_closed)
        return;
    end->is_closed = true;
    struct agent_event e = { .kind = AGENT_EVENT_LINK_CLOSED, .link = end->number };
    deliver(s, s->now + in_ms, end->node, end->generation, &e);
}

static void link_end(struct sim *s, struct sim_link *l)
{
    end_closed(s, l, 0, delay(s));
    end_closed(s, l, 1, delay(s));
    link_retire(s, l);
}

static void frame_queue(struct sim_end *end, uint64_t ready, struct muster_bytes bytes)
{
    if (end->count == end->size) {
        uint32_t size = end->size > 0 ? 2 * end->size : 16;
        struct sim_frame *queue = calloc(size, sizeof *queue);
        MUSTER_ASSERT(queue != NULL);
        for (uint32_t i = 0; i < end->count; i++)
            queue[i] = end->queue[(end->head + i) % end->size];
        free(end->queue);
        end->queue = queue;
        end->head = 0;
        end->size = size;
    }
    end->queue[(end->head + end->count++) % end->size] =
        (struct sim_frame){ ready, copy(bytes), bytes.len };
}

static void refused(struct sim *s, uint32_t node, enum agent_event_kind kind, uint32_t link,
                    bool is_refused, uint64_t in_ms)
{
    struct agent_event e = { .kind = kind, .link = link, .refused = is_refused };
    deliver(s, s->now + in_ms, node, s->node[node].generation, &e);
}

static void dial(struct sim *s, uint32_t from, const struct agent_effect *e)
{
    uint32_t to = node_at(s, e->to);
    bool deaf = to == UINT32_MAX || sim_is_cut(s, from, to) || sim_is_cut(s, to, from) ||
                s->node[to].is_silent;
    if (deaf || !s->node[to].is_up) {
        uint64_t wait = deaf ? sim_true(s, from, e->deadline_ms) - s->now : delay(s);
        refused(s, from, AGENT_EVENT_LINK_CLOSED, e->link, !deaf, wait);
        return;
    }
    struct sim_link *l = link_free(s);
    l->is_used = true;
    l->end[0] = (struct sim_end){ .node = from, .generation = s->node[from].generation };
    l->end[0].number = e->link;
    l->end[1] = (struct sim_end){ .node = to, .generation = s->node[to].generation };
    l->end[1].number = AGENT_LINK_INBOUND | s->next_link++;
    end_name(s, l, 0);
    end_name(s, l, 1);
    uint64_t at = s->now + delay(s);
    for (int i = 0; i < 2; i++) {
        struct agent_event opened = { .kind = AGENT_EVENT_LINK_OPENED, .link = l->end[i].number };
        opened.from = s->node[l->end[1 - i].node].addr;
        deliver(s, at, l->end[i].node, l->end[i].generation, &opened);
    }
}

static struct sim_link *link_of(struct sim *s, uint32_t node, uint32_t number, int *side)
{
    uint32_t cursor = 0, value = 0;
    while (muster_map_find(&s->link_map, end_hash(node, number), &cursor, &value)) {
        struct sim_link *l = &s->link[value / 2];
        const struct sim_end *end = &l->end[value % 2];
        *side = (int)(value % 2);
        if (end->node == node && end->number == number &&
            end->generation == s->node[node].generation)
            return l;
    }
    return NULL;
}

/* A story may want a frame to come once more, long after it was sent: the last of its kind that one
 * node sent to another is kept. */
static void echo_keep(struct sim *s, uint32_t from, uint32_t to, struct muster_bytes frame)
{
    if (!s->echo.is_on || s->echo.from != from || s->echo.to != to)
        return;
    struct muster_reader r = muster_reader_over(frame);
    if (agent_read_head(&r).message != s->echo.kind)
        return;
    free(s->echo.bytes);
    s->echo.bytes = copy(frame);
    s->echo.len = frame.len;
}

bool sim_net_echo(struct sim *s)
{
    for (uint32_t i = 0; i < 2 * s->links; i++) {
        struct sim_link *l = &s->link[i / 2];
        struct sim_end *end = &l->end[i % 2];
        if (!l->is_used || l->is_closing || end->node != s->echo.to ||
            l->end[1 - i % 2].node != s->echo.from || s->echo.bytes == NULL)
            continue;
        frame_queue(end, s->now, MUSTER_BYTES(s->echo.bytes, s->echo.len));
        pump_at(s, l, s->now);
        return true;
    }
    return false;
}

/* A frame is never ready before the one in front of it, so that each needs to be looked at once. */
static void link_send(struct sim *s, uint32_t node, const struct agent_effect *e)
{
    int side = 0;
    struct sim_link *l = link_of(s, node, e->link, &side);
    if (l == NULL || l->is_closing)
        return;
    struct sim_end *to = &l->end[1 - side];
    uint64_t ready = s->now + delay(s);
    if (ready < to->ready)
        ready = to->ready;
    to->ready = ready;
    sim_inv_frame(s, node, e->bytes);
    sim_inv_page(s, node, to->node, e->bytes);
    echo_keep(s, node, to->node, e->bytes);
    sim_inv_gone(s, node, e->bytes);
    frame_queue(to, ready, e->bytes);
    sim_inv_queue(s, to);
    pump_at(s, l, ready);
}

static void link_close(struct sim *s, uint32_t node, uint32_t number)
{
    int side = 0;
    struct sim_link *l = link_of(s, node, number, &side);
    if (l == NULL)
        return;
    end_closed(s, l, side, 0);
    frames_drop(&l->end[side]);
    l->is_closing = true;
    pump_at(s, l, s->now);
}

/* What is ready at one end, in order; a cut holds it back. The link may be gone afterwards. */
static bool end_pump(struct sim *s, struct sim_link *l, int side)
{
    uint32_t from = l->end[1 - side].node;
    while (l->is_used && l->end[side].count > 0) {
        struct sim_end *end = &l->end[side];
        struct sim_frame f = end->queue[end->head];
        if (sim_is_cut(s, from, end->node))
            return true;
        if (f.ready > s->now)
            return false;
        end->head = (end->head + 1) % end->size;
        end->count--;
        struct agent_event e = { .kind = AGENT_EVENT_LINK_FRAME, .link = end->number };
        e.bytes = MUSTER_BYTES(f.bytes, f.len);
        if (!end->is_closed)
            sim_deliver(s, end->node, end->generation, &e);
        free(f.bytes);
    }
    return false;
}

/* A link that moves nothing for long is reset. */
void sim_net_pump(struct sim *s, uint32_t index, bool is_retry)
{
    struct sim_link *l = &s->link[index];
    if (!l->is_used)
        return;
    if (is_retry)
        l->is_retrying = false;
    bool is_cut = end_pump(s, l, 0);
    is_cut = (l->is_used && end_pump(s, l, 1)) || is_cut;
    if (!l->is_used)
        return;
    if (!is_cut)
        l->cut_since = 0;
    else if (l->cut_since == 0)
        l->cut_since = s->now;
    if (is_cut && s->now >= l->cut_since + CUT_RESET_MS) {
        link_end(s, l);
    } else if (is_cut && !l->is_retrying) {
        l->is_retrying = true;
        sim_at(
            s, s->now + CUT_LOOK_MS,
            (struct sim_item){
                .kind = SIM_PUMP, .number = index, .event.number = 1, .generation = UINT64_MAX });
    } else if (l->is_closing && !is_cut && l->end[0].count == 0 && l->end[1].count == 0) {
        link_end(s, l);
    }
}

/* A dead process: its kernel closes what was open, unless the host itself is gone. */
void sim_net_crash(struct sim *s, uint32_t node, bool silent)
{
    for (uint32_t i = 0; i < s->links; i++) {
        struct sim_link *l = &s->link[i];
        for (int k = 0; l->is_used && k < 2; k++) {
            if (l->end[k].node != node)
                continue;
            struct sim_end *other = &l->end[1 - k];
            bool heard = !silent && !sim_is_cut(s, node, other->node);
            l->end[k].is_closed = true;
            if (heard)
                link_end(s, l);
            else
                end_closed(s, l, 1 - k, CUT_RESET_MS);
            if (l->is_used)
                link_retire(s, l);
        }
    }
}

void sim_net_open(struct sim *s)
{
    int err = muster_map_open(&s->link_map, 64);
    MUSTER_ASSERT(err == MUSTER_OK);
}

void sim_net_close(struct sim *s)
{
    for (uint32_t i = 0; i < s->links; i++)
        if (s->link[i].is_used)
            link_retire(s, &s->link[i]);
    muster_map_close(&s->link_map);
    free(s->echo.bytes);
}

static void cuts_add_up(struct sim *s)
{
    memset(s->cut, 0, sizeof s->cut);
    for (uint32_t i = 0; i < SIM_CUTS; i++)
        for (uint32_t a = 0; s->cuts_now[i].is_used && a < s->nodes; a++)
            s->cut[a] = (uint16_t)(s->cut[a] | s->cuts_now[i].to[a]);
}

/* The first of the cuts is the one by hand. */
void sim_cut(struct sim *s, uint32_t a, uint32_t b, bool both)
{
    s->cuts_now[0].is_used = true;
    s->cuts_now[0].to[a] |= 1u << b;
    s->cuts_now[0].to[b] |= both ? 1u << a : 0;
    cuts_add_up(s);
}

void sim_cut_apply(struct sim *s, uint32_t cut, const char *what)
{
    cuts_add_up(s);
    sim_log(s, "cut %u: %s", cut, what);
    for (uint32_t a = 0; s->trace && a < s->nodes; a++)
        if (s->cuts_now[cut].to[a] != 0)
            printf("%9.3f   n%u does not reach %03x\n", (double)s->now / 1000, a,
                   s->cuts_now[cut].to[a]);
}

static bool is_whole(const struct sim *s)
{
    for (uint32_t a = 0; a < s->nodes; a++)
        if (s->cut[a] != 0)
            return false;
    return true;
}

void sim_uncut(struct sim *s, uint32_t cut)
{
    if (!s->cuts_now[cut].is_used)
        return; /* everything was healed meanwhile */
    s->cuts_now[cut] = (struct sim_cut){ 0 };
    cuts_add_up(s);
    s->healed_at = s->now;
    sim_log(s, "cut %u ends%s", cut, is_whole(s) ? ", the network is whole" : "");
}

void sim_heal(struct sim *s)
{
    memset(s->cuts_now, 0, sizeof s->cuts_now);
    memset(s->cut, 0, sizeof s->cut);
    s->healed_at = s->now;
    sim_log(s, "the network heals");
}

static void flap_ends(struct sim *s, uint64_t node)
{
    for (uint32_t i = 0; i < SIM_CUTS; i++)
        if (s->cuts_now[i].is_used && s->cuts_now[i].flaps == node + 1)
            sim_uncut(s, i);
}

void sim_flap(struct sim *s, uint64_t what)
{
    uint32_t node = (uint32_t)(what & 0xff), i = 1;
    while (i < SIM_CUTS && s->cuts_now[i].is_used)
        i++;
    if (i == SIM_CUTS || !s->is_storm)
        return;
    s->cuts_now[i] = (struct sim_cut){ .is_used = true, .flaps = node + 1 };
    for (uint32_t b = 0; b < s->nodes; b++) {
        s->cuts_now[i].to[node] |= b != node ? 1u << b : 0;
        s->cuts_now[i].to[b] |= b != node ? 1u << node : 0;
    }
    sim_cut_apply(s, i, "flap");
    sim_call(s, what >> 8, flap_ends, node);
}

bool sim_net_reset(struct sim *s, uint32_t luck)
{
    for (uint32_t i = 0; i < s->links; i++) {
        struct sim_link *l = &s->link[(i + luck) % s->links];
        if (!l->is_used)
            continue;
        sim_log(s, "the link of n%u and n%u is reset", l->end[0].node, l->end[1].node);
        link_end(s, l);
        return true;
    }
    return false;
}

/* The kernel of a node that is up takes it, whether its agent runs or not. */
static void check(struct sim *s, uint32_t node, uint32_t to, uint32_t number)
{
    uint64_t in_ms = delay(s);
    if (!s->node[to].is_up) {
        refused(s, node, AGENT_EVENT_CHECKED, number, true, in_ms);
        return;
    }
    refused(s, node, AGENT_EVENT_CHECK_TAKEN, number, false, in_ms);
    refused(s, node, AGENT_EVENT_CHECKED, number, false, in_ms + CHECK_KEPT_MS);
}

void sim_net_perform(struct sim *s, uint32_t node, const struct agent_effect *e)
{
    uint32_t to;
    switch (e->kind) {
    case AGENT_EFFECT_SEND:
        packet(s, node, e);
        break;
    case AGENT_EFFECT_STREAM_OPEN:
        stream_open(s, node, e);
        break;
    case AGENT_EFFECT_STREAM_REPLY:
        stream_reply(s, node, e);
        break;
    case AGENT_EFFECT_LINK_DIAL:
        dial(s, node, e);
        break;
    case AGENT_EFFECT_LINK_SEND:
        link_send(s, node, e);
        break;
    case AGENT_EFFECT_LINK_CLOSE:
        link_close(s, node, e->link);
        break;
    case AGENT_EFFECT_CHECK:
        to = node_at(s, e->to);
        if (to == UINT32_MAX || sim_is_cut(s, node, to) || sim_is_cut(s, to, node) ||
            s->node[to].is_silent)
            refused(s, node, AGENT_EVENT_CHECKED, e->link, false, 2000);
        else
            check(s, node, to, e->link);
        break;
    default:
        break;
    }
}
