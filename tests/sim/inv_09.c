/* SPDX-License-Identifier: Apache-2.0 */
/* I9: no frame before its commit. Every frame of the store that leaves a node is held against that
 * node's disk: the reign it speaks in is promised there, and what it acknowledges stands there. */
#include "base/wire.h"
#include "tests/sim/inv.h"

#define FIRST_KIND STORE_ASK
#define LAST_KIND  STORE_WANT_OK

struct item {
    uint32_t bucket;
    uint64_t reign, number;
    uint16_t seat;
};

/* Kinds that say what the sender has promised. Who asks for votes has yet to: it rules, writes and
 * beats only when its own promise is on its disk as well (R6). */
static bool speaks_in_its_reign(uint32_t kind)
{
    switch (kind) {
    case STORE_YES:
    case STORE_PUT:
    case STORE_PUT_OK:
    case STORE_BEAT:
    case STORE_BEAT_OK:
    case STORE_FILL:
    case STORE_FILL_OK:
        return true;
    default:
        return false;
    }
}

static bool item_read(struct muster_reader *r, uint32_t kind, struct item *out)
{
    uint32_t fields = muster_read_array(r, 16), read = 2;
    *out = (struct item){ .bucket = muster_read_u32(r) };
    out->reign = muster_read_u64(r);
    if (kind == STORE_YES || kind == STORE_PUT_OK) {
        out->seat = muster_read_u16(r);
        read++;
    }
    if (kind == STORE_PUT_OK) {
        out->number = muster_read_u64(r);
        read++;
    }
    for (; read < fields && muster_reader_ok(r); read++)
        muster_read_skip(r);
    return muster_reader_ok(r) && out->bucket < SIM_BUCKETS;
}

/* What is not for a disk is told of at once, and the seat may be given up in the same step. */
static bool still_sits(const struct sim *s, uint32_t node, const struct item *i)
{
    struct store_bucket_view v;
    if (!s->has_light)
        return true;
    store_bucket(agent_node_store(s->node[node].node), i->bucket, &v);
    return v.seat == i->seat;
}

static void item_check(struct sim *s, uint32_t node, uint32_t kind, const struct item *i)
{
    const struct sim_bucket *disk = &s->node[node].bucket[i->bucket];
    if (disk->promised < i->reign)
        sim_fail(s, 1, "I9: n%u says %u in a reign of bucket %u that its disk has not promised",
                 node, kind, i->bucket);
    bool sits = (kind == STORE_YES || kind == STORE_PUT_OK) && disk->seat != 0;
    if (sits && i->seat > disk->seat)
        sim_fail(s, 1, "I9: n%u says that it sits on seat %u of bucket %u, and its disk says %u",
                 node, i->seat, i->bucket, disk->seat);
    /* A seat that was given up with the same commit has nothing to show any more. */
    if (kind == STORE_PUT_OK && sits && i->seat == disk->seat && disk->bench_version < i->number &&
        still_sits(s, node, i) && !sim_truth_stands(s, node, i->bucket, i->number))
        sim_fail(s, 1, "I9: n%u acknowledges version %llu of bucket %u, and its disk has it not",
                 node, (unsigned long long)i->number, i->bucket);
    if (kind == STORE_PUT_OK)
        sim_inv_bench_held(s, node, i->bucket, i->seat, i->number);
}

void sim_inv_frame(struct sim *s, uint32_t node, struct muster_bytes frame)
{
    struct muster_reader r = muster_reader_over(frame);
    struct item item;
    sim_truth_memory(s, node);
    if (frame.len < 3 || frame.data[0] != 0x93 || !speaks_in_its_reign(frame.data[1]))
        return;
    (void)muster_read_array(&r, 3);
    uint32_t kind = muster_read_u32(&r);
    (void)muster_read_u64(&r); /* its head */
    uint32_t count = muster_read_array(&r, UINT32_MAX);
    for (uint32_t i = 0; i < count && item_read(&r, kind, &item); i++)
        item_check(s, node, kind, &item);
}
