/* Inside: what the sources of this room share. Nobody outside includes it.
 *
 * A step ends when its effects have been fetched. What a step wants to tell other nodes is kept as
 * items, small and in order, and becomes frames when the caller fetches effects: one frame per peer
 * and kind, however many buckets it speaks for. An item that depends on what is not on disk yet
 * waits with the batch that holds it (I9).
 *
 * units    milliseconds of the caller's monotonic clock, bytes
 * memory   one arena, apart from the row table (store/rows.h)
 * threads  the loop's only
 */
#ifndef MUSTER_STORE_INSIDE_H
#define MUSTER_STORE_INSIDE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/probe.h"
#include "base/rng.h"
#include "base/trace.h"
#include "store/bench.h"
#include "store/rows.h"
#include "store/store.h"

#define STORE_NOBODY          UINT16_MAX
#define STORE_WRITE_ROWS      8      /* rows of one transaction */
#define STORE_WRITES_MAX      4096u  /* open at once: the brim is MUSTER_EFULL for the caller */
#define STORE_ITEMS_MAX       16384u /* waiting to become frames: above it they are shed, counted */
#define STORE_BATCH_BYTES     (8u << 20) /* of one batch, besides what wipes and records need */
#define STORE_BATCH_OPS       16384u     /* likewise */
#define STORE_OUT_BYTES       (4u << 20) /* of frames fetched after one step; the rest come later */
#define STORE_LIST_BYTES      (512u << 10)           /* keys and versions of one sub-bucket */
#define STORE_PAGE_BYTES      (256u << 10)           /* rows of one fill before its receipt */
#define STORE_FILL_BYTES      (4 * STORE_PAGE_BYTES) /* on their way to one node (R24) */
#define STORE_READS           32u                    /* rows that are kept as they were read */
#define STORE_CLAIMS_MAX      4096u
#define STORE_CLAIMS_TOLD     64  /* of one bucket in one BEAT_OK */
#define STORE_YIELDS_PER_BEAT 128 /* keepers handed over at once */
#define STORE_RECORD_BYTES    640 /* bytes of a bucket's record on disk at the most */

struct store_proposal;
struct store_claim;

/* Kinds of items beside enum store_message: what happens here once a batch is on disk. */
enum store_item_kind {
    STORE_ITEM_STAND = STORE_MESSAGE_LAST + 1, /* the round is spent: our own vote counts */
    STORE_ITEM_OWN,                            /* our own copy of a write is on disk */
    STORE_ITEM_NOTE,
    STORE_ITEM_CLAIM
};

struct store_item {
    struct store_item *next;
    struct store_value *value;       /* counted */
    struct store_proposal *proposal; /* counted */
    uint64_t reign, version, digest, number;
    uint32_t link; /* of the peer: void when it has another by now */
    uint32_t counter;
    uint16_t peer, bucket, seat;
    uint16_t mask;
    uint8_t kind;
    uint8_t sub;
};

struct store_queue {
    struct store_item *first, *last;
};

struct store_peer {
    struct muster_id id;
    uint64_t boot;
    uint64_t since_ms;   /* of the state */
    uint64_t linked_ms;  /* when its connection came or went */
    uint32_t link;       /* rises with every connection */
    uint32_t fill_bytes; /* sent and not acknowledged */
    uint16_t next_ready;
    uint8_t state; /* enum store_peer_state */
    bool is_used, is_connected, was_seen, is_ready;
    bool is_lost;     /* by an operator's oath: never again (R49) */
    bool is_replaced; /* a new node has come in its place */
    struct store_queue lane[STORE_LANES];
};

enum store_sync { STORE_SYNC_NONE, STORE_SYNC_WAITS, STORE_SYNC_LISTS, STORE_SYNC_FILLS };

