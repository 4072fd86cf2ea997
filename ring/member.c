/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in the ring: numbers, changes prepared and done, and the digest. */
#include "ring/member.h"

#include <string.h>

#include "base/hash.h"

size_t ring_members_size(const struct ring_config *c)
{
    size_t each = sizeof(struct ring_entrant) + sizeof(struct ring_id) + sizeof(struct ring_note) +
                  7 * sizeof(uint16_t) + RING_DIGEST_RECORD;

    return c->nodes_max * each + (size_t)11 * 16; /* the arena rounds each of the eleven up */
}

int ring_members_init(struct ring_members *m, struct muster_arena *a, const struct ring_config *c)
{
    size_t n = c->nodes_max;

    *m = (struct ring_members){ .nodes_max = c->nodes_max, .bits = c->bits, .zones = c->zones };
    m->entrant = muster_arena_take(a, n, sizeof *m->entrant);
    m->id = muster_arena_take(a, n, sizeof *m->id);
    m->note = muster_arena_take(a, n, sizeof *m->note);
    m->sorted = muster_arena_take(a, n, sizeof *m->sorted);
    m->merged = muster_arena_take(a, n, sizeof *m->merged);
    m->racing = muster_arena_take(a, n, sizeof *m->racing);
    m->free = muster_arena_take(a, n, sizeof *m->free);
    m->gone = muster_arena_take(a, n, sizeof *m->gone);
    m->leaver = muster_arena_take(a, n, sizeof *m->leaver);
    m->joiner = muster_arena_take(a, n, sizeof *m->joiner);
    m->record = muster_arena_take(a, n, RING_DIGEST_RECORD);
    if (m->entrant == NULL || m->id == NULL || m->note == NULL || m->sorted == NULL ||
        m->merged == NULL || m->racing == NULL || m->free == NULL || m->gone == NULL ||
        m->leaver == NULL || m->joiner == NULL || m->record == NULL)
        return MUSTER_EFULL;
    for (uint32_t i = 0; i < c->nodes_max; i++)
        m->free[i] = (uint16_t)i;
    m->free_count = c->nodes_max;
    m->digest = muster_hash64(MUSTER_BYTES(NULL, 0), c->bits);
    return MUSTER_OK;
}

/* The place of a nid among the members, or the one it would take. */
static uint32_t member_place(const struct ring_members *m, uint64_t nid)
{
    uint32_t low = 0;
    uint32_t high = m->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (m->entrant[m->sorted[middle]].nid < nid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool member_has_id(const struct ring_members *m, uint16_t number, struct muster_bytes id)
{
    return muster_bytes_equal(MUSTER_BYTES(m->id[number].octet, m->id[number].len), id);
}

/* The member with this nid, RING_NONE if there is none. */
static uint16_t member_of_nid(const struct ring_members *m, uint64_t nid)
{
    uint32_t place = member_place(m, nid);

    if (place == m->count || m->entrant[m->sorted[place]].nid != nid)
        return RING_NONE;
    return m->sorted[place];
}

bool ring_member_find(const struct ring_members *m, struct muster_bytes id, uint16_t *number)
{
    *number = member_of_nid(m, ring_nid(id));
    return *number != RING_NONE && member_has_id(m, *number, id);
}

/* ---- preparing a change */

static void prepare_begin(struct ring_members *m)
{
    m->note_count = 0;
    m->gone_count = 0;
    m->leaver_count = 0;
    m->joiner_count = 0;
}

static int node_check(const struct ring_node *node)
{
    if (node->id.len == 0 || node->id.len > RING_ID_MAX || node->weight > RING_WEIGHT_MAX)
        return MUSTER_EINVAL;
    return MUSTER_OK;
}

static void note_sift(struct ring_note *note, uint32_t n, uint32_t i)
{
    struct ring_note sinking = note[i];

    for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && note[child + 1].nid > note[child].nid)
            child++;
        if (note[child].nid <= sinking.nid)
            break;
        note[i] = note[child];
    }
    note[i] = sinking;
}

/* Heapsort, because qsort may allocate. Equal nids are refused afterwards: no need to be stable. */
static void note_sort(struct ring_note *note, uint32_t n)
{
    for (uint32_t i = n / 2; i > 0; i--)
        note_sift(note, n, i - 1);
    for (uint32_t last = n; last > 1; last--) {
        struct ring_note largest = note[0];

        note[0] = note[last - 1];
        note[last - 1] = largest;
        note_sift(note, last - 1, 0);
    }
}

