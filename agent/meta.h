/* Meta: what a node says of itself in gossip, in serf's tag form, so that any member of a pool can
 * show it.
 *
 * `ff` and a msgpack map text -> text in the old raw family, keys sorted. The user's tags stand as
 * they are; keys that begin with `~` are ours: ~a architecture, ~b boot number, ~c cluster id
 * (absent before there is one), ~i node id, ~m mode (absent: open), ~n cores, ~p peer port, ~r
 * memory in MiB, ~s slots, ~v version, ~w weight (absent: = slots). Of ~a, ~n and ~r a node may
 * say nothing.
 *
 * memory   held by value
 * errors   MUSTER_ELIMIT when it does not fit GOSSIP_META_MAX bytes; MUSTER_ENOTFOUND for the meta
 *          of a member that is no muster node; else as base/wire.h
 * threads  any
 * source   memberlist wire format, "Tags in meta"
 */
#ifndef MUSTER_AGENT_META_H
#define MUSTER_AGENT_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/profile.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/id.h"

#define AGENT_META_MAX     512 /* bytes: gossip's limit */
#define AGENT_META_VERSION 24
#define AGENT_META_ARCH    16

struct agent_meta {
    struct muster_id id, cluster; /* cluster zero: none yet */
    uint64_t boot;
    uint32_t slots, weight;
    uint16_t peer_port;
    bool draining, held;
    bool leaves;   /* draining, to be gone for good */
    bool restarts; /* draining, and its process was told to end: another may come in its place */
    struct agent_settings settings; /* of its cluster */
    uint32_t cpus, mem_mib;         /* 0: not said */
    char version[AGENT_META_VERSION];
    char arch[AGENT_META_ARCH]; /* as uname says it; "": not said */
    char tags[AGENT_META_MAX];  /* "k=v,k=v" sorted by key; no commas or '=' inside */
};

/* Writes the meta; `left` (may be NULL) receives how many bytes are free, negative when it is too
 * long. */
MUSTER_MUST_USE int agent_meta_encode(const struct agent_meta *m, uint8_t *out, size_t size,
                                      size_t *len, long *left);
bool agent_meta_is_node(struct muster_bytes meta); /* of muster, whatever its cluster */
MUSTER_MUST_USE int agent_meta_decode(struct agent_meta *m, struct muster_bytes meta);

/* The gossip name of a node: its name, a dot, and 8 digits of its id, because memberlist wants
 * names to be unique and muster does not. And back: the name without that ending. */
void agent_meta_gossip_name(char *out, size_t size, const char *name, struct muster_id id);
void agent_meta_plain_name(char *out, size_t size, const char *gossip_name, struct muster_id id);

#endif
