/* SPDX-License-Identifier: Apache-2.0 */
/* Stories by hand: interleavings that are easy to get wrong, each with the number it has among the
 * interleavings of the consistency contract. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/story.h"

bool story_is_replied(struct sim *s)
{
    return s->job[0].request == 0;
}

bool story_benches_full(struct sim *s)
{
    uint32_t want = s->nodes < 3 ? s->nodes : 3;
    if (!sim_at_rest(s))
        return false;
    for (uint32_t b = 0; b < s->buckets; b++)
        for (uint32_t i = 0; i < s->nodes; i++) {
            struct store_bucket_view v;
            store_bucket(agent_node_store(s->node[i].node), b, &v);
            if (v.role == STORE_SERVING && v.old_count < want)
                return false;
        }
    return true;
}

void story_begin(struct sim *s, uint32_t nodes)
{
    for (uint32_t i = 0; i < nodes; i++)
        sim_boot(s, i);
    sim_await(s, 60000, story_benches_full, "every bucket has a full bench");
}

uint32_t story_keeper_or_none(const struct sim *s, const char *job)
{
    for (uint32_t i = 0; i < s->nodes; i++) {
        if (!s->node[i].is_up)
            continue;
        const struct store *store = agent_node_store(s->node[i].node);
        if (store_is_serving(store, store_bucket_of(store, muster_bytes_text(job))))
            return i;
    }
    return UINT32_MAX;
}

uint32_t story_keeper(struct sim *s, const char *job)
{
    uint32_t keeper = story_keeper_or_none(s, job);
    if (keeper == UINT32_MAX)
        sim_fail(s, 2, "%s has no keeper", job);
    return keeper;
}

void story_put(struct sim *s, uint32_t node, const char *job, const char *spec)
{
    (void)sim_put(s, node, job, spec);
    sim_await(s, 20000, story_is_replied, "the put is answered");
    if (s->last_err != MUSTER_OK)
        sim_fail(s, 1, "the put failed: %d %s", s->last_err, s->last_message);
}

void story_rest(struct sim *s)
{
    sim_await(s, 120000, sim_at_rest, "the cluster is at rest");
    sim_check_all(s);
}

bool story_is_known(struct sim *s, const char *job)
{
    struct store_view view;
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up &&
            store_get(agent_node_store(s->node[i].node), muster_bytes_text(job), &view))
            return true;
    return false;
}

bool story_one_runs(struct sim *s)
{
    uint32_t node = 0;
    uint64_t token = 0;
    return sim_proc_live(s, s->job[0].name, &node, &token) == 1;
}

/* 1. The keeper writes, dies before anyone has it; the client repeats; the old copy comes back. */
static void story_1(struct sim *s)
{
    story_begin(s, 3);
    uint32_t k = story_keeper(s, "job"), other = (k + 1) % 3;
    for (uint32_t i = 0; i < 3; i++)
        if (i != k)
            sim_cut(s, k, i, true);
    (void)sim_put(s, k, "job", STORY_SERVICE("job"));
    sim_run_for(s, 10);
    sim_crash(s, k, false);
    s->job[0].request = 0;
    story_put(s, other, "job", STORY_SERVICE("job"));
    sim_heal(s);
    sim_boot(s, k);
    story_rest(s);
}

/* 2. The keeper dies after the acknowledgement: every later quorum has a holder. */
static void story_2(struct sim *s)
{
    story_begin(s, 3);
    uint32_t k = story_keeper(s, "job"), other = (k + 1) % 3;
    story_put(s, other, "job", STORY_SERVICE("job"));
    sim_crash(s, k, false);
    sim_await(s, 10000, story_one_runs, "the job runs without its first keeper");
    sim_run_for(s, 1000);
    sim_boot(s, k);
    story_rest(s);
}

/* 5. A member misses a delete, and what reaches it late must not bring the job back. */
static void story_5(struct sim *s)
{
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    uint32_t k = story_keeper(s, "job"), away = (k + 1) % 3, third = (k + 2) % 3;
    sim_cut(s, k, away, true);
    (void)sim_op(s, third, AGENT_OP_JOB_DELETE, "job");
    sim_await(s, 20000, story_is_replied, "the delete is answered");
    sim_run_for(s, 500);
    sim_heal(s);
    story_rest(s);
    if (!s->job[0].is_deleted_acked)
        sim_fail(s, 1, "the delete was not acknowledged: %s", s->last_message);
}

