/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about payloads: bytes brought to the cluster, fetched from it, listed and given up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/table.h"
#include "tools/cli/verb_payload.h"
#include "tools/cli/verbs.h"

#define NAMED_SHOWN 3

static void size_text(long long bytes, char *out, size_t size)
{
    static const char unit[] = " KMGT";
    double n = (double)bytes;
    int u = 0;
    while (n >= 1024 && u < 4) {
        n /= 1024;
        u++;
    }
    muster_format(out, size, u == 0 ? "%.0f" : "%.1f%c", n, unit[u]);
}

/* ---- put */

static void put_progress(void *whose, long long done, long long of)
{
    struct cli *cli = whose;
    char so_far[24], all[24];
    size_text(done, so_far, sizeof so_far);
    size_text(of, all, sizeof all);
    if (of > 0 && done == of)
        cli_term_progress(&cli->term, "%s sent, copies are made", all);
    else if (of > 0)
        cli_term_progress(&cli->term, "%s of %s", so_far, all);
    else
        cli_term_progress(&cli->term, "%s", so_far);
}

static FILE *file_open(struct cli *cli, const char *name)
{
    struct stat s;
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    if (file == NULL) {
        cli_say(&cli->term, "%s: %s", name, strerror(errno));
    } else if (fstat(fileno(file), &s) == 0 && S_ISDIR(s.st_mode)) {
        cli_say(&cli->term, "%s is a folder; put an archive of it: tar c %s | muster payload put -",
                name, name);
        (void)fclose(file);
        file = NULL;
    }
    return file;
}

static int put(struct cli *cli, const char *name, struct cli_result *result)
{
    struct cli_path path;
    FILE *file = file_open(cli, name);
    if (file == NULL)
        return CLI_FAILED;
    struct cli_request request = { .method = "PUT",
                                   .path = &path,
                                   .about = name,
                                   .upload = file,
                                   .progress = cli->json ? NULL : put_progress,
                                   .whose = cli };
    cli_path_open(&path, "/v1/payloads");
    int code = cli_api_ask(cli, &request, result);
    cli_term_settle(&cli->term);
    if (code != CLI_OK)
        cli_api_complain(cli, result, NULL);
    if (file != stdin)
        (void)fclose(file);
    return code;
}

static void put_tell(struct cli_value root)
{
    char size[24];
    long long copies = cli_number(root, "copies", 0);
    size_text(cli_number(root, "size", 0), size, sizeof size);
    cli_print("sha256:%s  %s, %s on %lld %s\n", cli_text(root, "sha256", "-"), size,
              cli_truth(root, "created", true) ? "stored" : "there already,", copies,
              cli_plural(copies, "node", "nodes"));
}

int cli_verb_payload_put(struct cli *cli)
{
    struct cli_result result = { .exit = CLI_OK };
    int code = put(cli, cli->args.word[0], &result);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        put_tell(result.root);
    cli_api_close(&result);
    return code;
}

int cli_payload_resolve(struct cli *cli, const char *value, char name[AGENT_PAYLOAD_TEXT])
{
    struct agent_payload_id id;
    struct cli_result result = { .exit = CLI_OK };
    int code = CLI_OK;
    if (!agent_payload_id_parse(&id, muster_bytes_text(value))) {
        code = put(cli, value, &result);
        if (code == CLI_OK &&
            !agent_payload_id_parse(&id, muster_bytes_text(cli_text(result.root, "sha256", ""))))
            code = CLI_FAILED;
        cli_api_close(&result);
    }
    if (code == CLI_OK)
        (void)agent_payload_id_text(id, name);
    return code;
}

/* ---- by the first digits of a name */

struct found {
    char sha[AGENT_PAYLOAD_HEX];
    int count;
};

static void found_item(void *whose, struct cli_value item)
{
    struct found *f = whose;
    muster_format(f->sha, sizeof f->sha, "%s", cli_text(item, "sha256", ""));
    f->count++;
}

static const char *bare(const char *word)
{
    size_t len = sizeof AGENT_PAYLOAD_PREFIX - 1;
    return strncmp(word, AGENT_PAYLOAD_PREFIX, len) == 0 ? word + len : word;
}

/* A whole name is not looked up: a node may have the bytes of one that is no more on any list. */
static int name_find(struct cli *cli, const char *word, char sha[AGENT_PAYLOAD_HEX])
{
    struct cli_path path;
    struct found f = { .count = 0 };
    struct cli_walk walk = { .item = found_item, .whose = &f, .limit = 2, .is_aside = true };
    word = bare(word);
    if (strlen(word) == AGENT_PAYLOAD_HEX - 1) {
        muster_format(sha, AGENT_PAYLOAD_HEX, "%s", word);
        return CLI_OK;
    }
    if (word[0] == '\0' || strspn(word, "0123456789abcdef") != strlen(word))
        return cli_usage(cli, "'%s' is not the name of a payload: digits 0-9 a-f", word);
    cli_path_open(&path, "/v1/payloads");
    cli_path_query(&path, "prefix", word);
    int code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && f.count != 1) {
        cli_say(&cli->term, "%s payload begins with %s; 'muster payload ls' lists them",
                f.count == 0 ? "no" : "more than one", word);
        code = f.count == 0 ? CLI_NOT_FOUND : CLI_USAGE;
    }
    if (code == CLI_OK)
        memcpy(sha, f.sha, AGENT_PAYLOAD_HEX);
    return code;
}

/* ---- get */

