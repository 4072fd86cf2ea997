/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of days: the hands of all clocks go round quickly, while the cluster lives through
 * seconds. Both days on which clocks change, three days without power, a node that comes in
 * mid-period. */
#include <stdio.h>
#include <string.h>

#include "agent/left.h"
#include "agent/run_name.h"
#include "base/clock.h"
#include "tests/sim/story.h"

#define MINUTE 60000ull
#define DAY    (24 * 60 * MINUTE)

/* Summer time in Berlin, as a file of zones has it: no table, only the rule at its end. */
static const uint8_t berlin[] =
    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1"
    "\0\0\x0e\x10\0\0\0"
    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
    "\0\0\x0e\x10\0\0CET\0\nCET-1CEST,M3.5.0,M10.5.0/3\n";

static const struct agent_zone *zone_find(void *context, const char *name)
{
    return strcmp(name, "Europe/Berlin") == 0 ? context : NULL;
}

static void zone_open(struct sim *s)
{
    struct agent_zone *z = NULL;
    if (agent_zone_open(&z, MUSTER_BYTES(berlin, sizeof berlin - 1)) != MUSTER_OK)
        sim_fail(s, 1, "the zone cannot be read");
    s->zones = (struct agent_zone_source){ zone_find, z };
}

static void zone_close(struct sim *s)
{
    agent_zone_close(s->zones.context);
    s->zones = (struct agent_zone_source){ NULL, NULL };
}

static uint64_t moment(struct sim *s, const char *text)
{
    uint64_t ms = 0;
    if (muster_time_parse(&ms, text) != MUSTER_OK)
        sim_fail(s, 1, "%s is no time", text);
    return ms;
}

static uint64_t wall(const struct sim *s)
{
    return sim_now(s, 0).wall_ms;
}

/* Everybody's hands are turned at once. */
static void wall_add(struct sim *s, int64_t ms)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        s->node[i].wall_offset += ms;
}

/* Turns them on until then, in steps of so much, one every two seconds. */
static void wall_until(struct sim *s, uint64_t end_ms, uint64_t step_ms)
{
    while (wall(s) < end_ms) {
        uint64_t left = end_ms - wall(s);
        wall_add(s, (int64_t)(left < step_ms ? left : step_ms) - 2000);
        sim_run_for(s, 2000);
    }
}

struct ticks {
    uint32_t count, undone;
    uint64_t first, last;
};

/* The runs of a job's ticks from one moment to another. */
static struct ticks ticks_of(struct sim *s, const char *job, uint64_t from, uint64_t to)
{
    char prefix[32];
    struct ticks t = { 0 };
    struct store_view view;
    const struct store *store = agent_node_store(s->node[story_keeper(s, job)].node);
    (void)snprintf(prefix, sizeof prefix, "%s@", job);
    struct muster_bytes start = muster_bytes_text(prefix), after = start;
    while (store_after(store, after, &view) && muster_bytes_starts_with(view.row.key, start)) {
        uint64_t tick = agent_run_name_read(view.row.key).tick_wall_ms;
        after = view.row.key;
        if (view.row.phase == STORE_GONE || agent_left_is(after) || tick < from || tick >= to)
            continue;
        t.first = t.count == 0 ? tick : t.first;
        t.last = tick;
        t.undone += view.row.phase != STORE_DONE;
        t.count++;
    }
    return t;
}

static struct store_row row_of(struct sim *s, const char *job)
{
    struct store_view view;
    const struct store *store = agent_node_store(s->node[story_keeper(s, job)].node);
    if (!store_get(store, muster_bytes_text(job), &view))
        sim_fail(s, 1, "%s is not there", job);
    return view.row;
}

/* ---- the days on which clocks change: one run of what is daily, 23 and 25 of what is hourly */

struct change_day {
    const char *before, *from, *to, *daily;
    uint32_t hours;
};

static void day_lived(struct sim *s, const struct change_day *d)
{
    static const char daily[] =
        "{\"name\":\"daily\",\"kind\":\"cron\",\"exec\":[\"/bin/x\"],\"arg\":\"0:300\","
        "\"cron\":\"30 2 * * *\",\"tz\":\"Europe/Berlin\",\"keep\":{\"ok\":100}}";
    static const char hourly[] =
        "{\"name\":\"hourly\",\"kind\":\"cron\",\"exec\":[\"/bin/x\"],\"arg\":\"0:300\","
        "\"cron\":\"0 * * * *\",\"tz\":\"Europe/Berlin\",\"keep\":{\"ok\":100}}";
    uint64_t from = moment(s, d->from), to = moment(s, d->to);
    zone_open(s);
    wall_add(s, (int64_t)moment(s, d->before) - (int64_t)SIM_WALL_BASE);
    story_begin(s, 3);
    story_put(s, 0, "daily", daily);
    story_put(s, 1, "hourly", hourly);
    wall_until(s, moment(s, d->daily) - 5 * MINUTE, 10 * MINUTE);
    uint32_t k = story_keeper(s, "hourly");
    sim_crash(s, k, false); /* in the night */
    wall_until(s, moment(s, d->daily) + 20 * MINUTE, 5 * MINUTE);
    sim_boot(s, k);
    wall_until(s, to + 5 * MINUTE, 10 * MINUTE);
    sim_run_for(s, 20000);
    struct ticks one = ticks_of(s, "daily", from, to), all = ticks_of(s, "hourly", from, to);
    if (one.count != 1 || one.undone != 0 || one.first != moment(s, d->daily))
        sim_fail(s, 1, "%u runs of the daily job, %u of them not done", one.count, one.undone);
    if (all.count != d->hours || all.undone != 0)
        sim_fail(s, 1, "%u runs of the hourly job, %u of them not done", all.count, all.undone);
    zone_close(s);
}

