/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about members and about ourselves: every state against every message. */
#include <string.h>

#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

#define HELD 10 /* incarnation of the member in question */

static const uint8_t home[4] = { 10, 0, 0, 9 };
static const uint8_t elsewhere[4] = { 10, 0, 0, 77 };

/* A core that holds member `m` in the given state at incarnation HELD, with a bystander and a quiet
 * queue. */
static void set_scene(struct solo *s, int held)
{
    struct gossip_message m = solo_accusation(GOSSIP_TYPE_SUSPECT, "m", "x", HELD);

    solo_config(s);
    s->config.probe_interval_ms = 600000; /* nobody probes in these stories */
    solo_open(s);
    solo_meet(s, "by", 3, 1);
    if (held >= 0)
        solo_meet(s, "m", 9, HELD);
    if (held == GOSSIP_DEAD || held == GOSSIP_LEFT)
        m.type = GOSSIP_TYPE_DEAD;
    if (held == GOSSIP_LEFT)
        m.accusation.from = muster_bytes_text("m");
    if (held > GOSSIP_ALIVE)
        solo_hear(s, 3, &m);
    assert_int_equal(solo_state(s, "m"), held);
    solo_wait(s, 2500);
    solo_clear(s);
}

static bool is_same_news(const struct gossip_message *a, const struct gossip_message *b)
{
    if (a->type == GOSSIP_TYPE_ALIVE)
        return muster_bytes_equal(a->alive.node, b->alive.node) &&
               a->alive.incarnation == b->alive.incarnation;
    return muster_bytes_equal(a->accusation.node, b->accusation.node) &&
           muster_bytes_equal(a->accusation.from, b->accusation.from) &&
           a->accusation.incarnation == b->accusation.incarnation;
}

/* Is the message passed on, field for field, within that time? */
static bool is_passed_on(struct solo *s, const struct gossip_message *m, uint64_t ms)
{
    const struct solo_sent *sent;

    solo_wait(s, ms);
    for (uint32_t n = 0; (sent = solo_sent(s, m->type, n)) != NULL; n++) {
        if (is_same_news(&sent->message, m))
            return true;
    }
    return false;
}

enum { U = -1, A = GOSSIP_ALIVE, S = GOSSIP_SUSPECT, D = GOSSIP_DEAD, L = GOSSIP_LEFT };

struct rumor_case {
    int held;
    uint32_t incarnation; /* of the message */
    int state;            /* afterwards */
    uint32_t raised_to;
    bool is_passed_on;
};

static void check_case(struct solo *s, const struct rumor_case *c, struct gossip_message m,
                       const char *what)
{
    bool passed_on;

    set_scene(s, c->held);
    solo_hear(s, 3, &m);
    if (solo_state(s, "m") != c->state || solo_incarnation(s, "m") != c->raised_to)
        fail_msg("%s: held %d, message at %u: now %d at %u", what, c->held, c->incarnation,
                 solo_state(s, "m"), solo_incarnation(s, "m"));
    passed_on = is_passed_on(s, &m, 2500);
    if (passed_on != c->is_passed_on)
        fail_msg("%s: held %d, message at %u: passed on %d", what, c->held, c->incarnation,
                 passed_on);
    solo_close(s);
}

static void alive_from_the_known_address(void **state)
{
    static const struct rumor_case cases[] = {
        { U, 1, A, 1, true },
        { A, HELD - 1, A, HELD, false },
        { A, HELD, A, HELD, false },
        { A, HELD + 1, A, HELD + 1, true },
        { S, HELD - 1, S, HELD, false },
        { S, HELD, S, HELD, false },
        { S, HELD + 1, A, HELD + 1, true },
        { D, HELD - 1, D, HELD, false },
        { D, HELD, D, HELD, false },
        { D, HELD + 1, A, HELD + 1, true },
        { L, HELD - 1, L, HELD, false },
        { L, HELD, L, HELD, false },
        { L, HELD + 1, A, HELD + 1, true },
    };

    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        check_case(*state, &cases[i], solo_alive("m", home, cases[i].incarnation), "alive");
}

static void alive_from_another_address(void **state)
{
    static const struct rumor_case cases[] = {
        { A, HELD + 1, A, HELD, false },
        { S, HELD + 1, S, HELD, false },
        { L, HELD - 1, A, HELD - 1, true },
        { L, HELD + 1, A, HELD + 1, true },
    };

    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        check_case(*state, &cases[i], solo_alive("m", elsewhere, cases[i].incarnation),
                   "alive elsewhere");
}