int cli_verb_payload_get(struct cli *cli)
{
    const char *file = cli_flag_value(&cli->args, "output");
    char sha[AGENT_PAYLOAD_HEX];
    struct cli_result result = { .exit = CLI_OK };
    struct cli_path path;
    int code = name_find(cli, cli->args.word[0], sha);
    if (code != CLI_OK)
        return code;
    if (file == NULL && cli->term.is_terminal)
        return cli_usage(cli, "a terminal is no place for bytes; say -o FILE, or pipe them on");
    FILE *out = file != NULL ? fopen(file, "we") : stdout;
    if (out == NULL) {
        cli_say(&cli->term, "%s: %s", file, strerror(errno));
        return CLI_FAILED;
    }
    struct cli_request request = {
        .method = "GET", .path = &path, .about = cli->args.word[0], .download = out
    };
    if (file != NULL) {
        request.progress = put_progress;
        request.whose = cli;
    }
    cli_path_open(&path, "/v1/payloads/");
    cli_path_name(&path, sha);
    result.is_raw = true;
    code = cli_api_ask(cli, &request, &result);
    cli_term_settle(&cli->term);
    if (code != CLI_OK)
        cli_api_complain(cli, &result, "'muster payload ls' lists them");
    if ((file != NULL ? fclose(out) : fflush(out)) != 0 && code == CLI_OK) {
        cli_say(&cli->term, "%s: %s", file != NULL ? file : "standard output", strerror(errno));
        code = CLI_FAILED;
    }
    if (code != CLI_OK && file != NULL)
        (void)unlink(file); /* half of it would be worse than none */
    cli_api_close(&result);
    return code;
}

/* ---- ls */

static const struct cli_column columns[] = {
    { .name = "SHA256", .shrinks_to = 12 },
    { .name = "SIZE", .is_right = true },
    { .name = "CREATED", .is_right = true },
    { .name = "NAMED", .is_right = true },
    { .name = NULL },
};

struct shown {
    struct cli_table *table;
    long long bytes;
};

static void shown_item(void *whose, struct cli_value item)
{
    struct shown *s = whose;
    char text[64];
    cli_table_row(s->table);
    cli_table_cell(s->table, cli_text(item, "sha256", NULL));
    size_text(cli_number(item, "size", 0), text, sizeof text);
    cli_table_cell(s->table, text);
    cli_table_cell(s->table, cli_ago(cli_text(item, "created", NULL), text, sizeof text));
    cli_table_cell(s->table, cli_ago(cli_text(item, "named", NULL), text, sizeof text));
    s->bytes += cli_number(item, "size", 0);
}

int cli_verb_payload_ls(struct cli *cli)
{
    struct cli_path path;
    struct shown s = { .table = cli_table_open(&cli->term, columns) };
    struct cli_walk walk = { .item = shown_item, .whose = &s };
    char text[24];
    if (s.table == NULL)
        return CLI_FAILED;
    cli_path_open(&path, "/v1/payloads");
    if (cli->args.word_count > 0)
        cli_path_query(&path, "prefix", bare(cli->args.word[0]));
    int code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && !cli->json && walk.count == 0)
        cli_print("No payloads.\n");
    else if (code == CLI_OK && !cli->json) {
        code = cli_table_print(s.table) ? CLI_OK : CLI_FAILED;
        size_text(s.bytes, text, sizeof text);
        cli_print("%lld %s, %s.\n", walk.count, cli_plural(walk.count, "payload", "payloads"),
                  text);
    }
    cli_table_close(s.table);
    return code;
}

/* ---- rm */

struct named {
    char text[512];
    size_t len;
};

static void named_item(void *whose, struct cli_value item)
{
    struct named *n = whose;
    char one[160];
    muster_format(one, sizeof one, "%s%s", n->len > 0 ? ", " : "", cli_text(item, "name", "-"));
    if (muster_format(n->text + n->len, sizeof n->text - n->len, "%s", one))
        n->len += strlen(one);
}

static int rm_one(struct cli *cli, const char *word)
{
    char sha[AGENT_PAYLOAD_HEX];
    struct named named = { .text = "" };
    struct cli_walk walk = {
        .item = named_item, .whose = &named, .limit = NAMED_SHOWN, .is_aside = true
    };
    struct cli_result result = { .exit = CLI_OK };
    struct cli_path path;
    struct cli_request request = { .method = "DELETE", .path = &path, .about = word };
    int code = name_find(cli, word, sha);
    if (code != CLI_OK)
        return code;
    cli_path_open(&path, "/v1/jobs");
    cli_path_query(&path, "payload", sha);
    code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && walk.count > 0) {
        cli_say(&cli->term, "%.12s is named by %s%s; change or remove them first", sha, named.text,
                walk.has_more ? " and others" : "");
        return CLI_CONFLICT;
    }
    if (code != CLI_OK)
        return code;
    cli_path_open(&path, "/v1/payloads/");
    cli_path_name(&path, sha);
    code = cli_api_ask(cli, &request, &result);
    if (code != CLI_OK)
        cli_api_complain(cli, &result, "'muster payload ls' lists them");
    else if (cli->json)
        cli_api_print(&result);
    else
        cli_print("%.12s  deleted; its bytes go within a few minutes\n", sha);
    cli_api_close(&result);
    return code;
}

int cli_verb_payload_rm(struct cli *cli)
{
    int code = CLI_OK;
    for (size_t i = 0; i < cli->args.word_count && code == CLI_OK; i++)
        code = rm_one(cli, cli->args.word[i]);
    return code;
}
