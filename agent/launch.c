/* SPDX-License-Identifier: Apache-2.0 */
/* Launches and guards' news as fields: one table of keys for both directions. */
#include "agent/launch.h"

#include <string.h>

#include "agent/fields.h"

enum key_kind { KEY_TEXT, KEY_BOOL, KEY_U16, KEY_U32, KEY_I32, KEY_U64 };

struct key {
    const char *name;
    enum key_kind kind;
    bool is_required;
    size_t offset;
};

#define KEY(type, kind, name, is_required, member)                                                 \
    {                                                                                              \
        name, kind, is_required, offsetof(struct type, member)                                     \
    }

static const struct key launch_keys[] = {
    KEY(agent_launch, KEY_TEXT, "job", true, job),
    KEY(agent_launch, KEY_TEXT, "run", true, run),
    KEY(agent_launch, KEY_U64, "token", true, token),
    KEY(agent_launch, KEY_U32, "attempt", true, attempt),
    KEY(agent_launch, KEY_U32, "needs", false, needs),
    KEY(agent_launch, KEY_TEXT, "arg", false, arg),
    KEY(agent_launch, KEY_TEXT, "cwd", false, cwd),
    KEY(agent_launch, KEY_TEXT, "user", false, user),
    KEY(agent_launch, KEY_TEXT, "group", false, group),
    KEY(agent_launch, KEY_I32, "umask", true, umask),
    KEY(agent_launch, KEY_I32, "nice", true, nice),
    KEY(agent_launch, KEY_U64, "nofile", true, limit_nofile),
    KEY(agent_launch, KEY_U64, "core", true, limit_core),
    KEY(agent_launch, KEY_U64, "memory", true, limit_memory),
    KEY(agent_launch, KEY_U64, "cpu", true, limit_cpu_s),
    KEY(agent_launch, KEY_I32, "stop_signal", true, stop_signal),
    KEY(agent_launch, KEY_U64, "stop_timeout", true, stop_timeout_ms),
    KEY(agent_launch, KEY_BOOL, "keep", true, keep),
    KEY(agent_launch, KEY_U64, "dead_man", true, dead_man_ms),
    KEY(agent_launch, KEY_U64, "lease", true, lease_ms),
    KEY(agent_launch, KEY_U32, "ready", true, ready),
    KEY(agent_launch, KEY_U16, "ready_port", true, ready_port),
    KEY(agent_launch, KEY_U64, "ready_after", true, ready_after_ms),
    KEY(agent_launch, KEY_U64, "ready_timeout", true, ready_timeout_ms),
    KEY(agent_launch, KEY_U64, "log_max", true, log_max_bytes),
    KEY(agent_launch, KEY_U64, "log_keep", false, log_keep_s),
    KEY(agent_launch, KEY_U64, "watchdog", false, watchdog_ms),
};

static const struct key place_keys[] = {
    KEY(agent_launch_place, KEY_TEXT, "dir", true, dir),
    KEY(agent_launch_place, KEY_TEXT, "cgroup", false, cgroup),
};

static const struct key terms_keys[] = {
    KEY(agent_launch_terms, KEY_TEXT, "log", true, log),
    KEY(agent_launch_terms, KEY_U64, "fed", true, fed_ms),
    KEY(agent_launch_terms, KEY_TEXT, "before", false, before),
};

