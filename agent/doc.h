/* Doc: a document as a tree of maps, lists and scalars, each with its place in the source.
 *
 * Every scalar is text. Whether "10s" is a duration and "no" a truth is for the schema to say
 * (agent/schema.h), never for the notation: what YAML would guess and what JSON would type are the
 * same tree here. Front ends: agent/yaml.h, agent/json.h.
 *
 * units    line and column from 1; 0 where the notation does not tell (values in JSON)
 * memory   agent_doc_open takes nothing; nodes and texts come from blocks that agent_doc_close
 *          gives back all at once; pointers live until then
 * errors   MUSTER_ELIMIT beyond AGENT_DOC_*_MAX, MUSTER_EFULL without memory, MUSTER_EINVAL else
 * threads  one user each
 */
#ifndef MUSTER_AGENT_DOC_H
#define MUSTER_AGENT_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define AGENT_DOC_BYTES_MAX (1024 * 1024)
#define AGENT_DOC_NODES_MAX 100000
#define AGENT_DOC_DEPTH_MAX 32
#define AGENT_DOC_ROOTS_MAX 1024 /* documents in one stream */

enum agent_doc_kind { AGENT_DOC_SCALAR, AGENT_DOC_LIST, AGENT_DOC_MAP };

struct agent_doc_node {
    uint8_t kind;   /* enum agent_doc_kind */
    bool is_quoted; /* a scalar in quotes (or a block): text, even if it is empty or "null" */
    uint32_t count; /* children of a list or a map */
    uint32_t line;  /* of the value */
    uint32_t column;
    uint32_t key_line; /* of the key that names it in a map */
    uint32_t key_column;
    uint32_t len;                 /* bytes of text, without the NUL; it has no other NUL */
    const char *text;             /* a scalar's; else NULL */
    const char *key;              /* its name in a map; else NULL */
    struct agent_doc_node *first; /* children, in the order of the document */
    struct agent_doc_node *last;
    struct agent_doc_node *next; /* sibling; after a root, the next document */
};

struct agent_doc_block;

struct agent_doc {
    struct agent_doc_node *first; /* roots; NULL when the text holds no document */
    struct agent_doc_node *last;
    uint32_t count; /* documents */
    uint32_t nodes;
    size_t text_bytes; /* of all texts and keys, with their NULs */
    struct agent_doc_block *blocks;
};

void agent_doc_open(struct agent_doc *doc);
void agent_doc_close(struct agent_doc *doc);

/* For front ends: appends a node of this kind to `parent` (NULL: as a root), everything else in it
 * zero. NULL beyond AGENT_DOC_NODES_MAX or without memory, with the reason in `err`. */
struct agent_doc_node *agent_doc_add(struct agent_doc *doc, struct agent_doc_node *parent,
                                     enum agent_doc_kind kind, int *err);

/* For front ends: a copy with a NUL. MUSTER_EINVAL for a text that has one inside. */
MUSTER_MUST_USE int agent_doc_copy(struct agent_doc *doc, const char **copy,
                                   struct muster_bytes text);

/* The child with this key, or NULL. */
const struct agent_doc_node *agent_doc_find(const struct agent_doc_node *map, const char *key);

/* True for a scalar without quotes that says nothing: empty, `~` or `null`. */
bool agent_doc_is_null(const struct agent_doc_node *node);

#endif
