/* SPDX-License-Identifier: Apache-2.0 */
/* The truth: what really stands on the disks, whatever the nodes believe. Every version of every
 * row is followed from disk to disk; what a quorum of its bench has had is chosen, and nothing else
 * is. Quorums are counted here anew, so that a node that counts wrongly does not judge itself.
 * (I1 to I6, R17, R22) */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/wire.h"
#include "store/bench.h"
#include "tests/sim/inv.h"

#define ROW_HEAD 12 /* bytes of a row's record before the row: checksum, version */
#define CRC_LEN  4

static uint64_t big_endian(const uint8_t *in, uint32_t len)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < len; i++)
        value = value << 8 | in[i];
    return value;
}

/* ---- benches */

static void bucket_kept(struct sim_bucket *out, struct muster_bytes value)
{
    *out = (struct sim_bucket){ 0 };
    if (value.len <= CRC_LEN)
        return;
    struct muster_reader r =
        muster_reader_over(MUSTER_BYTES(value.data + CRC_LEN, value.len - CRC_LEN));
    muster_read_array_of(&r, 7);
    out->promised = muster_read_u64(&r);
    out->seat = muster_read_u16(&r);
    (void)muster_read_u16(&r); /* lost seat */
    (void)muster_read_u32(&r); /* round */
    out->bench_version = muster_read_u64(&r);
    if (muster_read_is_nil(&r))
        return;
    struct muster_bytes row = muster_read_bytes(&r, STORE_BENCH_WIRE);
    int err = muster_reader_ok(&r) ? store_bench_decode(&out->bench, row) : MUSTER_EINVAL;
    MUSTER_ASSERT(err == MUSTER_OK);
}

struct sim_lists {
    uint64_t version;
    struct store_seat old_seat[STORE_BENCH_MAX], new_seat[STORE_BENCH_MAX];
    uint32_t old_count, new_count;
};

static void lists_of_record(struct sim_lists *l, const struct sim_bucket *r)
{
    *l = (struct sim_lists){ .version = r->bench_version };
    for (uint32_t i = 0; i < r->bench.count; i++) {
        if ((r->bench.old_mask >> i & 1) != 0)
            l->old_seat[l->old_count++] = r->bench.member[i];
        if ((r->bench.new_mask >> i & 1) != 0)
            l->new_seat[l->new_count++] = r->bench.member[i];
    }
}

/* The newest bench that anybody knows or has on disk: a keeper counts with its own from the moment
 * it writes it. */
static void bench_newest(const struct sim *s, uint32_t bucket, struct sim_lists *l)
{
    *l = (struct sim_lists){ 0 };
    for (uint32_t i = 0; i < s->nodes; i++) {
        const struct sim_bucket *record = &s->node[i].bucket[bucket];
        if (record->bench_version > l->version)
            lists_of_record(l, record);
        if (s->node[i].node == NULL)
            continue;
        const struct store *store = agent_node_store(s->node[i].node);
        if (store_bench_known(store, bucket).packed <= l->version)
            continue;
        struct store_bucket_view v;
        store_bucket(store, bucket, &v);
        l->version = v.bench_version.packed;
        l->old_count = v.old_count;
        l->new_count = v.new_count;
        memcpy(l->old_seat, v.old_seat, sizeof l->old_seat);
        memcpy(l->new_seat, v.new_seat, sizeof l->new_seat);
    }
}

static bool holds(const struct sim *s, const struct sim_write *w, const struct store_seat *seat)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (muster_id_equal(s->node[i].id, seat->node))
            return w->seat[i] == seat->seat;
    return false;
}

/* A disk that has burned since had it all the same, and had said so: with it the keeper counted. */
static bool has_had(const struct sim *s, const struct sim_write *w, const struct store_seat *seat)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (w->burned[i] == seat->seat)
            return true;
    return holds(s, w, seat);
}

/* More than half, or half with the lowest seat; `mask` says which of the seats. */
static bool is_most(const struct store_seat *seat, uint32_t count, uint32_t mask)
{
    uint32_t have = 0, lowest = 0;
    for (uint32_t i = 0; i < count; i++) {
        have += mask >> i & 1;
        lowest = seat[i].seat < seat[lowest].seat ? i : lowest;
    }
    return 2 * have > count || (2 * have == count && count > 0 && (mask >> lowest & 1) != 0);
}

bool sim_truth_is_sworn(const struct sim *s, struct muster_id id)
{
    for (uint32_t i = 0; i < s->sworns; i++)
        if (muster_id_equal(s->sworn[i], id))
            return true;
    return false;
}

