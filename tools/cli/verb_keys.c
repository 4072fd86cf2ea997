/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about the keys of the cluster: make one, see who has which, change it everywhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "agent/keys.h"
#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/everybody.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"

#define KEYS_BITS_DEFAULT 256

int cli_verb_keygen(struct cli *cli)
{
    uint8_t key[MUSTER_AEAD_KEY_MAX];
    char text[GOSSIP_KEY_TEXT];
    const char *said = cli_flag_value(&cli->args, "bits");
    size_t bits = said == NULL               ? KEYS_BITS_DEFAULT
                  : strcmp(said, "128") == 0 ? 128
                  : strcmp(said, "192") == 0 ? 192
                                             : 256;
    do
        muster_random(key, bits / 8);
    while (key[0] >> 2 == 63); /* its text would begin with a slash, as a path does */
    (void)printf("%s\n", gossip_key_text(MUSTER_BYTES(key, bits / 8), text));
    muster_wipe(key, sizeof key);
    muster_wipe(text, sizeof text);
    return CLI_OK;
}

/* ---- what the nodes say */

static int view_ask(struct cli *cli, struct cli_everybody *v)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    *v = (struct cli_everybody){ .count = 0 };
    cli_path_open(&path, "/v1/keys");
    int code = cli_api_must(cli, &request, &v->rows);
    return code == CLI_OK ? cli_everybody_open(cli, v) : code;
}

/* The place of a key among those of a node, -1: it does not have it. */
static int place_of(struct cli_value row, const char *mark)
{
    struct cli_value keys = cli_value_field(row, "keys");
    for (size_t i = 0; i < cli_value_count(keys); i++)
        if (strncmp(cli_value_text(cli_value_item(keys, i), ""), mark, strlen(mark)) == 0)
            return (int)i;
    return -1;
}

/* ---- printing */

static const char *mark_at(const struct cli_everybody *v, size_t row, size_t place)
{
    struct cli_value keys = cli_value_field(cli_value_item(v->items, row), "keys");
    return place < cli_value_count(keys) ? cli_value_text(cli_value_item(keys, place), "-") : NULL;
}

/* Told already, when a node before it, or this one at a place before, has the same. */
static bool is_known(const struct cli_everybody *v, size_t row, const char *mark)
{
    for (size_t i = 0; i < row; i++)
        if (place_of(cli_value_item(v->items, i), mark) >= 0)
            return true;
    return false;
}

static void key_row(struct cli_table *table, const struct cli_everybody *v, const char *mark)
{
    struct muster_text missing;
    long long have = 0, use = 0;
    muster_text_open(&missing, 4096);
    for (size_t i = 0; i < v->count; i++) {
        struct cli_value row = cli_value_item(v->items, i);
        int place = place_of(row, mark);
        have += place >= 0;
        use += place == 0;
        if (place < 0)
            muster_text_add(&missing, "%s%s", missing.len > 0 ? " " : "",
                            cli_text(row, "node", "-"));
    }
    cli_table_row(table);
    cli_table_cell(table, mark);
    cli_table_number(table, have);
    cli_table_number(table, use);
    cli_table_cell(table, missing.data);
    muster_text_close(&missing);
}

static int keys_print(struct cli *cli, const struct cli_everybody *v)
{
    static const struct cli_column columns[] = {
        { .name = "KEY" },
        { .name = "NODES", .is_right = true },
        { .name = "IN USE", .is_right = true },
        { .name = "MISSING ON", .shrinks_to = 12 },
        { 0 },
    };
    struct cli_table *table = cli_table_open(&cli->term, columns);
    const char *mark;
    size_t keys = 0;
    if (table == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < v->count; i++) {
        for (size_t k = 0; (mark = mark_at(v, i, k)) != NULL; k++) {
            if (is_known(v, i, mark))
                continue;
            key_row(table, v, mark);
            keys++;
        }
    }
    bool ok = keys == 0 || cli_table_print(table);
    cli_table_close(table);
    if (keys == 0)
        cli_print("no keys: nothing is encrypted; `encrypt` in the configuration names one\n");
    return ok ? CLI_OK : CLI_FAILED;
}