static uint32_t node_zone(const struct ring_members *m, const struct ring_node *node)
{
    return m->zones ? node->zone : 0;
}

static bool member_is_as(const struct ring_members *m, uint16_t number,
                         const struct ring_node *node)
{
    const struct ring_entrant *e = &m->entrant[number];

    return e->weight == node->weight && e->zone == node_zone(m, node);
}

static void prepare_leaver(struct ring_members *m, uint16_t number)
{
    if (m->entrant[number].weight > 0)
        m->leaver[m->leaver_count++] = number;
}

static void prepare_gone(struct ring_members *m, uint16_t number)
{
    m->gone[m->gone_count++] = number;
    prepare_leaver(m, number);
}

/* A node whose nid a member has: that member, or a stranger who shall not steal its place. */
static int prepare_known(struct ring_members *m, struct ring_note note, uint16_t number)
{
    if (!member_has_id(m, number, note.node->id))
        return MUSTER_EEXISTS;
    if (member_is_as(m, number, note.node))
        return MUSTER_OK;
    note.number = number;
    m->note[m->note_count++] = note;
    prepare_leaver(m, number);
    return MUSTER_OK;
}

/* Walks the wanted nodes and the members side by side, both in the order of nids. The notes that
 * stay are written over those already read. */
static int prepare_compare(struct ring_members *m, uint32_t n)
{
    uint32_t k = 0;

    for (uint32_t i = 0; i < n; i++) {
        struct ring_note note = m->note[i];
        int err;

        if (i + 1 < n && m->note[i + 1].nid == note.nid)
            return MUSTER_EEXISTS;
        while (k < m->count && m->entrant[m->sorted[k]].nid < note.nid)
            prepare_gone(m, m->sorted[k++]);
        if (k == m->count || m->entrant[m->sorted[k]].nid != note.nid) {
            m->note[m->note_count++] = note;
            continue;
        }
        err = prepare_known(m, note, m->sorted[k++]);
        if (err != MUSTER_OK)
            return err;
    }
    while (k < m->count)
        prepare_gone(m, m->sorted[k++]);
    return MUSTER_OK;
}

int ring_member_prepare_set(struct ring_members *m, const struct ring_node *nodes, uint32_t n)
{
    prepare_begin(m);
    if (n > m->nodes_max)
        return MUSTER_EFULL;
    for (uint32_t i = 0; i < n; i++) {
        int err = node_check(&nodes[i]);

        if (err != MUSTER_OK)
            return err;
        m->note[i] = (struct ring_note){ ring_nid(nodes[i].id), &nodes[i], RING_NONE };
    }
    note_sort(m->note, n);
    return prepare_compare(m, n);
}

int ring_member_prepare_join(struct ring_members *m, const struct ring_node *node)
{
    int err = node_check(node);
    struct ring_note note;
    uint16_t number;

    prepare_begin(m);
    if (err != MUSTER_OK)
        return err;
    note = (struct ring_note){ ring_nid(node->id), node, RING_NONE };
    number = member_of_nid(m, note.nid);
    if (number != RING_NONE)
        return prepare_known(m, note, number);
    if (m->count == m->nodes_max)
        return MUSTER_EFULL;
    m->note[m->note_count++] = note;
    return MUSTER_OK;
}

int ring_member_prepare_leave(struct ring_members *m, struct muster_bytes id)
{
    uint16_t number;

    prepare_begin(m);
    if (!ring_member_find(m, id, &number))
        return MUSTER_ENOTFOUND;
    prepare_gone(m, number);
    return MUSTER_OK;
}

uint32_t ring_member_racing_next(const struct ring_members *m, uint64_t *weight)
{
    uint32_t n = m->racing_count - m->leaver_count;

    *weight = m->weight;
    for (uint32_t i = 0; i < m->leaver_count; i++)
        *weight -= m->entrant[m->leaver[i]].weight;
    for (uint32_t i = 0; i < m->note_count; i++) {
        *weight += m->note[i].node->weight;
        n += m->note[i].node->weight > 0;
    }
    return n;
}

/* ---- doing it */

static void commit_free(struct ring_members *m)
{
    for (uint32_t i = 0; i < m->gone_count; i++) {
        uint32_t last = (m->free_first + m->free_count) % m->nodes_max;

        m->free[last] = m->gone[i];
        m->free_count++;
    }
    MUSTER_ASSERT(m->free_count <= m->nodes_max);
}