static bool has_joint(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t b = 0; s->node[i].is_up && b < s->buckets; b++) {
            struct store_bucket_view v;
            store_bucket(agent_node_store(s->node[i].node), b, &v);
            if (v.role == STORE_SERVING && v.new_count > 0)
                return true;
        }
    return false;
}

/* 9. A change of benches is interrupted again and again: no row is lost, every bench ends whole. */
static void story_9(struct sim *s)
{
    story_begin(s, 4);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    uint32_t gone = story_keeper(s, "job");
    sim_crash(s, gone, true);
    sim_await(s, 120000, has_joint, "a bench change is under way");
    for (int i = 0; i < 3; i++) {
        uint32_t k = (gone + 1 + (uint32_t)i) % 4;
        sim_crash(s, k, false);
        sim_run_for(s, 2000);
        sim_boot(s, k);
        sim_run_for(s, 500);
    }
    sim_boot(s, gone);
    story_rest(s);
}

/* 13, R30. The runner lives and its run is lost: asked again, it says so, and the run is placed
 * anew. */
static void story_13(struct sim *s)
{
    uint32_t node = 0, again = 0;
    uint64_t token = 0, later = 0;
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 10000, story_one_runs, "the job runs");
    (void)sim_proc_live(s, "job", &node, &token);
    sim_crash(s, node, false);
    sim_run_for(s, 20);
    sim_boot(s, node);
    sim_await(s, 10000, story_one_runs, "the job runs again");
    (void)sim_proc_live(s, "job", &again, &later);
    if (later <= token)
        sim_fail(s, 1, "I5: the token did not rise");
    story_rest(s);
}

static bool eight_run(struct sim *s)
{
    for (uint32_t i = 0; i < s->jobs; i++) {
        uint32_t node = 0;
        uint64_t token = 0;
        if (sim_proc_live(s, s->job[i].name, &node, &token) != 1)
            return false;
    }
    return true;
}

/* Two nodes, each killed in turn; one alone works. (A bench of two: R42.) */
static void story_two(struct sim *s)
{
    static const char *const name[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    story_begin(s, 2);
    for (uint32_t i = 0; i < 8; i++) {
        char spec[128];
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"]}", name[i]);
        story_put(s, i % 2, name[i], spec);
    }
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t victim = i < 2 ? 1 - i : i - 2;
        sim_await(s, 20000, eight_run, "all run before the next death");
        sim_crash(s, victim, false);
        sim_await(s, 3000, eight_run, "all run on the node that is left");
        sim_run_for(s, 2000);
        sim_boot(s, victim);
        story_rest(s);
    }
}

/* Everything dies at once and comes back: everything runs once, with higher tokens. */
static void story_blackout(struct sim *s)
{
    uint32_t node = 0;
    uint64_t token = 0, later = 0;
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 10000, story_one_runs, "the job runs");
    (void)sim_proc_live(s, "job", &node, &token);
    for (uint32_t i = 0; i < 3; i++)
        sim_crash(s, i, false);
    sim_run_for(s, 3000);
    for (uint32_t i = 0; i < 3; i++)
        sim_boot(s, i);
    sim_await(s, 20000, story_one_runs, "the job runs after the blackout");
    story_rest(s);
    (void)sim_proc_live(s, "job", &node, &later);
    if (later <= token)
        sim_fail(s, 1, "I5: the token did not rise");
}

/* A member is cut off alone, claims the job under a round far above the others', and has lost its
 * seat and with it the claim when it is heard again: its report alone must settle it (R43). */
static void story_claimant(struct sim *s)
{
    struct store_bucket_view v;
    uint32_t runner = 0, alone = 0;
    uint64_t token = 0;
    story_begin(s, 4);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 10000, story_one_runs, "the job runs");
    (void)sim_proc_live(s, "job", &runner, &token);
    uint32_t k = story_keeper(s, "job");
    const struct store *store = agent_node_store(s->node[k].node);
    store_bucket(store, store_bucket_of(store, muster_bytes_text("job")), &v);
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t m = 0; m < v.old_count; m++)
            if (i != runner && muster_id_equal(v.old_seat[m].node, s->node[i].id))
                alone = i;
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != alone)
            sim_cut(s, alone, i, true);
    sim_run_for(s, 90000);
    if (sim_proc_live(s, "job", &runner, &token) != 2)
        sim_fail(s, 2, "the member that is alone claims nothing");
    sim_heal(s);
    story_rest(s);
    /* And whatever comes after the claim has a higher token. */
    (void)sim_proc_live(s, "job", &runner, &token);
    sim_crash(s, runner, false);
    sim_await(s, 20000, story_one_runs, "it runs elsewhere");
    sim_boot(s, runner);
    story_rest(s);
}

