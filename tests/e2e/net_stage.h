/* Net stage: two ends of everything that the shell has sockets for, in one loop, for the tests of
 * them: what happens at either end is written down in a list.
 *
 * units    milliseconds
 * memory   a struct world on the heap, made by net_setup and given back by net_teardown
 * errors   a test fails; whatever takes longer than PATIENCE_S does
 * threads  one
 */
#ifndef MUSTER_TESTS_E2E_NET_STAGE_H
#define MUSTER_TESTS_E2E_NET_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/shell/check.h"
#include "agent/shell/link.h"
#include "agent/shell/ports.h"
#include "agent/shell/stream.h"
#include "agent/shell/udp.h"

#define SEEN_MAX   4096
#define PATIENCE_S 20

/* Both ends live in one loop: what happens at either is written down in one list. */
struct seen {
    enum agent_event_kind kind;
    uint32_t number;
    bool refused, ended, inbound;
    size_t len;
    uint8_t first;
    char text[256]; /* of what is no frame, and the names beside a frame */
};

struct end {
    struct world *world;
    struct shell_net net;
    struct shell_tls tls;
    struct gossip_keyring ring;
    struct shell_cert cert;
    struct shell_links links;
    struct shell_streams streams;
    struct shell_checks checks;
    struct shell_udp udp;
    struct muster_addr gossip, peers;
    uint32_t inbound; /* link that was opened last */
    struct seen seen[SEEN_MAX];
    uint32_t count;
    bool echoes; /* answers every frame with itself */
};

struct world {
    uv_loop_t loop;
    uv_timer_t patience;
    struct end a, b;
    bool is_over;
};

int net_setup(void **state);
/* Whatever a test left open ends here, and the loop has no handle left. */
int net_teardown(void **state);

struct muster_addr net_bound(int fd);
int net_raw(struct muster_addr to); /* a socket that is connected, and no more */

uint32_t count(const struct end *end, enum agent_event_kind kind);
const struct seen *last(const struct end *end, enum agent_event_kind kind);
void await(struct world *w, const struct end *end, enum agent_event_kind kind, uint32_t n);
void turn(struct world *w);
void rest(struct world *w, uint64_t ms);
uint64_t soon(void);

#endif
