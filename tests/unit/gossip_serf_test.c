/* SPDX-License-Identifier: Apache-2.0 */
/* Manners in a pool with serf: what is passed on and what is not, leaving in its words, and staying
 * when somebody says that we leave. */
#include <string.h>

#include "gossip/serf.h"
#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

/* From packets.json: serf's leave intent (time 2, node s2) and user event (time 1, "deploy", v42),
 * without the type of a user message. */
#define LEAVE_S2 "\x00\x83\xa5LTime\x02\xa4Node\xa2s2\xa5Prune\xc2"
#define EVENT                                                                                      \
    "\x03\x84\xa2"                                                                                 \
    "CC\xc2\xa5LTime\x01\xa4Name\xa6"                                                              \
    "deploy\xa7Payload\xa3v42"
#define BYTES(text) MUSTER_BYTES(text, sizeof(text) - 1)

static struct solo *open_in(void **state, bool serf)
{
    struct solo *s = *state;

    solo_config(s);
    s->config.serf = serf;
    solo_open(s);
    s->takes_user = true;
    solo_meet(s, "peer", 2, 1);
    solo_wait(s, 5000); /* that news has gone round */
    solo_clear(s);
    return s;
}

static void hear(struct solo *s, struct muster_bytes payload)
{
    uint8_t bytes[2048] = { GOSSIP_TYPE_USER };

    memcpy(bytes + 1, payload.data, payload.len);
    solo_hear_bytes(s, 2, MUSTER_BYTES(bytes, payload.len + 1));
}

/* How often these very bytes were sent since solo_clear. */
static unsigned said(const struct solo *s, struct muster_bytes payload)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < s->user_count; i++)
        count += muster_bytes_equal(s->user[i], payload);
    return count;
}

static void what_is_new_is_passed_on_once(void **state)
{
    struct solo *s = open_in(state, true);

    hear(s, BYTES(EVENT));
    hear(s, BYTES(EVENT)); /* a copy, by another way */
    solo_wait(s, 10000);
    /* RetransmitMult times at most, for two members */
    assert_in_range(said(s, BYTES(EVENT)), 1, 4);
    assert_int_equal(gossip_counters(s->g)->user_messages, 2);
    assert_int_equal(gossip_counters(s->g)->user_passed_on, 1);
    solo_clear(s);
    hear(s, BYTES(EVENT)); /* late */
    solo_wait(s, 10000);
    assert_int_equal(said(s, BYTES(EVENT)), 0);
    solo_close(s);
}

static void without_serf_nothing_is_passed_on(void **state)
{
    struct solo *s = open_in(state, false);

    hear(s, BYTES(EVENT));
    solo_wait(s, 5000);
    assert_int_equal(said(s, BYTES(EVENT)), 0);
    assert_int_equal(gossip_counters(s->g)->user_messages, 1);
    solo_close(s);
}

/* Responses and relays are meant for one node, a query may say so itself, and a state belongs into
 * a table; what is broken is dropped, and so is a clock that somebody made up. */
static void what_is_not_for_all_ends_here(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool passes;
    } messages[] = {
#define MESSAGE(text, passes) { text, sizeof(text) - 1, passes }
        MESSAGE("\x04\x82\xa5"
                "Flags\x01\xa5LTime\x05",
                true),
        MESSAGE("\x04\x82\xa5"
                "Flags\x02\xa5LTime\x05",
                false),
        MESSAGE("\x05\x81\xa5LTime\x05", false),
        MESSAGE("\x09\x81\xa5LTime\x05", false),
        MESSAGE("\x02\x81\xa5LTime\x05", false),
        MESSAGE("\x0c what may come", true),
        MESSAGE("\x03\x84\xa2"
                "CC\xc2\xa5LTi",
                false),
        MESSAGE("\x03 no map", false),
        MESSAGE("\x00\x82\xa5LTime\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa4Node\xa1z", false),
    };
    struct solo *s = open_in(state, true);

    for (size_t i = 0; i < UNIT_COUNT(messages); i++) {
        struct muster_bytes bytes = MUSTER_BYTES(messages[i].bytes, messages[i].len);

        hear(s, bytes);
        solo_wait(s, 3000);
        if ((said(s, bytes) > 0) != messages[i].passes)
            fail_msg("message %zu", i);
        solo_clear(s);
    }
    assert_int_equal(gossip_counters(s->g)->dropped_malformed, 3);
    solo_close(s);
}