/* Where oaths leave no majority, all who are left decide together (R49). */
static bool is_rest(const struct sim *s, const struct store_seat *seat, uint32_t count,
                    uint32_t mask)
{
    uint32_t rest = 0;
    for (uint32_t i = 0; i < count; i++)
        rest |= (uint32_t)!sim_truth_is_sworn(s, seat[i].node) << i;
    return rest != 0 && !is_most(seat, count, rest) && (rest & ~mask) == 0;
}

static bool list_has(const struct sim *s, const struct sim_write *w, const struct store_seat *seat,
                     uint32_t count)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < count; i++)
        mask |= (uint32_t)has_had(s, w, &seat[i]) << i;
    if (w->is_light) /* more than half, whatever else may decide */
        return 2 * (uint32_t)__builtin_popcount(mask) > count;
    return is_most(seat, count, mask) || is_rest(s, seat, count, mask);
}

static bool list_promised(const struct sim *s, uint32_t bucket, uint64_t reign,
                          const struct store_seat *seat, uint32_t count)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t n = 0; n < s->nodes; n++)
            if (muster_id_equal(s->node[n].id, seat[i].node) &&
                s->node[n].bucket[bucket].seat == seat[i].seat &&
                s->node[n].bucket[bucket].promised > reign)
                mask |= 1u << i;
    return is_most(seat, count, mask);
}

/* While a bench changes a keeper needs a quorum of either list: it is outranked by one of them. */
bool sim_truth_outranked(const struct sim *s, uint32_t bucket, uint64_t reign)
{
    struct sim_lists l;
    bench_newest(s, bucket, &l);
    return list_promised(s, bucket, reign, l.old_seat, l.old_count) ||
           list_promised(s, bucket, reign, l.new_seat, l.new_count);
}

static uint64_t reign_of(uint64_t version)
{
    return store_version_reign((struct store_version){ version }).packed;
}

/* Who was elected with a quorum, and has written the row anew, has decided about what it did not
 * take over: members whom it seats later cannot make up a quorum for that. */
static bool is_overruled(const struct sim *s, const struct sim_write *w)
{
    for (uint32_t i = s->job[w->job].newest; i > 0; i = s->write[i - 1].older)
        if (reign_of(s->write[i - 1].version) > reign_of(w->version))
            return true;
    return false;
}

static void write_judge(struct sim *s, struct sim_write *w, const struct sim_lists *l)
{
    if (w->is_chosen || !list_has(s, w, l->old_seat, l->old_count) || is_overruled(s, w))
        return;
    w->is_chosen = l->new_count == 0 || list_has(s, w, l->new_seat, l->new_count);
    struct sim_job *j = &s->job[w->job];
    if (w->is_chosen) {
        sim_inv_uid(s, j, w);
        sim_inv_instant(s, j, w);
    }
    if (w->is_chosen && w->version > j->chosen) {
        if (w->phase == STORE_GONE && !w->is_light)
            j->is_forgotten = sim_truth_may_forget(s, j);
        /* What it has left is the run that its keeper knew of, also beside its next life. */
        if (w->phase == STORE_GONE && j->is_forgotten && w->token != 0 && w->token < j->token_row)
            j->token_row = w->token;
        j->is_light = w->is_light;
        sim_inv_chosen(s, w);
        if (w->token != 0 && w->token < j->token_row)
            sim_fail(s, 1, "R43: %s had token %llu, and has %llu now", j->name,
                     (unsigned long long)j->token_row, (unsigned long long)w->token);
        j->token_row = w->token > j->token_row ? w->token : j->token_row;
        s->choices++;
        j->chosen = w->version;
        j->chosen_gone = w->phase == STORE_GONE;
        j->has_run = w->token > j->purged;
        j->first = w->token;
        j->second = w->second;
        sim_inv_group(s, j);
    }
}

static void bucket_judge(struct sim *s, uint32_t bucket)
{
    struct sim_lists l;
    bench_newest(s, bucket, &l);
    uint32_t left = 0;
    for (uint32_t i = 0; i < s->open_count[bucket]; i++) {
        uint32_t w = s->open[bucket][i];
        write_judge(s, &s->write[w], &l);
        if (!s->write[w].is_chosen)
            s->open[bucket][left++] = w;
    }
    s->open_count[bucket] = left;
}

/* ---- what a batch brings */

static struct sim_write *write_find(struct sim *s, uint32_t job, uint64_t version)
{
    for (uint32_t i = s->job[job].newest; i > 0; i = s->write[i - 1].older)
        if (s->write[i - 1].version == version)
            return &s->write[i - 1];
    return NULL;
}

