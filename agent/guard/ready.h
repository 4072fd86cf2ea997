/* Ready: when a job counts as up, and what it says of itself on its notify socket.
 *
 * `alive`: it has lived so long. `notify`: it said READY=1. `tcp`: something listens on the port.
 * The words are those of sd_notify; any process below the job may say them, because the socket
 * names the run and not the sender. A status is passed on at most every GUARD_STATUS_EVERY, the
 * latest wins. Beats stay here: once a job with a watchdog is ready, the guard ends it when none
 * comes in time, and nobody else hears of one.
 *
 * units    milliseconds of CLOCK_BOOTTIME
 * memory   held by value
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_READY_H
#define MUSTER_AGENT_GUARD_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/launch.h"

#define GUARD_STATUS_EVERY  200  /* ms between two statuses */
#define GUARD_CONNECT_EVERY 25   /* ms between two looks at the port */
#define GUARD_NOTIFY_MAX    4096 /* bytes of one datagram */
#define GUARD_NOTIFY_TURN   16   /* datagrams in one turn of the loop */

struct guard;

struct guard_ready {
    bool is_ready;
    bool is_open;    /* the clock below runs */
    bool is_v6_next; /* which loopback address comes next */
    int notify_fd;
    int connect_fd;         /* a connection under way; -1 without one */
    uint64_t alive_at_ms;   /* GUARD_NEVER where it does not matter */
    uint64_t late_at_ms;    /* not ready by then is a failure */
    uint64_t connect_at_ms; /* next look at the port */
    uint64_t status_at_ms;  /* before that no status is told */
    uint64_t beat_by_ms;    /* no beat by then is a failure; GUARD_NEVER: nobody waits for one */
    bool has_news;          /* a status that was not told yet */
    char status[AGENT_REASON_MAX];
};

void guard_ready_init(struct guard_ready *r);

/* The job runs: from here its times count. */
void guard_ready_begin(struct guard *g);

void guard_ready_notify(struct guard *g);    /* notify_fd is readable */
void guard_ready_connected(struct guard *g); /* connect_fd has an outcome */

/* Does what is due, gives the time of the next thing. */
uint64_t guard_ready_turn(struct guard *g);

void guard_ready_close(struct guard_ready *r);

#endif
