/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of triggered runs: good names, in the order in which they were made, one for one key. */
#include <string.h>

#include "agent/run_id.h"
#include "agent/run_name.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define WALL 1795412345678ULL

static struct muster_bytes id_of(const char *id)
{
    return muster_bytes_text(id);
}

static void an_id_is_part_of_a_good_name(const char *id)
{
    char key[64];
    assert_true(muster_format(key, sizeof key, "a/b:%s", id));
    assert_null(agent_run_name_fault(muster_bytes_text(key)));
    assert_true(muster_bytes_equal(agent_run_name_read(muster_bytes_text(key)).id, id_of(id)));
}

static void ids_by_time_are_in_order(void **state)
{
    char last[AGENT_RUN_ID] = "", id[AGENT_RUN_ID];
    uint64_t age = 0;
    (void)state;
    for (uint64_t i = 0; i < 2000; i++) {
        /* The luck falls while the rest rises. */
        agent_run_id_new(WALL + i / 100, (uint16_t)(i % 100 * 600), UINT64_MAX - i * i * i, id);
        assert_true(strlen(id) == AGENT_RUN_ID - 2);
        assert_true(strcmp(last, id) < 0);
        assert_true(agent_run_id_age(id_of(id)) > age);
        assert_false(agent_run_id_has_key(id_of(id)));
        an_id_is_part_of_a_good_name(id);
        age = agent_run_id_age(id_of(id));
        memcpy(last, id, sizeof last);
    }
}

static void luck_tells_two_of_one_moment_apart(void **state)
{
    char a[AGENT_RUN_ID], b[AGENT_RUN_ID];
    (void)state;
    agent_run_id_new(WALL, 7, 1, a);
    agent_run_id_new(WALL, 7, 2, b);
    assert_string_not_equal(a, b);
    assert_true(agent_run_id_age(id_of(a)) == agent_run_id_age(id_of(b)));
}

static void one_key_is_one_id(void **state)
{
    static const char *const keys[] = { "a", "b", "order-17", "order-18", "order-17 ", "" };
    char id[UNIT_COUNT(keys)][AGENT_RUN_ID], again[AGENT_RUN_ID];
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(keys); i++) {
        agent_run_id_of_key(muster_bytes_text(keys[i]), id[i]);
        agent_run_id_of_key(muster_bytes_text(keys[i]), again);
        assert_string_equal(id[i], again);
        assert_true(agent_run_id_has_key(id_of(id[i])));
        assert_true(agent_run_id_age(id_of(id[i])) == 0);
        an_id_is_part_of_a_good_name(id[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(id[i], id[k]);
    }
    /* It must not change from one version to the next: a key would name two runs. */
    assert_string_equal(id[2], "k73gxefm0d7mhwmrnvheg6tsvf9");
}

static void what_is_no_id_of_ours_has_no_age(void **state)
{
    (void)state;
    assert_true(agent_run_id_age(id_of("")) == 0);
    assert_true(agent_run_id_age(id_of("7")) == 0);
    assert_true(agent_run_id_age(id_of("01M83EVT79u000XD9FW79TZ8ZB")) == 0);
    assert_false(agent_run_id_has_key(id_of("k")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_by_time_are_in_order),
        cmocka_unit_test(luck_tells_two_of_one_moment_apart),
        cmocka_unit_test(one_key_is_one_id),
        cmocka_unit_test(what_is_no_id_of_ours_has_no_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