/* What the candidate or keeper knows of one member of its bench. */
struct store_member {
    uint64_t echo_ms; /* sent_at of the latest beat it answered */
    uint64_t sync_ms;
    uint32_t level;      /* 1 + our seq when it was last known to hold every row; 0: never */
    uint32_t equal;      /* 1 + our seq when it last held exactly our rows; 0: never */
    uint32_t compared;   /* our seq when its list was compared */
    uint32_t page;       /* of the lists or the fill under way */
    uint32_t page_bytes; /* likewise */
    uint32_t wants;      /* candidate: rows asked for */
    uint16_t peer;
    uint16_t said;   /* the seat it says it holds */
    uint16_t lists;  /* sub-buckets whose list is still to come */
    uint8_t sync;    /* enum store_sync */
    uint8_t unequal; /* answers in a row whose digest was not ours */
    bool was_asked, has_voted, is_merged;
    bool knows_lists;
    bool has_more; /* the page was full */
    bool is_lost;  /* sits, but says that it has lost what it held */
    bool is_empty;
    bool is_told;   /* added by a change: knows our reach, and the bench row that stands */
    uint64_t floor; /* candidate: what it said of itself with its vote */
    uint64_t taken; /* likewise, */
    uint64_t vain;  /* and this */
};

struct store_bucket {
    /* on disk */
    struct store_reign promised;
    uint32_t round;     /* highest round spent or heard of */
    uint16_t seat;      /* ours; 0: none */
    uint16_t lost_seat; /* the seat whose rows we have lost (R54); 0: none */
    struct store_value *bench_row;
    struct store_bench bench;
    uint64_t taken; /* the newest row that a candidacy of ours took over, until one serves (R13) */

    uint64_t floor; /* what it held in memory up to this version may be lost, */
    uint64_t vain;  /* and a row of it up to this one may be what a candidacy of ours took over */
    uint64_t batch; /* the last batch that holds a change of this bucket */
    uint16_t number;
    bool is_touched; /* its record goes into the batch that is being collected */
    bool has_bad_row;
    bool is_looked_at; /* stands in the list of buckets to be looked at before the step ends */
    bool wants_review; /* its open writes are to be judged anew */
    bool wants_beat;   /* somebody wants to know whether we still rule */
    bool is_short;     /* a light write finds too few who could hold it */
    bool is_hard;      /* elected by so few that light rows go to the disk */
    bool has_light;    /* since we began, light rows have come to it */

    /* as a member */
    uint8_t role; /* enum store_role */
    bool is_claimable;
    uint16_t keeper;
    uint16_t ruler;           /* who rules, by another member's word */
    uint64_t heard_ms;        /* last BEAT, PUT, FILL or seat (R16) */
    uint64_t calm_ms;         /* nobody stands before */
    uint64_t hold_ms;         /* no other vote before */
    uint64_t known_ms;        /* when a quorum was last in sight (R42) */
    uint64_t ruled_ms;        /* when another member last said that somebody rules */
    struct store_reign knock; /* a vote refused only for the calm: given when that is over */
    uint64_t knock_ms;        /* refused so long ago that it counts for nothing any more */
    uint16_t knock_peer;
    uint32_t jitter_ms;
    uint32_t counter;        /* last frame of the promised reign */
    uint32_t purged_counter; /* last PURGE of it */
    uint64_t counter_reign;
    bool page_is_torn; /* a row of the page that is coming in was not taken */
    struct store_claim *claims;
    uint32_t claim_count;
    uint32_t claim_round, claim_seq;
    uint64_t claim_ms; /* not said to be claimable again before */

    /* the wish */
    uint16_t wish[STORE_REPLICAS_MAX];
    uint8_t wish_count;
    uint64_t wish_ms;

    /* as candidate or keeper */
    struct store_reign reign;
    struct store_reign consent; /* the reign that was yielded to us */
    struct store_reign yielded; /* the last one we have handed over */
    uint64_t limit_ms;          /* candidate: gives up */
    uint64_t started_ms;
    uint64_t answered_ms; /* s of R14; 0: not yet */
    uint64_t confirm_ms;  /* an answer to a beat of then or later is waited for; 0: none */
    uint64_t purge_ms;    /* when to go on looking for tombstones that may go */
    uint64_t ripe_ms;     /* when the tombstones before ripening_seq are ripe */
    uint64_t takeover_ms; /* no first lease before (R37) */
    uint64_t age_min_ms;  /* least beat age among the voters */
    uint64_t reach;       /* of what was chosen in memory up to this version we may not know */
    uint32_t seq;
    uint32_t ripe_seq, ripening_seq; /* 1 + our seq; 1: only rows of earlier reigns; 0: none */
    uint32_t rewrites;               /* rows still to be written anew before serving */
    uint32_t frames;                 /* of this reign sent in the writes lane */
    bool bench_is_open;
    struct store_proposal *first_proposal, *last_proposal;
    uint32_t unchosen;
    struct store_member *member[STORE_MEMBERS_MAX];
};

