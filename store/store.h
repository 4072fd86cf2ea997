/* Store: what is to run. The replicated job table of one node: buckets, benches, reigns, writes,
 * catch-up, bench changes, tombstones and claims, as a core that touches nothing. (consistency,
 * sections 3 to 8, 11, 12, 14, 18; section 10 has its place and comes later)
 *
 * Whole rows of every bucket on whose bench this node sits are held in memory; the disk is written
 * behind in batches, and no frame and no outcome that depends on a batch leaves before the shell
 * has reported that batch as committed (I9, R53).
 *
 * units    `now.mono_ms` milliseconds of a clock that counts suspend; wall time only for people
 * memory   tables grow with the rows up to store_config limits; everything else is taken at open.
 *          Event bytes are borrowed until store_step returns; effect pointers until the next step.
 * errors   outcomes as MUSTER_E…; a broken invariant stops the process
 * threads  the loop's only
 */
#ifndef MUSTER_STORE_STORE_H
#define MUSTER_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/trace.h"
#include "store/disk.h"
#include "store/row.h"
#include "store/version.h"

#define STORE_BUCKETS      1024 /* B: fixed when a cluster is founded */
#define STORE_BENCH_MAX    8    /* seats in one list of a bench row */
#define STORE_REPLICAS_MAX 4
#define STORE_FRAME_MAX    (1u << 20) /* bytes of one frame body */
#define STORE_LOST_MAX     256        /* nodes declared lost in the life of a cluster */

/* First msgpack element of every frame between peers says what it is; the store's are 1..31, the
 * scheduler's 32..63, the node's 64..95. */
enum store_message {
    STORE_ASK = 1,
    STORE_YES,
    STORE_NO,
    STORE_PUT,
    STORE_PUT_OK,
    STORE_BEAT,
    STORE_BEAT_OK,
    STORE_PURGE,
    STORE_FILL,
    STORE_FILL_OK,
    STORE_LIST,
    STORE_LIST_OK,
    STORE_YIELD,
    STORE_UNCLAIM,
    STORE_WANT,    /* a candidate asks a voter for a row it lacks */
    STORE_WANT_OK, /* the row */
    STORE_MESSAGE_LAST = 31
};

/* Lanes of a peer connection: frames keep their order within a lane. */
enum store_lane {
    STORE_LANE_BEATS,
    STORE_LANE_WRITES,
    STORE_LANE_RUNS,
    STORE_LANE_FILLS,
    STORE_LANES
};

/* Section 15. store_times_wan is the page's table; store_times_lan halves what R58 allows. */
struct store_times {
    uint32_t beat_ms, calm_ms, vote_hold_ms, rank_ms, horizon_ms, margin_ms, ack_wait_ms;
    uint32_t commit_stuck_ms, claim_after_ms, boot_grace_ms, alone_grace_ms, replace_ms;
    uint32_t settle_ms, away_ms;
    uint32_t ripe_ms; /* a tombstone is not purged before that; 0: at once */
    bool has_claims;  /* no: a part without a quorum starts nothing (R45) */
};

void store_times_wan(struct store_times *t);
void store_times_lan(struct store_times *t);

struct store_config {
    struct muster_id self;
    uint64_t boot;     /* our boot number, already raised on disk */
    uint32_t buckets;  /* STORE_BUCKETS; fewer only in tests */
    uint32_t replicas; /* R */
    uint32_t rows_max; /* rows held here at the most; above it new ones are refused */
    uint32_t peers_max;
    uint64_t seed;
    struct store_times times;
    struct muster_trace *trace; /* may be NULL */
};

struct store; /* opaque */

/* What is known of another node's life. */
enum store_peer_state {
    STORE_PEER_UNKNOWN,
    STORE_PEER_ALIVE,  /* gossip says alive or suspect */
    STORE_PEER_DEAD,   /* silent death */
    STORE_PEER_DARK,   /* the same, and its host does not answer either */
    STORE_PEER_PROVEN, /* its process is gone for sure, or it left (R55) */
};

