/* Guard run: one known run, and the state that the files of agent/shell/guard share.
 *
 *     launched ──▶ linked ──news──▶ ended ──forget──▶ gone
 *     found    ──▶ looked at again and again until linked, ended or lost
 *
 * A run is freed when its end was told, it was forgotten, and none of its handles is open.
 *
 * units    milliseconds of the loop's clock
 * memory   one heap block for each run, texts included
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_GUARD_RUN_H
#define MUSTER_AGENT_SHELL_GUARD_RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/guard/protocol.h"
#include "agent/shell/guard.h"
#include "base/hash.h"

#define GUARD_REFILL_MS     20    /* after a launch: not while that one needs the processor */
#define GUARD_LOOK_MS       20    /* between two looks where a guard is starting or ending */
#define GUARD_OUTPUTS_MS    1000  /* between two turns of telling of outputs, */
#define GUARD_OUTPUTS_BYTES 65536 /* in each of which so much is told */
#define GUARD_HELLO_MS                                                                             \
    4000 /* a guard that does not greet for so long is stuck: its job ends with it */

struct shell_run {
    struct shell_guards *guards;
    uint32_t place; /* in the table */
    uint64_t handle;
    char id[GUARD_ID_LEN + 1];
    struct agent_guard_event event; /* identity, and the end once it is known */
    char job[AGENT_NAME_MAX + 1];
    char run[AGENT_RUN_MAX + 1];
    char text[AGENT_REASON_MAX];
    int fd; /* socket to the guard; -1 without one */
    int pid_fd;
    pid_t guard_pid; /* a child of this process; 0 for adopted ones */
    uv_poll_t link;
    uv_poll_t process;
    uv_work_t search; /* for strays */
    uint32_t open;    /* handles and work under way */
    bool is_found;    /* at boot, and not told of yet */
    bool is_settled;  /* what became of it is known, or its strays are being searched */
    bool is_due;      /* its end waits to be told */
    bool has_ended;   /* and was told */
    bool is_forgotten;
    bool has_output;      /* more of it, not told of yet */
    uint64_t hello_by_ms; /* of the loop's clock */
};

/* A guard that has its place and waits for a launch. */
struct shell_spare {
    int fd;    /* -1: there is none */
    pid_t pid; /* a child of this process */
    char id[GUARD_ID_LEN + 1];
};

struct shell_guards {
    struct shell_guards_config config;
    char runs_dir[GUARD_DIR_MAX + 1];
    char log_dir[GUARD_PATH_MAX];
    char guard_path[GUARD_PATH_MAX];
    char cgroup[GUARD_PATH_MAX]; /* "" without one */
    struct muster_map by_handle; /* to the place in `run` */
    struct shell_run *run[SHELL_GUARDS_MAX];
    uint32_t count;
    uint64_t last_id;
    struct shell_spare spare;
    uint64_t next_foreign;
    uint32_t found; /* runs with is_found: SCANNED waits for them */
    bool is_scanning;
    bool is_closing;
    uint32_t open; /* timers and work under way */
    uv_timer_t feed;
    uv_timer_t look;
    uv_timer_t due;    /* tells what became known inside a call */
    uv_timer_t refill; /* of the spare */
    uv_timer_t sweep;
    uv_work_t sweeping;
    bool is_sweeping;
    uint32_t sweeps;     /* begun or left out */
    bool has_new_output; /* since the last sweep */
    uv_timer_t outputs;  /* tells of the ends of outputs, at a modest pace */
    uint32_t output_at;  /* whose turn it is */
    char message[AGENT_LAUNCH_WIRE_MAX];
};

/* ---- guard.c */
uint64_t shell_guards_now_ms(void); /* CLOCK_BOOTTIME */

/* ---- guard_run.c */
struct shell_run *shell_run_add(struct shell_guards *g, uint64_t handle); /* NULL at the brim */
struct shell_run *shell_run_find(const struct shell_guards *g, uint64_t handle);
void shell_run_name(struct shell_run *r, const struct agent_guard_event *event);
void shell_run_path(const struct shell_run *r, const char *file, char *out); /* GUARD_PATH_MAX */

/* Tells news now; call it from the loop only. The run may be gone afterwards unless a handle is
 * open. */
void shell_run_tell(struct shell_run *r, enum agent_guard_news news);

/* Tells what became known inside calls, and SCANNED. */
void shell_guards_due(uv_timer_t *timer);

/* A found run has been told of, or was nothing: SCANNED may be due. */
void shell_run_unfind(struct shell_run *r);

/* Tells the end (r->event) in the loop's next turn. */
void shell_run_end_soon(struct shell_run *r);

/* Frees it if nothing needs it any more; removes its directory if it was forgotten. */
void shell_run_release(struct shell_run *r);

/* Removes a run directory with all that is in it. */
void shell_guards_clear(const struct shell_guards *g, const char *id);

/* Frees everything once it is closing and nothing is left open. */
void shell_guards_free(struct shell_guards *g);

/* ---- guard_left.c */
struct shell_left {
    void *data[AGENT_LEFT_KINDS];
};
/* What the run has left, for the news that carry it; held until it is freed. */
void shell_left_read(const struct shell_run *r, struct agent_guard_event *event,
                     struct shell_left *left);
void shell_left_free(struct shell_left *left);
/* The run has printed more: its end is told of when its turn comes. */
void shell_left_output(struct shell_run *r);
/* Writes a checkpoint where the guard of this id can take it; false with errno. */
bool shell_left_before(const struct shell_guards *g, const char *id, struct agent_left_bytes bytes,
                       char *path, size_t size);

/* ---- guard_link.c */
MUSTER_MUST_USE int shell_run_link(struct shell_run *r,
                                   int fd); /* watches it; owns it on success */
void shell_run_unlink(struct shell_run *r);
void shell_run_watch(struct shell_run *r); /* guard_pid, to reap it */
void shell_run_unwatch(struct shell_run *r);
void shell_run_send(struct shell_run *r, const char *order, uint64_t value);
/* No guard is left and no exit record: ends what may be left of the job, then tells `news`. */
void shell_run_lost(struct shell_run *r, enum agent_guard_news news);
/* Reads the exit record into r->event; false when there is none. */
bool shell_run_read_exit(struct shell_run *r);

/* ---- guard_scan.c */
void shell_guards_look(uv_timer_t *timer);

/* ---- guard_launch.c */
void shell_guards_refill(uv_timer_t *timer);
void shell_guards_spend(struct shell_guards *g); /* lets go of the spare */
void shell_guards_bury(struct shell_guards *g);  /* and it is gone when this returns */

/* ---- guard_spawn.c: starts a guard with `fd` as GUARD_FD. Its pid, or -1 and errno. */
pid_t shell_guard_spawn(const char *path, int fd);

#endif
