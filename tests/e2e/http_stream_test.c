/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP door and its answers: late ones, streams, slow readers, leaving clients, brims. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/e2e/http_stage.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void two_hundred_wait_and_each_gets_its_own_answer(void **state)
{
    struct stage w;
    struct stage_client c[200];
    uint64_t id[200];
    char text[64];

    (void)state;
    stage_open(&w, NULL);
    for (uint32_t i = 0; i < 200; i++) {
        client_open(&w, &c[i]);
        client_say(&w, &c[i], GET("/hold"));
        stage_until(&w, &w.held_count, i + 1);
        id[i] = w.held[i];
    }
    assert_int_equal(shell_http_counters(w.h).open, 200);
    for (uint32_t i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof text, "answer %u.", i);
        struct agent_http_reply reply = { .status = 200, .body = muster_bytes_text(text) };
        shell_http_reply(w.h, id[199 - i], &reply);
        shell_http_reply(w.h, id[199 - i], &reply); /* means nothing any more */
    }
    for (uint32_t i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof text, "answer %u.", 199 - i);
        client_sees(&w, &c[i], text, 1);
        client_say(&w, &c[i], GET("/echo")); /* and the connection is good for more */
        client_sees(&w, &c[i], "GET /echo []\n", 1);
        client_close(&c[i]);
    }
    assert_int_equal(shell_http_counters(w.h).open, 0);
    assert_int_equal(w.cancelled, 0);
    stage_close(&w);
}

static void whoever_leaves_while_waiting_is_reported_at_once(void **state)
{
    struct agent_http_reply reply = { .status = 200, .body = muster_bytes_text("{}") };
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    for (uint32_t i = 1; i <= 5; i++) {
        client_open(&w, &c);
        for (uint32_t n = 1; n < i; n++) { /* later requests are watched as the first is */
            client_say(&w, &c, GET("/hold"));
            stage_until(&w, &w.held_count, n);
            shell_http_reply(w.h, w.held[n - 1], &reply);
            client_sees(&w, &c, "HTTP/1.1 200", n);
        }
        client_say(&w, &c, GET("/hold"));
        stage_until(&w, &w.held_count, i);
        client_close(&c);
        stage_until(&w, &w.cancelled, i);
        assert_int_equal(w.last_cancelled, w.held[i - 1]);
        shell_http_reply(w.h, w.held[i - 1], &reply);
        w.held_count = 0;
    }
    assert_int_equal(shell_http_counters(w.h).open, 0);
    assert_int_equal(shell_http_counters(w.h).cancelled, 5);
    stage_close(&w);
}

static void a_stream_carries_chunks_and_ends(void **state)
{
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    client_open(&w, &c);
    client_say(&w, &c, GET("/events"));
    client_sees(&w, &c, "\r\n\r\n", 1);
    assert_int_equal(client_count(&c, "Content-Type: text/event-stream\r\n"), 1);
    assert_int_equal(client_count(&c, "Transfer-Encoding: chunked\r\n"), 1);
    client_forget(&c);
    for (uint32_t i = 1; i <= 20; i++) {
        assert_int_equal(shell_http_chunk(w.h, w.stream, muster_bytes_text("data: x\n\n")), 0);
        client_sees(&w, &c, "data: x\n\n", i);
    }
    shell_http_end(w.h, w.stream);
    assert_int_equal(shell_http_chunk(w.h, w.stream, muster_bytes_text("late")), MUSTER_ENOTFOUND);
    client_say(&w, &c, GET("/echo"));
    client_sees(&w, &c, "GET /echo []\n", 1);
    assert_int_equal(client_count(&c, "0\r\n\r\n"), 1);
    assert_int_equal(client_count(&c, "late"), 0);
    assert_int_equal(w.cancelled, 0);
    client_close(&c);
    stage_close(&w);
}

