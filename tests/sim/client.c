/* SPDX-License-Identifier: Apache-2.0 */
/* Clients: one person a name, who asks one thing at a time and repeats what was not answered, under
 * the same request id, until it is. So it is always known what a name's person was promised. */
#include <stdio.h>
#include <string.h>

#include "agent/template.h"
#include "tests/sim/inv.h"

#define QUIET_MS 20000 /* so long a question that was not answered may still be done */

/* What is left beside a job is nobody's wish: no client asks for it. */
uint32_t sim_jobs_all(const struct sim *s)
{
    return s->jobs + s->children;
}

struct sim_job *sim_job_at(struct sim *s, uint32_t index)
{
    return &s->job[index < s->jobs ? index : SIM_JOBS + SIM_LEFT + index - s->jobs];
}

struct sim_job *sim_job_parent(struct sim *s, const struct sim_job *j)
{
    const char *end = strchr(j->name, '@');
    for (uint32_t i = 0; i < s->jobs && end != NULL; i++) {
        const char *name = s->job[i].name;
        size_t len = (size_t)(end - j->name);
        if (strncmp(name, j->name, len) == 0 && name[len] == '\0')
            return &s->job[i];
    }
    return NULL;
}

struct sim_job *sim_job_find(struct sim *s, const char *name)
{
    bool is_left = strchr(name, '!') != NULL, is_child = !is_left && strchr(name, '@') != NULL;
    struct sim_job *first = &s->job[is_left ? SIM_JOBS : is_child ? SIM_JOBS + SIM_LEFT : 0];
    uint32_t *count = is_left ? &s->lefts : is_child ? &s->children : &s->jobs;
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(first[i].name, name) == 0)
            return &first[i];
    if (*count == (is_left ? SIM_LEFT : is_child ? SIM_CHILDREN : SIM_JOBS))
        return NULL;
    struct sim_job *j = &first[(*count)++];
    *j = (struct sim_job){ 0 };
    (void)snprintf(j->name, sizeof j->name, "%s", name);
    struct muster_bytes home = store_key_home(muster_bytes_text(name));
    j->bucket = (uint32_t)(muster_hash64(home, 0) % s->buckets);
    const struct sim_job *parent = sim_job_parent(s, j);
    j->is_exclusive = parent != NULL && parent->is_exclusive;
    return j;
}

/* A change of a job makes it anew where it has been deleted meanwhile. */
static bool is_upsert(const struct sim_job *j)
{
    return j->op == AGENT_OP_JOB_PUT && j->is_update;
}

static uint64_t ask(struct sim *s, uint32_t node, struct agent_request *q, uint64_t id)
{
    struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = q };
    struct sim_job *j = q->name[0] != '\0' ? sim_job_find(s, q->name) : NULL;
    q->number = s->next_request++;
    q->request_id[0] = id != 0 ? id : q->number;
    if (j != NULL) {
        j->request = q->number;
        j->id = q->request_id[0];
        j->asked = node;
        j->asked_at = s->now;
        j->op = q->op;
        if (is_upsert(j)) {
            j->unsure_before = j->unsure_until;
            j->unsure_until = s->now + QUIET_MS;
        }
        j->is_delete_tried = j->is_delete_tried || q->op == AGENT_OP_JOB_DELETE;
    }
    uint64_t number = q->number;
    sim_step(s, node, &e);
    return number;
}

static void group_read(struct sim_job *j, const char *spec)
{
    const char *cap = strstr(spec, "\"max_running\":");
    j->cap = cap != NULL ? (uint32_t)(cap[14] - '0') : 0;
}

static uint64_t put(struct sim *s, uint32_t node, const char *name, const char *spec, uint64_t id)
{
    struct agent_request q = { .op = AGENT_OP_JOB_PUT, .name = name, .create_only = true };
    struct sim_job *j = sim_job_find(s, name);
    q.spec = muster_bytes_text(spec);
    j->is_update = false;
    j->is_exclusive = strstr(spec, "\"exclusive\"") != NULL;
    s->has_light = s->has_light || strstr(spec, "\"durable\":false") != NULL;
    group_read(j, spec);
    sim_log(s, "client puts %s%s at n%u", name, id != 0 ? " again" : "", node);
    return ask(s, node, &q, id);
}

