/* SPDX-License-Identifier: Apache-2.0 */
/* Pool poisoning: members as no node can be, which real peers swallow and then let nobody join any
 * more. Each is said by datagram, in a compound, in a table that somebody gives us and in one that
 * we asked for; we take it in none, and nobody hears of it from us. */
#include <stdlib.h>
#include <string.h>

#include "gossip/feed.h"
#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

#define GOOD "good"
#define BAD  "poison"

struct stage {
    struct solo solo;
    uint8_t bytes[32 << 10];
    uint8_t window[GOSSIP_FEED_WINDOW];
    struct gossip_lzw_decoder decoder;
};

static const uint8_t fit[6] = { 1, 5, 2, 2, 5, 5 };
static const uint8_t addr_good[4] = { 10, 0, 0, 7 }, addr_bad[4] = { 10, 0, 0, 8 };
static uint8_t long_text[600];

static struct gossip_alive alive(const char *name, const uint8_t *addr)
{
    return (struct gossip_alive){ .incarnation = 3,
                                  .node = muster_bytes_text(name),
                                  .addr = MUSTER_BYTES(addr, 4),
                                  .vsn = MUSTER_BYTES(fit, 6),
                                  .port = 7946 };
}

/* The poisons, one after the other; false past the last. */
static bool poison(struct gossip_alive *a, unsigned n)
{
    static const uint8_t vsn[][6] = { { 0, 5, 2, 2, 5, 5 }, { 5, 1, 2, 2, 5, 5 },
                                      { 3, 5, 3, 2, 5, 5 }, { 1, 1, 1, 2, 5, 5 },
                                      { 1, 5, 2, 0, 0, 0 }, { 1, 5, 2, 6, 9, 6 },
                                      { 0, 0, 0, 0, 0, 0 } };
    static const uint8_t nowhere[16] = { 0 }, many[4] = { 224, 0, 0, 1 };
    static const struct {
        const uint8_t *at;
        size_t len;
    } addrs[] = { { nowhere, 4 }, { nowhere, 16 }, { many, 4 }, { addr_bad, 3 }, { addr_bad, 0 } };
    static const char with_nul[] = BAD "\0x";

    *a = alive(BAD, addr_bad);
    if (n < UNIT_COUNT(vsn)) {
        a->vsn.data = vsn[n];
        return true;
    }
    n -= (unsigned)UNIT_COUNT(vsn);
    if (n < UNIT_COUNT(addrs)) {
        a->addr = MUSTER_BYTES(addrs[n].at, addrs[n].len);
        return true;
    }
    n -= (unsigned)UNIT_COUNT(addrs);
    memset(long_text, 'x', sizeof long_text);
    switch (n) {
    case 0:
        a->vsn = (struct muster_bytes){ 0 };
        return true;
    case 1:
        a->vsn.len = 5;
        return true;
    case 2:
        a->incarnation = 0;
        return true;
    case 3:
        a->incarnation = UINT32_MAX;
        return true;
    case 4:
        a->port = 0;
        return true;
    case 5:
        a->meta = MUSTER_BYTES(long_text, GOSSIP_META_MAX + 1);
        return true;
    case 6:
        a->node.len = 0;
        return true;
    case 7:
        a->node = MUSTER_BYTES(with_nul, sizeof with_nul - 1);
        return true;
    case 8:
        a->node = MUSTER_BYTES(long_text, GOSSIP_NAME_MAX + 1);
        return true;
    default:
        return false;
    }
}

/* ---- how it is said */

static void hear_plain(struct stage *st, const struct gossip_alive *bad)
{
    struct gossip_message m = { .type = GOSSIP_TYPE_ALIVE };

    m.alive = *bad;
    solo_hear(&st->solo, 9, &m);
    m.alive = alive(GOOD, addr_good);
    solo_hear(&st->solo, 9, &m);
}

static void hear_compound(struct stage *st, const struct gossip_alive *bad)
{
    struct muster_writer out = muster_writer_over(st->bytes + 6, sizeof st->bytes - 6);
    struct gossip_message m = { .type = GOSSIP_TYPE_ALIVE };
    size_t first, all;

    m.alive = *bad;
    gossip_message_encode(&m, &out);
    first = muster_writer_bytes(&out).len;
    m.alive = alive(GOOD, addr_good);
    gossip_message_encode(&m, &out);
    all = muster_writer_bytes(&out).len;
    memcpy(st->bytes,
           (uint8_t[]){ GOSSIP_TYPE_COMPOUND, 2, (uint8_t)(first >> 8), (uint8_t)first,
                        (uint8_t)((all - first) >> 8), (uint8_t)(all - first) },
           6);
    solo_hear_bytes(&st->solo, 9, MUSTER_BYTES(st->bytes, all + 6));
}

static struct muster_bytes table(struct stage *st, const struct gossip_alive *bad)
{
    struct muster_writer out = muster_writer_over(st->bytes, sizeof st->bytes);
    struct gossip_message header = { .type = GOSSIP_TYPE_PUSH_PULL };
    const struct gossip_alive good = alive(GOOD, addr_good), *each[2] = { bad, &good };

    header.push_pull.nodes = 2;
    header.push_pull.join = true;
    gossip_message_encode(&header, &out);
    for (unsigned i = 0; i < 2; i++) {
        const struct gossip_alive *a = each[i];
        struct gossip_entry e = { a->node,      a->addr,        a->meta, a->vsn,
                                  GOSSIP_ALIVE, a->incarnation, a->port, { { 0 }, 0 } };

        gossip_entry_encode(&e, &out);
    }
    assert_int_equal(muster_writer_err(&out), MUSTER_OK);
    return muster_writer_bytes(&out);
}