static void write_open(struct sim *s, uint32_t bucket, uint32_t index)
{
    if (s->open_count[bucket] == s->open_size[bucket]) {
        s->open_size[bucket] = s->open_size[bucket] > 0 ? 2 * s->open_size[bucket] : 32;
        s->open[bucket] = realloc(s->open[bucket], s->open_size[bucket] * sizeof *s->open[bucket]);
        MUSTER_ASSERT(s->open[bucket] != NULL);
    }
    s->open[bucket][s->open_count[bucket]++] = index;
}

static struct sim_write *write_of(struct sim *s, const struct store_row *row, uint64_t version,
                                  uint32_t bucket)
{
    char name[STORE_KEY_MAX + 1] = "";
    memcpy(name, row->key.data, row->key.len);
    struct sim_job *j = sim_job_find(s, name);
    if (j == NULL)
        sim_fail(s, 1, "a row of a job nobody made: %s", name);
    uint32_t job = (uint32_t)(j - s->job);
    struct sim_write *w = write_find(s, job, version);
    if (w != NULL)
        return w;
    if (s->writes == s->writes_size) {
        s->writes_size = s->writes_size > 0 ? 2 * s->writes_size : 256;
        s->write = realloc(s->write, s->writes_size * sizeof *s->write);
        MUSTER_ASSERT(s->write != NULL);
    }
    w = &s->write[s->writes++];
    *w = (struct sim_write){ .version = version, .token = row->run_token, .job = job };
    w->bucket = bucket;
    w->phase = row->phase;
    w->uid = row->uid;
    w->is_exclusive = row->run_mode == STORE_EXCLUSIVE;
    w->is_light = row->is_light;
    w->second = row->handoff != STORE_HANDOFF_NONE ? row->other_token : 0;
    w->has_heir = store_row_has_heir(row);
    w->older = j->newest;
    j->newest = s->writes;
    write_open(s, bucket, s->writes - 1);
    sim_inv_version(s, bucket, version);
    for (int i = 0; i < STORE_REQUESTS; i++)
        w->request[i] = row->request[i].id[0];
    return w;
}

static uint64_t version_of(struct muster_bytes record)
{
    return big_endian(record.data + CRC_LEN, 8);
}

static void row_read(struct sim *s, struct muster_bytes value, struct store_row *row)
{
    MUSTER_ASSERT(value.len > ROW_HEAD);
    if (store_row_decode(row, MUSTER_BYTES(value.data + ROW_HEAD, value.len - ROW_HEAD)) !=
        MUSTER_OK)
        sim_fail(s, 1, "a row that cannot be read is written");
}

/* A burned disk counts as one that had it: what an answer promises is that so many must burn (P1),
 * and the keeper cannot know that one of them just has. */
static uint32_t disk_bit(const struct sim *s, uint32_t node)
{
    return s->node[node].is_clone ? 0 : 1u << (2 * node + s->node[node].is_wiped);
}

struct sim_write *sim_truth_had(struct sim *s, uint32_t node, uint32_t bucket, uint16_t seat,
                                uint64_t version, const struct store_row *row,
                                struct muster_bytes bytes)
{
    uint64_t hash = muster_hash64(bytes, 1);
    struct sim_write *w = write_of(s, row, version, bucket);
    if (w->hash != 0 && w->hash != hash)
        sim_fail(s, 1, "I2: two values of %s under version %llu", s->job[w->job].name,
                 (unsigned long long)version);
    w->hash = hash;
    w->seat[node] = seat;
    w->disks |= disk_bit(s, node);
    return w;
}

static void row_kept(struct sim *s, uint32_t node, uint32_t bucket, uint16_t seat,
                     struct muster_bytes value)
{
    struct store_row row;
    row_read(s, value, &row);
    struct muster_bytes bytes = MUSTER_BYTES(value.data + ROW_HEAD, value.len - ROW_HEAD);
    (void)sim_truth_had(s, node, bucket, seat, version_of(value), &row, bytes);
}

void sim_truth_burn(struct sim_write *w, uint32_t node)
{
    if (w->seat[node] != 0)
        w->burned[node] = w->seat[node];
    w->seat[node] = 0;
}

/* A row leaves a seat only as a tombstone that every seat has had, or when the seat itself is
 * another one. `is_reseated`: another of the same number. Then no keeper has counted with what the
 * first had, for the bench row that gave it was never chosen. */