static void suspect_by_another(void **state)
{
    static const struct rumor_case cases[] = {
        { U, 1, U, 0, false },
        { A, HELD - 1, A, HELD, false },
        { A, HELD, S, HELD, true },
        { A, HELD + 1, S, HELD + 1, true },
        { S, HELD - 1, S, HELD, false },
        { S, HELD, S, HELD, false },
        { S, HELD + 1, S, HELD + 1, false },
        { D, HELD, D, HELD, false },
        { D, HELD + 1, D, HELD + 1, false },
        { L, HELD, L, HELD, false },
        { L, HELD + 1, L, HELD + 1, false },
    };

    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        check_case(*state, &cases[i],
                   solo_accusation(GOSSIP_TYPE_SUSPECT, "m", "y", cases[i].incarnation), "suspect");
}

static void dead_by_another(void **state)
{
    static const struct rumor_case cases[] = {
        { U, 1, U, 0, false },
        { A, HELD - 1, A, HELD, false },
        { A, HELD, D, HELD, true },
        { A, HELD + 1, D, HELD + 1, true },
        { S, HELD - 1, S, HELD, false },
        { S, HELD, D, HELD, true },
        { S, HELD + 1, D, HELD + 1, true },
        { D, HELD, D, HELD, false },
        { D, HELD + 1, D, HELD + 1, false },
        { L, HELD, L, HELD, false },
        { L, HELD + 1, L, HELD + 1, false },
    };

    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        check_case(*state, &cases[i],
                   solo_accusation(GOSSIP_TYPE_DEAD, "m", "y", cases[i].incarnation), "dead");
}

static void dead_by_its_own_word(void **state)
{
    static const struct rumor_case cases[] = {
        { U, 1, U, 0, false },
        { A, HELD - 1, A, HELD, false },
        { A, HELD, L, HELD, true },
        { S, HELD, L, HELD, true },
        { S, HELD + 1, L, HELD + 1, true },
        { D, HELD, D, HELD, false },
        { D, HELD + 1, D, HELD + 1, false }, /* stays dead */
        { L, HELD, L, HELD, false },
    };

    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        check_case(*state, &cases[i],
                   solo_accusation(GOSSIP_TYPE_DEAD, "m", "m", cases[i].incarnation), "left");
}

/* In a pool of nine a second and a third accuser count and are passed on, a fourth is not. */
static void accusers_are_passed_on_while_they_count(void **state)
{
    static const struct {
        const char *from;
        bool is_passed_on;
    } cases[] = { { "a", true },  { "a", false }, { "b", true },
                  { "b", false }, { "c", true },  { "d", false } };
    struct solo *s = *state;

    set_scene(s, A);
    for (unsigned i = 0; i < 6; i++)
        solo_meet(s, (const char[]){ 'n', (char)('0' + i), 0 }, 20 + i, 1);
    solo_wait(s, 2500);
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_message m = solo_accusation(GOSSIP_TYPE_SUSPECT, "m", cases[i].from, HELD);

        solo_clear(s);
        solo_hear(s, 3, &m);
        assert_true(is_passed_on(s, &m, 600) == cases[i].is_passed_on);
    }
    solo_close(s);
}

/* ---- about ourselves ---- */

static void what_is_said_of_us_is_refuted(void **state)
{
    static const struct {
        enum gossip_type type;
        const char *from;
        uint32_t incarnation;
        uint32_t raised_to; /* SOLO_INC: ignored */
    } cases[] = {
        { GOSSIP_TYPE_SUSPECT, "x", SOLO_INC - 1, SOLO_INC },
        { GOSSIP_TYPE_SUSPECT, "x", SOLO_INC, SOLO_INC + 1 },
        { GOSSIP_TYPE_SUSPECT, "x", 100, 101 },
        { GOSSIP_TYPE_DEAD, "x", SOLO_INC - 1, SOLO_INC },
        { GOSSIP_TYPE_DEAD, "x", SOLO_INC, SOLO_INC + 1 },
        { GOSSIP_TYPE_DEAD, SOLO_NAME, SOLO_INC, SOLO_INC + 1 },
        { GOSSIP_TYPE_DEAD, "x", 100, 101 },
        { GOSSIP_TYPE_SUSPECT, "x", UINT32_MAX, SOLO_INC }, /* answering it would wrap around */
    };
    struct solo *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_message m =
            solo_accusation(cases[i].type, SOLO_NAME, cases[i].from, cases[i].incarnation);
        bool is_refuted = cases[i].raised_to > SOLO_INC;

        set_scene(s, A);
        solo_hear(s, 3, &m);
        assert_int_equal(gossip_incarnation(s->g), cases[i].raised_to);
        assert_int_equal(gossip_awareness(s->g), is_refuted ? 1 : 0);
        assert_int_equal(gossip_counters(s->g)->refutations, is_refuted ? 1 : 0);
        assert_true((solo_count(s, GOSSIP_TYPE_ALIVE) > 0) == is_refuted);
        solo_close(s);
    }
}

