/* SPDX-License-Identifier: Apache-2.0 */
/* Who may not share a node: lists read and asked. */
#include "agent/apart.h"

#include "tests/unit/unit.h"

static bool names(const char *list, const char *key)
{
    return agent_apart_names(list, muster_bytes_text(key));
}

static void a_list_names_jobs_by_name_and_by_beginning(void **state)
{
    (void)state;
    assert_true(names("db/main", "db/main"));
    assert_true(names("db/main", "db/main@2"));
    assert_true(names("db/main", "db/main@2026-03-28T01:00:00Z"));
    assert_false(names("db/main", "db/main2"));
    assert_false(names("db/main", "db"));
    assert_true(names(" a , db/* ,b", "db/two"));
    assert_false(names("a, db/*", "db"));
    assert_true(names("a, db*", "db"));
    assert_true(names("*", "anything"));
    assert_false(names("", "anything"));
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    assert_null(agent_apart_fault("db/main, cache/*, x*, *"));
    assert_non_null(agent_apart_fault(""));
    assert_non_null(agent_apart_fault(" "));
    assert_non_null(agent_apart_fault("a,,b"));
    assert_non_null(agent_apart_fault("Db"));
    assert_non_null(agent_apart_fault("a*b"));
    assert_non_null(agent_apart_fault("web@2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_names_jobs_by_name_and_by_beginning),
        cmocka_unit_test(what_is_no_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
