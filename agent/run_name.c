/* SPDX-License-Identifier: Apache-2.0 */
/* Names of runs: taken apart and put together. */
#include "agent/run_name.h"

#include <stdio.h>
#include <string.h>

#include "agent/name.h"
#include "base/clock.h"
#include "store/row.h"

#define TICK_LEN  20 /* 2026-03-28T01:00:00Z */
#define INDEX_MAX 100000
#define ID_MAX    64

static struct muster_bytes part(struct muster_bytes b, size_t from, size_t to)
{
    return MUSTER_BYTES(b.data + from, to - from);
}

static bool index_read(struct muster_bytes b, uint32_t *index)
{
    uint32_t n = 0;
    for (size_t i = 0; i < b.len; i++) {
        if (b.data[i] < '0' || b.data[i] > '9' || n >= INDEX_MAX)
            return false;
        n = n * 10 + (uint32_t)(b.data[i] - '0');
    }
    *index = n;
    return b.len > 0 && n > 0 && b.data[0] != '0';
}

static bool tick_read(struct muster_bytes b, uint64_t *wall_ms)
{
    char text[TICK_LEN + 1];
    if (b.len < TICK_LEN || b.data[TICK_LEN - 1] != 'Z')
        return false;
    memcpy(text, b.data, TICK_LEN);
    text[TICK_LEN] = '\0';
    return muster_time_parse(wall_ms, text) == MUSTER_OK && *wall_ms > 0;
}

/* What stands behind the `@`. False when it says nothing. */
static bool share_read(struct muster_bytes b, struct agent_run_name *out)
{
    if (tick_read(b, &out->tick_wall_ms)) {
        b = part(b, TICK_LEN, b.len);
        if (b.len == 0)
            return true;
        if (b.data[0] == '.')
            return index_read(part(b, 1, b.len), &out->index);
    }
    if (b.len > 1 && b.data[0] == '%') {
        out->node = part(b, 1, b.len);
        return true;
    }
    return out->tick_wall_ms == 0 && index_read(b, &out->index);
}

struct agent_run_name agent_run_name_read(struct muster_bytes key)
{
    struct agent_run_name name = { .job = key };
    for (size_t i = 0; i < key.len; i++) {
        if (key.data[i] != '@' && key.data[i] != ':')
            continue;
        name.job = part(key, 0, i);
        if (key.data[i] == ':')
            name.id = part(key, i + 1, key.len);
        else
            (void)share_read(part(key, i + 1, key.len), &name);
        break;
    }
    return name;
}

bool agent_run_name_is_child(struct muster_bytes key)
{
    return memchr(key.data, '@', key.len) != NULL || memchr(key.data, ':', key.len) != NULL;
}

bool agent_run_name_write(const struct agent_run_name *name, char *out)
{
    char tick[MUSTER_TIME_TEXT] = "", index[16] = "";
    if (name->tick_wall_ms != 0) {
        (void)muster_time_text(name->tick_wall_ms, tick);
        (void)snprintf(tick + TICK_LEN - 1, 2, "Z"); /* no milliseconds */
    }
    if (name->index != 0)
        (void)snprintf(index, sizeof index, "%s%u", name->tick_wall_ms != 0 ? "." : "",
                       name->index);
    int len = snprintf(out, STORE_KEY_MAX + 1, "%.*s@%s%s%s%.*s", (int)name->job.len,
                       (const char *)name->job.data, tick, index, name->node.len > 0 ? "%" : "",
                       (int)name->node.len, (const char *)name->node.data);
    return len > 0 && len <= STORE_KEY_MAX;
}

const char *agent_run_name_fault(struct muster_bytes key)
{
    const uint8_t *mark = memchr(key.data, '@', key.len);
    struct agent_run_name name = { .job = key };
    if (mark == NULL)
        mark = memchr(key.data, ':', key.len);
    if (mark == NULL)
        return agent_name_job_fault(key);
    size_t at = (size_t)(mark - key.data);
    const char *fault = agent_name_job_fault(part(key, 0, at));
    struct muster_bytes rest = part(key, at + 1, key.len);
    if (fault != NULL)
        return fault;
    if (*mark == ':') {
        for (size_t i = 0; i < rest.len; i++)
            if (!(rest.data[i] >= '0' && rest.data[i] <= '9') &&
                !(rest.data[i] >= 'A' && rest.data[i] <= 'Z') &&
                !(rest.data[i] >= 'a' && rest.data[i] <= 'z'))
                return "the id of a triggered run is made of letters and digits";
        return rest.len == 0 || rest.len > ID_MAX ? "the id of a run has 1 to 64 characters" : NULL;
    }
    if (!share_read(rest, &name))
        return "behind the @ of a run stands its number, its time or %NODE";
    return name.node.len > 0 ? agent_name_node_fault(name.node) : NULL;
}