enum store_event_kind {
    STORE_EVENT_TICK,  /* only time passes */
    STORE_EVENT_FRAME, /* peer, boot, bytes: one of ours from a connected peer */
    STORE_EVENT_PEER,  /* peer, boot, state: what is believed of it changed */
    /* peer, boot: a new connection; earlier frames to and from it are void */
    STORE_EVENT_CONNECTED,
    STORE_EVENT_CLOSED,    /* peer: its connection is gone */
    STORE_EVENT_COMMITTED, /* batch, err: the outcome of a commit */
    STORE_EVENT_HAND_OVER, /* this process ends in a moment: others are to keep what we keep */
    STORE_EVENT_AWAY       /* the loop was away for longer than away_ms (R47) */
};

struct store_event {
    enum store_event_kind kind;
    struct muster_id peer;
    uint64_t boot;
    enum store_peer_state state;
    struct muster_bytes bytes;
    uint64_t batch;
    int err;
};

enum store_effect_kind {
    STORE_EFFECT_FRAME,  /* to, lane, bytes */
    STORE_EFFECT_COMMIT, /* batch: write it, then hand in STORE_EVENT_COMMITTED. One at a time. */
    STORE_EFFECT_STANDS, /* bucket: we stand for its keeper; it has rows */
    /* bucket: we are to be its keeper, and its first rows are on their way; a placement that is
     * written in this step goes with them, and is to be acted upon when the bucket is served */
    STORE_EFFECT_ELECTED,
    STORE_EFFECT_SERVING,   /* bucket: we are its keeper and every row of it may be acted upon */
    STORE_EFFECT_RETIRED,   /* bucket: we no longer are */
    STORE_EFFECT_CONFIRMED, /* bucket: for store_confirm: a quorum says that we are its keeper */
    STORE_EFFECT_CHOSEN,    /* bucket, key: a row's version is on a quorum's disks; act on it now */
    /* bucket, key, token: a row here places its run on this node, and may yet be chosen; what is
     * noted in the same step goes to the disk with it (R28) */
    STORE_EFFECT_FORETOLD,
    STORE_EFFECT_WRITTEN,   /* cookie, err, copies: the end of a store_write */
    STORE_EFFECT_CLAIMABLE, /* bucket: no quorum for long; available rows may be claimed (R42) */
    STORE_EFFECT_CLAIMED,   /* bucket, key, node, token: a claim is on disk; START it */
    STORE_EFFECT_DROP,      /* key, node, token: that run must end there (R43) */
    STORE_EFFECT_CLEARED,   /* key: its tombstone is purged or its row wiped here */
    STORE_EFFECT_COMMITTED  /* cookie, err: the end of a store_note */
};

struct store_effect {
    enum store_effect_kind kind;
    struct muster_id to;
    enum store_lane lane;
    struct muster_bytes bytes;
    const struct store_disk_batch *batch;
    uint32_t bucket;
    struct muster_bytes key;
    uint64_t cookie;
    int err;
    uint32_t copies;
    struct muster_id node;
    uint64_t token;
};

MUSTER_MUST_USE int store_open(struct store **s, const struct store_config *c);
void store_step(struct store *s, struct muster_now now, const struct store_event *event);
bool store_next(struct store *s, struct store_effect *effect); /* drain after every step */
uint64_t store_deadline_ms(const struct store *s);
void store_close(struct store *s);

/* ---- boot: hand in everything the disk holds, then start. */
/* One record of the tables BUCKET, ROW or CLAIM. A row with a bad CRC is amnesia for its bucket
 * (R54): counted, the seat is given up, never an error. MUSTER_ECORRUPT only for what cannot be
 * lived with. */
MUSTER_MUST_USE int store_load(struct store *s, enum store_table table, struct muster_bytes key,
                               struct muster_bytes value);
/* Founds: every bucket with a bench of one seat, this node, seat 1 (R1). May be called before or
 * after store_start (founding by a person comes later than boot). */
void store_found(struct store *s);
void store_start(struct store *s, struct muster_now now);

