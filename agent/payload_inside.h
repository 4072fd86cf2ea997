/* Inside of payloads: their tables, and what their files share. Only agent/payload*.c include it.
 *
 * units    milliseconds, bytes
 * memory   owned by struct agent_payload
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_PAYLOAD_INSIDE_H
#define MUSTER_AGENT_PAYLOAD_INSIDE_H

#include "agent/payload.h"
#include "base/hash.h"

#define PAYLOAD_PULLS   256 /* known; */
#define PAYLOAD_ACTIVE  4   /* of them, those that ask for parts at once */
#define PAYLOAD_READS   256 /* parts that others wait for */
#define PAYLOAD_PUTS    64
#define PAYLOAD_GETS    64
#define PAYLOAD_KEEPING 64
#define PAYLOAD_SPARES  64 /* asked about at once */
#define PAYLOAD_SEATS   (2 * STORE_BENCH_MAX)
#define PAYLOAD_ASK_MS  3000  /* a part that has not come by then is asked of another */
#define PAYLOAD_KEEP_MS 1000  /* seats are asked so often */
#define PAYLOAD_SWEEP   10000 /* rows and files are compared so often */
#define PAYLOAD_NONE    UINT32_MAX

struct payload_file {
    bool is_used;
    bool is_kept; /* a row of ours wants it, by the last sweep */
    struct agent_payload_id id;
    uint64_t size;
    uint64_t wanted_ms; /* when it was of use last */
    uint64_t named_ms;  /* when a job named it, or may have: others kept its row; 0: new */
};

enum pull_state { PULL_WAITS, PULL_ASKED, PULL_WRITES, PULL_ENDS };

struct payload_pull {
    bool is_used;
    bool is_for_row; /* a seat of ours wants it */
    enum pull_state state;
    struct agent_payload_id id;
    uint64_t number; /* of the file that grows */
    uint64_t size, offset;
    struct muster_id from;  /* who is asked */
    struct muster_id hint;  /* who has it for sure, as we were told; zero: nobody */
    struct muster_id asker; /* the keeper that wants to hear; zero: none */
    uint64_t asker_until_ms;
    uint64_t read; /* the number of the question */
    uint64_t until_ms, retry_ms;
    uint32_t tried, rounds; /* sources in this round, and rounds that are over */
    int err;                /* of our own disk, as told last */
    char why[AGENT_REASON_MAX];
};

/* A part that another node waits for. */
struct payload_read {
    struct muster_id to;
    uint64_t number, local, offset;
    struct agent_payload_id id;
    uint32_t len;
    bool is_out; /* with the shell */
};

struct payload_put {
    bool is_used, is_asked;
    uint64_t client, number;
    struct agent_payload_id id;
    uint64_t size;
    uint64_t next_ms, until_ms, progress;
    uint32_t wait_ms;
    char why[2 * AGENT_REASON_MAX];
};

struct payload_get {
    bool is_used;
    uint64_t client, until_ms;
    struct agent_payload_id id;
};

struct payload_seat {
    struct muster_id node;
    bool has, was_told;
    uint64_t at; /* bytes it has so far */
    int err;
    char why[AGENT_REASON_MAX];
};

/* A payload that this keeper sees to: bytes to a quorum, then the row. */
struct payload_keeping {
    bool is_used;
    bool is_born; /* there was no such row before */
    struct agent_payload_id id;
    uint64_t size;
    struct muster_id source;
    uint64_t until_ms, sent_ms;
    uint64_t quorum_ms; /* since when a quorum has the bytes, */
    uint64_t row_ms;    /* and the row; 0: not yet */
    uint32_t seats;
    struct payload_seat seat[PAYLOAD_SEATS];
};

/* Bytes here that nobody here wants: they go when all who are to have them say that they do. */
struct payload_spare {
    bool is_used;
    uint64_t number; /* of the question to the keeper of its row; 0: answered */
    struct agent_payload_id id;
    uint32_t seats; /* that have not said yet that they have them */
    struct muster_id seat[PAYLOAD_SEATS];
};

