/* SPDX-License-Identifier: Apache-2.0 */
/* Benches as values: quorums, the steps of a change, and their bytes. */
#include "store/bench.h"

#include <string.h>

#include "base/probe.h"

static uint32_t mask_count(uint32_t mask)
{
    return (uint32_t)__builtin_popcount(mask);
}

static uint32_t bit(uint32_t index)
{
    return UINT32_C(1) << index;
}

static uint32_t list_lowest(const struct store_bench *b, uint32_t list)
{
    uint32_t lowest = 0;
    uint16_t seat = UINT16_MAX;

    for (uint32_t i = 0; i < b->count; i++) {
        if ((list & bit(i)) != 0 && b->member[i].seat <= seat) {
            seat = b->member[i].seat;
            lowest = bit(i);
        }
    }
    return lowest;
}

/* Two halves of an even list cannot both hold its lowest seat, so they can never both decide. */
static bool list_majority(const struct store_bench *b, uint32_t list, uint32_t mask)
{
    uint32_t have = 2 * mask_count(list & mask);
    uint32_t all = mask_count(list);

    if (have != all)
        return have > all;
    return (list_lowest(b, list) & mask) != 0;
}

static bool list_quorum(const struct store_bench *b, uint32_t list, uint32_t mask)
{
    uint32_t rest = list & ~(uint32_t)b->lost_mask;

    if (rest != list && (rest & mask) != 0 && MUSTER_MUTANT(oath_for_one_is_for_all))
        return true;
    if (list_majority(b, list, rest))
        return list_majority(b, list, rest & mask);
    return rest != 0 && (rest & mask) == rest;
}

bool store_bench_quorum(const struct store_bench *b, uint32_t mask)
{
    if (b->old_mask == 0 || !list_quorum(b, b->old_mask, mask))
        return b->new_mask != 0 && MUSTER_MUTANT(old_list_not_asked) &&
               list_quorum(b, b->new_mask, mask);
    return b->new_mask == 0 || list_quorum(b, b->new_mask, mask);
}

uint32_t store_bench_copies(const struct store_bench *b, uint32_t mask)
{
    mask &= ~(uint32_t)b->lost_mask;
    uint32_t old = mask_count(b->old_mask & mask), new = mask_count(b->new_mask & mask);

    return b->new_mask != 0 && new < old ? new : old;
}

uint16_t store_bench_seat(const struct store_bench *b, struct muster_id node)
{
    uint16_t seat = 0;

    for (uint32_t i = 0; i < b->count; i++) {
        if (!muster_id_equal(b->member[i].node, node))
            continue;
        if ((b->new_mask & bit(i)) != 0)
            return b->member[i].seat;
        seat = b->member[i].seat;
    }
    return seat;
}

int store_bench_find(const struct store_bench *b, struct muster_id node, uint16_t seat)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->member[i].seat == seat && muster_id_equal(b->member[i].node, node))
            return (int)i;
    }
    return -1;
}

int store_bench_voter(const struct store_bench *b, struct muster_id node, uint16_t said)
{
    int found = store_bench_find(b, node, said);

    if (found >= 0)
        return found;
    /* An old seat that its node does not hold has lost its rows: were it counted, two quorums of
     * the old list could meet in nothing but it. A seat that a change only adds is empty by nature.
     */
    for (uint32_t i = 0; i < b->count; i++) {
        bool is_new = !store_bench_is_old(b, i) || MUSTER_MUTANT(amnesiac_counted);
        if (is_new && muster_id_equal(b->member[i].node, node))
            return (int)i;
    }
    return -1;
}

bool store_bench_is_old(const struct store_bench *b, uint32_t member)
{
    return (b->old_mask & bit(member)) != 0;
}

bool store_bench_is_joint(const struct store_bench *b)
{
    return b->new_mask != 0;
}

void store_bench_found(struct store_bench *b, struct muster_id node)
{
    *b = (struct store_bench){ .count = 1, .next_seat = 2, .old_mask = 1 };
    b->member[0] = (struct store_seat){ .node = node, .seat = 1 };
}

