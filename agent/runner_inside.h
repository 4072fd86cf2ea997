/* Inside of the runner: its tables, and what its files share. Only agent/runner*.c include it.
 *
 * units    milliseconds
 * memory   owned by struct agent_runner
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_RUNNER_INSIDE_H
#define MUSTER_AGENT_RUNNER_INSIDE_H

#include "agent/job.h"
#include "agent/runner.h"
#include "agent/tickets.h"
#include "base/hash.h"

#define RESERVATIONS_MAX 1024
#define RUN_NONE         UINT32_MAX
#define RUN_TRIES_MAX    8

/* A START that waits for the end of an older run of the same job. */
struct run_next {
    uint64_t token, uid;
    uint32_t revision, needs, failures;
    bool is_exclusive;
    struct muster_id keeper;
    uint8_t *spec; /* owned */
    size_t spec_len;
};

/* One thing that a run leaves. */
struct run_left {
    uint8_t *data; /* owned; NULL: nothing */
    size_t len;
    uint32_t attempt;
    uint64_t number, wall_ms;
    bool is_due; /* not known to be stored */
    uint64_t sent_ms, sent_number;
};

/* What every step asks of every run stands first, in one line of the cache. */
struct agent_run {
    bool is_used;
    bool is_noting; /* the token is on its way to the disk; nothing exists yet */
    bool is_live;   /* a guard may have a process */
    bool holds_slot;
    bool is_dropped;      /* its end interests nobody */
    bool is_reported_due; /* something changed: HOLD at the end of this step */
    bool has_verdict;
    bool is_timed_out;
    bool is_failed; /* its process never came to be */
    bool is_lost;   /* ended with its agent or its lease, not by itself */
    bool is_struck; /* and it was its agent that died */
    bool is_exclusive;
    bool awaits_payload; /* is to be launched when its bytes are here */
    bool awaits_lease;   /* is to be launched with the first lease that comes (R38) */
    bool has_job;
    enum agent_run_state state;
    uint32_t needs;
    int32_t pid;
    uint64_t token;
    uint64_t uid;      /* of the life of its job; 0: an earlier agent has started it */
    uint32_t revision; /* of its spec; likewise */
    char key[STORE_KEY_MAX + 1];
    struct agent_job job;
    uint64_t lease_until_ms; /* of the last lease, counted from our question; 0: none */
    uint64_t note_cookie, handle;
    uint32_t attempt, failures, local_failures;
    uint64_t since_wall_ms, started_wall_ms;
    uint64_t retry_ms; /* BACKOFF: mono deadline */
    uint64_t timeout_at_ms;
    uint64_t not_before_wall_ms;
    struct agent_msg_done done;     /* texts in it point to `note` */
    int32_t exit_code, exit_signal; /* -1, 0: none yet */
    uint64_t exit_wall_ms;
    char note[AGENT_REASON_MAX];
    struct muster_id keeper;
    uint64_t heard_ms; /* of the keeper */
    uint64_t ok_ms;    /* when a keeper last confirmed it */
    uint32_t route_try;
    uint32_t
        tries; /* told since the last report of everything; those who know less send in rings */
    struct run_next *next;
    struct run_left left[AGENT_LEFT_KINDS];
    uint8_t *before; /* the checkpoint it began with; owned */
    size_t before_len;
    bool awaits_left; /* is to end when what it has left is stored */
    uint64_t ended_ms;
    uint64_t progress, progress_of;      /* DONE and TOTAL; 0: none told */
    struct agent_attempts_wire attempts; /* of this placement, ended */
    uint64_t told_ms;                    /* when its words were last told out of turn */
};

struct run_reservation {
    uint64_t key_hash;
    uint32_t needs;
    uint64_t until_ms; /* 0: free */
};

/* The highest token of a job that was started or refused here, and when, or when its keeper said
 * that the job is gone. */
struct run_seen {
    char *key; /* owned */
    bool is_past;
    uint64_t token, wall_ms;
    uint64_t ask_ms; /* not asked about, or forgotten, before */
    /* The token was noted for a START that has not come yet, by this number: once it may be
     * started. 0: it was started or refused. */
    uint64_t foretold;
};

