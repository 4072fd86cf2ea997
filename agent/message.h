/* Messages: what the placers, runners and nodes of a cluster say to each other over peer links.
 *
 * Every frame is a msgpack array whose first element is the message number; 1..31 are the store's
 * (store/store.h), 32..63 the scheduler's, 64..95 the node's. Elements past those this build knows
 * are ignored, so a newer build may say more. (consistency, section 6)
 *
 * units    milliseconds of wall time in *_wall_ms
 * memory   decoded values borrow from the frame
 * errors   as base/wire.h; a message that does not decode is counted and dropped
 * threads  any
 */
#ifndef MUSTER_AGENT_MESSAGE_H
#define MUSTER_AGENT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/attempts.h"
#include "agent/launch.h"
#include "agent/request.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"
#include "base/wire.h"
#include "store/row.h"

#define AGENT_PROTOCOL 1u
#define AGENT_HOLD_MAX 4096 /* runs in one HOLD */

enum agent_message {
    AGENT_MSG_OFFER = 32, /* keeper -> node: have you room for this? */
    AGENT_MSG_ROOM,       /* yes, reserved for three seconds; or no */
    AGENT_MSG_START,
    AGENT_MSG_HOLD,
    AGENT_MSG_HOLD_OK,
    AGENT_MSG_DROP,
    AGENT_MSG_STOP,
    AGENT_MSG_GONE,
    AGENT_MSG_DONE,
    AGENT_MSG_DONE_OK,
    AGENT_MSG_TRY,  /* not I: ask that one */
    AGENT_MSG_PAST, /* runner -> keeper: is this job gone, whose token we remember? */
    AGENT_MSG_PAST_OK,
    AGENT_MSG_TICKET, /* keeper -> node: this run waits for a slot of yours */
    AGENT_MSG_INVITE, /* node -> keeper: there is one now; offer it */
    AGENT_MSG_LEFT,   /* runner -> keeper: what a run leaves, told until it is stored */
    AGENT_MSG_LEFT_OK,
    AGENT_MSG_SIGNAL,     /* keeper -> runner: this signal for the process of that run */
    AGENT_MSG_PERMIT_ASK, /* between the keepers of a run and of its group (agent/permit.h) */
    AGENT_MSG_PERMIT_SAY,
    AGENT_MSG_PERMIT_LOOK,
    AGENT_MSG_PERMIT_CHECK,
    AGENT_MSG_PERMIT_CHECKED,
    AGENT_MSG_PAYLOAD_KEEP, /* between nodes that hold or want a payload (agent/payload.h) */
    AGENT_MSG_PAYLOAD_KEPT,
    AGENT_MSG_PAYLOAD_READ,
    AGENT_MSG_PAYLOAD_PART,
    AGENT_MSG_TEMPLATE, /* its keeper -> all: a template has changed, ask for it */
    AGENT_MSG_FORETOLD, /* keeper -> node: a START with this token may come, note it now */
    AGENT_MSG_HELLO = 64,
    AGENT_MSG_LOAD,
    AGENT_MSG_OP,
    AGENT_MSG_OP_OK,
    AGENT_MSG_CHUNK,
    AGENT_MSG_CANCEL,
    AGENT_MSG_WATCH,
    AGENT_MSG_NEWS,
    AGENT_MSG_LOST,    /* nodes declared lost for ever: [[id, name], …] */
    AGENT_MSG_COPY,    /* a later boot of you was seen: you are a copy */
    AGENT_MSG_RELAY,   /* pass this on to that node */
    AGENT_MSG_RELAYED, /* passed on for that node */
    AGENT_MSG_HOLDS,   /* what is held and let go (agent/hold_set.h) */
    AGENT_MSG_AGAIN    /* the last beats once more (agent/again.h) */
};

/* What the runner says of a run; what people see is derived from it and the row. */
enum agent_run_state {
    AGENT_RUN_STARTING,
    AGENT_RUN_RUNNING,
    AGENT_RUN_BACKOFF, /* failed here; waits for not_before, holds no slot */
    AGENT_RUN_STOPPING,
    AGENT_RUN_ENDED /* waits for DONE_OK */
};

struct agent_msg_hello {
    uint32_t protocol;
    struct muster_id cluster, self, target;
    uint64_t boot;
    uint64_t nonce; /* of this boot; 0: a build that has none */
    struct muster_bytes name;
    bool is_dialer;   /* the sender opened the connection */
    bool takes_again; /* a word for what was said before will do (agent/again.h) */
};

struct agent_msg_room {
    struct muster_bytes key;
    uint64_t offer;
    bool has_room;
    uint32_t slots, used;
    struct muster_bytes apart; /* not beside this one, which runs there; empty: not so */
};

struct agent_msg_start {
    struct muster_bytes key;
    uint64_t token;
    uint64_t uid;      /* of the life of its job; 0: an earlier build did not say */
    uint32_t revision; /* likewise: of its spec */
    uint32_t needs;
    uint32_t failures; /* counted before this placement */
    struct muster_bytes spec;
    bool is_exclusive;              /* no process before the first lease (R38) */
    struct muster_bytes checkpoint; /* of an earlier attempt; no data: none */
};

struct agent_msg_hold {
    struct muster_bytes key;
    uint64_t token;
    enum agent_run_state state;
    uint32_t attempt;
    int32_t pid;
    uint64_t since_wall_ms;
    uint32_t failures;
    uint64_t not_before_wall_ms;
    int32_t exit_code, exit_signal;
    uint64_t exit_wall_ms;
    struct muster_bytes note;
    bool is_live;                 /* a process may exist: its lease is a renewal (R37) */
    uint64_t uid;                 /* of the life of its job that it was started for; 0: not known */
    uint32_t revision;            /* and of its spec */
    uint64_t done, total;         /* progress; total 0: none told */
    struct muster_bytes attempts; /* that ended here (agent/attempts.h); told in back-off only */
};

