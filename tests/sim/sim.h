/* Sim: a whole cluster in one thread from one seed: the product's nodes and codec unchanged, a
 * network, disks, guards and clients that are dreamt.
 *
 * units    milliseconds of simulated time
 * memory   everything is freed by sim_close; a run is bounded by its end time
 * errors   a broken promise calls sim_fail, which prints what, when and how to repeat it, and ends
 *          the process with exit code 1 (safety) or 2 (liveness)
 * threads  one
 */
#ifndef MUSTER_TESTS_SIM_SIM_H
#define MUSTER_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/node.h"
#include "agent/payload_id.h"
#include "base/hash.h"
#include "base/rng.h"
#include "store/bench.h"
#include "tests/sim/fault.h"
#include "tests/sim/queue.h"
#include "tests/sim/run.h"

#define SIM_NODES      10
#define SIM_PROCS      256
#define SIM_LINKS      512
#define SIM_JOBS       64
#define SIM_LEFT       384 /* rows beside jobs: what they said before */
#define SIM_CHILDREN   384 /* and ticks and copies of them */
#define SIM_BUCKETS    16
#define SIM_CUTS       16
#define SIM_CHUNK      256
#define SIM_BENCH_ROWS 16
#define SIM_PAGE_ROWS  32
#define SIM_SEATS      64
#define SIM_PAYLOADS   12   /* files of them on one disk, */
#define SIM_PUTS       3    /* and how many there are */
#define SIM_RATE_PPM   2500 /* fast or slow: two clocks differ by half a percent at the most */
#define SIM_WALL_BASE  1750000000000ull

enum sim_item_kind {
    SIM_STEP,   /* node event as it stands */
    SIM_TICK,   /* the node's own deadline */
    SIM_COMMIT, /* a batch reaches the disk */
    SIM_PUMP,   /* a link moves its frames */
    SIM_CALL    /* a step of a story or the swarm */
};

struct sim;

struct sim_item {
    uint64_t at;
    enum sim_item_kind kind;
    uint32_t node;
    uint64_t generation; /* of the node; UINT64_MAX: any */
    uint64_t number;
    struct agent_event event;
    struct agent_guard_event *guard;    /* owned */
    uint8_t *bytes;                     /* owned; what event.bytes points to */
    struct agent_payload_news *payload; /* owned */
    char *text;                         /* owned; what guard->job and guard->run point to */
    void (*call)(struct sim *s, uint64_t number);
};

/* ---- disks */
struct sim_record {
    uint8_t table;
    bool is_live;
    bool is_damaged;                /* a bit of it has flipped */
    struct muster_bytes key, value; /* owned */
};

struct sim_disk {
    struct sim_record *record;
    uint32_t count, size;
    uint32_t *spare; /* records that are free again */
    uint32_t spare_count, spare_size;
    struct muster_map map;      /* hash of table and key -> record */
    struct sim_record *pending; /* the batch under way, as operations */
    bool *pending_delete;
    uint32_t pending_count;
    uint64_t pending_number;
    bool has_pending;
    bool is_full;
    uint32_t slow_ms; /* a commit takes up to that much longer, */
    uint64_t slow_until;
};

/* ---- processes, with their guards: they outlive the agent */
struct sim_proc {
    bool is_used, is_live, is_ready, keep;
    bool is_exclusive; /* by the row that placed it */
    bool hangs;        /* it does not hear TERM */
    bool is_orphan;    /* its agent has gone, and it does not go on without one */
    bool waits;        /* its agent makes room for another */
    bool is_lost;      /* its guard was killed and left no record */
    bool by_guard;
    uint64_t handle; /* the agent's; 0 after it has died */
    char job[32];
    uint64_t token;
    uint32_t attempt, needs, span;
    int32_t pid, code, signal;
    uint64_t started_ms, ended_ms;
    uint64_t paused_until; /* its guard: does nothing before */
    uint64_t stop_at, look_at;
    uint64_t greets_by; /* how long its agent waits for its greeting */
    uint64_t lease_ms;  /* by the machine's clock; 0: none */
    uint64_t dead_man_ms;
    uint32_t shy; /* the node where it is never ready, + 1; 0: none */
    uint32_t ready_timeout_ms;
};

