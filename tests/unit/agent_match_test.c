/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions over nodes: what they mean, what is refused and where, and why a node is not one. */
#include "agent/match.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "tests/unit/unit.h"

static const struct agent_facts alpha = { .node = "alpha",
                                          .arch = "x86_64",
                                          .tags = "gpu=2,net=public,rack=a,spare=",
                                          .cpus = 8,
                                          .mem = 16ULL << 30 };
static const struct agent_facts dumb = { .node = "dumb", .arch = "", .tags = "" };

static bool is(const char *text, const struct agent_facts *node)
{
    struct agent_match m;
    struct agent_problem problem;
    if (agent_match_parse(&m, text, &problem) != MUSTER_OK)
        fail_msg("%s: %s", text, problem.message);
    return agent_match_is(&m, node);
}

static void it_means_what_it_says(void **state)
{
    static const struct {
        const char *text;
        bool alpha, dumb;
    } cases[] = {
        { "tag.gpu", true, false },
        { "not tag.gpu", false, true },
        { "tag.spare", true, false },
        { "tag.spare == ''", true, false },
        { "tag.gp", false, false },
        { "tag.net == \"public\"", true, false },
        { "tag.net == 'public'", true, false },
        { "tag.net==public", true, false },
        { "tag.net == publi", false, false },
        { "tag.net != private", true, true },
        { "tag.net != public", false, true },
        { "tag.gpu >= 2", true, false },
        { "tag.gpu > 2", false, false },
        { "tag.gpu < 10", true, false },
        { "tag.net < 10", false, false }, /* no number */
        { "tag.rack in (a, b)", true, false },
        { "tag.rack in (b,c)", false, false },
        { "tag.rack not in (b, 'c d')", true, true },
        { "tag.rack not in (a)", false, true },
        { "node == alpha", true, false },
        { "node != alpha", false, true },
        { "node in (dumb, alpha)", true, true },
        { "arch == x86_64", true, false },
        { "arch != x86_64", false, true },
        { "cpus == 8", true, false },
        { "cpus != 8", false, true },
        { "cpus >= 8 and cpus <= 8", true, false },
        { "cpus < 8 or cpus > 8", false, false },
        { "cpus in (4, 8)", true, false },
        { "mem >= 16G", true, false },
        { "mem == 16384M", true, false },
        { "mem < 17179869185", true, false },
        { "mem in (1T, 16G)", true, false },
        { "tag.gpu and tag.none or node == dumb", false, true },
        { "tag.gpu and (tag.none or node == alpha)", true, false },
        { "not tag.none and not (node == dumb or cpus == 1)", true, false },
        { "not not tag.gpu", true, false },
        { "tag.gpu or tag.gpu and tag.none", true, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (is(cases[i].text, &alpha) != cases[i].alpha)
            fail_msg("%s is to be %d for alpha", cases[i].text, cases[i].alpha);
        if (is(cases[i].text, &dumb) != cases[i].dumb)
            fail_msg("%s is to be %d for dumb", cases[i].text, cases[i].dumb);
    }
}

static void what_is_none_is_refused_with_its_column(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "", "column 1: it ends here; expected one of node, arch, cpus, mem and tag.NAME" },
        { "tag.net = public", "column 9: one = says nothing; compare with ==" },
        { "tag.net == ", "column 12: it ends here; expected a value: a word, a number or a text "
                         "in quotes" },
        { "tag.net == \"pub", "column 12: the quote is not closed" },
        { "rack == a", "column 1: \"rack\" is not one of node, arch, cpus, mem and tag.NAME" },
        { "tag. == a", "column 1: \"tag.\" is not one of node, arch, cpus, mem and tag.NAME" },
        { "cpus", "column 5: it ends here; expected a comparison: only tag.NAME may stand alone" },
        { "cpus > many", "column 8: \"many\" is not a number" },
        { "cpus > 4G", "column 8: \"4G\" is not a number" },
        { "mem > 4X", "column 7: \"4X\" is not a size such as 4G" },
        { "mem > G", "column 7: \"G\" is not a size such as 4G" },
        { "mem > 99999999T", "column 7: \"99999999T\" is not a size such as 4G" },
        { "mem > 99999999999999999999", "column 7: \"99999999999999999999\" is not a size such as "
                                        "4G" },
        { "tag.gpu > two", "column 11: \"two\" is not a number" },
        { "node < alpha", "column 6: node and arch are texts; compare with ==, != or in" },
        { "tag.a in b", "column 10: \"b\" is not a list in parentheses, such as (a, b)" },
        { "tag.a in (b c)", "column 13: \"c\" is not a comma or )" },
        { "tag.a in ()", "column 11: \")\" is not a value: a word, a number or a text in quotes" },
        { "tag.a not b", "column 11: \"b\" is not in, as in `not in (a, b)`" },
        { "(tag.a", "column 7: it ends here; expected and, or, or the ) that closes" },
        { "tag.a)", "column 6: \")\" is not and, or, or the end" },
        { "tag.a tag.b", "column 7: \"tag.b\" is not and, or, or the end" },
        { "tag.a && tag.b", "column 7: \"&\" is not and, or, or the end" },
        { "tag.a == and", "column 10: \"and\" is not a value: a word, a number or a text in "
                          "quotes" },
        { "((((((((((((((((tag.a))))))))))))))))", NULL },
        { "(((((((((((((((((tag.a)))))))))))))))))",
          "column 17: more than 16 levels of parentheses and nots" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct agent_match m;
        struct agent_problem problem;
        int err = agent_match_parse(&m, cases[i].text, &problem);
        if ((err == MUSTER_OK) != (cases[i].message == NULL))
            fail_msg("%s: %d", cases[i].text, err);
        if (cases[i].message != NULL)
            assert_string_equal(problem.message, cases[i].message);
    }
}

