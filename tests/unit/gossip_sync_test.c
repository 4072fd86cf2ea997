/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: tables asked for and given, pings and messages served, and what goes wrong with them. */
#include <stdlib.h>
#include <string.h>

#include "gossip/feed.h"
#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

#define RAW(literal) MUSTER_BYTES(literal, sizeof(literal) - 1)

static const uint8_t unfit[GOSSIP_VSN_LEN] = { 1, 5, 2, 2, 5, 5 };
static const uint8_t addr_a[4] = { 10, 0, 0, 11 };
static const uint8_t addr_b[4] = { 10, 0, 0, 12 };

struct stage {
    struct solo solo;
    uint8_t request[32 << 10];
    uint8_t window[GOSSIP_FEED_WINDOW];
    struct gossip_lzw_decoder decoder;
    struct gossip_lzw_encoder encoder;
};

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

static struct solo *open_usual(void **state)
{
    struct stage *stage = *state;

    solo_config(&stage->solo);
    solo_open(&stage->solo);
    return &stage->solo;
}

/* A push/pull with these entries and some user state behind them. */
static struct muster_bytes table(struct stage *stage, const struct gossip_entry *entries,
                                 unsigned count, bool join)
{
    return solo_table(stage->request, sizeof stage->request, entries, count, join);
}

static void stream_in(struct solo *s, uint32_t number, struct muster_bytes bytes, bool ended)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA,
                                  .bytes = bytes,
                                  .stream = number,
                                  .inbound = true,
                                  .ended = ended };

    solo_step(s, &event);
}

/* The n-th entry of a table that the core sent, read back. */
static struct gossip_entry sent_entry(struct stage *stage, struct muster_bytes bytes, unsigned n,
                                      struct gossip_push_pull *header)
{
    struct gossip_feed f;
    struct gossip_message m;
    struct gossip_entry e;

    assert_int_equal(gossip_feed_open(&f, bytes, &stage->decoder, stage->window), MUSTER_OK);
    assert_int_equal(gossip_feed_message(&f, &m), MUSTER_OK);
    *header = m.push_pull;
    for (unsigned i = 0; i <= n; i++)
        assert_int_equal(gossip_feed_entry(&f, &e), MUSTER_OK);
    return e;
}

/* ---- asked by others ---- */

static void a_table_is_answered_with_ours_and_then_merged(void **state)
{
    struct stage *stage = *state;
    const struct gossip_entry entries[] = { solo_entry("a", addr_a, 3, GOSSIP_ALIVE) };
    struct gossip_push_pull header;
    const struct gossip_effect *reply;
    struct gossip_entry e;
    struct solo *s = open_usual(state);

    stream_in(s, 7, table(stage, entries, 1, true), false);
    reply = solo_effect(s, GOSSIP_EFFECT_STREAM_REPLY, 0);
    assert_int_equal(reply->stream, 7);
    e = sent_entry(stage, reply->bytes, 0, &header);
    assert_int_equal(header.nodes, 1); /* what we knew before */
    assert_true(header.join);
    assert_true(muster_bytes_equal(e.name, muster_bytes_text(SOLO_NAME)));
    assert_int_equal(e.incarnation, SOLO_INC);
    assert_int_equal(solo_state(s, "a"), GOSSIP_ALIVE);
    assert_int_equal(gossip_counters(s->g)->push_pulls, 1);
    solo_close(s);
}

static void a_table_may_trickle_in_byte_by_byte(void **state)
{
    struct stage *stage = *state;
    const struct gossip_entry entries[] = { solo_entry("a", addr_a, 3, GOSSIP_ALIVE),
                                            solo_entry("b", addr_b, 3, GOSSIP_ALIVE) };
    struct solo *s = open_usual(state);
    struct muster_bytes whole = table(stage, entries, 2, false);

    for (size_t len = 1; len <= whole.len; len++) {
        assert_null(solo_effect(s, GOSSIP_EFFECT_STREAM_REPLY, 0));
        assert_int_equal(solo_state(s, "a"), -1); /* nothing before all is there */
        stream_in(s, 7, MUSTER_BYTES(whole.data, len), false);
    }
    assert_non_null(solo_effect(s, GOSSIP_EFFECT_STREAM_REPLY, 0));
    assert_int_equal(solo_state(s, "b"), GOSSIP_ALIVE);
    solo_close(s);
}