/* A file of a payload, whole or growing. */
struct sim_payload {
    bool is_used, is_whole;
    bool is_bad;     /* it has not the bytes that it should have */
    uint64_t number; /* of one that grows */
    struct agent_payload_id id;
    uint64_t size;
};

/* One that a person has put. */
struct sim_put {
    struct agent_payload_id id;
    uint64_t size; /* 0: not put yet */
    uint64_t request, generation;
    uint32_t asked; /* the node */
    bool is_acked;
    /* Since it was asked for, a bench that was chosen had it by a quorum and has been changed. */
    bool was_kept;
    /* Disks that had it and were lost. A keeper counts who has said so for as long as it is asked,
     * by this client or by the one before. */
    uint32_t burned;
};

/* A bucket's record, as it stands on a disk. */
struct sim_bucket {
    uint16_t seat;
    uint64_t promised, bench_version;
    struct store_bench bench;
};

struct sim_node {
    struct agent_node *node;
    struct muster_id id;
    struct muster_addr addr;
    bool is_wiped; /* once at the most */
    uint64_t up_since;
    bool is_leaving;  /* asked to end */
    bool stays_down;  /* and then nobody starts it again */
    bool is_foreign;  /* its agent would not start from this folder again */
    bool is_restored; /* it starts from an image of its disk, */
    bool is_clone;    /* or of another's, which goes on: its own counts for nothing */
    const char *name; /* NULL: n and its number */
    bool is_up, is_paused, is_silent; /* silent: its host does not even refuse */
    uint64_t generation, boot;
    uint64_t tick_at, tick_for; /* armed for then, or for sooner: the node's own deadline */
    uint64_t paused_at;
    bool is_asleep;              /* its whole machine: agent, guards and processes */
    uint64_t epoch, mono_offset; /* when its machine started, and what its clock said then */
    int32_t rate_ppm;
    int64_t wall_offset;
    uint64_t unfed_since; /* nobody feeds its guards; MUSTER_NEVER: somebody does */
    uint32_t slots;
    const char *tags; /* NULL: none */
    struct muster_id cluster;
    struct sim_disk disk;
    struct sim_bucket bucket[SIM_BUCKETS];
    uint16_t sits[SIM_BUCKETS];   /* its seats as it knows them, */
    uint64_t memory[SIM_BUCKETS]; /* and digests, as rows in memory were looked at last, */
    uint64_t knew_in, knew_changes, knew_choices; /* when all rows were known last (I3) */
    uint32_t knew_serves;                         /* of the buckets that it served */
    uint64_t looked;  /* when its rows had changed so often; UINT64_MAX: never yet */
    uint32_t written; /* a bit for each bucket whose records have changed since it was looked at */
    struct sim_payload payload[SIM_PAYLOADS];
    struct sim_proc proc[SIM_PROCS];
    uint32_t procs;         /* none is used at this index or above */
    uint32_t live;          /* processes */
    struct sim_item *inbox; /* what arrived while paused */
    uint32_t inbox_count, inbox_size;
    struct {
        uint64_t reign, bench;
        enum store_role role;
    } shown[SIM_BUCKETS]; /* as the trace has printed them */
};

/* ---- the network */
struct sim_frame {
    uint64_t ready;
    uint8_t *bytes;
    size_t len;
};

struct sim_end {
    uint32_t node;
    uint64_t generation;
    uint32_t number;
    bool is_closed; /* it has been told, or closed it itself */
    uint64_t ready; /* of the last frame */
    struct sim_frame *queue;
    uint32_t head, count, size;
};

struct sim_link {
    bool is_used;
    bool is_closing, is_retrying;
    uint64_t cut_since;
    struct sim_end end[2]; /* end[i].queue: frames on their way to end i */
};

/* Nodes that do not hear one another, for a while. */
struct sim_cut {
    bool is_used;
    uint32_t flaps;         /* the node that comes and goes, + 1 */
    uint32_t to[SIM_NODES]; /* what each cannot reach */
};

struct sim_faults {
    uint8_t loss[SIM_NODES][SIM_NODES];         /* percent of datagrams, from and to */
    uint32_t dup_percent, reorder_percent;      /* datagrams */
    uint32_t delay_ms;                          /* at the most, each way */
    uint32_t spike_per_mille, spike_ms;         /* now and then much more */
    uint32_t commit_ms;                         /* at the most */
    uint32_t eio_per_mille, eio_done_per_mille; /* of commits: refused; refused and yet done */
};

