/* SPDX-License-Identifier: Apache-2.0 */
/* The owner, the clients and the turning of the loop for the tests of the HTTP door. */
#include "tests/e2e/http_stage.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

static void echo_answer(struct stage *w, const struct agent_http_request *q)
{
    struct muster_text text;
    muster_text_open(&text, 8 * AGENT_HTTP_BODY_MAX);
    muster_text_add(&text, "%s %s", agent_http_method_text(q->method), q->path);
    for (uint32_t i = 0; i < q->query_count; i++)
        muster_text_add(&text, " %s=%s", q->query[i].key, q->query[i].value);
    if (q->request_id != NULL)
        muster_text_add(&text, " id:%s", q->request_id);
    muster_text_add(&text, " [");
    muster_text_add_bytes(&text, q->body);
    muster_text_add(&text, "]\n");
    struct agent_http_reply reply = { .status = 200,
                                      .content_type = AGENT_HTTP_PLAIN,
                                      .body = muster_text_bytes(&text) };
    shell_http_reply(w->h, q->id, &reply);
    muster_text_close(&text);
}

static void stream_begin(struct stage *w, uint64_t id, const char *lagged)
{
    struct agent_http_reply head = { .status = 200, .content_type = AGENT_HTTP_SSE };
    head.lagged = muster_bytes_text(lagged);
    shell_http_begin(w->h, id, &head);
    w->stream = id;
}

static void on_request(void *context, const struct agent_http_request *q)
{
    struct stage *w = context;
    w->peer_uid = q->peer_uid;
    w->is_unix = q->is_unix;
    if (strcmp(q->path, "/echo") == 0) {
        echo_answer(w, q);
    } else if (strcmp(q->path, "/hold") == 0) {
        assert_in_range(w->held_count, 0, STAGE_HELD_MAX - 1);
        w->held[w->held_count++] = q->id;
    } else if (strcmp(q->path, "/events") == 0) {
        stream_begin(w, q->id, "event: lagged\n\n");
    } else if (strcmp(q->path, "/tail") == 0) {
        stream_begin(w, q->id, "");
    } else {
        struct agent_http_reply reply = { .status = 404, .body = muster_bytes_text("{}") };
        shell_http_reply(w->h, q->id, &reply);
    }
}

static void on_cancel(void *context, uint64_t id)
{
    struct stage *w = context;
    w->cancelled++;
    w->last_cancelled = id;
}

static void on_room(void *context, uint64_t id)
{
    struct stage *w = context;
    (void)id;
    w->rooms++;
}

static void on_closed(void *context)
{
    struct stage *w = context;
    w->is_closed = true;
}

void stage_open(struct stage *w, const struct shell_http_config *over)
{
    char why[256];
    memset(w, 0, sizeof *w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    (void)snprintf(w->folder, sizeof w->folder, "/tmp/muster-http-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    (void)snprintf(w->socket, sizeof w->socket, "%s/s", w->folder);
    struct shell_http_config config = { 0 };
    if (over != NULL)
        config = *over;
    config.loop = &w->loop;
    assert_int_equal(muster_addr_parse(&config.tcp, "127.0.0.1:0", 0), MUSTER_OK);
    config.socket_path = w->socket;
    config.name = "alpha.example.org";
    config.context = w;
    config.on_request = on_request;
    config.on_cancel = on_cancel;
    config.on_room = on_room;
    int err = shell_http_open(&w->h, &config, why, sizeof why);
    assert_string_equal(why, "");
    assert_int_equal(err, MUSTER_OK);
}

void stage_close(struct stage *w)
{
    shell_http_close(w->h, on_closed);
    for (int i = 0; i < 1000 && !w->is_closed; i++)
        (void)uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_true(w->is_closed);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_not_equal(access(w->socket, F_OK), 0);
    assert_int_equal(rmdir(w->folder), 0);
}

/* One turn; sleeps a little in the loop's own poll when nothing is due. */
static void loop_turn(struct stage *w)
{
    if (uv_run(&w->loop, UV_RUN_NOWAIT) == 0)
        return;
    struct pollfd wait = { .fd = uv_backend_fd(&w->loop), .events = POLLIN };
    (void)poll(&wait, 1, 1);
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

void stage_until(struct stage *w, const uint32_t *now, uint32_t wanted)
{
    uint64_t until = now_ms() + STAGE_PATIENCE;
    while (*now < wanted) {
        assert_true(now_ms() < until);
        loop_turn(w);
    }
}

void stage_turn(struct stage *w, uint32_t ms)
{
    uint64_t until = now_ms() + ms;
    do {
        loop_turn(w);
    } while (now_ms() < until);
}

static void client_start(struct stage_client *c, int family, const void *name, socklen_t len)
{
    memset(c, 0, sizeof *c);
    c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(c->fd >= 0);
    int size = 64 * 1024; /* a slow reader is one whose buffer is full */
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    c->data = calloc(1, STAGE_CLIENT_MAX + 1);
    assert_non_null(c->data);
    int connected = connect(c->fd, name, len);
    assert_true(connected == 0 || errno == EINPROGRESS);
}

void client_open(struct stage *w, struct stage_client *c)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(shell_http_port(w->h)) };
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client_start(c, AF_INET, &name, sizeof name);
}

void client_open_unix(struct stage *w, struct stage_client *c)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    memcpy(name.sun_path, w->socket, strlen(w->socket) + 1);
    client_start(c, AF_UNIX, &name, sizeof name);
}

void client_close(struct stage_client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    free(c->data);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

void client_send(struct stage *w, struct stage_client *c, const void *bytes, size_t len)
{
    uint64_t until = now_ms() + STAGE_PATIENCE;
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
        assert_true(now_ms() < until);
        loop_turn(w);
    }
}

void client_say(struct stage *w, struct stage_client *c, const char *text)
{
    client_send(w, c, text, strlen(text));
}

void client_look(struct stage_client *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->data + c->len, STAGE_CLIENT_MAX - c->len, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            c->is_end = true;
        if (n <= 0)
            break;
        c->len += (size_t)n;
        c->data[c->len] = '\0';
    }
}

uint32_t client_count(const struct stage_client *c, const char *text)
{
    uint32_t count = 0;
    const char *at = c->data;
    const char *end = c->data + c->len;
    size_t len = strlen(text);
    while ((at = memmem(at, (size_t)(end - at), text, len)) != NULL) {
        count++;
        at += len;
    }
    return count;
}

void client_sees(struct stage *w, struct stage_client *c, const char *text, uint32_t times)
{
    uint64_t until = now_ms() + STAGE_PATIENCE;
    for (;;) {
        bool was_end = c->is_end;
        client_look(c);
        if (client_count(c, text) >= times)
            return;
        if (was_end || now_ms() >= until) {
            print_error("wanted %u times: %s\nseen: %.2000s\n", times, text, c->data);
            fail();
        }
        loop_turn(w);
    }
}

void client_sees_end(struct stage *w, struct stage_client *c)
{
    uint64_t until = now_ms() + STAGE_PATIENCE;
    while (!c->is_end) {
        assert_true(now_ms() < until);
        loop_turn(w);
        client_look(c);
    }
}

void client_forget(struct stage_client *c)
{
    c->len = 0;
    c->data[0] = '\0';
}