static uint16_t commit_take_number(struct ring_members *m)
{
    uint16_t number = m->free[m->free_first];

    MUSTER_ASSERT(m->free_count > 0);
    m->free_first = (m->free_first + 1) % m->nodes_max;
    m->free_count--;
    return number;
}

static void commit_notes(struct ring_members *m)
{
    uint32_t rested = m->free_count - m->gone_count; /* numbers that no leaver of this change had */

    for (uint32_t i = 0; i < m->note_count; i++) {
        struct ring_note *note = &m->note[i];
        bool is_new = note->number == RING_NONE;
        bool is_heir = is_new && rested == 0;

        if (is_new) {
            rested -= rested > 0;
            note->number = commit_take_number(m);
            m->id[note->number].len = (uint8_t)note->node->id.len;
            memcpy(m->id[note->number].octet, note->node->id.data, note->node->id.len);
        }
        m->has_heirs |= is_heir;
        m->entrant[note->number] = (struct ring_entrant){
            .nid = note->nid,
            .zone = node_zone(m, note->node),
            .weight = (uint16_t)note->node->weight,
            .is_heir = is_heir,
        };
        if (note->node->weight > 0)
            m->joiner[m->joiner_count++] = note->number;
    }
}

/* The members as they are now, by nid: those who stayed and those who are new. The gone are passed
 * over by number, since an heir's nid may stand under it already. */
static void commit_sort(struct ring_members *m)
{
    uint16_t *sorted = m->merged;
    uint32_t n = 0;
    uint32_t i = 0;
    uint32_t gone = 0;

    for (uint32_t k = 0; k < m->count; k++) {
        if (gone < m->gone_count && m->sorted[k] == m->gone[gone]) {
            gone++;
            continue;
        }
        while (i < m->note_count && m->note[i].nid < m->entrant[m->sorted[k]].nid)
            sorted[n++] = m->note[i++].number;
        if (i < m->note_count && m->note[i].number == m->sorted[k])
            i++;
        sorted[n++] = m->sorted[k];
    }
    while (i < m->note_count)
        sorted[n++] = m->note[i++].number;
    m->merged = m->sorted;
    m->sorted = sorted;
    m->count = n;
    MUSTER_ASSERT(m->count + m->free_count == m->nodes_max);
}

static void record_put(uint8_t *record, uint64_t nid, uint32_t weight)
{
    for (uint32_t i = 0; i < 8; i++)
        record[i] = (uint8_t)(nid >> 8 * i);
    for (uint32_t i = 0; i < 4; i++)
        record[8 + i] = (uint8_t)(weight >> 8 * i);
}

/* Who races, and the digest that two nodes compare to know that they place alike. */
static void commit_race(struct ring_members *m)
{
    m->racing_count = 0;
    m->weight = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct ring_entrant *e = &m->entrant[m->sorted[i]];

        if (e->weight == 0)
            continue;
        record_put(&m->record[(size_t)m->racing_count * RING_DIGEST_RECORD], e->nid, e->weight);
        m->racing[m->racing_count++] = m->sorted[i];
        m->weight += e->weight;
    }
    m->digest = muster_hash64(MUSTER_BYTES(m->record, (size_t)m->racing_count * RING_DIGEST_RECORD),
                              m->bits);
}

void ring_member_commit(struct ring_members *m)
{
    for (uint32_t i = 0; m->has_heirs && i < m->nodes_max; i++)
        m->entrant[i].is_heir = false;
    m->has_heirs = false;
    commit_free(m);
    commit_notes(m);
    commit_sort(m);
    commit_race(m);
    m->note_count = 0; /* the caller's nodes are not ours after this call */
    m->gone_count = 0;
}

uint32_t ring_member_zones(const struct ring_members *m, uint32_t max)
{
    uint32_t zone[RING_REPLICAS_MAX];
    uint32_t n = 0;

    MUSTER_ASSERT(max <= RING_REPLICAS_MAX);
    for (uint32_t i = 0; i < m->racing_count && n < max; i++) {
        uint32_t k = 0;

        while (k < n && zone[k] != m->entrant[m->racing[i]].zone)
            k++;
        if (k == n)
            zone[n++] = m->entrant[m->racing[i]].zone;
    }
    return n;
}
