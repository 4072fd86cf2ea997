/* SPDX-License-Identifier: Apache-2.0 */
/* The dream: one queue of what is to happen, and the nodes it happens to. */
#include "tests/sim/inv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

/* Rare points make another run of the same seed. */
#ifdef MUSTER_PROBES
#define SIM_MODE "MODE=probe "
#else
#define SIM_MODE ""
#endif

_Noreturn void sim_fail(struct sim *s, int code, const char *format, ...)
{
    char words[SIM_WORDS], text[600];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    (void)fflush(stdout);
    fprintf(stderr, "sim: %s seed %llu at %llu ms: %s\n", s->what, (unsigned long long)s->seed,
            (unsigned long long)s->now, words);
    if (s->run.words != NULL)
        memcpy(s->run.words, words, sizeof words);
    sim_run_text(&s->run, text, sizeof text);
    if (strcmp(s->what, "swarm") != 0)
        fprintf(stderr, "repeat: make sim " SIM_MODE "STORY=%s TRACE=1\n", s->what);
    else if (!s->run.is_quiet)
        fprintf(stderr, "repeat: %s TRACE=1\n", text);
    _exit(code);
}

/* What nobody reads is not written out: that it was said, and when, is in the hash all the same. */
void sim_log(struct sim *s, const char *format, ...)
{
    char line[512];
    va_list args;
    s->hash = muster_hash64(muster_bytes_text(format), s->hash ^ s->now);
    if (!s->trace)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    printf("%9.3f %s\n", (double)s->now / 1000, line);
}

/* Equal runs have equal events: each with its kind, its time, and as much of it as is cheap. */
static void event_hash(struct sim *s, uint32_t node, const struct agent_event *e)
{
    uint64_t what = s->now << 16 | node << 8 | e->kind;
    uint64_t more = e->bytes.len << 40 ^ (uint64_t)e->link << 20 ^ e->stream ^ e->number ^ e->batch;
    s->hash = (s->hash ^ what) * UINT64_C(0x9e3779b97f4a7c15);
    s->hash = (s->hash ^ more ^ s->hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- what is to happen */

static struct sim_item *item_at(const struct sim *s, uint32_t index)
{
    return &s->chunk[index / SIM_CHUNK][index % SIM_CHUNK];
}

static void chunk_add(struct sim *s)
{
    uint32_t n = s->chunks++;
    s->chunk = realloc(s->chunk, s->chunks * sizeof *s->chunk);
    s->item_spare = realloc(s->item_spare, s->chunks * SIM_CHUNK * sizeof *s->item_spare);
    MUSTER_ASSERT(s->chunk != NULL && s->item_spare != NULL);
    s->chunk[n] = malloc(SIM_CHUNK * sizeof *s->chunk[n]);
    MUSTER_ASSERT(s->chunk[n] != NULL);
}

static uint32_t item_new(struct sim *s)
{
    if (s->item_spares > 0)
        return s->item_spare[--s->item_spares];
    if (s->items == s->chunks * SIM_CHUNK)
        chunk_add(s);
    return s->items++;
}

struct sim_item *sim_put_at(struct sim *s, uint64_t at)
{
    uint32_t index = item_new(s);
    struct sim_item *item = item_at(s, index);
    *item = (struct sim_item){ .at = at < s->now ? s->now : at };
    sim_queue_put(&s->queue, item->at, index);
    return item;
}

void sim_at(struct sim *s, uint64_t at, struct sim_item item)
{
    struct sim_item *to = sim_put_at(s, at);
    item.at = to->at;
    *to = item;
}

void sim_items_close(struct sim *s)
{
    uint32_t index;
    while (sim_queue_take(&s->queue, UINT64_MAX, &index))
        sim_item_free(item_at(s, index));
    for (uint32_t i = 0; i < s->chunks; i++)
        free(s->chunk[i]);
    free(s->chunk);
    free(s->item_spare);
    sim_queue_close(&s->queue);
}

void sim_call(struct sim *s, uint64_t in_ms, void (*call)(struct sim *s, uint64_t), uint64_t n)
{
    sim_at(
        s, s->now + in_ms,
        (struct sim_item){ .kind = SIM_CALL, .call = call, .number = n, .generation = UINT64_MAX });
}

void sim_item_free(struct sim_item *i)
{
    free(i->bytes);
    free(i->guard);
    free(i->payload);
    free(i->text);
}

/* ---- one step of a node */

static void perform(struct sim *s, uint32_t node, const struct agent_effect *e)
{
    struct agent_news news;
    switch (e->kind) {
    case AGENT_EFFECT_COMMIT:
        sim_disk_begin(s, node, e->batch);
        break;
    case AGENT_EFFECT_GUARD_LAUNCH:
    case AGENT_EFFECT_GUARD_STOP:
    case AGENT_EFFECT_GUARD_LEASE:
    case AGENT_EFFECT_GUARD_SIGNAL:
    case AGENT_EFFECT_GUARD_FORGET:
        sim_proc_perform(s, node, e);
        break;
    case AGENT_EFFECT_PAYLOAD:
        sim_payload_perform(s, node, e->payload);
        break;
    case AGENT_EFFECT_REPLY:
        sim_replied(s, e);
        sim_payload_replied(s, e);
        break;
    case AGENT_EFFECT_NEWS:
        if (agent_node_news(s->node[node].node, e->number - 1, &news))
            sim_log(s, "n%u news: %s %s %s %llu: %s", node, news.type, news.node, news.job,
                    (unsigned long long)news.token, news.text);
        sim_inv_news(s, node, &news);
        sim_inv_dropped(s, node, &news);
        break;
    case AGENT_EFFECT_LOG:
        sim_log(s, "n%u log: %s", node, e->text);
        break;
    case AGENT_EFFECT_CHUNK:
    case AGENT_EFFECT_LOGS:
    case AGENT_EFFECT_LOGS_CANCEL:
        break;
    case AGENT_EFFECT_EXIT:
        sim_exits(s, node, e->err);
        break;
    default:
        sim_net_perform(s, node, e);
    }
}

void sim_tick_arm(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    uint64_t deadline = agent_node_deadline_ms(n->node);
    if (n->tick_at > s->now && deadline == n->tick_for)
        return; /* as most steps leave it */
    n->tick_for = deadline;
    uint64_t at = sim_true(s, node, deadline);
    if (at <= s->now)
        at = s->now + 1;
    if (at == MUSTER_NEVER || (n->tick_at > s->now && n->tick_at <= at))
        return;
    n->tick_at = at;
    struct sim_item *tick = sim_put_at(s, at);
    tick->kind = SIM_TICK;
    tick->node = node;
    tick->generation = n->generation;
}

void sim_perform_all(struct sim *s, uint32_t node)
{
    struct agent_effect e;
    uint32_t count = 0;
    while (agent_node_next(s->node[node].node, &e)) {
        perform(s, node, &e);
        sim_inv_effects(s, node, ++count);
    }
    sim_tick_arm(s, node);
}

void sim_step(struct sim *s, uint32_t node, const struct agent_event *event)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_up)
        return;
    s->steps++;
    event_hash(s, node, event);
    agent_node_step(n->node, sim_now(s, node), event);
    sim_truth_memory(s, node);
    sim_perform_all(s, node);
    if (s->trace)
        sim_check_trace(s, node);
    sim_check_turn(s, node, event);
}

