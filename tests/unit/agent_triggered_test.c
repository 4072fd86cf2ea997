/* SPDX-License-Identifier: Apache-2.0 */
/* How the runs of a template stand, put together from what the nodes say of those they keep; and
 * which of them may not begin. */
#include <stdlib.h>
#include <string.h>

#include "agent/triggered.h"
#include "base/wire.h"
#include "tests/unit/unit.h"

#define BUCKETS 16

static struct muster_writer said;
static uint8_t wire[1024];

static void say(uint8_t first, uint8_t second, bool goes_on, uint64_t ok, uint64_t fail)
{
    uint8_t kept[STORE_BUCKETS / 8] = { first, second };
    muster_write_array(&said, 4);
    muster_write_bytes(&said, MUSTER_BYTES(kept, sizeof kept));
    muster_write_bool(&said, goes_on);
    muster_write_u64(&said, ok);
    muster_write_u64(&said, fail);
}

static void all_say_one_thing_together(void **state)
{
    struct agent_triggered_ends sum;
    (void)state;
    said = muster_writer_over(wire, sizeof wire);
    say(0x0f, 0xff, false, 70, 0);
    say(0xf0, 0x00, false, 90, 20);
    assert_true(agent_triggered_sum(muster_writer_bytes(&said), &sum));
    assert_true(agent_triggered_is_whole(&sum, BUCKETS));
    assert_false(sum.goes_on);
    assert_int_equal(sum.ok_wall_ms, 90);
    assert_int_equal(sum.fail_wall_ms, 20);
    say(0x00, 0x00, true, 30, 25); /* one run somewhere is enough */
    assert_true(agent_triggered_sum(muster_writer_bytes(&said), &sum));
    assert_true(sum.goes_on);
    assert_int_equal(sum.ok_wall_ms, 90);
    assert_int_equal(sum.fail_wall_ms, 25);
}

static void a_bucket_of_which_nobody_speaks_may_have_a_run(void **state)
{
    struct agent_triggered_ends sum;
    (void)state;
    said = muster_writer_over(wire, sizeof wire);
    assert_true(agent_triggered_sum(muster_writer_bytes(&said), &sum));
    assert_false(agent_triggered_is_whole(&sum, BUCKETS));
    say(0x7f, 0xff, false, 70, 0);
    assert_true(agent_triggered_sum(muster_writer_bytes(&said), &sum));
    assert_false(agent_triggered_is_whole(&sum, BUCKETS));
}

static void nonsense_is_refused(void **state)
{
    struct agent_triggered_ends sum;
    (void)state;
    said = muster_writer_over(wire, sizeof wire);
    say(0xff, 0xff, false, 70, 0);
    size_t len = muster_writer_bytes(&said).len;
    for (size_t i = 1; i < len; i++)
        assert_false(agent_triggered_sum(MUSTER_BYTES(wire, i), &sum));
    said = muster_writer_over(wire, sizeof wire);
    muster_write_array(&said, 4);
    muster_write_bytes(&said, muster_bytes_text("few"));
    muster_write_bool(&said, false);
    muster_write_u64(&said, 1);
    muster_write_u64(&said, 1);
    assert_false(agent_triggered_sum(muster_writer_bytes(&said), &sum));
}

/* ---- a keeper of runs whose template is changed elsewhere */

#define ROOM_MS 5000 /* what a keeper may be silent before its runs begin without its word */

static void template_changed(struct agent_core *core, const char *job)
{
    uint8_t bytes[64];
    struct muster_writer w = muster_writer_over(bytes, sizeof bytes);
    muster_write_str(&w, muster_bytes_text(job));
    struct muster_reader r = muster_reader_over(muster_writer_bytes(&w));
    agent_triggered_changed(core, &r);
}

static bool bars(const struct agent_core *core, const char *run)
{
    const struct store_row row = { .key = muster_bytes_text(run),
                                   .phase = STORE_WAITING,
                                   .want = STORE_WANT_RUN };
    return agent_triggered_bars(core, &row);
}

static void no_run_begins_while_its_template_is_in_doubt(void **state)
{
    struct agent_core *core = *state;
    agent_triggered_asked(core, muster_bytes_text("mail"));
    assert_false(bars(core, "mail:1"));
    template_changed(core, "mail");
    assert_true(bars(core, "mail:1"));
    assert_false(bars(core, "post:1")); /* another's */
    assert_false(bars(core, "mail"));
    core->now.mono_ms += ROOM_MS - 1;
    assert_true(bars(core, "mail:1"));
    core->now.mono_ms += 1;
    assert_false(bars(core, "mail:1"));
}

static void no_run_begins_whose_template_is_gone(void **state)
{
    struct agent_core *core = *state;
    const struct agent_reply gone = { .err = MUSTER_ENOTFOUND };
    const uint64_t first = 0, second = UINT64_C(1)
                                       << 32; /* of the only template, how often asked */
    agent_triggered_asked(core, muster_bytes_text("mail"));
    template_changed(core, "mail");
    agent_triggered_answered(core, first, &gone); /* it was asked before the change */
    core->now.mono_ms += ROOM_MS;
    assert_false(bars(core, "mail:1"));
    agent_triggered_answered(core, second, &gone);
    assert_true(bars(core, "mail:1"));
}

static int setup(void **state)
{
    struct agent_core *core = calloc(1, sizeof *core);
    assert_non_null(core);
    core->config.rows_max = 4;
    core->now.mono_ms = 1000000;
    assert_int_equal(agent_triggered_open(core), MUSTER_OK);
    *state = core;
    return 0;
}

static int teardown(void **state)
{
    struct agent_core *core = *state;
    agent_triggered_close(core);
    free(core);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_say_one_thing_together),
        cmocka_unit_test(a_bucket_of_which_nobody_speaks_may_have_a_run),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test_setup_teardown(no_run_begins_while_its_template_is_in_doubt, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_run_begins_whose_template_is_gone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
