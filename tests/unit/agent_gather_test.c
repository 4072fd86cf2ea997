/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of many nodes become one list: sorted, without doubles, page by page. */
#include "tests/unit/unit.h"

#include <string.h>

#include "agent/gather.h"
#include "base/wire.h"

struct item {
    const char *key;
    uint64_t version;
    const char *json;
};

static struct muster_id node(uint8_t n)
{
    return (struct muster_id){ { n } };
}

static void part_to(struct agent_gather *g, uint8_t from, const struct item *item, uint32_t n,
                    bool more, const char *cut)
{
    uint8_t wire[1024];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);
    muster_write_array(&w, n);
    for (uint32_t i = 0; i < n; i++) {
        muster_write_array(&w, 3);
        muster_write_text(&w, item[i].key);
        muster_write_u64(&w, item[i].version);
        muster_write_bytes(&w, muster_bytes_text(item[i].json));
    }
    muster_write_bool(&w, more);
    muster_write_text(&w, cut);
    agent_gather_add(g, node(from), muster_writer_bytes(&w));
}

static void part(struct agent_gather *g, uint8_t from, const struct item *item, uint32_t n,
                 bool more)
{
    part_to(g, from, item, n, more, more ? item[n - 1].key : "");
}

static void printed(struct agent_gather *g, uint32_t limit, bool newest, const char *want)
{
    struct muster_text out;
    muster_text_open(&out, 4096);
    agent_gather_print(g, limit, newest, &out);
    assert_string_equal(out.data, want);
    muster_text_close(&out);
}

static void the_newest_of_equal_keys_wins(void **state)
{
    (void)state;
    const struct item a[] = { { "b", 1, "1" }, { "d", 1, "2" } };
    const struct item b[] = { { "a", 1, "3" }, { "b", 9, "4" } };
    struct agent_gather *g = agent_gather_open();
    agent_gather_expect(g, node(1));
    agent_gather_expect(g, node(2));
    part(g, 1, a, 2, false);
    assert_false(agent_gather_is_complete(g));
    part(g, 2, b, 2, false);
    assert_true(agent_gather_is_complete(g));
    printed(g, 10, false, "{\"items\":[3,4,2],\"next\":null}");
    printed(g, 2, false, "{\"items\":[3,4],\"next\":\"b\"}");
    printed(g, 2, true, "{\"items\":[4,2],\"next\":null}");
    agent_gather_close(g);
}

static void a_cut_part_means_another_page(void **state)
{
    (void)state;
    const struct item a[] = { { "a", 1, "1" } };
    struct agent_gather *g = agent_gather_open();
    agent_gather_expect(g, node(1));
    part(g, 1, a, 1, true);
    printed(g, 10, false, "{\"items\":[1],\"next\":\"a\"}");
    agent_gather_close(g);
}

/* A node that has looked at many rows stops, with few of them or none to show: what others have
 * beyond comes with the next page, or some of its own would be passed over. */
static void a_list_goes_no_further_than_its_shortest_part(void **state)
{
    (void)state;
    const struct item a[] = { { "b", 1, "1" } };
    const struct item b[] = { { "a", 1, "2" }, { "c", 1, "3" }, { "x", 1, "4" } };
    struct agent_gather *g = agent_gather_open();
    agent_gather_expect(g, node(1));
    agent_gather_expect(g, node(2));
    part_to(g, 1, a, 1, true, "m");
    part_to(g, 2, b, 3, true, "x");
    printed(g, 2, false, "{\"items\":[2,1],\"next\":\"b\"}");
    printed(g, 10, false, "{\"items\":[2,1,3],\"next\":\"m\"}");
    agent_gather_close(g);
    g = agent_gather_open();
    agent_gather_expect(g, node(1));
    agent_gather_expect(g, node(2));
    part_to(g, 1, NULL, 0, true, "m");
    part_to(g, 2, b + 2, 1, false, "");
    printed(g, 10, false, "{\"items\":[],\"next\":\"m\"}");
    agent_gather_close(g);
}

static void strangers_and_nonsense_do_not_count(void **state)
{
    (void)state;
    const struct item a[] = { { "a", 1, "1" } };
    const uint8_t nonsense[] = { 0xdd, 0xff, 0xff, 0xff, 0xff, 0x01 };
    struct agent_gather *g = agent_gather_open();
    agent_gather_expect(g, node(1));
    part(g, 7, a, 1, false); /* nobody asked it */
    assert_false(agent_gather_is_complete(g));
    agent_gather_add(g, node(1), MUSTER_BYTES(nonsense, sizeof nonsense));
    assert_true(agent_gather_is_complete(g));
    printed(g, 10, false, "{\"items\":[],\"next\":null}");
    agent_gather_close(g);
}

static void the_best_has_the_highest_version(void **state)
{
    (void)state;
    const struct item a[] = { { "runner", 5, "aa" } }, b[] = { { "runner", 8, "bb" } };
    char best[8];
    struct agent_gather *g = agent_gather_open();
    assert_false(agent_gather_best(g, best, sizeof best));
    agent_gather_expect(g, node(1));
    agent_gather_expect(g, node(2));
    part(g, 1, a, 1, false);
    part(g, 2, b, 1, false);
    assert_true(agent_gather_best(g, best, sizeof best));
    assert_string_equal(best, "bb");
    agent_gather_close(g);
}

static void what_a_part_of_the_node_asked_comes_as_it_was_sent(void **state)
{
    (void)state;
    const struct item a[] = { { "one", 1, "abc" } }, b[] = { { "two", 1, "de" } };
    struct muster_text out;
    struct agent_gather *g = agent_gather_open();
    agent_gather_expect(g, node(1));
    agent_gather_expect(g, node(2));
    part(g, 2, b, 1, false);
    part(g, 1, a, 1, false);
    muster_text_open(&out, 64);
    agent_gather_join(g, &out);
    assert_string_equal(out.data, "deabc");
    muster_text_close(&out);
    agent_gather_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_equal_keys_wins),
        cmocka_unit_test(a_cut_part_means_another_page),
        cmocka_unit_test(a_list_goes_no_further_than_its_shortest_part),
        cmocka_unit_test(strangers_and_nonsense_do_not_count),
        cmocka_unit_test(the_best_has_the_highest_version),
        cmocka_unit_test(what_a_part_of_the_node_asked_comes_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