uint64_t sim_put(struct sim *s, uint32_t node, const char *name, const char *spec)
{
    return put(s, node, name, spec, 0);
}

uint64_t sim_put_again(struct sim *s, uint32_t node, const char *name, const char *spec)
{
    return put(s, node, name, spec, sim_job_find(s, name)->id);
}

uint64_t sim_update(struct sim *s, uint32_t node, const char *name, const char *spec)
{
    struct agent_request q = { .op = AGENT_OP_JOB_PUT, .name = name };
    q.spec = muster_bytes_text(spec);
    sim_job_find(s, name)->is_update = true;
    sim_log(s, "client changes %s at n%u", name, node);
    return ask(s, node, &q, 0);
}

uint64_t sim_op(struct sim *s, uint32_t node, enum agent_op op, const char *name)
{
    struct agent_request q = { .op = op, .name = name };
    sim_log(s, "client op %d on %s at n%u", (int)op, name, node);
    return ask(s, node, &q, 0);
}

uint64_t sim_trigger(struct sim *s, uint32_t node, const char *job, const char *key)
{
    uint8_t wire[64];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);
    const struct agent_trigger_item item = { .has_key = true, .key = muster_bytes_text(key) };
    agent_trigger_item_write(&w, &item);
    struct agent_request q = { .op = AGENT_OP_TRIGGER, .name = job, .number = s->next_request++ };
    struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    uint64_t number = q.number;
    q.spec = muster_writer_bytes(&w);
    sim_log(s, "client triggers %s for %s at n%u", job, key, node);
    sim_step(s, node, &e);
    return number;
}

uint64_t sim_restore(struct sim *s, uint32_t node, const char *job, struct muster_bytes spec)
{
    struct agent_request q = {
        .op = AGENT_OP_JOB_RESTORE, .name = job, .spec = spec, .number = s->next_request++
    };
    struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    uint64_t number = q.number;
    sim_log(s, "client restores %s at n%u", job, node);
    sim_step(s, node, &e);
    return number;
}

uint64_t sim_delete_again(struct sim *s, uint32_t node, const char *name)
{
    struct agent_request q = { .op = AGENT_OP_JOB_DELETE, .name = name };
    sim_log(s, "client deletes %s again at n%u", name, node);
    return ask(s, node, &q, sim_job_find(s, name)->id);
}

void sim_drain(struct sim *s, uint32_t node, bool cancel)
{
    struct agent_request q = { .op = AGENT_OP_DRAIN, .name = "", .node = "", .cancel = cancel };
    sim_log(s, "n%u is %s", node, cancel ? "opened" : "drained");
    (void)ask(s, node, &q, 0);
}

void sim_drain_within(struct sim *s, uint32_t node, uint64_t deadline_ms)
{
    struct agent_request q = {
        .op = AGENT_OP_DRAIN, .name = "", .node = "", .deadline_ms = deadline_ms
    };
    sim_log(s, "n%u is drained within %llu ms", node, (unsigned long long)deadline_ms);
    (void)ask(s, node, &q, 0);
}

/* ---- answers */

/* Found nothing to delete: either a copy of the question has done it, or an acknowledged job is
 * lost. A light one that a keeper has lost with its memory may be with a member that it does not
 * see: nobody has deleted that. */
static void delete_answered(struct sim *s, struct sim_job *j, int err)
{
    bool was_done = sim_truth_copies(s, (uint32_t)(j - s->job), j->id) > 0;
    if (err == MUSTER_ENOTFOUND && j->is_acked && !was_done && !sim_truth_may_forget(s, j))
        sim_fail(s, 1, "I1: %s is acknowledged, and is not there to be deleted", j->name);
    if (err != MUSTER_OK && err != MUSTER_ENOTFOUND)
        return;
    j->is_deleted_acked = true;
    bool is_unseen = err == MUSTER_ENOTFOUND && !was_done && sim_truth_may_forget(s, j);
    j->unseen = is_unseen ? j->uid : 0;
    if (is_unseen)
        return;
    for (uint32_t i = j->newest; i > 0; i = s->write[i - 1].older)
        if (s->write[i - 1].token > j->token_dead)
            j->token_dead = s->write[i - 1].token;
    j->deleted_at = s->now;
}

