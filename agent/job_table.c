/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a job's specification: every field, its type, its default, and whether this version
 * does it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/apart.h"
#include "agent/job_field.h"
#include "agent/permit.h"

#define AT(member)      .offset = offsetof(struct agent_job, member)
#define AT_LIST(member) AT(member), .count_offset = offsetof(struct agent_job, member##_count)
#define LATER           .flags = AGENT_FIELD_LATER
#define OR_NONE         .flags = AGENT_FIELD_NONE
#define SECOND          1000ULL
#define DAY             (24 * 60 * 60 * SECOND)
#define LONG_TIME       (3650 * DAY)
#define SIZE_MAX_BYTES  (1ULL << 50)
#define COUNT(array)    (sizeof(array) / sizeof *(array))
#define FIELDS_OF(array)                                                                           \
    {                                                                                              \
        array, COUNT(array)                                                                        \
    }

const struct agent_schema_word job_kinds[] = {
    { "service", AGENT_JOB_SERVICE },
    { "task", AGENT_JOB_TASK },
    { "cron", AGENT_JOB_CRON },
    { "daemon", AGENT_JOB_DAEMON },
    { NULL, 0 },
};

static const struct agent_schema_word signals[] = {
    { "TERM", SIGTERM }, { "INT", SIGINT },     { "QUIT", SIGQUIT }, { "HUP", SIGHUP },
    { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },   { "KILL", SIGKILL }, { "ABRT", SIGABRT },
    { "ALRM", SIGALRM }, { "WINCH", SIGWINCH }, { NULL, 0 },
};

static const struct agent_schema_word starts[] = {
    { "now", AGENT_JOB_START_NOW },
    { "manual", AGENT_JOB_START_MANUAL },
    { NULL, 0 },
};

static const struct agent_schema_word misses[] = {
    { "once", AGENT_JOB_MISSED_ONCE },
    { "skip", AGENT_JOB_MISSED_SKIP },
    { "all", AGENT_JOB_MISSED_ALL },
    { NULL, 0 },
};

static const struct agent_schema_word overlaps[] = {
    { "skip", AGENT_JOB_OVERLAP_SKIP },
    { "queue", AGENT_JOB_OVERLAP_QUEUE },
    { "replace", AGENT_JOB_OVERLAP_REPLACE },
    { "allow", AGENT_JOB_OVERLAP_ALLOW },
    { NULL, 0 },
};

static const struct agent_schema_word if_nones[] = {
    { "wait", AGENT_JOB_NONE_WAITS },
    { "fail", AGENT_JOB_NONE_FAILS },
    { NULL, 0 },
};

static const struct agent_schema_word partitions[] = {
    { "available", AGENT_JOB_AVAILABLE },
    { "exclusive", AGENT_JOB_EXCLUSIVE },
    { NULL, 0 },
};

static const struct agent_schema_word moves[] = {
    { "never", AGENT_JOB_MOVE_NEVER },
    { "lazy", AGENT_JOB_MOVE_LAZY },
    { "eager", AGENT_JOB_MOVE_EAGER },
    { NULL, 0 },
};

static const struct agent_schema_word handoffs[] = {
    { "stop-start", AGENT_JOB_STOP_START },
    { "start-stop", AGENT_JOB_START_STOP },
    { NULL, 0 },
};

static const struct agent_schema_word on_stops[] = {
    { "move", AGENT_JOB_STOP_MOVES },
    { "keep", AGENT_JOB_STOP_KEEPS },
    { NULL, 0 },
};

static const struct agent_schema_word on_losses[] = {
    { "end", AGENT_JOB_LOSS_ENDS },
    { "keep", AGENT_JOB_LOSS_KEEPS },
    { NULL, 0 },
};

static const char *const no_env[] = { NULL };

/* What a service is when nothing is said. The defaults that a text would have to be read for at
 * every job are values here. */
const struct agent_job job_service = {
    .kind = AGENT_JOB_SERVICE,
    .env = no_env,
    .umask = -1,
    .limit_nofile = AGENT_JOB_NONE,
    .limit_core = AGENT_JOB_NONE,
    .limit_memory = AGENT_JOB_NONE,
    .limit_cpu_ms = AGENT_JOB_NONE,
    .ready = AGENT_READY_ALIVE,
    .ready_timeout_ms = 60 * SECOND,
    .stop_signal = SIGTERM,
    .stop_timeout_ms = 10 * SECOND,
    .watchdog_ms = AGENT_JOB_NONE,
    .timeout_ms = AGENT_JOB_NONE,
    .start_timeout_ms = AGENT_JOB_NONE,
    .deadline_ms = AGENT_JOB_NONE,
    .retry = AGENT_JOB_FOREVER,
    .backoff_first_ms = SECOND,
    .backoff_factor = 2,
    .backoff_max_ms = 60 * SECOND,
    .reset_after_ms = 60 * SECOND,
    .retry_local = 3,
    .exit_ok = { { 1 } },                    /* 0 */
    .exit_defer = { { 0, 1 << (75 - 64) } }, /* 75, EX_TEMPFAIL */
    .max_moves = 5,
    .every_ms = AGENT_JOB_NONE,
    .catchup_ms = AGENT_JOB_NONE,
    .not_after_ms = AGENT_JOB_NONE,
    .keep_ok = 20,
    .keep_fail = 50,
    .keep_age_ms = 30 * DAY,
    .spread = 1,
    .slots = 1,
    .priority = 50,
    .partition = AGENT_JOB_AVAILABLE,
    .move = AGENT_JOB_MOVE_LAZY,
    .handoff = AGENT_JOB_STOP_START,
    .on_agent_stop = AGENT_JOB_STOP_MOVES,
    .on_agent_loss = AGENT_JOB_LOSS_ENDS,
    .durable = true,
};