/* A transaction of the keeper: rows of one bucket, or its bench row. */
struct store_proposal {
    struct store_proposal *next, *prev;           /* of the bucket, oldest first */
    struct store_proposal *late_next, *late_prev; /* of all, oldest first */
    struct store_value *value[STORE_WRITE_ROWS];
    uint64_t first; /* version of its first row: its name in PUT_OK */
    uint64_t cookie;
    uint64_t made_ms, sent_ms;
    struct muster_id drop_node; /* the run that a claim has replaced (R43) */
    uint64_t drop_token;
    uint32_t refs;
    uint32_t last_seq;
    uint16_t mask; /* members that have it on disk */
    uint16_t bucket;
    uint8_t count;
    bool is_bench, is_chosen, is_closed;
    bool is_light;  /* members that have it in memory count */
    bool has_light; /* of some of its rows: more than half of every list must have them */
};

#define STORE_CLAIM_FIELDS 5 /* of its record */

struct store_claim {
    struct store_claim *next;
    struct store_value *key;
    struct muster_id node;
    uint64_t token;
    uint64_t uid;      /* of the life of its job; 0: a build before did not note it */
    uint32_t revision; /* likewise: of its spec */
    uint64_t made_ms;
    uint64_t batch; /* that brings it to the disk */
    uint32_t tries;
};

/* One batch for the disk, and what waits for it. */
struct store_log {
    struct store_disk_op *op;
    uint8_t *bytes;
    size_t used;
    struct store_queue waiting;
    struct store_disk_batch batch;
};

struct store_said {
    struct store_effect effect;
    struct store_value *value; /* kept until the next step */
};

/* A row as it was read: four rooms ask for the same one when its write is chosen. */
struct store_read {
    struct store_value *value; /* kept, so that no other can take its place; NULL: none */
    struct store_row row;
};

struct store {
    struct store_config config;
    struct muster_arena arena;
    struct muster_now now;
    struct muster_rng rng;
    struct store_rows table;
    struct store_read *read; /* STORE_READS of them, by version */
    struct store_bucket *bucket;
    struct store_counters counters;
    uint64_t start_ms;
    uint64_t scan_ms; /* when some bucket wants to be looked at */
    uint64_t beat_ms;
    uint32_t yields_left;
    bool is_started, is_draining;
    bool is_over;     /* we are declared lost, or a copy: no vote, no reign, no claim any more */
    bool has_backlog; /* frames did not fit what one step may say */

    struct store_peer *peer; /* 0 is this node */
    uint32_t peers, peers_max;
    struct muster_map peer_map;
    uint16_t first_ready;

    struct muster_pool items, proposals, claims;
    struct muster_map proposal_map;
    struct store_proposal *first_late, *last_late;
    uint64_t late_ms; /* when the oldest write has waited long enough */
    uint16_t *look;
    uint32_t look_count;
    uint32_t page;      /* number of the last fill page, or question for lists */
    uint32_t fill_turn; /* whose turn it is among the buckets that wait for room */

    struct store_log log[2];
    uint32_t ops_max;
    size_t bytes_max;
    uint32_t at; /* the log that is being collected */
    bool is_flying, is_sick;
    uint64_t stuck_ms; /* when the batch under way has taken too long */
    uint64_t retry_ms, committed;
    uint16_t *touched;
    uint32_t touched_count;

    struct store_said *said;
    uint32_t said_count, said_next, said_max;
    uint8_t *out;
    size_t out_used;
    uint8_t *scratch; /* STORE_ROW_MAX or STORE_LIST_BYTES: what is being encoded */
};

#define STORE_TRACE(s, ...)                                                                        \
    do {                                                                                           \
        if ((s)->config.trace != NULL)                                                             \
            muster_trace_add((s)->config.trace, (s)->now.mono_ms, __VA_ARGS__);                    \
    } while (0)

static inline uint32_t store_bit(uint32_t index)
{
    return UINT32_C(1) << index;
}