/* Whoever had lost the former life with its memory has met a member that had not: it goes on. */
static void life_goes_on(struct sim_job *j)
{
    j->is_acked = j->is_delete_tried = true;
    j->unseen = 0;
}

static void put_refused(const struct sim *s, struct sim_job *j, int err)
{
    /* Or the row was given up before it was ever chosen: its tombstone is. */
    bool is_given_up = j->chosen_gone && j->uid_dead == j->uid;
    j->is_anew = err == MUSTER_ENOTFOUND && (is_given_up || sim_truth_may_forget(s, j));
    if (err == MUSTER_EEXISTS)
        life_goes_on(j);
}

void sim_replied(struct sim *s, const struct agent_effect *e)
{
    const struct agent_reply *r = e->reply;
    s->last_reply = e->number;
    s->last_err = r->err;
    (void)snprintf(s->last_message, sizeof s->last_message, "%s",
                   r->message != NULL ? r->message : "");
    if (e->number == s->oath.request && r->err == MUSTER_OK)
        s->oath.is_wanted = false;
    for (uint32_t i = 0; i < s->jobs; i++) {
        struct sim_job *j = &s->job[i];
        if (j->request != e->number)
            continue;
        j->request = 0;
        sim_log(s, "reply %s: %d %s", j->name, r->err, s->last_message);
        sim_inv_reply(s, j, r);
        s->acks += r->err == MUSTER_OK;
        if (is_upsert(j) && r->err != MUSTER_EUNKNOWN)
            j->unsure_until = j->unsure_before;
        if (j->op == AGENT_OP_JOB_DELETE)
            delete_answered(s, j, r->err);
        else if (r->err == MUSTER_OK)
            j->is_acked = true;
        else if (j->op == AGENT_OP_JOB_PUT && !j->is_acked)
            put_refused(s, j, r->err);
    }
}

/* ---- what people wish */

#define CLIENT_PUT    15 /* percent of looks */
#define CLIENT_DELETE 5
#define CLIENT_AGAIN  10
#define CLIENT_CHANGE 6

static uint32_t up_draw(struct sim *s)
{
    uint32_t first = (uint32_t)muster_rng_below(&s->rng, s->nodes);
    for (uint32_t i = 0; i < s->nodes; i++) {
        uint32_t n = (first + i) % s->nodes;
        if (s->node[n].is_up && !s->node[n].is_paused)
            return n;
    }
    return UINT32_MAX;
}

/* In some clusters tasks are kept in memory alone, and half of them run for long. */
static bool is_light(const struct sim *s, const struct sim_job *j)
{
    return s->seed % 4 == 3 && (j - s->job) % 2 == 1 && !j->is_exclusive;
}

/* Handed over when they are ready. */
static bool is_handed(const struct sim *s, const struct sim_job *j)
{
    uint32_t job = (uint32_t)(j - s->job);
    return s->seed / 4 % 2 == 1 && job % 4 != 1 && !j->is_exclusive && s->seed % 4 != 2 &&
           !is_light(s, j);
}

/* In some clusters one of seven has a schedule, and one has two copies. */
static bool is_ticking(const struct sim *s, const struct sim_job *j)
{
    return sim_has(s, SIM_EVERY) && (j - s->job) % 7 == 6 && s->seed % 4 != 2;
}

static bool is_spread(const struct sim *s, const struct sim_job *j)
{
    return sim_has(s, SIM_SPREAD) && (j - s->job) % 7 == 5 && s->seed % 4 != 2 && s->nodes > 2;
}

static void family_spec_of(const struct sim *s, const struct sim_job *j, char *out, size_t size)
{
    static const char *const overlap[] = { "skip", "queue", "replace", "allow" };
    char more[192] = "\"kind\":\"service\",\"spread\":2";
    if (is_ticking(s, j))
        (void)snprintf(more, sizeof more,
                       "\"kind\":\"task\",\"arg\":\"0:1500\",\"every\":\"5s\",\"overlap\":\"%s\",%s"
                       "\"keep\":{\"ok\":2,\"fail\":2}",
                       overlap[s->seed / 8 % 4],
                       s->seed / 32 % 2 == 0 ? "\"missed\":\"all\",\"catchup\":\"1m\"," : "");
    (void)snprintf(out, size,
                   "{\"name\":\"%s\",\"exec\":[\"/bin/x\",\"%u\"],\"max_moves\":1000000,%s%s}",
                   j->name, j->spec, more, j->is_exclusive ? ",\"partition\":\"exclusive\"" : "");
}

