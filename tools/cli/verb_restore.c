/* SPDX-License-Identifier: Apache-2.0 */
/* `restore`: a backup into a cluster, where nothing of it starts before a person has looked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "agent/restore.h"
#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/backup.h"
#include "tools/cli/everybody.h"
#include "tools/cli/help.h"
#include "tools/cli/verbs.h"

#define BODY_MAX (1u << 20)

struct restore {
    struct cli *cli;
    FILE *file;
    struct cli_backup backup;
    uint64_t token; /* no lower one is given out again */
    bool catches_up;
    long long made, there, failed, payloads;
    int worst;
};

static void worst_keep(struct restore *r, int code)
{
    r->worst = r->worst != CLI_OK ? r->worst : code;
}

/* ---- everything is held first */

static int all_hold(struct cli *cli)
{
    struct cli_everybody v = { .count = 0 };
    struct cli_path path;
    cli_path_open(&path, "/v1/hold");
    int code = cli_api_post(cli, &path, "{}", &v.rows);
    if (code == CLI_OK && (code = cli_everybody_open(cli, &v)) == CLI_OK)
        code = cli_everybody_print(&v, "nothing new starts");
    cli_everybody_close(&v);
    return code;
}

/* ---- payloads */

/* A part of the file as one of its own: what curl sends ends where the entry does. */
static int payload_put(struct restore *r, const struct cli_tar_entry *e)
{
    char piece[1u << 14];
    struct cli_result result = { .exit = CLI_OK };
    struct cli_path path;
    FILE *part = tmpfile();
    uint64_t left = e->size;
    size_t n = 1;
    while (part != NULL && left > 0 && n > 0) {
        n = fread(piece, 1, left < sizeof piece ? (size_t)left : sizeof piece, r->file);
        n = n > 0 ? fwrite(piece, 1, n, part) : 0;
        left -= n;
    }
    if (part == NULL || left > 0 || fflush(part) != 0) {
        cli_say(&r->cli->term, "%s: %s", e->name, strerror(errno));
        if (part != NULL)
            (void)fclose(part);
        return CLI_FAILED;
    }
    rewind(part);
    struct cli_request request = {
        .method = "PUT", .path = &path, .about = e->name, .upload = part
    };
    cli_path_open(&path, "/v1/payloads");
    cli_term_progress(&r->cli->term, "%.21s", e->name);
    int code = cli_api_must(r->cli, &request, &result);
    cli_api_close(&result);
    (void)fclose(part);
    return code;
}

/* ---- jobs */

static void body_write(const struct restore *r, struct cli_value job, struct muster_text *body)
{
    struct agent_json j;
    struct muster_text spec;
    struct cli_value clock = cli_value_field(job, "clock");
    muster_text_open(&spec, BODY_MAX);
    cli_value_json(cli_value_field(job, "spec"), &spec);
    agent_json_open(&j, body);
    agent_json_object(&j);
    agent_json_put_raw(&j, "spec", muster_text_bytes(&spec));
    agent_json_put_text(&j, "desired", cli_text(job, "desired", "run"));
    agent_json_put_text(&j, "state", cli_text(job, "state", ""));
    agent_json_put_text(&j, "created", cli_text(job, "created", ""));
    agent_json_put_text(&j, "tick", r->catches_up ? cli_text(clock, "last", "") : "");
    agent_json_put_i64(&j, "ticks", cli_number(clock, "ticks", 0));
    agent_json_put_i64(&j, "skipped", cli_number(clock, "skipped", 0));
    agent_json_put_token(&j, "token", r->token);
    agent_json_object_end(&j);
    muster_text_close(&spec);
}

