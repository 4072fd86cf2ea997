/* SPDX-License-Identifier: Apache-2.0 */
/* The dream: one queue of what is to happen, and the nodes it happens to. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Rare points make another run of the same seed. */
#ifdef MUSTER_PROBES
#define SIM_MODE "MODE=probe "
#else
#define SIM_MODE ""
#endif

_Noreturn void sim_fail(struct sim *s, int code, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "sim: %s seed %llu at %llu ms: ", s->what, (unsigned long long)s->seed,
            (unsigned long long)s->now);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    if (strcmp(s->what, "swarm") == 0)
        fprintf(stderr, "\nrepeat: make sim " SIM_MODE "SEED=%llu TRACE=1\n",
                (unsigned long long)s->seed);
    else
        fprintf(stderr, "\nrepeat: make sim " SIM_MODE "STORY=%s TRACE=1\n", s->what);
    exit(code);
}

void sim_log(struct sim *s, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t used = len < (int)sizeof line ? (size_t)len : sizeof line - 1;
    s->hash = muster_hash64(MUSTER_BYTES(line, used), s->hash ^ s->now);
    if (s->trace)
        printf("%9.3f %s\n", (double)s->now / 1000, line);
}

struct muster_now sim_now(const struct sim *s)
{
    return (struct muster_now){ s->now, SIM_WALL_BASE + s->now };
}

/* ---- the queue */

