/* SPDX-License-Identifier: Apache-2.0 */
/* How news leaves: to whom, how often, how fast, in which wrapping. */
#include <string.h>

#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

static const uint8_t home[4] = { 10, 0, 0, 9 };

/* Members a, b, c ... from host 20 on, a quiet queue, and nobody who probes. */
static void set_scene(struct solo *s, unsigned members)
{
    solo_config(s);
    s->config.probe_interval_ms = 600000;
    solo_open(s);
    for (unsigned i = 0; i < members; i++)
        solo_meet(s, (const char[]){ (char)('a' + i), 0 }, 20 + i, 1);
    solo_wait(s, 5000);
    solo_clear(s);
}

static bool was_sent_to(const struct solo *s, enum gossip_type type, unsigned host)
{
    const struct solo_sent *sent;

    for (uint32_t n = 0; (sent = solo_sent(s, type, n)) != NULL; n++) {
        if (muster_addr_equal(sent->to, solo_addr(host)))
            return true;
    }
    return false;
}

/* In a pool of seven: four times in all, three of them at once, and then never again. */
static void news_is_sent_so_often_and_no_more(void **state)
{
    struct gossip_message m = solo_alive("new", home, 1);
    struct solo *s = *state;

    set_scene(s, 5);
    solo_hear(s, 20, &m);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ALIVE), 3);
    solo_wait(s, 199);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ALIVE), 3);
    solo_wait(s, 1);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ALIVE), 4);
    solo_wait(s, 60000);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ALIVE), 4);
    solo_close(s);
}

static void news_rides_behind_answers(void **state)
{
    struct gossip_message m = solo_alive("new", home, 1);
    struct gossip_message ping = { .type = GOSSIP_TYPE_PING };
    struct solo *s = *state;
    const struct solo_sent *ack;

    set_scene(s, 5);
    solo_hear(s, 20, &m);
    solo_clear(s);
    solo_hear(s, 21, &ping);
    ack = solo_sent(s, GOSSIP_TYPE_ACK, 0);
    assert_ptr_equal(ack, &s->sent[0]); /* first in its packet */
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ALIVE), 1);
    assert_int_equal(solo_sent(s, GOSSIP_TYPE_ALIVE, 0)->packet, ack->packet);
    assert_false(ack->has_crc); /* which peers put on gossip only */
    solo_close(s);
}

static void gossip_carries_a_checksum_for_those_who_know_it(void **state)
{
    static const uint8_t old[GOSSIP_VSN_LEN] = { 1, 4, 2, 0, 0, 0 };
    struct gossip_message elder = solo_alive("elder", home, 1);
    struct gossip_message m = solo_accusation(GOSSIP_TYPE_DEAD, "b", "x", 1);
    struct solo *s = *state;
    const struct solo_sent *sent;

    set_scene(s, 2);
    elder.alive.vsn = MUSTER_BYTES(old, sizeof old);
    solo_hear(s, 9, &elder);
    solo_wait(s, 5000);
    solo_clear(s);
    solo_hear(s, 20, &m);
    solo_wait(s, 1000);
    assert_true(was_sent_to(s, GOSSIP_TYPE_DEAD, 9));
    assert_true(was_sent_to(s, GOSSIP_TYPE_DEAD, 20));
    for (uint32_t n = 0; (sent = solo_sent(s, GOSSIP_TYPE_DEAD, n)) != NULL; n++)
        assert_int_equal(sent->has_crc, !muster_addr_equal(sent->to, solo_addr(9)));
    solo_close(s);
}

/* Who is wrongly buried hears of it, for half a minute; who left is left alone. */
static void the_dead_hear_of_their_death(void **state)
{
    static const struct {
        const char *from;
        uint64_t after_ms; /* news that long after the death */
        bool hears;
    } cases[] = {
        { "x", 0, true }, { "x", 29000, true }, { "x", 31000, false }, { "a", 0, false }
    };
    struct solo *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_message m = solo_accusation(GOSSIP_TYPE_DEAD, "a", cases[i].from, 1);
        struct gossip_message news = solo_alive("new", home, 1);

        set_scene(s, 2);
        solo_hear(s, 21, &m);
        if (cases[i].after_ms > 0) {
            solo_wait(s, cases[i].after_ms);
            solo_clear(s);
            solo_hear(s, 21, &news);
        }
        solo_wait(s, 900);
        assert_int_equal(was_sent_to(s, GOSSIP_TYPE_DEAD, 20) ||
                             was_sent_to(s, GOSSIP_TYPE_ALIVE, 20),
                         cases[i].hears);
        solo_close(s);
    }
}

/* News about somebody who is forgotten must not wait for whoever gets the number next. */
static void news_of_the_forgotten_is_dropped(void **state)
{
    struct solo *s = *state;

    solo_config(s);
    s->config.gossip_interval_ms = 3600000; /* nothing ever leaves the queue by itself */
    s->config.to_the_dead_ms = 100;
    solo_open(s);
    solo_meet(s, "m", 9, 1);
    while (solo_state(s, "m") != -1)
        solo_wait(s, 1000);
    solo_meet(s, "other", 10, 1);
    solo_close(s);
}

static void a_proof_is_told_to_all_in_a_small_pool(void **state)
{
    static const struct {
        unsigned members; /* besides us */
        uint32_t told;
    } cases[] = { { 26, 25 }, { 31, 30 }, { 63, 62 }, { 70, 8 } };
    struct solo *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_event proof = { .kind = GOSSIP_EVENT_PROVEN_DEAD, .name = "m" };

        solo_config(s);
        s->config.members_max = 128;
        s->config.probe_interval_ms = 600000;
        solo_open(s);
        for (unsigned n = 1; n < cases[i].members; n++)
            solo_meet(s, (const char[]){ 'n', (char)('0' + n), 0 }, 20 + n, 1);
        solo_meet(s, "m", 9, 1);
        for (unsigned n = 0; n < 10; n++) {
            solo_wait(s, 500);
            solo_clear(s);
        }
        solo_step(s, &proof);
        assert_in_range(solo_count(s, GOSSIP_TYPE_DEAD), cases[i].told,
                        cases[i].told + 3); /* and a gossip tick besides */
        assert_int_equal(solo_state(s, "m"), GOSSIP_DEAD);
        solo_close(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_is_sent_so_often_and_no_more),
        cmocka_unit_test(news_rides_behind_answers),
        cmocka_unit_test(gossip_carries_a_checksum_for_those_who_know_it),
        cmocka_unit_test(the_dead_hear_of_their_death),
        cmocka_unit_test(news_of_the_forgotten_is_dropped),
        cmocka_unit_test(a_proof_is_told_to_all_in_a_small_pool),
    };

    return cmocka_run_group_tests(tests, solo_new, solo_free);
}
