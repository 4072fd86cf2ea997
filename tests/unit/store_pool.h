/* A pool of store cores in one process: a network with ordered lanes, disks that lose what they
 * have not committed, a clock, and a word of mouth about who lives. One seed, one history.
 *
 * units    milliseconds of simulated time
 * memory   on the heap, between pool_open and pool_close
 * threads  one
 */
#ifndef MUSTER_TESTS_STORE_POOL_H
#define MUSTER_TESTS_STORE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "store/store.h"

#define POOL_NODES   6
#define POOL_KEYS    64
#define POOL_RECORDS 8192
#define POOL_LINES   4000

struct pool_record {
    enum store_table table;
    uint32_t key_len, value_len;
    uint8_t *key, *value;
};

struct pool_disk {
    struct pool_record *record;
    uint32_t count;
};

struct pool_node {
    struct store *store;
    struct pool_disk disk;
    const struct store_disk_batch *flying;
    uint64_t commit_ms; /* when the flying batch is on disk */
    uint64_t wake_ms;   /* when the core wants a step */
    uint64_t boot;
    bool is_up;
    bool is_paused;
    bool is_lost; /* everybody has been told that its disk is gone */
    int disk_err; /* what commits come to */
    uint64_t steps;
};

enum pool_mail_kind { POOL_FRAME, POOL_CONNECT, POOL_CLOSE, POOL_NEWS, POOL_ACTION };

struct pool_mail {
    uint64_t at_ms, number;
    enum pool_mail_kind kind;
    uint32_t from, to;
    uint32_t link; /* frames: of the connection they travel on */
    uint64_t boot;
    enum store_peer_state news;
    uint8_t *bytes;
    size_t len;
    void (*action)(void *context, uint32_t argument);
    uint32_t argument;
};

/* What the client knows of a key: the number of every write is its row's revision. */
struct pool_key {
    char name[16];
    uint32_t acked;      /* number of the last write that was acknowledged */
    bool acked_delete;   /* and whether it deleted */
    uint32_t last;       /* number of the last one that was tried */
    uint32_t deletes[4]; /* numbers of the last deletes that were tried */
    uint64_t chosen;     /* highest version a keeper has called chosen */
    bool chosen_gone;    /* it is a tombstone */
    uint64_t chosen_token;
};

struct pool_op {
    uint32_t key, number;
    bool is_delete;
    bool is_open;
};

struct pool {
    struct muster_rng rng;
    uint64_t now_ms;
    uint32_t nodes, buckets, replicas;
    uint32_t rows_max;
    struct store_times times;
    struct pool_node node[POOL_NODES];
    uint32_t link[POOL_NODES][POOL_NODES]; /* number of the connection; 0: none */
    bool is_cut[POOL_NODES][POOL_NODES];
    uint64_t lane_ms[POOL_NODES][POOL_NODES][STORE_LANES];
    uint32_t links;
    uint64_t mails;
    struct pool_mail *mail; /* a heap by time, then number */
    uint32_t mail_count, mail_max;
    uint32_t delay_ms, commit_ms; /* at the most */
    uint32_t lossy;               /* of 1000 frames so many break their connection */
    bool wishes_all;              /* every node that is up is wished for */

    struct pool_key key[POOL_KEYS];
    uint32_t keys;
    struct pool_op op[4096]; /* by cookie */
    uint32_t ops;
    uint32_t acks, unknowns, elections, claims, claimed, cleared, drops;
    uint64_t claimed_token, dropped_token; /* the last ones */
    void *check;                           /* of store_pool_check.c */
    struct muster_arena trace_arena;
    struct muster_trace
        trace[POOL_NODES]; /* what each node did last; printed when a history fails */
};

void pool_open(struct pool *p, uint32_t nodes, uint32_t buckets, uint64_t seed);
void pool_close(struct pool *p);
struct muster_id pool_id(uint32_t node);
uint32_t pool_node_of(struct muster_id id);

/* Boots a node from its disk; founds the cluster if `found`. */
void pool_boot(struct pool *p, uint32_t node, bool found);
/* The process is gone: what has not been committed is lost. Others hear of it by proof, or by
 * silence. */
