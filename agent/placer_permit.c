/* SPDX-License-Identifier: Apache-2.0 */
/* A run whose job has a `max_running` has a permit of its group before it is placed: asked for when
 * a node would have it, given back when none has it after all. (agent/permit.h) */
#include "agent/permit.h"

#include <stdio.h>
#include <string.h>

#include "agent/placer_inside.h"
#include "agent/tickets.h"

#define PERMIT_SOON_MS   5    /* many at a time */
#define PERMIT_UNUSED_MS 5000 /* a permit that finds no node for so long goes back */
#define PERMIT_STALE_MS  6000 /* a question that was not repeated for so long is over */
#define PERMITS_LOOK_MAX 256
#define PERMITS_ASK_MAX  64

static uint64_t reign_of(const struct agent_core *core, const struct place_entry *e)
{
    return store_reign_served(core->store, e->bucket).packed;
}

static struct agent_msg_permit message_of(const struct agent_core *core,
                                          const struct place_entry *e)
{
    return (struct agent_msg_permit){ .group = muster_bytes_text(e->wish->group),
                                      .key = placer_key(e),
                                      .who = core->config.self,
                                      .reign = reign_of(core, e),
                                      .cap = e->wish->max_running };
}

static bool is_capped(const struct place_entry *e)
{
    return e->wish != NULL && e->wish->max_running != 0;
}

void placer_permit_used(struct agent_core *core, struct place_entry *e)
{
    struct place_ask *ask = e->ask;
    if (ask == NULL)
        return;
    ask->permit_ms = core->now.mono_ms;
    ask->permit_ask = 0;
}

static void permit_forget(struct place_entry *e)
{
    if (e->ask != NULL)
        e->ask->permit = e->ask->permit_ask = 0;
}

/* The group's keeper asks whether it is so, and takes it back then. */
void placer_permit_drop(struct agent_core *core, struct place_entry *e)
{
    const struct place_ask *ask = placer_ask_of(e);
    bool has =
        is_capped(e) && (ask->permit != 0 || ask->permit_ask != 0 || placer_run_of(e)->token != 0);
    permit_forget(e);
    if (!has || !store_is_serving(core->store, e->bucket))
        return;
    const struct agent_msg_permit m = message_of(core, e);
    agent_permit_send(core, AGENT_MSG_PERMIT_LOOK, m.group, ask->permit_tries, &m);
}

static void text_default(struct place_entry *e)
{
    const char *name = strchr(e->wish->group, '/') + 1;
    bool is_own = strncmp(e->wish->group, "%job/", 5) == 0;
    char why[AGENT_REASON_MAX];
    (void)snprintf(why, sizeof why, "waits for a permit of %s %.80s (max_running %u)",
                   is_own ? "its job" : "group", name, e->wish->max_running);
    placer_text_set(&e->why, why);
}

bool placer_permit_waits(struct agent_core *core, struct place_entry *e,
                         const struct store_row *row)
{
    const struct place_ask *ask = placer_ask_of(e);
    struct agent_placer *t = core->placer;
    uint64_t now = core->now.mono_ms, limit = placer_limit_ms(core, e, row);
    (void)placer_wish(core, e, row);
    placer_due(core, e, limit);
    if (!is_capped(e))
        return false;
    if (ask->permit != 0 && now >= ask->permit_ms + PERMIT_UNUSED_MS) {
        MUSTER_MARK(permit_finds_no_node);
        placer_permit_drop(core, e);
    }
    if (ask->permit != 0) {
        placer_due(core, e, muster_deadline_sooner(limit, ask->permit_ms + PERMIT_UNUSED_MS));
        return false;
    }
    if (e->state != PLACE_PERMIT)
        text_default(e);
    e->state = PLACE_PERMIT;
    muster_heap_remove(&t->queue, placer_index(core, e));
    muster_heap_set(&t->permits, placer_index(core, e),
                    agent_ticket_rank(row->priority, row->since_wall_ms));
    t->permits_ms = muster_deadline_sooner(t->permits_ms, now + PERMIT_SOON_MS);
    return true;
}

bool placer_permit_lacks(const struct place_entry *e)
{
    return is_capped(e) && placer_ask_of(e)->permit == 0;
}

/* True when it was asked for; a run that nobody would have now asks for nothing. */
static bool permit_ask(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    struct place_ask *ask = placer_ask_make(core, e);
    ask->refused_count = 0;
    if (!placer_has_candidate(core, e, row)) {
        ask->permit_ask = 0;
        placer_text_set(&e->why, NULL); /* what hinders it is said as of any other */
        return false;
    }
    if (e->why == NULL)
        text_default(e);
    if (ask->permit_ask != 0 && !ask->is_permit_heard)
        ask->permit_tries++; /* nobody has answered: perhaps another keeps the group */
    if (ask->permit_ask == 0)
        ask->permit_ask = agent_number(core);
    ask->is_permit_heard = false;
    ask->permit_asked_ms = core->now.mono_ms;
    struct agent_msg_permit m = message_of(core, e);
    m.number = ask->permit_ask;
    m.rank = agent_ticket_rank(row->priority, row->since_wall_ms);
    agent_permit_send(core, AGENT_MSG_PERMIT_ASK, m.group, ask->permit_tries, &m);
    return true;
}