static const struct key event_keys[] = {
    KEY(agent_guard_event, KEY_U32, "news", true, news),
    KEY(agent_guard_event, KEY_TEXT, "job", false, job),
    KEY(agent_guard_event, KEY_TEXT, "run", false, run),
    KEY(agent_guard_event, KEY_U64, "token", false, token),
    KEY(agent_guard_event, KEY_U32, "attempt", false, attempt),
    KEY(agent_guard_event, KEY_U32, "needs", false, needs),
    KEY(agent_guard_event, KEY_I32, "pid", false, pid),
    KEY(agent_guard_event, KEY_I32, "code", false, code),
    KEY(agent_guard_event, KEY_I32, "signal", false, signal),
    KEY(agent_guard_event, KEY_BOOL, "ready", false, ready),
    KEY(agent_guard_event, KEY_BOOL, "by_guard", false, by_guard),
    KEY(agent_guard_event, KEY_U64, "started", false, started_wall_ms),
    KEY(agent_guard_event, KEY_U64, "ended", false, ended_wall_ms),
    KEY(agent_guard_event, KEY_U64, "done", false, done),
    KEY(agent_guard_event, KEY_U64, "total", false, total),
    KEY(agent_guard_event, KEY_TEXT, "text", false, text),
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

_Static_assert(LENGTH(launch_keys) <= 32, "one bit for each key read");
_Static_assert(sizeof(enum agent_ready) == 4 && sizeof(enum agent_guard_news) == 4,
               "enumerations are written as 32-bit numbers");

static const char left_letter[AGENT_LEFT_KINDS + 1] = "crmo";

char agent_left_letter(enum agent_left kind)
{
    return left_letter[kind];
}

enum agent_left agent_left_kind(char letter)
{
    int kind = 0;
    while (kind < AGENT_LEFT_KINDS && left_letter[kind] != letter)
        kind++;
    return (enum agent_left)kind;
}

static void key_write(struct agent_fields *out, const struct key *key, const void *object)
{
    const void *at = (const char *)object + key->offset;
    uint64_t number = 0;
    switch (key->kind) {
    case KEY_TEXT: {
        const char *text;
        memcpy(&text, at, sizeof(text));
        if (text != NULL)
            agent_fields_text(out, key->name, text);
        return;
    }
    case KEY_I32: {
        int32_t value;
        memcpy(&value, at, sizeof(value));
        agent_fields_i64(out, key->name, value);
        return;
    }
    case KEY_BOOL:
        number = *(const bool *)at;
        break;
    case KEY_U16:
        number = *(const uint16_t *)at;
        break;
    case KEY_U32: {
        uint32_t value;
        memcpy(&value, at, sizeof(value));
        number = value;
        break;
    }
    case KEY_U64:
        number = *(const uint64_t *)at;
        break;
    }
    agent_fields_u64(out, key->name, number);
}

static void keys_write(struct agent_fields *out, const struct key *keys, size_t count,
                       const void *object)
{
    for (size_t i = 0; i < count; i++)
        key_write(out, &keys[i], object);
}

static bool key_read_number(const struct key *key, void *at, const char *value)
{
    static const uint64_t most[] = {
        [KEY_BOOL] = 1, [KEY_U16] = UINT16_MAX, [KEY_U32] = UINT32_MAX, [KEY_U64] = UINT64_MAX
    };
    uint64_t number = 0;
    if (!agent_fields_parse_u64(value, &number) || number > most[key->kind])
        return false;
    if (key->kind == KEY_BOOL) {
        *(bool *)at = number != 0;
    } else if (key->kind == KEY_U16) {
        *(uint16_t *)at = (uint16_t)number;
    } else if (key->kind == KEY_U32) {
        uint32_t narrow = (uint32_t)number;
        memcpy(at, &narrow, sizeof(narrow));
    } else {
        *(uint64_t *)at = number;
    }
    return true;
}

static bool key_read(const struct key *key, void *object, const char *value)
{
    void *at = (char *)object + key->offset;
    if (key->kind == KEY_TEXT) {
        memcpy(at, &value, sizeof(value));
        return true;
    }
    if (key->kind == KEY_I32) {
        int64_t number = 0;
        if (!agent_fields_parse_i64(value, &number) || number < INT32_MIN || number > INT32_MAX)
            return false;
        int32_t narrow = (int32_t)number;
        memcpy(at, &narrow, sizeof(narrow));
        return true;
    }
    return key_read_number(key, at, value);
}

/* The index of the key with this name, or `count`. */
static size_t keys_find(const struct key *keys, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(keys[i].name, name) != 0)
        i++;
    return i;
}

static uint32_t keys_required(const struct key *keys, size_t count)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < count; i++)
        bits |= keys[i].is_required ? UINT32_C(1) << i : 0;
    return bits;
}