static void a_refutation_goes_to_the_accuser_at_once(void **state)
{
    struct gossip_message m = solo_accusation(GOSSIP_TYPE_SUSPECT, SOLO_NAME, "x", SOLO_INC);
    struct solo *s = *state;
    const struct solo_sent *sent;
    bool is_answered = false;

    set_scene(s, A);
    solo_hear(s, 200, &m); /* no member at all, and yet it should know */
    for (uint32_t n = 0; (sent = solo_sent(s, GOSSIP_TYPE_ALIVE, n)) != NULL; n++) {
        assert_int_equal(sent->message.alive.incarnation, SOLO_INC + 1);
        is_answered = is_answered || muster_addr_equal(sent->to, solo_addr(200));
    }
    assert_true(is_answered);
    assert_true(solo_count(s, GOSSIP_TYPE_ALIVE) >= 3);
    solo_close(s);
}

static void alives_about_us(void **state)
{
    static const uint8_t vsn[GOSSIP_VSN_LEN] = { 1, 5, 2, 2, 5, 5 };
    static const uint8_t own[4] = { 10, 0, 0, 1 };
    static const struct {
        const uint8_t *addr;
        uint32_t incarnation;
        const char *meta;
        const uint8_t *vsn; /* NULL: ours */
        uint32_t raised_to;
        uint64_t conflicts;
    } cases[] = {
        { own, SOLO_INC - 1, "", NULL, SOLO_INC, 0 },
        { own, SOLO_INC, "", NULL, SOLO_INC, 0 }, /* our own word come back */
        { own, SOLO_INC, "other", NULL, SOLO_INC + 1, 0 },
        { own, SOLO_INC, "", vsn, SOLO_INC + 1, 0 },
        { own, SOLO_INC - 1, "other", NULL, SOLO_INC, 0 },
        { own, SOLO_INC + 7, "", NULL, SOLO_INC + 8, 0 }, /* our last life */
        { elsewhere, SOLO_INC - 1, "", NULL, SOLO_INC, 1 },
        { elsewhere, SOLO_INC, "", NULL, SOLO_INC, 1 },
        { elsewhere, SOLO_INC + 1, "", NULL, SOLO_INC, 1 },
    };
    struct solo *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_message m = solo_alive(SOLO_NAME, cases[i].addr, cases[i].incarnation);

        m.alive.meta = muster_bytes_text(cases[i].meta);
        if (cases[i].vsn != NULL)
            m.alive.vsn = MUSTER_BYTES(cases[i].vsn, GOSSIP_VSN_LEN);
        set_scene(s, U);
        solo_hear(s, 3, &m);
        assert_int_equal(gossip_incarnation(s->g), cases[i].raised_to);
        assert_int_equal(gossip_counters(s->g)->conflicts, cases[i].conflicts);
        solo_close(s);
    }
}

static void who_leaves_refutes_nothing_any_more(void **state)
{
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };
    static const uint8_t own[4] = { 10, 0, 0, 1 };
    struct gossip_message suspect =
        solo_accusation(GOSSIP_TYPE_SUSPECT, SOLO_NAME, "x", SOLO_INC + 3);
    struct gossip_message alive = solo_alive(SOLO_NAME, own, SOLO_INC + 3);
    struct solo *s = *state;
    const struct solo_sent *sent;

    set_scene(s, A);
    solo_step(s, &leave);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_DEAD), 4); /* two directly, two by gossip */
    sent = solo_sent(s, GOSSIP_TYPE_DEAD, 0);
    assert_true(muster_bytes_equal(sent->message.accusation.node, sent->message.accusation.from));
    assert_int_equal(sent->message.accusation.incarnation, SOLO_INC);
    solo_hear(s, 3, &suspect);
    solo_hear(s, 3, &alive);
    assert_int_equal(gossip_incarnation(s->g), SOLO_INC);
    assert_int_equal(solo_state(s, SOLO_NAME), GOSSIP_LEFT);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ALIVE), 0);
    solo_wait(s, 1000);
    assert_non_null(solo_effect(s, GOSSIP_EFFECT_LEFT, 0));
    assert_null(solo_effect(s, GOSSIP_EFFECT_LEFT, 1));
    solo_close(s);
}