void pool_kill(struct pool *p, uint32_t node, bool is_proven);
void pool_wipe(struct pool *p, uint32_t node); /* its disk is empty; it must be down */
void pool_pause(struct pool *p, uint32_t node, uint64_t ms);
/* Something that happens by itself, later. */
void pool_later(struct pool *p, uint64_t ms, void (*action)(void *context, uint32_t argument),
                uint32_t argument);
void pool_cut(struct pool *p, uint32_t a, uint32_t b);
void pool_heal(struct pool *p);
/* Somebody believes that a node's process is gone, or its host; it need not be so. */
void pool_slander(struct pool *p, uint32_t about, uint32_t to, enum store_peer_state news);
/* An operator's oath about a node, told to all the others, now and whenever one boots. */
void pool_lost(struct pool *p, uint32_t node);
/* Every node is wished for in an order of its own for each bucket, drawn anew. */
void pool_shuffle(struct pool *p);
/* Everybody wishes these nodes for every bucket, rotated by the bucket's number. */
void pool_wish(struct pool *p, const uint32_t *nodes, uint32_t n);

void pool_run(struct pool *p, uint64_t ms);
/* Runs until `holds`, at most so long; fails the test when it never does. */
void pool_until(struct pool *p, uint64_t ms, bool (*holds)(struct pool *p), const char *what);

/* The serving keeper of a bucket, or POOL_NODES. */
uint32_t pool_keeper(const struct pool *p, uint32_t bucket);
uint32_t pool_keeper_must(const struct pool *p, uint32_t bucket); /* fails when there is none */
bool pool_benches_are_full(struct pool *p);
/* On the heap: a cluster founded by node 0 and joined by the others, its benches grown. */
struct pool *pool_cluster(uint32_t nodes, uint32_t buckets, uint64_t seed);
bool pool_all_served(struct pool *p);
bool pool_bucket_is_at_rest(const struct pool *p, uint32_t bucket);
bool pool_is_at_rest(struct pool *p);
uint32_t pool_bench_size(const struct pool *p, uint32_t bucket);

/* Every node's view of the buckets that are not at rest, for people. */
void pool_print(const struct pool *p);
/* The same and, with POOL_TRACE in the environment, what every node did last. */
void pool_fail(const struct pool *p);

/* Fetches what a call outside of a step has queued. */
void pool_drain(struct pool *p, uint32_t node);

/* Cuts a node off from all others; its own side of the network keeps quiet about it. */
void pool_isolate(struct pool *p, uint32_t node);
/* Writes the key's row as placed on a node; the write's version is its token. Returns the token. */
uint64_t pool_place(struct pool *p, uint32_t key, uint32_t on);

/* Writes through the keeper of the key's bucket; false when there is none or it refuses. */
bool pool_write(struct pool *p, uint32_t key, bool is_delete);
/* Writes and runs until it is answered; the answer. */
int pool_write_wait(struct pool *p, uint32_t key, bool is_delete);
/* What a node holds under a key: the number of the write, 0 for nothing or a tombstone. */
uint32_t pool_read(const struct pool *p, uint32_t node, uint32_t key);

/* ---- store_pool_client.c, for store_pool.c */
void pool_lost_tell(struct pool *p, uint32_t node); /* all oaths, to a node that is up */
void pool_disk_commit(struct pool_disk *d, const struct store_disk_batch *batch);
void pool_disk_clear(struct pool_disk *d);
uint8_t *pool_copy(struct muster_bytes bytes);

/* ---- store_pool_check.c: what must never be seen */
void pool_check_open(struct pool *p);
void pool_check_close(struct pool *p);
void pool_check_step(struct pool *p, uint32_t node);
void pool_check_serving(struct pool *p, uint32_t node, uint32_t bucket);
void pool_check_chosen(struct pool *p, uint32_t node, struct muster_bytes key);
void pool_check_end(struct pool *p); /* after rest: nothing acknowledged is lost */

#endif
