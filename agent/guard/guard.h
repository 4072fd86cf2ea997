/* Guard: the small process beside a job, and everything it knows.
 *
 * One process per attempt, one thread, one loop over poll. It starts the job, collects its output,
 * tells the agent, and ends with its job. All state is in the one struct below. What it must never
 * do is outlive its job in silence or leave a process of it behind.
 *
 *              exec succeeded           stop order, not ready in time
 *     STARTING ─────────────▶ RUNNING ───────────────────────────────▶ STOPPING
 *        │                       │ main process ended, agent lost, unfed   │ ended, or grace over
 *        │ exec failed           ▼                                         ▼
 *        └───────────────────▶ KILLING ◀───────────────────────────────────┘
 *                                │ no process left
 *                                ▼
 *                               OVER: the rest of the output, exit record, last news
 *
 * units    milliseconds of CLOCK_BOOTTIME, unless a name says wall
 * memory   fixed; nothing is allocated after the job's user has been looked up
 * errors   before the job runs: FAILED news with a sentence; afterwards a note in the output file
 * threads  one
 */
#ifndef MUSTER_AGENT_GUARD_GUARD_H
#define MUSTER_AGENT_GUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/guard/dir.h"
#include "agent/guard/env.h"
#include "agent/guard/job.h"
#include "agent/guard/left.h"
#include "agent/guard/link.h"
#include "agent/guard/output.h"
#include "agent/guard/ready.h"
#include "agent/guard/tree.h"
#include "agent/guard/who.h"
#include "agent/launch.h"

#define GUARD_NEVER       UINT64_MAX
#define GUARD_GREET_AFTER 1000 /* ms of killing after which a new agent must know that it goes on */

enum guard_phase { GUARD_STARTING, GUARD_RUNNING, GUARD_STOPPING, GUARD_KILLING, GUARD_OVER };

struct guard {
    enum guard_phase phase;
    uint64_t now_ms;
    struct agent_launch launch; /* its pointers lead into `message` */
    struct agent_launch_terms terms;
    struct agent_launch_lists lists;
    struct agent_guard_event event; /* who this is and how it stands; the ground of all news */
    char reason[AGENT_REASON_MAX];  /* why it ended, when the exit status does not say it */
    struct guard_who who;
    struct guard_dir dir;
    struct guard_tree tree;
    struct guard_job job;
    struct guard_link link;
    struct guard_output output;
    struct guard_ready ready;
    struct guard_left left;
    uint64_t kill_at_ms;  /* end of the grace, or the next round of killing */
    uint64_t greet_at_ms; /* no new agent is greeted before: the end may be near */
    bool is_told;         /* to stop; a job may also have begun to by itself */
    bool is_void;         /* nobody asks for it any more, or has yet: leaves no record */
    int writer[2];        /* of the job's pipes, until it has them */
    char boot[64];        /* id of this boot of the host */
    int signal_fd;
    int timer_fd;
    uint64_t armed_ms; /* when the timer goes off */
    char message[AGENT_LAUNCH_WIRE_MAX];
    struct guard_env env; /* filled in the job's process only */
};

/* Makes the directory, waits for the launch, starts the job behind its gate and opens it. False: it
 * will not run; the event says why. */
bool guard_begin(struct guard *g);

/* Runs until the job's last process is gone; after a failed beginning too. */
void guard_run(struct guard *g);

/* Puts the end on record and tells the agent. */
void guard_end(struct guard *g);

/* ---- what happens to a guard; called by its loop */

/* Never ran: remembers the errno and a sentence of at most AGENT_REASON_MAX bytes. */
__attribute__((format(printf, 3, 4))) void guard_fail(struct guard *g, int err, const char *format,
                                                      ...);
void guard_stop(struct guard *g, uint64_t grace_ms, const char *why);
void guard_kill(struct guard *g, const char *why);
void guard_condemn(struct guard *g, const char *why); /* killed, and the job's own failure */
void guard_ready(struct guard *g);
uint64_t guard_lease_ms(const struct guard *g); /* when it must have ended; GUARD_NEVER */

uint64_t guard_now_ms(void);  /* CLOCK_BOOTTIME */
uint64_t guard_wall_ms(void); /* since 1970, for people */

#endif
