/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a list from many nodes, merged by key. */
#include "agent/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "agent/request.h"
#include "base/wire.h"
#include "store/row.h"

struct gather_item {
    struct muster_bytes key, json;
    uint64_t version;
};

struct agent_gather {
    struct muster_id awaited[AGENT_GATHER_PARTS];
    uint32_t awaited_count;
    uint8_t *part[AGENT_GATHER_PARTS];
    uint32_t part_count;
    struct gather_item *item;
    uint32_t item_count, item_size;
    bool more;
    struct muster_bytes cut; /* the least of the keys that parts go up to; empty: all are whole */
};

struct agent_gather *agent_gather_open(void)
{
    return calloc(1, sizeof(struct agent_gather));
}

void agent_gather_close(struct agent_gather *g)
{
    if (g == NULL)
        return;
    for (uint32_t i = 0; i < g->part_count; i++)
        free(g->part[i]);
    free(g->item);
    free(g);
}

void agent_gather_expect(struct agent_gather *g, struct muster_id node)
{
    if (g->awaited_count < AGENT_GATHER_PARTS)
        g->awaited[g->awaited_count++] = node;
}

static bool awaited_remove(struct agent_gather *g, struct muster_id node)
{
    for (uint32_t i = 0; i < g->awaited_count; i++) {
        if (!muster_id_equal(g->awaited[i], node))
            continue;
        g->awaited[i] = g->awaited[--g->awaited_count];
        return true;
    }
    return false;
}

static void item_keep(struct agent_gather *g, struct gather_item item)
{
    if (g->item_count == g->item_size) {
        uint32_t size = g->item_size > 0 ? 2 * g->item_size : 256;
        struct gather_item *grown = realloc(g->item, size * sizeof *grown);
        if (grown == NULL) {
            g->more = true;
            return;
        }
        g->item = grown;
        g->item_size = size;
    }
    g->item[g->item_count++] = item;
}

static void part_read(struct agent_gather *g, struct muster_bytes part)
{
    struct muster_reader r = muster_reader_over(part);
    uint32_t n = muster_read_array(&r, AGENT_LIST_MAX + 1);
    for (uint32_t i = 0; i < n; i++) {
        struct gather_item item;
        muster_read_array_of(&r, 3);
        item.key = muster_read_bytes(&r, STORE_KEY_MAX);
        item.version = muster_read_u64(&r);
        item.json = muster_read_bytes(&r, 4 * STORE_ROW_MAX);
        if (!muster_reader_ok(&r))
            return;
        item_keep(g, item);
    }
    if (muster_read_bool(&r))
        g->more = true;
    struct muster_bytes cut = muster_read_bytes(&r, STORE_KEY_MAX);
    if (muster_reader_ok(&r) && cut.len > 0 &&
        (g->cut.len == 0 || muster_bytes_compare(cut, g->cut) < 0))
        g->cut = cut;
}

void agent_gather_add(struct agent_gather *g, struct muster_id node, struct muster_bytes part)
{
    if (!awaited_remove(g, node) || part.len == 0 || g->part_count == AGENT_GATHER_PARTS)
        return;
    uint8_t *copy = malloc(part.len);
    if (copy == NULL)
        return;
    memcpy(copy, part.data, part.len);
    g->part[g->part_count++] = copy;
    part_read(g, MUSTER_BYTES(copy, part.len));
}

bool agent_gather_is_complete(const struct agent_gather *g)
{
    return g->awaited_count == 0;
}

/* By key; of equal keys the highest version first. */
static int item_compare(const void *a, const void *b)
{
    const struct gather_item *x = a, *y = b;
    int order = muster_bytes_compare(x->key, y->key);
    if (order != 0)
        return order;
    return x->version < y->version ? 1 : x->version > y->version ? -1 : 0;
}

static uint32_t items_unique(struct agent_gather *g)
{
    uint32_t kept = 0;
    if (g->item_count > 1)
        qsort(g->item, g->item_count, sizeof *g->item, item_compare);
    while (g->cut.len > 0 && g->item_count > 0 &&
           muster_bytes_compare(g->item[g->item_count - 1].key, g->cut) > 0)
        g->item_count--;
    for (uint32_t i = 0; i < g->item_count; i++)
        if (kept == 0 || !muster_bytes_equal(g->item[kept - 1].key, g->item[i].key))
            g->item[kept++] = g->item[i];
    g->item_count = kept;
    return kept;
}

void agent_gather_print(struct agent_gather *g, uint32_t limit, bool newest,
                        struct muster_text *out)
{
    uint32_t n = items_unique(g), first = 0, count = n < limit ? n : limit;
    struct agent_json j;
    if (newest && n > limit)
        first = n - limit;
    agent_json_open(&j, out);
    agent_json_object(&j);
    agent_json_key(&j, "items");
    agent_json_array(&j);
    for (uint32_t i = first; i < first + count; i++)
        agent_json_raw(&j, g->item[i].json);
    agent_json_array_end(&j);
    if (!newest && n <= limit && g->cut.len > 0)
        agent_json_put_bytes(&j, "next", g->cut);
    else if (!newest && count > 0 && (n > limit || g->more))
        agent_json_put_bytes(&j, "next", g->item[count - 1].key);
    else
        agent_json_put_null(&j, "next");
    agent_json_object_end(&j);
}

void agent_gather_join(const struct agent_gather *g, struct muster_text *out)
{
    for (uint32_t i = 0; i < g->item_count; i++)
        muster_text_add_bytes(out, g->item[i].json);
}

bool agent_gather_best(const struct agent_gather *g, char *out, size_t size)
{
    const struct gather_item *best = NULL;
    for (uint32_t i = 0; i < g->item_count; i++) {
        const struct gather_item *item = &g->item[i];
        bool is_same = best != NULL && item->version == best->version;
        bool is_whole = !muster_bytes_equal(item->key, muster_bytes_text(AGENT_GATHER_TAIL));
        if (best == NULL || item->version > best->version || (is_same && is_whole))
            best = item;
    }
    if (best == NULL || best->json.len >= size)
        return false;
    (void)snprintf(out, size, "%.*s", (int)best->json.len, (const char *)best->json.data);
    return true;
}