static const char *habit_of(const struct sim *s, uint32_t job)
{
    if (job % 4 == 3 && is_light(s, &s->job[job]))
        return ",\"arg\":\"0:15000\"";
    if (job % 4 == 1)
        return ",\"arg\":\"0:3000\"";
    if (job % 5 == 3 && is_handed(s, &s->job[job]))
        return ",\"arg\":\"shy:1\",\"ready_timeout\":\"9s\"";
    if (job % 6 == 2 && sim_has(s, SIM_EXIT))
        return ",\"arg\":\"1:2500\"";
    if (job % 6 == 3 && sim_has(s, SIM_HANG))
        return ",\"arg\":\"hang\"";
    if (job % 10 == 4 && sim_has(s, SIM_KILLER))
        return ",\"arg\":\"kill:4000\"";
    return "";
}

static void spec_of(const struct sim *s, const struct sim_job *j, char *out, size_t size)
{
    uint32_t job = (uint32_t)(j - s->job);
    if (is_ticking(s, j) || is_spread(s, j)) {
        family_spec_of(s, j, out, size);
        return;
    }
    bool keep = job % 5 == 2, light = is_light(s, j);
    char payload[AGENT_PAYLOAD_TEXT] = "";
    bool has_payload = s->seed % 8 == 5 && job % 3 == 1 && s->payload[job % SIM_PUTS].size > 0;
    if (has_payload)
        (void)sim_payload_name(s, job % SIM_PUTS, payload);
    /* Agents die more often here than any job would be forgiven (max_moves). */
    (void)snprintf(out, size,
                   "{\"name\":\"%s\",\"kind\":\"%s\",\"exec\":[\"/bin/x\",\"%u\"],"
                   "\"max_moves\":1000000%s%s%s%s%s%s%s%s%s%s}",
                   j->name, light || job % 4 == 1 ? "task" : "service", j->spec, habit_of(s, job),
                   light ? ",\"durable\":false" : "",
                   keep           ? ",\"on_agent_loss\":\"keep\""
                   : job % 5 == 4 ? ",\"on_agent_stop\":\"keep\""
                                  : "",
                   j->is_exclusive ? ",\"partition\":\"exclusive\"" : "",
                   is_handed(s, j) ? ",\"handoff\":\"start-stop\"" : "",
                   s->seed % 4 == 1 && job % 3 == 0 ? ",\"move\":\"eager\"" : "",
                   s->seed % 4 == 2 && job % 2 == 0 ? ",\"group\":\"g\",\"max_running\":2" : "",
                   has_payload ? ",\"payload\":\"" : "", has_payload ? payload : "",
                   has_payload ? "\"" : "");
}

static void job_new(struct sim *s, uint32_t node)
{
    char name[32], spec[560];
    (void)snprintf(name, sizeof name, "job-%u", s->jobs);
    struct sim_job *j = sim_job_find(s, name);
    j->is_exclusive = muster_rng_chance(&s->rng, s->exclusive_percent, 100);
    spec_of(s, j, spec, sizeof spec);
    if (is_ticking(s, j) || is_spread(s, j))
        sim_count(s, is_ticking(s, j) ? SIM_EVERY : SIM_SPREAD);
    (void)sim_put(s, node, name, spec);
}

static void job_change(struct sim *s, uint32_t node, struct sim_job *j)
{
    static const enum agent_op ops[2][3] = {
        { AGENT_OP_JOB_STOP, AGENT_OP_JOB_START, AGENT_OP_JOB_RESTART },
        { AGENT_OP_JOB_HOLD, AGENT_OP_JOB_RELEASE, AGENT_OP_JOB_MOVE },
    };
    char spec[560];
    uint32_t what = (uint32_t)muster_rng_below(&s->rng, 4);
    sim_count(s, SIM_CHANGE);
    uint32_t more = is_handed(s, j) ? (uint32_t)muster_rng_below(&s->rng, 2) : s->seed % 4 == 1;
    if (what < 3) {
        (void)sim_op(s, node, ops[more][what], j->name);
        return;
    }
    j->spec++;
    spec_of(s, j, spec, sizeof spec);
    (void)sim_update(s, node, j->name, spec);
}

