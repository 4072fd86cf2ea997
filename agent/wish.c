/* SPDX-License-Identifier: Apache-2.0 */
/* Wishes: read from specs, shared by the jobs that say the same, asked of nodes. */
#include "agent/wish.h"

#include <stdlib.h>
#include <string.h>

#include "agent/job.h"
#include "base/hash.h"
#include "base/text.h"

/* ---- reading */

static bool holds(struct muster_bytes spec, const char *word)
{
    return spec.len > 0 && memmem(spec.data, spec.len, word, strlen(word)) != NULL;
}

/* The canonical text escapes quotes within values, so that a field's name is found only as one; a
 * key of `env` or `labels` may look like it, and costs a reading. */
static bool may_wish(struct muster_bytes spec)
{
    return holds(spec, "\"on\":") || holds(spec, "\"prefer\":") || holds(spec, "\"spread_by\":") ||
           holds(spec, "\"max_running\":") || holds(spec, "\"apart\":") ||
           holds(spec, "\"if_none\":\"fail\"") || holds(spec, "\"move\":\"eager\"") ||
           holds(spec, "\"move\":\"never\"") || holds(spec, "\"on_agent_stop\":\"keep\"") ||
           holds(spec, "\"handoff\":\"start-stop\"");
}

static uint64_t text_hash(const char *text, uint64_t seed)
{
    return text != NULL ? muster_hash64(muster_bytes_text(text), seed) : seed * 31 + 7;
}

static bool match_read(struct agent_match *m, const char *text)
{
    struct agent_problem problem;
    return text != NULL && agent_match_parse(m, text, &problem) == MUSTER_OK;
}

/* A job that names no group is one by itself. */
static void group_key(char key[STORE_KEY_MAX + 1], const struct agent_job *job)
{
    if (job->max_running != 0)
        (void)muster_format(key, STORE_KEY_MAX + 1, "%s%s",
                            job->group != NULL ? "%group/" : "%job/",
                            job->group != NULL ? job->group : job->name);
}

/* One that a newer build understands stays empty here, and an empty match is nobody's. */
static void wish_fill(struct agent_wish *wish, const struct agent_job *job)
{
    wish->has_on = job->on != NULL;
    (void)muster_format(wish->spread_by, sizeof wish->spread_by, "%s",
                        job->spread_by != NULL ? job->spread_by : "");
    wish->is_eager = job->move == AGENT_JOB_MOVE_EAGER;
    wish->is_fixed = job->move == AGENT_JOB_MOVE_NEVER;
    wish->is_kept = job->on_agent_stop == AGENT_JOB_STOP_KEEPS;
    wish->is_now = job->if_none == AGENT_JOB_NONE_FAILS;
    wish->starts_first = job->handoff == AGENT_JOB_START_STOP;
    wish->max_running = job->max_running;
    (void)muster_format(wish->apart, sizeof wish->apart, "%s",
                        job->apart != NULL ? job->apart : "");
    group_key(wish->group, job);
    wish->has_prefer = match_read(&wish->prefer, job->prefer);
    if (wish->has_on && !match_read(&wish->on, job->on))
        wish->on.root = 0;
}

static struct agent_wish *wish_make(struct agent_wishes *w, const struct agent_job *job,
                                    uint64_t hash)
{
    struct agent_wish *wish = calloc(1, sizeof *wish);
    MUSTER_ASSERT(wish != NULL);
    wish->hash = hash;
    if (job != NULL)
        wish_fill(wish, job);
    else
        wish->has_on = true;
    wish->next = w->shelf[hash % AGENT_WISH_SHELF];
    w->shelf[hash % AGENT_WISH_SHELF] = wish;
    return wish;
}

