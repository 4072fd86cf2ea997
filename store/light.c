/* SPDX-License-Identifier: Apache-2.0 */
/* Light rows: held in memory alone, for work that is not worth a disk.
 *
 * Such a row is chosen when more than half of the bench have it in memory, its keeper among them,
 * whatever an even bench's lowest seat could decide alone. It survives the loss of any one node,
 * and is gone when all those that held it are. It must not come back half: a member that was away
 * may hold what the others have ended or deleted since, and lost.
 *
 * So every row that a candidate has merged wants vouchers. A voter vouches when it holds some
 * version of the row, or when it has lost nothing that is as new as the newest version found: in
 * either case it would know of a newer one that it has ever acknowledged. Its floor says how far
 * back its memory reaches. A row from before that which it may have taken over itself, as a
 * candidate in vain (R13), it has of another member, and that says nothing of what it had before,
 * until a keeper that serves holds the same. A seat that a change adds knows what its keeper does,
 * and no more: so its floor is that keeper's reach, the version above which its own voters had lost
 * too little for anything to be missing, and it is told before it counts. Where so many vouch that
 * the rest are too few to have chosen a newer version, the newest found is the newest there is.
 * Where they are fewer nobody can say, and the row becomes a tombstone on disk.
 *
 * What once stood on a disk goes on there: no older version can come back from it. With too few
 * alive a light row is written to the disk like any other.
 *
 * Versions and tokens come from reigns, which are on disk before they are used, so nothing that was
 * lost in this way is ever numbered again. */
#include "store/inside.h"

static bool is_most_of(uint32_t list, uint32_t mask)
{
    return 2 * __builtin_popcount(list & mask) > __builtin_popcount(list);
}

bool store_light_is_held(const struct store_bench *bench, uint32_t mask)
{
    return is_most_of(bench->old_mask, mask) &&
           (bench->new_mask == 0 || is_most_of(bench->new_mask, mask));
}

/* After a boot everything of the reign that we had promised may be lost; what its keeper has
 * written since it knows that we are back is not. */
void store_light_floor(struct store_bucket *b, struct store_reign reign, uint64_t written)
{
    struct store_version floor = { b->floor };

    if (store_version_reign(floor).packed == reign.packed && written < b->floor)
        b->floor = written;
}

void store_light_confirmed(struct store_bucket *b)
{
    if (b->vain != 0)
        MUSTER_MARK(vain_rows_confirmed);
    b->vain = 0;
}

bool store_light_may(const struct store *s, const struct store_bucket *b)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < b->bench.count; i++)
        mask |= store_peer_is_live(s, b->member[i]->peer) ? store_bit(i) : 0;
    return store_light_is_held(&b->bench, mask);
}

bool store_light_goes_on(const struct store *s, const struct store_bucket *b,
                         struct muster_bytes key)
{
    const struct store_entry *e = store_rows_find(&s->table, key);

    return (e == NULL || (e->flags & STORE_ENTRY_LIGHT) != 0) && store_light_may(s, b);
}

void store_light_holds(const struct store_bucket *b, struct store_entry *e, uint32_t member,
                       uint64_t version)
{
    if (version > b->member[member]->vain)
        e->holders = (uint16_t)(e->holders | store_bit(member));
}

void store_light_stand(struct store *s, struct store_bucket *b)
{
    uint32_t self = (uint32_t)store_bucket_self(s, b);

    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next) {
        e->flags &= STORE_ENTRY_LIGHT;
        e->holders = 0;
        store_light_holds(b, e, self, e->value->version);
    }
}

void store_light_held(struct store *s, struct store_bucket *b, uint32_t member, uint32_t subs)
{
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next)
        if (e->value->is_light && (subs & store_bit(store_entry_sub(e))) != 0)
            store_light_holds(b, e, member, e->value->version);
}

/* ---- the candidate that has won */

static bool has_merged(const struct store_bucket *b, uint32_t member)
{
    const struct store_member *m = b->member[member];

    return m->has_voted && m->is_merged && m->said == b->bench.member[member].seat;
}

static uint64_t floor_of(const struct store *s, const struct store_bucket *b, uint32_t member)
{
    bool is_self = (int)member == store_bucket_self(s, b);

    return is_self ? b->floor : b->member[member]->floor;
}

