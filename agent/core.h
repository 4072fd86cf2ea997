/* Core: what the parts of one node share: its settings, the time of this step, the rooms below, and
 * the way out. Only agent/ includes it; the world sees agent/node.h.
 *
 * units    milliseconds
 * memory   owned by struct agent_node; parts hold a pointer to it
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_CORE_H
#define MUSTER_AGENT_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/message.h"
#include "agent/node.h"
#include "agent/out.h"
#include "agent/reigns.h"
#include "agent/unproven.h"
#include "agent/wall.h"
#include "agent/wish.h"
#include "base/clock.h"
#include "base/probe.h"
#include "base/rng.h"
#include "base/wire.h"
#include "ring/ring.h"

struct agent_peers;
struct agent_placer;
struct agent_runner;
struct agent_requests;
struct agent_serve;
struct agent_family;
struct agent_permit;
struct agent_payload;
struct agent_triggers;
struct agent_triggered;
struct serve_ask;
struct agent_newsroom;
struct agent_lost;
struct agent_holds;
struct agent_boots;

struct agent_core {
    struct agent_node_config config; /* texts in it are owned by the node */
    struct muster_now now;
    struct muster_rng rng;
    struct agent_out out;
    struct gossip *gossip;
    struct ring *ring;
    struct store *store;
    struct agent_peers *peers;
    struct agent_placer *placer;
    struct agent_runner *runner;
    struct agent_requests *requests;
    struct agent_serve *serve;
    struct agent_family *family;
    struct agent_permit *permit;
    struct agent_payload *payload;
    struct agent_triggers *triggers;
    struct agent_triggered *triggered;
    struct agent_newsroom *newsroom;
    struct agent_lost *lost;
    struct agent_holds *holds;
    struct agent_boots *boots;
    struct agent_wishes wishes;
    struct agent_unproven unproven;
    struct agent_reigns reigns;
    struct agent_counters counters;
    enum agent_standing standing;
    bool restarts; /* our process was told to end: another may come in its place at once */
    bool is_over;  /* our id is no good any more (R3, R49): no link, no vote; only the end */
    struct muster_id cluster;
    uint64_t nonce; /* of this boot: tells it from a copy with the same number (R3) */
    uint64_t started_wall_ms;
    uint64_t started_ms;
    uint8_t *scratch;            /* AGENT_FRAME_MAX bytes: the frame being written */
    struct agent_host host;      /* disk_mib 0: not told yet */
    struct agent_wall wall;      /* the time of day by most clocks (R51) */
    uint64_t clock_bad_until_ms; /* no exclusive run here before; 0: never doubted (R40) */
    uint64_t next_number;        /* of offers, reads and whatever wants a number of its own */
};

/* A writer over the scratch buffer; one frame at a time. */
struct muster_writer agent_frame(struct agent_core *core);

/* Sends what the writer holds to a node: over its link, or to ourselves within this step. False
 * (and nothing is sent) when there is no link. A frame that did not fit the buffer is a bug. */
bool agent_frame_send(struct agent_core *core, struct muster_id to, const struct muster_writer *w);

bool agent_is_self(const struct agent_core *core, struct muster_id id);

/* The name of a node for people: as gossip knows it, else the first 8 digits of its id. */
const char *agent_node_name(struct agent_core *core, struct muster_id id);

/* Steps a room below; what it wants is seen to before this step of the node ends. */
void agent_gossip_step(struct agent_core *core, const struct gossip_event *event);
void agent_store_step(struct agent_core *core, const struct store_event *event);

/* A frame from a node (or ourselves) that has greeted: to whom it belongs. */
void agent_node_frame(struct agent_core *core, struct muster_id from, struct muster_bytes bytes);

/* A member told us which cluster this is, while we waited for one. */
void agent_node_let_in(struct agent_core *core, struct muster_id cluster,
                       struct agent_settings settings, const char *by);

/* Operations on this node itself: init, join, leave, drain. */
void agent_node_ask(struct agent_core *core, const struct serve_ask *ask);

/* A number nobody else in this node has. */
uint64_t agent_number(struct agent_core *core);

#endif
