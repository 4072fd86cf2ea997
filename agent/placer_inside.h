/* Inside of the placer: its entries, and what its files share. Only agent/placer*.c include it.
 *
 * units    milliseconds
 * memory   owned by struct agent_placer
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_PLACER_INSIDE_H
#define MUSTER_AGENT_PLACER_INSIDE_H

#include "agent/left.h"
#include "agent/peers.h"
#include "agent/place.h"
#include "agent/placer.h"
#include "base/hash.h"
#include "base/heap.h"

#define PLACE_OFFER_MS    1000 /* an OFFER without an answer is a refusal */
#define PLACE_PAUSE_MS    250  /* after everybody has refused */
#define PLACE_REFUSED_MAX 8
#define PLACE_FILL_MAX    512  /* offers made in one step */
#define PLACE_KINDS_MAX   64   /* fruitless walks in one step; others of the same kind are free */
#define PLACE_PASS_MAX    4096 /* of those */
#define PLACE_HOPELESS_MS 250  /* so long it is believed, if nobody says otherwise */
#define PLACE_BARRED_MS   250  /* until one is looked at again whose template does not want it */
#define PLACE_MATES_MAX   128  /* copies that are looked at to spread one */
#define PLACE_NO_ENTRY    UINT32_MAX
#define PLACE_MOVES_MAX   4 /* runs one keeper moves off draining nodes at a time */
#define PLACE_CLAIM_MS    30000
#define PLACE_FRESH_MS    1500 /* of a reign: claims of the time before it are still coming in */

enum place_state {
    PLACE_NEW,
    PLACE_PERMIT,   /* wants a place, and first a permit of its group */
    PLACE_QUEUED,   /* wants a place; in the queue */
    PLACE_DELAYED,  /* not before its time */
    PLACE_OFFERED,  /* asked a node */
    PLACE_WRITING,  /* a write of its row is not chosen yet */
    PLACE_PLACED,   /* has a node; STARTed, heard or to be heard */
    PLACE_STOPPING, /* STOP sent until GONE */
    PLACE_CLAIMED   /* placed by a claim of ours, without a quorum */
};

struct place_handoff;

/* What is known of the run that a row has, and of its end. */
struct place_run {
    uint64_t token; /* of the present placement; 0: none */
    struct muster_id node;
    uint64_t heard_ms;   /* HOLD; 0: not in this reign */
    uint64_t started_ms; /* last START */
    uint64_t claimed_ms; /* when our claim was on disk */
    uint64_t token_ms;   /* when this token was taken up here */
    uint64_t granted_ms; /* the last lease given in this reign ends; 0: none (R39) */
    uint64_t lost_ms;    /* when its node counts as lost if nothing is heard before */
    uint64_t level_ms;   /* when to look again whether it should move */
    struct muster_id done_from;
    uint64_t done_token;
    enum agent_run_state state;
    uint32_t attempt, failures;
    int32_t pid, exit_code, exit_signal;
    uint64_t since_wall_ms, not_before_wall_ms, exit_wall_ms;
    uint64_t done, total; /* progress */
    char *note;           /* owned; NULL: none */
};

/* What is done to find a place, and what has come of it. */
struct place_ask {
    uint64_t delay_of, delay_ms; /* a row's not_before by the wall, and when it is over here */
    struct muster_id move_to;    /* where a person wants it; zero: anywhere */
    struct muster_id invited_by; /* while another was asked; zero: nobody */
    uint64_t offer;
    uint64_t offered_ms;
    struct muster_id offer_to;
    struct muster_id room_at; /* it has room, and we are to be elected first; zero: nobody */
    struct muster_id refused[PLACE_REFUSED_MAX];
    uint32_t refused_count;
    bool is_permit_heard;
    uint32_t permit_tries;
    uint64_t permit;                     /* of its group; 0: none that we know of */
    uint64_t permit_ask;                 /* the question that a permit may answer; 0: none */
    uint64_t permit_asked_ms, permit_ms; /* when it was asked, when it came */
};

