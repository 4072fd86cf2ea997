/* Table: the members by name, the order in which they are probed, who is drawn by lot, and whom we
 * have forgotten lately, so that old gossip cannot raise the dead.
 *
 * units    milliseconds of the caller's monotonic clock
 * memory   from the arena at init: 80 bytes a member, 50 of order and index, and its face, which is
 *          as long as its name and meta; a member's number and pointers stay good until the step
 *          after it was forgotten
 * errors   a full table refuses newcomers
 * threads  the loop's only
 * source   docs/protocol.md, "Probing", "Reaping", "Protocol versions"
 */
#ifndef MUSTER_GOSSIP_TABLE_H
#define MUSTER_GOSSIP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/rng.h"
#include "gossip/member.h"
#include "gossip/near.h"

#define GOSSIP_GRAVES_MAX 1024      /* forgotten names; the oldest makes room */
#define GOSSIP_GRAVE_MS   600000ull /* so long old gossip about a forgotten name is refused */
#define GOSSIP_SELF       0         /* our own number: the first entry, never forgotten */
#define GOSSIP_NO_MEMBER  UINT32_MAX

/* Versions everybody in the pool must be able to live with: [0] protocol, [1] delegate. */
struct gossip_versions {
    uint8_t min[2]; /* highest minimum and lowest maximum of the living */
    uint8_t max[2];
    uint8_t cur_min[2]; /* range of what all entries speak */
    uint8_t cur_max[2];
    bool is_stale; /* somebody died or was forgotten: to be computed anew */
};

struct gossip_grave {
    uint64_t hash;
    uint64_t until_ms;
    uint64_t answer_after_ms;
    uint32_t incarnation;
};

struct gossip_table {
    struct gossip_member *member;
    uint32_t *free;
    uint32_t *order;   /* all members, in probing order */
    uint32_t *dirty;   /* ring of numbers, oldest first */
    uint32_t *removed; /* forgotten in this step */
    struct muster_map by_name;
    struct muster_pool suspicions; /* of those that are suspect */
    struct gossip_faces *faces;
    struct gossip_grave *grave; /* ring */
    struct gossip_versions versions;
    struct gossip_near near;
    bool (*is_kin)(struct muster_bytes meta); /* NULL: nobody is */
    uint64_t hash_seed;
    uint32_t capacity;
    uint32_t count;
    uint32_t fresh; /* numbers from here on were never used */
    uint32_t free_count;
    uint32_t removed_count;
    uint32_t dirty_head;
    uint32_t dirty_count;
    uint32_t cursor;
    uint32_t graves; /* places in the ring that were ever used */
    uint32_t grave_next;
    uint32_t living; /* others that are alive or suspect */
    uint32_t kin;    /* those among them who watch and are watched */
};

size_t gossip_table_memory(uint32_t members_max);
MUSTER_MUST_USE int gossip_table_init(struct gossip_table *t, struct muster_arena *a,
                                      struct gossip_faces *faces, uint32_t members_max,
                                      uint64_t hash_seed);

uint64_t gossip_table_hash(const struct gossip_table *t, struct muster_bytes name);
struct gossip_member *gossip_table_find(const struct gossip_table *t, struct muster_bytes name);

/* A new entry, dead at incarnation 0, at a random place of the probing order. NULL at the brim. */
struct gossip_member *gossip_table_add(struct gossip_table *t, struct muster_rng *rng,
                                       struct muster_bytes name, uint64_t now_ms);

/* Forgets one entry that is dead or left since before `before_ms` and remembers its incarnation.
 * NULL when there is none left. */
struct gossip_member *gossip_table_reap(struct gossip_table *t, uint64_t now_ms,
                                        uint64_t before_ms);
void gossip_table_release(struct gossip_table *t); /* at the start of a step */

/* The grave of a name; NULL if there is none any more. */
struct gossip_grave *gossip_table_grave(const struct gossip_table *t, struct muster_bytes name,
                                        uint64_t now_ms);

/* The next living member in probing order, never ourselves; NULL at the end of the order, when the
 * caller should reap and shuffle. */
struct gossip_member *gossip_table_next(struct gossip_table *t);
/* Looks through all members for those who stand next to us, if one of them has gone. */
void gossip_table_near(struct gossip_table *t);
void gossip_table_shuffle(struct gossip_table *t, struct muster_rng *rng);

/* Who may be drawn by lot; we ourselves never. */
struct gossip_lot {
    bool suspects; /* besides the alive */
    bool kin;      /* no others */
    bool dead;     /* those who died after `dead_after_ms` */
    uint64_t dead_after_ms;
    uint32_t except; /* GOSSIP_NO_MEMBER: none */
};

/* Draws up to `want` members, every set of them equally likely; returns how many. */
uint32_t gossip_table_draw(const struct gossip_table *t, struct muster_rng *rng,
                           const struct gossip_lot *lot, uint32_t want, uint32_t *drawn);

/* Would a node with these versions and the pool get along? */
bool gossip_table_fits(struct gossip_table *t, const uint8_t *vsn);

/* Every change of a member goes through these: they know what there is to tell. */
void gossip_table_set_state(struct gossip_table *t, struct gossip_member *m,
                            enum gossip_state state, uint64_t now_ms);
void gossip_table_set_data(struct gossip_table *t, struct gossip_member *m, struct muster_addr addr,
                           struct muster_bytes meta, const uint8_t *vsn);
void gossip_table_mark(struct gossip_table *t, struct gossip_member *m); /* something to tell */

/* The oldest untold news; false when all is told. */
bool gossip_table_tell(struct gossip_table *t, const struct gossip_member **m,
                       enum gossip_news *news);

bool gossip_table_is_sane(const struct gossip_table *t);

#endif