struct agent_runner {
    struct agent_run *run;
    uint32_t high, capacity;
    uint32_t reservations;      /* none stands at this index or above */
    struct muster_map seen_map; /* hash of key -> index of seen */
    struct run_seen *seen;
    uint32_t seen_count, seen_size, seen_at;
    struct run_noting *noting; /* what is not on disk yet */
    struct agent_tickets tickets;
    bool is_scanned;
    uint64_t hold_ms; /* next HOLD of everything */
    uint64_t next_handle;
    uint32_t told_slots, told_used, told_waiting;
    bool told_draining;
    enum agent_standing told_standing;
    uint64_t deadline_ms;
    struct run_reservation reservation[RESERVATIONS_MAX];
};

static inline uint64_t runner_key_hash(struct muster_bytes key)
{
    return muster_hash64(key, 0x5ee7);
}

struct agent_run *runner_find(const struct agent_core *core, struct muster_bytes key);
struct agent_run *runner_make(struct agent_core *core, struct muster_bytes key);
void runner_free(struct agent_core *core, struct agent_run *run);
struct muster_bytes runner_key(const struct agent_run *run);

void runner_past_tell(struct agent_core *core, struct muster_id to, struct muster_bytes key);
/* "Not running here, never will": once what has been seen of it is on disk (R28). */
void runner_gone(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                 uint64_t token, const char *reason);
MUSTER_MUST_USE int runner_seen_open(struct agent_runner *r);
void runner_seen_close(struct agent_runner *r);
void runner_seen_sweep(struct agent_core *core); /* asks about the oldest, a few at a time */
uint64_t runner_seen(const struct agent_core *core, struct muster_bytes key);
/* Raises what has been seen, in memory and in the next commit; `cookie` 0: nobody waits. */
void runner_seen_set(struct agent_core *core, struct muster_bytes key, uint64_t token,
                     uint64_t cookie);

/* The token was foretold and may be started: once; the number of its note, or 0. What is refused
 * must never be started, be it foretold. */
bool runner_is_foretold(const struct agent_core *core, struct muster_bytes key, uint64_t token);
uint64_t runner_foretold_take(struct agent_core *core, struct muster_bytes key, uint64_t token);
void runner_foretold_drop(struct agent_core *core, struct muster_bytes key, uint64_t token);
/* That note is still on its way to the disk. */
bool runner_is_noting(const struct agent_core *core, uint64_t cookie);
void runner_seen_note_again(struct agent_core *core); /* what there was no room for */

uint32_t runner_room(const struct agent_core *core); /* free slots */
/* Tickets (R35): somebody else's turn; the run has its room; invite who is next. */
bool runner_is_out_of_turn(struct agent_core *core, struct muster_bytes key, uint64_t rank,
                           uint32_t needs);
void runner_ticket_used(struct agent_core *core, struct muster_bytes key);
void runner_ticket_again(struct agent_core *core, struct muster_bytes key);
void runner_invite(struct agent_core *core);
bool runner_has_room(const struct agent_core *core, uint32_t needs, uint64_t own_key_hash);
/* Who runs here and may not share this node with that run; NULL: nobody. */
const struct agent_run *runner_not_beside(const struct agent_core *core, struct muster_bytes key,
                                          const char *apart);
bool runner_clock_is_bad(const struct agent_core *core); /* R40 */
void runner_launch(struct agent_core *core, struct agent_run *run);
/* The bytes it needs are not here yet: they are sent for, and it starts with them. */
bool runner_awaits_payload(struct agent_core *core, struct agent_run *run);
const char *runner_payload_path(struct agent_core *core, const struct agent_run *run);
/* What an earlier agent has left: its spec has come, by which it is watched and judged. */
void runner_known(struct agent_core *core, struct agent_run *run, uint32_t failures);
void runner_changed(struct agent_run *run, enum agent_run_state state, uint64_t wall_ms);
/* It is to be placed anew, here or elsewhere; it has no process. */
void runner_move_away(struct agent_core *core, struct agent_run *run, const char *why);
void runner_end_stopped(struct agent_core *core, struct agent_run *run);
/* What a run leaves: taken from its guard's news; told, and when next; not stored yet. */
void runner_left_take(struct agent_core *core, struct agent_run *run,
                      const struct agent_guard_event *g);
uint64_t runner_left_tick(struct agent_core *core, struct agent_run *run);
void runner_left_last(struct agent_core *core, struct agent_run *run); /* right before its end */
bool runner_left_is_open(const struct agent_core *core, const struct agent_run *run);
void runner_left_free(struct agent_run *run);
void runner_before_take(struct agent_run *run, struct muster_bytes bytes);
struct agent_left_bytes runner_before(const struct agent_run *run);
/* Ends what no keeper confirms any more, where the cluster wants that (R45). */
void runner_lonely(struct agent_core *core, struct agent_run *run);

#endif
