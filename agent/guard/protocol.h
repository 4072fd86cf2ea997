/* Protocol: what an agent and a guard must agree on, and who does what in which order.
 *
 * A guard is the parent of one attempt of one run. The agent starts it with one end of a socketpair
 * (SOCK_SEQPACKET) as descriptor GUARD_FD; every message is a list of NUL-ended fields
 * (agent/fields.h):
 *
 *     agent → guard   first the place, then the launch (agent/launch.h), each once;
 *                     then orders, one field each: feed=BOOTTIME_MS  stop=GRACE_MS  signal=NUMBER
 *                     lease=BOOTTIME_MS, the end of an exclusive run unless a later one comes
 *                     wait=1, this agent makes room for another: its end is not the job's
 *     guard → agent   news (struct agent_guard_event); ADOPTED is the greeting on a later
 *     connection
 *
 * Between place and launch a guard waits with its directory made: the agent keeps one such spare,
 * so that a launch need not wait for a process to begin.
 *
 * The run directory, RUN_DIR/runs/<16 hex digits>, is on a file system that a reboot empties:
 *
 *     lock    made first and locked (flock) as long as the guard lives
 *     pid     the job's process exists: identity as news, and ticks= (start time), boot=, cgroup=
 *     ctl     socket on which a restarted agent finds the guard
 *     notify  datagram socket of the job (sd_notify words)
 *     before  what an earlier attempt left as its checkpoint, for the job to read
 *     checkpoint, result, messages: copies of what the job has left (agent/guard/left.h)
 *     output  the end of what it printed, as records of its output file
 *     exit    the end, as news; from here on all else but those copies is gone or going
 *
 * Whoever finds a directory knows what happened: `exit`: ended. `lock` held: alive, connect to
 * `ctl`. Neither, but `pid`: lost, it may have run. Neither, and no `pid`: it never ran.
 *
 * The job's process is born behind a gate. It opens only after `pid` is written and after a last
 * look shows that the agent is still there: a run that a dead agent asked for never begins unseen.
 *
 * The clock of feeding is CLOCK_BOOTTIME, which counts suspend: a host that slept is late, not
 * young.
 *
 * threads  any
 */
#ifndef MUSTER_AGENT_GUARD_PROTOCOL_H
#define MUSTER_AGENT_GUARD_PROTOCOL_H

#define GUARD_FD         3
#define GUARD_ID_LEN     16                     /* digits of a run directory's name */
#define GUARD_SOCKET_MAX 107                    /* bytes of a unix socket's path */
#define GUARD_DIR_MAX    (GUARD_SOCKET_MAX - 7) /* room for "/notify" */
#define GUARD_PATH_MAX   1024                   /* bytes of any other path, with its NUL */
#define GUARD_ORDER_MAX  64                     /* bytes of an order */
#define GUARD_RECORD_MAX 2048                   /* bytes of a file in the run directory */

#define GUARD_FILE_LOCK   "lock"
#define GUARD_FILE_PID    "pid"
#define GUARD_FILE_CTL    "ctl"
#define GUARD_FILE_NOTIFY "notify"
#define GUARD_FILE_EXIT   "exit"
#define GUARD_FILE_NEW    "new" /* being written, renamed when it is whole */

#define GUARD_FILE_BEFORE     "before"
#define GUARD_FILE_CHECKPOINT "checkpoint"
#define GUARD_FILE_RESULT     "result"
#define GUARD_FILE_MESSAGES   "messages"
#define GUARD_FILE_OUTPUT     "output"

#define GUARD_ORDER_FEED   "feed"
#define GUARD_ORDER_STOP   "stop"
#define GUARD_ORDER_SIGNAL "signal"
#define GUARD_ORDER_LEASE  "lease"
#define GUARD_ORDER_WAIT   "wait"

#define GUARD_KEY_TICKS  "ticks"
#define GUARD_KEY_BOOT   "boot"
#define GUARD_KEY_CGROUP "cgroup"

/* Output files of one job that stay when their attempts have ended; the oldest go first. */
#define GUARD_LOGS_KEPT 10

#endif