static void row_gone(struct sim *s, uint32_t node, uint32_t bucket, uint16_t seat, bool is_reseated,
                     struct muster_bytes value)
{
    struct store_row row;
    struct sim_lists l;
    row_read(s, value, &row);
    struct sim_write *w = write_of(s, &row, version_of(value), bucket);
    /* wiped for another seat (R25), or because a record beside it cannot be read */
    if (seat == 0) {
        if (is_reseated || s->wipes == 0) /* else it may have gone with a record that flipped */
            w->disks &= ~disk_bit(s, node);
        if (is_reseated)
            w->seat[node] = 0;
        sim_truth_burn(w, node);
    }
    if (w->is_purged || seat == 0)
        return;
    if (w->phase != STORE_GONE)
        sim_fail(s, 1, "I4: %s leaves n%u and is no tombstone", s->job[w->job].name, node);
    w->is_purged = true;
    if (w->token > s->job[w->job].purged)
        s->job[w->job].purged = w->token;
    if (w->version == s->job[w->job].chosen)
        s->job[w->job].has_run = false;
    bench_newest(s, bucket, &l);
    for (uint32_t i = 0; i < l.old_count; i++)
        if (!has_had(s, w, &l.old_seat[i]) && !sim_truth_is_sworn(s, l.old_seat[i].node))
            sim_fail(s, 1, "R22: the tombstone of %s is purged and seat %u never had it",
                     s->job[w->job].name, l.old_seat[i].seat);
}

static void claim_kept(struct sim *s, uint32_t node, struct muster_bytes key,
                       struct muster_bytes value)
{
    char name[STORE_KEY_MAX + 1] = "";
    struct muster_reader r =
        muster_reader_over(MUSTER_BYTES(value.data + CRC_LEN, value.len - CRC_LEN));
    (void)muster_read_array(&r, 8);
    (void)muster_read_id(&r);
    uint64_t token = muster_read_u64(&r);
    MUSTER_ASSERT(muster_reader_ok(&r));
    memcpy(name, key.data + 2, key.len - 2);
    sim_inv_claimed(s, node, name, token);
}

bool sim_truth_is_tombstone(struct muster_bytes record)
{
    struct store_row row;
    return record.len > ROW_HEAD &&
           store_row_decode(&row, MUSTER_BYTES(record.data + ROW_HEAD, record.len - ROW_HEAD)) ==
               MUSTER_OK &&
           row.phase == STORE_GONE;
}

uint32_t sim_truth_bucket(struct muster_bytes key)
{
    return (uint32_t)big_endian(key.data + key.len - 2, 2);
}

void sim_truth_op(struct sim *s, uint32_t node, uint8_t table, struct muster_bytes key,
                  struct muster_bytes value, struct muster_bytes before, const uint16_t *seats)
{
    if (table == STORE_TABLE_CLAIM && value.len > 0)
        claim_kept(s, node, key, value);
    if (table != STORE_TABLE_ROW && table != STORE_TABLE_BUCKET)
        return;
    uint32_t bucket = sim_truth_bucket(key);
    s->judge_due |= 1u << bucket;
    s->node[node].written |= 1u << bucket;
    if (table == STORE_TABLE_BUCKET) {
        bucket_kept(&s->node[node].bucket[bucket], value);
        sim_inv_bench(s, node, bucket);
        return;
    }
    uint16_t seat = s->node[node].bucket[bucket].seat;
    if (before.len > 0 && value.len > 0 && version_of(value) < version_of(before))
        sim_fail(s, 1, "I4: a version falls on n%u", node);
    if (value.len > 0)
        row_kept(s, node, bucket, seat, value);
    else if (before.len > 0)
        row_gone(s, node, bucket, seat == seats[bucket] ? seat : 0, seats[bucket] == UINT16_MAX,
                 before);
}

void sim_truth_judge(struct sim *s)
{
    for (uint32_t b = 0; b < s->buckets; b++)
        if ((s->judge_due >> b & 1) != 0)
            bucket_judge(s, b);
    s->judge_due = 0;
}

void sim_truth_wiped(struct sim *s, uint32_t node)
{
    memset(s->node[node].bucket, 0, sizeof s->node[node].bucket);
    for (uint32_t i = 0; i < s->writes; i++)
        sim_truth_burn(&s->write[i], node);
}

/* It may still speak of what it finds there (I9), until it is told that it is a copy. */
void sim_truth_restored(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < n->disk.count; i++) {
        const struct sim_record *r = &n->disk.record[i];
        if (r->is_live && r->table == STORE_TABLE_BUCKET)
            bucket_kept(&n->bucket[sim_truth_bucket(r->key)], r->value);
    }
}