static bool task_done(struct sim *s)
{
    uint32_t node = 0;
    uint64_t token = 0;
    return s->starts >= 3 && sim_proc_live(s, "task", &node, &token) == 0 && sim_at_rest(s);
}

/* A task that fails is tried here, then on the next node, then is dead; nothing of it runs on. */
static void story_task(struct sim *s)
{
    story_begin(s, 3);
    story_put(s, 0, "task",
              "{\"name\":\"task\",\"kind\":\"task\",\"exec\":[\"/bin/false\"],\"arg\":\"1:100\","
              "\"retry\":2,\"backoff\":{\"first\":\"100ms\"}}");
    sim_await(s, 20000, task_done, "the task is dead after three attempts");
    if (s->starts != 3)
        sim_fail(s, 1, "the task had %llu attempts, not 3", (unsigned long long)s->starts);
}

static uint32_t seats_of(struct sim *s, uint32_t node, const char *job)
{
    struct store_bucket_view v;
    const struct store *store = agent_node_store(s->node[node].node);
    store_bucket(store, store_bucket_of(store, muster_bytes_text(job)), &v);
    return v.seat;
}

/* Section 6, R29: a runner and its keeper cannot see each other, and both see all the others. An
 * exclusive run keeps its lease, and what is asked at the runner reaches the keeper, by way of a
 * third. */
static void story_relay(struct sim *s)
{
    static const char *const name[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    uint32_t runner = 0, where = 0;
    uint64_t token = 0, later = 0;
    char spec[200];
    const char *job = NULL;
    story_begin(s, 4);
    for (size_t i = 0; i < 8 && job == NULL; i++) {
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/%s\"],"
                       "\"partition\":\"exclusive\"}",
                       name[i], name[i]);
        (void)sim_put(s, 0, name[i], spec);
        sim_run_for(s, 15000);
        /* Its keeper elsewhere, and no seat here: the runner has the way to it from a third. */
        if (sim_proc_live(s, name[i], &runner, &token) == 1 && story_keeper(s, name[i]) != runner &&
            seats_of(s, runner, name[i]) == 0)
            job = name[i];
    }
    if (job == NULL)
        sim_fail(s, 2, "every job runs beside its keeper");
    sim_cut(s, runner, story_keeper(s, job), true);
    sim_run_for(s, 30000);
    if (sim_proc_live(s, job, &where, &later) != 1 || where != runner || later != token)
        sim_fail(s, 1, "relay: its run has moved though everybody is alive");
    uint64_t before = s->acks;
    (void)sim_op(s, runner, AGENT_OP_JOB_RESTART, job);
    sim_run_for(s, 5000);
    if (s->acks == before)
        sim_fail(s, 1, "relay: what was asked at the runner is not answered: %s", s->last_message);
    sim_heal(s);
    story_rest(s);
}

static bool all_but_waiting(struct sim *s)
{
    uint32_t node = 0;
    uint64_t token = 0;
    for (uint32_t i = 0; i < 3; i++)
        if (sim_proc_live(s, s->job[i].name, &node, &token) != 1)
            return false;
    return true;
}

/* R35: three slots, three runs, and nine that wait with keepers all over the cluster. Whenever a
 * slot comes free, the best of all of them has it: by priority, then by age. */
