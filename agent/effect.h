/* Events and effects of a node: everything that can happen to an agent, and everything it can want.
 *
 * The shell turns sockets, disk, guards and clients into events and performs the effects; the
 * simulator does both in one thread. Nothing else connects the core with the world.
 *
 * units    milliseconds
 * memory   event pointers are borrowed until the step returns, effect pointers until the next step
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_EFFECT_H
#define MUSTER_AGENT_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/launch.h"
#include "agent/payload_id.h"
#include "agent/request.h"
#include "base/addr.h"
#include "base/bytes.h"
#include "base/id.h"
#include "store/disk.h"

#define AGENT_FRAME_MAX (2u << 20) /* bytes of one frame between peers, without its length */
#define AGENT_LINK_INBOUND                                                                         \
    0x80000000u /* links and checks opened by the core are numbered below this */

/* What a node wants done with the bytes of payloads on its disk, and what it is told. Everything is
 * done in the order in which it was wanted. */
enum agent_payload_do {
    AGENT_PAYLOAD_READ,    /* number, id, offset, len; GOT follows */
    AGENT_PAYLOAD_WRITE,   /* number: a file that grows; id, offset, bytes; WROTE follows. At 0 it
                            * begins anew */
    AGENT_PAYLOAD_FINISH,  /* number, id, size: kept when it has that hash; FINISHED follows */
    AGENT_PAYLOAD_DISCARD, /* number */
    AGENT_PAYLOAD_REMOVE   /* id */
};

struct agent_payload_work {
    enum agent_payload_do what;
    uint64_t number;
    struct agent_payload_id id;
    uint64_t offset, size;
    uint32_t len;
    struct muster_bytes bytes;
};

enum agent_payload_said {
    AGENT_PAYLOAD_FOUND,   /* id, size: it lies here whole, by an upload or since before the boot */
    AGENT_PAYLOAD_GOT,     /* number, bytes, err */
    AGENT_PAYLOAD_WROTE,   /* number, err */
    AGENT_PAYLOAD_FINISHED /* number, id, err: MUSTER_ECORRUPT when its hash is another */
};

struct agent_payload_news {
    enum agent_payload_said said;
    uint64_t number;
    struct agent_payload_id id;
    uint64_t size;
    struct muster_bytes bytes;
    int err;
};

enum agent_event_kind {
    AGENT_EVENT_TICK,          /* only time passes */
    AGENT_EVENT_PACKET,        /* a gossip datagram: from, bytes */
    AGENT_EVENT_STREAM_DATA,   /* gossip stream: stream, inbound, bytes = all so far, ended */
    AGENT_EVENT_STREAM_FAILED, /* gossip stream of ours: stream, refused */
    AGENT_EVENT_LINK_OPENED,   /* a peer connection is up: link, from */
    AGENT_EVENT_LINK_FRAME,    /* link, bytes: one frame without its length */
    AGENT_EVENT_LINK_CLOSED,   /* link, refused: closed, reset, or never opened; each link once */
    AGENT_EVENT_LINK_STALE,    /* link: the key it was secured with is gone; it ends in a moment */
    AGENT_EVENT_LINK_UNPROVEN, /* link (0: an inbound one), from, bytes = why it was not secured,
                                * ended: the far end said nothing of it, which may be chance */
    AGENT_EVENT_CHECK_TAKEN,   /* AGENT_EFFECT_CHECK was connected: link = its number */
    AGENT_EVENT_CHECKED,       /* outcome of AGENT_EFFECT_CHECK: link = its number, refused */
    AGENT_EVENT_COMMITTED,     /* batch, err */
    AGENT_EVENT_GUARD,         /* guard */
    AGENT_EVENT_REQUEST,       /* request */
    AGENT_EVENT_CANCEL,        /* number: the client of that request went away */
    AGENT_EVENT_LOGS,          /* answer to AGENT_EFFECT_LOGS: number, bytes, ended, err */
    AGENT_EVENT_PAYLOAD,       /* payload */
    AGENT_EVENT_WATCH, /* somebody here watches news: peers send theirs; repeat every minute */
    AGENT_EVENT_LEAVE, /* asked to end: hand over, then leave; AGENT_EFFECT_EXIT follows */
    AGENT_EVENT_RENEW, /* another agent takes our place in a moment: keepers are handed over */
    AGENT_EVENT_HOST,  /* host: how it is around us; now and then */
    AGENT_EVENT_AWAY   /* the loop did not run for `gap_ms` (R47) */
};

