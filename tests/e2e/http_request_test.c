/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP door and its requests: good ones, broken ones, huge, slow and random ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/rng.h"
#include "base/text.h"
#include "tests/e2e/http_stage.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define PUT(path, length, body)                                                                    \
    "PUT " path " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " length "\r\n\r\n" body

static void one_request_gets_one_answer(void **state)
{
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    client_open(&w, &c);
    client_say(&w, &c, GET("/echo?a=1&b=x%20y"));
    client_sees(&w, &c, "GET /echo a=1 b=x y []\n", 1);
    assert_int_equal(client_count(&c, "HTTP/1.1 200 OK\r\n"), 1);
    assert_int_equal(client_count(&c, "Content-Type: text/plain; charset=utf-8\r\n"), 1);
    assert_int_equal(client_count(&c, "Content-Length: 23\r\n"), 1);
    assert_int_equal(client_count(&c, "Cache-Control: no-store\r\n"), 1);
    assert_false(w.is_unix);
    assert_int_equal(w.peer_uid, UINT32_MAX);
    assert_int_equal(shell_http_counters(w.h).requests, 1);
    assert_int_equal(shell_http_counters(w.h).open, 0);
    client_close(&c);
    stage_close(&w);
}

static void a_connection_serves_many_requests(void **state)
{
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    client_open(&w, &c);
    for (uint32_t i = 1; i <= 50; i++) {
        client_say(&w, &c, PUT("/echo", "3", "abc"));
        client_sees(&w, &c, "PUT /echo [abc]\n", i);
    }
    assert_int_equal(shell_http_counters(w.h).connections, 1);
    client_close(&c);
    stage_close(&w);
}

static void piped_requests_are_answered_in_their_order(void **state)
{
    static const char piped[] = GET("/echo?n=1") GET("/hold") PUT("/echo?n=2", "1", "x")
        GET("/nowhere") "HEAD /echo HTTP/1.1\r\nHost: localhost\r\n\r\n" GET("/echo?n=3");
    struct agent_http_reply reply = { .status = 202, .body = muster_bytes_text("late\n") };
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    client_open(&w, &c);
    client_say(&w, &c, piped);
    stage_until(&w, &w.held_count, 1);
    client_sees(&w, &c, "n=1 []\n", 1);
    stage_turn(&w, 20);
    client_look(&c);
    assert_int_equal(client_count(&c, "HTTP/1.1 "), 1);
    shell_http_reply(w.h, w.held[0], &reply);
    client_sees(&w, &c, "n=3 []\n", 1);
    assert_int_equal(client_count(&c, "HTTP/1.1 "), 6);
    const char *late = strstr(c.data, "late\n");
    const char *second = strstr(c.data, "n=2 [x]\n");
    const char *third = strstr(c.data, "404");
    assert_true(late != NULL && second > late && third > second);
    client_close(&c);
    stage_close(&w);
}