/* States as others claim them, of a member that we hold alive at 3: a death is only suspected. */
static void claims_in_a_table(void **state)
{
    static const struct {
        int64_t claim;
        uint32_t incarnation;
        int state;
    } cases[] = {
        { GOSSIP_ALIVE, 4, GOSSIP_ALIVE },
        { GOSSIP_SUSPECT, 3, GOSSIP_SUSPECT },
        { GOSSIP_DEAD, 3, GOSSIP_SUSPECT },
        { GOSSIP_DEAD, 2, GOSSIP_ALIVE },
        { GOSSIP_LEFT, 3, GOSSIP_LEFT },
        { GOSSIP_LEFT, 2, GOSSIP_ALIVE },
        { 4, 9, GOSSIP_ALIVE },
        { -1, 9, GOSSIP_ALIVE },
    };
    struct stage *stage = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        const struct gossip_entry entries[] = {
            solo_entry("a", addr_a, cases[i].incarnation, cases[i].claim),
            solo_entry("stranger", addr_b, 5, cases[i].claim), /* stays one unless it is alive */
        };
        struct solo *s = open_usual(state);

        solo_meet(s, "a", 11, 3);
        stream_in(s, 1, table(stage, entries, 2, false), false);
        assert_int_equal(solo_state(s, "a"), cases[i].state);
        assert_int_equal(solo_state(s, "stranger"),
                         cases[i].claim == GOSSIP_ALIVE ? GOSSIP_ALIVE : -1);
        if (cases[i].state == GOSSIP_SUSPECT) {
            solo_wait(s, 200); /* the accusation is our own now */
            assert_true(
                muster_bytes_equal(solo_sent(s, GOSSIP_TYPE_SUSPECT, 0)->message.accusation.from,
                                   muster_bytes_text(SOLO_NAME)));
        }
        solo_close(s);
    }
}

static void bad_entries_do_not_block_the_others(void **state)
{
    struct stage *stage = *state;
    struct gossip_entry entries[] = {
        solo_entry("", addr_a, 1, GOSSIP_ALIVE),
        solo_entry("no versions", addr_a, 1, GOSSIP_ALIVE),
        solo_entry("unfit", addr_a, 1, GOSSIP_ALIVE),
        solo_entry("zero", addr_a, 0, GOSSIP_ALIVE),
        solo_entry("dead one", addr_a, 1, GOSSIP_DEAD),
        solo_entry("good", addr_b, 1, GOSSIP_ALIVE),
    };
    struct solo *s = open_usual(state);

    entries[1].vsn = (struct muster_bytes){ 0 };
    entries[2].vsn = MUSTER_BYTES(unfit, sizeof unfit);
    entries[4].vsn = (struct muster_bytes){ 0 };
    stream_in(s, 1, table(stage, entries, UNIT_COUNT(entries), false), false);
    assert_int_equal(solo_state(s, "good"), GOSSIP_ALIVE);
    assert_int_equal(gossip_member_count(s->g), 2);
    assert_int_equal(gossip_counters(s->g)->dropped_malformed, 4);
    assert_int_equal(gossip_counters(s->g)->dropped_unfit, 1);
    solo_close(s);
}

/* An entry that cannot be decoded, on the other hand, makes the rest unreadable too. */
static void an_undecodable_table_is_dropped_whole(void **state)
{
    struct stage *stage = *state;
    const struct gossip_entry entries[] = { solo_entry("a", addr_a, 3, GOSSIP_ALIVE),
                                            solo_entry("b", addr_b, 3, GOSSIP_ALIVE) };
    struct solo *s = open_usual(state);
    struct muster_bytes whole = table(stage, entries, 2, false);
    uint8_t *second = memmem(stage->request, whole.len, "Port\xcd\x1f\x0a\xa5State\0\xa3Vsn", 16);

    assert_non_null(second);
    second = memmem(second + 1, whole.len, "Port", 4);
    second[4] = 0xca; /* now a float */
    stream_in(s, 1, whole, false);
    assert_int_equal(gossip_member_count(s->g), 1);
    assert_int_equal(gossip_counters(s->g)->dropped_malformed, 1);
    assert_null(solo_effect(s, GOSSIP_EFFECT_STREAM_REPLY, 0));
    assert_true(solo_effect(s, GOSSIP_EFFECT_STREAM_CLOSE, 0)->inbound);
    solo_close(s);
}

