/* SPDX-License-Identifier: Apache-2.0 */
/* Probing and being probed: every way an answer may come, come late, or not at all. */

#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

/* Member "m" at host 9 and so many relays r0, r1 ... from host 20 on, all silent so far. */
static void set_scene(struct solo *s, unsigned relays)
{
    solo_config(s);
    solo_open(s);
    for (unsigned i = 0; i < relays; i++) {
        const char name[] = { 'r', (char)('0' + i), 0 };

        solo_meet(s, name, 20 + i, 1);
    }
    solo_meet(s, "m", 9, 7);
}

/* Waits until "m" is probed, answering for everybody else on the way. */
static uint32_t wait_for_probe(struct solo *s)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        const struct solo_sent *ping;
        uint32_t n = 0;

        solo_clear(s);
        solo_wait(s, 50);
        while ((ping = solo_sent(s, GOSSIP_TYPE_PING, n++)) != NULL) {
            struct gossip_message ack = { .type = GOSSIP_TYPE_ACK };

            if (muster_addr_equal(ping->to, solo_addr(9)))
                return ping->message.ping.seq;
            ack.ack.seq = ping->message.ping.seq;
            solo_hear(s, ping->to.octet[3], &ack);
        }
    }
    fail_msg("nobody was probed");
    return 0;
}

static void say(struct solo *s, unsigned from, enum gossip_type type, uint32_t seq)
{
    struct gossip_message m = { .type = type };

    if (type == GOSSIP_TYPE_NACK)
        m.nack.seq = seq;
    else
        m.ack.seq = seq;
    solo_hear(s, from, &m);
}

static void an_ack_in_time_is_all_there_is(void **state)
{
    struct solo *s = *state;
    uint32_t seq;

    set_scene(s, 3);
    seq = wait_for_probe(s);
    solo_clear(s);
    say(s, 9, GOSSIP_TYPE_ACK, seq);
    solo_wait(s, 940);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_INDIRECT), 0);
    assert_int_equal(gossip_counters(s->g)->probes_failed, 0);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE);
    solo_close(s);
}

static void a_ping_says_who_asks(void **state)
{
    struct solo *s = *state;
    const struct solo_sent *sent;

    set_scene(s, 0);
    (void)wait_for_probe(s);
    sent = solo_sent(s, GOSSIP_TYPE_PING, 0);
    assert_true(muster_bytes_equal(sent->message.ping.node, muster_bytes_text("m")));
    assert_true(muster_bytes_equal(sent->message.ping.source.node, muster_bytes_text(SOLO_NAME)));
    assert_int_equal(sent->message.ping.source.addr.len, 4);
    assert_int_equal(sent->message.ping.source.port, 7946);
    assert_false(sent->has_crc);
    solo_close(s);
}

/* After half a second relays are asked and a ping goes out by TCP, all with the same number. */
static void silence_sends_relays_and_tcp(void **state)
{
    struct solo *s = *state;
    const struct solo_sent *sent;
    const struct gossip_effect *stream;
    struct gossip_message ping;
    struct muster_reader in;
    uint32_t seq;

    set_scene(s, 5);
    seq = wait_for_probe(s);
    solo_clear(s);
    solo_wait(s, 400);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_INDIRECT), 0);
    solo_wait(s, 100);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_INDIRECT), 3);
    for (uint32_t n = 0; n < 3; n++) {
        sent = solo_sent(s, GOSSIP_TYPE_INDIRECT, n);
        assert_true(sent->to.octet[3] >= 20); /* not m itself, and no two the same */
        assert_int_equal(sent->message.indirect.seq, seq);
        assert_true(sent->message.indirect.nack);
        assert_int_equal(sent->message.indirect.port, 7946);
        assert_int_equal(sent->message.indirect.target.data[3], 9);
    }
    stream = solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0);
    assert_non_null(stream);
    assert_true(muster_addr_equal(stream->to, solo_addr(9)));
    in = muster_reader_over(stream->bytes);
    assert_int_equal(gossip_message_decode(&ping, &in), MUSTER_OK);
    assert_int_equal(ping.ping.seq, seq);
    solo_close(s);
}

static void an_ack_through_a_relay_counts(void **state)
{
    struct solo *s = *state;
    uint32_t seq;

    set_scene(s, 3);
    seq = wait_for_probe(s);
    solo_wait(s, 600);
    say(s, 21, GOSSIP_TYPE_ACK, seq);
    assert_non_null(solo_effect(s, GOSSIP_EFFECT_STREAM_CLOSE, 0)); /* the TCP ping is not needed */
    solo_wait(s, 340);
    assert_int_equal(gossip_counters(s->g)->probes_failed, 0);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE);
    solo_close(s);
}

