/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that lie here and that nobody here wants. Those who are to have them may not have them yet:
 * they may have come to the bench a moment ago, or have been cut off from us for as long as these
 * were of no use. So the keeper of the row is asked who they are, and they are asked one by one,
 * told by the same word where the bytes can be had; only when all have them do they go from here.
 * What cannot be asked today is asked again in a later look.
 *
 * Two who want to let go never count on one another: only who has a seat is counted on, and whoever
 * has just said that it has the bytes keeps them for as long as what is of no use is kept. */
#include <string.h>

#include "agent/payload_inside.h"
#include "agent/requests.h"
#include "agent/serve_inside.h"

/* ---- as the keeper of the row */

/* Answers with those who are to have the bytes: the bench, as it is and as it is to be. Nobody,
 * where a quorum has no such row. */
void payload_spare_serve(struct agent_core *core, const struct serve_ask *ask, uint32_t bucket)
{
    uint8_t body[32 * PAYLOAD_SEATS];
    struct muster_writer w = muster_writer_over(body, sizeof body);
    struct store_view view;
    struct store_bucket_view b;
    bool is_known = store_get(core->store, muster_bytes_text(ask->q->name), &view);
    if (is_known && !view.is_chosen) {
        serve_error(core, ask, MUSTER_EBUSY, NULL, "it is being changed; try again");
        return;
    }
    store_bucket(core->store, bucket, &b);
    bool is_alive = is_known && view.row.phase != STORE_GONE;
    uint32_t seats = is_alive ? b.old_count + b.new_count : 0;
    muster_write_array(&w, seats);
    for (uint32_t i = 0; i < seats; i++)
        muster_write_id(&w,
                        i < b.old_count ? b.old_seat[i].node : b.new_seat[i - b.old_count].node);
    serve_body(core, ask, muster_writer_bytes(&w));
}

/* ---- as the one that has them */

static struct payload_spare *spare_of(const struct agent_core *core, struct agent_payload_id id)
{
    struct agent_payload *t = core->payload;
    for (uint32_t i = 0; i < t->spares; i++)
        if (t->spare[i].is_used && agent_payload_id_equal(t->spare[i].id, id))
            return &t->spare[i];
    return NULL;
}

static struct payload_spare *spare_free(struct agent_payload *t)
{
    for (uint32_t i = 0; i < t->spares; i++)
        if (!t->spare[i].is_used)
            return &t->spare[i];
    return t->spares < PAYLOAD_SPARES ? &t->spare[t->spares++] : NULL;
}

/* It may have become of use meanwhile. */
static void spare_end(struct agent_core *core, struct payload_spare *spare, bool may_go)
{
    struct payload_file *f = payload_file(core, spare->id);
    spare->is_used = false;
    if (!may_go || f == NULL || !payload_file_is_idle(core, f))
        return;
    payload_work(core, AGENT_PAYLOAD_REMOVE)->id = f->id;
    payload_file_drop(core, f);
}

/* False: too much is asked for at once; in the next look. */
static bool spare_begin(struct agent_core *core, const struct payload_file *f)
{
    struct payload_spare *spare = spare_free(core->payload);
    char key[AGENT_PAYLOAD_KEY];
    const struct agent_request q = { .op = AGENT_OP_PAYLOAD_SPARE,
                                     .name = agent_payload_key(f->id, key) };
    if (spare == NULL)
        return false;
    *spare = (struct payload_spare){ .is_used = true, .number = agent_number(core), .id = f->id };
    if (MUSTER_MUTANT(payload_dropped_unasked))
        spare_end(core, spare, true);
    else
        spare->is_used = agent_requests_inner(core, &q, AGENT_ASKER_PAYLOAD, spare->number, 0);
    return MUSTER_MUTANT(payload_dropped_unasked) || spare->is_used;
}

void payload_spare_answered(struct agent_core *core, uint64_t number, const struct agent_reply *r)
{
    struct agent_payload *t = core->payload;
    struct payload_spare *spare = NULL;
    for (uint32_t i = 0; i < t->spares && spare == NULL; i++)
        if (t->spare[i].is_used && t->spare[i].number == number && number != 0)
            spare = &t->spare[i];
    if (spare == NULL)
        return;
    struct muster_reader in = muster_reader_over(r->body);
    bool is_ours = false;
    spare->number = 0;
    spare->seats = muster_read_array(&in, PAYLOAD_SEATS);
    for (uint32_t i = 0; i < spare->seats; i++) {
        spare->seat[i] = muster_read_id(&in);
        is_ours = is_ours || agent_is_self(core, spare->seat[i]);
    }
    bool is_told = r->err == MUSTER_OK && muster_reader_ok(&in) && !is_ours;
    for (uint32_t i = 0; i < spare->seats && is_told; i++)
        payload_keep_send(core, spare->seat[i], spare->id, core->config.self);
    if (!is_told || spare->seats == 0)
        spare_end(core, spare, is_told);
}

void payload_spare_kept(struct agent_core *core, struct muster_id from, struct agent_payload_id id)
{
    struct payload_spare *spare = spare_of(core, id);
    uint32_t left = 0;
    if (spare == NULL || spare->number != 0)
        return;
    for (uint32_t i = 0; i < spare->seats; i++)
        if (!muster_id_equal(spare->seat[i], from))
            spare->seat[left++] = spare->seat[i];
    spare->seats = left;
    if (left == 0)
        spare_end(core, spare, true);
}

/* Once a sweep: of those who were asked in an earlier one some have had no bytes, and are on their
 * way to them. Not always the same files, where they are more than can be asked about. */
void payload_spares_look(struct agent_core *core)
{
    struct agent_payload *t = core->payload;
    uint32_t from = t->spare_from;
    for (uint32_t i = 0; i < t->spares; i++)
        if (t->spare[i].is_used && t->spare[i].number == 0)
            spare_end(core, &t->spare[i], false);
    for (uint32_t i = 0; i < t->files; i++) {
        uint32_t at = (from + i) % t->files;
        struct payload_file *f = &t->file[at];
        if (!f->is_used || !payload_file_is_idle(core, f) || spare_of(core, f->id) != NULL)
            continue;
        if (!spare_begin(core, f))
            return;
        t->spare_from = at + 1;
    }
}
