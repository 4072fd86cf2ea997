/* Net: what all sockets of the shell share: the clock, addresses, one scratch buffer, listening,
 * and TCP connections that end exactly once.
 *
 * A connection's end is always told from the loop, by its last close callback, whatever led to it:
 * a failed connect, a deadline, the far end, or ourselves. So nobody is called back from inside a
 * call of his own, and no end is told twice.
 *
 * units    milliseconds
 * memory   one scratch buffer for everything that is read; it is in use only while a callback runs.
 *          Buffers grow up to a maximum that their owner names
 * errors   strangers' doings are counted; whatever else goes wrong ends a connection
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_NET_H
#define MUSTER_AGENT_SHELL_NET_H

#include <uv.h>

#include "agent/effect.h"
#include "base/addr.h"
#include "base/clock.h"

#define SHELL_GOSSIP_PORT    7946
#define SHELL_SCRATCH_PACKET 65536u /* what libuv wants for each datagram of a batch */
#define SHELL_SCRATCH        (8 * SHELL_SCRATCH_PACKET)
#define SHELL_READ_MAX       (256u << 10) /* bytes of one read of a TCP connection */

struct shell_net_counters {
    uint64_t packets_shed;    /* not sent: the kernel's buffer and our queue were full */
    uint64_t packets_failed;  /* not sent: no way to that address */
    uint64_t packets_cut;     /* received in part only, and dropped */
    uint64_t streams_shed;    /* inbound, ended for a newer one or for their size */
    uint64_t links_shed;      /* inbound, ended for a newer one */
    uint64_t links_choked;    /* ended because their queue of output was full */
    uint64_t links_unproven;  /* that could not be secured */
    uint64_t frames_too_long; /* and the link ended */
};

struct shell_net {
    uv_loop_t *loop;
    uv_buf_t scratch;
    void *context;
    void (*on_event)(void *context, const struct agent_event *event);
    struct shell_net_counters counters;
};

MUSTER_MUST_USE int shell_net_open(struct shell_net *net, uv_loop_t *loop, void *context,
                                   void (*on_event)(void *, const struct agent_event *));
void shell_net_close(struct shell_net *net);
void shell_net_tell(struct shell_net *net, const struct agent_event *event);

/* The time that cores go by: a clock that counts suspend, and the wall clock. */
struct muster_now shell_now(void);

/* IPv4 as an IPv4-mapped address when the socket is an IPv6 one. */
void shell_sockaddr(struct sockaddr_storage *out, struct muster_addr a, bool as_ipv6);
struct muster_addr shell_addr(const struct sockaddr *from);

/* Takes connections from a socket that is bound already (agent/shell/ports.h); owns it from now on.
 */
void shell_listen(struct shell_net *net, uv_tcp_t *tcp, int fd, void *data,
                  uv_connection_cb on_connection);

/* ---- bytes that are kept */

struct shell_buffer {
    uint8_t *data;
    size_t len, size;
};

/* False, and nothing added, when it would hold more than `max`. */
bool shell_buffer_add(struct shell_buffer *b, struct muster_bytes bytes, size_t max);
void shell_buffer_drop(struct shell_buffer *b, size_t len); /* the first `len` bytes */
void shell_buffer_close(struct shell_buffer *b);

/* ---- connections */

struct shell_conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    struct shell_net *net;
    struct muster_addr from; /* of an accepted one */
    uint8_t handles;         /* not yet closed */
    bool is_closing;
    bool is_finishing; /* says its last words; what still comes in is thrown away */
    bool is_ended;     /* the far end has said its last words */
    bool is_shut;      /* ours are said */
    bool is_late;      /* its deadline ended it */
    bool is_refused;   /* the far kernel answered: nobody listens there */
    void (*on_up)(struct shell_conn *conn);
    void (*on_read)(struct shell_conn *conn, struct muster_bytes bytes); /* len 0: is_ended */
    void (*on_closed)(struct shell_conn *conn); /* the memory is the owner's again */
};

/* After this the connection ends by on_closed alone, also when the next call fails. */
void shell_conn_open(struct shell_conn *conn, struct shell_net *net);
/* MUSTER_OK or a libuv error, after which it is closing. */
int shell_conn_accept(struct shell_conn *conn, uv_stream_t *listener);
/* `on_up` when it is connected; else it ends. */
void shell_conn_dial(struct shell_conn *conn, struct muster_addr to,
                     void (*on_up)(struct shell_conn *conn));
void shell_conn_read(struct shell_conn *conn); /* start */
/* It ends at that moment of shell_now's clock; MUSTER_NEVER: no longer. */
void shell_conn_deadline(struct shell_conn *conn, uint64_t deadline_ms);
/* A host that is gone without a word does not hold a connection for ever: ten seconds. */
void shell_conn_keep(struct shell_conn *conn);
/* Ends after what is queued has been sent and the far end has taken note, or when the time is over.
 * A plain close would reset the connection when something unread is left, and lose our last words.
 */
void shell_conn_finish(struct shell_conn *conn, uint64_t within_ms);
void shell_conn_close(struct shell_conn *conn); /* at once; twice is fine */

#endif
