/* Pool: gossip cores on a network that is only arithmetic: one clock, one seed, no sockets.
 *
 * Every core is stepped at its deadlines and when something arrives; after every step its own
 * consistency is asked, and what it told of its members is compared with what it holds.
 *
 * units    milliseconds of the pool's clock
 * memory   heap; the caller closes
 * errors   a test fails inside
 * threads  one
 */
#ifndef MUSTER_TESTS_GOSSIP_POOL_H
#define MUSTER_TESTS_GOSSIP_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/rng.h"
#include "gossip/gossip.h"

#define POOL_NODES_MAX   64
#define POOL_FLIGHTS_MAX 20000 /* things on their way */
#define POOL_STREAMS_MAX 4096
#define POOL_UNKNOWN     (-1)

enum pool_host {
    POOL_UP,    /* the process runs */
    POOL_GONE,  /* the process is gone and its kernel says so */
    POOL_SILENT /* the host is gone: nobody says anything */
};

struct pool_node {
    struct gossip *g;
    struct muster_arena arena;
    struct muster_addr addr;
    char name[16];
    enum pool_host host;
    unsigned side;            /* of a split network; nodes of different sides do not hear */
    int told[POOL_NODES_MAX]; /* what it told of each other node: a gossip_state, or POOL_UNKNOWN */
    unsigned news[7];         /* how often each kind was told */
    unsigned joins_ok, joins_bad;
    bool has_left;
    uint64_t stall_until_ms; /* not stepped before */
};

struct pool_flight {
    struct gossip_event event;
    uint8_t *bytes;
    uint32_t to;
    bool is_used;
};

struct pool_stream {
    uint32_t client;
    uint32_t client_number;
    uint32_t server;
    bool is_open;
};

struct pool {
    struct pool_node node[POOL_NODES_MAX];
    uint32_t count;
    uint64_t now_ms;
    uint64_t seed;
    struct muster_rng rng;
    uint32_t loss_percent; /* of datagrams */
    uint32_t delay_max_ms;
    struct gossip_config config; /* for nodes to come: name, address and seed are filled in */
    struct pool_flight *flight;
    struct pool_stream *stream;
    uint32_t flight_next, stream_next;
    struct muster_heap arrivals;
    struct muster_arena arena;
    uint64_t packets, bytes, steps;
};

void pool_open(struct pool *p, uint64_t seed);
void pool_close(struct pool *p);

uint32_t pool_add(struct pool *p); /* a node that knows nobody */
void pool_restart(struct pool *p, uint32_t node, uint32_t incarnation);
void pool_join(struct pool *p, uint32_t node, uint32_t seed_node);
void pool_grow(struct pool *p, uint32_t count); /* so many nodes, all joined through the first */

void pool_stop(struct pool *p, uint32_t node, enum pool_host how);
void pool_event(struct pool *p, uint32_t node, const struct gossip_event *event); /* at once */
void pool_run(struct pool *p, uint64_t ms);

int pool_state(const struct pool *p, uint32_t observer, uint32_t subject);
/* Do all running nodes hold this of `subject`? */
bool pool_all_see(const struct pool *p, uint32_t subject, int state);
/* Does every running node hold every running node alive? */
bool pool_is_whole(const struct pool *p);

#endif
