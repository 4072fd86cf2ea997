/* SPDX-License-Identifier: Apache-2.0 */
/* What has been seen: the highest token of every job that was started or refused here, in memory
 * and on disk, until the job has been gone for a day. (R28)
 *
 * Whether a job is gone its keeper knows: an entry that is old is asked about, one in turn. With
 * that word it is past, and leaves a day later. The day counts from the word and not from the start
 * that was seen: until the job was gone a keeper repeated START (R30), and a link may have held up
 * the last of them. Later none can come: the token was never written anew, and what is on its way
 * is younger than a day. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peers.h"
#include "agent/place.h"
#include "agent/placer.h"
#include "agent/runner_inside.h"

#define SEEN_MAX   (1u << 22)
#define SEEN_FIRST 1024u
#define SEEN_LOOKS 64 /* entries looked at with every report to the keepers */
#define SEEN_ASKS  8  /* of which so many are asked about */

#define NOTED_LATER   0    /* instead of a cookie: there was no room for the note */
#define NOTE_AGAIN_MS 250u /* tried again so much later */

/* A note on its way to the disk, and who waits for it. */
struct run_noting {
    struct run_noting *next;
    uint64_t cookie;
    struct muster_id to; /* of the GONE that waits */
    uint64_t gone_token; /* 0: none waits */
    char reason[AGENT_REASON_MAX];
    char key[STORE_KEY_MAX + 1];
};

int runner_seen_open(struct agent_runner *r)
{
    r->seen_size = SEEN_FIRST;
    r->seen = calloc(r->seen_size, sizeof *r->seen);
    return r->seen != NULL ? muster_map_open(&r->seen_map, SEEN_FIRST) : MUSTER_EFULL;
}

void runner_seen_close(struct agent_runner *r)
{
    for (uint32_t i = 0; r->seen != NULL && i < r->seen_count; i++)
        free(r->seen[i].key);
    while (r->noting != NULL) {
        struct run_noting *n = r->noting;
        r->noting = n->next;
        free(n);
    }
    muster_map_close(&r->seen_map);
    free(r->seen);
}

static struct run_seen *seen_find(const struct agent_runner *r, struct muster_bytes key)
{
    uint32_t cursor = 0, index = 0;
    while (muster_map_find(&r->seen_map, runner_key_hash(key), &cursor, &index))
        if (muster_bytes_equal(muster_bytes_text(r->seen[index].key), key))
            return &r->seen[index];
    return NULL;
}

uint64_t runner_seen(const struct agent_core *core, struct muster_bytes key)
{
    const struct run_seen *s = seen_find(core->runner, key);
    return s != NULL ? s->token : 0;
}

static void seen_remember(struct agent_runner *r, struct muster_bytes key, uint64_t token,
                          uint64_t wall_ms)
{
    struct run_seen *s = seen_find(r, key);
    if (s == NULL && r->seen_count == r->seen_size) {
        r->seen_size *= 2;
        r->seen = realloc(r->seen, r->seen_size * sizeof *r->seen);
        MUSTER_ASSERT(r->seen != NULL);
    }
    if (s == NULL) {
        s = &r->seen[r->seen_count];
        *s = (struct run_seen){ .key = malloc(key.len + 1) };
        MUSTER_ASSERT(s->key != NULL);
        memcpy(s->key, key.data, key.len);
        s->key[key.len] = '\0';
        int err =
            muster_map_put_growing(&r->seen_map, runner_key_hash(key), r->seen_count, SEEN_MAX);
        MUSTER_ASSERT(err == MUSTER_OK);
        r->seen_count++;
    }
    if (s->token <= token)
        s->wall_ms = wall_ms;
    if (s->token < token) {
        s->foretold = s->ask_ms = 0;
        s->is_past = false;
        s->token = token;
    }
}

void agent_runner_load_seen(struct agent_core *core, struct muster_bytes key,
                            struct muster_bytes value)
{
    struct muster_reader in = muster_reader_over(value);
    uint64_t token = muster_read_u64(&in);
    uint64_t wall_ms = muster_read_u64(&in);
    bool is_past =
        muster_reader_ok(&in) && muster_read_peek(&in) == MUSTER_WIRE_BOOL && muster_read_bool(&in);
    if (!muster_reader_ok(&in) || MUSTER_MUTANT(seen_forgotten_at_boot))
        return;
    seen_remember(core->runner, key, token, wall_ms);
    seen_find(core->runner, key)->is_past = is_past;
}

