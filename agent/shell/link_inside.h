/* Inside of the links: one of them, and what its two sources share. Only agent/shell/link*.c
 * include it.
 *
 * units    milliseconds of shell_now's clock, bytes
 * memory   owned by struct shell_links
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_LINK_INSIDE_H
#define MUSTER_AGENT_SHELL_LINK_INSIDE_H

#include "agent/shell/link.h"

#define LINK_KEPT (16u << 10) /* a larger buffer is given back when it is empty */

struct shell_link {
    struct shell_conn conn; /* first: link_of() goes back from it */
    struct shell_links *all;
    LIST_ENTRY(shell_link) by_number;
    TAILQ_ENTRY(shell_link) by_age;
    TAILQ_ENTRY(shell_link) by_due;
    uint32_t number;
    bool is_up; /* told as opened */
    bool is_stranger, is_due, is_writing;
    bool is_unsure;         /* inbound, and its first byte has not said yet whether it is secured */
    bool is_again;          /* dials once more when it is closed, with the next key */
    bool is_told;           /* why it is not secured */
    struct shell_buffer in; /* the beginning of a frame */
    struct shell_buffer out;       /* collected since the last write */
    struct shell_buffer flying;    /* with the kernel */
    struct shell_tls_session *tls; /* NULL: in the clear, or unsure */
    uint32_t key;                  /* place in the ring of the key that is offered */
    struct muster_addr to;
    uint64_t deadline_ms; /* of a dial */
    uv_write_t write;
};

/* ---- agent/shell/link.c */

void link_due(struct shell_link *l); /* to be flushed before the loop sleeps */
void link_flush(struct shell_link *l);
void link_up(struct shell_link *l);
/* What the far end says, in the clear again. */
void link_hear(struct shell_link *l, struct muster_bytes bytes);

/* ---- agent/shell/link_secure.c */

/* Connected: as the side that dialled, or the one that took it. */
void link_secure_begin(struct shell_link *l);
/* What came over the wire of a link that is not in the clear. */
void link_secure_hear(struct shell_link *l, struct muster_bytes bytes);
/* Seals what was collected; the bytes for the wire. */
struct shell_buffer *link_secure_out(struct shell_link *l);
/* In the clear, and what comes is no frame: somebody may be told why. */
void link_secure_missed(struct shell_link *l, uint8_t first);
/* It has ended: somebody may hear of it. Is it to be dialled once more? */
bool link_secure_ended(struct shell_link *l);

#endif
