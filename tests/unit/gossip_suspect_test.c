/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever was deaf for a while holds suspicions that nobody else has heard of, or that were refuted
 * meanwhile: they are told to those concerned, and answered. */
#include "gossip/core.h"
#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

#define HELD 7 /* the incarnation of those we know */

static uint32_t sent_to(const struct solo *s, enum gossip_type type, unsigned host)
{
    const struct solo_sent *sent;
    uint32_t count = 0;
    for (uint32_t n = 0; (sent = solo_sent(s, type, n)) != NULL; n++)
        count += muster_addr_equal(sent->to, solo_addr(host));
    return count;
}

static void begin(struct solo *s)
{
    solo_config(s);
    solo_open(s);
    solo_meet(s, "m", 2, HELD);
    solo_meet(s, "x", 3, HELD);
    solo_meet(s, "y", 4, HELD);
    solo_meet(s, "z", 5, HELD);
}

static void who_missed_our_refutation_is_told_again(void **state)
{
    struct gossip_message m = solo_accusation(GOSSIP_TYPE_SUSPECT, SOLO_NAME, "x", SOLO_INC - 1);
    struct solo *s = *state;

    begin(s);
    solo_hear(s, 4, &m); /* an old word on its way round */
    assert_int_equal(sent_to(s, GOSSIP_TYPE_ALIVE, 4), 0);
    for (int again = 0; again < 2; again++) {
        solo_clear(s);
        solo_hear(s, 3, &m);
        solo_hear(s, 3, &m);
        assert_int_equal(sent_to(s, GOSSIP_TYPE_ALIVE, 3), 1);
        assert_int_equal(solo_sent(s, GOSSIP_TYPE_ALIVE, 0)->message.alive.incarnation, SOLO_INC);
        solo_wait(s, s->config.probe_interval_ms);
    }
    assert_int_equal(gossip_counters(s->g)->refutations, 0);
    solo_close(s);
}

static void who_is_suspected_and_speaks_is_told(void **state)
{
    struct gossip_message accused = solo_accusation(GOSSIP_TYPE_SUSPECT, "m", "x", HELD);
    struct gossip_message word = { .type = GOSSIP_TYPE_ACK, .ack = { .seq = 1 } };
    struct solo *s = *state;

    begin(s);
    solo_hear(s, 2, &word);
    assert_int_equal(sent_to(s, GOSSIP_TYPE_SUSPECT, 2), 0);
    solo_hear(s, 3, &accused);
    assert_int_equal(solo_state(s, "m"), GOSSIP_SUSPECT);
    solo_clear(s);
    solo_hear(s, 3, &word);
    assert_int_equal(sent_to(s, GOSSIP_TYPE_SUSPECT, 3), 0);
    solo_hear(s, 2, &word);
    solo_hear(s, 2, &word);
    assert_int_equal(sent_to(s, GOSSIP_TYPE_SUSPECT, 2), 1);
    assert_int_equal(solo_sent(s, GOSSIP_TYPE_SUSPECT, 0)->message.accusation.incarnation, HELD);
    solo_close(s);
}

/* Four members: in a fair turn each would be asked in every fourth round. */
static void a_suspect_is_asked_in_every_other_round(void **state)
{
    struct gossip_message accused = solo_accusation(GOSSIP_TYPE_SUSPECT, "m", "x", HELD);
    struct solo *s = *state;

    begin(s);
    solo_hear(s, 3, &accused);
    solo_clear(s);
    uint32_t asked = 0, rounds = 0;
    while (solo_state(s, "m") == GOSSIP_SUSPECT && rounds < 6) {
        uint64_t before = gossip_counters(s->g)->probes;
        solo_clear(s);
        while (gossip_counters(s->g)->probes == before)
            solo_wait(s, 10);
        asked += sent_to(s, GOSSIP_TYPE_PING, 2) > 0;
        rounds++;
        struct gossip_message ack = {
            .type = GOSSIP_TYPE_ACK,
            .ack = { .seq = solo_sent(s, GOSSIP_TYPE_PING, 0)->message.ping.seq }
        };
        for (unsigned host = 2; host <= 5; host++)
            solo_hear(s, host, &ack);
    }
    assert_true(rounds >= 4);
    assert_true(asked >= rounds / 2);
    solo_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_missed_our_refutation_is_told_again),
        cmocka_unit_test(who_is_suspected_and_speaks_is_told),
        cmocka_unit_test(a_suspect_is_asked_in_every_other_round),
    };
    return cmocka_run_group_tests(tests, solo_new, solo_free);
}
