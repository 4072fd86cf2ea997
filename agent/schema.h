/* Schema: a table that says which fields a document has, of which types, and where they go.
 *
 * One walker reads job specs and the agent's configuration alike, so that both refuse the same
 * mistakes in the same words: an unknown key names its nearest neighbour, a wrong value says what a
 * right one looks like, and each problem carries the path and the place. Types come from the table,
 * never from the notation.
 *
 * A table is written once, in the order in which agent_schema_write writes. Fields that a later
 * version will do stand in it with AGENT_FIELD_LATER: they are known, and refused unless they say
 * what is so anyway. Doing them is then a matter of taking the flag away.
 *
 * units    durations in milliseconds, sizes in bytes
 * memory   texts and lists are copied into the reader's arena; the schema is constant
 * errors   MUSTER_EINVAL, MUSTER_ERANGE, MUSTER_ETYPE, MUSTER_ELIMIT, MUSTER_EUNSUPPORTED, or
 *          MUSTER_EFULL for an arena too small; told in the problem
 * threads  any, one user for each reader
 */
#ifndef MUSTER_AGENT_SCHEMA_H
#define MUSTER_AGENT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/doc.h"
#include "agent/json.h"
#include "agent/pair.h"
#include "agent/problem.h"
#include "base/arena.h"

enum agent_schema_type {
    AGENT_TYPE_TEXT,     /* const char *; NULL: not given; max = bytes */
    AGENT_TYPE_U32,      /* uint32_t in min..max */
    AGENT_TYPE_I32,      /* int32_t in -min..max */
    AGENT_TYPE_U64,      /* uint64_t in min..max */
    AGENT_TYPE_BOOL,     /* bool: yes, no, true, false */
    AGENT_TYPE_DURATION, /* uint64_t, milliseconds in min..max */
    AGENT_TYPE_SIZE,     /* uint64_t, bytes in min..max */
    AGENT_TYPE_WORD,     /* int32_t, one of `words` */
    AGENT_TYPE_TEXTS,    /* const char *const *, NULL-terminated, and its count; max = items */
    AGENT_TYPE_PAIRS,    /* const struct agent_pair *, sorted by key, and its count; max = items */
    AGENT_TYPE_MAP,      /* the fields of `inner`, which lie in the same object */
    AGENT_TYPE_CUSTOM,   /* `custom` reads and writes it */
    AGENT_TYPE_NOWHERE   /* a field without a home: for AGENT_FIELD_LATER only */
};

enum agent_schema_flags {
    AGENT_FIELD_LATER = 1,  /* refused unless it says the default */
    AGENT_FIELD_NONE = 2,   /* `none` or `off` is allowed and means UINT64_MAX */
    AGENT_FIELD_NAMED = 4,  /* the keys of its pairs are names: a-z 0-9 . _ - */
    AGENT_FIELD_LIST = 8,   /* said in one text, it is a list with commas */
    AGENT_FIELD_TABLE = 16, /* said in one text, it is `key=value` with commas */
    AGENT_FIELD_RUN = 32    /* of a run, in its record alone: refused in a document */
};

struct agent_schema;
struct agent_schema_reader;
struct agent_schema_field;

struct agent_schema_word {
    const char *text; /* NULL ends the list */
    int32_t value;
};

struct agent_schema_custom {
    int (*read)(struct agent_schema_reader *r, const struct agent_schema_field *field,
                const struct agent_doc_node *node, void *object);
    void (*write)(const struct agent_schema_field *field, const void *object, struct agent_json *j);
    bool (*is_same)(const struct agent_schema_field *field, const void *a, const void *b);
};

struct agent_schema_field {
    const char *name;
    enum agent_schema_type type;
    uint32_t flags;
    size_t offset;       /* in the object */
    size_t count_offset; /* of a uint32_t, for lists */
    uint64_t min;
    uint64_t max;
    const char *fallback; /* the default as a person would write it; for agent_schema_defaults */
    const struct agent_schema_word *words;
    const struct agent_schema *inner;
    const struct agent_schema_custom *custom;
};

struct agent_schema {
    const struct agent_schema_field *fields;
    uint32_t count;
};

struct agent_schema_reader {
    struct muster_arena *arena;
    struct agent_problem *problem;
    const void *defaults;           /* an object with the defaults; needed when strict */
    bool is_strict;                 /* refuse unknown keys and later fields, else pass over them */
    char path[AGENT_PROBLEM_FIELD]; /* where the walk is, "backoff." */
};

/* Writes the defaults of all fields into the object. One that its own field refuses is a bug. */
void agent_schema_defaults(const struct agent_schema *schema, void *object);

/* Reads the fields that the map names; the others keep what they have. */
MUSTER_MUST_USE int agent_schema_read(const struct agent_schema *schema,
                                      struct agent_schema_reader *r,
                                      const struct agent_doc_node *map, void *object);

/* Writes the fields that differ from `defaults` into the open object. */
void agent_schema_write(const struct agent_schema *schema, const void *object, const void *defaults,
                        struct agent_json *j);

const struct agent_schema_field *agent_schema_find(const struct agent_schema *schema,
                                                   const char *name);

/* ---- for custom fields */

/* A problem at this node; the path of the walk and the field's name go before it. */
int agent_schema_fail(struct agent_schema_reader *r, int err, const char *name,
                      const struct agent_doc_node *node, const char *format, ...)
    MUSTER_PRINTF(5, 6);

/* The text of a scalar that says something, or NULL with the problem set. `wanted` ends the
 * sentence "expected ...". */
const char *agent_schema_scalar(struct agent_schema_reader *r, const char *name,
                                const struct agent_doc_node *node, const char *wanted);
MUSTER_MUST_USE int agent_schema_u64(struct agent_schema_reader *r, const char *name,
                                     const struct agent_doc_node *node, uint64_t min, uint64_t max,
                                     uint64_t *value);
MUSTER_MUST_USE int agent_schema_duration(struct agent_schema_reader *r, const char *name,
                                          const struct agent_doc_node *node, uint64_t min,
                                          uint64_t max, uint64_t *value);

/* Zeroed memory from the arena, or NULL with the problem set. */
void *agent_schema_take(struct agent_schema_reader *r, const char *name, size_t count, size_t size);
const char *agent_schema_copy(struct agent_schema_reader *r, const char *name, const char *text);

/* Bytes of arena that reading this tree may take at most. */
size_t agent_schema_memory(const struct agent_doc_node *root);

#endif