static void a_reader_that_leaves_ends_its_stream(void **state)
{
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    for (uint32_t i = 1; i <= 20; i++) {
        client_open(&w, &c);
        client_say(&w, &c, i % 2 == 0 ? GET("/events") : GET("/tail"));
        client_sees(&w, &c, "\r\n\r\n", 1);
        if (i % 3 == 0) /* in the middle of sending rather than at rest */
            assert_int_equal(shell_http_chunk(w.h, w.stream, muster_bytes_text("data")), MUSTER_OK);
        client_close(&c);
        stage_until(&w, &w.cancelled, i);
        assert_int_equal(w.last_cancelled, w.stream);
        assert_int_equal(shell_http_chunk(w.h, w.stream, muster_bytes_text("x")), MUSTER_ENOTFOUND);
        shell_http_end(w.h, w.stream);
    }
    assert_int_equal(shell_http_counters(w.h).open, 0);
    stage_close(&w);
}

/* To HEAD there is no body; the owner of the stream learns that nobody reads. */
static void a_stream_for_head_is_over_at_once(void **state)
{
    struct stage w;
    struct stage_client c;

    (void)state;
    stage_open(&w, NULL);
    client_open(&w, &c);
    client_say(&w, &c, "HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_sees(&w, &c, "\r\n\r\n", 1);
    stage_until(&w, &w.cancelled, 1);
    assert_int_equal(shell_http_counters(w.h).open, 0);
    client_close(&c);
    stage_close(&w);
}

static void a_slow_reader_of_events_is_told_what_it_missed(void **state)
{
    struct shell_http_config config = { .stream_max = 64 * 1024 };
    char chunk[1024];
    struct stage w;
    struct stage_client c;

    (void)state;
    memset(chunk, 'x', sizeof chunk);
    memcpy(chunk, "data: ", 6);
    memcpy(chunk + sizeof chunk - 2, "\n\n", 2);
    stage_open(&w, &config);
    client_open(&w, &c);
    client_say(&w, &c, GET("/events"));
    client_sees(&w, &c, "\r\n\r\n", 1);
    for (uint32_t i = 0; shell_http_counters(w.h).lagged < 50; i++) {
        assert_in_range(i, 0, 100000);
        assert_int_equal(shell_http_chunk(w.h, w.stream, MUSTER_BYTES(chunk, sizeof chunk)),
                         MUSTER_OK);
        stage_turn(&w, 0);
    }
    client_sees(&w, &c, "event: lagged\n\n", 1);
    stage_turn(&w, 20);
    assert_int_equal(shell_http_chunk(w.h, w.stream, muster_bytes_text("data: after\n\n")), 0);
    client_sees(&w, &c, "data: after\n\n", 1);
    assert_int_equal(client_count(&c, "event: lagged\n\n"), 1);
    assert_int_equal(w.cancelled, 0);
    assert_int_equal(w.rooms, 0);
    client_close(&c);
    stage_close(&w);
}

static void a_full_stream_refuses_and_says_when_there_is_room(void **state)
{
    struct shell_http_config config = { .stream_max = 64 * 1024 };
    char chunk[1000];
    uint32_t taken = 0;
    uint32_t wanted = 0;
    struct stage w;
    struct stage_client c;

    (void)state;
    memset(chunk, 'x', sizeof chunk);
    chunk[0] = '#';
    stage_open(&w, &config);
    client_open(&w, &c);
    client_say(&w, &c, GET("/tail"));
    client_sees(&w, &c, "\r\n\r\n", 1);
    while (wanted < 5) {
        int err = shell_http_chunk(w.h, w.stream, MUSTER_BYTES(chunk, sizeof chunk));
        taken += err == MUSTER_OK ? 1 : 0;
        if (err == MUSTER_OK) {
            stage_turn(&w, 0);
            continue;
        }
        assert_int_equal(err, MUSTER_EFULL);
        assert_int_equal(w.rooms, wanted);
        wanted++;
        for (uint32_t i = 0; i < 5000 && w.rooms < wanted; i++) {
            client_look(&c);
            stage_turn(&w, 1);
        }
        assert_int_equal(w.rooms, wanted);
    }
    client_sees(&w, &c, "#", taken); /* what was taken arrives, what was refused does not */
    stage_turn(&w, 20);
    client_look(&c);
    assert_int_equal(client_count(&c, "#"), taken);
    char *huge = calloc(1, 65537);
    assert_non_null(huge);
    assert_int_equal(shell_http_chunk(w.h, w.stream, MUSTER_BYTES(huge, 65537)), MUSTER_ELIMIT);
    free(huge);
    client_close(&c);
    stage_close(&w);
}

static void a_large_answer_arrives_whole(void **state)
{
    size_t len = 3 * 1024 * 1024;
    char *body = malloc(len);
    struct stage w;
    struct stage_client c;

    (void)state;
    assert_non_null(body);
    memset(body, 'y', len);
    memcpy(body + len - 4, "last", 4);
    struct agent_http_reply reply = { .status = 200, .body = MUSTER_BYTES(body, len) };
    stage_open(&w, NULL);
    client_open(&w, &c);
    client_say(&w, &c, GET("/hold"));
    stage_until(&w, &w.held_count, 1);
    shell_http_reply(w.h, w.held[0], &reply);
    free(body); /* the door has its own copy */
    client_sees(&w, &c, "last", 1);
    const char *start = strstr(c.data, "\r\n\r\n") + 4;
    assert_int_equal(c.len - (size_t)(start - c.data), len);
    client_close(&c);
    stage_close(&w);
}

static void the_unix_socket_knows_who_asks(void **state)
{
    struct stage w;
    struct stage_client c;
    struct stat st;

    (void)state;
    stage_open(&w, NULL);
    assert_int_equal(stat(w.socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    client_open_unix(&w, &c);
    client_say(&w, &c, "GET /echo HTTP/1.1\r\nHost: any.thing.at.all\r\n\r\n");
    client_sees(&w, &c, "GET /echo []\n", 1);
    assert_true(w.is_unix);
    assert_int_equal(w.peer_uid, getuid());
    client_say(&w, &c, GET("/hold"));
    stage_until(&w, &w.held_count, 1);
    client_close(&c);
    stage_until(&w, &w.cancelled, 1);
    stage_close(&w);
}

static int door_try(struct stage *w, const char *tcp, const char *path, char *why, size_t size)
{
    struct shell_http_config config = { .loop = &w->loop, .socket_path = path };
    struct shell_http *h = NULL;
    config.on_request = (void (*)(void *, const struct agent_http_request *))abort;
    config.on_cancel = (void (*)(void *, uint64_t))abort;
    if (tcp != NULL)
        assert_int_equal(muster_addr_parse(&config.tcp, tcp, 0), MUSTER_OK);
    int err = shell_http_open(&h, &config, why, size);
    if (err == MUSTER_OK) {
        shell_http_close(h, NULL);
        stage_turn(w, 5);
    }
    return err;
}

static void sockets_in_use_are_left_alone_and_stale_ones_replaced(void **state)
{
    char why[256];
    char expected[256];
    char path[128];
    struct stage w;

    (void)state;
    stage_open(&w, NULL);
    (void)snprintf(path, sizeof path, "127.0.0.1:%u", shell_http_port(w.h));
    assert_int_equal(door_try(&w, path, NULL, why, sizeof why), MUSTER_EEXISTS);
    (void)snprintf(expected, sizeof expected, "%s: Address already in use", path);
    assert_string_equal(why, expected);

    assert_int_equal(door_try(&w, NULL, w.socket, why, sizeof why), MUSTER_EEXISTS);
    (void)snprintf(expected, sizeof expected, "%s: Address already in use", w.socket);
    assert_string_equal(why, expected);

    (void)snprintf(path, sizeof path, "%s/file", w.folder);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(door_try(&w, NULL, path, why, sizeof why), MUSTER_EEXISTS);
    (void)snprintf(expected, sizeof expected, "%s: exists and is no socket", path);
    assert_string_equal(why, expected);
    assert_int_equal(unlink(path), 0);

    (void)snprintf(path, sizeof path, "%s/none/s", w.folder);
    assert_int_equal(door_try(&w, NULL, path, why, sizeof why), MUSTER_EIO);
    assert_non_null(strstr(why, "No such file or directory"));

    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(door_try(&w, NULL, path, why, sizeof why), MUSTER_ELIMIT);
    assert_non_null(strstr(why, "too long for a socket; at most 107 bytes"));
    stage_close(&w);
}

static void a_socket_left_by_a_crash_is_replaced(void **state)
{
    char why[256];
    char path[128];
    struct stage w;

    (void)state;
    stage_open(&w, NULL);
    (void)snprintf(path, sizeof path, "%s/t", w.folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    memcpy(name.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    (void)close(fd); /* as a crash leaves it: a file, and nobody behind it */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(door_try(&w, NULL, path, why, sizeof why), MUSTER_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    stage_close(&w);
}

static void at_the_brim_new_clients_wait_for_room(void **state)
{
    struct shell_http_config config = { .connections_max = 4 };
    struct stage w;
    struct stage_client c[6];

    (void)state;
    stage_open(&w, &config);
    for (uint32_t i = 0; i < 6; i++) {
        client_open(&w, &c[i]);
        client_say(&w, &c[i], GET("/echo"));
        stage_turn(&w, 5);
    }
    for (uint32_t i = 0; i < 4; i++)
        client_sees(&w, &c[i], "GET /echo []\n", 1);
    stage_turn(&w, 20);
    client_look(&c[4]);
    assert_int_equal(c[4].len, 0);
    assert_false(c[4].is_end);
    assert_int_equal(shell_http_counters(w.h).connections, 4);
    client_close(&c[0]);
    client_close(&c[1]);
    client_sees(&w, &c[4], "GET /echo []\n", 1);
    client_sees(&w, &c[5], "GET /echo []\n", 1);
    for (uint32_t i = 2; i < 6; i++)
        client_close(&c[i]);
    stage_close(&w);
}

static void one_address_cannot_take_all_connections(void **state)
{
    struct shell_http_config config = { .per_address_max = 3 };
    struct stage w;
    struct stage_client c[4];
    struct stage_client local;

    (void)state;
    stage_open(&w, &config);
    for (uint32_t i = 0; i < 4; i++) {
        client_open(&w, &c[i]);
        client_say(&w, &c[i], GET("/echo"));
        stage_turn(&w, 5);
    }
    for (uint32_t i = 0; i < 3; i++)
        client_sees(&w, &c[i], "GET /echo []\n", 1);
    client_sees_end(&w, &c[3]);
    client_open_unix(&w, &local); /* the host's own people are not shut out by it */
    client_say(&w, &local, GET("/echo"));
    client_sees(&w, &local, "GET /echo []\n", 1);
    for (uint32_t i = 0; i < 4; i++)
        client_close(&c[i]);
    client_close(&local);
    stage_close(&w);
}

static void a_door_closes_with_everybody_inside(void **state)
{
    static const char *const said[] = {
        "",
        GET("/hold"),
        GET("/events"),
        GET("/tail"),
        "GET /ec",
        GET("/echo"),
        "PUT /echo HTTP/1.1\r\nHost: l\r\nContent-Length: 9\r\n\r\nabc"
    };
    struct stage w;
    struct stage_client c[STAGE_COUNT(said)];

    (void)state;
    stage_open(&w, NULL);
    for (size_t i = 0; i < STAGE_COUNT(said); i++) {
        client_open(&w, &c[i]);
        client_say(&w, &c[i], said[i]);
        stage_turn(&w, 5);
    }
    assert_int_equal(shell_http_counters(w.h).connections, STAGE_COUNT(said));
    stage_close(&w);
    assert_int_equal(w.cancelled, 0);
    for (size_t i = 0; i < STAGE_COUNT(said); i++) {
        client_look(&c[i]);
        assert_true(c[i].is_end);
        client_close(&c[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hundred_wait_and_each_gets_its_own_answer),
        cmocka_unit_test(whoever_leaves_while_waiting_is_reported_at_once),
        cmocka_unit_test(a_stream_carries_chunks_and_ends),
        cmocka_unit_test(a_reader_that_leaves_ends_its_stream),
        cmocka_unit_test(a_stream_for_head_is_over_at_once),
        cmocka_unit_test(a_slow_reader_of_events_is_told_what_it_missed),
        cmocka_unit_test(a_full_stream_refuses_and_says_when_there_is_room),
        cmocka_unit_test(a_large_answer_arrives_whole),
        cmocka_unit_test(the_unix_socket_knows_who_asks),
        cmocka_unit_test(sockets_in_use_are_left_alone_and_stale_ones_replaced),
        cmocka_unit_test(a_socket_left_by_a_crash_is_replaced),
        cmocka_unit_test(at_the_brim_new_clients_wait_for_room),
        cmocka_unit_test(one_address_cannot_take_all_connections),
        cmocka_unit_test(a_door_closes_with_everybody_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
