/* Inside of the node: its own state and what its files share. Only agent/node*.c include it.
 *
 * units    milliseconds
 * memory   owned by struct agent_node
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_NODE_INSIDE_H
#define MUSTER_AGENT_NODE_INSIDE_H

#include "agent/core.h"
#include "agent/meta.h"
#include "agent/node.h"

#define NODE_JOIN_WAIT_MIN 500
#define NODE_JOIN_WAIT_MAX 10000 /* a dead address is tried so often (R4) */
#define NODE_JOIN_CALM     30000 /* a seed that is no member, while others are: heals partitions */
#define NODE_SEARCH_MS     1000  /* one of the silent is asked so often whether it is back */
#define NODE_SEARCH_MANY   16    /* so many members share one second of asking */
#define NODE_LEFT_MS       2000  /* for the news of our leave to get out */
#define NODE_DRAIN_BOOT_MS 3000  /* a deadline that is over waits so long for what guards say */
#define NODE_FLUSH_MS      100   /* for the last frames, when we do not leave but make room */

struct node_seed {
    uint64_t next_ms;
    uint32_t wait_ms;
};

struct agent_node {
    struct agent_core core; /* first: node_of() goes back from it */
    struct muster_arena arena;
    char *name, *tags, *tags_configured;
    uint32_t slots_configured;
    struct muster_bytes *self_frame; /* frames to ourselves within this step */
    uint32_t self_count, self_size;
    struct store_event *store_event;
    uint32_t store_count, store_size;
    struct gossip_event *gossip_event;
    uint32_t gossip_count, gossip_size;
    bool has_gossip; /* effects of it may not have been fetched */
    uint64_t found_cookie;
    struct node_seed seed[AGENT_SEEDS_MAX];
    uint64_t seeds_ms;  /* when the first of them is to be looked at */
    uint64_t search_ms; /* when to ask one of the silent again */
    bool is_searching;  /* somebody was missed when it was last looked */
    uint64_t ring_ms;   /* when to rebuild the ring */
    uint64_t leave_ms;  /* when a drain before a leave ends */
    uint64_t drain_ms;  /* when what is left on a draining node is ended; MUSTER_NEVER: never */
    uint64_t exit_ms;
    uint64_t deadline_ms; /* of all this, found at the end of each step; 0: at once */
    bool is_leave_sent, is_exit_sent;
    bool is_copy; /* we were told so (R3), and end */
    int exit_err; /* what the process ends with */
    uint32_t noted_incarnation;
    uint64_t unheard; /* gossip that could not be opened, as counted last */
    uint64_t unheard_until_ms, unheard_tell_ms;
    char unheard_text[192];
};

struct agent_node *node_of(struct agent_core *core);
void node_event(struct agent_node *n, const struct agent_event *event);
void node_message(struct agent_core *core, struct muster_id from, uint32_t message,
                  struct muster_reader *r);
/* Frames that end this node (R49, R3). */
void node_lost_got(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void node_copy_got(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void node_meta_fill(const struct agent_node *n, struct agent_meta *m);
/* What it says of itself has changed: to the others, and a text to its disk. */
void node_meta_tell(struct agent_node *n);
void node_meta_note(struct agent_core *core, const char *key, const char *value);
void node_meta_note_number(struct agent_core *core, const char *key, uint64_t value);
void node_set(struct agent_node *n, const struct serve_ask *ask);
/* What it is to its cluster changes; others are told. */
void node_standing_set(struct agent_node *n, enum agent_standing standing);
uint32_t node_others_alive(const struct agent_core *core, bool open_only);
/* `deadline_ms` 0: what has no other place, and tasks, stay as long as they need. */
void node_drain(struct agent_node *n, bool draining, uint64_t deadline_ms);
/* An agent comes up on a node that drains: a deadline that an earlier one was given still counts.
 * It goes by the wall clock, the only one that outlives a host. Should that be set meanwhile, the
 * end comes sooner, or after the whole time once more, never later. */
void node_drain_again(struct agent_node *n);
/* Hands over and ends. `restarts`: another agent may come, and what is to wait for it does. */
void node_leave(struct agent_node *n, bool restarts);
void node_leave_tick(struct agent_node *n);
/* What we keep is others' until the next agent is up; our runs and seats stay. */
void node_renew(struct agent_node *n);
void node_started(struct agent_node *n);
/* What strangers can do who can reach us; NULL: nothing that we know of. */
const char *node_exposure(const struct agent_node_config *c);
const char *node_overhearing(const struct agent_node_config *c);
void node_founded(struct agent_node *n, int err);
void node_member_changed(struct agent_node *n, const struct gossip_effect *g);
/* One of them is asked whether it is there, about every second. */
void node_search_tick(struct agent_node *n);
/* Who speaks to us and cannot be understood; NULL: nobody. */
void node_unheard_tick(struct agent_node *n);
const char *node_unheard(const struct agent_node *n);
void node_tick(struct agent_node *n);
uint64_t node_deadline_ms(const struct agent_node *n);

#endif
