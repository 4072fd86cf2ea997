/* SPDX-License-Identifier: Apache-2.0 */
/* What was said before: left out, and put back. */
#include <stdlib.h>
#include <string.h>

#include "agent/again.h"
#include "agent/message.h"
#include "store/store.h"
#include "tests/unit/unit.h"

#define FRAME_MAX (AGENT_AGAIN_MAX + 64)

struct stage {
    struct agent_again said, heard;
    uint8_t frame[FRAME_MAX];
};

static int stage_open(void **state)
{
    *state = calloc(1, sizeof(struct stage));
    return *state == NULL ? -1 : 0;
}

static int stage_close(void **state)
{
    struct stage *s = *state;

    agent_again_forget(&s->said);
    agent_again_forget(&s->heard);
    free(s);
    return 0;
}

/* A frame of items that are all alike: [kind, hour, "mark mark …"]. */
static struct muster_bytes frame(struct stage *s, uint64_t kind, uint64_t hour, char mark,
                                 size_t len)
{
    struct muster_writer w = muster_writer_over(s->frame, sizeof s->frame);
    char *items = malloc(len);

    assert_non_null(items);
    memset(items, mark, len);
    agent_write_head(&w, (uint32_t)kind, 3);
    muster_write_u64(&w, hour);
    muster_write_bytes(&w, MUSTER_BYTES(items, len));
    free(items);
    assert_int_equal(muster_writer_err(&w), MUSTER_OK);
    return muster_writer_bytes(&w);
}

/* Says it over the link; returns how many bytes that took. What is heard is what was said. */
static size_t carried(struct stage *s, struct muster_bytes whole)
{
    uint8_t room[AGENT_AGAIN_WORD];
    struct muster_bytes sent = agent_again_say(&s->said, whole, room), heard;

    assert_int_equal(agent_again_hear(&s->heard, sent, &heard), MUSTER_OK);
    assert_true(muster_bytes_equal(heard, whole));
    return sent.len;
}

static void what_was_said_before_is_a_word(void **state)
{
    static const uint64_t hours[] = { 1, 200, 70000, 1ull << 33, UINT64_MAX };
    struct stage *s = *state;

    for (size_t i = 0; i < UNIT_COUNT(hours); i++)
        for (uint64_t kind = STORE_BEAT; kind <= STORE_BEAT_OK; kind++) {
            size_t len = carried(s, frame(s, kind, hours[i], 'a', 500));

            if (i == 0)
                assert_true(len > 500);
            else
                assert_in_range(len, 4, AGENT_AGAIN_WORD);
        }
    assert_true(carried(s, frame(s, STORE_BEAT, 9, 'b', 500)) > 500); /* of the same length */
    assert_in_range(carried(s, frame(s, STORE_BEAT, 10, 'b', 500)), 4, AGENT_AGAIN_WORD);
    assert_in_range(carried(s, frame(s, STORE_BEAT_OK, 10, 'a', 500)), 4, AGENT_AGAIN_WORD);
    assert_true(carried(s, frame(s, STORE_BEAT, 11, 'b', 499)) > 499);
    assert_true(carried(s, frame(s, STORE_BEAT, 12, 'b', 500)) > 500);
}

static void nothing_else_is_left_out(void **state)
{
    struct stage *s = *state;

    for (int i = 0; i < 3; i++) {
        assert_true(carried(s, frame(s, STORE_PUT, 0, 'a', 100)) > 100);
        assert_true(carried(s, frame(s, STORE_BEAT, 7, 'a', AGENT_AGAIN_MAX)) > AGENT_AGAIN_MAX);
        assert_int_equal(carried(s, MUSTER_BYTES("\x93\x06", 2)), 2);
        assert_int_equal(carried(s, MUSTER_BYTES("\x93\x06\xa1x", 4)), 4); /* the hour is a text */
    }
}

static void another_link_begins_anew(void **state)
{
    struct stage *s = *state;

    (void)carried(s, frame(s, STORE_BEAT, 1, 'a', 100));
    agent_again_forget(&s->said);
    agent_again_forget(&s->heard);
    assert_true(carried(s, frame(s, STORE_BEAT, 2, 'a', 100)) > 100);
}

static void a_word_for_nothing_is_a_fault(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = { { "\x93\x4d\x06\x01", 4 }, /* nothing was said yet */
                  { "\x93\x4d\x04\x01", 4 }, /* another kind */
                  { "\x94\x4d\x06\x01\x01", 5 },
                  { "\x92\x4d\x06", 3 } };
    struct stage *s = *state;
    struct muster_bytes heard;

    assert_int_equal(AGENT_MSG_AGAIN, 0x4d);
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_int_equal(
            agent_again_hear(&s->heard, MUSTER_BYTES(cases[i].bytes, cases[i].len), &heard),
            MUSTER_ECORRUPT);
    (void)carried(s, frame(s, STORE_BEAT, 1, 'a', 100));
    assert_int_equal(agent_again_hear(&s->heard, MUSTER_BYTES("\x93\x4d\x06\x01", 4), &heard),
                     MUSTER_OK);
    for (size_t i = 1; i < UNIT_COUNT(cases); i++)
        assert_int_equal(
            agent_again_hear(&s->heard, MUSTER_BYTES(cases[i].bytes, cases[i].len), &heard),
            MUSTER_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_said_before_is_a_word, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(nothing_else_is_left_out, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(another_link_begins_anew, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(a_word_for_nothing_is_a_fault, stage_open, stage_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
