/* SPDX-License-Identifier: Apache-2.0 */
/* The buffers of a step, and the faces. */
#include "gossip/commons.h"

#include "gossip/census.h"
#include "gossip/feed.h"
#include "gossip/packet.h"

#define COMMONS_STREAM_MORE (1u << 20)
#define COMMONS_FACES_MORE  8 /* a face is taken before the one it replaces is given back */

/* Tables are taken as far as ours could grow at its longest, with some of an application's state
 * beside: strangers may send many at a time. */
size_t gossip_commons_stream_size(const struct gossip_config *c)
{
    size_t size = gossip_census_size(c->members_max) + COMMONS_STREAM_MORE;

    return size < GOSSIP_STREAM_MAX ? size : GOSSIP_STREAM_MAX;
}

static size_t unsealed_size(const struct gossip_config *c)
{
    return c->keyring == NULL ? 0 : gossip_commons_stream_size(c);
}

static size_t table_room(const struct gossip_config *c)
{
    return GOSSIP_ENVELOPE_HEAD + gossip_census_size(c->members_max) + GOSSIP_ENVELOPE_TAIL;
}

size_t gossip_commons_memory(const struct gossip_config *c)
{
    return sizeof(struct gossip_commons) +
           gossip_faces_memory(c->members_max + COMMONS_FACES_MORE) +
           sizeof(struct gossip_lzw_encoder) + sizeof(struct gossip_lzw_decoder) +
           GOSSIP_PACKET_EXPANSION + GOSSIP_FEED_WINDOW + 2 * table_room(c) + unsealed_size(c) +
           256;
}

int gossip_commons_open(struct gossip_commons **out, struct muster_arena *arena,
                        const struct gossip_config *c)
{
    struct gossip_commons *k = muster_arena_take(arena, 1, sizeof *k);
    int err;

    if (k == NULL)
        return MUSTER_EFULL;
    err = gossip_faces_init(&k->faces, arena, c->members_max + COMMONS_FACES_MORE);
    k->table_size = gossip_census_size(c->members_max);
    k->unsealed_size = unsealed_size(c);
    k->encoder = muster_arena_take(arena, 1, sizeof *k->encoder);
    k->decoder = muster_arena_take(arena, 1, sizeof *k->decoder);
    k->scratch = muster_arena_take(arena, GOSSIP_PACKET_EXPANSION, 1);
    k->window = muster_arena_take(arena, GOSSIP_FEED_WINDOW, 1);
    k->table_plain = muster_arena_take(arena, table_room(c), 1);
    k->table_packed = muster_arena_take(arena, table_room(c), 1);
    k->unsealed = k->unsealed_size > 0 ? muster_arena_take(arena, k->unsealed_size, 1) : NULL;
    if (k->encoder == NULL || k->decoder == NULL || k->scratch == NULL || k->window == NULL ||
        k->table_plain == NULL || k->table_packed == NULL ||
        (k->unsealed == NULL && k->unsealed_size > 0))
        return MUSTER_EFULL;
    *out = k;
    return err;
}