/* The keeper's word on a HOLD: the run counts; and for an exclusive one how long it may. */
struct agent_msg_hold_ok {
    struct muster_bytes key;
    uint64_t token;
    uint64_t asked_ms;  /* of the HOLD, on the runner's clock */
    uint64_t keeper_ms; /* the keeper's clock as it answers (R40) */
    uint64_t lease_ms;  /* left of the lease; 0: none */
};

#define AGENT_STRIKE_MS 60000 /* a node that dies later after a start is no fault of the job */

/* Also GONE (then `verdict` is of no meaning) and DONE. */
enum agent_verdict {
    AGENT_DONE_OK,   /* a task ended well */
    AGENT_DONE_MOVE, /* tries here are used up: the next node */
    AGENT_DONE_DEFER,
    AGENT_DONE_DEAD, /* never again */
    AGENT_DONE_LOST  /* its agent died under it, soon after its start: a strike (R34) */
};

struct agent_msg_done {
    struct muster_bytes key;
    uint64_t token;
    enum agent_verdict verdict;
    bool has_exit;
    int32_t exit_code, exit_signal;
    uint64_t exit_wall_ms;
    uint32_t failures;
    uint64_t not_before_wall_ms;
    struct muster_bytes reason;
    struct muster_bytes attempts; /* that ended there (agent/attempts.h) */
};

struct agent_msg_left {
    struct muster_bytes key;
    uint64_t token;
    uint32_t attempt;
    enum agent_left kind;
    uint64_t number; /* of this writing; a later one is higher */
    uint64_t wall_ms;
    struct muster_bytes bytes;
};

struct agent_msg_reply {
    uint64_t number;
    int err;
    struct muster_bytes body, message, field;
    uint64_t reign; /* in which whoever answers keeps the row, or has heard its keeper; 0: unsaid */
};

struct agent_msg_news {
    uint64_t index, wall_ms, token;
    struct muster_bytes type, node, job, run, text;
};

/* Opens a frame: an array of `n` elements, the first of them the message number. */
void agent_write_head(struct muster_writer *w, uint32_t message, uint32_t n);

void agent_write_hello(struct muster_writer *w, const struct agent_msg_hello *m);
void agent_write_offer(struct muster_writer *w, struct muster_bytes key, uint64_t offer,
                       uint32_t needs, bool is_exclusive, uint64_t rank, const char *apart);
void agent_write_room(struct muster_writer *w, const struct agent_msg_room *m);
void agent_write_start(struct muster_writer *w, const struct agent_msg_start *m);
/* One element of the array that is the third element of HOLD [number, asked_at, [..]]. */
void agent_write_hold(struct muster_writer *w, const struct agent_msg_hold *m);
void agent_write_hold_ok(struct muster_writer *w, const struct agent_msg_hold_ok *m);
/* DROP, DONE_OK, PAST, PAST_OK: key and token. */
void agent_write_token(struct muster_writer *w, uint32_t message, struct muster_bytes key,
                       uint64_t token);
void agent_write_stop(struct muster_writer *w, struct muster_bytes key, uint64_t token,
                      struct muster_bytes why);
void agent_write_left(struct muster_writer *w, const struct agent_msg_left *m);
void agent_read_left(struct muster_reader *r, struct agent_msg_left *m);
void agent_write_done(struct muster_writer *w, uint32_t message, const struct agent_msg_done *m);
/* What a node says of itself whenever it changes; `waiting`: rows kept there without a place. */
struct agent_msg_load {
    uint32_t slots, used, waiting;
    bool draining;
    bool leaves, restarts; /* it is about to end: for good, or another may come in its place */
    uint64_t wall_ms;      /* 0: a build that does not say */
};
void agent_write_load(struct muster_writer *w, const struct agent_msg_load *m);
void agent_read_load(struct muster_reader *r, struct agent_msg_load *m);
void agent_write_op(struct muster_writer *w, uint64_t number, bool is_local,
                    const struct agent_request *r);
void agent_write_reply(struct muster_writer *w, const struct agent_msg_reply *m);
void agent_write_news(struct muster_writer *w, const struct agent_msg_news *m);

/* Readers start after the message number; each ends by ignoring what it does not know. */
struct agent_head {
    uint32_t message;
    uint32_t left; /* elements that follow */
};
struct agent_head agent_read_head(struct muster_reader *r);

/* `left`: elements that follow, as agent_read_head says. */
void agent_read_hello(struct muster_reader *r, uint32_t left, struct agent_msg_hello *m);
void agent_read_room(struct muster_reader *r, struct agent_msg_room *m);
void agent_read_start(struct muster_reader *r, struct agent_msg_start *m);
void agent_read_hold(struct muster_reader *r, struct agent_msg_hold *m);
void agent_read_hold_ok(struct muster_reader *r, struct agent_msg_hold_ok *m);
void agent_read_done(struct muster_reader *r, struct agent_msg_done *m);
/* Texts of a request are copied into `text` of `size` bytes. */
void agent_read_op(struct muster_reader *r, uint64_t *number, bool *is_local,
                   struct agent_request *q, char *text, size_t size);
void agent_read_reply(struct muster_reader *r, struct agent_msg_reply *m);
void agent_read_news(struct muster_reader *r, struct agent_msg_news *m);

#endif