/* ---- what clients were promised */
struct sim_job {
    char name[80];
    uint32_t bucket;
    bool is_acked, is_deleted_acked, is_delete_tried; /* of this life of the name */
    bool is_anew;    /* it was made, and lost before that was answered: it is to be put anew */
    uint64_t unseen; /* a life of which its keeper, who had lost it, found nothing to delete */
    bool is_update;  /* the question under way */
    bool is_exclusive;
    bool is_light;           /* the newest chosen version is kept in memory alone */
    bool is_forgotten;       /* it was so, and is given up for lost */
    uint32_t lives, deletes; /* earlier lives; tries to end this one */
    uint64_t deleted_at;
    uint64_t token_max;             /* that an exclusive run has started with */
    uint64_t token_dead;            /* tokens up to it belong to earlier lives */
    uint64_t uid_dead, uid_dead_at; /* the last life that ended, and by which version */
    uint32_t newest;                /* write: index + 1 */
    uint64_t chosen;                /* highest version that a quorum has had */
    bool chosen_gone;               /* it is a tombstone */
    uint64_t token_row;             /* in any chosen version: they only rise (R43) */
    uint64_t request;               /* under way: 0 none */
    uint64_t id;                    /* the client's, for the same request again (R19) */
    uint32_t asked;                 /* the node that is to answer */
    uint64_t asked_at, unsure_until, unsure_before;
    enum agent_op op;
    uint64_t uid;  /* of the newest life that was chosen */
    uint32_t spec; /* how often it was changed */
    uint32_t cap;  /* max_running of the one group there is; 0: it is not of it */
    bool has_run;  /* by the highest chosen version */
    /* by that, the token of a second run (handoff: start-stop; 0: there is none), and of the one
     * beside it; and up to which one tombstones were purged, which counts also when one is back */
    uint64_t second, first, purged;
};

/* A version of a job's row, and the seats on whose disks it has stood. */
struct sim_write {
    uint64_t version, token, uid, hash;
    uint64_t second;                  /* the token of a second run; 0: it has none */
    bool has_heir;                    /* and that may start */
    uint64_t request[STORE_REQUESTS]; /* the clients' ids it remembers */
    uint32_t job, bucket;
    uint32_t older; /* of the same job: index + 1 */
    enum store_phase phase;
    bool is_chosen, is_purged;
    bool is_exclusive;          /* what its run is */
    bool is_light;              /* not for disks: where it stands it is in memory */
    bool was_chosen;            /* itself or as an earlier version, in one step with this one */
    uint32_t memory;            /* a bit for each node that has it there alone */
    uint32_t disks;             /* a bit for each that has it, or has burned with it */
    uint16_t seat[SIM_NODES];   /* 0: never there, or wiped since */
    uint16_t burned[SIM_NODES]; /* the seat whose disk burned with it, 0: none */
};

/* The bench rows of a bucket, as disks have had them. */
struct sim_bench_row {
    uint64_t version;
    struct store_bench bench;
    uint32_t had; /* members on whose disk it has stood */
    bool is_chosen;
};

struct sim_chain {
    struct sim_bench_row row[SIM_BENCH_ROWS]; /* the newest */
    uint64_t version;                         /* of the newest chosen one */
    struct store_bench bench;
    struct muster_id owner[SIM_SEATS];
};

/* The last page of rows that was sent to a node for a bucket. */
struct sim_page {
    bool is_closed;
    uint32_t count;
    uint64_t reign, number, version[SIM_PAGE_ROWS]; /* of the first rows of it */
};

struct sim_token {
    uint64_t token;
    uint32_t job, node, attempt;
    bool is_right, is_started, is_claimed;
};

/* A token that a node has said it will never start (R28). */
#define SIM_GONE 256
struct sim_gone {
    uint32_t node;
    uint64_t key_hash, token;
};