static const struct agent_schema_field limits_fields[] = {
    { "nofile", AGENT_TYPE_U64, OR_NONE, AT(limit_nofile), .max = 1 << 30 },
    { "core", AGENT_TYPE_SIZE, OR_NONE, AT(limit_core), .max = SIZE_MAX_BYTES },
    { "memory", AGENT_TYPE_SIZE, OR_NONE, AT(limit_memory), .min = 1 << 20, .max = SIZE_MAX_BYTES },
    { "cpu", AGENT_TYPE_DURATION, OR_NONE, AT(limit_cpu_ms), .min = SECOND, .max = LONG_TIME },
};
static const struct agent_schema limits_schema = FIELDS_OF(limits_fields);

static const struct agent_schema_field backoff_fields[] = {
    { "first", AGENT_TYPE_DURATION, AT(backoff_first_ms), .min = 1, .max = DAY },
    { "factor", AGENT_TYPE_U32, AT(backoff_factor), .min = 1, .max = 100 },
    { "max", AGENT_TYPE_DURATION, AT(backoff_max_ms), .min = 1, .max = 7 * DAY },
};
static const struct agent_schema backoff_schema = FIELDS_OF(backoff_fields);

static const struct agent_schema_field keep_fields[] = {
    { "ok", AGENT_TYPE_U32, AT(keep_ok), .max = 10000 },
    { "fail", AGENT_TYPE_U32, AT(keep_fail), .max = 10000 },
    { "age", AGENT_TYPE_DURATION, AT(keep_age_ms), .min = SECOND, .max = LONG_TIME },
};
static const struct agent_schema keep_schema = FIELDS_OF(keep_fields);