static void story_tickets(struct sim *s)
{
    static const char *const holder[] = { "h0", "h1", "h2" };
    static const uint32_t order[] = { 4, 1, 7, 2, 0, 8, 3, 6, 5 }; /* submitted with rising priority
                                                                      of this */
    char name[8], last[8] = "", spec[200];
    uint32_t node = 0;
    uint64_t token = 0;
    for (uint32_t i = 0; i < 3; i++)
        s->node[i].slots = 1;
    story_begin(s, 3);
    for (uint32_t i = 0; i < 3; i++) {
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/%s\"]}", holder[i],
                       holder[i]);
        story_put(s, 0, holder[i], spec);
    }
    sim_await(s, 20000, all_but_waiting, "every slot is taken");
    for (uint32_t i = 0; i < 9; i++) {
        (void)snprintf(name, sizeof name, "w%u", i);
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/w\"],"
                       "\"priority\":%u}",
                       name, 10 + order[i]);
        (void)sim_put(s, i % 3, name, spec);
        sim_run_for(s, 300);
    }
    sim_run_for(s, 3000);
    for (uint32_t k = 0; k < 9; k++) {
        uint32_t best = 0;
        while (order[best] != 8 - k)
            best++;
        /* The three that were there first give up their slots, then the last that got one. */
        (void)sim_op(s, k % 3, AGENT_OP_JOB_DELETE, k < 3 ? holder[k] : last);
        sim_run_for(s, 2500);
        (void)snprintf(name, sizeof name, "w%u", best);
        if (sim_proc_live(s, name, &node, &token) != 1)
            sim_fail(s, 1, "R35: slot %u did not go to %s", k, name);
        (void)snprintf(last, sizeof last, "%s", name);
    }
}

/* R45: a node that is cut off ends its run after half a minute, and claims nothing meanwhile. */
static void story_majority(struct sim *s)
{
    uint32_t node = 0, other = 0;
    uint64_t token = 0;
    s->is_majority = true;
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 20000, story_one_runs, "it runs somewhere");
    (void)sim_proc_live(s, "job", &node, &token);
    for (uint32_t i = 0; i < 3; i++)
        if (i != node)
            sim_cut(s, node, i, true);
    sim_run_for(s, 20000);
    if (sim_proc_live(s, "job", &other, &token) != 2)
        sim_fail(s, 1, "R45: for half a minute it runs on both sides");
    sim_run_for(s, 25000);
    if (sim_proc_live(s, "job", &other, &token) != 1 || other == node)
        sim_fail(s, 1, "R45: it goes on without a majority");
    sim_heal(s);
    story_rest(s);
    s->is_majority = false;
}

static bool remembers(struct sim *s, const char *job)
{
    struct muster_bytes value;
    for (uint32_t i = 0; i < s->nodes; i++)
        if (sim_disk_get(&s->node[i], STORE_TABLE_SEEN, job, &value))
            return true;
    return false;
}

/* What a node has seen of a job it forgets when the job has been gone for long, and not before;
 * then the name may come again. (R28) */
static void story_seen(struct sim *s)
{
    story_begin(s, 3);
    story_put(s, 0, "gone", STORY_SERVICE("gone"));
    story_put(s, 0, "stays", STORY_SERVICE("stays"));
    sim_run_for(s, 5000);
    if (!remembers(s, "gone") || !remembers(s, "stays"))
        sim_fail(s, 1, "R28: a run that was started has not been seen");
    (void)sim_op(s, 1, AGENT_OP_JOB_DELETE, "gone");
    sim_run_for(s, 90000);
    if (!remembers(s, "gone"))
        sim_fail(s, 1, "R28: what has been seen is forgotten too soon");
    sim_crash(s, 1, false);
    sim_run_for(s, 100);
    sim_boot(s, 1);
    sim_run_for(s, 60000);
    if (remembers(s, "gone") || !remembers(s, "stays"))
        sim_fail(s, 1, "R28: %s",
                 remembers(s, "gone") ? "a deleted job is remembered for ever"
                                      : "a job that runs is forgotten");
    story_rest(s);
}