/* A build from before knows no past and takes it for what was seen then. */
static void seen_write(struct agent_core *core, const struct run_seen *s, uint64_t cookie)
{
    uint8_t value[32];
    struct muster_writer w = muster_writer_over(value, sizeof value);
    muster_write_u64(&w, s->token);
    muster_write_u64(&w, s->wall_ms);
    if (s->is_past)
        muster_write_bool(&w, true);
    struct store_disk_op op = { .table = STORE_TABLE_SEEN,
                                .key = muster_bytes_text(s->key),
                                .value = muster_writer_bytes(&w) };
    store_note(core->store, &op, cookie);
}

/* ---- on its way to the disk: nobody is told GONE meanwhile */

static struct run_noting *noting_of(const struct agent_runner *r, struct muster_bytes key)
{
    struct run_noting *n = r->noting;
    while (n != NULL && !muster_bytes_equal(muster_bytes_text(n->key), key))
        n = n->next;
    return n;
}

static void noting_add(struct agent_runner *r, struct muster_bytes key, uint64_t cookie)
{
    struct run_noting *n = calloc(1, sizeof *n);
    MUSTER_ASSERT(n != NULL);
    n->cookie = cookie;
    memcpy(n->key, key.data, key.len);
    n->next = r->noting; /* the last one is found first: with it the earlier ones are on disk too */
    r->noting = n;
}

static void gone_send(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                      uint64_t token, const char *reason)
{
    struct agent_msg_done m = { .key = key, .token = token, .reason = muster_bytes_text(reason) };
    struct muster_writer w = agent_frame(core);
    agent_write_done(&w, AGENT_MSG_GONE, &m);
    (void)agent_frame_send(core, to, &w);
}

void runner_gone(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                 uint64_t token, const char *reason)
{
    if (runner_seen(core, key) < token)
        runner_seen_set(core, key, token, 0);
    runner_foretold_drop(core, key, token);
    struct run_noting *n = noting_of(core->runner, key);
    if (n == NULL || MUSTER_MUTANT(gone_before_seen)) {
        gone_send(core, to, key, token, reason);
        return;
    }
    n->to = to; /* one that is asked for while another waits is asked for again */
    n->gone_token = token;
    (void)snprintf(n->reason, sizeof n->reason, "%s", reason);
}

/* What the disk has refused it is given again when the keeper asks again, so GONE waits for that.
 */
static void seen_noted(struct agent_core *core, uint64_t cookie, int err)
{
    struct run_noting **at = &core->runner->noting;
    while (*at != NULL && (*at)->cookie != cookie)
        at = &(*at)->next;
    struct run_noting *n = *at;
    if (n == NULL)
        return;
    struct muster_bytes key = muster_bytes_text(n->key);
    if (err == MUSTER_ELIMIT) { /* now there is no room either, so it is not tried at once */
        MUSTER_MARK(no_room_to_note);
        n->cookie = NOTED_LATER;
        runner_foretold_drop(core, key, UINT64_MAX);
        core->runner->hold_ms =
            muster_deadline_sooner(core->runner->hold_ms, core->now.mono_ms + NOTE_AGAIN_MS);
        core->runner->deadline_ms =
            muster_deadline_sooner(core->runner->deadline_ms, core->runner->hold_ms);
        return;
    }
    *at = n->next;
    if (err == MUSTER_OK && n->gone_token != 0)
        gone_send(core, n->to, key, n->gone_token, n->reason);
    if (err != MUSTER_OK) {
        runner_foretold_drop(core, key, UINT64_MAX);
        runner_seen_set(core, key, runner_seen(core, key), 0);
    }
    free(n);
}

void runner_seen_set(struct agent_core *core, struct muster_bytes key, uint64_t token,
                     uint64_t cookie)
{
    seen_remember(core->runner, key, token, core->now.wall_ms);
    if (cookie == 0)
        cookie = agent_number(core);
    noting_add(core->runner, key, cookie);
    seen_write(core, seen_find(core->runner, key), cookie);
}

void runner_seen_note_again(struct agent_core *core)
{
    for (struct run_noting *n = core->runner->noting; n != NULL; n = n->next) {
        struct muster_bytes key = muster_bytes_text(n->key);
        if (n->cookie != NOTED_LATER)
            continue;
        seen_remember(core->runner, key, runner_seen(core, key), core->now.wall_ms);
        n->cookie = agent_number(core);
        seen_write(core, seen_find(core->runner, key), n->cookie);
    }
}