static void hear_table(struct stage *st, const struct gossip_alive *bad)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA, .stream = 1, .inbound = true };

    event.bytes = table(st, bad);
    solo_step(&st->solo, &event);
}

static void hear_answer(struct stage *st, const struct gossip_alive *bad)
{
    struct gossip_event join = { .kind = GOSSIP_EVENT_JOIN, .from = solo_addr(9) };
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA, .ended = true };

    solo_step(&st->solo, &join);
    event.stream = solo_effect(&st->solo, GOSSIP_EFFECT_STREAM_OPEN, 0)->stream;
    event.bytes = table(st, bad);
    solo_step(&st->solo, &event);
}

/* ---- what came of it */

/* Is this a member as every peer can live with? */
static void check_said(const struct gossip_alive *a)
{
    bool is_good = muster_bytes_equal(a->node, muster_bytes_text(GOOD));

    assert_true(is_good || muster_bytes_equal(a->node, muster_bytes_text(SOLO_NAME)));
    assert_true(muster_bytes_equal(a->vsn, MUSTER_BYTES(fit, 6)));
}

static void check_messages(const struct solo *s)
{
    const struct solo_sent *sent;

    for (uint32_t i = 0; (sent = solo_sent(s, GOSSIP_TYPE_ALIVE, i)) != NULL; i++)
        check_said(&sent->message.alive);
    for (uint32_t i = 0; (sent = solo_sent(s, GOSSIP_TYPE_SUSPECT, i)) != NULL; i++)
        assert_true(muster_bytes_equal(sent->message.accusation.node, muster_bytes_text(GOOD)));
}

/* Our table, as whoever asks for it gets it. */
static void check_table(struct stage *st)
{
    struct gossip_message ask = { .type = GOSSIP_TYPE_PUSH_PULL }, m;
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA, .stream = 2, .inbound = true };
    struct muster_writer out = muster_writer_over(st->bytes, sizeof st->bytes);
    struct gossip_feed f;
    struct gossip_entry e;

    gossip_message_encode(&ask, &out);
    event.bytes = muster_writer_bytes(&out);
    solo_clear(&st->solo);
    solo_step(&st->solo, &event);
    assert_int_equal(gossip_feed_open(&f,
                                      solo_effect(&st->solo, GOSSIP_EFFECT_STREAM_REPLY, 0)->bytes,
                                      &st->decoder, st->window),
                     MUSTER_OK);
    assert_int_equal(gossip_feed_message(&f, &m), MUSTER_OK);
    assert_int_equal(m.push_pull.nodes, 2);
    for (int64_t i = 0; i < m.push_pull.nodes; i++) {
        struct gossip_alive a;

        assert_int_equal(gossip_feed_entry(&f, &e), MUSTER_OK);
        a = (struct gossip_alive){ e.incarnation, e.name, e.addr, e.meta, e.vsn, e.port };
        check_said(&a);
    }
}

static void no_poison_gets_in_or_through(void **state)
{
    static void (*const ways[])(struct stage *,
                                const struct gossip_alive *) = { hear_plain, hear_compound,
                                                                 hear_table, hear_answer };
    struct stage *st = *state;
    struct gossip_alive bad;
    unsigned tried = 0;

    for (unsigned n = 0; poison(&bad, n); n++) {
        for (size_t way = 0; way < UNIT_COUNT(ways); way++) {
            solo_config(&st->solo);
            memcpy(st->solo.config.delegate, (const uint8_t[]){ 2, 5, 5 }, 3);
            solo_open(&st->solo);
            ways[way](st, &bad);
            assert_int_equal(gossip_member_count(st->solo.g), 2);
            assert_int_equal(solo_state(&st->solo, GOOD), GOSSIP_ALIVE); /* the rest is merged */
            solo_wait(&st->solo, 1000);
            check_messages(&st->solo);
            check_table(st);
            solo_close(&st->solo);
            tried++;
        }
    }
    assert_int_equal(tried, 21 * 4);
}

/* A member that we know cannot be turned into poison by newer news of it. */
static void a_good_member_stays_good(void **state)
{
    struct stage *st = *state;
    struct gossip_message m = { .type = GOSSIP_TYPE_ALIVE };
    struct gossip_alive bad;

    solo_config(&st->solo);
    memcpy(st->solo.config.delegate, (const uint8_t[]){ 2, 5, 5 }, 3);
    solo_open(&st->solo);
    m.alive = alive(GOOD, addr_good);
    solo_hear(&st->solo, 9, &m);
    for (unsigned n = 0; poison(&bad, n); n++) {
        m.alive = bad;
        if (muster_bytes_equal(bad.node, muster_bytes_text(BAD)))
            m.alive.node = muster_bytes_text(GOOD);
        if (m.alive.incarnation == 3)
            m.alive.incarnation = 100 + n;
        if (muster_bytes_equal(bad.addr, MUSTER_BYTES(addr_bad, 4)))
            m.alive.addr = MUSTER_BYTES(addr_good, 4);
        solo_hear(&st->solo, 9, &m);
        assert_int_equal(solo_incarnation(&st->solo, GOOD), 3);
    }
    check_messages(&st->solo);
    check_table(st);
    solo_close(&st->solo);
}

static int stage_open(void **state)
{
    *state = calloc(1, sizeof(struct stage));
    return *state == NULL ? -1 : 0;
}

static int stage_close(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_poison_gets_in_or_through),
        cmocka_unit_test(a_good_member_stays_good),
    };

    return cmocka_run_group_tests(tests, stage_open, stage_close);
}