static const struct agent_schema_field job_fields[] = {
    /* identity */
    { "name", AGENT_TYPE_CUSTOM, .custom = &job_name_field },
    { "kind", AGENT_TYPE_WORD, AT(kind), .words = job_kinds },
    { "description", AGENT_TYPE_TEXT, AT(description), .max = 1024 },
    { "labels", AGENT_TYPE_PAIRS, AGENT_FIELD_NAMED, AT_LIST(labels), .max = AGENT_JOB_LABELS_MAX },

    /* process */
    { "exec", AGENT_TYPE_CUSTOM, .custom = &job_exec_field },
    { "shell", AGENT_TYPE_CUSTOM, .custom = &job_shell_field },
    { "worker", AGENT_TYPE_TEXT, LATER, AT(worker), .min = 1, .max = AGENT_NAME_MAX },
    { "arg", AGENT_TYPE_TEXT, AT(arg), .max = AGENT_JOB_ARG_MAX },
    { "payload", AGENT_TYPE_CUSTOM, .custom = &job_payload_field },
    { "env", AGENT_TYPE_CUSTOM, .custom = &job_env_field },
    { "cwd", AGENT_TYPE_TEXT, AT(cwd), .min = 1, .max = 1024 },
    { "user", AGENT_TYPE_TEXT, AT(user), .min = 1, .max = 64 },
    { "group", AGENT_TYPE_TEXT, AT(group), .min = 1, .max = AGENT_NAME_MAX },
    { "umask", AGENT_TYPE_CUSTOM, .custom = &job_umask_field },
    { "nice", AGENT_TYPE_I32, AT(nice), .min = 20, .max = 19 },
    { "limits", AGENT_TYPE_MAP, .inner = &limits_schema },

    /* readiness, stopping, liveness */
    { "ready", AGENT_TYPE_CUSTOM, .custom = &job_ready_field },
    { "ready_timeout", AGENT_TYPE_DURATION, AT(ready_timeout_ms), .min = 1, .max = DAY },
    { "stop_signal", AGENT_TYPE_WORD, AT(stop_signal), .words = signals },
    { "stop_timeout", AGENT_TYPE_DURATION, AT(stop_timeout_ms), .max = DAY },
    { "watchdog", AGENT_TYPE_DURATION, OR_NONE, AT(watchdog_ms), .min = 10, .max = DAY },
    { "timeout", AGENT_TYPE_DURATION, OR_NONE, AT(timeout_ms), .min = 1, .max = LONG_TIME },
    { "start_timeout", AGENT_TYPE_DURATION, OR_NONE, AT(start_timeout_ms), .min = 1,
      .max = LONG_TIME },
    { "deadline", AGENT_TYPE_DURATION, OR_NONE, AT(deadline_ms), .min = 1, .max = LONG_TIME },

    /* retry */
    { "retry", AGENT_TYPE_CUSTOM, .custom = &job_retry_field },
    { "backoff", AGENT_TYPE_MAP, .inner = &backoff_schema },
    { "reset_after", AGENT_TYPE_DURATION, AT(reset_after_ms), .max = 7 * DAY },
    { "retry_local", AGENT_TYPE_U32, AT(retry_local), .min = 1, .max = 1000000 },
    { "exit_ok", AGENT_TYPE_CUSTOM, AT(exit_ok), .custom = &job_exits_field },
    { "exit_defer", AGENT_TYPE_CUSTOM, AT(exit_defer), .custom = &job_exits_field },
    { "exit_dead", AGENT_TYPE_CUSTOM, AT(exit_dead), .custom = &job_exits_field },
    { "max_moves", AGENT_TYPE_U32, AT(max_moves), .max = 1000000 },

    /* schedule */
    { "start", AGENT_TYPE_WORD, AT(start), .words = starts },
    { "cron", AGENT_TYPE_CUSTOM, .custom = &job_cron_field },
    { "every", AGENT_TYPE_DURATION, AT(every_ms), .min = SECOND, .max = LONG_TIME },
    { "from", AGENT_TYPE_CUSTOM, AT(from_ms), .custom = &job_time_field },
    { "at", AGENT_TYPE_CUSTOM, AT(at_ms), .custom = &job_time_field },
    { "tz", AGENT_TYPE_CUSTOM, .custom = &job_tz_field },
    { "missed", AGENT_TYPE_WORD, AT(missed), .words = misses },
    { "catchup", AGENT_TYPE_DURATION, AT(catchup_ms), .max = LONG_TIME },
    { "overlap", AGENT_TYPE_WORD, AT(overlap), .words = overlaps },
    { "jitter", AGENT_TYPE_DURATION, AT(jitter_ms), .max = DAY },
    { "not_before", AGENT_TYPE_CUSTOM, AT(not_before_ms), .custom = &job_time_field },
    { "not_after", AGENT_TYPE_CUSTOM, AT(not_after_ms), .custom = &job_time_field },
    { "max_runs", AGENT_TYPE_U32, AT(max_runs), .max = 1000000000 },
    { "after", AGENT_TYPE_CUSTOM, .custom = &job_after_field },
    { "keep", AGENT_TYPE_MAP, .inner = &keep_schema },

    /* placement */
    { "spread", AGENT_TYPE_CUSTOM, .custom = &job_spread_field },
    { "on", AGENT_TYPE_CUSTOM, AT(on), .custom = &job_match_field },
    { "prefer", AGENT_TYPE_CUSTOM, AT(prefer), .custom = &job_match_field },
    { "apart", AGENT_TYPE_TEXT, AT(apart), .min = 1, .max = AGENT_APART_MAX },
    { "spread_by", AGENT_TYPE_TEXT, AT(spread_by), .min = 1, .max = 64 },
    { "if_none", AGENT_TYPE_WORD, AT(if_none), .words = if_nones },
    { "slots", AGENT_TYPE_U32, AT(slots), .min = 1, .max = 65535 },
    { "priority", AGENT_TYPE_U32, AT(priority), .max = 100 },
    { "max_running", AGENT_TYPE_U32, AT(max_running), .max = AGENT_PERMIT_MAX },

    /* change and failure */
    { "partition", AGENT_TYPE_WORD, AT(partition), .words = partitions },
    { "move", AGENT_TYPE_WORD, AT(move), .words = moves },
    { "handoff", AGENT_TYPE_WORD, AT(handoff), .words = handoffs },
    { "on_agent_stop", AGENT_TYPE_WORD, AT(on_agent_stop), .words = on_stops },
    { "on_agent_loss", AGENT_TYPE_WORD, AT(on_agent_loss), .words = on_losses },
    { "durable", AGENT_TYPE_BOOL, AT(durable) },

    /* idempotence */
    { "key", AGENT_TYPE_TEXT, .flags = AGENT_FIELD_RUN, AT(key), .min = 1, .max = 256 },
};
const struct agent_schema job_schema = FIELDS_OF(job_fields);

int32_t agent_job_signal(const char *text)
{
    static const struct agent_schema_word more[] = {
        { "CONT", SIGCONT },
        { "STOP", SIGSTOP },
        { "TSTP", SIGTSTP },
        { NULL, 0 },
    };
    const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (const struct agent_schema_word *w = signals; w->text != NULL; w++)
        if (strcmp(w->text, name) == 0)
            return w->value;
    for (const struct agent_schema_word *w = more; w->text != NULL; w++)
        if (strcmp(w->text, name) == 0)
            return w->value;
    size_t len = strlen(text);
    bool is_number = len > 0 && len <= 2 && strspn(text, "0123456789") == len;
    long number = is_number ? strtol(text, NULL, 10) : 0;
    return number >= 1 && number <= 64 ? (int32_t)number : 0;
}
