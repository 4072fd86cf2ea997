/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a job: N of them on as many nodes, or one on each; and whom a copy may not meet. */
#include <string.h>

#include "agent/family_inside.h"
#include "agent/peers.h"
#include "agent/place.h"
#include "agent/placer.h"

bool family_is_live(const struct store_row *row)
{
    bool wants =
        row->want == STORE_WANT_RUN && (row->phase == STORE_WAITING || row->phase == STORE_PLACED);
    return wants || row->run_token != 0;
}

/* ---- rows that are to be */

static bool child_add(struct agent_core *core, struct family_look *l, const struct store_row *job,
                      const struct agent_run_name *name, bool ends, uint64_t not_before_wall_ms,
                      bool is_queued)
{
    struct store_view view;
    if (family_is_full(l))
        return false;
    char *key = l->key[l->count];
    if (!agent_run_name_write(name, key))
        return true; /* a name that no row can have: it was refused when the job came */
    bool is_known = store_get(core->store, muster_bytes_text(key), &view);
    if (is_known && view.row.phase != STORE_GONE)
        return true;
    bool runs = job->want == STORE_WANT_RUN && !is_queued;
    struct store_row row = {
        .key = muster_bytes_text(key),
        .kind = ends ? STORE_KIND_TASK : STORE_KIND_SERVICE,
        .mode = job->mode,
        .priority = job->priority,
        .want = is_queued ? STORE_WANT_HOLD : job->want,
        .phase = runs ? STORE_WAITING : STORE_HELD,
        .needs = job->needs,
        .revision = job->revision,
        .created_wall_ms = core->now.wall_ms,
        .modified_wall_ms = job->since_wall_ms,
        .since_wall_ms = core->now.wall_ms,
        .spec = job->spec,
        .not_before_wall_ms = not_before_wall_ms,
        .exit_code = -1,
        .reason = muster_bytes_text(is_queued ? FAMILY_QUEUED : ""),
    };
    /* What an earlier life of the name still runs is ended before this one starts. */
    if (is_known) {
        row.run_node = view.row.run_node;
        row.run_token = view.row.run_token;
        row.run_mode = view.row.run_mode;
        row.handoff = view.row.handoff != STORE_HANDOFF_NONE ? STORE_ENDING : STORE_HANDOFF_NONE;
        row.other_node = view.row.other_node;
        row.other_token = view.row.other_token;
    }
    family_row_add(l, &row, is_known ? view.version.packed : 0, true);
    return true;
}

static bool is_of_us(const struct agent_peer *p, const struct agent_wish *wish)
{
    struct agent_facts facts = agent_place_facts(p);
    bool is_here = p->is_self || (agent_peer_is_alive(p) && !p->is_foreign && !p->is_lost);
    return is_here && agent_wish_allows(wish, &facts);
}

bool family_children_add(struct agent_core *core, struct family_look *l,
                         const struct store_row *row, const struct agent_job *job,
                         uint64_t tick_wall_ms, bool is_queued)
{
    struct agent_run_name name = { .job = l->job_key, .tick_wall_ms = tick_wall_ms };
    uint64_t jitter = job->jitter_ms > 0 ? muster_hash64(l->job_key, 1) % job->jitter_ms : 0;
    uint64_t not_before = tick_wall_ms != 0 && jitter > 0 ? tick_wall_ms + jitter : 0;
    bool ends = agent_job_ends(job), has_room = true;
    if (job->spread == AGENT_JOB_EACH) {
        const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
        for (uint32_t i = 0; i < agent_peers_count(core) && has_room; i++) {
            const struct agent_peer *p = agent_peers_at(core, i);
            name.node = muster_bytes_text(p->name);
            if (is_of_us(p, wish))
                has_room = child_add(core, l, row, &name, ends, not_before, is_queued);
        }
        agent_wish_drop(&core->wishes, wish);
        return has_room;
    }
    for (uint32_t i = 1; i <= job->spread && has_room; i++) {
        name.index = job->spread > 1 ? i : 0;
        has_room = child_add(core, l, row, &name, ends, not_before, is_queued);
    }
    return has_room;
}

/* ---- rows that are */

/* Who bears that name: who is alive rather than who was, for it may have come back with a new disk.
 */
static struct agent_peer *bearer(struct agent_core *core, struct muster_bytes node)
{
    struct agent_peer *first = NULL;
    for (uint32_t i = 0; node.len > 0 && i < agent_peers_count(core); i++) {
        struct agent_peer *p = agent_peers_at(core, i);
        if (!muster_bytes_equal(muster_bytes_text(p->name), node))
            continue;
        if (agent_peer_is_alive(p))
            return p;
        first = first == NULL ? p : first;
    }
    return first;
}

/* A node that is away keeps its copy waiting for it; one that has left for good does not. */
static bool is_left(struct agent_core *core, struct muster_bytes node)
{
    const struct agent_peer *p = bearer(core, node);
    return p != NULL && (p->is_lost || p->state == GOSSIP_LEFT);
}

static bool is_wanted(struct agent_core *core, const struct agent_job *job,
                      const struct agent_run_name *name)
{
    if (name->tick_wall_ms != 0 || job->start == AGENT_JOB_START_MANUAL)
        return false;
    if (job->spread == AGENT_JOB_EACH)
        return name->node.len > 0 && !is_left(core, name->node);
    return name->index >= 1 && name->index <= job->spread;
}

