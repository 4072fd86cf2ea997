/* Stray: what is left of a job whose guard was killed.
 *
 * The job's main process dies with its guard. Its other processes are ended by their cgroup, or,
 * where there is none, by the one thing that all of them inherited: the NOTIFY_SOCKET of their run
 * in their environment. A process that wiped its environment and had no cgroup escapes; nothing
 * else does.
 *
 * errors   none; it does what can be done within a bound
 * threads  any: it reads /proc and waits, so give it to a worker
 */
#ifndef MUSTER_AGENT_SHELL_STRAY_H
#define MUSTER_AGENT_SHELL_STRAY_H

/* `dir` is the run directory, with the record its guard wrote. */
void shell_strays_end(const char *dir);

#endif
