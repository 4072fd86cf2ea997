/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that change a running node: whether it takes runs, its slots, its tags. */
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"

static int set(struct cli *cli, const char *action, const char *body, const char *said)
{
    struct cli_result result;
    struct cli_path path;
    const char *node = cli->args.word[0];
    cli_path_open(&path, "/v1/nodes/");
    cli_path_name(&path, node);
    cli_path_plain(&path, action);
    int code = cli_api_post(cli, &path, body, &result);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        cli_print("%s %s\n", node, said);
    cli_api_close(&result);
    return code;
}

int cli_verb_node_hold(struct cli *cli)
{
    return set(cli, "/hold", NULL, "keeps what it has and takes nothing new");
}

int cli_verb_node_release(struct cli *cli)
{
    return set(cli, "/release", NULL, "takes runs again");
}

int cli_verb_node_slots(struct cli *cli)
{
    char body[64], said[64];
    const char *slots = cli->args.word_count > 1 ? cli->args.word[1] : NULL;
    if (slots == NULL)
        return set(cli, "/slots", NULL, "offers its slots as configured");
    if (slots[0] == '\0' || strlen(slots) > 5 || strspn(slots, "0123456789") != strlen(slots))
        return cli_usage(cli, "a number of slots from 1 to 65535");
    (void)muster_format(body, sizeof body, "{\"slots\":\"%s\"}", slots);
    (void)muster_format(said, sizeof said, "offers %s slots", slots);
    return set(cli, "/slots", body, said);
}

static bool tag_add(struct muster_text *body, const char *key, size_t key_len, const char *value,
                    size_t value_len)
{
    const char *comma = body->len > strlen("{\"tags\":{") ? "," : "";
    if (key_len == 0 || memchr(key, '"', key_len) != NULL || memchr(key, '\\', key_len) != NULL)
        return false;
    muster_text_add(body, "%s\"%.*s\":", comma, (int)key_len, key);
    if (value == NULL) {
        muster_text_add(body, "null");
        return true;
    }
    muster_text_add(body, "\"%.*s\"", (int)value_len, value);
    return memchr(value, '"', value_len) == NULL && memchr(value, '\\', value_len) == NULL;
}

static bool tags_write(struct cli *cli, struct muster_text *body)
{
    bool ok = true;
    muster_text_add(body, "{\"tags\":{");
    for (size_t i = 1; i < cli->args.word_count && ok; i++) {
        const char *word = cli->args.word[i];
        size_t key = strcspn(word, "=");
        ok = word[key] == '=' && tag_add(body, word, key, word + key + 1, strlen(word + key + 1));
    }
    const char *off = cli_flag_value(&cli->args, "remove");
    while (off != NULL && *off != '\0' && ok) {
        size_t len = strcspn(off, ",");
        ok = tag_add(body, off, len, NULL, 0);
        off += len + (off[len] == ',' ? 1 : 0);
    }
    muster_text_add(body, "}}");
    return ok && body->err == MUSTER_OK;
}

int cli_verb_node_tag(struct cli *cli)
{
    struct muster_text body;
    if (cli->args.word_count == 1 && !cli_flag_given(&cli->args, "remove"))
        return set(cli, "/tags", NULL, "has its tags as configured");
    muster_text_open(&body, 8192);
    int code = tags_write(cli, &body) ? set(cli, "/tags", body.data, "has new tags")
                                      : cli_usage(cli, "tags are K=V, as in rack=b");
    muster_text_close(&body);
    return code;
}
