/* SPDX-License-Identifier: Apache-2.0 */
/* The list of paths: every line says its right, none gives away more than its kind may, and a path
 * finds the line that is meant for it. */
#include "agent/api_table.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define CHANGES (1u << AGENT_HTTP_PUT | 1u << AGENT_HTTP_POST | 1u << AGENT_HTTP_DELETE)

static void is_for_everybody(const struct api_rule *rule)
{
    if (strcmp(rule->path, "/health") != 0 && strcmp(rule->path, "/ready") != 0)
        fail_msg("%s asks for no right", rule->path);
}

static void every_path_asks_for_a_right(void **state)
{
    uint32_t count = 0;

    (void)state;
    for (const struct api_rule *rule = api_rules; rule->path != NULL; rule++, count++) {
        bool is_looked = (rule->methods >> AGENT_HTTP_GET & 1) != 0;
        bool is_changed = (rule->methods & CHANGES) != 0;
        if (rule->look == AGENT_RIGHT_UNSAID || rule->change == AGENT_RIGHT_UNSAID)
            fail_msg("%s does not say its rights", rule->path);
        if (is_looked && rule->look == AGENT_RIGHT_NONE)
            is_for_everybody(rule);
        if (is_changed && rule->change < AGENT_RIGHT_OPERATE)
            fail_msg("%s is changed by whoever may read", rule->path);
        if (rule->change < rule->look)
            fail_msg("%s is looked at by fewer than may change it", rule->path);
        assert_true(is_looked || is_changed);
    }
    assert_true(count > 20);
}

/* A line behind one that takes everything it would take is never reached. */
static void every_line_is_reached(void **state)
{
    const struct api_rule *near = NULL;

    (void)state;
    for (const struct api_rule *rule = api_rules; rule->path != NULL; rule++) {
        char path[256];
        bool has_name = rule->path[strlen(rule->path) - 1] == '/';
        assert_true(has_name || rule->verb == NULL);
        (void)snprintf(path, sizeof path, "%s%s%s", rule->path, has_name ? "a/name" : "",
                       rule->verb != NULL ? rule->verb : "");
        for (enum agent_http_method m = AGENT_HTTP_GET; m < AGENT_HTTP_OTHER; m++)
            if ((rule->methods >> m & 1) != 0 && api_rule_find(path, m, &near) != rule)
                fail_msg("%s %s does not find its own line", agent_http_method_text(m), path);
        assert_null(api_rule_find(path, AGENT_HTTP_OTHER, &near));
        assert_non_null(near);
    }
}

static enum agent_right right_of(enum agent_http_method method, const char *path)
{
    const struct api_rule *near = NULL, *rule = api_rule_find(path, method, &near);
    return rule == NULL ? AGENT_RIGHT_UNSAID : api_rule_right(rule, method);
}

static void a_path_finds_its_right(void **state)
{
    static const struct {
        enum agent_http_method method;
        const char *path;
        enum agent_right right;
    } cases[] = {
        { AGENT_HTTP_GET, "/health", AGENT_RIGHT_NONE },
        { AGENT_HTTP_GET, "/metrics", AGENT_RIGHT_READ },
        { AGENT_HTTP_GET, "/v1/jobs", AGENT_RIGHT_READ },
        { AGENT_HTTP_GET, "/v1/jobs/a", AGENT_RIGHT_READ },
        { AGENT_HTTP_PUT, "/v1/jobs/a", AGENT_RIGHT_OPERATE },
        { AGENT_HTTP_DELETE, "/v1/jobs/a/b", AGENT_RIGHT_OPERATE },
        { AGENT_HTTP_POST, "/v1/jobs/a/run", AGENT_RIGHT_OPERATE },
        { AGENT_HTTP_PUT, "/v1/jobs", AGENT_RIGHT_UNSAID },
        { AGENT_HTTP_PUT, "/v1/jobs/", AGENT_RIGHT_UNSAID },
        { AGENT_HTTP_POST, "/v1/nodes/a/drain", AGENT_RIGHT_OPERATE },
        { AGENT_HTTP_POST, "/v1/nodes/a/forget", AGENT_RIGHT_ADMIN },
        { AGENT_HTTP_POST, "/v1/nodes/forget", AGENT_RIGHT_OPERATE }, /* of a node so called */
        { AGENT_HTTP_GET, "/v1/nodes/a/forget", AGENT_RIGHT_READ },
        { AGENT_HTTP_POST, "/v1/keys/install", AGENT_RIGHT_ADMIN },
        { AGENT_HTTP_POST, "/v1/leave", AGENT_RIGHT_ADMIN },
        { AGENT_HTTP_GET, "/v1/leave", AGENT_RIGHT_UNSAID },
        { AGENT_HTTP_GET, "/", AGENT_RIGHT_UNSAID },
        { AGENT_HTTP_GET, "", AGENT_RIGHT_UNSAID },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        if (right_of(cases[i].method, cases[i].path) != cases[i].right)
            fail_msg("%s %s", agent_http_method_text(cases[i].method), cases[i].path);
}

static void a_right_has_one_name(void **state)
{
    enum agent_right right = AGENT_RIGHT_UNSAID;

    (void)state;
    for (enum agent_right r = AGENT_RIGHT_READ; r <= AGENT_RIGHT_ADMIN; r++) {
        assert_true(agent_right_parse(&right, agent_right_text(r)));
        assert_int_equal(right, r);
    }
    assert_false(agent_right_parse(&right, "none"));
    assert_false(agent_right_parse(&right, "Admin"));
    assert_false(agent_right_parse(&right, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_asks_for_a_right),
        cmocka_unit_test(every_line_is_reached),
        cmocka_unit_test(a_path_finds_its_right),
        cmocka_unit_test(a_right_has_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