static void acks_from_strangers_or_with_other_numbers_do_not_count(void **state)
{
    struct solo *s = *state;
    uint32_t seq;

    set_scene(s, 3);
    seq = wait_for_probe(s);
    say(s, 99, GOSSIP_TYPE_ACK, seq);
    say(s, 20, GOSSIP_TYPE_ACK, seq); /* a member, but not asked yet */
    say(s, 9, GOSSIP_TYPE_ACK, seq + 1);
    solo_wait(s, 1000);
    assert_int_equal(gossip_counters(s->g)->probes_failed, 1);
    assert_int_equal(solo_state(s, "m"), GOSSIP_SUSPECT);
    solo_close(s);
}

/* How our own health is judged when a probe fails: by what those said that could have said
 * something. */
static void nacks_that_did_not_come_speak_against_us(void **state)
{
    static const struct {
        unsigned nacks;
        uint32_t awareness;
    } cases[] = { { 0, 3 }, { 1, 2 }, { 3, 0 } };
    struct solo *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint32_t seq;

        set_scene(s, 3);
        seq = wait_for_probe(s);
        solo_wait(s, 600);
        for (unsigned n = 0; n < cases[i].nacks; n++) {
            say(s, 20 + n, GOSSIP_TYPE_NACK, seq);
            say(s, 20 + n, GOSSIP_TYPE_NACK, seq); /* each counts once */
        }
        assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE); /* a nack never ends a wait */
        solo_wait(s, 400);
        assert_int_equal(solo_state(s, "m"), GOSSIP_SUSPECT);
        assert_int_equal(gossip_awareness(s->g), cases[i].awareness);
        solo_close(s);
    }
}

static void without_relays_a_failure_counts_one(void **state)
{
    struct solo *s = *state;

    set_scene(s, 0);
    (void)wait_for_probe(s);
    solo_wait(s, 1000);
    assert_int_equal(solo_state(s, "m"), GOSSIP_SUSPECT);
    assert_int_equal(gossip_awareness(s->g), 1);
    solo_close(s);
}

/* The worse our own health, the longer a round waits; success makes it better. */
static void bad_health_makes_rounds_longer(void **state)
{
    struct gossip_message accusation =
        solo_accusation(GOSSIP_TYPE_SUSPECT, SOLO_NAME, "x", SOLO_INC);
    struct solo *s = *state;
    uint32_t seq;

    set_scene(s, 0);
    solo_hear(s, 9, &accusation);
    assert_int_equal(gossip_awareness(s->g), 1);
    seq = wait_for_probe(s);
    solo_wait(s, 1800);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE); /* twice the interval now */
    say(s, 9, GOSSIP_TYPE_ACK, seq);
    assert_int_equal(gossip_awareness(s->g), 0);
    assert_int_equal(gossip_counters(s->g)->probes_failed, 0);
    solo_close(s);
}

static void answer_by_stream(struct solo *s, uint32_t seq)
{
    uint8_t buffer[64];
    struct muster_writer out = muster_writer_over(buffer, sizeof buffer);
    struct gossip_message ack = { .type = GOSSIP_TYPE_ACK };
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA, .ended = true };

    ack.ack.seq = seq;
    gossip_message_encode(&ack, &out);
    event.stream = solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0)->stream;
    event.bytes = muster_writer_bytes(&out);
    solo_step(s, &event);
}

static void an_ack_by_tcp_saves_it_and_is_counted(void **state)
{
    static const struct {
        uint32_t off; /* added to the number */
        int state;
    } cases[] = { { 0, GOSSIP_ALIVE }, { 1, GOSSIP_SUSPECT } };
    struct solo *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint32_t seq;

        set_scene(s, 2);
        seq = wait_for_probe(s);
        solo_wait(s, 600);
        answer_by_stream(s, seq + cases[i].off);
        solo_wait(s, 400);
        assert_int_equal(solo_state(s, "m"), cases[i].state);
        assert_int_equal(gossip_counters(s->g)->probes_tcp_only,
                         cases[i].state == GOSSIP_ALIVE ? 1 : 0);
        solo_close(s);
    }
}

