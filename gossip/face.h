/* Face: what a member says of itself at length, its name and its meta, kept once however many hold
 * it.
 *
 * A core holds each member's face once and has little from the sharing; a simulated pool of ten
 * thousand cores that each know ten thousand members would not fit into a machine without it.
 *
 * memory   from the arena at init, in blocks of the length that is needed
 * errors   none: more faces than were asked for at init is a bug
 * threads  one user each
 */
#ifndef MUSTER_GOSSIP_FACE_H
#define MUSTER_GOSSIP_FACE_H

#include "base/bytes.h"
#include "base/hash.h"
#include "gossip/blocks.h"

struct gossip_face {
    uint64_t hash;
    uint32_t number;
    uint32_t holders;
    uint16_t meta_len;
    uint8_t name_len;
    char name[]; /* and a NUL; then the meta */
};

struct gossip_faces {
    struct gossip_blocks blocks;
    struct muster_map by_hash;
    struct gossip_face **face; /* by number */
    uint32_t *free;            /* numbers */
    uint32_t free_count;
    uint32_t fresh;
    uint32_t capacity;
};

size_t gossip_faces_memory(uint32_t count);
MUSTER_MUST_USE int gossip_faces_init(struct gossip_faces *f, struct muster_arena *a,
                                      uint32_t count);

/* The face with this name and meta, held once more; give it back when done. */
struct gossip_face *gossip_faces_take(struct gossip_faces *f, struct muster_bytes name,
                                      struct muster_bytes meta);
void gossip_faces_give(struct gossip_faces *f, struct gossip_face *face);

static inline struct muster_bytes gossip_face_name(const struct gossip_face *f)
{
    return MUSTER_BYTES(f->name, f->name_len);
}

static inline struct muster_bytes gossip_face_meta(const struct gossip_face *f)
{
    return MUSTER_BYTES(f->name + f->name_len + 1, f->meta_len);
}

#endif