int cli_verb_keys_list(struct cli *cli)
{
    struct cli_everybody v;
    int code = view_ask(cli, &v);
    if (code == CLI_OK && cli->json)
        cli_api_print(&v.rows);
    else if (code == CLI_OK)
        code = keys_print(cli, &v);
    if (code == CLI_OK && !cli->json)
        code = cli_everybody_print(&v, "answered");
    cli_everybody_close(&v);
    return code;
}

/* ---- changes */

/* A key on the command line can be read by everybody on this host; "-" takes it from a pipe. */
static const char *word_of(struct cli *cli, char *line, int size)
{
    const char *word = cli->args.word[0];
    if (strcmp(word, "-") != 0)
        return word;
    if (fgets(line, size, stdin) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static int change(struct cli *cli, const char *verb, const char *word, const char *done)
{
    struct cli_everybody v = { .count = 0 };
    struct muster_text body;
    struct agent_json json;
    struct cli_path path;
    muster_text_open(&body, 4096);
    agent_json_open(&json, &body);
    agent_json_object(&json);
    agent_json_put_text(&json, "key", word);
    agent_json_object_end(&json);
    cli_path_open(&path, "/v1/keys/");
    cli_path_name(&path, verb);
    int code = cli_api_post(cli, &path, body.err == MUSTER_OK ? body.data : "{}", &v.rows);
    if (code == CLI_OK && cli->json)
        cli_api_print(&v.rows);
    else if (code == CLI_OK && (code = cli_everybody_open(cli, &v)) == CLI_OK)
        code = cli_everybody_print(&v, done);
    muster_text_close(&body);
    cli_everybody_close(&v);
    return code;
}

/* The mark that a word begins with or, for a key, has. */
static const char *mark_of(const char *word, char mark[AGENT_KEY_MARK])
{
    struct agent_key key;
    if (!agent_key_read(&key, word))
        return word;
    return agent_key_mark(MUSTER_BYTES(key.byte, key.len), mark);
}

/* Nobody shall be cut off: with `use` everybody has it, with `remove` nobody uses it. */
static int look_ahead(struct cli *cli, const char *verb, const char *word)
{
    bool is_use = strcmp(verb, "use") == 0;
    char mark[AGENT_KEY_MARK];
    struct cli_everybody v;
    int code = view_ask(cli, &v);
    for (size_t i = 0; code == CLI_OK && i < v.count; i++) {
        struct cli_value row = cli_value_item(v.items, i);
        int place = place_of(row, mark_of(word, mark));
        if (is_use ? place >= 0 : place != 0)
            continue;
        cli_say(&cli->term,
                is_use ? "%s does not have that key and would be cut off; install it first, or "
                         "say --force"
                       : "%s still uses that key; use another one first, or say --force",
                cli_text(row, "node", "-"));
        code = CLI_CONFLICT;
    }
    const char *name = code == CLI_OK && is_use ? cli_everybody_silent(&v, 0) : NULL;
    if (name != NULL) {
        cli_say(&cli->term,
                "%s is alive and does not say whether it has that key; it may be cut off. Try "
                "again, or say --force",
                name);
        code = CLI_CONFLICT;
    }
    cli_everybody_close(&v);
    return code;
}

static int change_safely(struct cli *cli, const char *verb, const char *done)
{
    char line[128];
    const char *word = word_of(cli, line, sizeof line);
    int code = cli_flag_given(&cli->args, "force") ? CLI_OK : look_ahead(cli, verb, word);
    return code == CLI_OK ? change(cli, verb, word, done) : code;
}

int cli_verb_keys_install(struct cli *cli)
{
    char line[128];
    return change(cli, "install", word_of(cli, line, sizeof line), "installed");
}

int cli_verb_keys_use(struct cli *cli)
{
    return change_safely(cli, "use", "in use");
}

int cli_verb_keys_remove(struct cli *cli)
{
    return change_safely(cli, "remove", "removed");
}
