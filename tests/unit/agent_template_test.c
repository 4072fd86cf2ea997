/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a triggered run, by what its template wants and how old it is; and the notation
 * in which runs are asked for. */
#include <string.h>

#include "agent/run_id.h"
#include "agent/template.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define NOW 1795412345678ULL
#define DAY 86400000ULL

struct fate_case {
    const char *id; /* NULL: one of NOW */
    enum store_want want;
    enum store_phase phase;
    const char *reason;
    uint64_t token, parent_uid, age_ms;
    struct agent_template_rule rule;
    enum agent_fate fate;
};

#define RULE(w)                                                                                    \
    {                                                                                              \
        .uid = 9, .want = w, .keep_age_ms = DAY                                                    \
    }
#define KEYED "k49q7nvdjrvab8y9wm26fmnhp55"

static const struct fate_case fates[] = {
    /* what runs or waits is left alone */
    { .phase = STORE_WAITING, .parent_uid = 9, .rule = RULE(STORE_WANT_RUN) },
    { .phase = STORE_PLACED, .token = 5, .parent_uid = 9, .rule = RULE(STORE_WANT_RUN) },
    { .phase = STORE_PLACED, .token = 5, .parent_uid = 9, .rule = RULE(STORE_WANT_HOLD) },
    { .phase = STORE_HELD,
      .want = STORE_WANT_HOLD,
      .reason = "held by a person",
      .parent_uid = 9,
      .rule = RULE(STORE_WANT_RUN),
      .age_ms = 100 * DAY },
    /* the template is gone, or is another by that name; an older one that somebody still knows
       says nothing */
    { .phase = STORE_PLACED,
      .token = 5,
      .parent_uid = 9,
      .rule = { .is_gone = true },
      .fate = AGENT_FATE_GO },
    { .phase = STORE_WAITING,
      .parent_uid = 8,
      .rule = RULE(STORE_WANT_RUN),
      .fate = AGENT_FATE_GO },
    { .phase = STORE_WAITING, .parent_uid = 10, .rule = RULE(STORE_WANT_RUN) },
    /* held and released with it */
    { .phase = STORE_WAITING,
      .parent_uid = 9,
      .rule = RULE(STORE_WANT_HOLD),
      .fate = AGENT_FATE_HOLD },
    { .phase = STORE_HELD,
      .want = STORE_WANT_HOLD,
      .reason = AGENT_TEMPLATE_HELD,
      .parent_uid = 9,
      .rule = RULE(STORE_WANT_HOLD) },
    { .phase = STORE_HELD,
      .want = STORE_WANT_HOLD,
      .reason = AGENT_TEMPLATE_HELD,
      .parent_uid = 9,
      .rule = RULE(STORE_WANT_RUN),
      .fate = AGENT_FATE_RUN },
    /* stopped with it */
    { .phase = STORE_PLACED,
      .token = 5,
      .parent_uid = 9,
      .rule = RULE(STORE_WANT_STOP),
      .fate = AGENT_FATE_STOP },
    { .phase = STORE_HELD,
      .want = STORE_WANT_HOLD,
      .reason = AGENT_TEMPLATE_HELD,
      .parent_uid = 9,
      .rule = RULE(STORE_WANT_STOP),
      .fate = AGENT_FATE_STOP },
    { .phase = STORE_PLACED,
      .want = STORE_WANT_STOP,
      .token = 5,
      .parent_uid = 9,
      .rule = RULE(STORE_WANT_STOP) },
    { .phase = STORE_DONE, .parent_uid = 9, .rule = RULE(STORE_WANT_STOP) },
    /* old by age, with a key too; by their number without a key alone */
    { .phase = STORE_DONE,
      .parent_uid = 9,
      .age_ms = DAY + 1,
      .rule = RULE(STORE_WANT_RUN),
      .fate = AGENT_FATE_GO },
    { .phase = STORE_DONE, .parent_uid = 9, .age_ms = DAY, .rule = RULE(STORE_WANT_RUN) },
    { .phase = STORE_DONE,
      .id = KEYED,
      .parent_uid = 9,
      .age_ms = DAY + 1,
      .rule = RULE(STORE_WANT_RUN),
      .fate = AGENT_FATE_GO },
    { .phase = STORE_DONE,
      .parent_uid = 9,
      .rule = { .uid = 9, .keep_age_ms = DAY, .ok_from = UINT64_MAX },
      .fate = AGENT_FATE_GO },
    { .phase = STORE_DONE,
      .parent_uid = 9,
      .rule = { .uid = 9, .keep_age_ms = DAY, .fail_from = UINT64_MAX } },
    { .phase = STORE_FAILED,
      .parent_uid = 9,
      .rule = { .uid = 9, .keep_age_ms = DAY, .fail_from = UINT64_MAX },
      .fate = AGENT_FATE_GO },
    { .phase = STORE_HELD,
      .want = STORE_WANT_STOP,
      .parent_uid = 9,
      .rule = { .uid = 9, .keep_age_ms = DAY, .fail_from = UINT64_MAX },
      .fate = AGENT_FATE_GO },
    { .phase = STORE_DONE,
      .id = KEYED,
      .parent_uid = 9,
      .rule = { .uid = 9, .keep_age_ms = DAY, .ok_from = UINT64_MAX } },
    { .phase = STORE_PLACED,
      .token = 5,
      .parent_uid = 9,
      .rule = { .uid = 9, .keep_age_ms = DAY, .ok_from = UINT64_MAX, .fail_from = UINT64_MAX } },
};

