/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: one batch is on its way to the disk while the next one collects, and what depends
 * on either waits with it.
 *
 * A batch the disk has refused is not forgotten, because memory holds what it holds: what waited
 * for it is dropped, every keeper steps down, and the same batch is tried again until the disk
 * takes it. Until then this node answers nobody, so it never claims what its disk does not have. */
#include <string.h>

#include "store/inside.h"

#define RETRY_MS 1000u

static uint32_t reserve_ops(const struct store *s)
{
    return s->table.rows + STORE_CLAIMS_MAX + s->config.buckets;
}

static size_t reserve_bytes(const struct store *s)
{
    return (size_t)s->table.rows * 10 + STORE_CLAIMS_MAX * (STORE_KEY_MAX + 2) +
           (size_t)s->config.buckets * (STORE_RECORD_BYTES + 2);
}

int store_batches_open(struct store *s)
{
    s->ops_max = 2 * s->config.rows_max + STORE_CLAIMS_MAX + s->config.buckets + STORE_BATCH_OPS;
    s->bytes_max = (size_t)s->config.rows_max * 10 + STORE_CLAIMS_MAX * (STORE_KEY_MAX + 2) +
                   (size_t)s->config.buckets * (STORE_RECORD_BYTES + 2) + STORE_BATCH_BYTES;
    s->touched = muster_arena_take(&s->arena, s->config.buckets, sizeof *s->touched);
    for (uint32_t i = 0; i < 2; i++) {
        struct store_log *log = &s->log[i];
        log->op = muster_arena_take(&s->arena, s->ops_max, sizeof *log->op);
        log->bytes = muster_arena_take(&s->arena, s->bytes_max, 1);
        if (log->op == NULL || log->bytes == NULL || s->touched == NULL)
            return MUSTER_EFULL;
        log->batch.op = log->op;
    }
    s->log[0].batch.number = 1;
    return MUSTER_OK;
}

bool store_batch_has_room(const struct store *s, uint32_t ops, size_t bytes)
{
    const struct store_log *log = &s->log[s->at];

    return log->batch.count + ops + reserve_ops(s) <= s->ops_max &&
           log->used + bytes + reserve_bytes(s) <= s->bytes_max;
}

static struct muster_bytes log_copy(struct store *s, struct store_log *log,
                                    struct muster_bytes bytes)
{
    uint8_t *at = log->bytes + log->used;

    MUSTER_ASSERT(bytes.len <= s->bytes_max - log->used);
    if (bytes.len > 0)
        memcpy(at, bytes.data, bytes.len);
    log->used += bytes.len;
    return MUSTER_BYTES(at, bytes.len);
}

void store_batch_op(struct store *s, enum store_table table, struct muster_bytes key,
                    struct muster_bytes value, bool is_delete)
{
    struct store_log *log = &s->log[s->at];

    MUSTER_ASSERT(key.len <= STORE_DISK_KEY_MAX);
    MUSTER_ASSERT(log->batch.count < s->ops_max);
    struct store_disk_op *op = &log->op[log->batch.count++];
    *op = (struct store_disk_op){ .table = table, .is_delete = is_delete };
    op->key = log_copy(s, log, key);
    op->value = log_copy(s, log, value);
}

void store_batch_wait(struct store *s, struct store_item *item)
{
    struct store_queue *waiting = &s->log[s->at].waiting;

    if (item == NULL)
        return;
    item->next = NULL;
    if (waiting->last == NULL)
        waiting->first = item;
    else
        waiting->last->next = item;
    waiting->last = item;
}

void store_touch(struct store *s, struct store_bucket *b)
{
    b->batch = s->log[s->at].batch.number;
    if (b->is_touched)
        return;
    b->is_touched = true;
    s->touched[s->touched_count++] = b->number;
}

bool store_is_on_disk(const struct store *s, const struct store_bucket *b)
{
    return b->batch <= s->committed;
}

static void batch_say(struct store *s, struct store_log *log)
{
    struct store_effect *e = store_say(s, STORE_EFFECT_COMMIT, 0);

    e->batch = &log->batch;
    s->is_flying = true;
    s->stuck_ms = s->now.mono_ms + s->config.times.commit_stuck_ms;
    s->counters.commits++;
    s->counters.commit_ops += log->batch.count;
}