/* ---- peer.c: nodes by number */
MUSTER_MUST_USE int store_peers_open(struct store *s);
uint16_t store_peer_find(const struct store *s, struct muster_id id);
/* The node's number, a fresh one if need be; STORE_NOBODY when the table is full of nodes in use.
 */
uint16_t store_peer_number(struct store *s, struct muster_id id);
bool store_peer_is_live(const struct store *s, uint16_t peer);
bool store_peer_is_linked(const struct store *s, uint16_t peer);
void store_peer_changed(struct store *s, const struct store_event *event);
void store_peer_connected(struct store *s, const struct store_event *event);
void store_peer_closed(struct store *s, struct muster_id id);
/* Marks the members of the bench that are declared lost. */
void store_peer_mark_lost(const struct store *s, struct store_bench *bench);

/* ---- say.c: effects */
struct store_effect *store_say(struct store *s, enum store_effect_kind kind, uint32_t bucket);
/* The same about a value's key; the value is kept until the next step. */
struct store_effect *store_say_of(struct store *s, enum store_effect_kind kind, uint32_t bucket,
                                  struct store_value *value);
void store_say_reset(struct store *s);

/* ---- out.c: items and the frames they become */
/* An item for a bucket and a peer; NULL at the brim, or when the peer is not connected. */
struct store_item *store_item_new(struct store *s, uint32_t kind, const struct store_bucket *b,
                                  uint16_t peer);
void store_item_free(struct store *s, struct store_item *item);
void store_send(struct store *s, struct store_item *item);
/* Sends when everything the bucket holds is on disk: at once, or with the batch it waits for. */
void store_answer(struct store *s, const struct store_bucket *b, struct store_item *item);
void store_refuse(struct store *s, const struct store_bucket *b, uint16_t peer,
                  struct store_reign asked);
void store_lanes_clear(struct store *s, uint16_t peer);
/* Turns items into frames as far as there is room; true when some are left. */
bool store_out_flush(struct store *s);

/* ---- encode.c and receive.c: the bytes of items */
void store_item_encode(struct store *s, struct muster_writer *w, const struct store_item *item);
uint64_t store_item_head(const struct store_item *item);
void store_receive(struct store *s, const struct store_event *event);

/* ---- batch.c */
MUSTER_MUST_USE int store_batches_open(struct store *s);
/* Room for that much besides what wipes and bucket records may always need. */
bool store_batch_has_room(const struct store *s, uint32_t ops, size_t bytes);
void store_batch_op(struct store *s, enum store_table table, struct muster_bytes key,
                    struct muster_bytes value, bool is_delete);
void store_batch_wait(struct store *s, struct store_item *item);
/* The bucket has changed in a way its record on disk shows. */
void store_touch(struct store *s, struct store_bucket *b);
bool store_is_on_disk(const struct store *s, const struct store_bucket *b);
bool store_batch_is_due(const struct store *s);
void store_batch_launch(struct store *s);
void store_batch_again(struct store *s); /* tries a refused batch once more */
void store_batch_done(struct store *s, const struct store_event *event);

/* ---- record.c: the records of the disk */
void store_record_row(struct store *s, struct store_bucket *b, const struct store_entry *e);
void store_record_row_gone(struct store *s, struct store_bucket *b, const struct store_entry *e);
void store_record_bucket(struct store *s, const struct store_bucket *b);
void store_record_claim(struct store *s, struct store_bucket *b, const struct store_claim *c,
                        bool gone);

/* ---- bucket.c */
/* Puts a row under its version; takes the reference. NULL when it does not fit or would make the
 * version fall (then `held` is true). */
struct store_entry *store_bucket_put(struct store *s, struct store_bucket *b,
                                     struct store_value *v);
void store_bucket_remove(struct store *s, struct store_bucket *b, struct store_entry *e);
void store_bucket_wipe(struct store *s, struct store_bucket *b);
uint64_t store_bucket_digest(const struct store *s, const struct store_bucket *b);
uint64_t store_bucket_bench_version(const struct store_bucket *b);
/* Our own bench row, newly written. */
void store_bucket_set_bench(struct store *s, struct store_bucket *b, struct store_value *row,
                            const struct store_bench *bench);
/* A bench row from another node: taken if it is newer, with the seat it gives us (R25). False when
 * the bytes are none. */