/* A keeper may have as many of these as rows, most of which wait for their turn or just run: what
 * only some have stands beside it. */
struct place_entry {
    bool is_used;
    bool is_moving;    /* stopped to leave a draining node */
    bool is_held_back; /* waits because everything is held */
    bool owes_done_ok;
    bool is_early; /* room was asked for before our reign over its bucket had begun */
    enum place_state state;
    uint32_t bucket;
    uint32_t needs;
    uint32_t aside_next; /* within one step: another that found no place */
    uint32_t wish_revision;
    uint32_t limits_of;            /* the revision that the deadline and the start timeout are of */
    const struct agent_wish *wish; /* of the spec of this uid and revision; NULL: none */
    uint64_t wish_uid;
    char *key; /* owned */
    uint64_t key_hash;
    uint64_t taken_ms;                      /* when this entry was made */
    uint64_t deadline_ms, start_timeout_ms; /* AGENT_JOB_NONE: none */
    uint64_t ticket_rank;                   /* with which it left tickets; 0: it has not */
    char *why;                     /* owned: of a STOP or for want of a permit; NULL: none */
    struct place_run *run;         /* NULL: none has been heard of */
    struct place_ask *ask;         /* NULL: nobody was asked */
    struct place_handoff *handoff; /* owned; NULL: no second run, and none is looked for */
};

/* A node told that a run may not come beside one that runs there (agent/apart.h). */
struct place_refusal {
    uint64_t key_hash; /* 0: free */
    struct muster_id node;
    uint64_t until_ms;
    char other[64];
};
#define PLACE_REFUSALS_MAX 256
#define PLACE_REFUSAL_MS   10000

/* By ring number, for the spill rule; filled anew for every question. */
struct place_loads {
    uint32_t *used, *capacity;
    bool *is_alive;
};

/* When nobody counts as there who could have runs of that kind, as last asked. */
struct place_none {
    uint64_t hash;
    uint32_t needs;
    uint64_t asked_ms, at_ms;
};

/* What nobody takes as things are: one kind and so many slots. Whoever asks for as much or more is
 * not tried again, so that a thousand of a kind do not hide the one behind them that fits; and one
 * more of a kind is no reason to go through all that wait. */
struct place_hopeless {
    uint64_t kind[PLACE_KINDS_MAX];
    uint32_t needs[PLACE_KINDS_MAX];
    uint32_t count;
    uint64_t until_ms; /* or until somebody has room, comes or goes */
};

struct agent_placer {
    struct place_loads loads;
    struct place_hopeless hopeless;
    struct place_none none;
    uint64_t *served_ms; /* of each bucket: when our reign over it began */
    struct place_entry *entry;
    uint32_t high, capacity, used;
    uint32_t *free_list;
    uint32_t free_count;
    struct muster_pool runs, asks;
    struct muster_map map; /* hash of key -> entry */
    struct muster_arena arena;
    struct muster_heap queue;   /* entries that want a place: priority, then age */
    struct muster_heap permits; /* entries that want a permit of their group first; likewise */
    struct muster_heap timer;   /* when to look at an entry again */
    bool is_fill_due;
    bool is_put_back;    /* what is queued was taken from the queue a moment ago */
    uint64_t fill_ms;    /* then at the latest, if something has come that was not tried */
    uint64_t permits_ms; /* when those are to be asked for */
    struct place_refusal refusal[PLACE_REFUSALS_MAX];
    uint32_t refusals;   /* told so far; the next one takes the place of the oldest */
    uint64_t tickets_ms; /* when waiting runs leave their tickets again */
    uint64_t tickets_left_ms, tickets_worst; /* when they last did, and the worst rank of them */
    bool is_ticket_due; /* somebody waits who comes before that one and has none yet */
    uint32_t moving;
    uint32_t held_back; /* entries that wait because everything is held */
    uint64_t calm_ms;   /* since when the members are as they are */
    uint64_t level_ms;  /* when a run was last moved to level the load */
};