/* Refused by its kernel and nacked by every relay: there is nothing left to wait for. */
static void a_hopeless_round_ends_early(void **state)
{
    struct gossip_event refused = { .kind = GOSSIP_EVENT_STREAM_FAILED, .refused = true };
    struct solo *s = *state;
    uint32_t seq;

    set_scene(s, 2);
    seq = wait_for_probe(s);
    solo_wait(s, 500);
    refused.stream = solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0)->stream;
    say(s, 20, GOSSIP_TYPE_NACK, seq);
    solo_step(s, &refused);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE);
    say(s, 21, GOSSIP_TYPE_NACK, seq);
    assert_int_equal(solo_state(s, "m"), GOSSIP_SUSPECT);
    assert_int_equal(gossip_awareness(s->g), 0);
    solo_close(s);
}

/* A suspect hears of it in the same packet as the ping, with a checksum, and nothing else in it. */
static void a_suspect_is_told_with_the_ping(void **state)
{
    struct gossip_message suspect = solo_accusation(GOSSIP_TYPE_SUSPECT, "m", "x", 7);
    struct solo *s = *state;
    const struct solo_sent *ping, *told;

    set_scene(s, 0);
    solo_hear(s, 3, &suspect);
    (void)wait_for_probe(s);
    ping = solo_sent(s, GOSSIP_TYPE_PING, 0);
    for (uint32_t n = 0; (told = solo_sent(s, GOSSIP_TYPE_SUSPECT, n)) != NULL; n++) {
        if (told->packet == ping->packet)
            break;
    }
    assert_non_null(told);
    assert_true(told->has_crc);
    assert_int_equal(told->message.accusation.incarnation, 7);
    assert_true(muster_bytes_equal(told->message.accusation.from, muster_bytes_text(SOLO_NAME)));
    solo_close(s);
}

static void a_stall_ends_the_round_without_a_verdict(void **state)
{
    const struct gossip_event stalled = { .kind = GOSSIP_EVENT_STALLED };
    struct gossip_message suspect = solo_accusation(GOSSIP_TYPE_SUSPECT, "m", "x", 7);
    struct solo *s = *state;

    set_scene(s, 0);
    solo_hear(s, 3, &suspect); /* two members: it has 4 s */
    s->now_ms += 6000;         /* and we slept through them */
    solo_step(s, &stalled);
    assert_int_equal(solo_state(s, "m"), GOSSIP_SUSPECT);
    assert_int_equal(gossip_awareness(s->g), 1);
    assert_int_equal(gossip_counters(s->g)->probes_failed, 0);
    solo_wait(s, 499); /* as long as it takes to read what came in the meantime */
    assert_int_equal(solo_state(s, "m"), GOSSIP_SUSPECT);
    solo_wait(s, 1);
    assert_int_equal(solo_state(s, "m"), GOSSIP_DEAD);
    solo_close(s);
}

/* ---- being probed ---- */

static void pings_are_acked_when_they_mean_us(void **state)
{
    static const uint8_t source[4] = { 10, 0, 0, 50 };
    static const uint8_t multicast[4] = { 224, 0, 0, 1 };
    static const struct {
        const char *node;
        const uint8_t *addr;
        uint16_t port;
        unsigned to; /* host that gets the ack, 0: nobody */
    } cases[] = {
        { SOLO_NAME, NULL, 0, 9 },       { "", NULL, 0, 9 },          { "somebody", NULL, 0, 0 },
        { SOLO_NAME, source, 7946, 50 }, { SOLO_NAME, source, 0, 9 }, { SOLO_NAME, NULL, 7946, 9 },
        { SOLO_NAME, multicast, 53, 0 },
    };
    struct solo *s = *state;

    set_scene(s, 0);
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_message ping = { .type = GOSSIP_TYPE_PING };

        ping.ping.seq = 4000 + (uint32_t)i;
        ping.ping.node = muster_bytes_text(cases[i].node);
        ping.ping.source.port = cases[i].port;
        ping.ping.source.addr = MUSTER_BYTES(cases[i].addr, cases[i].addr == NULL ? 0 : 4);
        solo_clear(s);
        solo_hear(s, 9, &ping);
        assert_int_equal(solo_count(s, GOSSIP_TYPE_ACK), cases[i].to == 0 ? 0 : 1);
        if (cases[i].to == 0)
            continue;
        assert_int_equal(solo_sent(s, GOSSIP_TYPE_ACK, 0)->message.ack.seq, 4000 + i);
        assert_null(solo_sent(s, GOSSIP_TYPE_ACK, 0)->message.ack.payload.data);
        assert_true(
            muster_addr_equal(solo_sent(s, GOSSIP_TYPE_ACK, 0)->to, solo_addr(cases[i].to)));
    }
    solo_close(s);
}

