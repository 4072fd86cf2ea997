/* SPDX-License-Identifier: Apache-2.0 */
/* What one node says another understands, whole or not at all. */
#include "tests/unit/unit.h"

#include <string.h>

#include "agent/message.h"
#include "base/rng.h"

static uint8_t buffer[8192];

static struct muster_reader read_back(const struct muster_writer *w, uint32_t message)
{
    assert_int_equal(muster_writer_err(w), MUSTER_OK);
    struct muster_reader r = muster_reader_over(muster_writer_bytes(w));
    assert_int_equal(agent_read_head(&r).message, message);
    return r;
}

/* R2, R3: who speaks, from which boot, and the nonce that a copy of its folder cannot know. */
static void a_hello_comes_back(void **state)
{
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    struct agent_msg_hello m = { .protocol = AGENT_PROTOCOL,
                                 .self = { { 'S' } },
                                 .boot = 7,
                                 .nonce = UINT64_MAX - 1,
                                 .name = muster_bytes_text("alpha"),
                                 .is_dialer = true,
                                 .takes_again = true };
    struct agent_msg_hello back = { 0 };
    (void)state;
    agent_write_hello(&w, &m);
    struct muster_reader r = muster_reader_over(muster_writer_bytes(&w));
    struct agent_head head = agent_read_head(&r);
    assert_int_equal(head.message, AGENT_MSG_HELLO);
    agent_read_hello(&r, head.left, &back);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_true(back.nonce == m.nonce);
    assert_true(back.boot == 7);
    assert_true(back.is_dialer);
    assert_true(back.takes_again);
    /* An older build says no nonce. */
    r = muster_reader_over(muster_writer_bytes(&w));
    (void)agent_read_head(&r);
    back.nonce = 0;
    agent_read_hello(&r, head.left - 2, &back);
    assert_true(muster_reader_ok(&r));
    assert_true(back.nonce == 0);
}

static void a_hold_comes_back(void **state)
{
    (void)state;
    struct agent_msg_hold m = { .key = muster_bytes_text("feed/a"), .token = 1ull << 60 };
    struct agent_msg_hold back = { 0 };
    m.state = AGENT_RUN_BACKOFF;
    m.attempt = 3;
    m.pid = -1;
    m.failures = 2;
    m.not_before_wall_ms = 1750000000123;
    m.exit_code = 75;
    m.exit_signal = -7;
    m.note = muster_bytes_text("exit 75");
    m.is_live = true;
    m.done = 3;
    m.total = 1ull << 40;
    m.uid = 1ull << 50;
    m.revision = 7;
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_write_hold(&w, &m);
    struct muster_reader r = muster_reader_over(muster_writer_bytes(&w));
    agent_read_hold(&r, &back);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_true(muster_bytes_equal(m.key, back.key));
    assert_true(back.token == 1ull << 60);
    assert_int_equal(back.state, AGENT_RUN_BACKOFF);
    assert_int_equal(back.pid, -1);
    assert_int_equal(back.exit_signal, -7);
    assert_true(back.not_before_wall_ms == 1750000000123);
    assert_true(muster_bytes_equal(m.note, back.note));
    assert_true(back.is_live);
    assert_int_equal(back.done, 3);
    assert_true(back.total == 1ull << 40);
    assert_true(back.uid == 1ull << 50);
    assert_int_equal(back.revision, 7);
}

static void an_older_hold_is_understood(void **state)
{
    (void)state;
    uint8_t older[512];
    struct agent_msg_hold m = { .key = muster_bytes_text("a"), .token = 5 }, back = { .total = 9 };
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_write_hold(&w, &m);
    struct muster_reader r = muster_reader_over(muster_writer_bytes(&w));
    (void)muster_read_array(&r, 64);
    struct muster_writer less = muster_writer_over(older, sizeof older);
    muster_write_array(&less, 13);
    for (int i = 0; i < 13; i++)
        muster_write_plain(&less, muster_read_raw_value(&r));
    r = muster_reader_over(muster_writer_bytes(&less));
    agent_read_hold(&r, &back);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_int_equal(back.token, 5);
    assert_int_equal(back.total, 0);
}

static void what_a_run_leaves_comes_back(void **state)
{
    (void)state;
    struct agent_msg_left m = { .key = muster_bytes_text("a"), .token = 5, .attempt = 2 };
    struct agent_msg_left back = { 0 };
    m.kind = AGENT_LEFT_RESULT;
    m.number = 1ull << 50;
    m.bytes = muster_bytes_text("it is done");
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_write_left(&w, &m);
    struct muster_reader r = read_back(&w, AGENT_MSG_LEFT);
    agent_read_left(&r, &back);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_true(muster_bytes_equal(back.key, m.key) && muster_bytes_equal(back.bytes, m.bytes));
    assert_true(back.token == 5 && back.attempt == 2 && back.number == 1ull << 50);
    assert_int_equal(back.kind, AGENT_LEFT_RESULT);
    m.kind = AGENT_LEFT_KINDS;
    w = muster_writer_over(buffer, sizeof buffer);
    agent_write_left(&w, &m);
    r = read_back(&w, AGENT_MSG_LEFT);
    agent_read_left(&r, &back);
    assert_false(muster_reader_ok(&r));
}

static void the_answer_to_a_hold_comes_back(void **state)
{
    (void)state;
    struct agent_msg_hold_ok m = { .key = muster_bytes_text("a"), .token = 5, .asked_ms = 77 };
    struct agent_msg_hold_ok back = { 0 };
    m.keeper_ms = 1ull << 50;
    m.lease_ms = 5500;
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_write_hold_ok(&w, &m);
    struct muster_reader r = read_back(&w, AGENT_MSG_HOLD_OK);
    agent_read_hold_ok(&r, &back);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_true(muster_bytes_equal(m.key, back.key));
    assert_int_equal(back.token, 5);
    assert_int_equal(back.asked_ms, 77);
    assert_true(back.keeper_ms == 1ull << 50);
    assert_int_equal(back.lease_ms, 5500);
}