static void requests_and_their_answers(void **state)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        enum gossip_effect_kind effect;
        int type; /* of the answer */
    } cases[] = {
#define REQUEST(what, literal, effect, type) { what, literal, sizeof(literal) - 1, effect, type }
        REQUEST("a ping for us", "\x00\x82\244Node\xa4self\245SeqNo\x07",
                GOSSIP_EFFECT_STREAM_REPLY, GOSSIP_TYPE_ACK),
        REQUEST("a ping for anybody", "\x00\x81\245SeqNo\x07", GOSSIP_EFFECT_STREAM_REPLY,
                GOSSIP_TYPE_ACK),
        REQUEST("a ping for another", "\x00\x82\244Node\xa1z\245SeqNo\x07",
                GOSSIP_EFFECT_STREAM_CLOSE, -1),
        REQUEST("a user message", "\x08\x81\252UserMsgLen\x02hi", GOSSIP_EFFECT_STREAM_CLOSE, -1),
        REQUEST("an empty table", "\x06\x80", GOSSIP_EFFECT_STREAM_REPLY, GOSSIP_TYPE_PUSH_PULL),
        REQUEST("something encrypted", "\x0a\0\0\0\x05hello", GOSSIP_EFFECT_STREAM_REPLY,
                GOSSIP_TYPE_ERROR),
        REQUEST("an unknown packing", "\x09\x82\244Algo\x01\243Buf\xa3\x00\x03\x02",
                GOSSIP_EFFECT_STREAM_REPLY, GOSSIP_TYPE_ERROR),
        REQUEST("a broken packing", "\x09\x82\244Algo\x00\243Buf\xa3\x00\x03\xff",
                GOSSIP_EFFECT_STREAM_REPLY, GOSSIP_TYPE_ERROR),
        REQUEST("packed nothing", "\x09\x82\244Algo\x00\243Buf\xa3\x00\x03\x02",
                GOSSIP_EFFECT_STREAM_REPLY, GOSSIP_TYPE_ERROR),
        REQUEST("a datagram's message", "\x03\x80", GOSSIP_EFFECT_STREAM_CLOSE, -1),
        REQUEST("a label",
                "\xf4\x04"
                "blue\x06\x80",
                GOSSIP_EFFECT_STREAM_CLOSE, -1),
        REQUEST("a type nobody knows", "\x2a\x80", GOSSIP_EFFECT_STREAM_CLOSE, -1),
        REQUEST("no map", "\x06\xa1z", GOSSIP_EFFECT_STREAM_CLOSE, -1),
        REQUEST("a table of minus one", "\x06\x81\245Nodes\xff", GOSSIP_EFFECT_STREAM_CLOSE, -1),
        REQUEST("a table of millions", "\x06\x81\245Nodes\xce\x00\x10\x00\x01",
                GOSSIP_EFFECT_STREAM_CLOSE, -1),
        REQUEST("a user state of 4 GiB", "\x06\x81\254UserStateLen\xce\xff\xff\xff\xff",
                GOSSIP_EFFECT_STREAM_CLOSE, -1),
#undef REQUEST
    };

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct solo *s = open_usual(state);
        const struct gossip_effect *effect;

        stream_in(s, 3, MUSTER_BYTES(cases[i].bytes, cases[i].len), false);
        assert_int_equal(s->effects, 1);
        effect = &s->effect[0];
        if (effect->kind != cases[i].effect || effect->stream != 3 || !effect->inbound)
            fail_msg("%s: effect %d", cases[i].what, effect->kind);
        if (cases[i].type >= 0)
            assert_int_equal(effect->bytes.data[0], cases[i].type);
        solo_close(s);
    }
}

static void a_request_that_never_ends_is_closed(void **state)
{
    struct solo *s = open_usual(state);

    stream_in(s, 3, RAW("\x06"), false);
    assert_int_equal(s->effects, 0);
    solo_wait(s, 9999);
    assert_int_equal(s->effects, 0);
    solo_wait(s, 1);
    assert_int_equal(s->effect[0].kind, GOSSIP_EFFECT_STREAM_CLOSE);
    stream_in(s, 4, RAW("\x06"), true); /* closed in the middle */
    assert_int_equal(s->effect[1].kind, GOSSIP_EFFECT_STREAM_CLOSE);
    assert_int_equal(s->effect[1].stream, 4);
    solo_close(s);
}