void sim_truth_flipped(struct sim *s, uint32_t node, uint8_t table, struct muster_bytes key,
                       struct muster_bytes value)
{
    struct store_row row;
    if (table == STORE_TABLE_CLAIM)
        return;
    uint32_t bucket = sim_truth_bucket(key);
    s->wipes++;
    if (table == STORE_TABLE_ROW) {
        row_read(s, value, &row);
        struct sim_write *w = write_of(s, &row, version_of(value), bucket);
        sim_truth_burn(w, node);
        return;
    }
    /* Without the record of its bucket the node has no seat, and none of its rows counts. */
    s->node[node].bucket[bucket] = (struct sim_bucket){ 0 };
    for (uint32_t i = 0; i < s->writes; i++) {
        struct sim_write *w = &s->write[i];
        if (w->bucket == bucket)
            sim_truth_burn(w, node);
    }
}

/* ---- questions */

static bool stands(const struct sim *s, uint32_t node, uint32_t job, uint64_t version)
{
    for (uint32_t i = s->job[job].newest; i > 0; i = s->write[i - 1].older) {
        const struct sim_write *w = &s->write[i - 1];
        bool is_purged = w->is_purged || (w->is_light && w->phase == STORE_GONE);
        if (w->version >= version && (w->seat[node] != 0 || is_purged))
            return true;
    }
    return false;
}

bool sim_truth_stands(const struct sim *s, uint32_t node, uint32_t bucket, uint64_t version)
{
    for (uint32_t i = s->writes; i-- > 0;)
        if (s->write[i].version == version && s->write[i].bucket == bucket)
            return stands(s, node, s->write[i].job, version);
    return false;
}

bool sim_truth_may_start(struct sim *s, uint32_t job, uint64_t token)
{
    for (uint32_t i = s->job[job].newest; i > 0; i = s->write[i - 1].older) {
        struct sim_write *w = &s->write[i - 1];
        bool is_heir = w->second == token && w->has_heir;
        if (!is_heir && (w->token != token || w->phase != STORE_PLACED))
            continue;
        bucket_judge(s, w->bucket);
        if (w->is_chosen || w->was_chosen)
            return true;
    }
    return false;
}

/* By the rows that placed it, and not by what its node makes of it. */
bool sim_truth_is_exclusive(struct sim *s, const struct sim_proc *p)
{
    const struct sim_job *j = sim_job_find(s, p->job);
    for (uint32_t i = j != NULL ? j->newest : 0; i > 0; i = s->write[i - 1].older)
        if (s->write[i - 1].token == p->token && s->write[i - 1].phase == STORE_PLACED)
            return s->write[i - 1].is_exclusive;
    return p->lease_ms != 0;
}

/* Of two seats one alone may decide, and then its loss is for good; three and more can spare one.
 */
bool sim_truth_can_lose(const struct sim *s)
{
    for (uint32_t b = 0; b < s->buckets; b++) {
        struct sim_lists l;
        bench_newest(s, b, &l);
        if (l.old_count < 3 || (l.new_count != 0 && l.new_count < 3))
            return false;
        /* The newest may be gone with its only disk, and then the chosen one counts again. */
        if (__builtin_popcount(s->chain[b].bench.old_mask) < 3)
            return false;
    }
    return sim_payloads_can_lose(s);
}

/* Open: who still believes in a bench of two of which one is lost is a quorum by itself (R49), even
 * where that bench has long changed without it. (mixed 501892) */
bool sim_truth_can_forget(const struct sim *s, uint32_t node)
{
    struct sim_lists l;
    for (uint32_t b = 0; b < s->buckets; b++)
        for (uint32_t i = 0; i < s->nodes; i++) {
            lists_of_record(&l, &s->node[i].bucket[b]);
            for (uint32_t k = 0; k < l.old_count && l.old_count < 3; k++)
                if (muster_id_equal(l.old_seat[k].node, s->node[node].id))
                    return false;
        }
    return true;
}

/* On how many disks a client's request has ever stood, in whichever version; 0 unless one of them
 * was chosen. */
uint32_t sim_truth_copies(struct sim *s, uint32_t job, uint64_t request)
{
    uint32_t disks = 0;
    bool is_chosen = false;
    for (uint32_t i = s->job[job].newest; i > 0; i = s->write[i - 1].older) {
        struct sim_write *w = &s->write[i - 1];
        bool has = false;
        for (int k = 0; k < STORE_REQUESTS; k++)
            has = has || w->request[k] == request;
        if (!has)
            continue;
        bucket_judge(s, w->bucket);
        disks |= w->disks;
        is_chosen = is_chosen || w->is_chosen || w->was_chosen;
    }
    return is_chosen ? (uint32_t)__builtin_popcount(disks) : 0;
}