/* ---- what the other rooms know, handed in as plain arrays; takes effect at the next step. */
/* The ring's wish for a bucket: distinct nodes, best first, at most STORE_REPLICAS_MAX. (R26) */
void store_wish(struct store *s, uint32_t bucket, const struct muster_id *node, uint32_t n);
void store_drain(struct store *s, bool draining); /* this node gives its seats away (R48) */
/* A node that is dead has come back as another one, under its name and with an empty disk: its
 * seats are not kept for it. It may yet come back as itself (R26). */
void store_replaced(struct store *s, struct muster_id node);
/* The times of the cluster that has let us in; before we sit anywhere. */
void store_times_set(struct store *s, const struct store_times *t);
/* Our own id is no good any more, by an oath or because we live from a copy: from now on no vote,
 * no reign and no claim comes from here, and no frame is heard. (R3, R49) */
void store_retire(struct store *s);
/* An operator's oath that the disk of this node is gone, for ever: it is heard no more, counts in
 * no quorum, and its seats are replaced at once. The caller has it on disk already, or hands it in
 * before store_start; at most STORE_LOST_MAX of them. (R49) */
void store_lost(struct store *s, struct muster_id node);

/* ---- writes, on the keeper only. */
struct store_write {
    const struct store_row *row; /* the new value; its key says the bucket; copied */
    uint64_t expected;           /* version the caller has read, 0: no row or only a tombstone */
    bool places;                 /* this write's own version becomes row->run_token (R7), */
    bool doubles;                /* or row->other_token, */
    bool births;                 /* or row->uid */
    uint64_t cookie;             /* comes back in STORE_EFFECT_WRITTEN; 0: not wanted */
};
/* Queues rows of one bucket as one transaction. MUSTER_EREFUSED: not the serving keeper, nor one
 * just elected that places a run which all voters know (see
 * store_keeper_hint); MUSTER_ECONFLICT: `expected` is not the row's version; MUSTER_EBUSY: an
 * earlier write of that row is not chosen yet; MUSTER_EFULL. On any error nothing was written. */
MUSTER_MUST_USE int store_write(struct store *s, const struct store_write *write, uint32_t n);
/* Half of the writes that may be open are: what can wait leaves the rest to others. */
bool store_is_busy(const struct store *s);

/* Puts a floor-3 record (tables SEEN, RUN, META) into the current batch; the bytes are copied;
 * STORE_EFFECT_COMMITTED with the cookie follows its commit when cookie is not 0. MUSTER_ELIMIT in
 * it: there was no room, and nothing is written. Any other error: the disk has refused it, and is
 * given it again until it takes it (R53). */
void store_note(struct store *s, const struct store_disk_op *op, uint64_t cookie);

/* ---- claims (available rows only, R42): after CLAIMABLE; the token comes with CLAIMED. */
MUSTER_MUST_USE int store_claim(struct store *s, struct muster_bytes key, struct muster_id node);
/* A run is reported under a claim's token that is not below our reign, and nobody tells of the
 * claim: whoever made it has lost its seat since. As its keeper we take a reign above it (R43). */
void store_outrank(struct store *s, uint32_t bucket, uint64_t token);

/* ---- reading. */
uint32_t store_bucket_of(const struct store *s, struct muster_bytes key);

struct store_view {
    struct store_row row; /* borrowed until the next step or write */
    struct store_version version;
    uint32_t bucket;
    bool is_light;   /* stands in memory alone here (store/light.c) */
    bool is_chosen;  /* as far as this node, as its keeper, knows */
    uint32_t copies; /* seats known to hold it, ours included */
};
/* False when unknown here. Tombstones are returned (phase STORE_GONE). */
bool store_get(const struct store *s, struct muster_bytes key, struct store_view *view);
/* The first row with a key greater than `after` (empty: from the start), in key order, all buckets.
 */
bool store_after(const struct store *s, struct muster_bytes after, struct store_view *view);
/* Rows of one bucket: cursor starts at 0; order is stable while nothing is written. */
bool store_bucket_next(const struct store *s, uint32_t bucket, uint64_t *cursor,
                       struct store_view *view);

