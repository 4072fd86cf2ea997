/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one command line against a list of flags, and says what is wrong with it. */
#include "tools/cli/flags.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/problem.h"
#include "base/clock.h"
#include "base/text.h"

#define NAMES_MAX 128 /* flags of one command with the shared ones */

static const struct cli_flag *flag_by_name(const struct cli_flags_rule *rule, const char *name,
                                           size_t len)
{
    const struct cli_flag *list[] = { rule->flags, rule->shared };
    for (size_t i = 0; i < 2; i++)
        for (const struct cli_flag *f = list[i]; f != NULL && f->name != NULL; f++)
            if (strlen(f->name) == len && memcmp(f->name, name, len) == 0)
                return f;
    return NULL;
}

static const struct cli_flag *flag_by_letter(const struct cli_flags_rule *rule, char letter)
{
    const struct cli_flag *list[] = { rule->flags, rule->shared };
    for (size_t i = 0; i < 2; i++)
        for (const struct cli_flag *f = list[i]; f != NULL && f->name != NULL; f++)
            if (f->letter == letter)
                return f;
    return NULL;
}

static int flag_unknown(struct cli_args *args, const struct cli_flags_rule *rule, const char *name)
{
    const char *names[NAMES_MAX + 1];
    const struct cli_flag *list[] = { rule->flags, rule->shared };
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        for (const struct cli_flag *f = list[i]; f != NULL && f->name != NULL; f++)
            if (count < NAMES_MAX)
                names[count++] = f->name;
    names[count] = NULL;
    const char *near = agent_problem_nearest(name, names);
    if (near != NULL)
        muster_format(args->problem, sizeof args->problem,
                      "there is no flag --%s; did you mean --%s?", name, near);
    else
        muster_format(args->problem, sizeof args->problem, "there is no flag --%s", name);
    return MUSTER_EINVAL;
}

static bool choice_allowed(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, value, len) == 0)
            return true;
        at += word + strspn(at + word, " ");
    }
    return false;
}

static int flag_keep(struct cli_args *args, const struct cli_flag *flag, const char *value)
{
    if (flag->choices != NULL && !choice_allowed(flag->choices, value)) {
        muster_format(args->problem, sizeof args->problem, "--%s %s: choose one of: %s", flag->name,
                      value, flag->choices);
        return MUSTER_EINVAL;
    }
    if (args->given_count == CLI_FLAGS_MAX) {
        muster_format(args->problem, sizeof args->problem, "more than %d flags", CLI_FLAGS_MAX);
        return MUSTER_ELIMIT;
    }
    args->given[args->given_count].flag = flag;
    args->given[args->given_count].value = value;
    args->given_count++;
    return MUSTER_OK;
}

/* `next` is the argument after this one, or NULL; `used` tells whether it was the value. */
static int flag_long(struct cli_args *args, const struct cli_flags_rule *rule, const char *text,
                     const char *next, bool *used)
{
    size_t len = strcspn(text, "=");
    const struct cli_flag *flag = flag_by_name(rule, text, len);
    if (flag == NULL) {
        char name[64];
        muster_format(name, sizeof name, "%.*s", (int)(len < 60 ? len : 60), text);
        return flag_unknown(args, rule, name);
    }
    if (flag->value == NULL) {
        if (text[len] == '\0')
            return flag_keep(args, flag, "");
        muster_format(args->problem, sizeof args->problem, "--%s takes no value", flag->name);
        return MUSTER_EINVAL;
    }
    if (text[len] == '=')
        return flag_keep(args, flag, text + len + 1);
    if (next == NULL) {
        muster_format(args->problem, sizeof args->problem, "--%s needs a value: --%s %s",
                      flag->name, flag->name, flag->value);
        return MUSTER_EINVAL;
    }
    *used = true;
    return flag_keep(args, flag, next);
}

static int flag_short(struct cli_args *args, const struct cli_flags_rule *rule, const char *text,
                      const char *next, bool *used)
{
    for (; *text != '\0'; text++) {
        const struct cli_flag *flag = flag_by_letter(rule, *text);
        if (flag == NULL) {
            muster_format(args->problem, sizeof args->problem, "there is no flag -%c", *text);
            return MUSTER_EINVAL;
        }
        if (flag->value != NULL) {
            *used = text[1] == '\0';
            if (*used && next == NULL) {
                muster_format(args->problem, sizeof args->problem, "-%c needs a value: -%c %s",
                              flag->letter, flag->letter, flag->value);
                return MUSTER_EINVAL;
            }
            return flag_keep(args, flag, *used ? next : text + 1);
        }
        int err = flag_keep(args, flag, "");
        if (err != MUSTER_OK)
            return err;
    }
    return MUSTER_OK;
}

static int word_keep(struct cli_args *args, const char *word)
{
    if (args->word_count == CLI_WORDS_MAX) {
        muster_format(args->problem, sizeof args->problem, "more than %d words", CLI_WORDS_MAX);
        return MUSTER_ELIMIT;
    }
    args->word[args->word_count++] = word;
    args->word[args->word_count] = NULL;
    return MUSTER_OK;
}

int cli_flags_parse(struct cli_args *args, const struct cli_flags_rule *rule, int argc,
                    const char *const *argv)
{
    *args = (struct cli_args){ 0 };
    bool words_only = false;
    int err = MUSTER_OK;
    for (int i = 0; i < argc && err == MUSTER_OK; i++) {
        const char *text = argv[i];
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool used = false;
        if (words_only || text[0] != '-' || text[1] == '\0') {
            err = word_keep(args, text);
            words_only = words_only || rule->stops;
        } else if (strcmp(text, "--") == 0) {
            words_only = true;
            args->saw_dashes = true;
        } else if (text[1] == '-') {
            err = flag_long(args, rule, text + 2, next, &used);
        } else {
            err = flag_short(args, rule, text + 1, next, &used);
        }
        i += used ? 1 : 0;
    }
    return err;
}

bool cli_flag_given(const struct cli_args *args, const char *name)
{
    return cli_flag_value(args, name) != NULL;
}

const char *cli_flag_value(const struct cli_args *args, const char *name)
{
    for (size_t i = args->given_count; i > 0; i--)
        if (strcmp(args->given[i - 1].flag->name, name) == 0)
            return args->given[i - 1].value;
    return NULL;
}

int cli_flag_number(struct cli_args *args, const char *name, long long min, long long max,
                    long long absent, long long *out)
{
    const char *text = cli_flag_value(args, name);
    *out = absent;
    if (text == NULL)
        return MUSTER_OK;
    char *end = NULL;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *out >= min && *out <= max)
        return MUSTER_OK;
    muster_format(args->problem, sizeof args->problem,
                  "--%s %s: a whole number from %lld to %lld is needed", name, text, min, max);
    return MUSTER_ERANGE;
}

int cli_flag_duration(struct cli_args *args, const char *name, long long absent, long long *out)
{
    const char *text = cli_flag_value(args, name);
    *out = absent;
    if (text == NULL)
        return MUSTER_OK;
    uint64_t ms = 0;
    if (muster_duration_parse(&ms, text) == MUSTER_OK && ms <= INT64_MAX / 2) {
        *out = (long long)ms;
        return MUSTER_OK;
    }
    muster_format(args->problem, sizeof args->problem,
                  "--%s %s: a duration is needed, like 250ms, 30s, 5m or 2h", name, text);
    return MUSTER_ERANGE;
}