static void inbox_keep(struct sim_node *n, const struct sim_item *i)
{
    if (n->inbox_count == n->inbox_size) {
        n->inbox_size = n->inbox_size > 0 ? 2 * n->inbox_size : 64;
        n->inbox = realloc(n->inbox, n->inbox_size * sizeof *n->inbox);
        MUSTER_ASSERT(n->inbox != NULL);
    }
    n->inbox[n->inbox_count++] = *i;
}

/* The node's deadline may have moved since the queue was told: then it is armed anew, as the
 * agent's own timer is after every step. */
static void tick_happen(struct sim *s, uint32_t node, uint64_t at)
{
    struct sim_node *n = &s->node[node];
    const struct agent_event tick = { .kind = AGENT_EVENT_TICK };
    if (n->tick_at != at)
        return; /* it wanted to be called earlier, and was */
    n->tick_at = 0;
    if (agent_node_deadline_ms(n->node) > sim_mono(s, node))
        sim_tick_arm(s, node);
    else
        sim_step(s, node, &tick);
}

static void item_happen(struct sim *s, struct sim_item *i)
{
    switch (i->kind) {
    case SIM_STEP:
        if (i->event.kind == AGENT_EVENT_GUARD)
            i->event.guard = i->guard;
        if (i->event.kind == AGENT_EVENT_PAYLOAD)
            i->event.payload = i->payload;
        sim_step(s, i->node, &i->event);
        break;
    case SIM_TICK:
        tick_happen(s, i->node, i->at);
        break;
    case SIM_COMMIT:
        sim_disk_done(s, i->node, i->number);
        break;
    case SIM_PUMP:
        sim_net_pump(s, (uint32_t)i->number, i->event.number != 0);
        break;
    case SIM_CALL:
        i->call(s, i->number);
        break;
    }
}

static bool for_the_agent(const struct sim_item *i)
{
    return i->kind == SIM_STEP || i->kind == SIM_TICK || i->kind == SIM_COMMIT;
}

void sim_deliver(struct sim *s, uint32_t node, uint64_t generation, const struct agent_event *event)
{
    struct sim_node *n = &s->node[node];
    if (n->generation != generation || !n->is_up)
        return;
    if (!n->is_paused) {
        sim_step(s, node, event);
        return;
    }
    struct sim_item i = { .kind = SIM_STEP, .node = node, .generation = generation };
    i.event = *event;
    if (event->bytes.len > 0) {
        i.bytes = malloc(event->bytes.len);
        MUSTER_ASSERT(i.bytes != NULL);
        memcpy(i.bytes, event->bytes.data, event->bytes.len);
        i.event.bytes.data = i.bytes;
    }
    inbox_keep(n, &i);
}

void sim_until(struct sim *s, uint64_t end)
{
    uint32_t index;
    while (sim_queue_take(&s->queue, end, &index)) {
        struct sim_item *i = item_at(s, index);
        struct sim_node *n = &s->node[i->node];
        s->now = i->at;
        bool void_now = i->generation != UINT64_MAX && i->generation != n->generation;
        if (void_now || (for_the_agent(i) && !n->is_up)) {
            sim_item_free(i);
        } else if (for_the_agent(i) && n->is_paused) {
            inbox_keep(n, i);
        } else {
            item_happen(s, i);
            sim_item_free(i);
        }
        s->item_spare[s->item_spares++] = index;
    }
    s->now = end;
}

void sim_run_for(struct sim *s, uint64_t ms)
{
    sim_until(s, s->now + ms);
}

void sim_await(struct sim *s, uint64_t ms, bool (*fact)(struct sim *s), const char *what)
{
    uint64_t end = s->now + ms;
    while (s->now < end) {
        if (fact(s))
            return;
        sim_run_for(s, 10);
    }
    if (!fact(s))
        sim_fail(s, 2, "not within %llu ms: %s", (unsigned long long)ms, what);
}