/* IPv4 in its 16-byte form is the same address, and goes on in 4 bytes. */
static void a_mapped_address_is_the_same_address(void **state)
{
    static const uint8_t mapped[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 9 };
    struct gossip_message m = solo_alive("m", home, HELD + 1);
    struct solo *s = *state;
    struct gossip_member_view view;

    set_scene(s, A);
    m.alive.addr = MUSTER_BYTES(mapped, sizeof mapped);
    solo_hear(s, 3, &m);
    assert_int_equal(gossip_counters(s->g)->conflicts, 0);
    assert_int_equal(solo_sent(s, GOSSIP_TYPE_ALIVE, 0)->message.alive.addr.len, 4);
    assert_true(gossip_member_find(s->g, "m", &view));
    assert_true(muster_addr_equal(view.addr, solo_addr(9)));
    solo_close(s);
}

/* ---- what is too old, and what has moved ---- */

/* A stale alive says that somebody may live there who does not know what it is accused of. */
static void a_stale_alive_is_answered_with_the_accusation(void **state)
{
    static const int held[] = { S, D, L };
    struct solo *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(held); i++) {
        struct gossip_message m = solo_alive("m", home, HELD);
        const struct solo_sent *sent;

        set_scene(s, held[i]);
        solo_hear(s, 3, &m);
        solo_hear(s, 4, &m); /* once is enough */
        assert_int_equal(solo_count(s, GOSSIP_TYPE_SUSPECT), 1);
        sent = solo_sent(s, GOSSIP_TYPE_SUSPECT, 0);
        assert_true(muster_addr_equal(sent->to, solo_addr(9)));
        assert_int_equal(sent->message.accusation.incarnation, HELD);
        solo_close(s);
    }
}

/* Forgotten, but not its last incarnation: old gossip cannot bring it back, a new life can. */
static void the_forgotten_are_not_raised_by_old_gossip(void **state)
{
    struct gossip_message old = solo_alive("m", home, HELD);
    struct gossip_message fresh = solo_alive("m", home, HELD + 1);
    struct solo *s = *state;

    solo_config(s);
    s->config.to_the_dead_ms = 3000;
    solo_open(s);
    solo_meet(s, "m", 9, HELD);
    while (solo_state(s, "m") != -1) /* nobody answers its probes */
        solo_wait(s, 1000);
    solo_clear(s);
    solo_hear(s, 3, &old);
    assert_int_equal(solo_state(s, "m"), -1);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_SUSPECT), 1);
    assert_int_equal(solo_sent(s, GOSSIP_TYPE_SUSPECT, 0)->message.accusation.incarnation, HELD);
    solo_hear(s, 3, &fresh);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE);
    while (solo_state(s, "m") != -1)
        solo_wait(s, 1000);
    solo_wait(s, 600000); /* ten minutes later nobody can still be telling that */
    solo_hear(s, 3, &old);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE);
    solo_close(s);
}

static void a_dead_name_is_taken_over_when_its_owner_is_silent(void **state)
{
    struct gossip_message m = solo_alive("m", elsewhere, 1);
    struct solo *s = *state;

    set_scene(s, D);
    solo_hear(s, 77, &m);
    assert_int_equal(solo_state(s, "m"), GOSSIP_DEAD);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_PING), 1); /* the old address is asked */
    assert_true(muster_addr_equal(solo_sent(s, GOSSIP_TYPE_PING, 0)->to, solo_addr(9)));
    solo_wait(s, 3000);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE);
    assert_int_equal(solo_incarnation(s, "m"), 1);
    solo_close(s);
}