static int job_put(struct restore *r, struct cli_value job)
{
    struct cli_result result;
    struct cli_path path;
    struct muster_text body;
    const char *name = cli_text(job, "name", "");
    muster_text_open(&body, BODY_MAX);
    body_write(r, job, &body);
    struct cli_request request = {
        .method = "POST", .path = &path, .about = name, .body = body.data
    };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, name);
    cli_path_plain(&path, "/restore");
    int code = cli_api_must(r->cli, &request, &result);
    bool is_new = cli_truth(result.root, "created", false);
    r->made += code == CLI_OK && is_new;
    r->there += code == CLI_OK && !is_new;
    r->failed += code != CLI_OK;
    cli_api_close(&result);
    muster_text_close(&body);
    return code;
}

static bool job_each(void *whose, struct cli_value job)
{
    struct restore *r = whose;
    int code = job_put(r, job);
    worst_keep(r, code);
    cli_term_progress(&r->cli->term, "%lld of %lld jobs", r->made + r->there + r->failed,
                      r->backup.jobs);
    return code != CLI_UNREACHABLE && code != CLI_DENIED;
}

/* ---- the file */

/* Payloads in one pass and jobs in the next, so that no run waits for what is to come. */
static void pass(struct restore *r, bool is_of_jobs)
{
    struct cli_tar_entry e;
    bool is_end = false, goes_on = true;
    rewind(r->file);
    while (goes_on && cli_tar_next(r->file, &e, &is_end)) {
        bool is_jobs = strcmp(e.name, CLI_BACKUP_JOBS) == 0;
        bool is_payload = strncmp(e.name, CLI_BACKUP_PAYLOADS, sizeof CLI_BACKUP_PAYLOADS - 1) == 0;
        if (is_of_jobs && is_jobs) {
            goes_on = cli_backup_jobs(r->file, &e, job_each, r);
        } else if (!is_of_jobs && is_payload) {
            int code = payload_put(r, &e);
            r->payloads += code == CLI_OK;
            worst_keep(r, code);
            goes_on = code != CLI_UNREACHABLE && code != CLI_DENIED;
        }
        goes_on = goes_on && cli_tar_pass(r->file, &e);
    }
    cli_term_settle(&r->cli->term);
}

static int restore(struct restore *r, bool starts)
{
    struct cli *cli = r->cli;
    int code = starts ? CLI_OK : all_hold(cli);
    if (code != CLI_OK)
        return code;
    r->token = agent_restore_floor(r->backup.token);
    pass(r, false);
    if (r->worst == CLI_OK)
        pass(r, true);
    cli_print("%lld of %lld %s restored, %lld there already", r->made, r->backup.jobs,
              cli_plural(r->backup.jobs, "job", "jobs"), r->there);
    if (r->failed > 0)
        cli_print(", %lld failed", r->failed);
    cli_print("; %lld of %lld %s\n", r->payloads, r->backup.payloads,
              cli_plural(r->backup.payloads, "payload", "payloads"));
    if (r->worst != CLI_OK)
        cli_print("It may be restored again: what is there is left alone.\n");
    if (!starts)
        cli_print("Everything is held. When nothing of the former cluster runs any more: 'muster "
                  "release --all'\n");
    return r->worst;
}

int cli_verb_restore(struct cli *cli)
{
    const char *name = cli->args.word[0];
    struct restore r = { .cli = cli, .catches_up = cli_flag_given(&cli->args, "catch-up") };
    r.file = fopen(name, "re");
    if (r.file == NULL) {
        cli_say(&cli->term, "%s: %s", name, strerror(errno));
        return CLI_FAILED;
    }
    int code = cli_backup_check(cli, r.file, name, &r.backup);
    if (code == CLI_OK && cli_flag_given(&cli->args, "dry-run"))
        cli_print("%s: whole; %lld %s, %lld %s, of %s\n", name, r.backup.jobs,
                  cli_plural(r.backup.jobs, "job", "jobs"), r.backup.payloads,
                  cli_plural(r.backup.payloads, "payload", "payloads"), r.backup.made);
    else if (code == CLI_OK)
        code = restore(&r, cli_flag_given(&cli->args, "start"));
    (void)fclose(r.file);
    return code;
}
