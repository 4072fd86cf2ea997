/* Row: what the cluster must agree on about one job, under its name. (consistency, section 4)
 *
 * On disk and on the wire a row is a msgpack array of fixed order; elements past those this build
 * knows are kept byte for byte, so an older build never loses what a newer one wrote.
 *
 * units    milliseconds of wall time since 1970 in every *_wall_ms (R8: for people and back-off
 *          only)
 * memory   a decoded row borrows from the encoded bytes
 * errors   store_row_decode refuses anything out of bounds; see base/wire.h
 * threads  any
 */
#ifndef MUSTER_STORE_ROW_H
#define MUSTER_STORE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"
#include "store/version.h"

#define STORE_KEY_MAX      256         /* bytes of a key: a job's or a run's name */
#define STORE_ROW_MAX      (64u << 10) /* bytes of an encoded row */
#define STORE_REASON_MAX   160
#define STORE_ATTEMPTS_MAX 2560 /* bytes of the last attempts */
#define STORE_REQUESTS     4    /* client requests remembered in a row (R19) */

enum store_kind {
    STORE_KIND_SERVICE,
    STORE_KIND_TASK,
    STORE_KIND_PARENT, /* has no run of its own: its runs are rows beside it (agent/family.h) */
    STORE_KIND_INSTANT
};
enum store_mode { STORE_AVAILABLE, STORE_EXCLUSIVE };
enum store_want { STORE_WANT_RUN, STORE_WANT_STOP, STORE_WANT_HOLD };

enum store_phase {
    STORE_WAITING, /* wants a place; with a run: that is to be replaced */
    STORE_PLACED,  /* run_node and run_token name the present placement */
    STORE_DONE,    /* a task that ended well */
    STORE_FAILED,  /* gave up: the dead letter */
    STORE_HELD,    /* stopped or held, with a reason */
    STORE_GONE     /* tombstone; the run it had is kept until it surely ended */
};

/* What a second run of the row is (`handoff: start-stop`). */
enum store_handoff {
    STORE_HANDOFF_NONE,
    STORE_HEIR,  /* is to be the run when it is ready; its token is above the run's */
    STORE_ENDING /* has been the run, or was to be: it is kept until it surely ended */
};

struct store_request {
    uint64_t id[2];  /* the client's request id */
    int32_t outcome; /* MUSTER_OK or the error that was answered */
};

struct store_row {
    struct muster_bytes key;
    uint64_t uid; /* version of the write that created this life of the name */
    enum store_kind kind;
    enum store_mode mode;
    uint8_t priority;
    enum store_want want;
    enum store_phase phase;
    uint16_t needs;    /* slots */
    uint32_t revision; /* of the spec, from 1 */
    uint64_t created_wall_ms, modified_wall_ms;
    uint64_t since_wall_ms;    /* of the phase */
    struct muster_bytes spec;  /* canonical JSON (agent/job.h) */
    struct muster_id run_node; /* zero: none */
    uint64_t run_token;        /* 0: none */
    enum store_mode run_mode;  /* as that run was placed; `mode` may have been changed since */
    uint32_t tries;            /* failed attempts that counted, since the last good stretch */
    uint32_t placements;       /* ever */
    uint32_t strikes;          /* node deaths soon after a start (R34) */
    uint64_t not_before_wall_ms;
    struct muster_id avoid; /* the node where local tries ran out: the next place is another */
    int32_t exit_code;      /* last exit; -1: none yet */
    int32_t exit_signal;
    uint64_t exit_wall_ms;
    struct muster_bytes
        reason; /* a sentence: why held, failed or waiting; what the last exit was */
    struct store_request request[STORE_REQUESTS];
    uint64_t tick_wall_ms;        /* of a schedule: the last tick that is decided on; 0: none yet */
    uint32_t ticks;               /* runs that it has made, */
    uint32_t skipped;             /* and ticks that it has passed over. Of a copy, which has no
                                   * ticks: 1 when it had a place as it was changed last; 1 while
                                   * a person wants something of it alone */
    struct muster_bytes attempts; /* the last ends (agent/attempts.h) */
    uint64_t wished_wall_ms;      /* since when it is wished to run; 0: since it was created */
    uint32_t moves;               /* nodes that died under it since moves_wall_ms */
    uint64_t moves_wall_ms;
    uint64_t parent_uid; /* of a triggered run: the life of the template that it was made of */
    bool is_light;       /* held in memory alone: gone when all who hold it are (store/light.c) */
    enum store_handoff handoff;
    struct muster_id other_node; /* of the second run; zero: none */
    uint64_t other_token;        /* likewise, and kept: what is not above it is no news to us */
    uint32_t handoff_fails;      /* heirs in a row that were not ready in time, */
    uint64_t handoff_wall_ms;    /* and when the next may be tried */
    struct muster_bytes unknown; /* encoded elements of a newer build, appended as they are */
    uint32_t unknown_count;
};

/* Encodes into `out` of `size` bytes; the result's length in `len`. MUSTER_ELIMIT above
 * STORE_ROW_MAX. */
MUSTER_MUST_USE int store_row_encode(const struct store_row *row, uint8_t *out, size_t size,
                                     size_t *len);
MUSTER_MUST_USE int store_row_decode(struct store_row *row, struct muster_bytes wire);

/* As if nothing had been tried yet: it is wished to run from now on and waits for a place, unless
 * its runs are rows beside it. An heir of what it was before is one no more. */
void store_row_again(struct store_row *row, uint64_t wall_ms);

/* A new life of that name; what an earlier one still runs is kept, to be ended first. */
void store_row_fresh(struct store_row *row, const char *key, uint64_t wall_ms);

/* A second run is to be the run when it is ready, and still wished to be; now it is, and the other
 * one is not of the row any more. */
bool store_row_has_heir(const struct store_row *row);
void store_row_heir_takes(struct store_row *row, uint64_t wall_ms);

/* The part of a key that says its bucket: up to the first `@` (runs of a job) or `!` (what a run
 * has left), so that they live beside the row they belong to. */
struct muster_bytes store_key_home(struct muster_bytes key);

/* A job's own row, and not what runs, belongs to another or counts permits or names a
 * payload: those have an `@`, a `!` or a `:` in their keys, or begin with a `%` or a `$`. */
bool store_key_is_job(struct muster_bytes key);

#endif
