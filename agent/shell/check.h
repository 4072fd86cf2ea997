/* Check: one attempt to connect, to see whether the far kernel refuses. A refusal is proof that no
 * process listens there any more (R55); anything else proves nothing.
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

#define SHELL_CHECKS_MAX 4096

struct shell_check;
LIST_HEAD(shell_check_list, shell_check);

struct shell_checks {
    struct shell_net *net;
    struct shell_check_list list;
    uint32_t count;
};

void shell_checks_open(struct shell_checks *all, struct shell_net *net);
void shell_check(struct shell_checks *all, uint32_t number, struct muster_addr to,
                 uint64_t deadline_ms);
void shell_checks_close(struct shell_checks *all);

#endif
