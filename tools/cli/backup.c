/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a backup through. */
#include "tools/cli/backup.h"

#include <stdlib.h>
#include <string.h>

#include "agent/payload_id.h"
#include "base/crypto.h"
#include "base/text.h"

#define END_MAX 4096

bool cli_backup_jobs(FILE *file, const struct cli_tar_entry *e,
                     bool (*job)(void *whose, struct cli_value job), void *whose)
{
    char *line = NULL;
    size_t size = 0;
    bool goes_on = true;
    long long end = e->at + (long long)e->size;
    while (goes_on && ftello(file) < end) {
        struct cli_reply *reply = NULL;
        ssize_t len = getline(&line, &size, file);
        goes_on = len > 0 && ftello(file) <= end && line[len - 1] == '\n' &&
                  cli_reply_open(&reply, MUSTER_BYTES(line, (size_t)len)) == MUSTER_OK &&
                  job(whose, cli_reply_root(reply));
        cli_reply_close(reply);
    }
    free(line);
    return goes_on;
}

static bool job_count(void *whose, struct cli_value job)
{
    long long *count = whose;
    *count += 1;
    return cli_text(job, "name", NULL) != NULL && cli_value_is_set(cli_value_field(job, "spec"));
}

static bool payload_is_whole(FILE *file, const struct cli_tar_entry *e)
{
    uint8_t piece[1u << 14];
    struct muster_sha256 hash;
    struct agent_payload_id id, named;
    uint64_t left = e->size;
    if (!agent_payload_id_parse(&named,
                                muster_bytes_text(e->name + sizeof CLI_BACKUP_PAYLOADS - 1)) ||
        muster_sha256_begin(&hash) != MUSTER_OK)
        return false;
    while (left > 0) {
        size_t n = fread(piece, 1, left < sizeof piece ? (size_t)left : sizeof piece, file);
        if (n == 0)
            break;
        muster_sha256_add(&hash, MUSTER_BYTES(piece, n));
        left -= n;
    }
    muster_sha256_end(&hash, id.octet);
    return left == 0 && agent_payload_id_equal(id, named);
}

static bool end_read(FILE *file, const struct cli_tar_entry *e, struct cli_backup *b)
{
    char text[END_MAX];
    struct cli_reply *reply = NULL;
    size_t len = e->size < sizeof text ? (size_t)e->size : 0;
    if (len == 0 || fread(text, len, 1, file) != 1 ||
        cli_reply_open(&reply, MUSTER_BYTES(text, len)) != MUSTER_OK)
        return false;
    struct cli_value root = cli_reply_root(reply);
    bool is_ours = cli_number(root, "format", 0) == CLI_BACKUP_FORMAT;
    muster_format(b->made, sizeof b->made, "%s", cli_text(root, "made", "-"));
    b->token = strtoull(cli_text(root, "token", "0"), NULL, 10);
    b->jobs = cli_number(root, "jobs", -1);
    b->payloads = cli_number(root, "payloads", -1);
    cli_reply_close(reply);
    return is_ours;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

int cli_backup_check(struct cli *cli, FILE *file, const char *shown, struct cli_backup *b)
{
    struct cli_tar_entry e;
    long long jobs = 0, payloads = 0;
    bool is_end = false, is_good = true, has_end = false;
    char bad[CLI_TAR_NAME] = "";
    *b = (struct cli_backup){ .jobs = -1 };
    rewind(file);
    while (is_good && cli_tar_next(file, &e, &is_end)) {
        cli_term_progress(&cli->term, "looking through it: %.60s", e.name);
        muster_format(bad, sizeof bad, "%s", e.name);
        if (strcmp(e.name, CLI_BACKUP_JOBS) == 0)
            is_good = cli_backup_jobs(file, &e, job_count, &jobs);
        else if (starts_with(e.name, CLI_BACKUP_PAYLOADS))
            is_good = payload_is_whole(file, &e), payloads++;
        else if (strcmp(e.name, CLI_BACKUP_END) == 0)
            is_good = has_end = end_read(file, &e, b);
        is_good = is_good && cli_tar_pass(file, &e);
    }
    cli_term_settle(&cli->term);
    if (is_good && is_end && has_end && jobs == b->jobs && payloads == b->payloads)
        return CLI_OK;
    if (!is_good)
        cli_say(&cli->term, "%s: %s in it is damaged; take another backup", shown, bad);
    else
        cli_say(&cli->term, "%s: is no backup, or not a whole one; take another", shown);
    return CLI_CONFIG;
}