#define PAYLOAD_NAMED 64
struct payload_naming {
    uint64_t begin_ms; /* of the next look at all rows */
    uint64_t go_on_ms; /* NEVER: none is under way */
    char after[STORE_KEY_MAX + 1];
    struct agent_payload_id told[PAYLOAD_NAMED]; /* in this look */
    uint32_t count;
};

struct agent_payload {
    struct payload_file *file;
    uint32_t files, files_size; /* none is used at this index or above */
    struct muster_map by_id;
    struct payload_pull pull[PAYLOAD_PULLS];
    uint32_t pulls; /* none is used at this index or above */
    struct payload_read read[PAYLOAD_READS];
    uint32_t reads; /* in the order in which they came */
    uint64_t read_ms;
    uint64_t read_left; /* bytes that may be read in this millisecond */
    /* Of each none was ever used at this index or above: what is not needed is not touched. */
    uint32_t puts, gets, keepings, spares;
    struct payload_put put[PAYLOAD_PUTS];
    struct payload_get get[PAYLOAD_GETS];
    struct payload_keeping keeping[PAYLOAD_KEEPING];
    struct payload_spare spare[PAYLOAD_SPARES];
    uint32_t spare_from; /* the file that the next look begins with */
    struct payload_naming naming;
    uint64_t sweep_ms;
    uint64_t deadline_ms; /* the next tick, which says when the one after it is */
};

/* Something has changed that time has a hand in. */
static inline void payload_wake(const struct agent_core *core)
{
    core->payload->deadline_ms = core->now.mono_ms;
}

/* ---- payload.c */
struct payload_file *payload_file(const struct agent_core *core, struct agent_payload_id id);
struct payload_file *payload_file_add(struct agent_core *core, struct agent_payload_id id,
                                      uint64_t size);
void payload_file_drop(struct agent_core *core, struct payload_file *f);
struct agent_payload_work *payload_work(struct agent_core *core, enum agent_payload_do what);
/* It is here, or there is more to say of why it is not: to whoever waits. */
void payload_came(struct agent_core *core, struct agent_payload_id id);
void payload_late(struct agent_core *core, const struct payload_pull *p);
bool payload_is_waited_for(const struct agent_core *core, struct agent_payload_id id);

/* ---- payload_pull.c */
struct payload_pull *payload_pull_make(struct agent_core *core, struct agent_payload_id id);
void payload_pull_wrote(struct agent_core *core, const struct agent_payload_news *news);
void payload_pull_finished(struct agent_core *core, const struct agent_payload_news *news);
void payload_pull_done(struct agent_core *core, struct agent_payload_id id);
void payload_pulls_tick(struct agent_core *core);
uint64_t payload_pulls_deadline(const struct agent_core *core);
void payload_id_write(struct muster_writer *w, struct agent_payload_id id);
bool payload_id_read(struct muster_reader *r, struct agent_payload_id *id);
void payload_read_done(struct agent_core *core, const struct agent_payload_news *news);

/* ---- payload_keep.c */
void payload_keep_send(struct agent_core *core, struct muster_id to, struct agent_payload_id id,
                       struct muster_id source);
void payload_kept_tell(struct agent_core *core, struct muster_id to, struct agent_payload_id id,
                       const struct payload_pull *p);
bool payload_row_drop(struct agent_core *core, const struct store_view *view);
void payload_keeping_tick(struct agent_core *core);
uint64_t payload_keeping_deadline(const struct agent_core *core);

/* ---- payload_sweep.c */
void payload_sweep(struct agent_core *core);
bool payload_file_is_idle(const struct agent_core *core, const struct payload_file *f);
void payload_naming_tick(struct agent_core *core);

/* ---- payload_spare.c */
void payload_spares_look(struct agent_core *core);
void payload_spare_serve(struct agent_core *core, const struct serve_ask *ask, uint32_t bucket);
void payload_spare_answered(struct agent_core *core, uint64_t number, const struct agent_reply *r);
void payload_spare_kept(struct agent_core *core, struct muster_id from, struct agent_payload_id id);

#endif