/* As the job is now. A restart, or a specification that makes another process, begins it anew: the
 * job's phase says since when it is as it is. */
static bool child_follow(const struct agent_core *core, const struct store_row *job,
                         struct store_row *row)
{
    bool begins = family_begins(job, row), wants = row->want != job->want && row->skipped == 0;
    if (!begins && !wants && row->revision == job->revision)
        return false;
    if (begins) {
        row->ticks = row->run_token != 0 || row->phase == STORE_PLACED;
        row->skipped = 0;
    }
    row->spec = job->spec;
    row->revision = job->revision;
    row->modified_wall_ms = job->since_wall_ms;
    row->mode = job->mode;
    row->priority = job->priority;
    row->needs = job->needs;
    if (row->skipped != 0)
        return true; /* what a person wants of it alone goes on */
    row->want = job->want;
    if (row->want == STORE_WANT_RUN && (begins || row->phase == STORE_HELD)) {
        store_row_again(row, core->now.wall_ms);
    } else if (row->want != STORE_WANT_RUN && row->run_token == 0 && row->phase == STORE_WAITING) {
        row->phase = STORE_HELD;
        row->since_wall_ms = core->now.wall_ms;
        row->reason = muster_bytes_text(row->want == STORE_WANT_STOP ? "stopped by a person"
                                                                     : "held by a person");
    }
    return true;
}

void family_spread(struct agent_core *core, struct family_look *l, const struct store_view *view,
                   const struct agent_job *job)
{
    const struct store_row *row = &view->row;
    struct store_view child;
    struct muster_bytes after = { NULL, 0 };
    const struct family_turn turn = family_turn(core, row);
    if (turn.old > 0) /* a copy that is ready tells so; this is for what nobody tells */
        l->wake_wall_ms = agent_wall_ms(core) + FAMILY_TURN_MS;
    while (!family_is_full(l) && family_child_after(core, l->job_key, after, &child)) {
        struct agent_run_name name = agent_run_name_read(child.row.key);
        after = child.row.key;
        if (!child.is_chosen)
            continue; /* when it is, it is looked at */
        if (!is_wanted(core, job, &name))
            family_row_end(core, l, &child);
        else if (family_may_begin(&turn, row, &child.row) && child_follow(core, row, &child.row))
            family_row_add(l, &child.row, child.version.packed, false);
    }
    if (job->start != AGENT_JOB_START_MANUAL)
        (void)family_children_add(core, l, row, job, 0, false);
}

/* ---- who may not have it */

struct agent_peer *agent_family_node(struct agent_core *core, struct muster_bytes key)
{
    return bearer(core, agent_run_name_read(key).node);
}

#define FAMILY_PLACES 3 /* of one copy: its run's, its second run's, and one that was asked */

/* Where another copy of the same runs, and whom it was asked of. */
static uint32_t mates_of(struct agent_core *core, const struct agent_run_name *mine,
                         const struct store_row *row, const struct agent_peer *out[FAMILY_PLACES])
{
    struct agent_run_name other = agent_run_name_read(row->key);
    uint32_t n = 0;
    if (other.tick_wall_ms != mine->tick_wall_ms || other.index == mine->index)
        return 0;
    out[n] = row->run_token != 0 ? agent_peers_find(core, row->run_node) : NULL;
    n += out[n] != NULL;
    out[n] = row->handoff != STORE_HANDOFF_NONE ? agent_peers_find(core, row->other_node) : NULL;
    n += out[n] != NULL;
    out[n] = agent_placer_offered(core, row->key);
    return n + (out[n] != NULL);
}

void agent_family_bar(struct agent_core *core, struct muster_bytes key, bool *may)
{
    struct store_view view;
    struct muster_bytes after = { NULL, 0 };
    if (!family_is_child(key))
        return;
    struct agent_run_name mine = agent_run_name_read(key);
    const struct agent_peer *own = agent_family_node(core, key);
    for (uint32_t i = 0; mine.node.len > 0 && i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (p->is_in_ring && p != own)
            may[p->ring_number] = false;
    }
    while (mine.index != 0 && family_child_after(core, mine.job, after, &view)) {
        const struct agent_peer *mate[FAMILY_PLACES];
        after = view.row.key;
        uint32_t n = mates_of(core, &mine, &view.row, mate);
        for (uint32_t i = 0; i < n; i++)
            if (mate[i]->is_in_ring)
                may[mate[i]->ring_number] = false;
    }
}

uint32_t agent_family_mates(struct agent_core *core, struct muster_bytes key,
                            const struct agent_peer **out, uint32_t max)
{
    struct store_view view;
    struct muster_bytes after = { NULL, 0 };
    struct agent_run_name mine = agent_run_name_read(key);
    uint32_t n = 0;
    while (mine.index != 0 && n + FAMILY_PLACES <= max &&
           family_child_after(core, mine.job, after, &view)) {
        after = view.row.key;
        n += mates_of(core, &mine, &view.row, out + n);
    }
    return n;
}

const char *agent_family_bar_text(struct agent_core *core, struct muster_bytes key,
                                  const struct agent_peer *p)
{
    if (!p->is_in_ring || !family_is_child(key))
        return NULL;
    bool *may = core->family->may;
    may[p->ring_number] = true;
    agent_family_bar(core, key, may);
    bool is_barred = !may[p->ring_number];
    if (!is_barred)
        return NULL;
    return agent_run_name_read(key).node.len > 0 ? "no: it is another node's share"
                                                 : "no: has a copy of it";
}