/* Reads one field if it is in the table and notes it in `seen`; false when its value is wrong. */
static bool keys_read(const struct key *keys, size_t count, void *object, const char *name,
                      const char *value, uint32_t *seen)
{
    size_t i = keys_find(keys, count, name);
    if (i == count)
        return true;
    *seen |= UINT32_C(1) << i;
    return key_read(&keys[i], object, value);
}

/* Reads a message that has these keys and no lists. */
static bool keys_read_all(const struct key *keys, size_t count, void *object, char *data,
                          size_t len, char end)
{
    struct agent_fields_reader in;
    const char *name, *value;
    uint32_t seen = 0, need = keys_required(keys, count);
    bool is_right = true;
    agent_fields_reader_init(&in, data, len, end);
    while (is_right && agent_fields_next(&in, &name, &value))
        is_right = keys_read(keys, count, object, name, value, &seen);
    return is_right && in.at == in.limit && (seen & need) == need;
}

void agent_launch_place_encode(struct agent_fields *out, const struct agent_launch_place *place)
{
    keys_write(out, place_keys, LENGTH(place_keys), place);
}

bool agent_launch_place_decode(struct agent_launch_place *place, char *data, size_t len)
{
    *place = (struct agent_launch_place){ 0 };
    return keys_read_all(place_keys, LENGTH(place_keys), place, data, len, AGENT_FIELDS_MESSAGE);
}

void agent_launch_encode(struct agent_fields *out, const struct agent_launch *launch,
                         const struct agent_launch_terms *terms)
{
    keys_write(out, terms_keys, LENGTH(terms_keys), terms);
    keys_write(out, launch_keys, LENGTH(launch_keys), launch);
    for (const char *const *arg = launch->argv; *arg != NULL; arg++)
        agent_fields_text(out, "argv", *arg);
    for (const char *const *env = launch->env; *env != NULL; env++)
        agent_fields_text(out, "env", *env);
}

static bool list_add(const char **list, size_t *count, size_t max, const char *value)
{
    if (*count == max)
        return false;
    list[(*count)++] = value;
    list[*count] = NULL;
    return true;
}

bool agent_launch_decode(struct agent_launch *launch, struct agent_launch_terms *terms,
                         struct agent_launch_lists *lists, char *data, size_t len)
{
    struct agent_fields_reader in;
    const char *name, *value;
    uint32_t seen = 0, seen_terms = 0;
    size_t argc = 0, envc = 0;
    bool is_right = true;
    *launch = (struct agent_launch){ .argv = lists->argv, .env = lists->env };
    *terms = (struct agent_launch_terms){ 0 };
    lists->argv[0] = lists->env[0] = NULL;
    agent_fields_reader_init(&in, data, len, AGENT_FIELDS_MESSAGE);
    while (is_right && agent_fields_next(&in, &name, &value)) {
        if (strcmp(name, "argv") == 0)
            is_right = list_add(lists->argv, &argc, AGENT_LAUNCH_ARGV_MAX, value);
        else if (strcmp(name, "env") == 0)
            is_right = list_add(lists->env, &envc, AGENT_LAUNCH_ENV_MAX, value);
        else
            is_right = keys_read(terms_keys, LENGTH(terms_keys), terms, name, value, &seen_terms) &&
                       keys_read(launch_keys, LENGTH(launch_keys), launch, name, value, &seen);
    }
    uint32_t need = keys_required(launch_keys, LENGTH(launch_keys));
    uint32_t need_terms = keys_required(terms_keys, LENGTH(terms_keys));
    return is_right && in.at == in.limit && argc > 0 && (seen & need) == need &&
           (seen_terms & need_terms) == need_terms && launch->ready <= AGENT_READY_TCP;
}

void agent_guard_event_encode(struct agent_fields *out, const struct agent_guard_event *event)
{
    keys_write(out, event_keys, LENGTH(event_keys), event);
}

bool agent_guard_event_decode(struct agent_guard_event *event, char *data, size_t len, char end)
{
    *event = (struct agent_guard_event){ .job = "", .run = "" };
    return keys_read_all(event_keys, LENGTH(event_keys), event, data, len, end) &&
           event->news <= AGENT_GUARD_LEFT;
}
