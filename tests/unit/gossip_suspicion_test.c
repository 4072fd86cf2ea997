/* SPDX-License-Identifier: Apache-2.0 */
/* How times stretch with the pool, and how accusers shorten the clock of a suspicion. */
#include <string.h>

#include "gossip/scale.h"
#include "gossip/suspicion.h"
#include "tests/unit/unit.h"

#define LAN_MULT 4
#define LAN_MAX  6

static struct gossip_suspicion_rule lan(uint32_t members)
{
    return (struct gossip_suspicion_rule){ LAN_MULT, LAN_MAX, 1000, members };
}

static void logarithms_are_cut_not_rounded(void **state)
{
    static const struct {
        uint32_t n, milli;
    } cases[] = {
        { 1, 0 },         { 2, 301 },        { 3, 477 },           { 9, 954 },
        { 10, 1000 },     { 11, 1041 },      { 99, 1995 },         { 100, 2000 },
        { 101, 2004 },    { 999, 2999 },     { 1000, 3000 },       { 9999, 3999 },
        { 10000, 4000 },  { 99999, 4999 },   { 100000, 5000 },     { 161808, 5208 },
        { 999999, 5999 }, { 1000000, 6000 }, { 1000000000, 9000 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        if (gossip_log10_milli(cases[i].n) != cases[i].milli)
            fail_msg("log10(%u) is %u", cases[i].n, gossip_log10_milli(cases[i].n));
    }
    assert_true(gossip_log2(1) == 0);
    assert_true(gossip_log2(1u << 31) == 31ull << GOSSIP_LOG2_BITS);
}

static void broadcasts_and_exchanges_scale_with_the_pool(void **state)
{
    static const struct {
        uint32_t members, retransmits, stretch;
    } cases[] = { { 1, 4, 1 },    { 8, 4, 1 },    { 9, 4, 1 },    { 10, 8, 1 },   { 32, 8, 1 },
                  { 33, 8, 2 },   { 64, 8, 2 },   { 65, 8, 3 },   { 99, 8, 3 },   { 100, 12, 3 },
                  { 128, 12, 3 }, { 129, 12, 4 }, { 999, 12, 6 }, { 1000, 16, 6 } };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        assert_int_equal(gossip_retransmits(4, cases[i].members), cases[i].retransmits);
        assert_int_equal(gossip_push_pull_stretch(cases[i].members), cases[i].stretch);
    }
}

/* Figures measured on real peers: 24.0 s alone, 11.4 s with one more accuser, 4.0 s with two. */
static void nine_members_measured(void **state)
{
    struct gossip_suspicion_rule rule = lan(9);
    struct gossip_suspicion s;

    (void)state;
    gossip_suspicion_start(&s, 5000, 1, &rule);
    assert_int_equal(gossip_suspicion_deadline_ms(&s), 5000 + 24000);
    assert_true(gossip_suspicion_confirm(&s, 2));
    assert_int_equal(gossip_suspicion_deadline_ms(&s), 5000 + 11381);
    assert_true(gossip_suspicion_confirm(&s, 3));
    assert_int_equal(gossip_suspicion_deadline_ms(&s), 5000 + 4000);
}

static void an_accuser_counts_once_and_only_so_many_count(void **state)
{
    struct gossip_suspicion_rule rule = lan(9);
    struct gossip_suspicion s;

    (void)state;
    gossip_suspicion_start(&s, 0, 1, &rule);
    assert_false(gossip_suspicion_confirm(&s, 1)); /* the first accuser again */
    assert_true(gossip_suspicion_confirm(&s, 2));
    assert_false(gossip_suspicion_confirm(&s, 2));
    assert_true(gossip_suspicion_confirm(&s, 3));
    assert_false(gossip_suspicion_confirm(&s, 4)); /* enough of them */
    assert_int_equal(gossip_suspicion_deadline_ms(&s), 4000);
}

static void the_clock_in_pools_of_all_sizes(void **state)
{
    static const struct {
        uint32_t members;
        uint64_t alone_ms, confirmed_ms; /* confirmed by as many as count */
    } cases[] = {
        { 1, 4000, 4000 }, /* too few to confirm anything: no time is given for it */
        { 2, 4000, 4000 },   { 3, 4000, 4000 },    { 4, 24000, 4000 },     { 10, 24000, 4000 },
        { 11, 24984, 4164 }, { 100, 48000, 8000 }, { 1000, 72000, 12000 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_suspicion_rule rule = lan(cases[i].members);
        struct gossip_suspicion s;

        gossip_suspicion_start(&s, 0, 0, &rule);
        assert_int_equal(gossip_suspicion_deadline_ms(&s), cases[i].alone_ms);
        for (uint64_t accuser = 1; accuser < 5; accuser++)
            (void)gossip_suspicion_confirm(&s, accuser);
        assert_int_equal(gossip_suspicion_deadline_ms(&s), cases[i].confirmed_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logarithms_are_cut_not_rounded),
        cmocka_unit_test(broadcasts_and_exchanges_scale_with_the_pool),
        cmocka_unit_test(nine_members_measured),
        cmocka_unit_test(an_accuser_counts_once_and_only_so_many_count),
        cmocka_unit_test(the_clock_in_pools_of_all_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
