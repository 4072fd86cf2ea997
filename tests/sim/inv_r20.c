/* SPDX-License-Identifier: Apache-2.0 */
/* R20, I9: who acknowledges a page of rows has every one of them on disk, as old as that or newer.
 * What a page held is known from the frames that brought it. */
#include "base/wire.h"
#include "tests/sim/inv.h"

struct piece {
    uint32_t bucket;
    uint64_t reign, page, version;
    uint16_t seat;
    bool is_end;
};

static bool piece_read(struct muster_reader *r, bool is_ok, struct piece *out)
{
    uint32_t fields = muster_read_array(r, 16), read = is_ok ? 4 : 5;
    *out = (struct piece){ .bucket = muster_read_u32(r) };
    out->reign = muster_read_u64(r);
    out->seat = (uint16_t)muster_read_u64(r); /* of a page: the number of its frame */
    out->page = muster_read_u64(r);
    if (!is_ok) {
        out->version = muster_read_u64(r);
        out->is_end = muster_read_is_nil(r);
        read += out->is_end;
    }
    for (; read < fields && muster_reader_ok(r); read++)
        muster_read_skip(r);
    return muster_reader_ok(r) && out->bucket < SIM_BUCKETS;
}

static void row_sent(struct sim_page *p, const struct piece *i)
{
    if (p->is_closed || p->reign != i->reign)
        *p = (struct sim_page){ .reign = i->reign };
    if (i->is_end) {
        p->is_closed = true;
        p->number = i->page;
    } else if (p->count < SIM_PAGE_ROWS) {
        p->version[p->count++] = i->version;
    }
}

static void page_check(struct sim *s, uint32_t node, const struct sim_page *p,
                       const struct piece *i)
{
    if (!p->is_closed || p->reign != i->reign || p->number != i->page ||
        s->node[node].bucket[i->bucket].seat != i->seat)
        return;
    for (uint32_t k = 0; k < p->count; k++)
        if (!sim_truth_stands(s, node, i->bucket, p->version[k]))
            sim_fail(s, 1,
                     "I9: n%u acknowledges a page with version %llu of bucket %u, and its "
                     "disk has it not",
                     node, (unsigned long long)p->version[k], i->bucket);
}

void sim_inv_page(struct sim *s, uint32_t from, uint32_t to, struct muster_bytes frame)
{
    struct muster_reader r = muster_reader_over(frame);
    struct piece i;
    if (frame.len < 3 || frame.data[0] != 0x93 ||
        (frame.data[1] != STORE_FILL && frame.data[1] != STORE_FILL_OK))
        return;
    (void)muster_read_array(&r, 3);
    bool is_ok = muster_read_u32(&r) == STORE_FILL_OK;
    (void)muster_read_u64(&r); /* its head */
    uint32_t count = muster_read_array(&r, UINT32_MAX);
    for (uint32_t n = 0; n < count && piece_read(&r, is_ok, &i); n++) {
        if (is_ok)
            page_check(s, from, &s->page[from][i.bucket], &i);
        else
            row_sent(&s->page[to][i.bucket], &i);
    }
}
