/* Requests: what a client asks of the cluster, and what it is told, as values.
 *
 * The HTTP side (agent/api) makes requests and prints replies; the node carries them to whoever
 * decides. Bodies of replies are JSON in the shapes of docs/design.md, 7.
 *
 * units    milliseconds
 * memory   borrowed until the step that carries them returns
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_REQUEST_H
#define MUSTER_AGENT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define AGENT_LIST_MAX   1000 /* items of one page at the most */
#define AGENT_LIST_LOOKS 4096 /* rows that a node looks at for one page, however few are wanted */

enum agent_op {
    /* decided by the keeper of the name's bucket */
    AGENT_OP_JOB_PUT = 1, /* name, spec (canonical), create_only, expected_revision */
    AGENT_OP_JOB_DELETE,
    AGENT_OP_JOB_STOP,
    AGENT_OP_JOB_START,
    AGENT_OP_JOB_RESTART,
    AGENT_OP_JOB_HOLD,    /* what runs goes on, nothing new is started */
    AGENT_OP_JOB_RELEASE, /* as before the hold */
    AGENT_OP_JOB_MOVE,    /* node: where to, "": anywhere else */
    AGENT_OP_RUN_MAKE,    /* name of a triggered run, spec, after_index: the uid of its template,
                          limit: how many are made together */
    AGENT_OP_JOB_RESTORE, /* name, spec: a job out of a backup (agent/restore.h) */
    /* answered by the keeper, or by a bench member when there is none */
    AGENT_OP_JOB_GET,
    AGENT_OP_RUN_GET,
    AGENT_OP_WHY,
    AGENT_OP_PLACE,
    AGENT_OP_RUN_RESULT,
    AGENT_OP_RUN_MESSAGES,
    AGENT_OP_JOB_REVISIONS,
    AGENT_OP_RUN_SIGNAL, /* name, attempt: the signal's number */
    AGENT_OP_TEMPLATE,   /* name: for agent/trigger.h, in its notation */
    AGENT_OP_JOB_ENDS,   /* name, after_index: the first end later than that, limit: which ends */
    /* of a payload's row; name: its key */
    AGENT_OP_PAYLOAD_KEEP, /* after_index: its size, node: the id of one that has the bytes */
    AGENT_OP_PAYLOAD_NAME, /* a job names it */
    AGENT_OP_PAYLOAD_DROP,
    /* gathered from every node */
    AGENT_OP_PAYLOAD_LIST, /* prefix, after, limit */
    AGENT_OP_JOB_LIST,     /* prefix, state, label, after, limit */
    AGENT_OP_RUN_LIST,     /* job, node, state, after, limit */
    AGENT_OP_WHATIF,       /* node: that would be gone; after, limit */
    AGENT_OP_WHATIF_ADD,   /* node: that would be there, label: its tags, attempt: its slots */
    AGENT_OP_REBALANCE,    /* what would move to level the load; after, limit */
    AGENT_OP_RUN_ENDS,     /* name of a template: how its runs stand, for agent/family.h */
    AGENT_OP_NEWS_LIST,    /* after_index, limit */
    AGENT_OP_FACTS,        /* of each node (agent/facts.h) */
    AGENT_OP_KEYS,         /* name: list, install, use or remove; label: a key or its mark */
    AGENT_OP_HOLDS,        /* name: list, hold or release; prefix */
    /* carried to the node that runs it */
    AGENT_OP_LOGS, /* name, logs fields; streamed */
    /* this node, or the one named */
    AGENT_OP_INIT,
    AGENT_OP_JOIN, /* name: addresses by comma */
    AGENT_OP_LEAVE,
    AGENT_OP_DRAIN,    /* node, cancel, deadline_ms */
    AGENT_OP_FORGET,   /* name: of a node, or the first digits of its id */
    AGENT_OP_NODE_SET, /* node; name: held, slots or tags; label: the value, "" as configured */
    /* of a payload's row, as those above; behind all others, whose numbers are on the wire */
    AGENT_OP_PAYLOAD_SPARE, /* who are to have its bytes? */
    /* by this node, with several questions of its own */
    AGENT_OP_TRIGGER,     /* name of a template, spec: agent_trigger_items, is_list */
    AGENT_OP_PAYLOAD_PUT, /* name: its digits; it lies here, and is to lie on its bench */
    AGENT_OP_PAYLOAD_GET  /* name: its digits; the answer is the path of its file here */
};

#define AGENT_REIGN_ANY UINT64_MAX /* of whoever was built before this was told */

static inline bool agent_op_writes(enum agent_op op)
{
    return op >= AGENT_OP_JOB_PUT && op <= AGENT_OP_JOB_RESTORE;
}

static inline bool agent_op_reads(enum agent_op op) /* one row, of its keeper */
{
    return (op >= AGENT_OP_JOB_GET && op <= AGENT_OP_PAYLOAD_DROP) || op == AGENT_OP_PAYLOAD_SPARE;
}

static inline bool agent_op_is_of_payload(enum agent_op op) /* by the keeper of its row */
{
    return (op >= AGENT_OP_PAYLOAD_KEEP && op <= AGENT_OP_PAYLOAD_DROP) ||
           op == AGENT_OP_PAYLOAD_SPARE;
}

struct agent_request {
    uint64_t number; /* the client side's own; comes back in the reply */
    enum agent_op op;
    const char *name;         /* of a job or run; "" where none is meant */
    struct muster_bytes spec; /* canonical JSON */
    bool create_only;
    bool cancel;
    bool is_list;               /* answered with a list, be it of one */
    uint32_t expected_revision; /* 0: any */
    uint64_t reign;             /* the keeper's that is meant (agent/reigns.h); 0: not known yet */
    uint64_t
        request_id[2]; /* the same id again gets the same answer (R19); 0,0: the node makes one */
    uint64_t deadline_ms; /* relative */
    /* filters; "" means any */
    const char *prefix, *state, *label, *job, *node, *after;
    uint64_t after_index;
    uint32_t limit;
    /* logs */
    uint32_t attempt, lines;
    uint64_t offset;
    bool want_stdout, want_stderr, follow, as_text;
};

struct agent_reply {
    int err;                  /* MUSTER_OK or why not */
    struct muster_bytes body; /* JSON when err is MUSTER_OK; empty after a stream */
    const char *message;      /* a sentence for people when err is set */
    const char *field;        /* which input is wrong, or NULL */
};

#endif