static void a_run_follows_its_template(void **state)
{
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(fates); i++) {
        const struct fate_case *c = &fates[i];
        char id[AGENT_RUN_ID], key[64];
        agent_run_id_new(NOW, 0, i, id);
        assert_true(muster_format(key, sizeof key, "a:%s", c->id != NULL ? c->id : id));
        const struct store_row row = { .key = muster_bytes_text(key),
                                       .want = c->want,
                                       .phase = c->phase,
                                       .run_token = c->token,
                                       .parent_uid = c->parent_uid,
                                       .since_wall_ms = NOW - c->age_ms,
                                       .reason =
                                           muster_bytes_text(c->reason != NULL ? c->reason : "") };
        enum agent_fate fate = agent_template_fate(&c->rule, &row, NOW);
        if (fate != c->fate)
            fail_msg("case %zu: fate %d and not %d", i, (int)fate, (int)c->fate);
    }
}

static void items_there_and_back(void **state)
{
    static const struct agent_trigger_item items[] = {
        { .has_arg = false },
        { .has_arg = true },
        { .has_key = true, .key = { (const uint8_t *)"k", 1 } },
        { .has_arg = true,
          .arg = { (const uint8_t *)"two words", 9 },
          .has_key = true,
          .key = { (const uint8_t *)"key", 3 } },
    };
    struct agent_trigger_item item;
    uint8_t wire[256];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(items); i++)
        agent_trigger_item_write(&w, &items[i]);
    struct muster_reader r = muster_reader_over(muster_writer_bytes(&w));
    for (size_t i = 0; i < UNIT_COUNT(items); i++) {
        assert_true(agent_trigger_item_read(&r, &item));
        assert_true(item.has_arg == items[i].has_arg && item.has_key == items[i].has_key);
        assert_true(muster_bytes_equal(item.arg, items[i].arg));
        assert_true(muster_bytes_equal(item.key, items[i].key));
    }
    assert_false(agent_trigger_item_read(&r, &item));
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    /* What is cut is no item. */
    r = muster_reader_over(MUSTER_BYTES(wire, muster_writer_bytes(&w).len - 1));
    for (size_t i = 0; i + 1 < UNIT_COUNT(items); i++)
        assert_true(agent_trigger_item_read(&r, &item));
    assert_false(agent_trigger_item_read(&r, &item));
    assert_int_not_equal(muster_reader_end(&r), MUSTER_OK);
}

static void a_template_there_and_back(void **state)
{
    const struct store_row row = { .uid = 77,
                                   .want = STORE_WANT_STOP,
                                   .spec = muster_bytes_text("{}") };
    struct agent_template t;
    uint8_t wire[64];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);
    (void)state;
    agent_template_write(&w, &row);
    assert_true(agent_template_read(&t, muster_writer_bytes(&w)));
    assert_true(t.uid == 77 && t.want == STORE_WANT_STOP);
    assert_true(muster_bytes_equal(t.spec, row.spec));
    assert_false(agent_template_read(&t, MUSTER_BYTES(wire, 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_follows_its_template),
        cmocka_unit_test(items_there_and_back),
        cmocka_unit_test(a_template_there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
