/* Check: connecting to see whether the far kernel refuses. A refusal is proof that no process
 * listens there any more (R55); anything else proves nothing.
 *
 * A process that dies closes its sockets one after the other, and its listener may be the last of
 * them. So a connection that comes up is watched for a moment: a living agent keeps it, a dying one
 * resets it, and then the question is asked again.
 *
 * units    milliseconds of shell_now's clock
 * memory   SHELL_CHECKS_MAX at a time; one more is answered as not refused
 * errors   none; every check is told as AGENT_EVENT_CHECKED, once, from the loop
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_CHECK_H
#define MUSTER_AGENT_SHELL_CHECK_H

#include <sys/queue.h>

#include "agent/shell/net.h"

#define SHELL_CHECKS_MAX    4096
#define SHELL_CHECK_TRIES   8
#define SHELL_CHECK_SURE_MS 200 /* a connection kept so long is kept by somebody alive */

struct shell_check;
LIST_HEAD(shell_check_list, shell_check);

struct shell_checks {
    struct shell_net *net;
    struct shell_check_list list;
    uint32_t count;
    bool is_closing;
};

void shell_checks_open(struct shell_checks *all, struct shell_net *net);
void shell_check(struct shell_checks *all, uint32_t number, struct muster_addr to,
                 uint64_t deadline_ms);
void shell_checks_close(struct shell_checks *all);

#endif
