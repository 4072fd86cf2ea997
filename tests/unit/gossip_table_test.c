/* SPDX-License-Identifier: Apache-2.0 */
/* The table of members: probing order, lots, the forgotten, and what is told of whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gossip/table.h"
#include "tests/unit/unit.h"

#define MEMBERS 20
#define CROWD   200 /* so many that lots are not drawn by a pass over all */

struct stage {
    struct muster_arena arena;
    struct gossip_faces faces;
    struct gossip_table t;
    struct muster_rng rng;
};

static const uint8_t vsn[GOSSIP_VSN_LEN] = { 1, 5, 2, 0, 0, 0 };

static struct gossip_member *add(struct stage *s, unsigned n)
{
    struct gossip_member *m;
    struct muster_addr addr = { { 10, 0, 0, (uint8_t)n }, 4, 7946 };
    char name[16];

    (void)snprintf(name, sizeof name, "m%u", n);
    m = gossip_table_add(&s->t, &s->rng, muster_bytes_text(name), 1000);
    if (m == NULL)
        return NULL;
    gossip_table_set_data(&s->t, m, addr, (struct muster_bytes){ 0 }, vsn);
    gossip_table_set_state(&s->t, m, GOSSIP_ALIVE, 1000);
    m->incarnation = n + 1;
    assert_true(gossip_table_is_sane(&s->t));
    return m;
}

static int stage_fill(void **state, unsigned members)
{
    struct stage *s = calloc(1, sizeof *s);

    if (s == NULL ||
        muster_arena_open(&s->arena, gossip_table_memory(members) +
                                         gossip_faces_memory(members + 1)) != MUSTER_OK ||
        gossip_faces_init(&s->faces, &s->arena, members + 1) != MUSTER_OK ||
        gossip_table_init(&s->t, &s->arena, &s->faces, members, 77) != MUSTER_OK)
        return -1;
    muster_rng_seed(&s->rng, 3);
    for (unsigned n = 0; n < members; n++)
        assert_non_null(add(s, n));
    *state = s;
    return 0;
}

/* Number 0 is ourselves; the others are alive. */
static int stage_open(void **state)
{
    return stage_fill(state, MEMBERS);
}

static int crowd_open(void **state)
{
    return stage_fill(state, CROWD);
}

static int stage_close(void **state)
{
    struct stage *s = *state;

    muster_arena_close(&s->arena);
    free(s);
    return 0;
}

/* All that there is to tell, as letters. */
static const char *told(struct stage *s)
{
    static const char letters[] = { 'J', 'U', 'S', 'A', 'D', 'L', 'R' };
    static char text[64];
    const struct gossip_member *m;
    enum gossip_news news;
    size_t len = 0;

    while (gossip_table_tell(&s->t, &m, &news)) {
        assert_true(len < sizeof text - 1);
        text[len++] = letters[news];
    }
    text[len] = '\0';
    return text;
}

static void a_full_table_refuses(void **state)
{
    struct stage *s = *state;

    assert_null(add(s, 99));
    assert_true(gossip_table_is_sane(&s->t));
    assert_int_equal(s->t.count, MEMBERS);
}