static void ask_on_behalf(struct solo *s, bool nack)
{
    static const uint8_t target[4] = { 10, 0, 0, 60 };
    struct gossip_message m = { .type = GOSSIP_TYPE_INDIRECT };

    m.indirect.seq = 777;
    m.indirect.target = MUSTER_BYTES(target, 4); /* no port: the same as ours */
    m.indirect.node = muster_bytes_text("far");
    m.indirect.nack = nack;
    solo_clear(s);
    solo_hear(s, 9, &m);
}

static void an_errand_brings_the_ack_home(void **state)
{
    struct solo *s = *state;
    const struct solo_sent *sent;

    set_scene(s, 0);
    ask_on_behalf(s, true);
    sent = solo_sent(s, GOSSIP_TYPE_PING, 0);
    assert_true(muster_addr_equal(sent->to, solo_addr(60)));
    assert_true(muster_bytes_equal(sent->message.ping.node, muster_bytes_text("far")));
    assert_int_not_equal(sent->message.ping.seq, 777);
    say(s, 61, GOSSIP_TYPE_ACK, sent->message.ping.seq); /* from elsewhere: not believed */
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ACK), 0);
    say(s, 60, GOSSIP_TYPE_ACK, sent->message.ping.seq);
    say(s, 60, GOSSIP_TYPE_ACK, sent->message.ping.seq);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ACK), 1);
    assert_int_equal(solo_sent(s, GOSSIP_TYPE_ACK, 0)->message.ack.seq, 777);
    assert_true(muster_addr_equal(solo_sent(s, GOSSIP_TYPE_ACK, 0)->to, solo_addr(9)));
    solo_wait(s, 600);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_NACK), 0);
    solo_close(s);
}

static void an_errand_in_vain_is_reported_if_wanted(void **state)
{
    struct solo *s = *state;

    for (unsigned wanted = 0; wanted < 2; wanted++) {
        set_scene(s, 0);
        ask_on_behalf(s, wanted != 0);
        solo_wait(s, 499);
        assert_int_equal(solo_count(s, GOSSIP_TYPE_NACK), 0);
        solo_wait(s, 1);
        assert_int_equal(solo_count(s, GOSSIP_TYPE_NACK), wanted);
        if (wanted != 0)
            assert_int_equal(solo_sent(s, GOSSIP_TYPE_NACK, 0)->message.nack.seq, 777);
        solo_close(s);
    }
}

static void only_so_many_errands_at_a_time(void **state)
{
    struct solo *s = *state;

    set_scene(s, 0);
    for (unsigned i = 0; i < 128; i++) {
        ask_on_behalf(s, true);
        assert_int_equal(gossip_counters(s->g)->dropped_full, 0);
    }
    ask_on_behalf(s, true);
    assert_int_equal(gossip_counters(s->g)->dropped_full, 1);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_PING), 0);
    solo_clear(s);
    solo_wait(s, 500);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_NACK), 128);
    ask_on_behalf(s, true); /* there is room again */
    assert_int_equal(gossip_counters(s->g)->dropped_full, 1);
    solo_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_in_time_is_all_there_is),
        cmocka_unit_test(a_ping_says_who_asks),
        cmocka_unit_test(silence_sends_relays_and_tcp),
        cmocka_unit_test(an_ack_through_a_relay_counts),
        cmocka_unit_test(acks_from_strangers_or_with_other_numbers_do_not_count),
        cmocka_unit_test(nacks_that_did_not_come_speak_against_us),
        cmocka_unit_test(without_relays_a_failure_counts_one),
        cmocka_unit_test(bad_health_makes_rounds_longer),
        cmocka_unit_test(an_ack_by_tcp_saves_it_and_is_counted),
        cmocka_unit_test(a_hopeless_round_ends_early),
        cmocka_unit_test(a_suspect_is_told_with_the_ping),
        cmocka_unit_test(a_stall_ends_the_round_without_a_verdict),
        cmocka_unit_test(pings_are_acked_when_they_mean_us),
        cmocka_unit_test(an_errand_brings_the_ack_home),
        cmocka_unit_test(an_errand_in_vain_is_reported_if_wanted),
        cmocka_unit_test(only_so_many_errands_at_a_time),
    };

    return cmocka_run_group_tests(tests, solo_new, solo_free);
}
