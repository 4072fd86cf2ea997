/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a cluster: their times keep the rules of section 15, and they come back as they were
 * written. (R45, R58) */
#include <string.h>

#include "agent/meta.h"
#include "agent/node.h"
#include "tests/unit/unit.h"

static struct agent_node_config config_of(int32_t profile)
{
    struct agent_node_config c;

    agent_node_config_default(&c);
    agent_settings_apply(&c, (struct agent_settings){ profile, false });
    return c;
}

static void every_profile_keeps_the_rules(void **state)
{
    (void)state;
    for (int32_t p = AGENT_PROFILE_LAN; p <= AGENT_PROFILE_LOCAL; p++) {
        struct agent_node_config c = config_of(p);
        const char *fault = agent_times_fault(&c);
        if (fault != NULL)
            fail_msg("profile %d: %s", p, fault);
    }
}

/* Section 15: what must hold, each at the edge where it does not. */
static void times_that_break_a_promise_are_refused(void **state)
{
    struct agent_node_config c = config_of(AGENT_PROFILE_LAN);
    struct agent_node *node = NULL;

    (void)state;
    c.dead_man_ms = 3000;
    assert_null(agent_times_fault(&c));
    c.dead_man_ms = 3001;
    assert_non_null(strstr(agent_times_fault(&c), "dead-man"));
    assert_int_equal(agent_node_open(&node, &c), MUSTER_EINVAL);
    c = config_of(AGENT_PROFILE_WAN);
    c.times.horizon_ms = 10001;
    assert_null(agent_times_fault(&c));
    c.times.horizon_ms = 10000;
    assert_non_null(strstr(agent_times_fault(&c), "horizon"));
    c = config_of(AGENT_PROFILE_LAN);
    c.hold_ms = 1000;
    assert_non_null(strstr(agent_times_fault(&c), "horizon"));
    c = config_of(AGENT_PROFILE_LAN);
    c.start_repeat_ms = c.hold_ms;
    assert_non_null(strstr(agent_times_fault(&c), "reported"));
    c = config_of(AGENT_PROFILE_LAN);
    c.silent_ms = c.hold_ms;
    assert_non_null(strstr(agent_times_fault(&c), "silent"));
}

static void majority_means_no_claims(void **state)
{
    struct agent_node_config c = config_of(AGENT_PROFILE_WAN);

    (void)state;
    assert_true(c.times.has_claims);
    agent_settings_apply(&c, (struct agent_settings){ AGENT_PROFILE_WAN, true });
    assert_false(c.times.has_claims);
    assert_int_equal(c.lonely_ms, 30000);
}

static void settings_come_back(void **state)
{
    char text[AGENT_SETTINGS_TEXT];

    (void)state;
    for (int32_t i = 0; i < 6; i++) {
        struct agent_settings s = { i / 2, i % 2 == 1 }, back = { -1, false };
        assert_true(agent_settings_parse(&back, muster_bytes_text(agent_settings_text(s, text))));
        assert_true(agent_settings_equal(s, back));
    }
    struct agent_settings none;
    assert_false(agent_settings_parse(&none, muster_bytes_text("lan")));
    assert_false(agent_settings_parse(&none, muster_bytes_text("moon available")));
    assert_false(agent_settings_parse(&none, muster_bytes_text("")));
}

/* A newcomer reads them beside the cluster's id, in gossip's meta. */
static void a_newcomer_is_told_with_the_cluster_id(void **state)
{
    struct agent_meta m = { .id = { { 1 } },
                            .cluster = { { 2 } },
                            .slots = 4,
                            .weight = 4,
                            .settings = { AGENT_PROFILE_WAN, true } };
    struct agent_meta back;
    uint8_t wire[AGENT_META_MAX];
    size_t len = 0;

    (void)state;
    assert_int_equal(agent_meta_encode(&m, wire, sizeof wire, &len, NULL), MUSTER_OK);
    assert_int_equal(agent_meta_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_OK);
    assert_true(agent_settings_equal(m.settings, back.settings));
    m.cluster = (struct muster_id){ { 0 } }; /* in no cluster: they are only wishes */
    assert_int_equal(agent_meta_encode(&m, wire, sizeof wire, &len, NULL), MUSTER_OK);
    assert_int_equal(agent_meta_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_OK);
    assert_int_equal(back.settings.profile, AGENT_PROFILE_LAN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_keeps_the_rules),
        cmocka_unit_test(times_that_break_a_promise_are_refused),
        cmocka_unit_test(majority_means_no_claims),
        cmocka_unit_test(settings_come_back),
        cmocka_unit_test(a_newcomer_is_told_with_the_cluster_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