static void a_newer_hold_is_understood(void **state)
{
    (void)state;
    struct agent_msg_hold m = { .key = muster_bytes_text("a"), .token = 5 }, back = { 0 };
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_write_hold(&w, &m);
    uint8_t later[512]; /* with one element more than this build knows */
    struct muster_reader r = muster_reader_over(muster_writer_bytes(&w));
    uint32_t fields = muster_read_array(&r, 64);
    struct muster_writer more = muster_writer_over(later, sizeof later);
    muster_write_array(&more, fields + 1);
    muster_write_plain(&more, MUSTER_BYTES(r.at, muster_reader_left(&r)));
    muster_write_text(&more, "from the future");
    r = muster_reader_over(muster_writer_bytes(&more));
    agent_read_hold(&r, &back);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_true(back.token == 5);
}

static void an_operation_comes_back(void **state)
{
    (void)state;
    struct agent_request q = { .op = AGENT_OP_JOB_PUT, .name = "a/b", .create_only = true };
    struct agent_request back = { 0 };
    char text[256];
    uint64_t number = 0;
    bool is_local = true;
    q.spec = muster_bytes_text("{}");
    q.node = "alpha";
    q.request_id[1] = 9;
    q.offset = 1ull << 40;
    q.follow = true;
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_write_op(&w, 77, false, &q);
    struct muster_reader r = read_back(&w, AGENT_MSG_OP);
    agent_read_op(&r, &number, &is_local, &back, text, sizeof text);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_int_equal(number, 77);
    assert_false(is_local);
    assert_string_equal(back.name, "a/b");
    assert_string_equal(back.node, "alpha");
    assert_string_equal(back.after, "");
    assert_true(back.create_only);
    assert_true(back.follow);
    assert_true(back.offset == 1ull << 40);
    assert_int_equal(back.request_id[1], 9);
}

/* The last element of both is one that a build from before did not have. */
static void of_which_reign_an_operation_is_asked(void **state)
{
    (void)state;
    struct agent_request q = { .op = AGENT_OP_JOB_DELETE, .name = "a", .reign = 5ull << 16 | 2 };
    struct agent_request back = { 0 };
    struct agent_msg_reply reply = { .number = 7, .reign = 3 }, told = { 0 };
    char text[256];
    uint64_t number = 0;
    bool is_local = true;
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_write_op(&w, 77, false, &q);
    struct muster_reader r = read_back(&w, AGENT_MSG_OP);
    agent_read_op(&r, &number, &is_local, &back, text, sizeof text);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_true(back.reign == q.reign);

    q.reign = 0;
    w = muster_writer_over(buffer, sizeof buffer);
    agent_write_op(&w, 77, false, &q);
    r = read_back(&w, AGENT_MSG_OP);
    r.end--;
    agent_read_op(&r, &number, &is_local, &back, text, sizeof text);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_true(back.reign == AGENT_REIGN_ANY);

    w = muster_writer_over(buffer, sizeof buffer);
    agent_write_reply(&w, &reply);
    r = read_back(&w, AGENT_MSG_OP_OK);
    agent_read_reply(&r, &told);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_int_equal(told.reign, 3);
    r = read_back(&w, AGENT_MSG_OP_OK);
    r.end--;
    agent_read_reply(&r, &told);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    assert_int_equal(told.reign, 0);
}

static void an_operation_too_long_is_refused(void **state)
{
    (void)state;
    struct agent_request q = { .op = AGENT_OP_JOB_GET, .name = "a-long-name" }, back = { 0 };
    char text[8];
    uint64_t number = 0;
    bool is_local = false;
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_write_op(&w, 1, false, &q);
    struct muster_reader r = read_back(&w, AGENT_MSG_OP);
    agent_read_op(&r, &number, &is_local, &back, text, sizeof text);
    assert_int_not_equal(muster_reader_end(&r), MUSTER_OK);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct muster_rng rng;
    muster_rng_seed(&rng, 3);
    for (int i = 0; i < 50000; i++) {
        uint8_t wire[96];
        char text[128];
        size_t len = (size_t)muster_rng_below(&rng, sizeof wire);
        struct agent_request q = { 0 };
        struct agent_msg_hold hold = { 0 };
        struct agent_msg_done done = { 0 };
        uint64_t number = 0;
        bool is_local = false;
        for (size_t k = 0; k < len; k++)
            wire[k] = (uint8_t)muster_rng_next(&rng);
        struct muster_reader r = muster_reader_over(MUSTER_BYTES(wire, len));
        agent_read_op(&r, &number, &is_local, &q, text, sizeof text);
        assert_int_not_equal(muster_reader_end(&r), MUSTER_OK);
        r = muster_reader_over(MUSTER_BYTES(wire, len));
        agent_read_hold(&r, &hold);
        r = muster_reader_over(MUSTER_BYTES(wire, len));
        agent_read_done(&r, &done);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_comes_back),
        cmocka_unit_test(a_hold_comes_back),
        cmocka_unit_test(a_newer_hold_is_understood),
        cmocka_unit_test(an_older_hold_is_understood),
        cmocka_unit_test(what_a_run_leaves_comes_back),
        cmocka_unit_test(the_answer_to_a_hold_comes_back),
        cmocka_unit_test(an_operation_comes_back),
        cmocka_unit_test(of_which_reign_an_operation_is_asked),
        cmocka_unit_test(an_operation_too_long_is_refused),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
