/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that come more than once, because whoever asks got no answer: they change a row once
 * (R19). A row has the ids of the last few that changed it, on every disk that has the row. What
 * is pushed out of there a keeper remembers by itself for a while: a copy may be held up for
 * seconds on a link, and so many other changes may come before it. */
#include <string.h>

#include "agent/serve_inside.h"

static bool is_same(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

static uint64_t *old_of(struct agent_core *core, const uint64_t id[2])
{
    return core->serve->old[(id[0] ^ id[1]) % SERVE_OLD_MAX]; /* random, all of them */
}

void serve_remember(struct agent_core *core, struct store_row *row, const struct agent_request *q)
{
    const struct store_request *last = &row->request[STORE_REQUESTS - 1];
    if (last->id[0] != 0 || last->id[1] != 0)
        memcpy(old_of(core, last->id), last->id, sizeof last->id);
    for (int i = STORE_REQUESTS - 1; i > 0; i--)
        row->request[i] = row->request[i - 1];
    row->request[0] = (struct store_request){ { q->request_id[0], q->request_id[1] }, MUSTER_OK };
}

bool serve_is_repeated(struct agent_core *core, const struct store_row *row,
                       const struct agent_request *q)
{
    if ((q->request_id[0] == 0 && q->request_id[1] == 0) || MUSTER_MUTANT(request_id_forgotten))
        return false;
    for (int i = 0; i < STORE_REQUESTS; i++)
        if (is_same(row->request[i].id, q->request_id))
            return true;
    return is_same(old_of(core, q->request_id), q->request_id);
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
