/* Inside of serve: what its files share. Only agent/serve*.c include it.
 *
 * units    milliseconds
 * memory   borrowed from the frame being served
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SERVE_INSIDE_H
#define MUSTER_AGENT_SERVE_INSIDE_H

#include "agent/serve.h"
#include "base/text.h"

#define SERVE_READERS_MAX 256
#define SERVE_OLD_MAX     256 /* ids of requests that no row has, or not any more */

/* An operation that waits for its write. */
struct served {
    bool is_used;
    bool is_parked; /* waits for an earlier write of the row, or to be sure that we keep it */
    struct muster_id from;
    uint64_t number, cookie, asked_ms, until_ms;
    struct agent_request q; /* texts in it are ours */
    char name[STORE_KEY_MAX + 1];
    uint8_t *spec;
    bool created, changed;
};

/* A reader of output here, for a client somewhere. */
struct serve_reader {
    uint64_t read; /* the shell's number; 0: free */
    uint64_t number;
    struct muster_id from;
};

struct agent_serve {
    struct served *served;
    uint32_t high;
    uint32_t parked;
    bool is_unsure; /* what is answered now may be old, and is not said */
    uint64_t deadline_ms;
    struct serve_reader reader[SERVE_READERS_MAX];
    int said;                                /* the last refusal */
    struct store_request old[SERVE_OLD_MAX]; /* by their own digits */
};

/* What an operation makes of a row. */
enum serve_outcome { SERVE_WRITE, SERVE_SAME, SERVE_ANSWERED };

struct serve_change {
    struct store_row row;
    uint64_t expected;
    bool births;
    const char *news;
    bool keeps_spec; /* what the row said before is kept (agent/revision.h) */
};

struct serve_ask {
    struct muster_id from;
    uint64_t number;
    bool is_local; /* answer with what is here, whoever keeps the row */
    const struct agent_request *q;
};

void serve_error(struct agent_core *core, const struct serve_ask *ask, int err, const char *field,
                 const char *format, ...) MUSTER_PRINTF(5, 6);
/* The one row of this node in a list that is gathered from all. */
void serve_row(struct agent_core *core, const struct serve_ask *ask, struct muster_bytes row);
void serve_body(struct agent_core *core, const struct serve_ask *ask, struct muster_bytes body);
/* Not here: whom we take for the one who knows. */
void serve_not_keeper(struct agent_core *core, const struct serve_ask *ask, uint32_t bucket);

/* One of the copies of a job: answers what has no meaning there, and marks what a person wants of
 * it alone. SERVE_SAME: the row is none, or go on. */
enum serve_outcome serve_copy(struct agent_core *core, const struct serve_ask *ask,
                              struct serve_change *c);

/* The specification that was asked for, and what follows from it; false with the refusal said. */
bool serve_spec_apply(struct agent_core *core, struct served *s, struct store_row *row);
/* A process of the one is as good as a process of the other. */
bool serve_same_process(struct muster_bytes a, struct muster_bytes b);
/* This very request has changed the row before (R19). */
bool serve_is_repeated(struct agent_core *core, const struct store_row *row,
                       const struct agent_request *q);
void serve_remember(struct agent_core *core, struct store_row *row, const struct agent_request *q);
/* It has been refused as serve->said, for what is or is not there: it is refused for ever. */
void serve_refused(struct agent_core *core, const struct agent_request *q);
/* Answers a copy of one that has been; false when it has not. */
bool serve_refuses_again(struct agent_core *core, const struct serve_ask *ask);
/* Then it has its answer: SERVE_SAME, or that what it made is lost (durable: no). */
enum serve_outcome serve_again(struct agent_core *core, struct served *s,
                               const struct store_row *row);
struct serve_ask serve_ask_of(const struct served *s);

/* A triggered run: made if there is none of that name, and what is said of it afterwards; and its
 * template, for who makes runs of it. */
enum serve_outcome serve_make(struct agent_core *core, struct served *s,
                              const struct store_view *view, bool alive, struct serve_change *c);
void serve_made(struct agent_core *core, struct served *s, const struct store_view *view,
                uint32_t copies);
void serve_template(struct agent_core *core, const struct serve_ask *ask,
                    const struct store_row *row);

/* Out of a backup; answered as a put is. */
enum serve_outcome serve_restore(struct agent_core *core, struct served *s,
                                 const struct store_view *view, bool alive, struct serve_change *c);

/* What the clock of a family missed until now, while a person kept it from running, nobody missed.
 * What is decided on stays so, be the clock that counts behind it (I13). */
void serve_ticks_pass(struct agent_core *core, struct store_row *row);

/* hold, release and move. */
enum serve_outcome serve_hold(struct agent_core *core, const struct serve_ask *ask,
                              struct serve_change *c);

/* Output of a run: who has it (is_local), or the stream itself. */
void serve_logs(struct agent_core *core, const struct serve_ask *ask);

/* The token of the run of that name the end of whose output is kept here; 0: of none. */
uint64_t serve_logs_tail(const struct agent_core *core, const char *name);

/* What would go where (agent/serve_plan.c). */
struct agent_json;
struct ring;
struct serve_plan {
    const struct agent_request *q;
    bool is_one;         /* the question is one of those */
    uint32_t *taken;     /* by the peer's index: slots given away by it so far */
    struct ring *ring;   /* with a node that is not there; NULL: none */
    uint16_t *number;    /* of the peers in that */
    uint16_t added;      /* and of that node */
    uint32_t added_used; /* slots */
};
void serve_plan_open(struct agent_core *core, const struct agent_request *q, struct serve_plan *p);
void serve_plan_close(struct serve_plan *p);
/* Writes what becomes of a run; false when that is nothing to tell. */
bool serve_plan_item(struct agent_core *core, struct serve_plan *p, const struct store_row *row,
                     struct agent_json *j);

/* Our part of a list: items of [sort key, version, JSON]. */
void serve_list(struct agent_core *core, const struct serve_ask *ask);
/* One job, run, explanation or place, from the row at hand. */
void serve_read(struct agent_core *core, const struct serve_ask *ask,
                const struct store_view *view);

#endif
