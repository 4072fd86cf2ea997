/* Stage: an HTTP door on a loop of its own, an owner that answers by the path, and raw clients, all
 * in one thread: whoever waits turns the loop.
 *
 * units    milliseconds
 * memory   a stage and its clients are the test's; stage_close asserts that the loop is empty
 * threads  one
 */
#ifndef MUSTER_TESTS_E2E_HTTP_STAGE_H
#define MUSTER_TESTS_E2E_HTTP_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/shell/http.h"

#define STAGE_COUNT(table) (sizeof(table) / sizeof(table)[0])

#define STAGE_HELD_MAX   512
#define STAGE_CLIENT_MAX (4u * 1024 * 1024)
#define STAGE_PATIENCE   10000

/* What the owner does with a request:
 *   /echo    answers at once: method, path, query and body
 *   /hold    keeps it; the test answers
 *   /events  begins a stream with a lagged notice
 *   /tail    begins a stream without one
 *   others   404 */
struct stage {
    uv_loop_t loop;
    struct shell_http *h;
    char folder[64];
    char socket[96];
    uint64_t held[STAGE_HELD_MAX];
    uint32_t held_count;
    uint64_t stream; /* of the newest stream */
    uint32_t cancelled;
    uint64_t last_cancelled;
    uint32_t rooms;
    uint32_t peer_uid;
    bool is_unix;
    bool is_closed;
};

struct stage_client {
    int fd;
    bool is_end; /* the door closed its side, or reset */
    char *data;  /* what was received, NUL-terminated */
    size_t len;
};

void stage_open(struct stage *w, const struct shell_http_config *over);
void stage_close(struct stage *w);

/* Turns the loop until the counter `now` is at least `wanted`; fails when patience ends. */
void stage_until(struct stage *w, const uint32_t *now, uint32_t wanted);
void stage_turn(struct stage *w, uint32_t ms);

void client_open(struct stage *w, struct stage_client *c);
void client_open_unix(struct stage *w, struct stage_client *c);
void client_close(struct stage_client *c);
/* Sends all, turning the loop when the socket is full; stops early when the door closes. */
void client_send(struct stage *w, struct stage_client *c, const void *bytes, size_t len);
void client_say(struct stage *w, struct stage_client *c, const char *text);
/* Reads until `text` stands `times` times in what came; fails when patience ends. */
void client_sees(struct stage *w, struct stage_client *c, const char *text, uint32_t times);
/* Reads until the door closes. */
void client_sees_end(struct stage *w, struct stage_client *c);
/* Reads what is there now. */
void client_look(struct stage_client *c);
void client_forget(struct stage_client *c); /* what was received so far */
uint32_t client_count(const struct stage_client *c, const char *text);

#endif