struct sim {
    uint64_t seed, now;
    struct muster_rng rng;
    struct sim_run run;
    uint64_t mix; /* a bit for each kind of fault that is in it */
    uint32_t mood;
    bool is_storm;
    uint32_t jobs_max, exclusive_percent;
    struct muster_rng luck[SIM_FAULTS];
    uint64_t fault_count[SIM_FAULTS];
    bool trace;
    const char *what;                /* story or swarm, for the line that repeats it */
    bool is_majority;                /* the cluster's setting (R45) */
    enum agent_config_profile times; /* likewise (R58) */
    bool is_packed;                  /* gossip packs what it sends */
    struct agent_zone_source zones;  /* UTC alone where a story brings no other */
    uint32_t strikes_max;            /* 0 where nodes die of other causes than their jobs (R34) */
    struct sim_queue queue;          /* of items by their numbers: */
    struct sim_item **chunk;         /* SIM_CHUNK in each, and they stay where they are */
    uint32_t items, chunks, *item_spare, item_spares;
    struct sim_node node[SIM_NODES];
    uint32_t nodes, buckets, ring_bits;
    struct sim_link link[SIM_LINKS];
    uint32_t links;             /* never used above */
    struct muster_map link_map; /* hash of node and number -> link and side */
    uint16_t cut[SIM_NODES];    /* from: a bit for each that does not hear it */
    struct sim_cut cuts_now[SIM_CUTS];
    uint64_t healed_at;
    struct sim_faults faults;
    struct sim_gone gone[SIM_GONE]; /* a ring */
    uint32_t gones;
    /* Behind those that people have made: what is left beside them, and their ticks and copies. */
    struct sim_job job[SIM_JOBS + SIM_LEFT + SIM_CHILDREN];
    uint32_t jobs, lefts, children;
    struct sim_put payload[SIM_PUTS];
    struct sim_token *token;
    uint32_t tokens, tokens_size;
    struct sim_write *write;
    uint32_t writes, writes_size;
    uint32_t *open[SIM_BUCKETS]; /* writes that are not chosen */
    uint32_t open_count[SIM_BUCKETS], open_size[SIM_BUCKETS];
    struct sim_chain chain[SIM_BUCKETS];
    uint64_t died_in[SIM_BUCKETS];        /* the highest reign that one had promised who has died */
    bool has_light;                       /* somebody has asked for rows that no disk is to have */
    uint64_t disturbed_at;                /* a cut, or a node that is down or paused */
    uint64_t spiked_until, stopped_until; /* by then a spike is over, and every guard goes on */
    uint64_t unfair_at; /* that, or weather and disks that cost a quorum its answers */
    /* Since when a job runs twice; 0: it does not. */
    uint64_t doubled_at[SIM_JOBS + SIM_LEFT + SIM_CHILDREN];
    uint64_t choices;   /* how often a job got a newer chosen version */
    uint32_t judge_due; /* buckets whose disks have changed */
    uint32_t next_stream, next_link, next_pid;
    uint64_t next_request, next_handle;
    struct {
        uint64_t number;
        uint32_t from, stream;
        uint64_t generation;
    } stream[256];
    struct {
        bool is_on;
        uint32_t from, to, kind;
        uint8_t *bytes; /* owned */
        size_t len;
    } echo; /* a frame that is to come once more */
    struct {
        struct muster_id id;
        uint64_t request;
        bool is_wanted;
    } oath;                            /* that a person wants to swear */
    struct muster_id sworn[SIM_NODES]; /* disks that are gone by oath (R49) */
    uint32_t sworns;
    struct {
        struct sim_node disk;
        struct muster_id id;
        uint32_t node;
        uint64_t boot; /* 0: there is none */
    } image;
    struct sim_page page[SIM_NODES][SIM_BUCKETS];
    uint64_t hash; /* of everything that happened */
    uint64_t steps, starts, acks, wipes, turns;
    char text[200]; /* what is not at rest */
    int last_err;   /* of the last reply */
    char last_message[200];
    uint64_t last_reply; /* its request number */
};

void sim_open(struct sim *s, uint64_t seed, const char *what, uint32_t nodes, uint32_t slots);
void sim_close(struct sim *s);
_Noreturn void sim_fail(struct sim *s, int code, const char *format, ...) MUSTER_PRINTF(3, 4);
void sim_log(struct sim *s, const char *format, ...) MUSTER_PRINTF(2, 3);

void sim_at(struct sim *s, uint64_t at, struct sim_item item); /* takes what it owns */
struct sim_item *sim_put_at(struct sim *s, uint64_t at); /* zero but its time, to be filled in */
void sim_call(struct sim *s, uint64_t in_ms, void (*call)(struct sim *s, uint64_t), uint64_t n);
void sim_until(struct sim *s, uint64_t end);
void sim_run_for(struct sim *s, uint64_t ms);
/* Runs until the fact holds, at most `ms`; fails as liveness otherwise. */
void sim_await(struct sim *s, uint64_t ms, bool (*fact)(struct sim *s), const char *what);

