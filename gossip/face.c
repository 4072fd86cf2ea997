/* SPDX-License-Identifier: Apache-2.0 */
/* Names and metas, each pair of them once. */
#include "gossip/face.h"

#include <string.h>

#include "gossip/gossip.h"

#define FACE_MAP_COST 64 /* bytes of a map per entry, generously: it rounds up to a power of two */
#define FACE_SEED     0x66616365

_Static_assert(sizeof(struct gossip_face) + GOSSIP_NAME_MAX + 1 + GOSSIP_META_MAX <=
                   GOSSIP_BLOCK_MAX,
               "the longest face fits into a block");

size_t gossip_faces_memory(uint32_t count)
{
    return gossip_blocks_memory(count) +
           count * (sizeof(struct gossip_face *) + sizeof(uint32_t) + FACE_MAP_COST) + 1024;
}

int gossip_faces_init(struct gossip_faces *f, struct muster_arena *a, uint32_t count)
{
    int err = gossip_blocks_init(&f->blocks, a, count);

    f->capacity = count;
    f->face = muster_arena_take(a, count, sizeof *f->face);
    f->free = muster_arena_take(a, count, sizeof *f->free);
    if (f->face == NULL || f->free == NULL)
        return MUSTER_EFULL;
    return err == MUSTER_OK ? muster_map_init(&f->by_hash, a, count) : err;
}

static size_t face_size(size_t name_len, size_t meta_len)
{
    return sizeof(struct gossip_face) + name_len + 1 + meta_len;
}

static struct gossip_face *face_find(const struct gossip_faces *f, uint64_t hash,
                                     struct muster_bytes name, struct muster_bytes meta)
{
    uint32_t cursor = 0, number;

    while (muster_map_find(&f->by_hash, hash, &cursor, &number)) {
        struct gossip_face *face = f->face[number];

        if (muster_bytes_equal(gossip_face_name(face), name) &&
            muster_bytes_equal(gossip_face_meta(face), meta))
            return face;
    }
    return NULL;
}

struct gossip_face *gossip_faces_take(struct gossip_faces *f, struct muster_bytes name,
                                      struct muster_bytes meta)
{
    uint64_t hash = muster_hash64(meta, muster_hash64(name, FACE_SEED));
    struct gossip_face *face = face_find(f, hash, name, meta);
    int err;

    if (face == NULL) {
        MUSTER_ASSERT(name.len > 0 && name.len <= GOSSIP_NAME_MAX && meta.len <= GOSSIP_META_MAX);
        face = gossip_blocks_take(&f->blocks, face_size(name.len, meta.len));
        MUSTER_ASSERT(face != NULL);
        face->hash = hash;
        face->name_len = (uint8_t)name.len;
        face->meta_len = (uint16_t)meta.len;
        memcpy(face->name, name.data, name.len);
        if (meta.len > 0)
            memcpy(face->name + name.len + 1, meta.data, meta.len);
        face->number = f->free_count > 0 ? f->free[--f->free_count] : f->fresh++;
        MUSTER_ASSERT(face->number < f->capacity);
        f->face[face->number] = face;
        err = muster_map_put(&f->by_hash, hash, face->number);
        MUSTER_ASSERT(err == MUSTER_OK);
    }
    face->holders++;
    return face;
}

void gossip_faces_give(struct gossip_faces *f, struct gossip_face *face)
{
    MUSTER_ASSERT(face->holders > 0);
    if (--face->holders > 0)
        return;
    muster_map_remove(&f->by_hash, face->hash, face->number);
    f->free[f->free_count++] = face->number;
    gossip_blocks_give(&f->blocks, face, face_size(face->name_len, face->meta_len));
}
