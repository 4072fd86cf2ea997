/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as values: escapes, queries, what is accepted, and whose browser asks. */
#include "agent/http.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static void escapes_are_undone_or_refused(void **state)
{
    static const struct {
        const char *raw;
        const char *path;  /* NULL: refused */
        const char *query; /* NULL: refused */
    } cases[] = {
        { "", "", "" },
        { "/v1/jobs", "/v1/jobs", "/v1/jobs" },
        { "/v1/jobs/a%2Fb", "/v1/jobs/a/b", "/v1/jobs/a/b" },
        { "/a%2fb%20c", "/a/b c", "/a/b c" },
        { "a+b", "a+b", "a b" },
        { "%41%zz", NULL, NULL },
        { "%4", NULL, NULL },
        { "%", NULL, NULL },
        { "a%00b", NULL, NULL },
        { "%25%32%35", "%25", "%25" },
        { "%ff", "\xff", "\xff" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        for (int is_query = 0; is_query < 2; is_query++) {
            char text[64];
            assert_true(strlen(cases[i].raw) < sizeof text);
            memcpy(text, cases[i].raw, strlen(cases[i].raw) + 1);
            size_t len = strlen(text);
            const char *expected = is_query != 0 ? cases[i].query : cases[i].path;
            int err = agent_http_decode(text, &len, is_query != 0);
            assert_int_equal(err, expected == NULL ? MUSTER_EINVAL : MUSTER_OK);
            if (expected == NULL)
                continue;
            assert_string_equal(text, expected);
            assert_int_equal(len, strlen(expected));
        }
    }
}

static void queries_are_split_before_they_are_decoded(void **state)
{
    static const struct {
        const char *raw;
        int err;
        const char *pairs; /* "key=value;" each */
    } cases[] = {
        { "", MUSTER_OK, "" },
        { "a=1", MUSTER_OK, "a=1;" },
        { "a=1&b=2", MUSTER_OK, "a=1;b=2;" },
        { "a&b=", MUSTER_OK, "a=;b=;" },
        { "&&a=1&&", MUSTER_OK, "a=1;" },
        { "a=b=c", MUSTER_OK, "a=b=c;" },
        { "a=x%26y%3dz", MUSTER_OK, "a=x&y=z;" },
        { "a%3D=1+2", MUSTER_OK, "a==1 2;" },
        { "=1", MUSTER_OK, "=1;" },
        { "a=%0", MUSTER_EINVAL, "" },
        { "a%00=1", MUSTER_EINVAL, "" },
        { "1&2&3&4", MUSTER_OK, "1=;2=;3=;4=;" },
        { "1&2&3&4&5", MUSTER_ELIMIT, "" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        char text[64];
        char pairs[128] = "";
        struct agent_pair pair[4];
        uint32_t count = 0;
        memcpy(text, cases[i].raw, strlen(cases[i].raw) + 1);
        assert_int_equal(agent_http_query_split(text, pair, 4, &count), cases[i].err);
        if (cases[i].err != MUSTER_OK)
            continue;
        for (uint32_t n = 0; n < count; n++) {
            size_t len = strlen(pairs);
            (void)snprintf(pairs + len, sizeof pairs - len, "%s=%s;", pair[n].key, pair[n].value);
        }
        assert_string_equal(pairs, cases[i].pairs);
    }
}

static void numbers_in_queries_are_digits_in_a_range(void **state)
{
    static const struct agent_pair query[] = {
        { "limit", "10" },
        { "index", "18446744073709551615" },
        { "big", "18446744073709551616" },
        { "sign", "-1" },
        { "empty", "" },
        { "limit", "20" },
    };
    static const struct {
        const char *key;
        uint64_t max;
        int err;
        uint64_t value;
    } cases[] = {
        { "limit", 100, MUSTER_OK, 10 },         { "limit", 10, MUSTER_OK, 10 },
        { "limit", 9, MUSTER_ERANGE, 7 },        { "index", UINT64_MAX, MUSTER_OK, UINT64_MAX },
        { "big", UINT64_MAX, MUSTER_ERANGE, 7 }, { "sign", 9, MUSTER_EINVAL, 7 },
        { "empty", 9, MUSTER_EINVAL, 7 },        { "absent", 9, MUSTER_OK, 7 },
    };
    struct agent_http_request request = { .query = query, .query_count = UNIT_COUNT(query) };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint64_t value = 0;
        assert_int_equal(agent_http_query_u64(&request, cases[i].key, 7, cases[i].max, &value),
                         cases[i].err);
        assert_int_equal(value, cases[i].value);
    }
}

static void the_accept_header_is_asked_in_its_order(void **state)
{
    static const struct {
        const char *accept;
        bool wants_ndjson;
    } cases[] = {
        { NULL, false },
        { "", false },
        { "*/*", false },
        { "application/x-ndjson", true },
        { "Application/X-NDJSON;q=1", true },
        { "text/html, application/x-ndjson ;q=0.9", true },
        { "application/x-ndjson, */*", true },
        { "*/*, application/x-ndjson", false },
        { "application/x-ndjsonx", false },
        { ",,,", false },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_http_request request = { .accept = cases[i].accept };
        assert_int_equal(agent_http_accepts(&request, AGENT_HTTP_NDJSON), cases[i].wants_ndjson);
    }
}

static void a_page_of_somebody_else_may_not_ask(void **state)
{
    static const struct {
        const char *host;
        const char *origin;
        bool may;
    } cases[] = {
        { "127.0.0.1:7948", NULL, true },
        { "[::1]:7948", NULL, true },
        { "[::1]", NULL, true },
        { "localhost:7948", NULL, true },
        { "localhost", NULL, true },
        { "alpha:7948", NULL, true },
        { "x.localhost", NULL, true },
        { "alpha.example.org:7948", NULL, true },
        { "ALPHA.example.org", NULL, true },
        { NULL, NULL, true },
        { "evil.example.org:7948", NULL, false },
        { "127.0.0.1.evil.org", NULL, false },
        { "", NULL, false },
        { "a:b", NULL, false },
        { "[::1", NULL, false },
        { "[::1]x", NULL, false },
        { "127.0.0.1:7948", "http://127.0.0.1:7948", true },
        { "127.0.0.1:7948", "HTTP://127.0.0.1:7948", true },
        { "127.0.0.1:7948", "http://127.0.0.1:80", false },
        { "127.0.0.1:7948", "http://evil.example.org", false },
        { "127.0.0.1:7948", "null", false },
        { "127.0.0.1:7948", "file://127.0.0.1:7948", false },
        { "127.0.0.1:7948", "", false },
        { NULL, "http://evil.example.org", false },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        const char *fault =
            agent_http_browser_fault(cases[i].host, cases[i].origin, "alpha.example.org");
        assert_int_equal(fault == NULL, cases[i].may);
    }
}

static void words_for_methods_and_statuses(void **state)
{
    (void)state;
    assert_string_equal(agent_http_method_text(AGENT_HTTP_DELETE), "DELETE");
    assert_string_equal(agent_http_status_text(409), "conflict");
    assert_string_equal(agent_http_status_text(299), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_undone_or_refused),
        cmocka_unit_test(queries_are_split_before_they_are_decoded),
        cmocka_unit_test(numbers_in_queries_are_digits_in_a_range),
        cmocka_unit_test(the_accept_header_is_asked_in_its_order),
        cmocka_unit_test(a_page_of_somebody_else_may_not_ask),
        cmocka_unit_test(words_for_methods_and_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