static bool vouches(const struct store *s, const struct store_bucket *b,
                    const struct store_entry *e, uint32_t member)
{
    if (!has_merged(b, member))
        return false;
    return (e->holders & store_bit(member)) != 0 || floor_of(s, b, member) < e->value->version ||
           MUSTER_MUTANT(light_row_not_vouched_for);
}

static bool is_newest(const struct store *s, const struct store_bucket *b,
                      const struct store_entry *e)
{
    uint32_t list = 0;

    for (uint32_t i = 0; i < b->bench.count; i++)
        list |= vouches(s, b, e, i) ? store_bit(i) : 0;
    uint32_t silent = b->bench.old_mask & ~list;
    return !is_most_of(b->bench.old_mask, silent);
}

void store_light_judge(struct store *s, struct store_bucket *b)
{
    uint32_t voters = 0;

    for (uint32_t i = 0; i < b->bench.count; i++)
        voters |= b->member[i]->has_voted && b->member[i]->is_merged ? store_bit(i) : 0;
    b->is_hard = !store_light_is_held(&b->bench, voters);
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next) {
        if (!e->value->is_light)
            continue;
        bool is_known = is_newest(s, b, e);
        if (!is_known)
            MUSTER_MARK(light_row_is_forgotten);
        if (!is_known)
            e->flags |= STORE_ENTRY_REWRITE | STORE_ENTRY_FORGET;
        else if (b->is_hard && (e->flags & STORE_ENTRY_LIGHT) != 0)
            e->flags |= STORE_ENTRY_REWRITE;
    }
}

/* The least floor that so many of the voters share that the rest are too few to have chosen
 * anything newer without them. Nothing was chosen in our reign yet: it ends there at the latest. */
uint64_t store_light_reach(const struct store *s, const struct store_bucket *b)
{
    uint64_t reach = store_version_of(b->reign, 0).packed;

    for (uint32_t i = 0; i < b->bench.count; i++) {
        uint64_t floor = floor_of(s, b, i);
        uint32_t silent = b->bench.old_mask;
        for (uint32_t k = 0; k < b->bench.count; k++)
            if (has_merged(b, k) && floor_of(s, b, k) <= floor)
                silent &= ~store_bit(k);
        if (floor < reach && !is_most_of(b->bench.old_mask, silent))
            reach = floor;
    }
    return reach;
}

void store_light_told(const struct store *s, struct store_bucket *b, uint64_t reach)
{
    int self = store_bucket_self(s, b);

    if (self < 0 || store_bench_is_old(&b->bench, (uint32_t)self) || reach <= b->floor)
        return;
    MUSTER_MARK(seat_told_of_reach);
    b->floor = reach;
}

struct store_value *store_light_rewrite(struct store *s, struct store_bucket *b,
                                        struct store_entry *e, uint64_t version)
{
    bool is_forgotten = (e->flags & STORE_ENTRY_FORGET) != 0;
    bool stays = (e->flags & STORE_ENTRY_LIGHT) != 0 && !is_forgotten && !b->is_hard;
    struct muster_bytes bytes = store_value_bytes(e->value);
    struct store_row row;
    size_t len = 0;

    e->flags &= (uint8_t)~STORE_ENTRY_FORGET;
    if (!e->value->is_light || stays)
        return store_value_of_row(&s->table, b->number, version, bytes);
    if (store_row_decode(&row, bytes) != MUSTER_OK)
        MUSTER_ASSERT(false); /* it was a row when it was taken in */
    row.is_light = false;
    if (is_forgotten) {
        row.phase = STORE_GONE;
        row.spec = row.attempts = row.reason = MUSTER_BYTES(NULL, 0);
        for (uint32_t i = 0; i < STORE_REQUESTS; i++)
            row.request[i].outcome = MUSTER_ENOTFOUND; /* whoever asks again is told so */
    }
    int err = store_row_encode(&row, s->scratch, STORE_ROW_MAX, &len);
    MUSTER_ASSERT(err == MUSTER_OK); /* it is no longer than it was */
    return store_value_of_row(&s->table, b->number, version, MUSTER_BYTES(s->scratch, len));
}
