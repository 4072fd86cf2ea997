/* Resolve: host names among the seeds, looked up again and again for as long as there is a use in
 * it.
 *
 * A name service may come up after us or change its mind, so a name is never looked up once and for
 * all. Its addresses are handed to the node as a wish to join them.
 *
 * units    milliseconds
 * memory   held by value; names are the configuration's
 * errors   told to the journal, once for each change
 * threads  the loop's; a look-up visits a worker of libuv
 * source   consistency R4
 */
#ifndef MUSTER_AGENT_SHELL_RESOLVE_H
#define MUSTER_AGENT_SHELL_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "agent/config.h"
#include "base/addr.h"

#define SHELL_RESOLVE_MS      10000 /* while we know nobody */
#define SHELL_RESOLVE_CALM_MS 60000

struct shell_resolve {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_getaddrinfo_t request;
    const char *name[AGENT_CONFIG_JOIN_MAX]; /* with or without a port */
    bool has_failed[AGENT_CONFIG_JOIN_MAX];
    uint32_t count, at;
    bool is_open, is_asking;
    void *context;
    void (*on_addr)(void *context, struct muster_addr addr);
    void (*on_fault)(void *context, const char *name, const char *why);
    bool (*is_calm)(void *context); /* we know somebody */
};

/* Takes from `join` what is no address; does nothing when all are. The caller sets loop, context
 * and functions before. */
void shell_resolve_open(struct shell_resolve *r, const char *const *join, uint32_t join_count);
void shell_resolve_close(struct shell_resolve *r);

#endif