bool store_bucket_learn(struct store *s, struct store_bucket *b, uint64_t version,
                        struct muster_bytes row);
struct store_reign store_reign_read(struct muster_reader *r);
/* The bucket an item begins with; fails the reader when there is no such bucket. */
struct store_bucket *store_bucket_read(struct store *s, struct muster_reader *r);
bool store_bucket_rules(const struct store_bucket *b); /* elected or serving */
int store_bucket_self(const struct store *s, const struct store_bucket *b);

/* ---- reign.c and vote.c */
void store_reign_stand(struct store *s, struct store_bucket *b, struct store_reign consent);
void store_reign_spent(struct store *s, struct store_bucket *b);
void store_reign_count(struct store *s, struct store_bucket *b);
void store_reign_open(struct store *s, struct store_bucket *b); /* rewrites; serves when chosen */
void store_reign_step_down(struct store *s, struct store_bucket *b, const char *why, bool again);
void store_reign_lists_done(struct store *s, struct store_bucket *b, uint32_t member);
/* A frame of that reign from a keeper: false when we have promised a higher one. */
bool store_reign_accept(struct store *s, struct store_bucket *b, struct store_reign reign,
                        uint16_t peer);
uint64_t store_reign_due_ms(const struct store *s, const struct store_bucket *b);
void store_ask_take(struct store *s, uint16_t peer, struct muster_reader *r);
/* Gives the vote that was refused for the calm alone, once that is over; true if it was given. */
bool store_knock_answer(struct store *s, struct store_bucket *b);
void store_yes_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_no_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_yield_take(struct store *s, uint16_t peer, struct muster_reader *r);

/* ---- light.c: rows in memory alone (store/light.c) */
/* Enough who could hold it are alive; and the row of that key may be written so. */
/* What we hold its keeper holds too: it is not what we were told as a candidate in vain any more.
 */
void store_light_confirmed(struct store_bucket *b);
bool store_light_may(const struct store *s, const struct store_bucket *b);
bool store_light_goes_on(const struct store *s, const struct store_bucket *b,
                         struct muster_bytes key);
/* More than half of every list. */
bool store_light_is_held(const struct store_bench *bench, uint32_t mask);
/* A beat of that reign has come, sent when its keeper had written up to this version. */
void store_light_floor(struct store_bucket *b, struct store_reign reign, uint64_t written);
/* An election begins; a voter holds what we do in those sub-buckets, or that version of the row; it
 * is won. */
void store_light_stand(struct store *s, struct store_bucket *b);
void store_light_held(struct store *s, struct store_bucket *b, uint32_t member, uint32_t subs);
void store_light_holds(const struct store_bucket *b, struct store_entry *e, uint32_t member,
                       uint64_t version);
void store_light_judge(struct store *s, struct store_bucket *b);
/* How far back the knowledge of a keeper that is elected reaches: what is newer and was chosen it
 * knows. */
uint64_t store_light_reach(const struct store *s, const struct store_bucket *b);
/* Our keeper's reach, or ours as a keeper: it becomes the floor of a seat that a change adds. */
void store_light_told(const struct store *s, struct store_bucket *b, uint64_t reach);
/* The row of an entry as it is to be written anew: a new value, or NULL without memory. */
struct store_value *store_light_rewrite(struct store *s, struct store_bucket *b,
                                        struct store_entry *e, uint64_t version);

/* ---- beat.c */
void store_beat_send(struct store *s, struct store_bucket *b);
bool store_lease_holds(const struct store *s, const struct store_bucket *b);
uint64_t store_lease_end_ms(const struct store *s, const struct store_bucket *b);
void store_beat_take(struct store *s, uint16_t peer, struct muster_reader *r, uint64_t head);
void store_beat_ok_take(struct store *s, uint16_t peer, struct muster_reader *r, uint64_t head);

/* ---- proposal.c */
struct store_proposal *store_proposal_begin(struct store *s, struct store_bucket *b);
void store_proposal_add(struct store_proposal *w, struct store_value *v);
void store_proposal_abandon(struct store *s, struct store_proposal *w);
void store_proposal_send(struct store *s, struct store_bucket *b, struct store_proposal *w);
/* False, and nothing changed, when there is no room for it now. */
bool store_proposal_bench(struct store *s, struct store_bucket *b, const struct store_bench *bench);
struct store_proposal *store_proposal_find(struct store *s, const struct store_bucket *b,
                                           uint64_t first);
