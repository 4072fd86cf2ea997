/* Links: the connections between agents. Frames with their length before them, big-endian in four
 * bytes; what a frame says is the core's business.
 *
 * Frames for one link are collected until the loop is about to sleep, and then written at once: a
 * burst costs one call of the kernel for each link.
 *
 * An inbound link is a stranger until its first frame is whole, and may not grow old or large as
 * one. A secured one (agent/shell/tls.h) is told as opened when the far end has proven itself;
 * whoever fails to is told as unsecured, with the reason. Its kernel did not refuse, so that nobody
 * is dead for that.
 *
 * units    milliseconds of shell_now's clock, bytes
 * memory   SHELL_LINKS_MAX links; of each a frame that is not whole yet (AGENT_FRAME_MAX) and
 *          SHELL_LINK_QUEUE_MAX of output, beyond which the link ends
 * errors   every link that was dialled or told as opened is told
 *          as closed, once
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_LINK_H
#define MUSTER_AGENT_SHELL_LINK_H

#include <sys/queue.h>

#include "agent/shell/net.h"
#include "agent/shell/tls.h"

#define SHELL_LINKS_MAX         16384
#define SHELL_LINKS_BUCKETS     1024        /* of the table by number */
#define SHELL_LINK_QUEUE_MAX    (64u << 20) /* bytes of output not taken by the kernel yet */
#define SHELL_LINK_STRANGERS    256         /* inbound without a frame; the oldest goes */
#define SHELL_LINK_STRANGER_MS  10000
#define SHELL_LINK_STRANGER_MAX 65536 /* bytes of its first frame */
#define SHELL_LINK_FINISH_MS    2000  /* for the far end to take our last words */
#define SHELL_LINK_STALE_MS     3000  /* so long a link outlives the key it was proven with */

struct shell_link;
LIST_HEAD(shell_link_bucket, shell_link);
TAILQ_HEAD(shell_link_list, shell_link);

struct shell_links {
    struct shell_net *net;
    uv_tcp_t listener;
    bool is_listening;
    struct shell_link_bucket bucket[SHELL_LINKS_BUCKETS];
    struct shell_link_list strangers; /* the oldest first */
    struct shell_link_list due;       /* with frames collected */
    uint32_t count, stranger_count;
    uint32_t next_inbound;
    struct shell_tls *tls; /* how links are secured */
    uint8_t *plain;        /* what a secured link has just said */
    bool is_ring_new;      /* links of keys that are gone are to be looked for */
    bool is_closing;
};

/* `tls` outlives it. */
void shell_links_open(struct shell_links *all, struct shell_net *net, struct shell_tls *tls);
/* Takes connections from the bound socket `fd`, which it owns from now on. */
void shell_links_listen(struct shell_links *all, int fd);
void shell_link_dial(struct shell_links *all, uint32_t number, struct muster_addr to,
                     uint64_t deadline_ms);
void shell_link_send(struct shell_links *all, uint32_t number, struct muster_bytes frame);
/* Bytes that the kernel has not taken yet; 0 for a link that is gone. */
size_t shell_link_queued(const struct shell_links *all, uint32_t number);
/* After what is queued has been sent; what still comes in is thrown away. */
void shell_link_close(struct shell_links *all, uint32_t number);
void shell_links_flush(struct shell_links *all); /* before the loop sleeps */
/* The keyring has changed: links of keys that are gone are told as stale, and end soon. */
void shell_links_ring_changed(struct shell_links *all);
/* The end comes near: takes no more, and every link finishes as by shell_link_close. */
void shell_links_finish(struct shell_links *all);
/* Ends whatever is left at once; the memory is gone when the loop is idle. */
void shell_links_close(struct shell_links *all);

#endif