static bool asks_nothing(const struct agent_job *job)
{
    return job->on == NULL && job->prefer == NULL && job->spread_by == NULL &&
           job->max_running == 0 && job->apart == NULL && job->move == AGENT_JOB_MOVE_LAZY &&
           job->if_none == AGENT_JOB_NONE_WAITS && job->on_agent_stop == AGENT_JOB_STOP_MOVES &&
           job->handoff == AGENT_JOB_STOP_START;
}

static uint64_t job_hash(const struct agent_job *job)
{
    char group[STORE_KEY_MAX + 1] = "";
    group_key(group, job);
    uint64_t words =
        ((uint64_t)job->if_none * 31 + (uint64_t)job->move) * 31 + (uint64_t)job->on_agent_stop;
    words = words * 31 + (uint64_t)job->handoff;
    uint64_t hash = text_hash(group, words * 1000003 + job->max_running);
    hash = text_hash(job->apart, hash);
    return text_hash(job->spread_by, text_hash(job->prefer, text_hash(job->on, hash)));
}

static struct agent_wish *wish_find(const struct agent_wishes *w, uint64_t hash)
{
    struct agent_wish *wish = w->shelf[hash % AGENT_WISH_SHELF];
    while (wish != NULL && wish->hash != hash)
        wish = wish->next;
    return wish;
}

/* The wish of a spec, or NULL; `seen` is told what it is. */
static struct agent_wish *wish_read(struct agent_wishes *w, struct muster_bytes spec,
                                    struct agent_wish_seen *seen)
{
    struct agent_job job;
    struct agent_problem problem;
    seen->is_none = !may_wish(spec);
    if (seen->is_none)
        return NULL;
    bool is_read = agent_job_decode(&job, spec, &problem) == MUSTER_OK;
    seen->is_none = is_read && asks_nothing(&job);
    seen->wish = is_read ? job_hash(&job) : 0;
    struct agent_wish *wish = seen->is_none ? NULL : wish_find(w, seen->wish);
    if (wish == NULL && !seen->is_none)
        wish = wish_make(w, is_read ? &job : NULL, seen->wish);
    if (is_read)
        agent_job_close(&job);
    return wish;
}

/* The same few specs are asked about again and again: reading one is a thousand times its hash. */
const struct agent_wish *agent_wish_take(struct agent_wishes *w, struct muster_bytes spec)
{
    uint64_t hash = muster_hash64(spec, spec.len);
    struct agent_wish_seen *seen = &w->seen[hash % AGENT_WISH_SEEN];
    bool is_seen = seen->is_used && seen->spec == hash;
    if (is_seen && seen->is_none)
        return NULL;
    struct agent_wish *wish = is_seen ? wish_find(w, seen->wish) : NULL;
    if (wish == NULL) {
        *seen = (struct agent_wish_seen){ .is_used = true, .spec = hash };
        wish = wish_read(w, spec, seen);
    }
    if (wish != NULL)
        wish->users++;
    return wish;
}

void agent_wish_drop(struct agent_wishes *w, const struct agent_wish *wish)
{
    if (wish == NULL)
        return;
    struct agent_wish **at = &w->shelf[wish->hash % AGENT_WISH_SHELF];
    while (*at != wish)
        at = &(*at)->next;
    struct agent_wish *own = *at;
    if (--own->users > 0)
        return;
    *at = own->next;
    free(own);
}

void agent_wishes_close(struct agent_wishes *w)
{
    for (uint32_t i = 0; i < AGENT_WISH_SHELF; i++)
        while (w->shelf[i] != NULL) {
            struct agent_wish *wish = w->shelf[i];
            w->shelf[i] = wish->next;
            free(wish);
        }
}

/* ---- asking */

bool agent_wish_allows(const struct agent_wish *wish, const struct agent_facts *node)
{
    return wish == NULL || !wish->has_on || agent_match_is(&wish->on, node);
}

bool agent_wish_prefers(const struct agent_wish *wish, const struct agent_facts *node)
{
    return wish == NULL || !wish->has_prefer || agent_match_is(&wish->prefer, node);
}
