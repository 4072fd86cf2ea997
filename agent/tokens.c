/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens by their hashes: a file of lines, and a look that tells nothing by the time it takes. */
#include "agent/tokens.h"

#include <string.h>

#include "agent/name.h"
#include "base/text.h"

#define WORDS_MAX 4 /* of a line; the fourth is one too many */

const char *agent_token_name_fault(struct muster_bytes name)
{
    return name.len > AGENT_TOKEN_NAME_MAX ? "the name of a token has at most 64 characters"
                                           : agent_name_node_fault(name);
}

/* ---- lines */

static bool is_gap(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static uint32_t words_split(struct muster_bytes line, struct muster_bytes word[WORDS_MAX])
{
    uint32_t count = 0;
    size_t at = 0;
    while (count < WORDS_MAX) {
        while (at < line.len && is_gap(line.data[at]))
            at++;
        size_t begin = at;
        if (at == line.len || line.data[at] == '#')
            break;
        while (at < line.len && !is_gap(line.data[at]))
            at++;
        word[count++] = MUSTER_BYTES(line.data + begin, at - begin);
    }
    return count;
}

static bool hash_read(uint8_t out[MUSTER_SHA256], struct muster_bytes text)
{
    char hex[2 * MUSTER_SHA256 + 1] = "";
    if (text.len != sizeof hex - 1)
        return false;
    memcpy(hex, text.data, text.len);
    return muster_hex_read(out, MUSTER_SHA256, hex);
}

static const struct agent_token *named(const struct agent_tokens *t, const char *name)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (strcmp(t->token[i].name, name) == 0)
            return &t->token[i];
    return NULL;
}

static int line_read(struct agent_tokens *t, struct muster_bytes line, uint32_t number,
                     struct agent_problem *problem)
{
    struct muster_bytes word[WORDS_MAX];
    struct agent_token token;
    char right[16] = "";
    uint32_t words = words_split(line, word);
    if (words == 0)
        return MUSTER_OK;
    if (words != 3)
        return agent_problem_set(problem, MUSTER_EINVAL, NULL, number, 0,
                                 "no line of a token; say NAME RIGHT SHA256, as `muster token "
                                 "create` prints it");
    const char *fault = agent_token_name_fault(word[0]);
    if (fault != NULL)
        return agent_problem_set(problem, MUSTER_EINVAL, NULL, number, 0, "name: %s", fault);
    (void)muster_format(token.name, sizeof token.name, "%.*s", (int)word[0].len,
                        (const char *)word[0].data);
    if (word[1].len < sizeof right)
        memcpy(right, word[1].data, word[1].len);
    if (!agent_right_parse(&token.right, right))
        return agent_problem_set(problem, MUSTER_EINVAL, NULL, number, 0,
                                 "right: choose one of read, operate and admin");
    if (!hash_read(token.hash, word[2]))
        return agent_problem_set(problem, MUSTER_EINVAL, NULL, number, 0,
                                 "not the SHA-256 of a token in 64 hexadecimal digits");
    if (named(t, token.name) != NULL)
        return agent_problem_set(problem, MUSTER_EINVAL, NULL, number, 0, "%s stands twice",
                                 token.name);
    if (t->count == AGENT_TOKENS_MAX)
        return agent_problem_set(problem, MUSTER_ELIMIT, NULL, number, 0,
                                 "more than %d tokens are not looked at", AGENT_TOKENS_MAX);
    t->token[t->count++] = token;
    return MUSTER_OK;
}

int agent_tokens_read(struct agent_tokens *t, struct muster_bytes text,
                      struct agent_problem *problem)
{
    uint32_t number = 1;
    int err = MUSTER_OK;
    agent_problem_clear(problem);
    t->count = 0;
    for (size_t at = 0; at < text.len && err == MUSTER_OK; number++) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - text.data) - at : text.len - at;
        err = line_read(t, MUSTER_BYTES(text.data + at, len), number, problem);
        at += len + 1;
    }
    if (err != MUSTER_OK)
        t->count = 0;
    return err;
}

/* ---- looking */

static uint32_t difference(const uint8_t *a, const uint8_t *b)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < MUSTER_SHA256; i++)
        sum |= (uint32_t)(a[i] ^ b[i]);
    return sum;
}

/* Every line is looked at, and all of it, whichever it is: how long that takes says nothing of how
 * near a guess was. */
const struct agent_token *agent_tokens_find(const struct agent_tokens *t, struct muster_bytes shown)
{
    const struct agent_token *found = NULL;
    uint8_t hash[MUSTER_SHA256];
    if (shown.len == 0 || shown.len > AGENT_TOKEN_SHOWN_MAX)
        return NULL;
    muster_sha256(shown, hash);
    for (uint32_t i = 0; i < t->count; i++)
        found = difference(t->token[i].hash, hash) == 0 ? &t->token[i] : found;
    return found;
}

struct muster_bytes agent_token_of_header(const char *authorization)
{
    static const char kind[] = "bearer";
    const char *at = authorization != NULL ? authorization : "";
    for (size_t i = 0; i < sizeof kind - 1; i++, at++)
        if (*at != kind[i] && *at != kind[i] - 'a' + 'A')
            return MUSTER_BYTES(NULL, 0);
    size_t gap = strspn(at, " "), len = strcspn(at + gap, " \t");
    if (gap == 0 || at[gap + len] != '\0')
        return MUSTER_BYTES(NULL, 0);
    return MUSTER_BYTES(at + gap, len);
}

/* ---- making */

void agent_token_make(const uint8_t luck[AGENT_TOKEN_BYTES], struct agent_token *token,
                      char text[AGENT_TOKEN_TEXT])
{
    char mark[9];
    muster_hex_write(text, MUSTER_BYTES(luck, AGENT_TOKEN_BYTES));
    muster_sha256(muster_bytes_text(text), token->hash);
    muster_hex_write(mark, MUSTER_BYTES(token->hash, 4));
    if (token->name[0] == '\0')
        (void)muster_format(token->name, sizeof token->name, "token-%s", mark);
}

const char *agent_token_line(const struct agent_token *token, char out[AGENT_TOKEN_LINE])
{
    char hash[2 * MUSTER_SHA256 + 1];
    muster_hex_write(hash, MUSTER_BYTES(token->hash, MUSTER_SHA256));
    (void)muster_format(out, AGENT_TOKEN_LINE, "%s %s %s", token->name,
                        agent_right_text(token->right), hash);
    return out;
}