void sim_step(struct sim *s, uint32_t node, const struct agent_event *event);
/* As if it had come off the queue: stepped, kept for a node that is paused, or void. */
void sim_deliver(struct sim *s, uint32_t node, uint64_t generation,
                 const struct agent_event *event);
void sim_perform_all(struct sim *s, uint32_t node); /* what its last step wants */
void sim_tick_arm(struct sim *s, uint32_t node);
void sim_item_free(struct sim_item *i);
void sim_items_close(struct sim *s);

/* ---- world.c */
void sim_machine(struct sim *s, uint32_t node, uint32_t slots); /* all but its disk */
const char *sim_name(const struct sim *s, uint32_t node);
void sim_boot(struct sim *s, uint32_t node);
/* Another program takes its agent's place, with every job alive, and serves after that time. */
void sim_renew(struct sim *s, uint32_t node, uint32_t gap_ms);
void sim_crash(struct sim *s, uint32_t node, bool silent);
void sim_pause(struct sim *s, uint32_t node);
void sim_resume(struct sim *s, uint32_t node);
void sim_sleep(struct sim *s, uint32_t node); /* the whole machine, as a laptop's lid closes */
void sim_wake(struct sim *s, uint32_t node);
void sim_wipe(struct sim *s, uint32_t node);   /* while down: a new disk, a new node */
void sim_flap(struct sim *s, uint64_t what);   /* node, and milliseconds << 8: cut off */
void sim_hiccup(struct sim *s, uint64_t what); /* likewise: its loop is late */

/* ---- people.c */
/* Every job, or those whose names begin so: "hold" or "release". */
void sim_hold_all(struct sim *s, uint32_t node, const char *verb, const char *prefix);
bool sim_holds_any(const struct sim *s, uint32_t node); /* as this node knows */
void sim_exits(struct sim *s, uint32_t node, int err);  /* its agent has ended by itself */
void sim_leave(struct sim *s, uint32_t node);           /* and is asked to */
void sim_oath(struct sim *s, struct muster_id id, uint32_t in_ms); /* that its disk is gone */
bool sim_boot_is_known(const struct sim *s, uint32_t node);
void sim_image_take(struct sim *s, uint32_t node);
void sim_image_onto(struct sim *s, uint32_t node);
uint32_t sim_image_clone(struct sim *s, bool same_name); /* onto another, which it returns */

/* ---- clock.c: true time and what the clocks of a node say. */
void sim_clock_begins(struct sim *s, uint32_t node);
struct muster_now sim_now(const struct sim *s, uint32_t node);
uint64_t sim_mono(const struct sim *s, uint32_t node);
uint64_t sim_mono_at(const struct sim *s, uint32_t node, uint64_t true_ms);
uint64_t sim_true(const struct sim *s, uint32_t node, uint64_t mono_ms); /* never before now */

/* ---- client.c. Returns the request's number; the reply is in last_* when it has come. */
uint64_t sim_put(struct sim *s, uint32_t node, const char *name, const char *spec);
uint64_t sim_put_again(struct sim *s, uint32_t node, const char *name, const char *spec);
uint64_t sim_update(struct sim *s, uint32_t node, const char *name, const char *spec);
uint64_t sim_delete_again(struct sim *s, uint32_t node, const char *name);
/* A run of a template, for a key; its answer changes nothing but last_reply and what follows it. */
uint64_t sim_trigger(struct sim *s, uint32_t node, const char *job, const char *key);
/* A job out of a backup (agent/restore.h); its answer likewise. */
uint64_t sim_restore(struct sim *s, uint32_t node, const char *job, struct muster_bytes spec);
void sim_drain(struct sim *s, uint32_t node, bool cancel);
void sim_drain_within(struct sim *s, uint32_t node, uint64_t deadline_ms);
uint64_t sim_op(struct sim *s, uint32_t node, enum agent_op op, const char *name);
struct sim_job *sim_job_find(struct sim *s, const char *name);
/* Of those that may run: what people have made, and the ticks and copies of that. */
uint32_t sim_jobs_all(const struct sim *s);
struct sim_job *sim_job_at(struct sim *s, uint32_t index);
struct sim_job *sim_job_parent(struct sim *s, const struct sim_job *j); /* NULL: it has none */
void sim_replied(struct sim *s, const struct agent_effect *e);
void sim_clients_look(struct sim *s);
bool sim_clients_wait(const struct sim *s); /* somebody has no final answer yet */