/* A record is written as it stands when its batch leaves, however often it has changed before. */
static void batch_add_records(struct store *s)
{
    for (uint32_t i = 0; i < s->touched_count; i++) {
        struct store_bucket *b = &s->bucket[s->touched[i]];
        store_record_bucket(s, b);
        b->is_touched = false;
    }
    s->touched_count = 0;
}

bool store_batch_is_due(const struct store *s)
{
    const struct store_log *log = &s->log[s->at];
    bool is_empty = log->batch.count == 0 && s->touched_count == 0 && log->waiting.first == NULL;

    return !is_empty && !s->is_flying && !s->is_sick;
}

void store_batch_launch(struct store *s)
{
    struct store_log *log = &s->log[s->at];

    if (!store_batch_is_due(s))
        return;
    batch_add_records(s);
    s->at ^= 1;
    struct store_log *next = &s->log[s->at];
    MUSTER_ASSERT(next->waiting.first == NULL);
    next->batch.count = 0;
    next->batch.number = log->batch.number + 1;
    next->used = 0;
    batch_say(s, log);
}

static void note_end(struct store *s, const struct store_item *item, int err)
{
    struct store_effect *e = store_say(s, STORE_EFFECT_COMMITTED, 0);

    e->cookie = item->number;
    e->err = err;
}

/* An answer from a seat that we have lost within the same batch: it never was on the disk (I9). */
static bool is_from_lost_seat(const struct store *s, const struct store_item *item)
{
    switch (item->kind) {
    case STORE_YES:
    case STORE_PUT_OK:
    case STORE_BEAT_OK:
    case STORE_FILL_OK:
    case STORE_LIST_OK:
    case STORE_WANT_OK:
        return s->bucket[item->bucket].seat != item->seat;
    default:
        return false;
    }
}

/* Takes the item out of the waiting list and does what it waited for. */
static void item_release(struct store *s, struct store_item *item)
{
    switch (item->kind) {
    case STORE_ITEM_STAND:
        if (s->bucket[item->bucket].reign.packed == item->reign)
            store_reign_spent(s, &s->bucket[item->bucket]);
        break;
    case STORE_ITEM_OWN:
        store_proposal_own(s, item->proposal);
        break;
    case STORE_ITEM_NOTE:
        note_end(s, item, MUSTER_OK);
        break;
    case STORE_ITEM_CLAIM:
        store_claim_on_disk(s, item);
        break;
    default:
        if (is_from_lost_seat(s, item))
            break;
        store_send(s, item);
        return;
    }
    store_item_free(s, item);
}

static void batch_failed(struct store *s, struct store_log *log, int err)
{
    while (log->waiting.first != NULL) {
        struct store_item *item = log->waiting.first;
        log->waiting.first = item->next;
        if (item->kind == STORE_ITEM_NOTE)
            note_end(s, item, err);
        store_item_free(s, item);
    }
    log->waiting.last = NULL;
    if (!s->is_sick)
        STORE_TRACE(s, "batch %llu failed: %s", (unsigned long long)log->batch.number,
                    muster_err_name(err));
    s->is_sick = true;
    s->retry_ms = s->now.mono_ms + RETRY_MS;
    for (uint32_t i = 0; i < s->config.buckets; i++)
        store_reign_step_down(s, &s->bucket[i], "disk", false);
    store_scan_at(s, s->retry_ms);
}

void store_batch_done(struct store *s, const struct store_event *event)
{
    struct store_log *log = &s->log[s->at ^ 1];

    MUSTER_ASSERT(s->is_flying);
    MUSTER_ASSERT(event->batch == log->batch.number);
    s->is_flying = false;
    s->stuck_ms = MUSTER_NEVER;
    if (event->err != MUSTER_OK && !MUSTER_MUTANT(refusal_taken_for_success)) {
        MUSTER_MARK(commit_refused);
        batch_failed(s, log, event->err);
        return;
    }
    s->is_sick = false;
    MUSTER_ASSERT(s->committed < log->batch.number);
    s->committed = log->batch.number;
    while (log->waiting.first != NULL) {
        struct store_item *item = log->waiting.first;
        log->waiting.first = item->next;
        item_release(s, item);
    }
    log->waiting.last = NULL;
    muster_arena_rest(log->op, log->batch.count * sizeof *log->op);
    muster_arena_rest(log->bytes, log->used);
}

void store_batch_again(struct store *s)
{
    if (!s->is_sick || s->is_flying || s->now.mono_ms < s->retry_ms)
        return;
    MUSTER_MARK(commit_again);
    batch_say(s, &s->log[s->at ^ 1]);
}