static const struct {
    const char *name;
    uint32_t nodes;
    void (*tell)(struct sim *s);
} stories[] = {
    { "1", 3, story_1 },
    { "2", 3, story_2 },
    { "5", 3, story_5 },
    { "9", 4, story_9 },
    { "13", 3, story_13 },
    { "two", 2, story_two },
    { "claimant", 4, story_claimant },
    { "blackout", 3, story_blackout },
    { "task", 3, story_task },
    { "seen", 3, story_seen },
    { "poison", 4, story_poison },
    { "quarantine", 4, story_quarantine },
    { "hearsay", 4, story_hearsay },
    { "hush", 5, story_hush },
    { "drowsy", 5, story_drowsy },
    { "aside", 5, story_aside },
    { "copies", 4, story_copies },
    { "astray", 4, story_astray },
    { "behind", 4, story_behind },
    { "leftover", 4, story_leftover },
    { "clock", 4, story_clock },
    { "spring", 3, story_spring },
    { "autumn", 3, story_autumn },
    { "dark", 3, story_dark },
    { "joiner", 4, story_joiner },
    { "long", 5, story_long },
    { "twins", 4, story_twins },
    { "adopted", 3, story_adopted },
    { "renew", 4, story_renew },
    { "stopped", 4, story_stopped },
    { "share", 3, story_share },
    { "roll", 5, story_roll },
    { "trigger", 4, story_trigger },
    { "recall", 6, story_recall },
    { "words", 4, story_words },
    { "turns", 3, story_turns },
    { "after", 4, story_after },
    { "last", 4, story_last },
    { "quiet", 5, story_quiet },
    { "halt", 4, story_halt },
    { "cancel", 4, story_cancel },
    { "flap", 4, story_flap },
    { "backoff", 4, story_backoff },
    { "half", 3, story_half },
    { "brief", 3, story_brief },
    { "emptied", 4, story_emptied },
    { "overdue", 3, story_overdue },
    { "payload", 5, story_payload },
    { "parcel", 5, story_parcel },
    { "ahead", 5, story_ahead },
    { "bequest", 7, story_bequest },
    { "restore", 3, story_restore },
    { "light", 4, story_light },
    { "lightly", 4, story_lightly },
    { "absent", 2, story_absent },
    { "handoff", 4, story_handoff },
    { "heir", 5, story_heir },
    { "shy", 3, story_shy },
    { "room", 3, story_room },
    { "solo", 3, story_solo },
    { "majority", 3, story_majority },
    { "takeover", 5, story_takeover },
    { "tardy", 5, story_tardy },
    { "prompt", 5, story_prompt },
    { "heal", 5, story_heal },
    { "heal-wan", 5, story_heal_wan },
    { "heal-local", 5, story_heal_local },
    { "unheard", 3, story_unheard },
    { "namesake", 3, story_namesake },
    { "revised", 3, story_revised },
    { "returned", 5, story_returned },
    { "tardy-copy", 3, story_tardy_copy },
    { "early-copy", 3, story_early_copy },
    { "other-copy", 5, story_other_copy },
    { "belated", 3, story_belated },
    { "outdated", 3, story_outdated },
    { "untold", 3, story_untold },
    { "away", 5, story_away },
    { "unplugged", 5, story_unplugged },
    { "hung", 5, story_hung },
    { "halted", 3, story_halted },
    { "burned", 3, story_burned },
    { "unkept", 4, story_unkept },
    { "clogged", 3, story_clogged },
    { "age", 5, story_age },
    { "late", 5, story_late },
    { "grant", 5, story_grant },
    { "stale", 5, story_stale },
    { "stray", 5, story_stray },
    { "calm", 5, story_calm },
    { "busy", 5, story_busy },
    { "stubborn", 5, story_stubborn },
    { "drift", 5, story_drift },
    { "amnesia", 5, story_amnesia },
    { "relay", 4, story_relay },
    { "unscanned", 2, story_unscanned },
    { "tickets", 3, story_tickets },
    { "early", 3, story_early },
    { "stumble", 3, story_stumble },
    { "swift", 3, story_swift },
    { "deposed", 3, story_deposed },
    { "unseen", 4, story_unseen },
    { "slot", 4, story_slot },
    { "target", 5, story_target },
    { "sleep", 5, story_sleep },
    { "copy", 3, story_copy },
    { "cloned", 4, story_cloned },
    { "misnamed", 4, story_misnamed },
    { "misheard", 4, story_misheard },
    { "gone-first", 4, story_gone_first },
    { "echo", 3, story_echo },
    { "like", 5, story_like },
    { "none", 4, story_none },
    { "move", 5, story_move },
    { "follow", 4, story_follow },
    { "loyal", 4, story_loyal },
    { "shift", 5, story_shift },
    { "held", 4, story_held },
    { "group", 5, story_group },
    { "level", 3, story_level },
    { "apart", 3, story_apart },
};

int sim_story(const char *name, bool trace)
{
    int told = 0;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        if (name != NULL && strcmp(name, stories[i].name) != 0)
            continue;
        struct sim *s = calloc(1, sizeof *s);
        MUSTER_ASSERT(s != NULL);
        sim_open(s, 1, stories[i].name, stories[i].nodes, 16);
        s->trace = trace;
        stories[i].tell(s);
        printf("story %-8s holds: %llu s simulated, %llu steps\n", stories[i].name,
               (unsigned long long)(s->now / 1000), (unsigned long long)s->steps);
        sim_close(s);
        free(s);
        told++;
    }
    return told > 0 ? told : -1;
}