/* ---- net.c */
void sim_net_perform(struct sim *s, uint32_t node, const struct agent_effect *e);
void sim_net_open(struct sim *s);
void sim_net_pump(struct sim *s, uint32_t link, bool is_retry);
void sim_net_crash(struct sim *s, uint32_t node, bool silent);
void sim_net_close(struct sim *s);
bool sim_is_cut(const struct sim *s, uint32_t from, uint32_t to);
void sim_cut(struct sim *s, uint32_t a, uint32_t b, bool both);
void sim_cut_apply(struct sim *s, uint32_t cut, const char *what); /* one of cuts_now begins */
void sim_uncut(struct sim *s, uint32_t cut);                       /* and ends */
void sim_heal(struct sim *s);
bool sim_net_echo(struct sim *s); /* what s->echo has kept comes again; false: no link */
bool sim_net_reset(struct sim *s, uint32_t luck); /* some link; false: there is none */

/* ---- disk.c */
void sim_disk_begin(struct sim *s, uint32_t node, const struct store_disk_batch *b);
void sim_disk_apply(struct sim *s, uint32_t node);
void sim_disk_drop(struct sim_node *n);
void sim_disk_wipe(struct sim_node *n);
void sim_disk_copy(const struct sim_node *n, struct sim_node *copy); /* onto an empty one */
bool sim_disk_flip(struct sim *s, uint32_t node, uint64_t luck); /* a bit of a record, while down */
void sim_disk_done(struct sim *s, uint32_t node, uint64_t number);
void sim_disk_load(struct sim_node *n);
bool sim_disk_read(const struct sim_node *n, enum store_table t, struct muster_bytes key,
                   struct muster_bytes *value);
bool sim_disk_get(const struct sim_node *n, enum store_table t, const char *key,
                  struct muster_bytes *value);
void sim_disk_put(struct sim_node *n, enum store_table t, const char *key, const char *value);

/* ---- proc.c */
void sim_proc_perform(struct sim *s, uint32_t node, const struct agent_effect *e);
void sim_proc_guards_wait(struct sim *s, uint32_t node); /* for the next agent */
void sim_proc_agent_died(struct sim *s, uint32_t node);
void sim_proc_machine_died(struct sim *s, uint32_t node);
void sim_proc_scan(struct sim *s, uint32_t node);
void sim_proc_fed(struct sim *s, uint32_t node, bool is_fed);
bool sim_proc_guard_dies(struct sim *s, uint32_t node, uint32_t luck);
bool sim_proc_guard_pauses(struct sim *s, uint32_t node, uint32_t luck, uint64_t ms);
void sim_proc_guards_pause(struct sim *s, uint32_t node, uint64_t ms);
void sim_proc_guards_sleep(struct sim *s, uint32_t node);
void sim_proc_guards_wake(struct sim *s, uint32_t node);
bool sim_proc_is_wanted(const struct sim_proc *p); /* live, and not told to end */
uint32_t sim_proc_wanted(const struct sim *s, const char *job);
/* Those of them that the job's row does not allow beside one another: it names one run, or two
 * while one is handed over to the other. */
uint32_t sim_proc_doubled(const struct sim *s, const struct sim_job *j);
uint32_t sim_proc_live(const struct sim *s, const char *job, uint32_t *node, uint64_t *token);

/* ---- payload.c */
void sim_payload_config(struct agent_node_config *c);
void sim_payload_perform(struct sim *s, uint32_t node, const struct agent_payload_work *w);
void sim_payload_scan(struct sim *s, uint32_t node);
void sim_payload_wipe(struct sim *s, uint32_t node);
/* The bench of this bucket that was chosen last is about to be another. */
void sim_payload_bench(struct sim *s, uint32_t bucket);
bool sim_payload_is_at(const struct sim *s, uint32_t node, uint32_t which); /* on its disk, whole */
uint32_t sim_payload_bucket(const struct sim *s, uint32_t which);
const char *sim_payload_name(const struct sim *s, uint32_t which, char out[AGENT_PAYLOAD_TEXT]);
void sim_payload_put(struct sim *s, uint32_t node, uint32_t which, uint64_t size);
void sim_payload_replied(struct sim *s, const struct agent_effect *e);
void sim_payloads_look(struct sim *s, uint32_t node);
bool sim_payloads_wait(const struct sim *s);
const char *sim_payload_unrest(const struct sim *s);
bool sim_payloads_can_lose(const struct sim *s);