static inline uint32_t placer_index(const struct agent_core *core, const struct place_entry *e)
{
    return (uint32_t)(e - core->placer->entry);
}

/* ---- placer_entry.c: the entries and their parts */
MUSTER_MUST_USE int placer_entries_open(struct agent_core *core);
void placer_entries_close(struct agent_placer *t);
struct place_entry *placer_find(const struct agent_core *core, struct muster_bytes key);
struct place_entry *placer_make(struct agent_core *core, struct muster_bytes key);
void placer_free(struct agent_core *core, struct place_entry *e);
struct muster_bytes placer_key(const struct place_entry *e);
/* To be read: as if nothing had happened yet where there is none. */
extern const struct place_run placer_no_run;
extern const struct place_ask placer_no_ask;
static inline const struct place_run *placer_run_of(const struct place_entry *e)
{
    return e->run != NULL ? e->run : &placer_no_run;
}
static inline const struct place_ask *placer_ask_of(const struct place_entry *e)
{
    return e->ask != NULL ? e->ask : &placer_no_ask;
}
/* To be changed: made when there is none. */
struct place_run *placer_run_make(struct agent_core *core, struct place_entry *e);
struct place_ask *placer_ask_make(struct agent_core *core, struct place_entry *e);
/* It has its place: what was done to find it is forgotten, unless something is still under way. */
void placer_ask_end(struct agent_core *core, struct place_entry *e);
/* Whoever refused may be asked again. */
void placer_refusals_forget(struct place_entry *e);
/* One of its texts is that now; NULL or "": there is none. Without memory there is none either. */
void placer_text_set(char **text, const char *as);
static inline const char *placer_text(const char *text)
{
    return text != NULL ? text : "";
}

void placer_due(struct agent_core *core, struct place_entry *e, uint64_t at_ms);
/* What the job asks of its node; read once for every revision. NULL: nothing. */
const struct agent_wish *placer_wish(struct agent_core *core, struct place_entry *e,
                                     const struct store_row *row);

/* Looks at the row and does what is to be done next. May free the entry. */
void placer_look(struct agent_core *core, struct place_entry *e);

/* Writes the row as changed by the caller; the entry is WRITING afterwards, or gone. */
bool placer_write(struct agent_core *core, struct place_entry *e, const struct store_row *row,
                  uint64_t expected, bool places);
bool placer_write_as(struct agent_core *core, struct place_entry *e,
                     const struct store_write *write);
void placer_start_frame(struct agent_core *core, const struct store_row *row);
void placer_stop_frame(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                       uint64_t token, const char *why);
void placer_start_send(struct agent_core *core, struct place_entry *e, const struct store_row *row);
void placer_token_send(struct agent_core *core, uint32_t message, struct muster_id to,
                       struct muster_bytes key, uint64_t token);
/* Who reports to us is told of the keeper that we know. */
void placer_try_send(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                     uint32_t bucket);
void placer_queue(struct agent_core *core, struct place_entry *e, const struct store_row *row);

/* The row may name another run than before. */
void placer_run_take(struct agent_core *core, struct place_entry *e, const struct store_row *row);
/* Started where it has its place, or asked after there. */
void placer_run_ask(struct agent_core *core, struct place_entry *e, const struct store_row *row);
void placer_run_clear(struct agent_core *core, struct place_entry *e, struct store_view *view,
                      const char *reason);
void placer_moving_end(struct agent_core *core, struct place_entry *e);

/* Hand-overs (`handoff: start-stop`): whether the run of a row is one that goes on until its heir
 * is ready; whether none may begin now, for one is under way or has just failed. */
