/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the API's JSON apart; everything jansson stays in this file. */
#include "tools/cli/reply.h"

#include <jansson.h>
#include <stdlib.h>

struct cli_reply {
    json_t *root;
};

int cli_reply_open(struct cli_reply **reply, struct muster_bytes json)
{
    struct cli_reply *r = calloc(1, sizeof *r);
    *reply = r;
    if (r == NULL)
        return MUSTER_EFULL;
    json_error_t error;
    r->root = json_loadb(json.len > 0 ? (const char *)json.data : "", json.len,
                         JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    return r->root == NULL ? MUSTER_EINVAL : MUSTER_OK;
}

void cli_reply_close(struct cli_reply *reply)
{
    if (reply == NULL)
        return;
    json_decref(reply->root);
    free(reply);
}

struct cli_value cli_reply_root(const struct cli_reply *reply)
{
    return (struct cli_value){ reply->root };
}

struct cli_value cli_value_field(struct cli_value v, const char *key)
{
    return (struct cli_value){ json_object_get(v.at, key) };
}

bool cli_value_is_set(struct cli_value v)
{
    return v.at != NULL && !json_is_null((json_t *)v.at);
}

const char *cli_value_text(struct cli_value v, const char *absent)
{
    const char *text = json_string_value(v.at);
    return text != NULL ? text : absent;
}

const char *cli_text(struct cli_value v, const char *key, const char *absent)
{
    return cli_value_text(cli_value_field(v, key), absent);
}

long long cli_number(struct cli_value v, const char *key, long long absent)
{
    const json_t *number = json_object_get(v.at, key);
    return json_is_integer(number) ? (long long)json_integer_value(number) : absent;
}

bool cli_truth(struct cli_value v, const char *key, bool absent)
{
    const json_t *truth = json_object_get(v.at, key);
    return json_is_boolean(truth) ? json_is_true(truth) : absent;
}

size_t cli_value_count(struct cli_value v)
{
    return json_array_size(v.at);
}

struct cli_value cli_value_item(struct cli_value v, size_t i)
{
    return (struct cli_value){ json_array_get(v.at, i) };
}

const char *cli_value_key(struct cli_value v, size_t i)
{
    void *at = json_object_iter(v.at);
    while (at != NULL && i-- > 0)
        at = json_object_iter_next(v.at, at);
    return at != NULL ? json_object_iter_key(at) : NULL;
}

static void value_print_one(json_t *value, struct muster_text *out)
{
    if (json_is_string(value)) {
        muster_text_add(out, "%s", json_string_value(value));
        return;
    }
    char *dump = json_dumps(value, JSON_ENCODE_ANY);
    muster_text_add(out, "%s", dump != NULL ? dump : "?");
    free(dump);
}

void cli_value_print(struct cli_value v, struct muster_text *out)
{
    const char *key;
    json_t *value;
    if (!json_is_object((json_t *)v.at)) {
        if (v.at != NULL)
            value_print_one(v.at, out);
        return;
    }
    json_object_foreach((json_t *)v.at, key, value)
    {
        muster_text_add(out, "%s%s=", out->len > 0 ? " " : "", key);
        value_print_one(value, out);
    }
}

void cli_value_json(struct cli_value v, struct muster_text *out)
{
    char *text = v.at != NULL ? json_dumps(v.at, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    muster_text_add(out, "%s", text != NULL ? text : "null");
    free(text);
}
