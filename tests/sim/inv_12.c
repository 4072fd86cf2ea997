/* SPDX-License-Identifier: Apache-2.0 */
/* I12: the chosen bench rows of a bucket form one chain: a change is opened over what stands, and
 * ends as the new list or as the old one again. A seat's number belongs to one node for ever. */
#include "tests/sim/inv.h"

static bool is_seat_in(const struct store_bench *b, uint16_t mask, const struct store_seat *seat)
{
    for (uint32_t i = 0; i < b->count; i++)
        if ((mask >> i & 1) != 0 && b->member[i].seat == seat->seat &&
            muster_id_equal(b->member[i].node, seat->node))
            return true;
    return false;
}

static bool is_within(const struct store_bench *a, uint16_t am, const struct store_bench *b,
                      uint16_t bm)
{
    for (uint32_t i = 0; i < a->count; i++)
        if ((am >> i & 1) != 0 && !is_seat_in(b, bm, &a->member[i]))
            return false;
    return true;
}

static bool is_same(const struct store_bench *a, uint16_t am, const struct store_bench *b,
                    uint16_t bm)
{
    return is_within(a, am, b, bm) && is_within(b, bm, a, am);
}

static bool follows(const struct store_bench *a, const struct store_bench *b)
{
    bool keeps_old = is_same(a, a->old_mask, b, b->old_mask);
    if (a->new_mask == 0)
        return keeps_old; /* as it was, or a change is opened over it */
    if (b->new_mask != 0)
        return keeps_old && is_same(a, a->new_mask, b, b->new_mask);
    return keeps_old || is_same(a, a->new_mask, b, b->old_mask);
}

static void seats_check(struct sim *s, uint32_t bucket, const struct store_bench *b)
{
    struct sim_chain *c = &s->chain[bucket];
    for (uint32_t i = 0; i < b->count; i++) {
        uint16_t seat = b->member[i].seat;
        if (seat >= SIM_SEATS)
            continue;
        if (!muster_id_is_zero(c->owner[seat]) &&
            !muster_id_equal(c->owner[seat], b->member[i].node))
            sim_fail(s, 1, "I12: seat %u of bucket %u has belonged to another node", seat, bucket);
        c->owner[seat] = b->member[i].node;
    }
}

static void chosen(struct sim *s, uint32_t bucket, struct sim_bench_row *row)
{
    struct sim_chain *c = &s->chain[bucket];
    row->is_chosen = true;
    if (row->version <= c->version)
        return;
    if (c->version != 0 && !follows(&c->bench, &row->bench))
        sim_fail(s, 1, "I12: bench %llu of bucket %u does not follow %llu",
                 (unsigned long long)row->version, bucket, (unsigned long long)c->version);
    if (row->bench.next_seat < c->bench.next_seat)
        sim_fail(s, 1, "I12: bucket %u counts its seats anew", bucket);
    sim_payload_bench(s, bucket);
    c->version = row->version;
    c->bench = row->bench;
    seats_check(s, bucket, &row->bench);
}

static struct sim_bench_row *row_find(struct sim_chain *c, uint64_t version)
{
    for (uint32_t i = 0; i < SIM_BENCH_ROWS; i++)
        if (c->row[i].version == version)
            return &c->row[i];
    return NULL;
}

static struct sim_bench_row *row_of(struct sim_chain *c, const struct sim_bucket *disk)
{
    struct sim_bench_row *row = row_find(c, disk->bench_version);
    if (row != NULL)
        return row;
    row = &c->row[0];
    for (uint32_t i = 1; i < SIM_BENCH_ROWS; i++)
        if (c->row[i].version < row->version)
            row = &c->row[i];
    *row = (struct sim_bench_row){ .version = disk->bench_version, .bench = disk->bench };
    return row;
}

static void held_by(struct sim *s, uint32_t node, uint32_t bucket, struct sim_bench_row *row,
                    uint16_t seat)
{
    for (uint32_t i = 0; i < row->bench.count; i++)
        if (row->bench.member[i].seat == seat &&
            muster_id_equal(row->bench.member[i].node, s->node[node].id))
            row->had |= 1u << i;
    row->bench.lost_mask = 0;
    if (!row->is_chosen && store_bench_quorum(&row->bench, row->had))
        chosen(s, bucket, row);
    for (uint32_t i = 0; i < row->bench.count; i++)
        if (sim_truth_is_sworn(s, row->bench.member[i].node))
            row->bench.lost_mask = (uint16_t)(row->bench.lost_mask | 1u << i);
    if (!row->is_chosen && store_bench_quorum(&row->bench, row->had))
        chosen(s, bucket, row);
}

/* The record of a bucket has reached a disk. That alone counts for the keeper that wrote the row: a
 * member may have it from an answer, learned after it promised a later reign, and then no keeper
 * counts it, and no later one is bound to know of it. */
void sim_inv_bench(struct sim *s, uint32_t node, uint32_t bucket)
{
    const struct sim_bucket *disk = &s->node[node].bucket[bucket];
    struct store_reign reign = store_version_reign((struct store_version){ disk->bench_version });
    if (disk->bench_version == 0)
        return;
    struct sim_bench_row *row = row_of(&s->chain[bucket], disk);
    if (disk->seat == store_reign_seat(reign))
        held_by(s, node, bucket, row, disk->seat);
}

/* A member says that it holds what was written to it: it does (I9), and its promise was not above
 * the reign that wrote it. */
void sim_inv_bench_held(struct sim *s, uint32_t node, uint32_t bucket, uint16_t seat,
                        uint64_t version)
{
    struct sim_bench_row *row = row_find(&s->chain[bucket], version);
    if (row != NULL && version != 0)
        held_by(s, node, bucket, row, seat);
}