static void a_dead_name_stays_with_an_owner_who_answers(void **state)
{
    struct gossip_message m = solo_alive("m", elsewhere, 1);
    struct gossip_message ack = { .type = GOSSIP_TYPE_ACK };
    struct solo *s = *state;

    set_scene(s, D);
    solo_hear(s, 77, &m);
    ack.ack.seq = solo_sent(s, GOSSIP_TYPE_PING, 0)->message.ping.seq;
    solo_hear(s, 77, &ack); /* not from the claimant, though */
    assert_int_equal(gossip_counters(s->g)->conflicts, 0);
    solo_hear(s, 9, &ack);
    assert_int_equal(gossip_counters(s->g)->conflicts, 1);
    assert_int_equal(solo_count(s, GOSSIP_TYPE_SUSPECT), 1); /* it should know that it is dead */
    solo_wait(s, 10000);
    assert_int_equal(solo_state(s, "m"), GOSSIP_DEAD);
    solo_close(s);
}

/* It came back and died again in the meantime: that is another death, and the question is open
 * anew. */
static void a_claim_does_not_outlive_the_death_it_was_about(void **state)
{
    struct gossip_message claim = solo_alive("m", elsewhere, 1);
    struct gossip_message back = solo_alive("m", home, HELD + 1);
    struct gossip_message again = solo_accusation(GOSSIP_TYPE_DEAD, "m", "x", HELD + 1);
    struct solo *s = *state;

    set_scene(s, D);
    solo_hear(s, 77, &claim);
    solo_hear(s, 9, &back);
    solo_wait(s, 100);
    solo_hear(s, 3, &again);
    solo_wait(s, 10000);
    assert_int_equal(solo_state(s, "m"), GOSSIP_DEAD);
    solo_close(s);
}

static void a_name_proven_dead_is_free_at_once(void **state)
{
    struct gossip_event proof = { .kind = GOSSIP_EVENT_PROVEN_DEAD, .name = "m" };
    struct gossip_message m = solo_alive("m", elsewhere, 1);
    struct gossip_member_view view;
    struct solo *s = *state;

    set_scene(s, D);
    solo_step(s, &proof); /* silent death first: the proof is news of its own */
    assert_int_equal(solo_effect(s, GOSSIP_EFFECT_MEMBER, 0)->news, GOSSIP_NEWS_DEAD);
    assert_true(solo_effect(s, GOSSIP_EFFECT_MEMBER, 0)->member.is_proven);
    solo_step(s, &proof);
    assert_null(solo_effect(s, GOSSIP_EFFECT_MEMBER, 1)); /* but only once */
    solo_hear(s, 77, &m);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE);
    assert_true(gossip_member_find(s->g, "m", &view));
    assert_false(view.is_proven);
    solo_close(s);
}

/* ---- what must be dropped ---- */

static void alives_that_would_do_harm_are_dropped(void **state)
{
    static const uint8_t nowhere[4] = { 0, 0, 0, 0 };
    static const uint8_t multicast[4] = { 224, 0, 0, 1 };
    static const uint8_t min_zero[6] = { 0, 5, 2, 0, 0, 0 };
    static const uint8_t min_above_max[6] = { 5, 4, 4, 0, 0, 0 };
    static char long_name[GOSSIP_NAME_MAX + 2];
    static const uint8_t long_meta[GOSSIP_META_MAX + 1];
    struct gossip_message bad[13];
    struct solo *s = *state;

    memset(long_name, 'n', sizeof long_name - 1);
    for (size_t i = 0; i < UNIT_COUNT(bad); i++)
        bad[i] = solo_alive("m", home, 1);
    bad[0].alive.node = muster_bytes_text("");
    bad[1].alive.node = muster_bytes_text(long_name);
    bad[2].alive.node = MUSTER_BYTES("a\0b", 3);
    bad[3].alive.vsn = (struct muster_bytes){ 0 };
    bad[4].alive.vsn.len = 5;
    bad[5].alive.vsn = MUSTER_BYTES(min_zero, 6);
    bad[6].alive.vsn = MUSTER_BYTES(min_above_max, 6);
    bad[7].alive.incarnation = 0;
    bad[8].alive.incarnation = UINT32_MAX;
    bad[9].alive.port = 0;
    bad[10].alive.addr = MUSTER_BYTES(nowhere, 4);
    bad[11].alive.addr = MUSTER_BYTES(multicast, 4);
    bad[12].alive.meta = MUSTER_BYTES(long_meta, sizeof long_meta);
    set_scene(s, U);
    for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
        solo_hear(s, 3, &bad[i]);
        if (gossip_member_count(s->g) != 2 || gossip_counters(s->g)->dropped_malformed != i + 1)
            fail_msg("case %zu was taken", i);
    }
    bad[0] = solo_alive("m", home, 1);
    bad[0].alive.addr.len = 3;
    solo_hear(s, 3, &bad[0]);
    assert_int_equal(gossip_counters(s->g)->dropped_malformed, UNIT_COUNT(bad) + 1);
    solo_close(s);
}

