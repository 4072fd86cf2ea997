/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about time: when a schedule would fire. No agent is asked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/cron.h"
#include "agent/zone.h"
#include "base/clock.h"
#include "base/hash.h"
#include "tools/cli/cli.h"
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

static void moments_print(struct cli *cli, const struct agent_cron *cron,
                          const struct agent_zone *zone, int64_t from, long long count)
{
    int64_t at = from;
    if (cli->json)
        cli_print("{\"items\":[");
    for (long long i = 0; i < count; i++) {
        char utc[MUSTER_TIME_TEXT], local[40], until[48];
        at = agent_cron_next(cron, zone, at);
        if (at == AGENT_ZONE_NEVER)
            break;
        (void)muster_time_text((uint64_t)at * 1000, utc);
        local_text(local, sizeof local, at, agent_zone_offset(zone, at));
        if (cli->json)
            cli_print("%s{\"time\":\"%s\",\"local\":\"%s\"}", i > 0 ? "," : "", utc, local);
        else
            cli_print("%s  %.19sZ%s%s\n", local, utc, at > time(NULL) ? "  in " : "",
                      at > time(NULL) ? cli_until(utc, until, sizeof until) : "");
    }
    if (cli->json)
        cli_print("],\"next\":null}\n");
}

int cli_verb_next(struct cli *cli)
{
    const char *text = cli->args.word[0], *name = cli_flag_value(&cli->args, "name");
    const char *zone_name = cli_flag_value(&cli->args, "tz");
    struct agent_problem problem;
    struct agent_cron cron;
    struct agent_zone *zone;
    int64_t from;
    long long count;
    uint64_t seed = muster_hash64(muster_bytes_text(name != NULL ? name : ""), 0);
    if (agent_cron_parse(&cron, text, seed, &problem) != MUSTER_OK) {
        cli_say(&cli->term, "%s: column %u%s%s: %s", text, problem.column,
                problem.field[0] != '\0' ? ": " : "", problem.field, problem.message);
        return CLI_USAGE;
    }
    if (cli_flag_number(&cli->args, "lines", 1, NEXT_MAX, NEXT_COUNT, &count) != MUSTER_OK) {
        cli_say(&cli->term, "%s", cli->args.problem);
        return CLI_USAGE;
    }
    int code = from_read(cli, &from);
    if (code == CLI_OK)
        code = zone_open(cli, zone_name != NULL ? zone_name : "UTC", &zone);
    if (code != CLI_OK)
        return code;
    if (!cli->json && agent_cron_next(&cron, zone, from) == AGENT_ZONE_NEVER)
        cli_print("never\n");
    else
        moments_print(cli, &cron, zone, from, count);
    agent_zone_close(zone);
    return CLI_OK;
}