void story_spring(struct sim *s)
{
    const struct change_day day = { "2026-03-28T22:50:00Z", "2026-03-28T23:00:00Z",
                                    "2026-03-29T22:00:00Z", "2026-03-29T01:00:00Z", 23 };
    day_lived(s, &day);
}

void story_autumn(struct sim *s)
{
    const struct change_day day = { "2026-10-24T21:50:00Z", "2026-10-24T22:00:00Z",
                                    "2026-10-25T23:00:00Z", "2026-10-25T00:30:00Z", 25 };
    day_lived(s, &day);
}

/* ---- three days without power: one run makes up for them, and the others are counted */

void story_dark(struct sim *s)
{
    static const char spec[] =
        "{\"name\":\"job\",\"kind\":\"cron\",\"exec\":[\"/bin/x\"],\"arg\":\"0:300\","
        "\"cron\":\"* * * * *\"}";
    story_begin(s, 3);
    story_put(s, 0, "job", spec);
    wall_until(s, wall(s) + 5 * MINUTE, MINUTE / 2);
    sim_run_for(s, 3000);
    struct store_row before = row_of(s, "job");
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_crash(s, i, true);
    wall_add(s, (int64_t)(3 * DAY));
    uint64_t dark_until = wall(s);
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_boot(s, i);
    sim_run_for(s, 15000);
    uint64_t now_ms = wall(s);
    struct store_row after = row_of(s, "job");
    struct ticks t = ticks_of(s, "job", before.tick_wall_ms + 1, dark_until);
    uint32_t missed = (uint32_t)((dark_until - before.tick_wall_ms) / MINUTE);
    uint32_t since = (uint32_t)(now_ms / MINUTE - dark_until / MINUTE); /* in these seconds */
    if (t.count != 1 || t.undone != 0 || dark_until - t.first > MINUTE)
        sim_fail(s, 1, "%u runs make up for three days, %u of them not done", t.count, t.undone);
    if (after.skipped - before.skipped != missed - 1 || after.ticks - before.ticks != 1 + since)
        sim_fail(s, 1, "of %u ticks %u are counted as skipped, %u as run", missed,
                 after.skipped - before.skipped, after.ticks - before.ticks);
}

/* ---- one run on each node: a node that comes between two ticks has the next, and none before */

static uint32_t shares_of(struct sim *s, uint64_t tick_ms, const char *node)
{
    struct store_view view;
    const struct store *store = agent_node_store(s->node[story_keeper(s, "job")].node);
    struct muster_bytes start = muster_bytes_text("job@"), after = start;
    uint32_t count = 0;
    while (store_after(store, after, &view) && muster_bytes_starts_with(view.row.key, start)) {
        struct agent_run_name name = agent_run_name_read(view.row.key);
        after = view.row.key;
        bool is_its = node == NULL || muster_bytes_equal(name.node, muster_bytes_text(node));
        if (view.row.phase == STORE_DONE && name.tick_wall_ms == tick_ms && is_its &&
            !agent_left_is(after))
            count++;
    }
    return count;
}

void story_joiner(struct sim *s)
{
    static const char spec[] =
        "{\"name\":\"job\",\"kind\":\"cron\",\"exec\":[\"/bin/x\"],\"arg\":\"0:300\","
        "\"cron\":\"*/10 * * * *\",\"spread\":\"each\"}";
    uint64_t ten = 10 * MINUTE;
    story_begin(s, 4);
    sim_crash(s, 3, true);
    sim_wipe(s, 3); /* somebody else, when it comes */
    sim_run_for(s, 60000);
    story_put(s, 0, "job", spec);
    uint64_t first = (wall(s) / ten + 1) * ten;
    wall_until(s, first + 3 * MINUTE, MINUTE);
    if (shares_of(s, first, NULL) != 3)
        sim_fail(s, 1, "of three nodes %u had their share", shares_of(s, first, NULL));
    sim_boot(s, 3);
    wall_until(s, first + 7 * MINUTE, MINUTE / 4);
    if (shares_of(s, first, NULL) != 3 || shares_of(s, first, "n3") != 0)
        sim_fail(s, 1, "a node that came later has a share of what was before it");
    wall_until(s, first + ten + MINUTE, MINUTE);
    sim_run_for(s, 3000);
    if (shares_of(s, first + ten, NULL) != 4 || shares_of(s, first + ten, "n3") != 1)
        sim_fail(s, 1, "of four nodes %u had their share", shares_of(s, first + ten, NULL));
}