/* Versions against a core that says 1,5,2,2,5,5, as tried with a real serf agent. */
static void versions_that_do_not_fit_the_pool_are_dropped(void **state)
{
    static const struct {
        uint8_t vsn[6];
        bool fits;
    } cases[] = {
        { { 1, 5, 2, 2, 5, 5 }, true },  { { 1, 5, 2, 2, 5, 4 }, true },
        { { 1, 2, 2, 2, 5, 5 }, true },  { { 1, 5, 5, 2, 5, 5 }, true },
        { { 2, 5, 2, 2, 5, 5 }, true },  { { 1, 5, 2, 0, 5, 5 }, true },
        { { 1, 5, 2, 2, 9, 5 }, true },  { { 3, 5, 3, 2, 5, 5 }, false },
        { { 1, 1, 1, 2, 5, 5 }, false }, { { 1, 5, 2, 2, 4, 4 }, false },
        { { 1, 5, 2, 6, 9, 6 }, false }, { { 1, 5, 2, 2, 5, 1 }, false },
        { { 1, 5, 2, 0, 0, 0 }, false },
    };
    struct solo *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_message m = solo_alive("m", home, 1);

        solo_config(s);
        memcpy(s->config.delegate, (const uint8_t[]){ 2, 5, 5 }, 3);
        solo_open(s);
        m.alive.vsn = MUSTER_BYTES(cases[i].vsn, 6);
        solo_hear(s, 9, &m);
        assert_int_equal(solo_state(s, "m"), cases[i].fits ? GOSSIP_ALIVE : -1);
        assert_int_equal(gossip_counters(s->g)->dropped_unfit, cases[i].fits ? 0 : 1);
        solo_close(s);
    }
}

static void a_full_table_turns_newcomers_away(void **state)
{
    struct solo *s = *state;

    solo_config(s);
    s->config.members_max = 3;
    solo_open(s);
    solo_meet(s, "a", 2, 1);
    solo_meet(s, "b", 3, 1);
    for (uint32_t i = 0; i < 5; i++) {
        struct gossip_message m = solo_alive("c", home, 1 + i);

        solo_hear(s, 9, &m);
    }
    assert_int_equal(gossip_member_count(s->g), 3);
    assert_int_equal(gossip_counters(s->g)->dropped_full, 5);
    solo_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alive_from_the_known_address),
        cmocka_unit_test(alive_from_another_address),
        cmocka_unit_test(suspect_by_another),
        cmocka_unit_test(dead_by_another),
        cmocka_unit_test(dead_by_its_own_word),
        cmocka_unit_test(accusers_are_passed_on_while_they_count),
        cmocka_unit_test(what_is_said_of_us_is_refuted),
        cmocka_unit_test(a_refutation_goes_to_the_accuser_at_once),
        cmocka_unit_test(alives_about_us),
        cmocka_unit_test(who_leaves_refutes_nothing_any_more),
        cmocka_unit_test(a_mapped_address_is_the_same_address),
        cmocka_unit_test(a_stale_alive_is_answered_with_the_accusation),
        cmocka_unit_test(the_forgotten_are_not_raised_by_old_gossip),
        cmocka_unit_test(a_dead_name_is_taken_over_when_its_owner_is_silent),
        cmocka_unit_test(a_dead_name_stays_with_an_owner_who_answers),
        cmocka_unit_test(a_claim_does_not_outlive_the_death_it_was_about),
        cmocka_unit_test(a_name_proven_dead_is_free_at_once),
        cmocka_unit_test(alives_that_would_do_harm_are_dropped),
        cmocka_unit_test(versions_that_do_not_fit_the_pool_are_dropped),
        cmocka_unit_test(a_full_table_turns_newcomers_away),
    };

    return cmocka_run_group_tests(tests, solo_new, solo_free);
}