static bool is_before(const struct sim_due *a, const struct sim_due *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void heap_grow(struct sim *s)
{
    s->heap_size = s->heap_size > 0 ? 2 * s->heap_size : 1024;
    s->heap = realloc(s->heap, s->heap_size * sizeof *s->heap);
    s->item = realloc(s->item, s->heap_size * sizeof *s->item);
    s->item_spare = realloc(s->item_spare, s->heap_size * sizeof *s->item_spare);
    MUSTER_ASSERT(s->heap != NULL && s->item != NULL && s->item_spare != NULL);
}

void sim_at(struct sim *s, uint64_t at, struct sim_item item)
{
    if (s->heap_count == s->heap_size)
        heap_grow(s);
    item.at = at < s->now ? s->now : at;
    struct sim_due due = { item.at, s->seq++, 0 };
    due.item = s->item_spares > 0 ? s->item_spare[--s->item_spares] : s->items++;
    s->item[due.item] = item;
    uint32_t i = s->heap_count++;
    while (i > 0 && is_before(&due, &s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = due;
}

static struct sim_item heap_take(struct sim *s)
{
    struct sim_due first = s->heap[0], last = s->heap[--s->heap_count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= s->heap_count)
            break;
        if (child + 1 < s->heap_count && is_before(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!is_before(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    if (s->heap_count > 0)
        s->heap[i] = last;
    s->item_spare[s->item_spares++] = first.item;
    return s->item[first.item];
}

void sim_call(struct sim *s, uint64_t in_ms, void (*call)(struct sim *s, uint64_t), uint64_t n)
{
    sim_at(
        s, s->now + in_ms,
        (struct sim_item){ .kind = SIM_CALL, .call = call, .number = n, .generation = UINT64_MAX });
}

static void item_free(struct sim_item *i)
{
    free(i->bytes);
    free(i->text);
}

/* ---- one step of a node */

static void reply_got(struct sim *s, const struct agent_effect *e)
{
    const struct agent_reply *r = e->reply;
    s->last_reply = e->number;
    s->last_err = r->err;
    (void)snprintf(s->last_message, sizeof s->last_message, "%s",
                   r->message != NULL ? r->message : "");
    for (uint32_t i = 0; i < s->jobs; i++) {
        struct sim_job *j = &s->job[i];
        if (j->request != e->number)
            continue;
        j->request = 0;
        sim_log(s, "reply %s: %d %s", j->name, r->err, s->last_message);
        sim_check_reply(s, j, r);
        if (r->err != MUSTER_OK)
            continue;
        s->acks++;
        j->is_deleted_acked = j->is_deleted_acked || j->op == AGENT_OP_JOB_DELETE;
        j->is_acked = true;
    }
}

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
    case AGENT_EFFECT_GUARD_FORGET:
        sim_proc_perform(s, node, e);
        break;
    case AGENT_EFFECT_REPLY:
        reply_got(s, e);
        break;
    case AGENT_EFFECT_NEWS:
        if (agent_node_news(s->node[node].node, e->number - 1, &news))
            sim_check_news(s, node, &news);
        break;
    case AGENT_EFFECT_LOG:
        sim_log(s, "n%u log: %s", node, e->text);
        break;
    case AGENT_EFFECT_CHUNK:
    case AGENT_EFFECT_LOGS:
    case AGENT_EFFECT_LOGS_CANCEL:
    case AGENT_EFFECT_EXIT:
        break;
    default:
        sim_net_perform(s, node, e);
    }
}

static void tick_arm(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    uint64_t at = agent_node_deadline_ms(n->node);
    if (at <= s->now)
        at = s->now + 1;
    if (at == MUSTER_NEVER || (n->tick_at > s->now && n->tick_at <= at))
        return;
    n->tick_at = at;
    sim_at(s, at, (struct sim_item){ .kind = SIM_TICK, .node = node, .generation = n->generation });
}

static void drain(struct sim *s, uint32_t node)
{
    struct agent_effect e;
    while (agent_node_next(s->node[node].node, &e))
        perform(s, node, &e);
    tick_arm(s, node);
}

void sim_step(struct sim *s, uint32_t node, const struct agent_event *event)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_up)
        return;
    s->steps++;
    agent_node_step(n->node, sim_now(s), event);
    drain(s, node);
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

static void item_happen(struct sim *s, struct sim_item *i)
{
    struct sim_node *n = &s->node[i->node];
    const struct agent_event tick = { .kind = AGENT_EVENT_TICK };
    struct agent_event committed = { .kind = AGENT_EVENT_COMMITTED, .batch = i->number };
    switch (i->kind) {
    case SIM_STEP:
        if (i->event.kind == AGENT_EVENT_GUARD)
            i->event.guard = &i->guard;
        sim_step(s, i->node, &i->event);
        break;
    case SIM_TICK:
        if (n->tick_at != i->at)
            break; /* it wanted to be called earlier, and was */
        n->tick_at = 0;
        sim_step(s, i->node, &tick);
        break;
    case SIM_COMMIT:
        if (muster_rng_chance(&s->rng, s->faults.refuse_percent, 100)) {
            committed.err = muster_rng_chance(&s->rng, 1, 2) ? MUSTER_EIO : MUSTER_ENOSPC;
            sim_log(s, "n%u commit fails: %s", i->node, muster_err_name(committed.err));
            s->refused++;
            sim_disk_drop(n);
        } else {
            sim_disk_apply(s, i->node);
        }
        sim_step(s, i->node, &committed);
        break;
    case SIM_PUMP:
        sim_net_pump(s, (uint32_t)i->number, i->event.number != 0);
        break;
    case SIM_BOOT:
        sim_boot(s, i->node);
        break;
    case SIM_DEADMAN:
        sim_proc_deadman(s, i->node, i->number);
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
    while (s->heap_count > 0 && s->heap[0].at <= end) {
        struct sim_item i = heap_take(s);
        struct sim_node *n = &s->node[i.node];
        s->now = i.at;
        bool void_now = i.generation != UINT64_MAX && i.generation != n->generation;
        if (void_now || (for_the_agent(&i) && !n->is_up)) {
            item_free(&i);
        } else if (for_the_agent(&i) && n->is_paused) {
            inbox_keep(n, &i);
        } else {
            item_happen(s, &i);
            item_free(&i);
        }
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

/* ---- nodes come and go */

static struct agent_node_config config_of(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    struct agent_node_config c;
    static const char *const name[] = { "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7" };
    agent_node_config_default(&c);
    c.self = n->id;
    c.cluster = n->cluster;
    c.boot = n->boot;
    c.name = name[node];
    c.gossip_addr = n->addr;
    c.peer_port = 7947;
    c.slots = c.weight = n->slots;
    c.found = node == 0 && muster_id_is_zero(n->cluster) && n->boot == 1;
    memset(c.new_cluster.octet, 0xc1, sizeof c.new_cluster.octet);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != node)
            c.seed_addr[c.seed_count++] = s->node[i].addr;
    c.ring_bits = 10;
    c.members_max = 16;
    c.rows_max = 512;
    c.runs_max = 128;
    c.strikes_max = s->strikes_max;
    c.configured.is_majority = s->is_majority;
    agent_settings_apply(&c, c.configured);
    c.buckets = SIM_BUCKETS;
    c.seen_keep_ms = 60000; /* far above what a frame can be late here */
    c.seed = muster_rng_next(&s->rng);
    return c;
}

void sim_boot(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    struct muster_bytes value;
    char text[MUSTER_ID_TEXT], number[24];
    if (n->is_up)
        return;
    n->boot++;
    n->generation++;
    n->is_up = true;
    n->is_paused = n->is_silent = false;
    n->tick_at = 0;
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)n->boot);
    sim_disk_put(n, STORE_TABLE_META, "boot", number);
    if (sim_disk_get(n, STORE_TABLE_META, "cluster", &value) && value.len == MUSTER_ID_TEXT - 1) {
        (void)snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.data);
        (void)muster_id_parse(&n->cluster, text);
    }
    bool drains = sim_disk_get(n, STORE_TABLE_META, "draining", &value) && value.data[0] == '1';
    struct agent_node_config c = config_of(s, node);
    c.draining = drains;
    if (agent_node_open(&n->node, &c) != MUSTER_OK)
        sim_fail(s, 1, "node %u does not open", node);
    sim_disk_load(n);
    sim_log(s, "n%u boots, boot %llu", node, (unsigned long long)n->boot);
    agent_node_start(n->node, sim_now(s));
    drain(s, node);
    sim_proc_scan(s, node);
}

void sim_crash(struct sim *s, uint32_t node, bool silent)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_up)
        return;
    sim_log(s, "n%u crashes%s", node, silent ? " with its host" : "");
    s->crashes++;
    n->is_up = false;
    n->is_silent = silent;
    n->generation++;
    for (uint32_t i = 0; i < n->inbox_count; i++)
        item_free(&n->inbox[i]);
    n->inbox_count = 0;
    if (muster_rng_chance(&s->rng, 1, 2))
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
}