/* ---- truth.c */
/* One operation of a batch has reached a disk: `value` empty for a deletion, `before` empty when
 * there was nothing; `seats` as they were before the batch. */
void sim_truth_op(struct sim *s, uint32_t node, uint8_t table, struct muster_bytes key,
                  struct muster_bytes value, struct muster_bytes before, const uint16_t *seats);
void sim_truth_judge(struct sim *s); /* after every batch: what is chosen now */
/* A quorum of the bucket's disks has promised a later reign. */
/* A version of a row stands there; or not any more, and was counted with. */
struct sim_write *sim_truth_had(struct sim *s, uint32_t node, uint32_t bucket, uint16_t seat,
                                uint64_t version, const struct store_row *row,
                                struct muster_bytes bytes);
void sim_truth_burn(struct sim_write *w, uint32_t node);
/* Rows that no disk is to have: what this node holds of them now, and that it has died. */
void sim_truth_memory(struct sim *s, uint32_t node);
void sim_truth_died(struct sim *s, uint32_t node);
/* It is kept in memory alone, and of its bench somebody has died since that reign began. */
bool sim_truth_may_forget(const struct sim *s, const struct sim_job *j);
bool sim_truth_outranked(const struct sim *s, uint32_t bucket, uint64_t reign);
uint32_t sim_truth_bucket(struct muster_bytes key); /* of a record's key */
bool sim_truth_is_tombstone(struct muster_bytes record);
void sim_truth_wiped(struct sim *s, uint32_t node);
void sim_truth_restored(struct sim *s, uint32_t node); /* what it holds counts for nobody */
/* A record of it was damaged: what stood there no longer does. */
void sim_truth_flipped(struct sim *s, uint32_t node, uint8_t table, struct muster_bytes key,
                       struct muster_bytes value);
/* This version, or a later one of its row, stands on the node's disk, or was purged. */
bool sim_truth_stands(const struct sim *s, uint32_t node, uint32_t bucket, uint64_t version);
bool sim_truth_may_start(struct sim *s, uint32_t job, uint64_t token);
bool sim_truth_is_exclusive(struct sim *s, const struct sim_proc *p);
/* On how many disks a client's request has stood; 0 when no version with it was ever chosen. */
bool sim_truth_can_lose(const struct sim *s); /* every bench can do without one disk */
bool sim_truth_is_sworn(const struct sim *s, struct muster_id id); /* an oath was sworn for it */
bool sim_truth_can_forget(const struct sim *s, uint32_t node);
uint32_t sim_truth_copies(struct sim *s, uint32_t job, uint64_t request);

/* ---- check.c */
void sim_check_started(struct sim *s, uint32_t node, const struct sim_proc *p);
void sim_check_turn(struct sim *s, uint32_t node, const struct agent_event *event);
void sim_check_trace(struct sim *s, uint32_t node); /* prints what changed in its buckets */
void sim_check_often(struct sim *s);                /* each turn of the swarm */
void sim_check_all(struct sim *s);
bool sim_at_rest(struct sim *s);    /* quiet: prints nothing */
void sim_check_rest(struct sim *s); /* fails with what is not at rest */

/* ---- probe.c (base/probe.h); without MODE=probe its options are refused */
int sim_probe_options(int argc, char **argv); /* takes its own away, returns how many are left */
int sim_probe_end(int code);                  /* the exit code: 3 when a mark was never passed */
bool sim_probe_is_planted(void);
/* A night of so many seeds must pass every mark, with its stories: what is missed is said at the
 * end, and the exit code is 3. False in a build without marks. */
bool sim_probe_night(uint64_t seeds);
void sim_probe_dream(uint64_t seed);

/* ---- story.c */
int sim_story(const char *name, bool trace); /* NULL: all; returns how many ran, -1 unknown name */

#endif