/* What only the world can see of a host, for whoever looks for what is wrong. */
struct agent_host {
    uint64_t disk_mib, disk_free_mib; /* where the data folder lies */
    bool has_guard;                   /* the guard's program is there */
    bool has_cgroup;                  /* a job's processes can be ended as a whole */
};

struct agent_event {
    enum agent_event_kind kind;
    struct muster_addr from;
    struct muster_bytes bytes;
    struct muster_bytes names; /* LINK_FRAME: in the far certificate, each ended by a NUL; len 0:
                                * it had none to show */
    uint32_t stream;
    uint32_t link;
    bool inbound;
    bool ended;
    bool refused; /* the far kernel answered: nobody listens there */
    uint64_t batch;
    uint64_t number;
    uint64_t gap_ms;
    int err;
    const struct agent_guard_event *guard;
    const struct agent_request *request;
    const struct agent_payload_news *payload;
    const struct agent_host *host;
};

enum agent_effect_kind {
    AGENT_EFFECT_SEND,         /* gossip datagram: to, bytes */
    AGENT_EFFECT_STREAM_OPEN,  /* gossip stream: stream, to, bytes, deadline_ms */
    AGENT_EFFECT_STREAM_REPLY, /* inbound gossip stream: bytes, then close */
    AGENT_EFFECT_STREAM_CLOSE, /* stream, inbound */
    AGENT_EFFECT_LINK_DIAL,    /* connect to `to` as `link`, give up at deadline_ms */
    AGENT_EFFECT_LINK_SEND,    /* link, bytes: one frame; the shell puts the length before it */
    AGENT_EFFECT_LINK_CLOSE,   /* link: after what is queued has been sent; LINK_CLOSED follows */
    AGENT_EFFECT_CHECK,        /* connect once to `to` to see whether its kernel refuses: link */
    AGENT_EFFECT_COMMIT,       /* batch */
    AGENT_EFFECT_GUARD_LAUNCH, /* launch */
    AGENT_EFFECT_GUARD_STOP,   /* number = handle: stop signal, then KILL after grace_ms */
    AGENT_EFFECT_GUARD_LEASE,  /* number = handle: kill at deadline_ms (R38); only ever later */
    AGENT_EFFECT_GUARD_SIGNAL, /* number = handle, signal: for the job's first process */
    AGENT_EFFECT_GUARD_FORGET, /* number = handle: its exit is on record elsewhere (DONE_OK) */
    AGENT_EFFECT_REPLY,        /* the end of a request: number, reply */
    AGENT_EFFECT_CHUNK,        /* a part of a streamed reply: number, bytes */
    AGENT_EFFECT_LOGS,         /* read logs here: number, logs */
    AGENT_EFFECT_LOGS_CANCEL,  /* number */
    AGENT_EFFECT_PAYLOAD,      /* payload */
    AGENT_EFFECT_NEWS,         /* something a person may watch happened: number = its index */
    AGENT_EFFECT_KEYRING,      /* bytes: the keyring's file as it is to be from now on */
    AGENT_EFFECT_LOG,          /* a line for the agent's own log: level, text */
    AGENT_EFFECT_EXIT          /* the node has left; err = how */
};

enum agent_log_level { AGENT_LOG_DEBUG, AGENT_LOG_INFO, AGENT_LOG_WARN, AGENT_LOG_ERROR };

/* Which output of a job to read; see AGENT_EFFECT_LOGS. */
struct agent_logs {
    const char *job;
    uint32_t attempt; /* 0: the latest */
    uint64_t offset;  /* bytes, where an earlier read ended; 0: the start */
    uint32_t lines;   /* only the last so many; 0: all */
    bool want_stdout, want_stderr;
    bool follow;  /* go on until cancelled or the run has ended */
    bool as_text; /* bare lines; else NDJSON records */
};

struct agent_effect {
    enum agent_effect_kind kind;
    struct muster_addr to;
    struct muster_bytes bytes;
    uint32_t stream;
    uint32_t link;
    bool inbound;
    uint64_t deadline_ms;
    uint64_t number;
    uint64_t grace_ms;
    int32_t signal;
    int err;
    enum agent_log_level level;
    const char *text;
    const struct store_disk_batch *batch;
    const struct agent_launch *launch;
    const struct agent_reply *reply;
    const struct agent_logs *logs;
    const struct agent_payload_work *payload;
};

#endif
