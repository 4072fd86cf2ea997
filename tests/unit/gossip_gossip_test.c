/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: the settings that are refused, the memory that is asked for, the profiles. */
#include <stdlib.h>
#include <string.h>

#include "gossip/gossip.h"
#include "tests/unit/unit.h"

static struct gossip_config usual(void)
{
    struct gossip_config c = { .name = "self", .members_max = 16, .seed = 1 };

    gossip_config_lan(&c);
    assert_int_equal(muster_addr_parse(&c.advertise, "10.0.0.1:7946", 0), MUSTER_OK);
    return c;
}

static int try_open(const struct gossip_config *c, size_t size)
{
    struct muster_arena arena;
    struct gossip *g;
    int err;

    assert_int_equal(muster_arena_open(&arena, size), MUSTER_OK);
    err = gossip_open(&g, &arena, c);
    if (err == MUSTER_OK) {
        assert_true(gossip_is_sane(g));
        gossip_close(g);
    }
    muster_arena_close(&arena);
    return err;
}

static void it_takes_what_it_says_it_takes(void **state)
{
    static const uint32_t members[] = { 1, 2, 7, 100, 1024, 5000 };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(members); i++) {
        struct gossip_config c = usual();

        c.members_max = members[i];
        assert_int_equal(try_open(&c, gossip_memory(&c)), MUSTER_OK);
        assert_int_equal(try_open(&c, gossip_memory(&c) / 2), MUSTER_EFULL);
        assert_int_equal(try_open(&c, 64), MUSTER_EFULL);
    }
}

static void settings_that_make_no_sense_are_refused(void **state)
{
    enum { CASES = 22 };
    char long_name[GOSSIP_NAME_OWN_MAX + 2];
    uint8_t long_meta[GOSSIP_META_MAX + 1] = { 0 };
    struct gossip_config bad[CASES];

    (void)state;
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    for (size_t i = 0; i < CASES; i++)
        bad[i] = usual();
    bad[0].name = NULL;
    bad[1].name = "";
    bad[2].name = long_name;
    bad[3].meta = MUSTER_BYTES(long_meta, sizeof long_meta);
    bad[4].members_max = 0;
    bad[5].members_max = UINT32_MAX;
    bad[6].advertise.len = 0;
    bad[7].advertise.port = 0;
    memset(bad[8].advertise.octet, 0, 16);
    bad[9].advertise.octet[0] = 224;
    bad[10].incarnation = UINT32_MAX;
    memcpy(bad[11].delegate, (const uint8_t[]){ 2, 5, 6 }, 3);
    memcpy(bad[12].delegate, (const uint8_t[]){ 2, 5, 1 }, 3);
    bad[13].probe_interval_ms = 0;
    bad[14].probe_timeout_ms = bad[14].probe_interval_ms + 1;
    bad[15].gossip_interval_ms = UINT32_MAX;
    bad[16].suspicion_mult = 0;
    bad[17].suspicion_mult = 11; /* more accusers than there is room for */
    bad[18].indirect_checks = 17;
    bad[19].retransmit_mult = 0;
    bad[20].awareness_max = 0;
    bad[21].stream_timeout_ms = 0;
    for (size_t i = 0; i < CASES; i++) {
        int err = try_open(&bad[i], 4u << 20);

        if (err != MUSTER_EINVAL && err != MUSTER_ELIMIT)
            fail_msg("case %zu: %s", i, muster_err_name(err));
    }
}

static void the_profiles_are_memberlists(void **state)
{
    struct gossip_config lan = usual(), wan = usual(), local = usual();

    (void)state;
    gossip_config_wan(&wan);
    gossip_config_local(&local);
    assert_int_equal(try_open(&wan, gossip_memory(&wan)), MUSTER_OK);
    assert_int_equal(try_open(&local, gossip_memory(&local)), MUSTER_OK);
    assert_int_equal(lan.probe_interval_ms, 1000);
    assert_int_equal(lan.probe_timeout_ms, 500);
    assert_int_equal(lan.suspicion_mult, 4);
    assert_int_equal(wan.probe_interval_ms, 5000);
    assert_int_equal(wan.probe_timeout_ms, 3000);
    assert_int_equal(wan.gossip_nodes, 4);
    assert_int_equal(wan.suspicion_mult, 6);
    assert_int_equal(local.probe_timeout_ms, 200);
    assert_int_equal(local.indirect_checks, 1);
    assert_int_equal(local.retransmit_mult, 2);
}

static void it_knows_itself_from_the_start(void **state)
{
    const struct gossip_event tick = { .kind = GOSSIP_EVENT_TICK };
    struct gossip_config c = usual();
    struct gossip_member_view view;
    struct gossip_effect effect;
    struct muster_arena arena;
    struct gossip *g;
    char name[] = "copied";

    (void)state;
    c.name = name;
    c.meta = MUSTER_BYTES("tags", 4);
    c.delegate[1] = 5;
    assert_int_equal(muster_arena_open(&arena, gossip_memory(&c)), MUSTER_OK);
    assert_int_equal(gossip_open(&g, &arena, &c), MUSTER_OK);
    name[0] = 'X';
    assert_int_equal(gossip_deadline_ms(g), 0); /* the first step sets the clock */
    gossip_step(g, 123456, &tick);
    assert_false(gossip_next(g, &effect)); /* alone there is nothing to say */
    assert_in_range(gossip_deadline_ms(g), 123456, 123456 + c.probe_interval_ms);
    assert_int_equal(gossip_member_count(g), 1);
    gossip_member_at(g, 0, &view);
    assert_string_equal(view.name, "copied");
    assert_true(view.is_self);
    assert_int_equal(view.state, GOSSIP_ALIVE);
    assert_int_equal(view.incarnation, 1);
    assert_int_equal(view.since_ms, 123456);
    assert_true(muster_bytes_equal(view.meta, muster_bytes_text("tags")));
    assert_memory_equal(view.vsn, ((const uint8_t[]){ 1, 5, 2, 0, 5, 0 }), 6);
    gossip_close(g);
    muster_arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_takes_what_it_says_it_takes),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(the_profiles_are_memberlists),
        cmocka_unit_test(it_knows_itself_from_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
