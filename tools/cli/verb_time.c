/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about time: when a schedule would fire, and how the clocks of all jobs stand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/schedule.h"
#include "agent/zone.h"
#include "base/clock.h"
#include "base/hash.h"
#include "tools/cli/api.h"
#include "tools/cli/cli.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"
#define NEXT_MAX    1000
#define NEXT_COUNT  5

static int zone_open(struct cli *cli, const char *name, struct agent_zone **zone)
{
    uint8_t bytes[AGENT_ZONE_BYTES_MAX];
    char path[sizeof ZONE_FOLDER + AGENT_ZONE_NAME_MAX];
    *zone = NULL;
    if (strcmp(name, "UTC") == 0)
        return CLI_OK;
    if (!agent_zone_name_is_good(name)) {
        cli_say(&cli->term, "%s is no time zone; say one as Europe/Berlin", name);
        return CLI_USAGE;
    }
    (void)snprintf(path, sizeof path, ZONE_FOLDER "%s", name);
    FILE *file = fopen(path, "re");
    size_t len = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;
    int err = len > 0 ? agent_zone_open(zone, MUSTER_BYTES(bytes, len)) : MUSTER_ENOTFOUND;
    if (file != NULL)
        (void)fclose(file);
    if (err == MUSTER_OK)
        return CLI_OK;
    cli_say(&cli->term, "no time zone %s in " ZONE_FOLDER "; say one as Europe/Berlin", name);
    return CLI_USAGE;
}

static int from_read(struct cli *cli, int64_t *from)
{
    const char *text = cli_flag_value(&cli->args, "from");
    uint64_t wall_ms = (uint64_t)time(NULL) * 1000;
    if (text != NULL && muster_time_parse(&wall_ms, text) != MUSTER_OK) {
        cli_say(&cli->term, "--from: %s is no time; say one as 2026-03-28T01:00:00Z", text);
        return CLI_USAGE;
    }
    *from = (int64_t)(wall_ms / 1000);
    return CLI_OK;
}

/* "2026-03-29T03:00:00+02:00" */
static void local_text(char *out, size_t size, int64_t utc, int32_t offset)
{
    char text[MUSTER_TIME_TEXT];
    int32_t minutes = (offset < 0 ? -offset : offset) / 60;
    (void)muster_time_text((uint64_t)(utc + offset) * 1000, text);
    (void)snprintf(out, size, "%.19s%c%02d:%02d", text, offset < 0 ? '-' : '+', minutes / 60,
                   minutes % 60);
}

static void moments_print(struct cli *cli, const struct agent_schedule *schedule, int64_t from,
                          long long count)
{
    uint64_t at_ms = (uint64_t)from * 1000;
    if (cli->json)
        cli_print("{\"items\":[");
    for (long long i = 0; i < count; i++) {
        char utc[MUSTER_TIME_TEXT], local[40], until[48];
        at_ms = agent_schedule_next(schedule, at_ms);
        if (at_ms == MUSTER_NEVER && i == 0 && !cli->json)
            cli_print("never\n");
        if (at_ms == MUSTER_NEVER)
            break;
        int64_t at = (int64_t)(at_ms / 1000);
        (void)muster_time_text(at_ms, utc);
        local_text(local, sizeof local, at, agent_zone_offset(schedule->zone, at));
        if (cli->json)
            cli_print("%s{\"time\":\"%s\",\"local\":\"%s\"}", i > 0 ? "," : "", utc, local);
        else
            cli_print("%s  %.19sZ%s%s\n", local, utc, at > time(NULL) ? "  in " : "",
                      at > time(NULL) ? cli_until(utc, until, sizeof until) : "");
    }
    if (cli->json)
        cli_print("],\"next\":null}\n");
}

static int expression_open(struct cli *cli, const char *text, struct agent_schedule *schedule)
{
    const char *name = cli_flag_value(&cli->args, "name");
    struct agent_problem problem;
    uint64_t seed = muster_hash64(muster_bytes_text(name != NULL ? name : ""), 0);
    *schedule = (struct agent_schedule){ .has_cron = true,
                                         .every_ms = AGENT_JOB_NONE,
                                         .not_after_ms = AGENT_JOB_NONE };
    if (agent_cron_parse(&schedule->cron, text, seed, &problem) == MUSTER_OK)
        return CLI_OK;
    cli_say(&cli->term, "%s: column %u%s%s: %s", text, problem.column,
            problem.field[0] != '\0' ? ": " : "", problem.field, problem.message);
    return CLI_USAGE;
}

/* The schedule of a job, as the agent has it; its zone's name goes to `tz`, which has room for it.
 */