/* A run that waits for its note begins with it. */
void agent_runner_noted(struct agent_core *core, uint64_t cookie, int err)
{
    struct agent_runner *r = core->runner;
    seen_noted(core, cookie, err);
    for (uint32_t i = 0; i < r->high; i++) {
        struct agent_run *run = &r->run[i];
        if (!run->is_used || !run->is_noting || run->note_cookie != cookie)
            continue;
        run->is_noting = false;
        if (err != MUSTER_OK)
            MUSTER_MARK(start_not_noted);
        else if (run->state == AGENT_RUN_STOPPING)
            MUSTER_MARK(stopped_before_it_began);
        if (err != MUSTER_OK)
            runner_move_away(core, run, "the disk of the node refused to note its start");
        else if (run->state == AGENT_RUN_STOPPING)
            runner_end_stopped(core, run);
        else
            runner_launch(core, run);
        return;
    }
}

/* ---- foretold: noted while the placement is on its way to the disks of its bench, so that its
 * START, which comes when it is chosen, need not wait for another commit here. That can only refuse
 * too much: what is never chosen is never started, and what is noted when this agent dies is seen
 * (R28). */

void agent_runner_foretell(struct agent_core *core, struct muster_bytes key, uint64_t token)
{
    struct store_view view;
    if (store_get(core->store, key, &view) &&
        (!agent_is_self(core, view.row.run_node) || view.row.run_token != token))
        return; /* its mark is ours by chance */
    if (!core->runner->is_scanned || core->standing != AGENT_JOINED ||
        runner_seen(core, key) >= token || MUSTER_RARE(foretold_unheard))
        return;
    MUSTER_MARK(token_foretold);
    uint64_t cookie = agent_number(core);
    runner_seen_set(core, key, token, cookie);
    seen_find(core->runner, key)->foretold = cookie;
}

void agent_runner_foretold(struct agent_core *core, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t token = muster_read_u64(r);
    if (muster_reader_ok(r) && token != 0)
        agent_runner_foretell(core, key, token);
}

bool runner_is_foretold(const struct agent_core *core, struct muster_bytes key, uint64_t token)
{
    const struct run_seen *s = seen_find(core->runner, key);
    return s != NULL && s->token == token && s->foretold != 0;
}

uint64_t runner_foretold_take(struct agent_core *core, struct muster_bytes key, uint64_t token)
{
    if (!runner_is_foretold(core, key, token))
        return 0;
    struct run_seen *s = seen_find(core->runner, key);
    uint64_t cookie = s->foretold;
    s->foretold = 0;
    return cookie;
}

void runner_foretold_drop(struct agent_core *core, struct muster_bytes key, uint64_t token)
{
    struct run_seen *s = seen_find(core->runner, key);
    if (s != NULL && s->token <= token && !MUSTER_MUTANT(foretold_though_refused))
        s->foretold = 0;
}

bool runner_is_noting(const struct agent_core *core, uint64_t cookie)
{
    const struct run_noting *n = core->runner->noting;
    while (n != NULL && n->cookie != cookie)
        n = n->next;
    return n != NULL;
}

/* ---- forgetting */

static uint64_t hour_ms(const struct agent_core *core)
{
    return core->config.seen_keep_ms / 24;
}

/* The wall clock tells the age of what an earlier agent has seen; should it have jumped, the time
 * that this one is up still keeps everything young from being asked about. */
static bool is_old(const struct agent_core *core, const struct run_seen *s)
{
    uint64_t keep = core->config.seen_keep_ms, up = core->now.mono_ms - core->started_ms;
    return core->now.wall_ms >= s->wall_ms + keep && up >= hour_ms(core) &&
           runner_find(core, muster_bytes_text(s->key)) == NULL;
}

/* Nobody answers for a job that lives, and most do: each is asked about once in an hour. */
static void past_ask(struct agent_core *core, struct run_seen *s)
{
    struct muster_id who[STORE_BENCH_MAX];
    struct muster_bytes key = muster_bytes_text(s->key);
    uint32_t bucket = store_bucket_of(core->store, key);
    uint32_t n = store_keeper_hint(core->store, bucket, who, STORE_BENCH_MAX);
    if (n == 0)
        n = agent_place_bench(core, bucket, who, STORE_BENCH_MAX);
    if (n == 0)
        return;
    struct muster_writer w = agent_frame(core);
    agent_write_token(&w, AGENT_MSG_PAST, key, s->token);
    if (agent_frame_send(core, who[muster_rng_below(&core->rng, n)], &w))
        s->ask_ms = core->now.mono_ms + hour_ms(core);
}