void placer_permits_tick(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    uint32_t aside[PERMITS_LOOK_MAX], count = 0, asked = 0;
    uint64_t now = core->now.mono_ms;
    while (count < PERMITS_LOOK_MAX &&
           muster_heap_take(&t->permits, MUSTER_NEVER - 1, &aside[count]))
        count++;
    t->permits_ms = count > 0 ? now + AGENT_PERMIT_ASK_MS : MUSTER_NEVER;
    for (uint32_t i = 0; i < count; i++) {
        struct place_entry *e = &t->entry[aside[i]];
        struct store_view view;
        if (!store_get(core->store, placer_key(e), &view))
            continue; /* gone with its reign, which frees it */
        bool is_asked = placer_ask_of(e)->permit_ask != 0 &&
                        now < placer_ask_of(e)->permit_asked_ms + AGENT_PERMIT_ASK_MS;
        if (!is_asked && asked < PERMITS_ASK_MAX)
            (void)permit_ask(core, e, &view.row);
        asked++;
        muster_heap_set(&t->permits, aside[i],
                        agent_ticket_rank(view.row.priority, view.row.since_wall_ms));
    }
}

static void wait_text(struct place_entry *e, const struct agent_msg_permit *m)
{
    const char *name = strchr(e->wish->group, '/') + 1;
    char why[AGENT_REASON_MAX];
    (void)snprintf(why, sizeof why,
                   "waits for a permit of group %.40s: %u of %u running (%.*s), %u before it", name,
                   m->held, e->wish->max_running, (int)m->names.len, (const char *)m->names.data,
                   m->before);
    placer_text_set(&e->why, why);
}

void agent_placer_permit_said(struct agent_core *core, struct muster_reader *r)
{
    struct agent_msg_permit m = { 0 };
    struct store_view view;
    struct place_entry *e = agent_permit_read(r, &m) ? placer_find(core, m.key) : NULL;
    if (e == NULL || e->state != PLACE_PERMIT || placer_ask_of(e)->permit_ask == 0 ||
        placer_ask_of(e)->permit_ask != m.number || !store_get(core->store, m.key, &view)) {
        MUSTER_MARK(permit_said_too_late);
        return;
    }
    e->ask->is_permit_heard = true;
    if (m.permit == 0) {
        wait_text(e, &m);
        return;
    }
    e->ask->permit = m.permit;
    e->ask->permit_ask = 0;
    e->ask->permit_ms = core->now.mono_ms;
    muster_heap_remove(&core->placer->permits, placer_index(core, e));
    core->placer->permits_ms =
        muster_deadline_sooner(core->placer->permits_ms, core->now.mono_ms + PERMIT_SOON_MS);
    placer_queue(core, e, &view.row);
}

static bool is_of_group(struct agent_core *core, const struct store_row *row,
                        struct muster_bytes group)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    bool is_it = wish != NULL && muster_bytes_equal(muster_bytes_text(wish->group), group);
    agent_wish_drop(&core->wishes, wish);
    return is_it;
}

/* Whether that permit is needed: by a run that is placed or may be about to be. What is not decided
 * yet needs it; what waits for its back-off does not; and a job that has changed its group needs it
 * until what runs of its earlier self has ended. */
static bool is_needed(struct agent_core *core, const struct agent_msg_permit *m)
{
    struct store_view view;
    struct place_entry *e = placer_find(core, m->key);
    if (!store_get(core->store, m->key, &view))
        return false;
    if (!view.is_chosen)
        return true;
    if (!is_of_group(core, &view.row, m->group))
        return view.row.run_token != 0 && view.row.phase != STORE_PLACED;
    if (view.row.run_token != 0 || view.row.phase == STORE_PLACED)
        return true;
    if (view.row.phase != STORE_WAITING || e == NULL || e->state == PLACE_DELAYED)
        return false;
    const struct place_ask *ask = placer_ask_of(e);
    bool is_asked =
        ask->permit_ask != 0 && core->now.mono_ms < ask->permit_asked_ms + PERMIT_STALE_MS;
    return ask->permit == m->permit || (ask->permit == 0 && is_asked);
}

/* A placement that an earlier keeper wrote and no quorum has may still come up, as long as its row
 * has nothing newer: the permit is not given back before it has. True when that is written now. */
static bool is_made_sure(struct agent_core *core, const struct agent_msg_permit *m)
{
    struct store_view view;
    if (!store_get(core->store, m->key, &view))
        return false;
    if (store_version_reign(view.version).packed ==
        store_reign_served(core->store, view.bucket).packed)
        return false;
    const struct store_write write = { .row = &view.row, .expected = view.version.packed };
    MUSTER_MARK(permit_kept_until_its_row_is_new);
    int err = store_write(core->store, &write, 1);
    MUSTER_ASSERT(err != MUSTER_EINVAL); /* what is refused now is asked again in some seconds */
    return true;
}

void agent_placer_permit_check(struct agent_core *core, struct muster_reader *r)
{
    struct agent_msg_permit m = { 0 };
    if (!agent_permit_read(r, &m))
        return;
    uint32_t bucket = store_bucket_of(core->store, m.key);
    if (!store_is_serving(core->store, bucket)) {
        bool was_passed = m.is_passed;
        m.is_passed = true;
        if (!was_passed)
            agent_permit_send(core, AGENT_MSG_PERMIT_CHECK, m.key, 0, &m);
        return;
    }
    m.is_needed = is_needed(core, &m) || is_made_sure(core, &m);
    struct place_entry *e = placer_find(core, m.key);
    if (!m.is_needed && e != NULL && is_capped(e) &&
        muster_bytes_equal(muster_bytes_text(e->wish->group), m.group))
        permit_forget(e); /* what still comes for it counts no more */
    struct muster_id to = m.who;
    m.who = core->config.self;
    m.reign = store_reign_served(core->store, bucket).packed;
    agent_permit_send_to(core, AGENT_MSG_PERMIT_CHECKED, to, &m);
}