enum store_role { STORE_NO_SEAT, STORE_SEATED, STORE_CANDIDATE, STORE_ELECTED, STORE_SERVING };

struct store_seat {
    struct muster_id node;
    uint16_t seat;
};

struct store_bucket_view {
    enum store_role role;
    uint16_t seat;            /* ours, 0: none */
    struct store_reign reign; /* promised */
    struct muster_id keeper;  /* last one heard of; zero: none */
    uint64_t heard_ms;        /* when */
    uint64_t ruled_ms;        /* when another member last said that somebody rules; 0: never */
    uint64_t takeover_ms;     /* as keeper: no first lease before (R37) */
    struct store_version bench_version;
    bool bench_is_chosen;          /* as far as this node, as its keeper, knows */
    uint32_t old_count, new_count; /* new_count 0: no change under way */
    struct store_seat old_seat[STORE_BENCH_MAX], new_seat[STORE_BENCH_MAX];
    uint32_t rows, tombstones, claims;
    uint64_t digest;
};
void store_bucket(const struct store *s, uint32_t bucket, struct store_bucket_view *view);

/* One fact at a time, for who asks often: the reign in which this node serves the bucket (0: it
 * does not), the version of the bench row it knows, and the version of a row (0: unknown here). */
struct store_reign store_reign_served(const struct store *s, uint32_t bucket);
/* In which its keeper was last heard, or it is ours (0: none is heard). */
struct store_reign store_reign_heard(const struct store *s, uint32_t bucket);
struct store_version store_bench_known(const struct store *s, uint32_t bucket);
struct store_version store_row_known(const struct store *s, struct muster_bytes key);
/* Our seat (0: none), and a number that rises whenever the rows of any bucket change. */
uint16_t store_seat(const struct store *s, uint32_t bucket);
uint64_t store_changes(const struct store *s);

/* Whether these nodes are a quorum of its bench, of both lists while it changes. */
bool store_is_quorum(const struct store *s, uint32_t bucket, const struct muster_id *node,
                     uint32_t n);

/* Whom to ask about a bucket, best first: its keeper as last heard, then its bench. Returns how
 * many. */
uint32_t store_keeper_hint(const struct store *s, uint32_t bucket, struct muster_id *out,
                           uint32_t max);
bool store_is_serving(const struct store *s, uint32_t bucket);
/* Whether it serves the bucket and every seat has held exactly its rows in this reign, no change of
 * the bench under way: what it does not know then nobody of the bench holds, in memory either. */
bool store_is_whole(const struct store *s, uint32_t bucket);
/* Whether a quorum has said, of a beat sent at `since_ms` or later, that this node is the keeper:
 * who tells from its rows alone that something is or is not so knows it only then, for another may
 * rule already where a host is dark. (the read index of Raft: Ongaro's thesis, 6.4) */
bool store_is_confirmed(const struct store *s, uint32_t bucket, uint64_t since_ms);
/* Asks them at once; STORE_EFFECT_CONFIRMED follows, or none while there is no quorum. */
void store_confirm(struct store *s, uint32_t bucket, uint64_t since_ms);
/* When a lease that this keeper gives now must end at the latest, on our clock; 0: it may give none
 * (R36). A first lease also waits for store_bucket_view.takeover_ms (R37). */
uint64_t store_grant_end_ms(const struct store *s, uint32_t bucket);

struct store_counters {
    uint64_t elections, commits, commit_ops, writes, writes_unknown, conflicts, superseded;
    uint64_t purged, fills, bench_changes, claims, stepped_down, amnesia;
    uint64_t frames_in, frames_out, frames_dropped;
    uint32_t rows, tombstones, jobs, serving, seated;
};
void store_counters(const struct store *s, struct store_counters *out);

/* What must always hold in this node's tables (I2, I4, I9, I12, I14); the simulator asks every
 * turn. */
bool store_is_sane(const struct store *s);
bool store_bucket_is_sane(const struct store *s, uint32_t bucket); /* its part of it */

#endif
