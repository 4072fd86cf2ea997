/* Inside of family: its entries, and what its files share. Only agent/family*.c include it.
 *
 * units    milliseconds; ticks are wall time
 * memory   owned by struct agent_family; rows of a look borrow from the store until they are
 *          written
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_FAMILY_INSIDE_H
#define MUSTER_AGENT_FAMILY_INSIDE_H

#include "agent/family.h"
#include "agent/run_name.h"
#include "agent/schedule.h"
#include "base/hash.h"
#include "base/heap.h"

#define FAMILY_JOBS    8
#define FAMILY_ROWS    8   /* of one write */
#define FAMILY_LOOKS   256 /* of one step */
#define FAMILY_TURN_MS 1000
#define FAMILY_CHAIN   64 /* jobs that follow one another and are looked at for a circle */
#define FAMILY_QUEUED  "waits for the run before it"

/* The question that is under way, or the next one. */
enum family_stage { FAMILY_OF_JOB, FAMILY_OF_RUNS_NEXT, FAMILY_OF_RUNS };

/* The ends of the job that another waits for, as last told. */
struct family_ends {
    uint32_t asked;              /* how often: the number of the last question */
    uint64_t ask_ms;             /* not asked again before */
    uint64_t asked_since, since; /* of the question, and of the answer */
    uint64_t end_wall_ms;        /* 0: none yet */
    bool is_template;            /* then all its runs are asked for, behind the question for it */
    enum family_stage stage;
    bool is_at_rest; /* none of them waits or goes on, and these are the latest ends */
    uint64_t ok_wall_ms, fail_wall_ms;
    char state[48]; /* of that job; "": not told yet */
};

struct family_entry {
    struct family_ends ends;
    bool is_used;
    bool is_each; /* members that come and go concern it */
    uint32_t bucket, next_free;
    uint64_t hash;
    uint64_t life; /* the job's, before which no row beside it was born; 0: not known */
    char key[STORE_KEY_MAX + 1];
};

/* What one look at a job wants written, in one transaction. */
struct family_look {
    struct muster_bytes job_key;
    struct family_entry *entry;
    uint32_t count;
    struct store_row row[FAMILY_ROWS];
    struct store_write write[FAMILY_ROWS];
    char key[FAMILY_ROWS][STORE_KEY_MAX + 1]; /* of rows that are new */
    uint64_t wake_wall_ms; /* look again then; MUSTER_NEVER: when something changes */
    const char *news_type;
    char news[160];
};

/* A job as its row was read last: it is looked at with every row beside it that changes. */
struct family_job {
    char key[STORE_KEY_MAX + 1]; /* "": none */
    uint64_t version;
    struct agent_job job;
};

struct agent_family {
    struct family_entry *entry;
    uint32_t high, capacity, first_free; /* index + 1; 0: none */
    struct muster_map map;               /* hash of a job's name -> entry */
    struct muster_arena arena;
    struct muster_heap timer; /* when to look at an entry again */
    struct family_look look;
    struct family_job job[FAMILY_JOBS]; /* by hash */
    bool *may;                          /* by ring number: for the question of one node */
};

bool family_is_child(struct muster_bytes key);
/* The row beside this job that comes after that key (empty: the first one) and is no tombstone. */
bool family_child_after(struct agent_core *core, struct muster_bytes job, struct muster_bytes after,
                        struct store_view *view);

bool family_is_full(const struct family_look *l);
void family_row_add(struct family_look *l, const struct store_row *row, uint64_t expected,
                    bool births);
void family_row_end(struct agent_core *core, struct family_look *l, const struct store_view *view);
/* Adds every copy of that tick (0: of none) that is not there yet; false when the look is full. */
bool family_children_add(struct agent_core *core, struct family_look *l,
                         const struct store_row *row, const struct agent_job *job,
                         uint64_t tick_wall_ms, bool is_queued);

void family_spread(struct agent_core *core, struct family_look *l, const struct store_view *view,
                   const struct agent_job *job);
void family_clock(struct agent_core *core, struct family_look *l, const struct store_view *view,
                  const struct agent_job *job);

/* A job that starts after another: what is to be decided, if its keeper has told of an end; since
 * when ends count; and what it waits for, in words (`e` NULL: not our bucket). */
void family_after_plan(struct agent_core *core, struct family_look *l, const struct store_row *row,
                       const struct agent_job *job, struct agent_plan *plan);
uint64_t family_after_since(const struct store_row *row);
void family_after_text(const struct agent_job *job, const struct family_entry *e, char *out,
                       size_t size);
const struct family_entry *family_entry_of(const struct agent_family *t, struct muster_bytes job);

/* How far a change of the job has come among its copies. */
struct family_turn {
    uint32_t old, all;               /* copies that run as before it, and all there are */
    char next[STORE_KEY_MAX + 1];    /* whose turn is next; "": nobody's */
    char blocker[STORE_KEY_MAX + 1]; /* who is to be ready first; "": nobody */
};
struct family_turn family_turn(struct agent_core *core, const struct store_row *job);
/* That copy was made or changed before the job was, last. */
bool family_begins(const struct store_row *job, const struct store_row *copy);
/* It may become what the job is now; one that runs when its turn has come. */
bool family_may_begin(const struct family_turn *turn, const struct store_row *job,
                      const struct store_row *copy);
/* What a change that is under way waits for, for people; false: none is under way. */
bool family_roll_text(struct agent_core *core, const struct store_row *job, char *out, size_t size);

/* True while a run of that row may go on or is to come. */
bool family_is_live(const struct store_row *row);

#endif
