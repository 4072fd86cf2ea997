/* SPDX-License-Identifier: Apache-2.0 */
/* Wishes: read from specs, one for all that say the same, and nothing for jobs without any. */
#include "agent/wish.h"

#include <string.h>

#include "tests/unit/unit.h"

static const struct agent_facts gpu = { .node = "a", .arch = "", .tags = "gpu=1" };
static const struct agent_facts ssd = { .node = "b", .arch = "", .tags = "ssd=1" };

static const struct agent_wish *take(struct agent_wishes *w, const char *spec)
{
    return agent_wish_take(w, muster_bytes_text(spec));
}

static void a_job_that_asks_for_nothing_has_none(void **state)
{
    struct agent_wishes w = { 0 };
    (void)state;
    assert_null(agent_wish_take(&w, MUSTER_BYTES(NULL, 0)));
    assert_null(take(&w, "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"\\\"on\\\":x\"]}"));
    assert_null(take(&w, "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\"],"
                         "\"env\":{\"on\":\"tag.gpu\"}}"));
    assert_true(agent_wish_allows(NULL, &gpu));
    assert_true(agent_wish_prefers(NULL, &gpu));
    agent_wish_drop(&w, NULL);
}

static void the_same_words_are_one_wish(void **state)
{
    struct agent_wishes w = { 0 };
    (void)state;
    const struct agent_wish *a =
        take(&w, "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\"],\"on\":\"tag.gpu\"}");
    const struct agent_wish *b =
        take(&w, "{\"name\":\"b\",\"kind\":\"task\",\"exec\":[\"y\"],\"on\":\"tag.gpu\"}");
    const struct agent_wish *c =
        take(&w, "{\"name\":\"c\",\"kind\":\"task\",\"exec\":[\"y\"],\"prefer\":\"tag.gpu\"}");
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_true(agent_wish_allows(a, &gpu));
    assert_false(agent_wish_allows(a, &ssd));
    assert_true(agent_wish_prefers(a, &ssd));
    assert_true(agent_wish_allows(c, &ssd));
    assert_true(agent_wish_prefers(c, &gpu));
    assert_false(agent_wish_prefers(c, &ssd));
    const struct agent_wish *d =
        take(&w, "{\"name\":\"d\",\"kind\":\"service\",\"exec\":[\"y\"],\"on\":\"tag.gpu\","
                 "\"move\":\"eager\"}");
    assert_ptr_not_equal(a, d);
    assert_true(d->is_eager && !a->is_eager);
    const struct agent_wish *e =
        take(&w, "{\"name\":\"e\",\"kind\":\"service\",\"exec\":[\"y\"],\"on\":\"tag.gpu\","
                 "\"if_none\":\"fail\"}");
    assert_ptr_not_equal(a, e);
    assert_true(e->is_now && !a->is_now);
    const struct agent_wish *f = take(&w, "{\"name\":\"f\",\"kind\":\"service\",\"exec\":[\"y\"],"
                                          "\"on_agent_stop\":\"keep\"}");
    assert_true(f->is_kept && !a->is_kept && agent_wish_allows(f, &ssd));
    agent_wish_drop(&w, f);
    agent_wish_drop(&w, e);
    agent_wish_drop(&w, d);
    agent_wish_drop(&w, a);
    assert_true(agent_wish_allows(b, &gpu));
    agent_wish_drop(&w, b);
    agent_wish_drop(&w, c);
    for (uint32_t i = 0; i < AGENT_WISH_SHELF; i++)
        assert_null(w.shelf[i]);
}

/* A newer build may ask for what this one does not know: then no node here is like that. */
static void what_is_not_understood_is_nobodys(void **state)
{
    struct agent_wishes w = { 0 };
    (void)state;
    const struct agent_wish *a = take(
        &w, "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\"],\"on\":\"disk.free > 4G\"}");
    const struct agent_wish *b = take(&w, "{\"name\":5,\"on\":[]}");
    assert_non_null(a);
    assert_non_null(b);
    assert_false(agent_wish_allows(a, &gpu));
    assert_false(agent_wish_allows(b, &gpu));
    agent_wishes_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_that_asks_for_nothing_has_none),
        cmocka_unit_test(the_same_words_are_one_wish),
        cmocka_unit_test(what_is_not_understood_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