static void only_so_many_requests_at_a_time(void **state)
{
    struct solo *s = open_usual(state);

    for (uint32_t number = 0; number < 128; number++)
        stream_in(s, number, RAW("\x06"), false);
    assert_int_equal(s->effects, 0);
    stream_in(s, 128, RAW("\x06"), false);
    assert_int_equal(s->effect[0].kind, GOSSIP_EFFECT_STREAM_CLOSE);
    assert_int_equal(s->effect[0].stream, 128);
    assert_int_equal(gossip_counters(s->g)->dropped_full, 1);
    solo_close(s);
}

/* ---- asked by us ---- */

static void join(struct solo *s, unsigned host)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_JOIN, .from = solo_addr(host) };

    solo_clear(s);
    solo_step(s, &event);
}

static void answer_join(struct solo *s, struct muster_bytes bytes, bool ended)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA,
                                  .bytes = bytes,
                                  .stream = solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0)->stream,
                                  .ended = ended };

    solo_step(s, &event);
}

static void a_join_shows_us_and_learns_the_pool(void **state)
{
    struct stage *stage = *state;
    const struct gossip_entry entries[] = { solo_entry("a", addr_a, 3, GOSSIP_ALIVE),
                                            solo_entry("b", addr_b, 3, GOSSIP_ALIVE) };
    struct solo *s = open_usual(state);
    struct gossip_push_pull header;
    const struct gossip_effect *open;
    struct gossip_entry e;

    join(s, 11);
    open = solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0);
    assert_true(muster_addr_equal(open->to, solo_addr(11)));
    assert_int_equal(open->deadline_ms, s->now_ms + 10000);
    e = sent_entry(stage, open->bytes, 0, &header);
    assert_true(header.join);
    assert_int_equal(e.state, GOSSIP_ALIVE);
    answer_join(s, table(stage, entries, 2, true), true);
    assert_true(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->ok);
    assert_true(muster_addr_equal(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->to, solo_addr(11)));
    assert_int_equal(solo_state(s, "b"), GOSSIP_ALIVE);
    /* The pool knows itself: only our own alive goes out. */
    solo_wait(s, 900);
    assert_true(solo_count(s, GOSSIP_TYPE_ALIVE) > 0);
    for (uint32_t n = 0; n < solo_count(s, GOSSIP_TYPE_ALIVE); n++)
        assert_true(muster_bytes_equal(solo_sent(s, GOSSIP_TYPE_ALIVE, n)->message.alive.node,
                                       muster_bytes_text(SOLO_NAME)));
    /* And a second look follows soon. */
    solo_wait(s, 1200);
    assert_non_null(solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 1));
    solo_close(s);
}

/* What the pool believes of us is refuted within the same step, or we would never be let in. */
static void a_join_refutes_what_it_hears_of_us(void **state)
{
    static const uint8_t own[4] = { 10, 0, 0, 1 };
    static const struct {
        int64_t claim;
        uint32_t incarnation, raised_to;
    } cases[] = { { GOSSIP_DEAD, 8, 9 },  { GOSSIP_LEFT, 8, 9 }, { GOSSIP_SUSPECT, 8, 9 },
                  { GOSSIP_ALIVE, 8, 9 }, { GOSSIP_DEAD, 5, 6 }, { GOSSIP_DEAD, 4, 5 },
                  { GOSSIP_ALIVE, 5, 5 } };
    struct stage *stage = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        const struct gossip_entry entries[] = {
            solo_entry(SOLO_NAME, own, cases[i].incarnation, cases[i].claim),
            solo_entry("a", addr_a, 3, GOSSIP_ALIVE),
        };
        struct solo *s = open_usual(state);

        join(s, 11);
        answer_join(s, table(stage, entries, 2, true), false);
        assert_int_equal(gossip_incarnation(s->g), cases[i].raised_to);
        assert_int_equal(solo_sent(s, GOSSIP_TYPE_ALIVE, 0)->message.alive.incarnation,
                         cases[i].raised_to);
        solo_close(s);
    }
}

static void joins_that_fail_say_so(void **state)
{
    struct gossip_event failed = { .kind = GOSSIP_EVENT_STREAM_FAILED, .refused = true };
    struct stage *stage = *state;
    struct gossip_entry entries[] = { solo_entry("a", addr_a, 3, GOSSIP_ALIVE) };
    struct solo *s = open_usual(state);

    join(s, 1); /* ourselves */
    assert_false(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->ok);
    assert_null(solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0));
    join(s, 11);
    failed.stream = solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0)->stream;
    solo_step(s, &failed);
    assert_false(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->ok);
    join(s, 11);
    answer_join(s, RAW("\x0d\x81\245Error\xa2no"), false);
    assert_false(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->ok);
    join(s, 11);
    answer_join(s, RAW("\x06\x81"), true); /* cut off */
    assert_false(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->ok);
    join(s, 11);
    solo_wait(s, 10000); /* silence */
    assert_false(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->ok);
    join(s, 11);
    entries[0].vsn = MUSTER_BYTES(unfit, sizeof unfit); /* another pool's versions */
    answer_join(s, table(stage, entries, 1, true), false);
    assert_false(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->ok);
    assert_int_equal(gossip_counters(s->g)->push_pulls_failed, 5);
    solo_close(s);
}

