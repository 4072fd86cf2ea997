/* SPDX-License-Identifier: Apache-2.0 */
/* Names of runs: every form there and back, and what is none. */
#include <string.h>

#include "agent/run_name.h"
#include "store/row.h"
#include "tests/unit/unit.h"

#define TICK 1774659600000ULL /* 2026-03-28T01:00:00Z */

static void assert_text(struct muster_bytes bytes, const char *text)
{
    assert_true(muster_bytes_equal(bytes, muster_bytes_text(text)));
}

static struct agent_run_name there_and_back(const char *key)
{
    char again[STORE_KEY_MAX + 1];
    struct agent_run_name name = agent_run_name_read(muster_bytes_text(key));

    assert_null(agent_run_name_fault(muster_bytes_text(key)));
    assert_true(agent_run_name_is_child(muster_bytes_text(key)));
    assert_text(name.job, "a/b.2");
    if (name.id.len == 0) {
        assert_true(agent_run_name_write(&name, again));
        assert_string_equal(again, key);
    }
    return name;
}

static void every_form_there_and_back(void **state)
{
    (void)state;
    assert_int_equal(there_and_back("a/b.2@17").index, 17);
    assert_text(there_and_back("a/b.2@%n1").node, "n1");
    struct agent_run_name tick = there_and_back("a/b.2@2026-03-28T01:00:00Z");
    assert_true(tick.tick_wall_ms == TICK);
    assert_int_equal(tick.index, 0);
    tick = there_and_back("a/b.2@2026-03-28T01:00:00Z.3");
    assert_true(tick.tick_wall_ms == TICK);
    assert_int_equal(tick.index, 3);
    tick = there_and_back("a/b.2@2026-03-28T01:00:00Z%n1.x");
    assert_true(tick.tick_wall_ms == TICK);
    assert_text(tick.node, "n1.x");
    assert_text(there_and_back("a/b.2:01J9ZZ").id, "01J9ZZ");
}

static void a_job_is_no_run_of_another(void **state)
{
    struct agent_run_name name = agent_run_name_read(muster_bytes_text("a/b.2"));

    (void)state;
    assert_text(name.job, "a/b.2");
    assert_false(agent_run_name_is_child(muster_bytes_text("a/b.2")));
    assert_null(agent_run_name_fault(muster_bytes_text("a/b.2")));
}

static void what_is_no_name_is_told(void **state)
{
    static const char *const bad[] = { "a@",    "a@0",  "a@01",
                                       "a@x",   "a@%",  "a@2026-03-28T01:00:00",
                                       "a@%n@", "A@1",  "a@2026-13-28T01:00:00Z",
                                       "a:",    "a:b-", "a@2026-03-28T01:00:00Z3",
                                       "@1",    ":1",   "a@1.2" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (agent_run_name_fault(muster_bytes_text(bad[i])) == NULL)
            fail_msg("%s is taken", bad[i]);
}

static void one_that_is_too_long_is_refused(void **state)
{
    char job[129], out[STORE_KEY_MAX + 1], node[129];
    struct agent_run_name name = { .tick_wall_ms = TICK };

    (void)state;
    memset(job, 'a', 128);
    memset(node, 'n', 128);
    name.job = MUSTER_BYTES(job, 128);
    name.node = MUSTER_BYTES(node, 128);
    assert_false(agent_run_name_write(&name, out));
    name.node.len = 100;
    assert_true(agent_run_name_write(&name, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_there_and_back),
        cmocka_unit_test(a_job_is_no_run_of_another),
        cmocka_unit_test(what_is_no_name_is_told),
        cmocka_unit_test(one_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
