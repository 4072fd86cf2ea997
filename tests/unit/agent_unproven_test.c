/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a certificate is: a name counts whole, or not at all; and who hears of whoever failed. */
#include <stdlib.h>
#include <string.h>

#include "agent/core.h"
#include "agent/unproven.h"
#include "tests/unit/unit.h"

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

/* ---- who hears of it */

static uint32_t lines(struct agent_core *core)
{
    struct agent_effect e;
    uint32_t n = 0;
    while (agent_out_next(&core->out, &e))
        n += e.kind == AGENT_EFFECT_LOG;
    agent_out_begin(&core->out);
    return n;
}

static void add(struct agent_core *core, uint8_t host, const char *why, bool may_be_chance)
{
    struct muster_addr from = { .octet = { 10, 0, 0, host }, .len = 4, .port = 1 };
    core->now.mono_ms += 1;
    from.port = (uint16_t)core->now.mono_ms;
    agent_unproven_add(core, NULL, from, muster_bytes_text(why), may_be_chance);
}

static void the_log_hears_once_and_a_crowd_a_little(void **state)
{
    struct agent_core *core = *state;
    core->now.mono_ms = 1000000;
    assert_null(agent_unproven_text(core));
    for (uint32_t i = 0; i < 100; i++)
        add(core, 1, "has none of our keys", false);
    assert_int_equal(lines(core), 1);
    assert_non_null(strstr(agent_unproven_text(core), "10.0.0.1"));
    assert_non_null(strstr(agent_unproven_text(core), "it has none of our keys"));
    add(core, 1, "speaks in the clear", false);
    assert_int_equal(lines(core), 1);
    for (uint32_t i = 0; i < 200; i++)
        add(core, (uint8_t)(2 + i), "speaks in the clear", false);
    assert_int_equal(lines(core), UNPROVEN_LINES - 2);
    core->now.mono_ms += UNPROVEN_MS;
    assert_null(agent_unproven_text(core));
    add(core, 7, "speaks in the clear", false);
    assert_int_equal(lines(core), 1);
    core->now.mono_ms += UNPROVEN_TELL_MS;
    add(core, 7, "speaks in the clear", false);
    assert_int_equal(lines(core), 1);
}

/* An agent that dies in the middle of a greeting is no fault of anybody's keys. */
static void what_may_be_chance_is_told_when_it_goes_on(void **state)
{
    struct agent_core *core = *state;
    struct muster_addr from = { .octet = { 10, 0, 0, 9 }, .len = 4 };
    core->now.mono_ms = 1000000;
    for (uint32_t i = 1; i < UNPROVEN_CHANCES; i++)
        add(core, 9, "ends connections", true);
    assert_int_equal(lines(core), 0);
    assert_null(agent_unproven_text(core));
    agent_unproven_clear(core, from);
    for (uint32_t i = 1; i < UNPROVEN_CHANCES; i++)
        add(core, 9, "ends connections", true);
    assert_int_equal(lines(core), 0);
    add(core, 9, "ends connections", true);
    assert_int_equal(lines(core), 1);
}

static int setup(void **state)
{
    struct agent_core *core = calloc(1, sizeof *core);
    assert_non_null(core);
    assert_int_equal(agent_out_open(&core->out), MUSTER_OK);
    *state = core;
    return 0;
}

static int teardown(void **state)
{
    struct agent_core *core = *state;
    agent_out_close(&core->out);
    free(core);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_counts_whole),
        cmocka_unit_test_setup_teardown(the_log_hears_once_and_a_crowd_a_little, setup, teardown),
        cmocka_unit_test_setup_teardown(what_may_be_chance_is_told_when_it_goes_on, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