static void only_so_many_joins_at_a_time(void **state)
{
    struct solo *s = open_usual(state);

    for (unsigned host = 100; host < 132; host++) {
        join(s, host);
        assert_non_null(solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0));
    }
    join(s, 132);
    assert_null(solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0));
    assert_false(solo_effect(s, GOSSIP_EFFECT_JOINED, 0)->ok);
    solo_close(s);
}

/* A table is packed when that makes it smaller, and then reads the same. */
static void a_table_goes_packed_if_that_is_smaller(void **state)
{
    static const uint8_t meta[64] =
        "\x9d\x17\xe2\x5b\x83\x0c\xf4\x61\xa8\x3e\xd9\x70\x26\xbb\x4d\xc5";
    struct stage *stage = *state;
    struct solo *s = &stage->solo;
    struct gossip_push_pull header;

    for (unsigned members = 0; members < 20; members += 19) {
        solo_config(s);
        s->config.compress = true;
        s->config.meta = MUSTER_BYTES(meta, members == 0 ? 16 : 0);
        solo_open(s);
        for (unsigned i = 0; i < members; i++)
            solo_meet(s, (const char[]){ 'm', (char)('a' + i), 0 }, 100 + i, 1);
        join(s, 11);
        assert_int_equal(solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0)->bytes.data[0],
                         members == 0 ? GOSSIP_TYPE_PUSH_PULL : GOSSIP_TYPE_COMPRESS);
        (void)sent_entry(stage, solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0)->bytes, members,
                         &header);
        assert_int_equal(header.nodes, members + 1);
        solo_close(s);
    }
}

/* Every half minute with somebody who is alive. */
static void tables_are_exchanged_now_and_then(void **state)
{
    struct solo *s = open_usual(state);
    struct gossip_push_pull header;
    unsigned exchanges = 0;

    solo_meet(s, "a", 11, 1);
    for (unsigned i = 0; i < 3000; i++) { /* five minutes */
        struct gossip_message ack = { .type = GOSSIP_TYPE_ACK };
        const struct solo_sent *ping;

        solo_clear(s);
        solo_wait(s, 100);
        for (uint32_t n = 0; n < s->effects; n++) {
            assert_int_not_equal(s->effect[n].kind, GOSSIP_EFFECT_MEMBER);
            if (s->effect[n].kind != GOSSIP_EFFECT_STREAM_OPEN)
                continue;
            (void)sent_entry(*state, s->effect[n].bytes, 0, &header);
            assert_false(header.join);
            exchanges++;
        }
        ping = solo_sent(s, GOSSIP_TYPE_PING, 0);
        if (ping == NULL)
            continue;
        ack.ack.seq = ping->message.ping.seq;
        solo_hear(s, 11, &ack);
    }
    assert_in_range(exchanges, 8, 10);
    solo_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_answered_with_ours_and_then_merged),
        cmocka_unit_test(a_table_may_trickle_in_byte_by_byte),
        cmocka_unit_test(claims_in_a_table),
        cmocka_unit_test(bad_entries_do_not_block_the_others),
        cmocka_unit_test(an_undecodable_table_is_dropped_whole),
        cmocka_unit_test(requests_and_their_answers),
        cmocka_unit_test(a_request_that_never_ends_is_closed),
        cmocka_unit_test(only_so_many_requests_at_a_time),
        cmocka_unit_test(a_join_shows_us_and_learns_the_pool),
        cmocka_unit_test(a_join_refutes_what_it_hears_of_us),
        cmocka_unit_test(joins_that_fail_say_so),
        cmocka_unit_test(only_so_many_joins_at_a_time),
        cmocka_unit_test(a_table_goes_packed_if_that_is_smaller),
        cmocka_unit_test(tables_are_exchanged_now_and_then),
    };

    return cmocka_run_group_tests(tests, stage_open, stage_close);
}
