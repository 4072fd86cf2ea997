/* Guards: the agent's side of its muster-guard processes, from launch to the exit that is on
 * record.
 *
 * Every attempt of a run is one guard. The agent starts it, feeds it twice a second (R52), passes
 * on orders and hears its news. At boot it finds the guards an earlier agent left behind, by their
 * run directories and sockets and never by a pid (R46).
 *
 * News come through on_event, from the loop, never from inside a call to this module; a callback
 * may call anything here but shell_guards_close. After EXITED, FAILED or LOST the handle stays
 * known until shell_guards_forget, because the exit record stays on disk until then (R50).
 *
 * Nothing here waits: a guard makes its own directory and files. What the loop pays for a launch is
 * a vfork and a message.
 *
 * units    milliseconds
 * memory   one small block for each known run; everything passed in is copied
 * errors   shell_guards_open may refuse; later trouble becomes news about the run it hits
 * threads  the loop's only; the search for strays of a killed guard visits a worker
 * source   R28, R46, R50, R52, R57
 */
#ifndef MUSTER_AGENT_SHELL_GUARD_H
#define MUSTER_AGENT_SHELL_GUARD_H

#include <uv.h>

#include "agent/launch.h"
#include "base/err.h"

#define SHELL_GUARDS_MAX    16384 /* runs known at once */
#define SHELL_GUARD_FEED_MS 500
#define SHELL_GUARD_FOREIGN (UINT64_C(1) << 63) /* handles given here to runs found at boot */

struct shell_guards;

struct shell_guards_config {
    uv_loop_t *loop;
    /* Run directories are made in run_dir/runs. A reboot should empty it, users whose jobs notify
     * must be able to pass through it, and as a whole path it has at most 78 bytes, so that sockets
     * fit in. */
    const char *run_dir;
    const char *log_dir;    /* output files: log_dir/JOB/…, see agent/shell/logs.h */
    const char *guard_path; /* the executable */
    /* A directory of a cgroup v2 tree to make runs' cgroups in; NULL: "muster" at the top of that
     * tree, if there is one; "": none. */
    const char *cgroup;
    uint64_t log_total_max; /* bytes of all output files together; 0: 1 GiB */
    void *context;
    void (*on_event)(void *context, const struct agent_guard_event *event);
};

/* Makes the folders. MUSTER_ELIMIT: a path is too long; MUSTER_EIO: a folder cannot be made. */
MUSTER_MUST_USE int shell_guards_open(struct shell_guards **g,
                                      const struct shell_guards_config *config);

/* Boot, before any launch: looks at every run directory. ADOPTED, EXITED, FAILED or LOST follow for
 * each that says something, then SCANNED. */
void shell_guards_scan(struct shell_guards *g);

/* The handle must not be known, and fewer than SHELL_GUARDS_MAX are: the caller has its own maximum
 * of runs, below that. STARTED or FAILED follows. */
void shell_guards_launch(struct shell_guards *g, const struct agent_launch *launch);

/* Nothing happens to a handle that is unknown or has ended. */
void shell_guards_stop(struct shell_guards *g, uint64_t handle, uint64_t grace_ms);
/* An exclusive run may go on until then, by CLOCK_BOOTTIME (R38). */
void shell_guards_lease(struct shell_guards *g, uint64_t handle, uint64_t end_ms);
void shell_guards_signal(struct shell_guards *g, uint64_t handle,
                         int signal); /* main process only */

/* The end is on record elsewhere: the run directory goes. The output stays, see agent/shell/logs.h.
 */
void shell_guards_forget(struct shell_guards *g, uint64_t handle);

/* Each run gets a cgroup of its own, and ends as a whole. */
bool shell_guards_has_cgroup(const struct shell_guards *g);
uint32_t shell_guards_count(const struct shell_guards *g); /* known runs */

/* This agent makes room for another program in the same process: all guards wait for that. To be
 * closed next. */
void shell_guards_pass(struct shell_guards *g);

/* Lets go of all guards: those with on_agent_loss `end` end their jobs, the others wait for the
 * next agent. The memory is freed when the loop has run the last close callback. */
void shell_guards_close(struct shell_guards *g);

#endif
