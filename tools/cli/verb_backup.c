/* SPDX-License-Identifier: Apache-2.0 */
/* `backup`: the whole cluster's jobs, with how far their schedules are, and its payloads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/payload_id.h"
#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/backup.h"
#include "tools/cli/help.h"
#include "tools/cli/verbs.h"

#define LINE_MAX_BYTES (1u << 20)

struct backup {
    struct cli *cli;
    FILE *out;
    uint64_t token;
    long long jobs, payloads;
    char (*sha)[AGENT_PAYLOAD_HEX];
    size_t room;
    bool is_short; /* of memory */
};

static void job_item(void *whose, struct cli_value item)
{
    struct backup *b = whose;
    struct muster_text line;
    muster_text_open(&line, LINE_MAX_BYTES);
    cli_value_json(item, &line);
    (void)fwrite(line.data != NULL ? line.data : "", 1, line.len, b->out);
    (void)putc('\n', b->out);
    b->is_short = b->is_short || line.err != MUSTER_OK || line.len == 0;
    muster_text_close(&line);
    b->jobs++;
    cli_term_progress(&b->cli->term, "%lld jobs", b->jobs);
}

static void run_item(void *whose, struct cli_value item)
{
    struct backup *b = whose;
    uint64_t token = strtoull(cli_text(item, "token", "0"), NULL, 10);
    b->token = token > b->token ? token : b->token;
}

static void payload_item(void *whose, struct cli_value item)
{
    struct backup *b = whose;
    if ((size_t)b->payloads == b->room) {
        size_t room = b->room == 0 ? 64 : 2 * b->room;
        void *more = realloc(b->sha, room * sizeof *b->sha);
        if (more == NULL) {
            b->is_short = true;
            return;
        }
        b->sha = more;
        b->room = room;
    }
    muster_format(b->sha[b->payloads++], AGENT_PAYLOAD_HEX, "%s", cli_text(item, "sha256", ""));
}

static int list_walk(struct backup *b, const char *where,
                     void (*item)(void *whose, struct cli_value item))
{
    struct cli_path path;
    struct cli_walk walk = { .item = item, .whose = b, .is_aside = true };
    cli_path_open(&path, where);
    return cli_api_walk(b->cli, &path, &walk);
}

static int payload_add(struct backup *b, const char *sha)
{
    struct cli_tar_entry e;
    struct cli_result result = { .exit = CLI_OK, .is_raw = true };
    struct cli_path path;
    char name[CLI_TAR_NAME];
    struct cli_request request = {
        .method = "GET", .path = &path, .about = sha, .download = b->out
    };
    cli_path_open(&path, "/v1/payloads/");
    cli_path_name(&path, sha);
    cli_term_progress(&b->cli->term, "payload %.12s", sha);
    muster_format(name, sizeof name, CLI_BACKUP_PAYLOADS "%s", sha);
    bool is_open = cli_tar_begin(b->out, &e, name);
    int code = is_open ? cli_api_must(b->cli, &request, &result) : CLI_FAILED;
    cli_api_close(&result);
    return code == CLI_OK && !cli_tar_end(b->out, &e, time(NULL)) ? CLI_FAILED : code;
}

static bool end_add(struct backup *b)
{
    struct cli_tar_entry e;
    char when[32] = "-";
    time_t now = time(NULL);
    struct tm day;
    if (gmtime_r(&now, &day) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &day);
    return cli_tar_begin(b->out, &e, CLI_BACKUP_END) &&
           fprintf(b->out,
                   "{\"format\":%d,\"made\":\"%s\",\"token\":\"%llu\",\"jobs\":%lld,"
                   "\"payloads\":%lld}\n",
                   CLI_BACKUP_FORMAT, when, (unsigned long long)b->token, b->jobs,
                   b->payloads) > 0 &&
           cli_tar_end(b->out, &e, now) && cli_tar_finish(b->out);
}

/* Jobs before payloads: what a job names that comes in between is there too. */
static int backup_write(struct backup *b)
{
    struct cli_tar_entry e;
    bool is_good = cli_tar_begin(b->out, &e, CLI_BACKUP_JOBS);
    int code = list_walk(b, "/v1/jobs", job_item);
    is_good = is_good && cli_tar_end(b->out, &e, time(NULL));
    if (code == CLI_OK)
        code = list_walk(b, "/v1/runs", run_item);
    if (code == CLI_OK && !cli_flag_given(&b->cli->args, "without-payloads"))
        code = list_walk(b, "/v1/payloads", payload_item);
    for (long long i = 0; i < b->payloads && code == CLI_OK; i++)
        code = payload_add(b, b->sha[i]);
    is_good = is_good && code == CLI_OK && end_add(b);
    cli_term_settle(&b->cli->term);
    if (code == CLI_OK && b->is_short) {
        cli_say(&b->cli->term, "out of memory");
        code = CLI_FAILED;
    }
    return code == CLI_OK && !is_good ? CLI_FAILED : code;
}

/* What was written is read again, and gets its name when every byte of it is as it should be. */
static int backup_settle(struct cli *cli, FILE *file, const char *part, const char *name)
{
    struct cli_backup seen;
    if (fflush(file) != 0 || fsync(fileno(file)) != 0) {
        cli_say(&cli->term, "%s: %s", part, strerror(errno));
        return CLI_FAILED;
    }
    int code = cli_backup_check(cli, file, part, &seen);
    if (code == CLI_OK && rename(part, name) != 0) {
        cli_say(&cli->term, "%s: %s", name, strerror(errno));
        code = CLI_FAILED;
    }
    return code;
}

int cli_verb_backup(struct cli *cli)
{
    const char *name = cli->args.word[0];
    char part[4096];
    struct backup b = { .cli = cli };
    if (!muster_format(part, sizeof part, "%s.part", name))
        return cli_usage(cli, "the name of the file is too long");
    b.out = fopen(part, "w+e");
    if (b.out == NULL) {
        cli_say(&cli->term, "%s: %s", part, strerror(errno));
        return CLI_FAILED;
    }
    (void)fchmod(fileno(b.out), 0600); /* what jobs are given may be secret */
    int code = backup_write(&b);
    if (code == CLI_FAILED && ferror(b.out) != 0)
        cli_say(&cli->term, "%s: %s", part, strerror(errno));
    if (code == CLI_OK)
        code = backup_settle(cli, b.out, part, name);
    (void)fclose(b.out);
    if (code != CLI_OK)
        (void)unlink(part);
    else
        cli_print("%s: %lld %s, %lld %s\n", name, b.jobs, cli_plural(b.jobs, "job", "jobs"),
                  b.payloads, cli_plural(b.payloads, "payload", "payloads"));
    free(b.sha);
    return code;
}
