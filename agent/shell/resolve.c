/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up the names of seeds, one after the other, for ever. */
#include "agent/shell/resolve.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/shell/net.h"
#include "base/text.h"

#define RESOLVE_HOST_MAX 256

static void round_begin(uv_timer_t *timer);

static void next_ask(struct shell_resolve *r);

static void answer(uv_getaddrinfo_t *request, int status, struct addrinfo *all)
{
    struct shell_resolve *r = request->data;
    r->is_asking = false;
    if (!r->is_open) {
        uv_freeaddrinfo(all);
        return;
    }
    bool failed = status != 0;
    if (failed && !r->has_failed[r->at])
        r->on_fault(r->context, r->name[r->at], uv_strerror(status));
    r->has_failed[r->at] = failed;
    for (const struct addrinfo *i = all; i != NULL; i = i->ai_next) {
        struct muster_addr a = shell_addr(i->ai_addr);
        if (a.len != 0)
            r->on_addr(r->context, a);
    }
    uv_freeaddrinfo(all);
    r->at++;
    next_ask(r);
}

/* "alpha" and "alpha:7946": the configuration has checked the shape. */
static void next_ask(struct shell_resolve *r)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    char host[RESOLVE_HOST_MAX], usual[8];
    if (r->at >= r->count) {
        uint64_t wait = r->is_calm(r->context) ? SHELL_RESOLVE_CALM_MS : SHELL_RESOLVE_MS;
        (void)uv_timer_start(&r->timer, round_begin, wait, 0);
        return;
    }
    (void)muster_format(host, sizeof host, "%s", r->name[r->at]);
    (void)muster_format(usual, sizeof usual, "%d", SHELL_GOSSIP_PORT);
    char *port = strchr(host, ':');
    if (port != NULL)
        *port++ = '\0';
    r->request.data = r;
    r->is_asking = uv_getaddrinfo(r->loop, &r->request, answer, host, port != NULL ? port : usual,
                                  &hints) == 0;
    if (!r->is_asking)
        (void)uv_timer_start(&r->timer, round_begin, SHELL_RESOLVE_MS, 0);
}

static void round_begin(uv_timer_t *timer)
{
    struct shell_resolve *r = timer->data;
    r->at = 0;
    next_ask(r);
}

void shell_resolve_open(struct shell_resolve *r, const char *const *join, uint32_t join_count)
{
    struct muster_addr a;
    for (uint32_t i = 0; i < join_count; i++)
        if (muster_addr_parse(&a, join[i], SHELL_GOSSIP_PORT) != MUSTER_OK)
            r->name[r->count++] = join[i];
    if (r->count == 0)
        return;
    int err = uv_timer_init(r->loop, &r->timer);
    MUSTER_ASSERT(err == 0);
    r->timer.data = r;
    r->is_open = true;
    (void)uv_timer_start(&r->timer, round_begin, 0, 0);
}

void shell_resolve_close(struct shell_resolve *r)
{
    if (!r->is_open)
        return;
    r->is_open = false;
    if (r->is_asking)
        (void)uv_cancel((uv_req_t *)&r->request);
    uv_close((uv_handle_t *)&r->timer, NULL);
}
