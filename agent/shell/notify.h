/* Notify: what a service manager wants to hear (sd_notify), and how often.
 *
 * The words are sent to the datagram socket named by NOTIFY_SOCKET; without one nothing is sent.
 * The variables are taken out of the environment, so that no job believes they are meant for it.
 *
 * units    milliseconds
 * memory   held by value
 * errors   none: a manager that does not listen is its own affair
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_NOTIFY_H
#define MUSTER_AGENT_SHELL_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SHELL_NOTIFY_PATH 108

struct shell_notify {
    int fd;               /* -1: nobody wants to hear */
    uint64_t watchdog_ms; /* 0: no watchdog; else a sign of life is due at least that often */
    char path[SHELL_NOTIFY_PATH];
};

void shell_notify_open(struct shell_notify *n);
/* One or several words with newlines between: "READY=1\nSTATUS=…". */
void shell_notify(struct shell_notify *n, const char *format, ...) MUSTER_PRINTF(2, 3);
/* Into the environment of the program that takes our place. */
void shell_notify_give(const struct shell_notify *n);
void shell_notify_close(struct shell_notify *n);

#endif