void store_bench_open_change(struct store_bench *b, struct muster_id add, int without)
{
    MUSTER_ASSERT(!store_bench_is_joint(b));
    MUSTER_ASSERT(mask_count(b->old_mask) == b->count);
    MUSTER_ASSERT(b->count < STORE_BENCH_MAX || without >= 0);
    MUSTER_ASSERT(b->next_seat < UINT16_MAX);
    b->new_mask = b->old_mask;
    if (without >= 0)
        b->new_mask = (uint16_t)(b->new_mask & ~bit((uint32_t)without));
    b->member[b->count] = (struct store_seat){ .node = add, .seat = b->next_seat };
    b->new_mask = (uint16_t)(b->new_mask | bit(b->count));
    b->count++;
    b->next_seat++;
}

void store_bench_end_change(struct store_bench *b, bool finish)
{
    uint32_t keep = finish ? b->new_mask : b->old_mask;
    uint8_t count = 0;

    MUSTER_ASSERT(store_bench_is_joint(b));
    for (uint32_t i = 0; i < b->count; i++) {
        if ((keep & bit(i)) != 0)
            b->member[count++] = b->member[i];
    }
    memset(&b->member[count], 0, (size_t)(b->count - count) * sizeof b->member[0]);
    b->count = count;
    b->old_mask = (uint16_t)(bit(count) - 1);
    b->new_mask = 0;
}

static void list_write(struct muster_writer *w, const struct store_bench *b, uint32_t list)
{
    muster_write_array(w, mask_count(list));
    for (uint32_t i = 0; i < b->count; i++) {
        if ((list & bit(i)) == 0)
            continue;
        muster_write_array(w, 2);
        muster_write_id(w, b->member[i].node);
        muster_write_u64(w, b->member[i].seat);
    }
}

void store_bench_encode(struct muster_writer *w, const struct store_bench *b)
{
    muster_write_array(w, 3);
    list_write(w, b, b->old_mask);
    if (b->new_mask == 0)
        muster_write_nil(w);
    else
        list_write(w, b, b->new_mask);
    muster_write_u64(w, b->next_seat);
}

static uint32_t bench_add(struct store_bench *b, struct muster_id node, uint16_t seat)
{
    int found = store_bench_find(b, node, seat);

    if (found >= 0)
        return bit((uint32_t)found);
    MUSTER_ASSERT(b->count < STORE_MEMBERS_MAX);
    b->member[b->count] = (struct store_seat){ .node = node, .seat = seat };
    return bit(b->count++);
}

static uint16_t list_read(struct muster_reader *r, struct store_bench *b)
{
    uint32_t list = 0;
    uint32_t count = muster_read_array(r, STORE_BENCH_MAX);

    for (uint32_t i = 0; i < count && muster_reader_ok(r); i++) {
        muster_read_array_of(r, 2);
        struct muster_id node = muster_read_id(r);
        uint16_t seat = muster_read_u16(r);
        if (!muster_reader_ok(r))
            break;
        uint32_t add = bench_add(b, node, seat);
        if (seat == 0 || (list & add) != 0)
            muster_reader_fail(r, MUSTER_EINVAL);
        list |= add;
    }
    if (list == 0)
        muster_reader_fail(r, MUSTER_EINVAL);
    return (uint16_t)list;
}

/* One node per seat number everywhere, and in one list one seat per node. */
static bool bench_is_sound(const struct store_bench *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->member[i].seat >= b->next_seat)
            return false;
        for (uint32_t j = i + 1; j < b->count; j++) {
            if (b->member[i].seat == b->member[j].seat)
                return false;
            uint32_t both = bit(i) | bit(j);
            if (muster_id_equal(b->member[i].node, b->member[j].node) &&
                ((b->old_mask & both) == both || (b->new_mask & both) == both))
                return false;
        }
    }
    return true;
}

int store_bench_decode(struct store_bench *b, struct muster_bytes wire)
{
    struct muster_reader r = muster_reader_over(wire);

    *b = (struct store_bench){ .count = 0 };
    muster_read_array_of(&r, 3);
    b->old_mask = list_read(&r, b);
    if (!muster_read_is_nil(&r))
        b->new_mask = list_read(&r, b);
    b->next_seat = muster_read_u16(&r);
    int err = muster_reader_end(&r);
    if (err != MUSTER_OK)
        return err;
    return bench_is_sound(b) ? MUSTER_OK : MUSTER_EINVAL;
}
