/* Renew: another program takes this one's place, in the same process and with every job alive.
 *
 * On SIGUSR2 the program that now lies where ours was started from is first asked whether it would
 * start with the same flags (`--check`); if not, nothing happens. Then keepers are handed over,
 * guards are told to wait for it, listening sockets stay open, all else is closed as at any end,
 * and it is executed. It finds its jobs as any restarted agent does, and reads its settings anew.
 *
 *     SIGUSR2 ─▶ trial ──said no, too slow──▶ goes on as before
 *                  └─said yes─▶ handed over, closed ─▶ exec
 *
 * units    milliseconds
 * memory   owned by main, outlives the shell
 * errors   logged; an exec that fails ends the process, and guards end what nobody takes over
 * threads  the loop's; shell_renew_exec after it
 * source   product page, section 5: "agent SIGUSR2, upgrade"; consistency R46
 */
#ifndef MUSTER_AGENT_SHELL_RENEW_H
#define MUSTER_AGENT_SHELL_RENEW_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/shell/handed.h"
#include "agent/shell/notify.h"

#define SHELL_RENEW_TRIAL_MS 10000
#define SHELL_RENEW_PATH_MAX 1024

struct shell_renew {
    char program[SHELL_RENEW_PATH_MAX]; /* "": where it lies cannot be told */
    char **argv;                        /* ours */
    struct shell_handed handed;
    bool is_due; /* to be executed when everything is closed */
};

/* Remembers where our program lies, before another may take its place there. */
void shell_renew_open(struct shell_renew *r, char **argv);
/* Does not return unless it fails; why. */
void shell_renew_exec(struct shell_renew *r, const struct shell_notify *notify, char *why,
                      size_t size);

struct shell;
void shell_renew(struct shell *s); /* SIGUSR2 */
void shell_renew_close(struct shell *s);

#endif