bool placer_hands_over(struct agent_core *core, struct place_entry *e, const struct store_row *row);
bool placer_handoff_waits(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row);
/* Looks at the second run of a row; true when the row is being written. */
bool placer_handoff_look(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view);
/* Asks for room for an heir; false when none is asked for now. */
bool placer_handoff_begin(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row);
/* What runs is to be another process, or elsewhere. True while it goes on until its heir is ready;
 * false when it has to end first, as its job wants it or for nobody else has room. */
bool placer_handoff_replace(struct agent_core *core, struct place_entry *e,
                            struct store_view *view);
/* That node has room: it gets the heir, if one is wanted. */
bool placer_handoff_place(struct agent_core *core, struct place_entry *e,
                          const struct store_view *view, struct muster_id node);
/* That is the row's second run; what its runner tells of it, and that it has ended. */
bool placer_is_other(const struct store_row *row, struct muster_id node, uint64_t token);
void placer_handoff_hold(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view, const struct agent_msg_hold *m);
void placer_handoff_gone(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view, const struct agent_msg_done *m);
void placer_handoff_linked(struct agent_core *core, struct place_entry *e); /* its node is back */
bool placer_handoff_is_at(const struct place_entry *e, struct muster_id node);
uint64_t placer_handoff_due_ms(const struct place_entry *e); /* MUSTER_NEVER: there is none */
void placer_handoff_free(struct place_entry *e);

enum store_phase placer_phase_without_run(const struct store_row *row);

/* Another node than its own that could have the run of a row now, the best of them. */
struct agent_peer *placer_elsewhere(struct agent_core *core, const struct store_row *row,
                                    const struct agent_wish *wish);
bool placer_same_value(const struct agent_peer *a, const struct agent_peer *b, const char *tag);

/* True when its job follows the ring and is to go where that wants it; then it is moving. */
bool placer_follows(struct agent_core *core, struct place_entry *e, const struct store_row *row);
bool placer_is_following(const struct place_entry *e); /* it runs still where it was */
/* That node does not take it: it is not asked again for a while. */
void placer_follow_failed(struct agent_core *core, struct place_entry *e);

/* Why a row's node will not come back with its run, or that it may. */
bool placer_is_lost(struct agent_core *core, struct place_entry *e, const struct store_row *row);
/* No first lease in this bucket before, on our clock (R37). */
uint64_t placer_takeover_ms(const struct agent_core *core, const struct place_entry *e);
/* Strikes (R34): of the row once its node is counted as dead; whether a row has too many, then it
 * becomes a dead one with its reason in `note`; and whether it is being written as such. */
struct strike_note {
    char text[STORE_REASON_MAX];
};
uint32_t placer_strikes(struct agent_core *core, const struct store_row *row);
bool placer_strike(struct agent_core *core, struct store_row *row, struct strike_note *note);
bool placer_is_poison(struct agent_core *core, struct place_entry *e,
                      const struct store_view *view);
/* When a wish is given up (`deadline`, `start_timeout`), on our clock; its deadline has come; it
 * waits and is over time: then it is being written as dead. */
uint64_t placer_limit_ms(const struct agent_core *core, struct place_entry *e,
                         const struct store_row *row);
bool placer_is_late(const struct agent_core *core, struct place_entry *e,
                    const struct store_row *row);
bool placer_is_overdue(struct agent_core *core, struct place_entry *e,
                       const struct store_view *view);
/* The row waits, does not want to wait for a node like it asks for, and there is none: when that is
 * so (MUSTER_NEVER: it is not); then it is being written as dead; who waits is looked at again. */
uint64_t placer_none_ms(const struct agent_core *core, struct place_entry *e,
                        const struct store_row *row);
bool placer_is_nobodys(struct agent_core *core, struct place_entry *e,
                       const struct store_view *view);
void placer_none_again(struct agent_core *core);
/* A node died under it: counted; beyond the job's `max_moves` it becomes a dead one. */
bool placer_quarantine(struct agent_core *core, struct store_row *row, struct strike_note *note);
/* The run's node is gone, and cannot tell of it: the attempt is added, the death counted. */
struct lost_note {
    struct strike_note text;
    struct agent_attempts_wire attempts;
};
void placer_lost(struct agent_core *core, const struct place_entry *e, struct store_row *row,
                 struct lost_note *note);