static void its_length_is_bounded(void **state)
{
    struct agent_match m;
    struct agent_problem problem;
    char text[8192] = "tag.a";
    size_t len = 5;
    (void)state;
    for (int i = 1; i < 64; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " or tag.a");
    assert_int_equal(agent_match_parse(&m, text, &problem), MUSTER_OK);
    assert_false(agent_match_is(&m, &alpha));
    (void)snprintf(text + len, sizeof text - len, " or tag.gpu");
    assert_int_equal(agent_match_parse(&m, text, &problem), MUSTER_ELIMIT);
    memset(text, ' ', 1025);
    text[1025] = '\0';
    assert_int_equal(agent_match_parse(&m, text, &problem), MUSTER_ELIMIT);
}

static void it_says_why(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "tag.ssd", "tag.ssd missing" },
        { "tag.net == private", "tag.net is public" },
        { "tag.gpu and cpus > 8", "cpus is 8" },
        { "mem > 32G", "mem is 16384M" },
        { "tag.ssd or node == bravo", "tag.ssd missing, node is alpha" },
        { "not (tag.gpu and tag.net)", "it is so: tag.gpu and tag.net" },
        { "not tag.gpu  ", "it is so: tag.gpu" },
        { "tag.rack not in (a, b)", "tag.rack is a" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct agent_match m;
        struct agent_problem problem;
        char why[128], little[8];
        assert_int_equal(agent_match_parse(&m, cases[i].text, &problem), MUSTER_OK);
        assert_string_equal(agent_match_why(&m, &alpha, why, sizeof why), cases[i].why);
        (void)agent_match_why(&m, &alpha, little, sizeof little);
        assert_int_equal(strncmp(little, cases[i].why, 7), 0);
        assert_int_equal(strlen(little), 7);
    }
    struct agent_match m;
    struct agent_problem problem;
    char why[128];
    assert_int_equal(agent_match_parse(&m, "arch == x", &problem), MUSTER_OK);
    assert_string_equal(agent_match_why(&m, &dumb, why, sizeof why), "arch not known");
}

static void text_draw(struct muster_rng *rng, char *text, size_t size)
{
    static const char *const bits[] = { "tag.a",
                                        "tag.gpu",
                                        "node",
                                        "arch",
                                        "cpus",
                                        "mem",
                                        "==",
                                        "!=",
                                        "<",
                                        ">",
                                        "<=",
                                        ">=",
                                        "in",
                                        "and",
                                        "or",
                                        "not",
                                        "(",
                                        ")",
                                        ",",
                                        "8",
                                        "4G",
                                        "public",
                                        "\"x\"",
                                        "'",
                                        "\"",
                                        "=",
                                        "\\",
                                        "\xc3",
                                        "not in (a, b)",
                                        "tag.gpu >= 2" };
    size_t len = 0;
    for (uint64_t n = 1 + muster_rng_below(rng, 7); n > 0; n--)
        len += (size_t)snprintf(text + len, size - len, "%s%s",
                                bits[muster_rng_below(rng, UNIT_COUNT(bits))],
                                muster_rng_below(rng, 8) != 0 ? " " : "");
}

/* Tokens in any order: refused with a sentence, or understood; never read out of bounds (asan). */
static void whatever_comes_is_refused_or_answered(void **state)
{
    struct muster_rng rng;
    uint32_t understood = 0, refused = 0;
    (void)state;
    muster_rng_seed(&rng, 7);
    for (uint32_t round = 0; round < 50000; round++) {
        struct agent_match m;
        struct agent_problem problem;
        char text[512], twice[600], why[64];
        text_draw(&rng, text, sizeof text);
        if (agent_match_parse(&m, text, &problem) != MUSTER_OK) {
            refused++;
            assert_true(problem.column >= 1 && problem.column <= strlen(text) + 1);
            assert_non_null(strstr(problem.message, "column "));
            continue;
        }
        understood++;
        bool is_so = agent_match_is(&m, &alpha);
        assert_ptr_equal(agent_match_why(&m, &alpha, why, sizeof why), why);
        /* The same in parentheses under two nots is the same. */
        (void)snprintf(twice, sizeof twice, "not (not (%s))", text);
        int err = agent_match_parse(&m, twice, &problem);
        assert_true(err == MUSTER_ELIMIT || agent_match_is(&m, &alpha) == is_so);
    }
    assert_true(understood > 500 && refused > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_means_what_it_says),
        cmocka_unit_test(what_is_none_is_refused_with_its_column),
        cmocka_unit_test(its_length_is_bounded),
        cmocka_unit_test(it_says_why),
        cmocka_unit_test(whatever_comes_is_refused_or_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