static void job_delete(struct sim *s, uint32_t node, struct sim_job *j)
{
    j->deletes++;
    if (j->deletes == 1)
        (void)sim_op(s, node, AGENT_OP_JOB_DELETE, j->name);
    else
        (void)sim_delete_again(s, node, j->name);
}

/* The same name for a new life. */
static void job_again(struct sim *s, uint32_t node, struct sim_job *j)
{
    char spec[560];
    j->is_acked = j->is_deleted_acked = j->is_delete_tried = j->is_update = false;
    j->is_anew = j->is_forgotten = false;
    j->deletes = 0;
    j->lives++;
    sim_count(s, SIM_AGAIN);
    spec_of(s, j, spec, sizeof spec);
    (void)sim_put(s, node, j->name, spec);
}

static void put_again(struct sim *s, uint32_t node, struct sim_job *j)
{
    char spec[560];
    spec_of(s, j, spec, sizeof spec);
    (void)sim_put_again(s, node, j->name, spec);
}

/* A copy of a question may be on its way for long after another copy was answered, and still be
 * done when it arrives. Who begins or ends a life of a name waits until none can be; in haste only
 * who does not know what became of a change that could make the job anew (R19). */
static bool is_quiet(const struct sim *s, const struct sim_job *j)
{
    if (s->now < j->unsure_until)
        return false;
    return sim_has(s, SIM_HASTE) || s->now >= j->asked_at + QUIET_MS;
}

/* What has no answer yet is asked again; else, in the storm, something new is wished. */
static void job_look(struct sim *s, uint32_t node, struct sim_job *j)
{
    bool storm = s->is_storm;
    if (!j->is_acked && !j->is_anew)
        put_again(s, node, j);
    else if (!j->is_acked && s->now >= j->asked_at + QUIET_MS) /* in haste too */
        job_again(s, node, j);
    else if (!j->is_acked)
        return;
    else if (j->deletes > 0 && !j->is_deleted_acked)
        job_delete(s, node, j);
    else if (j->is_deleted_acked && storm && sim_has(s, SIM_AGAIN) && is_quiet(s, j) &&
             muster_rng_chance(&s->rng, CLIENT_AGAIN, 100))
        job_again(s, node, j);
    else if (!j->is_deleted_acked && storm && sim_has(s, SIM_DELETE) && is_quiet(s, j) &&
             muster_rng_chance(&s->rng, CLIENT_DELETE, 100)) {
        sim_count(s, SIM_DELETE);
        job_delete(s, node, j);
    } else if (!j->is_deleted_acked && storm && sim_has(s, SIM_CHANGE) &&
               muster_rng_chance(&s->rng, CLIENT_CHANGE, 100))
        job_change(s, node, j);
}

/* Rows of groups and payloads are made by the nodes. */
static bool is_of_people(const struct sim_job *j)
{
    return j->name[0] != '%' && j->name[0] != '$';
}

void sim_clients_look(struct sim *s)
{
    uint32_t node = up_draw(s);
    if (node == UINT32_MAX)
        return;
    sim_payloads_look(s, node);
    if (!s->node[node].is_up)
        return;
    if (s->is_storm && muster_rng_chance(&s->rng, CLIENT_PUT, 100) && s->jobs < s->jobs_max)
        job_new(s, node);
    if (!s->is_storm && sim_holds_any(s, node))
        sim_hold_all(s, node, "release", "");
    if (s->jobs == 0 || !s->node[node].is_up)
        return;
    struct sim_job *j = &s->job[muster_rng_below(&s->rng, s->jobs)];
    if (j->request == 0 && is_of_people(j))
        job_look(s, node, j);
}

bool sim_clients_wait(const struct sim *s)
{
    for (uint32_t i = 0; i < s->jobs; i++) {
        const struct sim_job *j = &s->job[i];
        if (!is_of_people(j))
            continue;
        if (j->request != 0 || !j->is_acked || (j->deletes > 0 && !j->is_deleted_acked))
            return true;
    }
    return sim_payloads_wait(s);
}