static int job_open(struct cli *cli, const char *name, struct agent_schedule *schedule, char *tz)
{
    static const struct agent_zone_source utc = { NULL, NULL };
    struct cli_path path;
    struct cli_result result;
    struct agent_problem problem;
    struct agent_job job;
    uint64_t created_ms = 0;
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, name);
    struct cli_request request = { .method = "GET", .path = &path };
    struct muster_text spec;
    muster_text_open(&spec, 1u << 20);
    int code = cli_api_must(cli, &request, &result);
    if (code == CLI_OK) {
        cli_value_json(cli_value_field(result.root, "spec"), &spec);
        int err = muster_time_parse(&created_ms, cli_text(result.root, "created", ""));
        if (err == MUSTER_OK)
            err = agent_job_decode(&job, muster_text_bytes(&spec), &problem);
        code = err == MUSTER_OK ? CLI_OK : CLI_FAILED;
    }
    muster_text_close(&spec);
    cli_api_close(&result);
    if (code != CLI_OK)
        return code;
    (void)snprintf(tz, AGENT_ZONE_NAME_MAX, "%s", job.tz != NULL ? job.tz : "UTC");
    job.tz = NULL;
    if (!agent_schedule_has(&job)) {
        cli_say(&cli->term, "%s has no schedule", name);
        code = CLI_FAILED;
    } else if (agent_schedule_open(schedule, &job, created_ms, &utc, &problem) != MUSTER_OK) {
        cli_say(&cli->term, "%s: %s", name, problem.message);
        code = CLI_FAILED;
    }
    agent_job_close(&job);
    return code;
}

/* A job's name has no blank, and an expression has some, or begins with `@`. */
int cli_verb_next(struct cli *cli)
{
    const char *text = cli->args.word[0], *zone_name = cli_flag_value(&cli->args, "tz");
    char tz[AGENT_ZONE_NAME_MAX] = "UTC";
    struct agent_schedule schedule;
    struct agent_zone *zone = NULL;
    int64_t from;
    long long count;
    bool is_job = strchr(text, ' ') == NULL && text[0] != '@';
    int code = is_job ? job_open(cli, text, &schedule, tz) : expression_open(cli, text, &schedule);
    if (code != CLI_OK)
        return code;
    if (cli_flag_number(&cli->args, "lines", 1, NEXT_MAX, NEXT_COUNT, &count) != MUSTER_OK) {
        cli_say(&cli->term, "%s", cli->args.problem);
        return CLI_USAGE;
    }
    code = from_read(cli, &from);
    if (code == CLI_OK)
        code = zone_open(cli, zone_name != NULL ? zone_name : tz, &zone);
    if (code != CLI_OK)
        return code;
    schedule.zone = zone;
    moments_print(cli, &schedule, from, count);
    agent_zone_close(zone);
    return CLI_OK;
}

/* ---- the clocks of all jobs */

static void schedule_text(struct cli_value spec, char *out, size_t size)
{
    const char *cron = cli_text(spec, "cron", NULL), *every = cli_text(spec, "every", NULL);
    if (cron != NULL)
        (void)snprintf(out, size, "%s", cron);
    else
        (void)snprintf(out, size, "%s %s", every != NULL ? "every" : "at",
                       every != NULL ? every : cli_text(spec, "at", "-"));
}

static void clock_item(void *whose, struct cli_value job)
{
    struct cli_table *table = whose;
    struct cli_value spec = cli_value_field(job, "spec"), clock = cli_value_field(job, "clock");
    char schedule[96], last[48], next[48];
    if (!cli_value_is_set(clock))
        return;
    const char *next_time = cli_text(clock, "next", NULL);
    schedule_text(spec, schedule, sizeof schedule);
    cli_table_row(table);
    cli_table_cell(table, cli_text(job, "name", "-"));
    cli_table_cell(table, schedule);
    cli_table_cell(table, cli_text(spec, "tz", "UTC"));
    cli_table_state(table, cli_text(job, "state", "-"));
    cli_table_cell(table, cli_ago(cli_text(clock, "last", NULL), last, sizeof last));
    cli_table_cell(table, next_time != NULL ? cli_until(next_time, next, sizeof next) : "never");
    cli_table_number(table, cli_number(clock, "ticks", 0));
    cli_table_number(table, cli_number(clock, "skipped", 0));
}

int cli_verb_cron(struct cli *cli)
{
    static const struct cli_column columns[] = {
        { .name = "JOB", .shrinks_to = 20 },
        { .name = "SCHEDULE", .shrinks_to = 12 },
        { .name = "TZ", .rank = 3 },
        { .name = "STATE", .rank = 2 },
        { .name = "LAST", .rank = 1 },
        { .name = "NEXT IN" },
        { .name = "RUNS", .is_right = true, .rank = 4 },
        { .name = "SKIPPED", .is_right = true, .rank = 5 },
        { 0 },
    };
    struct cli_path path;
    struct cli_table *table = cli_table_open(&cli->term, columns);
    struct cli_walk walk = { .item = clock_item, .whose = table };
    if (table == NULL)
        return CLI_FAILED;
    cli_path_open(&path, "/v1/jobs");
    cli_path_query(&path, "prefix", cli->args.word[0]);
    int code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && !cli->json)
        code = cli_table_print(table) ? CLI_OK : CLI_FAILED;
    cli_table_close(table);
    return code;
}