void sim_pause(struct sim *s, uint32_t node)
{
    if (s->node[node].is_up)
        sim_log(s, "n%u pauses", node);
    s->node[node].is_paused = s->node[node].is_up;
    if (s->node[node].is_up)
        sim_at(s, s->now + 3000,
               (struct sim_item){ .kind = SIM_DEADMAN,
                                  .node = node,
                                  .generation = UINT64_MAX,
                                  .number = s->node[node].generation });
}

void sim_resume(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_up || !n->is_paused)
        return;
    sim_log(s, "n%u resumes", node);
    n->is_paused = false;
    struct agent_event away = { .kind = AGENT_EVENT_AWAY, .gap_ms = 5000 };
    sim_step(s, node, &away);
    for (uint32_t i = 0; i < n->inbox_count; i++) {
        struct sim_item item = n->inbox[i];
        item.at = s->now;
        sim_at(s, s->now, item);
    }
    n->inbox_count = 0;
    tick_arm(s, node);
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
    sim_truth_wiped(s, node);
    MUSTER_ASSERT(!s->node[node].is_wiped);
    s->node[node].is_wiped = true;
    s->wipes++;
    identity_new(s, node);
    s->node[node].boot = 1; /* never founds again */
    sim_log(s, "n%u has a new disk", node);
}