/* Each living member exactly once in a round, in another order in the next. */
static void a_round_probes_each_once(void **state)
{
    struct stage *s = *state;
    uint32_t order[2][MEMBERS];
    struct gossip_member *m;

    gossip_table_set_state(&s->t, &s->t.member[4], GOSSIP_DEAD, 2000);
    gossip_table_set_state(&s->t, &s->t.member[5], GOSSIP_LEFT, 2000);
    gossip_table_set_state(&s->t, &s->t.member[6], GOSSIP_SUSPECT, 2000);
    for (unsigned round = 0; round < 2; round++) {
        unsigned count = 0, seen = 0;

        gossip_table_shuffle(&s->t, &s->rng);
        while ((m = gossip_table_next(&s->t)) != NULL) {
            seen |= 1u << m->number;
            order[round][count++] = m->number;
        }
        assert_int_equal(count, MEMBERS - 3); /* neither ourselves nor those who are gone */
        assert_int_equal(seen, ((1u << MEMBERS) - 1) & ~(1u << 0 | 1u << 4 | 1u << 5));
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
}

/* Whoever comes in the middle of a round takes nobody's turn and gives nobody a second one. */
static void newcomers_do_not_disturb_the_round(void **state)
{
    struct stage *s = *state;

    for (unsigned round = 0; round < 50; round++) {
        struct gossip_member *m;
        unsigned count = 0, seen = 0;

        for (unsigned n = 10; n < MEMBERS; n++) { /* make room */
            gossip_table_set_state(&s->t, &s->t.member[n], GOSSIP_DEAD, 1);
            (void)told(s);
        }
        while (gossip_table_reap(&s->t, 100000, 99999) != NULL)
            (void)told(s);
        gossip_table_release(&s->t);
        gossip_table_shuffle(&s->t, &s->rng);
        while ((m = gossip_table_next(&s->t)) != NULL) {
            if (m->face->name_len == 2) { /* m1 .. m9 */
                assert_int_equal(seen & 1u << m->number, 0);
                seen |= 1u << m->number;
                count++;
            }
            if (s->t.count < MEMBERS)
                assert_non_null(add(s, 100 + s->t.count));
        }
        assert_int_equal(count, 9);
        (void)told(s);
    }
}

/* Lots fall evenly, and only on those who may be drawn. */
static void lots_are_fair(void **state)
{
    struct gossip_lot lot = { .suspects = true, .dead = true, .dead_after_ms = 5000, .except = 9 };
    struct stage *s = *state;
    uint32_t drawn[3];
    unsigned hits[MEMBERS] = { 0 };

    gossip_table_set_state(&s->t, &s->t.member[4], GOSSIP_DEAD, 5000); /* too long ago */
    gossip_table_set_state(&s->t, &s->t.member[5], GOSSIP_DEAD, 5001);
    gossip_table_set_state(&s->t, &s->t.member[6], GOSSIP_LEFT, 9000);
    gossip_table_set_state(&s->t, &s->t.member[7], GOSSIP_SUSPECT, 9000);
    for (unsigned i = 0; i < 16000; i++) {
        assert_int_equal(gossip_table_draw(&s->t, &s->rng, &lot, 3, drawn), 3);
        assert_int_not_equal(drawn[0], drawn[1]);
        assert_int_not_equal(drawn[0], drawn[2]);
        assert_int_not_equal(drawn[1], drawn[2]);
        for (unsigned n = 0; n < 3; n++)
            hits[drawn[n]]++;
    }
    for (unsigned n = 0; n < MEMBERS; n++) {
        bool may = n != 0 && n != 4 && n != 6 && n != 9;

        if (may)
            assert_in_range(hits[n], 2800, 3200); /* 16000 * 3 / 16, give or take four sigma */
        else
            assert_int_equal(hits[n], 0);
    }
    lot = (struct gossip_lot){ .except = GOSSIP_NO_MEMBER };
    for (unsigned n = 2; n < MEMBERS; n++)
        gossip_table_set_state(&s->t, &s->t.member[n], GOSSIP_SUSPECT, 9000);
    assert_int_equal(gossip_table_draw(&s->t, &s->rng, &lot, 3, drawn), 1); /* one is alive */
    assert_int_equal(drawn[0], 1);
}

/* The same where lots are drawn by trying, and where trying finds nobody. */
static void lots_in_a_crowd_are_fair(void **state)
{
    struct gossip_lot lot = { .except = 9 };
    struct stage *s = *state;
    uint32_t drawn[3];
    unsigned hits[CROWD] = { 0 };

    for (unsigned n = 100; n < CROWD; n++)
        gossip_table_set_state(&s->t, &s->t.member[n], GOSSIP_SUSPECT, 9000);
    for (unsigned i = 0; i < 16333; i++) {
        assert_int_equal(gossip_table_draw(&s->t, &s->rng, &lot, 3, drawn), 3);
        assert_true(drawn[0] != drawn[1] && drawn[0] != drawn[2] && drawn[1] != drawn[2]);
        for (unsigned n = 0; n < 3; n++)
            hits[drawn[n]]++;
    }
    for (unsigned n = 0; n < CROWD; n++) {
        if (n != 0 && n != 9 && n < 100)
            assert_in_range(hits[n], 410, 590); /* 16333 * 3 / 98, give or take four sigma */
        else
            assert_int_equal(hits[n], 0);
    }
    for (unsigned n = 2; n < 100; n++)
        gossip_table_set_state(&s->t, &s->t.member[n], GOSSIP_SUSPECT, 9000);
    assert_int_equal(gossip_table_draw(&s->t, &s->rng, &lot, 3, drawn), 1); /* one is alive */
    assert_int_equal(drawn[0], 1);
}

static void the_gone_are_reaped_and_their_graves_kept(void **state)
{
    struct stage *s = *state;
    struct gossip_member *m;

    (void)told(s);
    gossip_table_set_state(&s->t, &s->t.member[4], GOSSIP_DEAD, 5000);
    gossip_table_set_state(&s->t, &s->t.member[5], GOSSIP_LEFT, 6000);
    assert_string_equal(told(s), "DL");
    assert_null(gossip_table_reap(&s->t, 35000, 5000));
    m = gossip_table_reap(&s->t, 35001, 5001);
    assert_int_equal(m->number, 4);
    assert_null(gossip_table_reap(&s->t, 35001, 5001));
    assert_string_equal(told(s), "R");
    assert_null(gossip_table_find(&s->t, muster_bytes_text("m4")));
    assert_int_equal(gossip_table_grave(&s->t, muster_bytes_text("m4"), 35001)->incarnation, 5);
    assert_null(gossip_table_grave(&s->t, muster_bytes_text("m5"), 35001));
    assert_null(gossip_table_grave(&s->t, muster_bytes_text("m4"), 35001 + GOSSIP_GRAVE_MS));
    assert_null(add(s, 99)); /* its place is free from the next step on */
    gossip_table_release(&s->t);
    assert_non_null(add(s, 99));
    assert_string_equal(told(s), "J");
}

static void vsn_set(struct stage *s, struct gossip_member *m, const uint8_t *other)
{
    gossip_table_set_data(&s->t, m, m->addr, (struct muster_bytes){ 0 }, other);
    assert_true(gossip_table_is_sane(&s->t));
}

static void state_set(struct stage *s, struct gossip_member *m, enum gossip_state state)
{
    gossip_table_set_state(&s->t, m, state, 5000);
    assert_true(gossip_table_is_sane(&s->t));
}

/* Equals come and go without a count; others widen the range, and narrow it when they have gone. */
static void the_range_of_versions_follows(void **state)
{
    static const uint8_t narrow[GOSSIP_VSN_LEN] = { 2, 4, 3, 0, 0, 0 };
    static const uint8_t newer[GOSSIP_VSN_LEN] = { 1, 5, 5, 0, 0, 0 };
    struct stage *s = *state;
    struct gossip_member *m = &s->t.member[4];

    assert_true(gossip_table_fits(&s->t, newer));
    state_set(s, &s->t.member[3], GOSSIP_DEAD);
    assert_non_null(gossip_table_reap(&s->t, 35001, 5001));
    assert_false(s->t.versions.is_stale);
    vsn_set(s, m, narrow);
    assert_false(gossip_table_fits(&s->t, newer)); /* m speaks 4 at most */
    assert_false(s->t.versions.is_stale);
    state_set(s, m, GOSSIP_DEAD); /* only the living limit what others may speak */
    assert_true(s->t.versions.is_stale);
    assert_true(gossip_table_fits(&s->t, newer));
    state_set(s, m, GOSSIP_ALIVE);
    assert_false(gossip_table_fits(&s->t, newer));
    vsn_set(s, m, vsn);
    assert_true(gossip_table_fits(&s->t, newer));
}

/* What happens between two looks is told as far as it still matters. */
static void what_is_told(void **state)
{
    static const struct {
        const char *before, *then, *words; /* states in turn; told in between */
    } cases[] = {
        { "a", "", "" },    { "a", "s", "S" },    { "a", "sa", "" },  { "a", "sd", "D" },
        { "as", "a", "A" }, { "as", "d", "D" },   { "as", "l", "L" }, { "ad", "a", "J" },
        { "al", "a", "J" }, { "ad", "as", "JS" }, { "a", "da", "U" }, { "a", "l", "L" },
        { "", "a", "J" },   { "", "as", "JS" },   { "", "ad", "" },
    };
    static const enum gossip_state states[] = {
        ['a'] = GOSSIP_ALIVE, ['s'] = GOSSIP_SUSPECT, ['d'] = GOSSIP_DEAD, ['l'] = GOSSIP_LEFT
    };
    struct gossip_member *m;
    struct stage *s = *state;

    (void)told(s);
    m = &s->t.member[7];
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        gossip_table_set_state(&s->t, m, GOSSIP_DEAD, 1);
        (void)told(s);
        m->told = GOSSIP_TOLD_NOTHING;
        for (const char *c = cases[i].before; *c != '\0'; c++)
            gossip_table_set_state(&s->t, m, states[(unsigned char)*c], 1);
        (void)told(s);
        for (const char *c = cases[i].then; *c != '\0'; c++) {
            if (*c == 'a' && m->state == GOSSIP_DEAD)
                m->is_changed = true; /* as rumor says of another life */
            gossip_table_set_state(&s->t, m, states[(unsigned char)*c], 1);
        }
        assert_string_equal(told(s), cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_table_refuses, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(a_round_probes_each_once, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(newcomers_do_not_disturb_the_round, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(lots_are_fair, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(lots_in_a_crowd_are_fair, crowd_open, stage_close),
        cmocka_unit_test_setup_teardown(the_gone_are_reaped_and_their_graves_kept, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(the_range_of_versions_follows, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(what_is_told, stage_open, stage_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