static void seen_forget(struct agent_core *core, struct run_seen *s)
{
    struct agent_runner *r = core->runner;
    struct muster_bytes key = muster_bytes_text(s->key);
    struct store_disk_op op = { .table = STORE_TABLE_SEEN, .key = key, .is_delete = true };
    store_note(core->store, &op, 0);
    uint32_t index = (uint32_t)(s - r->seen), last = --r->seen_count;
    muster_map_remove(&r->seen_map, runner_key_hash(key), index);
    free(s->key);
    if (index == last)
        return;
    uint64_t hash = runner_key_hash(muster_bytes_text(r->seen[last].key));
    muster_map_remove(&r->seen_map, hash, last);
    *s = r->seen[last];
    int err = muster_map_put(&r->seen_map, hash, index);
    MUSTER_ASSERT(err == MUSTER_OK);
}

void runner_seen_sweep(struct agent_core *core)
{
    struct agent_runner *r = core->runner;
    uint32_t looks = r->seen_count < SEEN_LOOKS ? r->seen_count : SEEN_LOOKS, asks = 0;
    for (uint32_t i = 0; i < looks && asks < SEEN_ASKS && r->seen_count > 0; i++) {
        r->seen_at = r->seen_at + 1 < r->seen_count ? r->seen_at + 1 : 0;
        struct run_seen *s = &r->seen[r->seen_at];
        if (core->now.mono_ms < s->ask_ms || !is_old(core, s))
            continue;
        if (s->is_past) {
            seen_forget(core, s);
            continue;
        }
        past_ask(core, s);
        asks++;
    }
}

/* A placement comes with a token below one that this node has seen: nobody told its keeper of a
 * claim that came and went meanwhile. Every later one would be too low as well (R28, R43). */
void runner_past_tell(struct agent_core *core, struct muster_id to, struct muster_bytes key)
{
    struct muster_writer w = agent_frame(core);
    agent_write_token(&w, AGENT_MSG_PAST, key, runner_seen(core, key));
    (void)agent_frame_send(core, to, &w);
}

/* The keeper's side: true of what is unknown, deleted, or was a former life of the name. Of any
 * other job a token that is not below our reign is a claim's, and we take a reign above it. What is
 * unknown here may be in the memory of a member that had no part in this reign (I17), and be back
 * with the next one. */
void agent_placer_past(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct store_view view;
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t token = muster_read_u64(r);
    uint32_t bucket = store_bucket_of(core->store, key);
    if (!muster_reader_ok(r) || token == 0 || !store_is_serving(core->store, bucket))
        return;
    if (store_get(core->store, key, &view)) {
        bool is_gone = view.row.phase == STORE_GONE || view.row.uid > token;
        if (!is_gone)
            store_outrank(core->store, bucket, token);
        if (!view.is_chosen || !is_gone || view.row.run_token == token)
            return;
    } else if (!store_is_whole(core->store, bucket) && !MUSTER_MUTANT(past_by_half_a_bench)) {
        MUSTER_MARK(past_not_known);
        return;
    }
    struct muster_writer w = agent_frame(core);
    agent_write_token(&w, AGENT_MSG_PAST_OK, key, token);
    (void)agent_frame_send(core, from, &w);
}

void agent_runner_past_ok(struct agent_core *core, struct muster_reader *reader)
{
    struct muster_bytes key = muster_read_bytes(reader, STORE_KEY_MAX);
    uint64_t token = muster_read_u64(reader);
    struct run_seen *s = muster_reader_ok(reader) ? seen_find(core->runner, key) : NULL;
    if (s == NULL || s->token != token || s->is_past || !is_old(core, s))
        return; /* it has run again since we asked */
    if (MUSTER_MUTANT(past_forgotten_at_once)) {
        seen_forget(core, s);
        return;
    }
    MUSTER_MARK(token_past);
    s->is_past = true;
    s->wall_ms = core->now.wall_ms;
    s->ask_ms = core->now.mono_ms + core->config.seen_keep_ms;
    seen_write(core, s, 0);
}