void sim_open(struct sim *s, uint64_t seed, const char *what, uint32_t nodes, uint32_t slots)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->what = what;
    s->nodes = nodes;
    s->next_pid = 1000;
    s->next_stream = s->next_link = 1;
    s->next_handle = 1ull << 63;
    s->next_request = 1;
    s->faults = (struct sim_faults){ .delay_ms = 2, .commit_ms = 2 };
    muster_rng_seed(&s->rng, seed);
    sim_net_open(s);
    sim_probe_dream(strcmp(what, "swarm") == 0 ? seed : 0);
    for (uint32_t i = 0; i < nodes; i++) {
        s->node[i].slots = slots;
        s->node[i].addr =
            (struct muster_addr){ .octet = { 10, 0, 0, (uint8_t)(i + 1) }, .len = 4, .port = 7946 };
        identity_new(s, i);
    }
}

void sim_close(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++) {
        struct sim_node *n = &s->node[i];
        if (n->node != NULL)
            agent_node_close(n->node);
        sim_disk_wipe(n);
        for (uint32_t k = 0; k < n->inbox_count; k++)
            item_free(&n->inbox[k]);
        free(n->inbox);
    }
    sim_net_close(s);
    for (uint32_t i = 0; i < s->heap_count; i++)
        item_free(&s->item[s->heap[i].item]);
    for (uint32_t b = 0; b < SIM_BUCKETS; b++)
        free(s->open[b]);
    free(s->heap);
    free(s->item);
    free(s->item_spare);
    free(s->token);
    free(s->write);
}

/* ---- clients */

struct sim_job *sim_job_find(struct sim *s, const char *name)
{
    for (uint32_t i = 0; i < s->jobs; i++)
        if (strcmp(s->job[i].name, name) == 0)
            return &s->job[i];
    if (s->jobs == SIM_JOBS)
        return NULL;
    struct sim_job *j = &s->job[s->jobs++];
    *j = (struct sim_job){ 0 };
    (void)snprintf(j->name, sizeof j->name, "%s", name);
    return j;
}

static uint64_t ask(struct sim *s, uint32_t node, struct agent_request *q, uint64_t id)
{
    struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = q };
    struct sim_job *j = q->name[0] != '\0' ? sim_job_find(s, q->name) : NULL;
    q->number = s->next_request++;
    q->request_id[0] = id != 0 ? id : q->number;
    if (j != NULL) {
        j->request = q->number;
        j->id = q->request_id[0];
        j->asked = node;
        j->op = q->op;
        j->is_delete_tried = j->is_delete_tried || q->op == AGENT_OP_JOB_DELETE;
    }
    uint64_t number = q->number;
    sim_step(s, node, &e);
    return number;
}

uint64_t sim_put(struct sim *s, uint32_t node, const char *name, const char *spec)
{
    struct agent_request q = { .op = AGENT_OP_JOB_PUT, .name = name, .create_only = true };
    q.spec = muster_bytes_text(spec);
    sim_log(s, "client puts %s at n%u", name, node);
    return ask(s, node, &q, 0);
}

uint64_t sim_put_again(struct sim *s, uint32_t node, const char *name, const char *spec)
{
    struct agent_request q = { .op = AGENT_OP_JOB_PUT, .name = name, .create_only = true };
    q.spec = muster_bytes_text(spec);
    sim_log(s, "client puts %s again at n%u", name, node);
    return ask(s, node, &q, sim_job_find(s, name)->id);
}

uint64_t sim_update(struct sim *s, uint32_t node, const char *name, const char *spec)
{
    struct agent_request q = { .op = AGENT_OP_JOB_PUT, .name = name };
    q.spec = muster_bytes_text(spec);
    sim_log(s, "client changes %s at n%u", name, node);
    return ask(s, node, &q, 0);
}

uint64_t sim_op(struct sim *s, uint32_t node, enum agent_op op, const char *name)
{
    struct agent_request q = { .op = op, .name = name };
    sim_log(s, "client op %d on %s at n%u", (int)op, name, node);
    return ask(s, node, &q, 0);
}

void sim_drain(struct sim *s, uint32_t node, bool cancel)
{
    struct agent_request q = { .op = AGENT_OP_DRAIN, .name = "", .node = "", .cancel = cancel };
    sim_log(s, "n%u is %s", node, cancel ? "opened" : "drained");
    (void)ask(s, node, &q, 0);
}