/* More of its nodes have died within an hour than its `max_moves`: it is being written as dead. */
bool placer_is_quarantined(struct agent_core *core, struct place_entry *e,
                           const struct store_view *view);
/* This node is not asked for room in this round. */
void placer_refuse(struct agent_core *core, struct place_entry *e, struct muster_id node);
/* Its template does not want it to be placed, or nobody knows at the moment: it waits aside. */
bool placer_is_barred(struct agent_core *core, struct place_entry *e, const struct store_row *row);
/* True while a node's answer to an offer may still come; then the entry is looked at again. */
bool placer_is_offered(struct agent_core *core, struct place_entry *e);
/* Asks the best node for room; false when nobody may have it. */
/* The room asked for is not needed any more, or is counted by its node from here on. */
void placer_offer_forget(struct agent_core *core, struct place_entry *e);
bool placer_offer(struct agent_core *core, struct place_entry *e, const struct store_row *row);
/* Asks this very node. */
void placer_offer_to(struct agent_core *core, struct place_entry *e, const struct store_row *row,
                     struct agent_peer *p);
/* What runs leave (agent/left.h): a row of it is looked at, was chosen; those of this job are
 * looked at. */
void placer_left_look(struct agent_core *core, struct place_entry *e,
                      const struct store_view *view);
void placer_left_chosen(struct agent_core *core, const struct store_view *view);
void placer_left_sweep(struct agent_core *core, struct muster_bytes owner);
/* Permits (agent/permit.h): true when the run must have one before it may be placed, and waits for
 * it now; one that it has it does not need now, or not any more; it runs. */
bool placer_permit_waits(struct agent_core *core, struct place_entry *e,
                         const struct store_row *row);
void placer_permit_drop(struct agent_core *core, struct place_entry *e);
bool placer_permit_lacks(const struct place_entry *e);
void placer_permit_used(struct agent_core *core, struct place_entry *e);
void placer_permits_tick(struct agent_core *core);
/* Nobody takes one of its kind, as was seen a moment ago; somebody may by now. */
bool placer_is_hopeless(struct agent_core *core, struct place_entry *e,
                        const struct store_row *row);
void placer_fill_again(struct agent_core *core);
bool placer_has_candidate(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row);
/* That node has something that the run may not be beside: what; NULL: nothing that it told of. */
const char *placer_apart(const struct agent_core *core, uint64_t key_hash, struct muster_id node);
bool placer_apart_any(const struct agent_core *core, uint64_t key_hash);
void placer_apart_told(struct agent_core *core, const struct place_entry *e, struct muster_id node,
                       struct muster_bytes other);
/* Placed early (agent/placer_early.c): this may be written now; its answer or its election may yet
 * come; it has room, and waits for the election; the bucket is served. */
bool placer_early_may(const struct agent_core *core, const struct place_entry *e);
bool placer_early_waits(struct agent_core *core, struct place_entry *e);
bool placer_early_room(struct agent_core *core, struct place_entry *e, struct muster_id node);
void placer_early_served(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view);
void placer_place(struct agent_core *core, struct place_entry *e, struct muster_id node);
void placer_news_placed(struct agent_core *core, const struct place_entry *e,
                        const struct store_view *view);
/* Counted as dead once more it would be buried. */
bool placer_is_last_straw(struct agent_core *core, const struct store_row *row);
/* Leaves tickets for the runs that wait longest (R35). */
void placer_tickets(struct agent_core *core);
void placer_tickets_soon(struct agent_core *core);
void placer_tickets_back(struct agent_core *core, struct place_entry *e,
                         const struct store_row *row);
/* It was refused, and another node has invited it meanwhile: that one is asked. */
bool placer_invited_comes(struct agent_core *core, struct place_entry *e);

#endif