/* A numbered frame of this reign to a member; NULL when that node has none, or is not connected. */
struct store_item *store_proposal_frame(struct store *s, struct store_bucket *b, uint32_t kind,
                                        uint32_t member);
void store_proposal_acked(struct store *s, struct store_bucket *b, struct store_proposal *w,
                          uint32_t member);
void store_proposal_own(struct store *s, struct store_proposal *w);
void store_proposal_review(struct store *s, struct store_bucket *b);
void store_proposal_again(struct store *s, struct store_bucket *b, uint16_t peer,
                          uint64_t before_ms);
void store_proposal_fail(struct store *s, struct store_bucket *b);
void store_proposal_late(struct store *s);
void store_proposal_free(struct store *s, struct store_proposal *w);
/* The write under way, chosen or not, that this very value belongs to; NULL: none. */
const struct store_proposal *store_proposal_holding(const struct store_bucket *b,
                                                    const struct store_value *v);
bool store_proposal_waits_for(const struct store_bucket *b, const struct store_value *v,
                              uint32_t member);
bool store_proposal_is_past(const struct store_bucket *b, uint32_t seq);

/* ---- put.c */
/* An encoded row under the next version of our reign, ready for a write; NULL when it is too large.
 */
struct store_value *store_put_value(struct store *s, struct store_bucket *b,
                                    const struct store_row *row);
bool store_put_row(struct store *s, struct store_bucket *b, struct store_reign reign,
                   uint64_t version, struct muster_bytes bytes);
void store_put_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_put_ok_take(struct store *s, uint16_t peer, struct muster_reader *r);

/* ---- catchup.c, list.c */
void store_catchup_heard(struct store *s, struct store_bucket *b, uint32_t member, uint64_t digest);
void store_catchup_reset(struct store *s, struct store_bucket *b, uint32_t member);
void store_catchup_send_list(struct store *s, struct store_bucket *b, uint32_t member);
void store_catchup_row(struct store *s, struct store_bucket *b, uint32_t member,
                       struct store_entry *e);
void store_catchup_compared(struct store *s, struct store_bucket *b, uint32_t member);
void store_supersede(struct store *s, struct store_bucket *b, struct muster_bytes key);
void store_list_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_list_ok_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_want_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_want_ok_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_fill_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_fill_ok_take(struct store *s, uint16_t peer, struct muster_reader *r);

/* ---- change.c, purge.c, claim.c */
void store_change_check(struct store *s, struct store_bucket *b);
void store_yield_check(struct store *s, struct store_bucket *b);
void store_change_hand_over(struct store *s); /* every bucket that somebody else can keep */
void store_purge_forget(struct store *s, struct store_bucket *b); /* other seats: ask again */
void store_purge_begin(struct store *s, struct store_bucket *b);
void store_purge_check(struct store *s, struct store_bucket *b);
void store_purge_written(struct store *s, struct store_bucket *b, const struct store_proposal *w);
void store_purge_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_claims_wipe(struct store *s, struct store_bucket *b);
void store_claim_check(struct store *s, struct store_bucket *b);
uint64_t store_claim_due_ms(const struct store *s, const struct store_bucket *b);
void store_claims_encode(const struct store *s, struct muster_writer *w,
                         const struct store_bucket *b);
/* The keeper judges the claims that it made itself before its reign. */
void store_claims_own(struct store *s, struct store_bucket *b);
void store_claims_take(struct store *s, struct store_bucket *b, uint16_t peer,
                       struct muster_reader *r);
void store_unclaim_take(struct store *s, uint16_t peer, struct muster_reader *r);
void store_claim_on_disk(struct store *s, struct store_item *item);
MUSTER_MUST_USE int store_claim_load(struct store *s, struct store_bucket *b,
                                     struct muster_bytes key, struct muster_bytes value);

/* ---- store.c */
void store_scan_at(struct store *s, uint64_t at_ms);
/* Looks at the bucket once more before the step ends: may it serve, may its bench change? Things
 * that follow from one another are decided there, never in the middle of a loop over writes or
 * members. */
void store_look(struct store *s, struct store_bucket *b);

#endif
