/* Streams: gossip over TCP. One side opens, says one message and is answered by at most one; then
 * the connection ends.
 *
 * What has come in so far is handed over whole with every read, because only the core can tell
 * where a message ends.
 *
 * units    milliseconds of shell_now's clock
 * memory   SHELL_STREAMS_MAX inbound streams and SHELL_STREAMS_BYTES of what all have sent; at
 *          either brim the oldest inbound one goes, since an honest one lives for milliseconds
 * errors   a stream that breaks is told as STREAM_FAILED, once
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_STREAM_H
#define MUSTER_AGENT_SHELL_STREAM_H

#include "agent/shell/net.h"

#define SHELL_STREAMS_MAX   128
#define SHELL_STREAMS_BYTES (64u << 20)
#define SHELL_STREAM_MS     10000 /* an inbound one, from its first moment to its end */

struct shell_stream;

struct shell_streams {
    struct shell_net *net;
    uv_tcp_t listener;
    bool is_listening;
    struct shell_stream *first, *last; /* all, the oldest first */
    uint32_t inbound;                  /* how many of them */
    uint32_t next_number;
    size_t bytes; /* kept of what they have sent */
};

void shell_streams_open(struct shell_streams *s, struct shell_net *net);
/* Takes connections from the bound socket `fd`, which it owns from now on. */
void shell_streams_listen(struct shell_streams *s, int fd);
void shell_stream_dial(struct shell_streams *s, uint32_t number, struct muster_addr to,
                       struct muster_bytes bytes, uint64_t deadline_ms);
void shell_stream_reply(struct shell_streams *s, uint32_t number, struct muster_bytes bytes);
void shell_stream_close(struct shell_streams *s, uint32_t number, bool inbound);
/* Takes no more, and ends all there are; their memory is gone when the loop is idle. */
void shell_streams_close(struct shell_streams *s);

#endif
