/* Crowd: thousands of gossip cores on a network that is only arithmetic: one clock, one seed, one
 * thread. What they send arrives after a delay or is lost; hosts fall silent, processes starve,
 * racks are cut off. What the cores tell of one another is counted.
 *
 * The small pools of tests/unit ask each core after each step what it believes of everybody; this
 * one is for numbers of members where that cannot be done.
 *
 * units    milliseconds of the crowd's clock, bytes
 * memory   heap; the caller closes
 * errors   running out of memory and a broken core end the program
 * threads  one
 */
#ifndef MUSTER_TESTS_CROWD_CROWD_H
#define MUSTER_TESTS_CROWD_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/rng.h"
#include "gossip/gossip.h"

#define CROWD_NODES_MAX 65536u
#define CROWD_WHEEL     16384u /* milliseconds; nothing is longer on its way */
#define CROWD_INBOX_MAX 1024u  /* datagrams that wait for a starved process, as in a socket */
#define CROWD_NOBODY    UINT32_MAX

struct crowd_flight {
    struct crowd_flight *next;
    struct gossip_event event;
    uint32_t to;
    bool is_stream; /* never dropped by a full inbox */
    uint8_t bytes[];
};

struct crowd_queue {
    struct crowd_flight *head, **tail;
    uint32_t count;
};

struct crowd_stream {
    uint32_t client, client_number, server;
    bool is_open;
};

struct crowd_node {
    struct gossip *g;
    struct muster_arena arena;
    struct crowd_queue inbox;
    uint64_t starved_until_ms; /* runs nothing before */
    uint64_t starved_since_ms;
    uint32_t living; /* others that it holds for alive or suspect */
    uint8_t side;    /* of a cut network */
    bool is_silent;  /* its host is gone */
    bool is_in;      /* a join has succeeded */
    bool is_sick;    /* starves now and then */
};

/* Times of what all others come to hold of one node. */
struct crowd_watch {
    uint32_t subject; /* CROWD_NOBODY: nothing is watched */
    uint64_t since_ms;
    uint32_t count;
    uint32_t *after_ms; /* one for each that has told of its death, in order */
};

struct crowd_counts {
    uint64_t joins, suspicions, refuted, deaths, reaped;
    uint64_t false_deaths;        /* told by anybody of a node whose host is there */
    uint64_t false_of_healthy;    /* of one that never starves */
    uint64_t false_among_healthy; /* and by one that never does */
    uint64_t dropped;             /* by a full inbox */
    uint64_t steps, stream_bytes;
};

struct crowd_config {
    struct gossip_config gossip; /* name, address, seed and commons are filled in */
    uint64_t seed;
    uint32_t nodes;
    uint32_t loss_percent; /* of datagrams */
    uint32_t delay_max_ms;
    bool is_muster; /* watches its neighbours, and says so when it was away, as our agent does */
};

struct crowd {
    struct crowd_config config;
    struct crowd_node *node;
    struct muster_rng rng;
    struct muster_heap due; /* by node */
    struct muster_arena arena, shared;
    struct gossip_commons *commons;
    struct crowd_queue wheel[CROWD_WHEEL];
    struct crowd_stream *stream;
    uint32_t streams, streams_size;
    uint32_t *free_stream;
    uint32_t free_streams;
    uint64_t now_ms;
    struct crowd_watch watch;
    struct crowd_counts counts;
    uint64_t living; /* sum over all nodes */
};

void crowd_open(struct crowd *c, const struct crowd_config *config); /* no node runs yet */
void crowd_close(struct crowd *c);

/* Knows nobody. Alone: with buffers and faces of its own, as an agent has them. */
void crowd_boot(struct crowd *c, uint32_t node, bool is_alone);
void crowd_join(struct crowd *c, uint32_t node, uint32_t seed_node);
void crowd_run(struct crowd *c, uint64_t ms);
void crowd_silence(struct crowd *c, uint32_t node); /* its host is gone, and says nothing */
void crowd_starve(struct crowd *c, uint32_t node, uint64_t ms);
void crowd_cut(struct crowd *c, uint32_t from, uint32_t to, uint8_t side); /* [from, to) */

void crowd_watch(struct crowd *c, uint32_t subject); /* from now on, and nobody else */
/* The time until `percent` of `of` nodes had told of its death; UINT64_MAX when fewer did. */
uint64_t crowd_watched_ms(const struct crowd *c, uint32_t of, uint32_t percent);

/* Counters of all nodes that run, added up. */
struct gossip_counters crowd_counters(const struct crowd *c);
uint64_t crowd_queued(const struct crowd *c); /* news that somebody has yet to pass on */

_Noreturn void crowd_fail(const struct crowd *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
