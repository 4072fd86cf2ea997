/* SPDX-License-Identifier: Apache-2.0 */
/* Who could not be vouched for: the names of certificates, and what people hear. */
#include "agent/unproven.h"

#include <stdio.h>
#include <string.h>

#include "agent/core.h"
#include "base/hash.h"

bool agent_unproven_has(struct muster_bytes names, struct muster_bytes name)
{
    size_t at = 0;
    while (at < names.len) {
        const uint8_t *end = memchr(names.data + at, '\0', names.len - at);
        size_t len = end == NULL ? names.len - at : (size_t)(end - names.data) - at;
        if (name.len > 0 && muster_bytes_equal(name, MUSTER_BYTES(names.data + at, len)))
            return true;
        at += len + 1;
    }
    return false;
}

/* The one of that host, else the one that was quiet longest. */
static struct unproven_host *host_find(struct agent_unproven *u, struct muster_addr from)
{
    struct unproven_host *oldest = &u->host[0];
    for (uint32_t i = 0; i < UNPROVEN_MAX; i++) {
        struct unproven_host *h = &u->host[i];
        if (h->seen_ms != 0 && muster_addr_same_host(h->addr, from))
            return h;
        if (h->seen_ms < oldest->seen_ms)
            oldest = h;
    }
    *oldest = (struct unproven_host){ .addr = from };
    return oldest;
}

/* Whoever comes from everywhere must not fill the log. */
static bool has_line(struct agent_unproven *u, uint64_t now_ms)
{
    if (u->lines_ms == 0 || now_ms >= u->lines_ms + UNPROVEN_MS) {
        u->lines_ms = now_ms;
        u->lines = 0;
    }
    return u->lines++ < UNPROVEN_LINES;
}

void agent_unproven_add(struct agent_core *core, const char *who, struct muster_addr from,
                        struct muster_bytes why, bool may_be_chance)
{
    struct agent_unproven *u = &core->unproven;
    struct unproven_host *h = host_find(u, from);
    char addr[MUSTER_ADDR_TEXT];
    uint64_t hash = muster_hash64(why, 0);
    h->seen_ms = core->now.mono_ms;
    if (may_be_chance && ++h->chances < UNPROVEN_CHANCES)
        return;
    (void)snprintf(u->text, sizeof u->text, "no link with %s%s%s%s: it %.*s",
                   who != NULL ? who : "", who != NULL ? " (" : "", muster_addr_text(from, addr),
                   who != NULL ? ")" : "", (int)(why.len < 320 ? why.len : 320),
                   (const char *)why.data);
    u->until_ms = core->now.mono_ms + UNPROVEN_MS;
    if (h->told_ms != 0 && h->why == hash && core->now.mono_ms < h->told_ms + UNPROVEN_TELL_MS)
        return;
    h->told_ms = core->now.mono_ms;
    h->why = hash;
    if (has_line(u, core->now.mono_ms))
        agent_out_log(&core->out, AGENT_LOG_WARN, "%s", u->text);
}

void agent_unproven_clear(struct agent_core *core, struct muster_addr from)
{
    struct agent_unproven *u = &core->unproven;
    for (uint32_t i = 0; i < UNPROVEN_MAX; i++)
        if (u->host[i].seen_ms != 0 && muster_addr_same_host(u->host[i].addr, from))
            u->host[i].chances = 0;
}

const char *agent_unproven_text(const struct agent_core *core)
{
    return core->now.mono_ms < core->unproven.until_ms ? core->unproven.text : NULL;
}
