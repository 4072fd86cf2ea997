/* Process: what the agent wants of its own process before the loop begins: little memory, many
 * descriptors, prompt scheduling, and a record of what jobs must not inherit.
 *
 * errors   none: what the host does not permit is done without
 * threads  called before there are others, but for shell_process_pace
 */
#ifndef MUSTER_AGENT_SHELL_PROCESS_H
#define MUSTER_AGENT_SHELL_PROCESS_H

#include <stdbool.h>

/* First thing in main: the allocator's and libuv's settings count only before their first use. */
void shell_process_prepare(void);

/* Of the program and its libraries, what only the start has read (the loader's tables, the ciphers'
 * tests of themselves) need not be ours any more: the kernel has these files, and what is read
 * again comes from there. Breakpoints that a debugger has set before are gone too. */
void shell_process_rest(void);

/* A loop that answers late is taken for dead by its peers: a better priority than most, where that
 * is permitted. It is not inherited by guards and jobs. Says what was obtained. */
const char *shell_process_hurry(void);

/* For work on a worker: as prompt as the loop, which waits for it, or like any other program. */
void shell_process_pace(bool is_hurried);

#endif
