/* Rows: the table of a node in memory: found by key, listed by bucket, walked in key order, and
 * summed up in digests that change with every write.
 *
 * An entry is a key's place in the table and stays while the key is known; its value is replaced
 * with every version. Values are counted, because a frame, a write or an effect may still need an
 * old one.
 *
 * units    bytes
 * memory   the only place in this room that asks for memory after its open: rows come and go with
 *          the cluster's jobs, up to rows_max entries; a value is one block of header and bytes
 * errors   MUSTER_EFULL at rows_max or without memory
 * threads  one user each
 */
#ifndef MUSTER_STORE_ROWS_H
#define MUSTER_STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "store/row.h"

#define STORE_SUBS      16 /* sub-buckets of a digest (R20) */
#define STORE_ORDER_MAX 12 /* levels of the ordered index: 4^12 rows */

enum store_entry_flag {
    STORE_ENTRY_OPEN = 1, /* a write of it is not chosen yet */
    STORE_ENTRY_REWRITE =
        2,                /* the voters did not hold it alike: written anew by the elected (R13) */
    STORE_ENTRY_SEEN = 4, /* was named in the list that is being compared */
    STORE_ENTRY_FULL = 8, /* a tombstone that every seat has acknowledged */
    STORE_ENTRY_LIGHT = 16, /* stands in memory alone, and never stood on this disk */
    STORE_ENTRY_FORGET = 32 /* light, and nobody can say that it is the newest: it goes */
};

struct store_value {
    uint64_t version;
    uint32_t len;
    uint16_t refs;
    uint16_t key_len;
    uint16_t where;         /* store_node_mark of the node it is placed on; 0: on none */
    uint8_t key_at;         /* the key's place in the bytes */
    uint8_t phase;          /* enum store_phase */
    uint8_t mode;           /* enum store_mode */
    bool has_exclusive_run; /* the row stays until that has surely ended (R22) */
    bool is_light;
    bool places; /* its run was placed by this very write */
    uint8_t bytes[];
};

struct store_entry {
    struct store_value *value;
    struct store_entry *chain;
    struct store_entry *bucket_next, *bucket_prev;
    uint64_t hash;
    uint64_t place; /* the key of its record on disk: rises with arrival */
    uint16_t bucket;
    uint8_t flags;
    uint8_t height;
    uint16_t holders;           /* candidate: members that hold some version of it, as a mask */
    struct store_entry *next[]; /* of the ordered index, one for each level below height */
};

/* What a bucket holds. */
struct store_shelf {
    struct store_entry *first, *last;
    uint32_t rows; /* tombstones included */
    uint32_t tombstones;
    uint64_t sub[STORE_SUBS]; /* XOR over hashes of key and version */
};

struct store_rows {
    struct store_shelf *shelf;
    struct store_entry **head; /* of the chains; a power of two */
    struct store_entry *order[STORE_ORDER_MAX];
    uint32_t heads;
    uint32_t buckets;
    uint32_t rows, rows_max, tombstones;
    uint32_t jobs; /* rows of jobs themselves */
    uint64_t next_place;
    uint64_t changes; /* how often a row came, went, or got another value */
};

MUSTER_MUST_USE int store_rows_open(struct store_rows *t, uint32_t buckets, uint32_t rows_max);
void store_rows_close(struct store_rows *t);

/* A few bits of a node's name, never 0: two nodes have the same once in 32,768. */
uint16_t store_node_mark(struct muster_id node);

/* A counted block of bytes with one reference; NULL without memory. */
struct store_value *store_value_plain(uint64_t version, struct muster_bytes bytes);
/* The same for an encoded row, which is decoded to check it: NULL when it is none or names no key
 * of `bucket` (any when bucket is UINT32_MAX). */
struct store_value *store_value_of_row(const struct store_rows *t, uint32_t bucket,
                                       uint64_t version, struct muster_bytes bytes);
struct store_value *store_value_keep(struct store_value *v);
void store_value_drop(struct store_value *v);
static inline struct muster_bytes store_value_bytes(const struct store_value *v)
{
    return MUSTER_BYTES(v->bytes, v->len);
}

static inline struct muster_bytes store_value_key(const struct store_value *v)
{
    return MUSTER_BYTES(v->bytes + v->key_at, v->key_len);
}

uint32_t store_rows_bucket_of(const struct store_rows *t, struct muster_bytes key);
struct store_entry *store_rows_find(const struct store_rows *t, struct muster_bytes key);
/* The first entry with a key greater than `after`, in memcmp order; NULL at the end. */
struct store_entry *store_rows_after(const struct store_rows *t, struct muster_bytes after);

/* Puts the value under its key, over what was there; takes the caller's reference in either case.
 * NULL, and nothing changed, when a new key does not fit any more. */
struct store_entry *store_rows_put(struct store_rows *t, struct store_value *v);
void store_rows_remove(struct store_rows *t, struct store_entry *e);

uint64_t store_shelf_digest(const struct store_shelf *shelf);
/* Which of the 16 sub-buckets a key belongs to. */
uint32_t store_key_sub(struct muster_bytes key);
uint32_t store_entry_sub(const struct store_entry *e);

/* Lists, order, counts and digests agree with one another; slow. */
bool store_rows_is_sane(const struct store_rows *t);
bool store_shelf_is_sane(const struct store_rows *t, uint32_t bucket);

#endif