static const struct {
    const char *raw;
    const char *answer; /* the start of the status line; NULL: closed without a word */
} bad[] = {
    { "GET /echo HTTP/1.1\r\n\r\n", "HTTP/1.1 400" },
    { "nonsense\r\n\r\n", NULL },
    { "GET /echo%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET /echo?a=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET /echo%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET /echo?a=%4 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET http://localhost/echo HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET /a\tb HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET /echo HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400" },
    { "GET /echo HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", "HTTP/1.1 403" },
    { "GET /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example.com\r\n\r\n",
      "HTTP/1.1 403" },
    { "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "HTTP/1.1 400" },
    { "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3, 3\r\n\r\nabc", "HTTP/1.1 400" },
    { "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400" },
    { "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\nabc", "HTTP/1.1 400" },
    { "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 400" },
    { "PUT /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", NULL },
    { "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      "HTTP/1." },
    { "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9048577\r\n\r\n", "HTTP/1.1 413" },
    { "GET /echo HTTP/1.1\r\nHost: localhost\r\nBad header\r\n\r\n", "HTTP/1." },
    { "GET /echo HTTP/9.9\r\nHost: localhost\r\n\r\n", "HTTP/1." },
    { "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", NULL },
};

static void bad_requests_are_refused_and_the_next_client_is_served(void **state)
{
    struct stage w;

    (void)state;
    stage_open(&w, NULL);
    for (size_t i = 0; i < STAGE_COUNT(bad); i++) {
        struct stage_client c;
        uint64_t before = shell_http_counters(w.h).requests;
        client_open(&w, &c);
        client_say(&w, &c, bad[i].raw);
        (void)shutdown(c.fd, SHUT_WR);
        client_sees_end(&w, &c);
        size_t len = bad[i].answer == NULL ? 0 : strlen(bad[i].answer);
        if (len != 0 && strncmp(c.data, bad[i].answer, len) != 0)
            fail_msg("case %zu: %s\n%s", i, bad[i].raw, c.data);
        assert_null(strstr(c.data, "HTTP/1.1 200"));
        assert_int_equal(shell_http_counters(w.h).requests, before);
        client_close(&c);
        client_open(&w, &c);
        client_say(&w, &c, GET("/echo"));
        client_sees(&w, &c, "GET /echo []\n", 1);
        client_close(&c);
    }
    stage_close(&w);
}

static void a_refusal_of_the_door_is_json(void **state)
{
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    client_open(&w, &c);
    client_say(&w, &c, "GET /a%00 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_sees(&w, &c,
                "{\"error\":{\"code\":\"bad request\",\"message\":\"the address holds a NUL\","
                "\"field\":null}}",
                1);
    assert_int_equal(client_count(&c, "Content-Type: application/json\r\n"), 1);
    assert_int_equal(shell_http_counters(w.h).refused, 1);
    client_close(&c);
    stage_close(&w);
}

static void long_addresses_and_headers_are_refused(void **state)
{
    static const struct {
        const char *head;
        size_t len;
        const char *tail;
        const char *answer;
    } cases[] = {
        { "GET /", 1023, " HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404" },
        { "GET /", 1024, " HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 414" },
        { "GET /", 100000, " HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 414" },
        { "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", 100000, "\r\n\r\n", "HTTP/1.1 431" },
    };
    struct stage w;

    (void)state;
    stage_open(&w, NULL);
    for (size_t i = 0; i < STAGE_COUNT(cases); i++) {
        struct stage_client c;
        char *filler = malloc(cases[i].len);
        assert_non_null(filler);
        memset(filler, 'a', cases[i].len);
        client_open(&w, &c);
        client_say(&w, &c, cases[i].head);
        client_send(&w, &c, filler, cases[i].len);
        client_say(&w, &c, cases[i].tail);
        client_sees(&w, &c, "\r\n\r\n", 1);
        assert_memory_equal(c.data, cases[i].answer, strlen(cases[i].answer));
        client_close(&c);
        free(filler);
    }
    stage_close(&w);
}

static void bodies_are_whole_or_refused(void **state)
{
    static const struct {
        size_t len;
        bool is_chunked;
        const char *answer; /* NULL: closed, with or without a word */
    } cases[] = {
        { 1000, false, "200" },
        { 1000, true, "200" },
        { 65536, false, "200" },
        { 65536, true, "200" },
        { 65537, false, "413" },
        { 65537, true, "413" },
        { 3 * 1024 * 1024, false, "413" },
        { 3 * 1024 * 1024, true, "413" },
        { 9 * 1024 * 1024, false, "413" },
        { 9 * 1024 * 1024, true, NULL },
    };
    struct shell_http_config config = { .body_max = 65536 };
    struct stage w;

    (void)state;
    stage_open(&w, &config);
    for (size_t i = 0; i < STAGE_COUNT(cases); i++) {
        struct stage_client c;
        struct muster_text text;
        muster_text_open(&text, 16 * 1024 * 1024);
        muster_text_add(&text, "PUT /echo HTTP/1.1\r\nHost: localhost\r\n");
        if (cases[i].is_chunked)
            muster_text_add(&text, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", cases[i].len);
        else
            muster_text_add(&text, "Content-Length: %zu\r\n\r\n", cases[i].len);
        for (size_t n = 0; n < cases[i].len; n++)
            muster_text_add_bytes(&text, muster_bytes_text("x"));
        muster_text_add(&text, "%s", cases[i].is_chunked ? "\r\n0\r\n\r\n" : "");
        client_open(&w, &c);
        client_send(&w, &c, text.data, text.len);
        if (cases[i].answer == NULL) {
            client_sees_end(&w, &c);
        } else {
            client_sees(&w, &c, "\r\n\r\n", 1);
            assert_memory_equal(c.data + strlen("HTTP/1.1 "), cases[i].answer, 3);
        }
        if (cases[i].answer != NULL && cases[i].answer[0] == '2')
            client_sees(&w, &c, "x]\n", 1);
        client_close(&c);
        muster_text_close(&text);
    }
    stage_close(&w);
}

static void a_polite_client_is_told_to_continue(void **state)
{
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    client_open(&w, &c);
    client_say(&w, &c,
               "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
               "Expect: 100-continue\r\nX-Muster-Request-Id: r1\r\n\r\n");
    client_sees(&w, &c, "HTTP/1.1 100 Continue\r\n\r\n", 1);
    client_say(&w, &c, "ok");
    client_sees(&w, &c, "PUT /echo id:r1 [ok]\n", 1);
    client_close(&c);
    client_open(&w, &c);
    client_say(&w, &c,
               "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
               "Expect: 100-continue\r\n\r\n");
    client_sees(&w, &c, "HTTP/1.1 413 ", 1);
    assert_int_equal(client_count(&c, "100 Continue"), 0);
    client_close(&c);
    stage_close(&w);
}

static void a_slow_client_is_served_and_delays_nobody(void **state)
{
    static const char slow[] = PUT("/echo", "5", "hello");
    struct stage w;
    struct stage_client c;
    struct stage_client other;

    (void)state;
    stage_open(&w, NULL);
    client_open(&w, &c);
    client_open(&w, &other);
    for (size_t i = 0; i < sizeof slow - 1; i++) {
        client_send(&w, &c, slow + i, 1);
        client_say(&w, &other, GET("/echo"));
        client_sees(&w, &other, "GET /echo []\n", (uint32_t)i + 1);
    }
    client_sees(&w, &c, "PUT /echo [hello]\n", 1);
    client_close(&c);
    client_close(&other);
    stage_close(&w);
}

static void a_silent_client_is_hung_up_on(void **state)
{
    struct shell_http_config config = { .idle_timeout_s = 1 };
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, &config);
    client_open(&w, &c);
    client_say(&w, &c, "GET /echo HT");
    client_sees_end(&w, &c);
    client_close(&c);
    stage_close(&w);
}

/* A good request with some of its pieces left out, doubled or replaced. */
static void noise_send(struct muster_rng *rng, struct stage_client *c)
{
    static const char *const pieces[] = {
        "GET ",
        "/hold",
        "?a=b&c",
        " HTTP/1.1\r\n",
        "Host: localhost\r\n",
        "\r\n",
        "PUT ",
        "/echo",
        " HTTP/1.1\r\n",
        "Host: localhost\r\n",
        "Content-Length: 5\r\n",
        "\r\n",
        "abcde",
        "HEAD ",
        "/events",
        " HTTP/1.1\r\n",
        "Host: localhost\r\n",
        "\r\n",
        "GET ",
        "/tail",
        " HTTP/1.0\r\n",
        "\r\n",
        "POST ",
        "/echo",
        " HTTP/1.1\r\n",
        "Host: localhost\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\r\n",
        "5\r\nabcde\r\n",
        "0\r\n\r\n",
        "%00",
        "\xff\xfe",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "\r\n\r\n",
    };
    for (size_t at = 0; at < STAGE_COUNT(pieces) - 5; at++) {
        size_t sent = at;
        if (muster_rng_chance(rng, 1, 20))
            continue;
        if (muster_rng_chance(rng, 1, 20))
            sent = muster_rng_below(rng, STAGE_COUNT(pieces));
        (void)send(c->fd, pieces[sent], strlen(pieces[sent]), MSG_NOSIGNAL);
        if (muster_rng_chance(rng, 1, 40))
            return;
    }
}

static void noise_is_survived(void **state)
{
    struct muster_rng rng;
    struct stage w;
    struct stage_client c;

    (void)state;
    muster_rng_seed(&rng, 7948);
    stage_open(&w, NULL);
    for (uint32_t i = 0; i < 2000; i++) {
        client_open(&w, &c);
        noise_send(&rng, &c);
        stage_turn(&w, 0);
        client_close(&c);
        w.held_count = 0;
    }
    client_open(&w, &c);
    client_say(&w, &c, GET("/echo"));
    client_sees(&w, &c, "GET /echo []\n", 1);
    client_close(&c);
    for (uint32_t i = 0; i < 50 && shell_http_counters(w.h).connections != 0; i++)
        stage_turn(&w, 100);
    assert_int_equal(shell_http_counters(w.h).connections, 0);
    assert_int_equal(shell_http_counters(w.h).open, 0);
    assert_true(w.cancelled > 100);
    assert_true(shell_http_counters(w.h).requests > 100);
    stage_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request_gets_one_answer),
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(piped_requests_are_answered_in_their_order),
        cmocka_unit_test(bad_requests_are_refused_and_the_next_client_is_served),
        cmocka_unit_test(a_refusal_of_the_door_is_json),
        cmocka_unit_test(long_addresses_and_headers_are_refused),
        cmocka_unit_test(bodies_are_whole_or_refused),
        cmocka_unit_test(a_polite_client_is_told_to_continue),
        cmocka_unit_test(a_slow_client_is_served_and_delays_nobody),
        cmocka_unit_test(a_silent_client_is_hung_up_on),
        cmocka_unit_test(noise_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
