/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a certificate is: a name counts whole, or not at all. */
#include "tests/unit/unit.h"

#include "agent/unproven.h"

static void a_name_counts_whole(void **state)
{
    static const char list[] = "alpha\0b\0charlie.example\0";
    static const struct {
        const char *name;
        bool is_there;
    } cases[] = {
        { "alpha", true }, { "b", true },       { "charlie.example", true },  { "alph", false },
        { "lpha", false }, { "alphab", false }, { "charlie", false },         { "example", false },
        { "", false },     { "Alpha", false },  { "charlie.example.", false }
    };
    struct muster_bytes names = MUSTER_BYTES(list, sizeof list - 1);

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_int_equal(agent_unproven_has(names, muster_bytes_text(cases[i].name)),
                         cases[i].is_there);
    assert_false(agent_unproven_has(names, MUSTER_BYTES("alpha\0b", 7)));
    assert_false(agent_unproven_has(MUSTER_BYTES(NULL, 0), muster_bytes_text("alpha")));
    /* A list that was cut has a last name without its NUL. */
    assert_true(agent_unproven_has(MUSTER_BYTES(list, 5), muster_bytes_text("alpha")));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_name_counts_whole) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
