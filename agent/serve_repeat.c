/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that come more than once, because whoever asks got no answer: they change a row once
 * (R19). A row has the ids of the last few that changed it, on every disk that has the row. What is
 * pushed out of there its keeper remembers by itself for a while, and what it has refused: a copy
 * may be held up on a link for seconds, and what it asks for be possible by then, and wrong. */
#include <string.h>

#include "agent/serve_inside.h"
#include "base/hash.h"

static bool is_same(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

/* One id may be that of a question about many names. */
static struct store_request named(const uint64_t id[2], struct muster_bytes name, int outcome)
{
    return (struct store_request){ { id[0], id[1] ^ muster_hash64(name, 0) }, outcome };
}

static struct store_request *place_of(struct agent_core *core, const struct store_request *r)
{
    return &core->serve->old[(r->id[0] ^ r->id[1]) % SERVE_OLD_MAX];
}

static void keep(struct agent_core *core, struct store_request r)
{
    *place_of(core, &r) = r;
}

/* NULL: we know nothing of it. */
static const struct store_request *kept(struct agent_core *core, const struct agent_request *q)
{
    struct store_request r = named(q->request_id, muster_bytes_text(q->name), MUSTER_OK);
    const struct store_request *at = place_of(core, &r);
    bool is_known = is_same(at->id, r.id) && !MUSTER_MUTANT(request_id_forgotten);
    return is_known ? at : NULL;
}

void serve_remember(struct agent_core *core, struct store_row *row, const struct agent_request *q)
{
    const struct store_request *last = &row->request[STORE_REQUESTS - 1];
    if (last->id[0] != 0 || last->id[1] != 0)
        keep(core, named(last->id, row->key, MUSTER_OK));
    for (int i = STORE_REQUESTS - 1; i > 0; i--)
        row->request[i] = row->request[i - 1];
    row->request[0] = (struct store_request){ { q->request_id[0], q->request_id[1] }, MUSTER_OK };
}

void serve_refused(struct agent_core *core, const struct agent_request *q)
{
    int err = core->serve->said;
    bool is_final = err == MUSTER_ENOTFOUND || err == MUSTER_EEXISTS || err == MUSTER_ECONFLICT;
    if (is_final) /* else it is to be tried again, or can never be */
        keep(core, named(q->request_id, muster_bytes_text(q->name), err));
}

bool serve_refuses_again(struct agent_core *core, const struct serve_ask *ask)
{
    const struct store_request *old = kept(core, ask->q);
    if (old == NULL || old->outcome == MUSTER_OK)
        return false;
    MUSTER_MARK(request_refused_again);
    serve_error(core, ask, old->outcome, NULL, "%s: %s, as it was said before", ask->q->name,
                muster_err_text(old->outcome));
    return true;
}

bool serve_is_repeated(struct agent_core *core, const struct store_row *row,
                       const struct agent_request *q)
{
    if ((q->request_id[0] == 0 && q->request_id[1] == 0) || MUSTER_MUTANT(request_id_forgotten))
        return false;
    for (int i = 0; i < STORE_REQUESTS; i++)
        if (is_same(row->request[i].id, q->request_id))
            return true;
    return kept(core, q) != NULL;
}

enum serve_outcome serve_again(struct agent_core *core, struct served *s,
                               const struct store_row *row)
{
    struct serve_ask ask = serve_ask_of(s);
    MUSTER_MARK(request_repeated);
    for (int i = 0; i < STORE_REQUESTS; i++) {
        bool is_it = row->request[i].id[0] == s->q.request_id[0] &&
                     row->request[i].id[1] == s->q.request_id[1];
        if (!is_it || row->request[i].outcome == MUSTER_OK)
            continue;
        serve_error(core, &ask, row->request[i].outcome, "name",
                    "%s was kept in memory alone, and those who had it are gone; submit it anew",
                    s->name);
        return SERVE_ANSWERED;
    }
    return SERVE_SAME;
}
