/* SPDX-License-Identifier: Apache-2.0 */
/* The document tree: nodes and texts in blocks that are given back together. */
#include "agent/doc.h"

#include <string.h>

#include "base/arena.h"

#define DOC_BLOCK_FIRST 4096 /* a usual job fits into one */
#define DOC_BLOCK_NEXT  65536
#define DOC_BLOCK_EDGE  64 /* what the arena may round up to */

struct agent_doc_block {
    struct agent_doc_block *next;
    struct muster_arena memory; /* the block itself is the first thing in it */
};

void agent_doc_open(struct agent_doc *doc)
{
    memset(doc, 0, sizeof *doc);
}

void agent_doc_close(struct agent_doc *doc)
{
    struct agent_doc_block *block = doc->blocks;
    while (block != NULL) {
        struct muster_arena memory = block->memory;
        block = block->next;
        muster_arena_close(&memory);
    }
    memset(doc, 0, sizeof *doc);
}

static struct agent_doc_block *block_open(size_t size)
{
    struct muster_arena memory;
    if (muster_arena_open(&memory, size) != MUSTER_OK)
        return NULL;
    struct agent_doc_block *block = muster_arena_take(&memory, 1, sizeof *block);
    MUSTER_ASSERT(block != NULL);
    block->memory = memory;
    return block;
}

static void *doc_take(struct agent_doc *doc, size_t size)
{
    void *taken = doc->blocks == NULL ? NULL : muster_arena_take(&doc->blocks->memory, 1, size);
    if (taken != NULL)
        return taken;
    size_t usual = doc->blocks == NULL ? DOC_BLOCK_FIRST : DOC_BLOCK_NEXT;
    size_t least = size + sizeof(struct agent_doc_block) + DOC_BLOCK_EDGE;
    struct agent_doc_block *block = block_open(least > usual ? least : usual);
    if (block == NULL)
        return NULL;
    block->next = doc->blocks;
    doc->blocks = block;
    taken = muster_arena_take(&block->memory, 1, size);
    MUSTER_ASSERT(taken != NULL);
    return taken;
}

struct agent_doc_node *agent_doc_add(struct agent_doc *doc, struct agent_doc_node *parent,
                                     enum agent_doc_kind kind, int *err)
{
    MUSTER_ASSERT(parent == NULL || parent->kind != AGENT_DOC_SCALAR);
    if (doc->nodes == AGENT_DOC_NODES_MAX) {
        *err = MUSTER_ELIMIT;
        return NULL;
    }
    struct agent_doc_node *node = doc_take(doc, sizeof *node);
    if (node == NULL) {
        *err = MUSTER_EFULL;
        return NULL;
    }
    memset(node, 0, sizeof *node);
    node->kind = (uint8_t)kind;
    doc->nodes++;

    struct agent_doc_node **first = parent == NULL ? &doc->first : &parent->first;
    struct agent_doc_node **last = parent == NULL ? &doc->last : &parent->last;
    if (*last == NULL)
        *first = node;
    else
        (*last)->next = node;
    *last = node;
    if (parent == NULL)
        doc->count++;
    else
        parent->count++;
    return node;
}

int agent_doc_copy(struct agent_doc *doc, const char **copy, struct muster_bytes text)
{
    if (text.len != 0 && memchr(text.data, '\0', text.len) != NULL)
        return MUSTER_EINVAL;
    if (text.len > 2 * (size_t)AGENT_DOC_BYTES_MAX)
        return MUSTER_ELIMIT;
    char *taken = doc_take(doc, text.len + 1);
    if (taken == NULL)
        return MUSTER_EFULL;
    if (text.len != 0)
        memcpy(taken, text.data, text.len);
    taken[text.len] = '\0';
    doc->text_bytes += text.len + 1;
    *copy = taken;
    return MUSTER_OK;
}

const struct agent_doc_node *agent_doc_find(const struct agent_doc_node *map, const char *key)
{
    MUSTER_ASSERT(map->kind == AGENT_DOC_MAP);
    const struct agent_doc_node *node = map->first;
    while (node != NULL && strcmp(node->key, key) != 0)
        node = node->next;
    return node;
}

bool agent_doc_is_null(const struct agent_doc_node *node)
{
    if (node->kind != AGENT_DOC_SCALAR || node->is_quoted)
        return false;
    return node->len == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}