/* The same intent about one node in a storm of times: one place is enough for it. */
static void a_storm_of_intents_takes_one_place(void **state)
{
    struct solo *s = open_in(state, true);
    char intent[] = LEAVE_S2;

    for (char time = 1; time <= 100; time++) {
        intent[8] = time;
        hear(s, MUSTER_BYTES(intent, sizeof intent - 1));
    }
    solo_clear(s);
    solo_wait(s, 10000);
    assert_in_range(s->user_count, 1, 4);
    assert_int_equal(said(s, MUSTER_BYTES(intent, sizeof intent - 1)), s->user_count);
    solo_close(s);
}

static void more_than_there_is_room_for_is_shed(void **state)
{
    struct solo *s = open_in(state, true);
    char event[] = EVENT;

    for (unsigned i = 0; i < 1000; i++) {
        event[sizeof event - 2] = (char)('0' + i % 64);
        event[sizeof event - 3] = (char)('0' + i / 64);
        hear(s, MUSTER_BYTES(event, sizeof event - 1));
        if (i % 100 == 0)
            solo_clear(s);
    }
    solo_clear(s);
    solo_wait(s, 60000);
    assert_in_range(s->user_count, 1, 4 * GOSSIP_ECHOES);
    solo_close(s);
}

/* How often we have said of ourselves that we left. */
static unsigned left(const struct solo *s)
{
    const struct solo_sent *sent;
    unsigned count = 0;

    for (uint32_t i = 0; (sent = solo_sent(s, GOSSIP_TYPE_DEAD, i)) != NULL; i++)
        count += muster_bytes_equal(sent->message.accusation.node, muster_bytes_text(SOLO_NAME));
    return count;
}

/* First the intent, then, when it has had time to spread, the leave itself. */
static void we_leave_in_words_that_serf_knows(void **state)
{
    struct solo *s = open_in(state, true);
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };
    struct muster_bytes intent =
        BYTES("\x00\x83\xa5LTime\x0a\xa4Node\xa4" SOLO_NAME "\xa5Prune\xc2");

    hear(s, BYTES("\x01\x82\xa5LTime\x09\xa4Node\xa1z")); /* the clock is at 9 */
    solo_clear(s);
    solo_step(s, &leave);
    assert_in_range(said(s, intent), 1, 4);
    assert_int_equal(left(s), 0);
    solo_wait(s, 400);
    assert_int_equal(left(s), 0);
    solo_step(s, &leave); /* again is no news */
    solo_wait(s, 3000);
    assert_true(left(s) > 0);
    assert_non_null(solo_effect(s, GOSSIP_EFFECT_LEFT, 0));
    solo_close(s);
}

static void alone_we_leave_at_once(void **state)
{
    struct solo *s = *state;
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };

    solo_config(s);
    s->config.serf = true;
    solo_open(s);
    solo_step(s, &leave);
    assert_non_null(solo_effect(s, GOSSIP_EFFECT_LEFT, 0));
    solo_close(s);
}

static void who_says_that_we_leave_is_contradicted(void **state)
{
    struct solo *s = open_in(state, true);
    struct muster_bytes join = BYTES("\x01\x82\xa5LTime\x08\xa4Node\xa4" SOLO_NAME);

    hear(s, BYTES("\x00\x83\xa5LTime\x07\xa4Node\xa4" SOLO_NAME "\xa5Prune\xc2"));
    assert_true(said(s, join) > 0);
    solo_clear(s);
    hear(s, BYTES(LEAVE_S2)); /* another is none of our business, but is passed on */
    assert_int_equal(said(s, BYTES("\x01\x82\xa5LTime\x03\xa4Node\xa2s2")), 0);
    solo_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_new_is_passed_on_once),
        cmocka_unit_test(without_serf_nothing_is_passed_on),
        cmocka_unit_test(what_is_not_for_all_ends_here),
        cmocka_unit_test(a_storm_of_intents_takes_one_place),
        cmocka_unit_test(more_than_there_is_room_for_is_shed),
        cmocka_unit_test(we_leave_in_words_that_serf_knows),
        cmocka_unit_test(alone_we_leave_at_once),
        cmocka_unit_test(who_says_that_we_leave_is_contradicted),
    };

    return cmocka_run_group_tests(tests, solo_new, solo_free);
}
