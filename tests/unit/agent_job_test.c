/* SPDX-License-Identifier: Apache-2.0 */
/* Job specifications: what is read, what is refused in which words, and the text that rows keep. */
#include "agent/job.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/yaml.h"
#include "tests/unit/unit.h"

static int job_of_yaml(struct agent_job *job, const char *yaml, const char *name,
                       struct agent_problem *problem)
{
    struct agent_doc doc;
    agent_doc_open(&doc);
    memset(job, 0, sizeof *job);
    agent_problem_clear(problem);
    int err = agent_yaml_read(&doc, muster_bytes_text(yaml), 1, problem);
    if (err == MUSTER_OK)
        err = agent_job_from_doc(job, doc.first, name, problem);
    agent_doc_close(&doc);
    return err;
}

static void canonical_is(const struct agent_job *job, const char *expected)
{
    struct muster_text text;
    muster_text_open(&text, AGENT_JOB_TEXT_MAX);
    agent_job_canonical(job, &text);
    assert_int_equal(text.err, MUSTER_OK);
    assert_string_equal(text.data, expected);
    muster_text_close(&text);
}

static void the_smallest_service_has_the_defaults_of_the_page(void **state)
{
    struct agent_job job;
    struct agent_problem problem;

    (void)state;
    int err = job_of_yaml(&job, "name: a\nexec: [/bin/true]\n", NULL, &problem);
    assert_string_equal(problem.message, "");
    assert_int_equal(err, MUSTER_OK);
    assert_string_equal(job.name, "a");
    assert_int_equal(job.kind, AGENT_JOB_SERVICE);
    assert_null(job.description);
    assert_int_equal(job.labels_count, 0);
    assert_int_equal(job.argc, 1);
    assert_string_equal(job.argv[0], "/bin/true");
    assert_null(job.argv[1]);
    assert_null(job.arg);
    assert_null(job.env[0]);
    assert_null(job.cwd);
    assert_null(job.user);
    assert_null(job.group);
    assert_int_equal(job.umask, -1);
    assert_int_equal(job.nice, 0);
    assert_int_equal(job.limit_nofile, AGENT_JOB_NONE);
    assert_int_equal(job.limit_core, AGENT_JOB_NONE);
    assert_int_equal(job.limit_memory, AGENT_JOB_NONE);
    assert_int_equal(job.limit_cpu_ms, AGENT_JOB_NONE);
    assert_int_equal(job.ready, AGENT_READY_ALIVE);
    assert_int_equal(job.ready_timeout_ms, 60000);
    assert_int_equal(job.stop_signal, SIGTERM);
    assert_int_equal(job.stop_timeout_ms, 10000);
    assert_int_equal(job.watchdog_ms, AGENT_JOB_NONE);
    assert_int_equal(job.timeout_ms, AGENT_JOB_NONE);
    assert_int_equal(job.start_timeout_ms, AGENT_JOB_NONE);
    assert_int_equal(job.deadline_ms, AGENT_JOB_NONE);
    assert_int_equal(job.retry, AGENT_JOB_FOREVER);
    assert_null(job.retry_delay_ms);
    assert_int_equal(job.backoff_first_ms, 1000);
    assert_int_equal(job.backoff_factor, 2);
    assert_int_equal(job.backoff_max_ms, 60000);
    assert_int_equal(job.reset_after_ms, 60000);
    assert_int_equal(job.retry_local, 3);
    assert_int_equal(job.max_moves, 5);
    assert_int_equal(job.spread, 1);
    assert_int_equal(job.slots, 1);
    assert_int_equal(job.priority, 50);
    assert_int_equal(job.max_running, 0);
    assert_int_equal(job.partition, AGENT_JOB_AVAILABLE);
    assert_int_equal(job.move, AGENT_JOB_MOVE_LAZY);
    assert_int_equal(job.handoff, AGENT_JOB_STOP_START);
    assert_int_equal(job.on_agent_stop, AGENT_JOB_STOP_MOVES);
    assert_int_equal(job.on_agent_loss, AGENT_JOB_LOSS_ENDS);
    assert_true(job.durable);
    assert_int_equal(agent_job_verdict(&job, 0, 0), AGENT_JOB_EXIT_OK);
    assert_int_equal(agent_job_verdict(&job, 75, 0), AGENT_JOB_EXIT_DEFER);
    assert_int_equal(agent_job_verdict(&job, 1, 0), AGENT_JOB_EXIT_FAIL);
    assert_int_equal(agent_job_verdict(&job, 0, SIGKILL), AGENT_JOB_EXIT_FAIL);
    agent_job_close(&job);
}

static void a_task_is_tried_a_few_times(void **state)
{
    struct agent_job job;
    struct agent_problem problem;

    (void)state;
    int err = job_of_yaml(&job, "exec: [a]\nname: t\nkind: task\n", NULL, &problem);
    assert_int_equal(err, MUSTER_OK);
    assert_int_equal(job.retry, 3);
    assert_int_equal(job.retry_local, 1);
    assert_true(agent_job_may_retry(&job, 3));
    assert_false(agent_job_may_retry(&job, 4));
    canonical_is(&job, "{\"name\":\"t\",\"kind\":\"task\",\"exec\":[\"a\"]}");
    agent_job_close(&job);
}

/* (R34) */
static void waits_grow_to_their_maximum_or_follow_the_list(void **state)
{
    static const struct {
        const char *yaml;
        uint64_t wait_ms[6]; /* after failures 1, 2, 3, 4, 7, 1000000 */
    } cases[] = {
        { "", { 1000, 2000, 4000, 8000, 60000, 60000 } },
        { "backoff: {first: 250ms, factor: 1}", { 250, 250, 250, 250, 250, 250 } },
        { "backoff: {first: 1s, factor: 100, max: 7d}",
          { 1000, 100000, 10000000, 604800000, 604800000, 604800000 } },
        { "retry: [1s, 4s, 10s]", { 1000, 4000, 10000, 10000, 10000, 10000 } },
        { "retry: [0]", { 0, 0, 0, 0, 0, 0 } },
    };
    static const uint32_t failures[6] = { 1, 2, 3, 4, 7, 1000000 };
    char yaml[256];

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_job job;
        struct agent_problem problem;
        assert_true(muster_format(yaml, sizeof yaml, "name: a\nexec: [x]\n%s\n", cases[i].yaml));
        assert_int_equal(job_of_yaml(&job, yaml, NULL, &problem), MUSTER_OK);
        for (size_t n = 0; n < 6; n++)
            assert_int_equal(agent_job_retry_wait_ms(&job, failures[n]), cases[i].wait_ms[n]);
        agent_job_close(&job);
    }
}

/* Each good document, and the text a row keeps of it. Reading that text gives it again. */
static const struct {
    const char *yaml;
    const char *canonical;
} good[] = {
    { "name: market/ticker\nexec: [/opt/ticker, --venue, binance]\n",
      "{\"name\":\"market/ticker\",\"kind\":\"service\","
      "\"exec\":[\"/opt/ticker\",\"--venue\",\"binance\"]}" },
    { "shell: 'echo \"$HOME\" | wc'\nname: s\n",
      "{\"name\":\"s\",\"kind\":\"service\",\"shell\":\"echo \\\"$HOME\\\" | wc\"}" },
    { "name: a\nkind: service\nexec: [x]\nslots: 1\npriority: 50\nretry: forever\nexit_ok: [0]\n"
      "partition: available\nspread: one\ndurable: yes\nhandoff: stop-start\nwatchdog: off\n"
      "tz: UTC\nmissed: once\noverlap: skip\nif_none: wait\nmax_running: 0\nready: exec\numask: "
      "022\n",
      "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\"],\"umask\":\"022\"}" },
    { "name: a\nexec: [x, '', 100, no]\n",
      "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\",\"\",\"100\",\"no\"]}" },
    { "name: a\nexec: [x]\nenv: {Z: 1, A: '', B: 'x=y'}\nlabels: {team: ops, app: x}\n",
      "{\"name\":\"a\",\"kind\":\"service\",\"labels\":{\"app\":\"x\",\"team\":\"ops\"},"
      "\"exec\":[\"x\"],\"env\":{\"A\":\"\",\"B\":\"x=y\",\"Z\":\"1\"}}" },
    { "name: a\nexec: [x]\narg: ''\n",
      "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\"],\"arg\":\"\"}" },
    { "name: a\nexec: [x]\ncwd: /srv\nuser: www\ngroup: web\numask: 77\nnice: -5\n"
      "limits: {nofile: 1024, core: 0, memory: 64M, cpu: 2h}\n",
      "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\"],\"cwd\":\"/srv\",\"user\":\"www\","
      "\"group\":\"web\",\"umask\":\"077\",\"nice\":-5,\"limits\":{\"nofile\":1024,\"core\":0,"
      "\"memory\":67108864,\"cpu\":\"2h\"}}" },
    { "name: a\nexec: [x]\nready: tcp:8080\nready_timeout: 5s\nstop_signal: INT\n"
      "stop_timeout: 0\ntimeout: 90s\n",
      "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\"],\"ready\":\"tcp:8080\","
      "\"ready_timeout\":\"5s\",\"stop_signal\":\"INT\",\"stop_timeout\":\"0\","
      "\"timeout\":\"1m30s\"}" },
    { "name: a\nkind: task\nexec: [x]\nready: notify\nretry: [1s, 90s]\nbackoff: {max: 5m}\n"
      "reset_after: 0\nretry_local: 2\nexit_ok: [0, 3, 255]\nexit_defer: []\nexit_dead: 2\n",
      "{\"name\":\"a\",\"kind\":\"task\",\"exec\":[\"x\"],\"ready\":\"notify\","
      "\"retry\":[\"1s\",\"1m30s\"],\"backoff\":{\"max\":\"5m\"},\"reset_after\":\"0\","
      "\"retry_local\":2,\"exit_ok\":[0,3,255],\"exit_defer\":[],\"exit_dead\":[2]}" },
    { "name: a\nkind: task\nexec: [x]\nretry: forever\nslots: 8\npriority: 0\nmove: never\n"
      "on_agent_loss: keep\ndescription: a line\n",
      "{\"name\":\"a\",\"kind\":\"task\",\"description\":\"a line\",\"exec\":[\"x\"],"
      "\"retry\":\"forever\",\"slots\":8,\"priority\":0,\"move\":\"never\","
      "\"on_agent_loss\":\"keep\"}" },
    { "name: a\nexec: [x]\nretry: 3\n",
      "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"x\"],\"retry\":3}" },
};

static void good_documents_have_one_canonical_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(good); i++) {
        struct agent_job job;
        struct agent_job again;
        struct agent_problem problem;
        int err = job_of_yaml(&job, good[i].yaml, NULL, &problem);
        assert_string_equal(problem.message, "");
        assert_int_equal(err, MUSTER_OK);
        canonical_is(&job, good[i].canonical);

        struct muster_bytes stored = muster_bytes_text(good[i].canonical);
        assert_int_equal(agent_job_decode(&again, stored, &problem), MUSTER_OK);
        canonical_is(&again, good[i].canonical);
        agent_job_close(&again);
        assert_int_equal(agent_job_read(&again, stored, NULL, &problem), MUSTER_OK);
        canonical_is(&again, good[i].canonical);
        agent_job_close(&again);
        agent_job_close(&job);
    }
}

#define OK "name: a\nexec: [x]\n" /* two good lines; what follows is on line 3 */

static const struct {
    const char *yaml;
    int err;
    const char *problem;
} bad[] = {
    { "exec: [x]\n", MUSTER_EINVAL, "1:1: name: missing; say name: NAME" },
    { "name: a\n", MUSTER_EINVAL,
      "1:1: exec: missing; say exec: [program, args] or shell: \"line\"" },
    { "name: Market\nexec: [x]\n", MUSTER_EINVAL,
      "1:7: name: \"Market\": a name is made of a-z 0-9 . _ - /" },
    { "name: ''\nexec: [x]\n", MUSTER_EINVAL,
      "1:7: name: \"\": a name has at least one character" },
    { "name:\nexec: [x]\n", MUSTER_EINVAL,
      "1:6: name: says nothing; give it a value or leave it out" },
    { "- name: a\n", MUSTER_ETYPE, "1:1: expected a map of fields, found a list" },
    { "hello\n", MUSTER_ETYPE, "1:1: expected a map of fields, found a single value" },
    { OK "worker: w\n", MUSTER_EUNSUPPORTED, "3:9: worker: not supported yet in this version" },
    { OK "payload: x\n", MUSTER_EINVAL,
      "3:10: payload: \"x\" is not the name of a payload: sha256: and 64 digits 0-9 a-f, as "
      "`muster payload put FILE` prints it" },
    { OK "on_agent_stop: wait\n", MUSTER_EINVAL,
      "3:16: on_agent_stop: \"wait\" is not one of move, keep" },
    { OK "spread: 2\nspread_by: tag(rack)\n", MUSTER_EINVAL,
      "4:12: spread_by: is the name of a tag: a-z 0-9 . _ -, as in rack" },
    { OK "spread_by: rack\n", MUSTER_EINVAL,
      "3:12: spread_by: has nothing to spread; say spread: 2 or more" },
    { OK "retrry: 3\n", MUSTER_EINVAL, "3:1: retrry: unknown key; did you mean retry?" },
    { OK "command: x\n", MUSTER_EINVAL, "3:1: command: unknown key" },
    { OK "backoff: {frist: 1s}\n", MUSTER_EINVAL,
      "3:11: backoff.frist: unknown key; did you mean first?" },
    { OK "slots: 0\n", MUSTER_ERANGE, "3:8: slots: 0 is out of range; say 1 to 65535" },
    { OK "slots: -1\n", MUSTER_EINVAL, "3:8: slots: \"-1\" is not a whole number; say 1 to 65535" },
    { OK "slots: 1.5\n", MUSTER_EINVAL,
      "3:8: slots: \"1.5\" is not a whole number; say 1 to 65535" },
    { OK "slots: 99999999999999999999999\n", MUSTER_ERANGE,
      "3:8: slots: 99999999999999999999999 is out of range; say 1 to 65535" },
    { OK "slots: [1]\n", MUSTER_ETYPE, "3:8: slots: expected a whole number, found a list" },
    { OK "nice: 20\n", MUSTER_ERANGE, "3:7: nice: 20 is out of range; say -20 to 19" },
    { OK "nice: -21\n", MUSTER_ERANGE, "3:7: nice: -21 is out of range; say -20 to 19" },
    { OK "kind: servce\n", MUSTER_EINVAL,
      "3:7: kind: \"servce\" is not one of service, task, cron, daemon; did you mean "
      "service?" },
    { OK "kind: pod\n", MUSTER_EINVAL,
      "3:7: kind: \"pod\" is not one of service, task, cron, daemon" },
    { OK "stop_timeout: 10\n", MUSTER_EINVAL,
      "3:15: stop_timeout: \"10\" is not a duration; say 250ms, 10s, 5m, 2h or 7d" },
    { OK "stop_timeout: 2d\n", MUSTER_ERANGE,
      "3:15: stop_timeout: 2d is out of range; say 0 to 1d" },
    { OK "timeout: 0\n", MUSTER_ERANGE, "3:10: timeout: 0 is out of range; say 1ms to 3650d" },
    { OK "limits: {memory: lots}\n", MUSTER_EINVAL,
      "3:18: limits.memory: \"lots\" is not a size; say 64K, 1M or 4G" },
    { OK "limits: {memory: 1}\n", MUSTER_ERANGE,
      "3:18: limits.memory: 1 is out of range; say 1048576 to 1125899906842624 bytes" },
    { OK "limits: 5\n", MUSTER_ETYPE, "3:9: limits: expected a map with nofile and so on" },
    { OK "durable: no\n", MUSTER_EINVAL,
      "3:10: durable: no is for tasks: a service is to be there after everything was off" },
    { OK "kind: task\ndurable: no\nevery: 5m\n", MUSTER_EINVAL,
      "4:10: durable: no is for what is started by hand or by trigger: a schedule is not to be "
      "forgotten" },
    { OK "kind: task\ndurable: no\nafter: b\n", MUSTER_EINVAL,
      "4:10: durable: no is for what is started by hand or by trigger: a schedule is not to be "
      "forgotten" },
    { OK "kind: task\ndurable: no\nspread: 2\n", MUSTER_EINVAL,
      "4:10: durable: no is for single runs: copies are kept on the disk" },
    { OK "kind: task\ndurable: no\npartition: exclusive\n", MUSTER_EINVAL,
      "4:10: durable: no and partition: exclusive are both given: what must never run twice is "
      "kept on the disk" },
    { OK "durable: maybe\n", MUSTER_EINVAL, "3:10: durable: \"maybe\" is neither yes nor no" },
    { OK "exit_ok: [0, 256]\n", MUSTER_ERANGE, "3:14: exit_ok: 256 is out of range; say 0 to 255" },
    { OK "exit_ok: {a: 1}\n", MUSTER_ETYPE, "3:10: exit_ok: expected a whole number, found a map" },
    { OK "exit_dead: 0\n", MUSTER_EINVAL,
      "3:12: exit_dead: a code stands in two of exit_ok, exit_defer and exit_dead; keep one" },
    { OK "exit_ok: [0, 75]\n", MUSTER_EINVAL,
      "1:1: exit_defer: a code stands in two of exit_ok, exit_defer and exit_dead; keep one" },
    { OK "retry: often\n", MUSTER_EINVAL,
      "3:8: retry: \"often\" is not a retry; say a number, forever or a list like [1s, 4s, "
      "10s]" },
    { OK "retry: []\n", MUSTER_ELIMIT,
      "3:8: retry: a list of waits has 1 to 64 entries; for none say retry: 0" },
    { OK "retry: [1s, soon]\n", MUSTER_EINVAL,
      "3:13: retry[1]: \"soon\" is not a duration; say 250ms, 10s, 5m, 2h or 7d" },
    { OK "retry: 1000001\n", MUSTER_ERANGE,
      "3:8: retry: 1000001 is out of range; say 0 to 1000000" },
    { OK "backoff: {first: 2m}\n", MUSTER_EINVAL, "3:10: backoff: first is longer than max" },
    { OK "ready: tcp:70000\n", MUSTER_EINVAL,
      "3:8: ready: \"tcp:70000\" is not a readiness; say exec, notify or tcp:PORT" },
    { OK "ready: http\n", MUSTER_EINVAL,
      "3:8: ready: \"http\" is not a readiness; say exec, notify or tcp:PORT" },
    { OK "umask: 888\n", MUSTER_EINVAL,
      "3:8: umask: \"888\" is not an octal mask; say 022 or 077" },
    { OK "umask: 1777\n", MUSTER_ERANGE, "3:8: umask: is out of range; say 000 to 777" },
    { OK "stop_signal: SIGTERM\n", MUSTER_EINVAL,
      "3:14: stop_signal: \"SIGTERM\" is not one of TERM, INT, QUIT, HUP, USR1, USR2, KILL, "
      "ABRT, ALRM, WINCH" },
    { OK "cwd: srv\n", MUSTER_EINVAL, "3:6: cwd: is not absolute; begin it with a slash" },
    { OK "shell: ls\n", MUSTER_EINVAL,
      "3:8: shell: exec and shell are both given; keep the one that is meant" },
    { "name: a\nexec: /bin/true\n", MUSTER_ETYPE,
      "2:7: exec: expected a list; say exec: [program, args] or shell: \"line\"" },
    { "name: a\nexec: []\n", MUSTER_ETYPE,
      "2:7: exec: expected a list; say exec: [program, args] or shell: \"line\"" },
    { "name: a\nexec: ['']\n", MUSTER_EINVAL, "2:8: exec[0]: names no program" },
    { "name: a\nexec: [x, [y]]\n", MUSTER_ETYPE, "2:11: exec[1]: expected a text, found a list" },
    { "name: a\nexec: [x, ~]\n", MUSTER_ETYPE, "2:11: exec[1]: expected a text, found nothing" },
    { "name: a\nshell: ''\n", MUSTER_EINVAL, "2:8: shell: is empty" },
    { OK "env: [A=1]\n", MUSTER_ETYPE, "3:6: env: expected a map; say env: {NAME: value}" },
    { OK "env: {A: }\n", MUSTER_ETYPE, "3:10: env.A: expected a text, found nothing" },
    { OK "env: {A=B: 1}\n", MUSTER_EINVAL, "3:12: env.A=B: is no name for a variable" },
    { OK "env: {MUSTER_RUN: 1}\n", MUSTER_EINVAL,
      "3:19: env.MUSTER_RUN: is set by muster itself; choose another name" },
    { OK "labels: {Team: x}\n", MUSTER_EINVAL,
      "3:16: labels.Team: a name here has 1 to 64 of a-z 0-9 . _ -" },
    { OK "labels: [x]\n", MUSTER_ETYPE,
      "3:9: labels: expected a map of names and texts, found a list" },
    { OK "user: ''\n", MUSTER_EINVAL, "3:7: user: is empty" },
};
static void bad_documents_are_refused_in_one_sentence(void **state)
{

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
        struct agent_job job;
        struct agent_problem problem;
        char line[AGENT_PROBLEM_LINE];
        int err = job_of_yaml(&job, bad[i].yaml, NULL, &problem);
        assert_string_equal(agent_problem_text(&problem, NULL, line, sizeof line), bad[i].problem);
        assert_int_equal(err, bad[i].err);
        assert_null(job.memory.block);
    }
}

static const struct {
    const char *lines;
    const char *problem; /* NULL: it is one */
} schedules[] = {
    { "kind: cron\ncron: '@daily'\ntz: Europe/Berlin\nmissed: all\ncatchup: 2h", NULL },
    { "kind: task\nevery: 5m\nfrom: 2026-03-28T01:00:00Z\noverlap: queue", NULL },
    { "kind: task\nat: 2026-03-28T01:00:00+01:00\njitter: 10s\nkeep: {ok: 3}", NULL },
    { "kind: daemon", NULL },
    { "spread: 3", NULL },
    { "cron: '@daily'",
      "3:7: cron: a schedule starts tasks, and this is a service; say kind: task" },
    { "kind: cron",
      "3:7: kind: a cron job needs a schedule; say cron: \"0 3 * * *\" or every: 5m" },
    { "kind: cron\ncron: '0 0 30 feb *'",
      "4:7: cron: it never fires: within forty years there is no such day" },
    { "kind: cron\ncron: '0 0 29 feb mon#5'", NULL },
    { "kind: task\nevery: 5m\ncron: '@daily'",
      "5:7: cron: two of cron, every and at are given; keep the one that is meant" },
    { "kind: task\nfrom: 2026-03-28T01:00:00Z", "4:7: from: goes with every alone" },
    { "kind: task\nevery: 10ms", "4:8: every: 10ms is out of range; say 1s to 3650d" },
    { "kind: task\nat: tomorrow", "4:5: at: \"tomorrow\" is no time; say 2026-03-28T01:00:00Z, "
                                  "or an offset instead of the Z" },
    { "kind: task\nevery: 1h\ntz: ../etc",
      "5:5: tz: \"../etc\" is no time zone; say Europe/Berlin or UTC" },
    { "kind: task\nevery: 1h\nnot_before: 2026-03-28T01:00:00Z\nnot_after: "
      "2026-03-27T01:00:00Z",
      "6:12: not_after: is before not_before" },
    { "kind: task\nstart: manual\nkeep: {age: 1d}", NULL },
    { "kind: task\nhandoff: start-stop",
      "4:10: handoff: start-stop is for services, and this ends by itself; leave it out" },
    { "partition: exclusive\nhandoff: start-stop", "4:10: handoff: start-stop runs it twice for a "
                                                   "moment, and an exclusive job never runs twice; "
                                                   "say handoff: stop-start" },
    { "max_running: 2\nhandoff: start-stop", "4:10: handoff: start-stop runs it twice for a "
                                             "moment, and max_running allows no run more; say "
                                             "handoff: stop-start" },
    { "spread: each\nhandoff: start-stop", "4:10: handoff: start-stop needs another node, and each "
                                           "node has a copy already; say handoff: "
                                           "stop-start" },
    { "start: manual", "3:8: start: only a task that is not spread is started by hand" },
    { "kind: task\nafter: b/c", NULL },
    { "kind: task\nafter: b any\noverlap: queue\nspread: 2", NULL },
    { "kind: cron\nafter: b fail", NULL },
    { "after: b", "3:8: after: starts tasks, and this is a service; say kind: task" },
    { "kind: task\nafter: a", "4:8: after: is the job itself" },
    { "kind: task\nafter: b often",
      "4:8: after: \"often\" is no end of a job; say ok, fail or any" },
    { "kind: task\nafter: B", "4:8: after: \"B\": a name is made of a-z 0-9 . _ - /" },
    { "kind: task\nafter: b\nevery: 1h",
      "4:8: after: and another start are both given; keep the one that is meant" },
    { "kind: task\nafter: b\nstart: manual",
      "4:8: after: and another start are both given; keep the one that is meant" },
    { "kind: task\nstart: manual\nspread: 2",
      "4:8: start: only a task that is not spread is started by hand" },
    { "kind: task\nstart: manual\nevery: 1h",
      "4:8: start: manual and a schedule are both given; keep the one that is meant" },
    { "kind: task\nstart: manual\nkey: k",
      "5:6: key: belongs to a run and not to its job; say it where the run is made: `muster "
      "trigger JOB --key …`" },
};

static void a_schedule_makes_sense_or_is_refused(void **state)
{
    char yaml[256];

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(schedules); i++) {
        struct agent_job job, again;
        struct agent_problem problem;
        char line[AGENT_PROBLEM_LINE];
        struct muster_text text;
        (void)snprintf(yaml, sizeof yaml, "name: a\nexec: [b]\n%s\n", schedules[i].lines);
        int err = job_of_yaml(&job, yaml, NULL, &problem);
        if (schedules[i].problem != NULL) {
            assert_int_not_equal(err, MUSTER_OK);
            assert_string_equal(agent_problem_text(&problem, NULL, line, sizeof line),
                                schedules[i].problem);
            continue;
        }
        assert_int_equal(err, MUSTER_OK);
        muster_text_open(&text, AGENT_JOB_TEXT_MAX);
        agent_job_canonical(&job, &text);
        assert_int_equal(agent_job_decode(&again, muster_text_bytes(&text), &problem), MUSTER_OK);
        assert_true(again.every_ms == job.every_ms && again.at_ms == job.at_ms);
        assert_true(again.from_ms == job.from_ms && again.catchup_ms == job.catchup_ms);
        assert_int_equal(again.spread, job.spread);
        assert_int_equal(again.after_end, job.after_end);
        assert_string_equal(again.after != NULL ? again.after : "",
                            job.after != NULL ? job.after : "");
        assert_int_equal(again.missed, job.missed);
        assert_int_equal(again.overlap, job.overlap);
        assert_int_equal(again.keep_ok, job.keep_ok);
        assert_int_equal(agent_job_has_runs(&again), true);
        muster_text_close(&text);
        agent_job_close(&again);
        agent_job_close(&job);
    }
}

static void what_comes_later_is_refused_by_name(void **state)
{
    static const struct {
        const char *line;
        const char *problem;
    } cases[] = {
        { "worker: w", "3:9: worker: not supported yet in this version" },
    };
    char yaml[256];

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_job job;
        struct agent_problem problem;
        char line[AGENT_PROBLEM_LINE];
        assert_true(muster_format(yaml, sizeof yaml, OK "%s\n", cases[i].line));
        int err = job_of_yaml(&job, yaml, NULL, &problem);
        assert_string_equal(agent_problem_text(&problem, NULL, line, sizeof line),
                            cases[i].problem);
        assert_int_equal(err, MUSTER_EUNSUPPORTED);
    }
}

static void a_newer_build_s_text_is_decoded_and_its_news_passed_over(void **state)
{
    static const char stored[] =
        "{\"name\":\"a\",\"kind\":\"daemon\",\"exec\":[\"x\"],\"color\":{\"deep\":[1,[2]]},"
        "\"partition\":\"exclusive\",\"spread\":3,\"cron\":\"@daily\",\"watchdog\":\"5s\"}";
    struct agent_job job;
    struct agent_problem problem;

    (void)state;
    assert_int_equal(agent_job_decode(&job, muster_bytes_text(stored), &problem), MUSTER_OK);
    assert_int_equal(job.kind, AGENT_JOB_DAEMON);
    assert_int_equal(job.partition, AGENT_JOB_EXCLUSIVE);
    assert_int_equal(job.spread, 3);
    assert_int_equal(job.watchdog_ms, 5000);
    agent_job_close(&job);
    assert_int_equal(agent_job_decode(&job, muster_bytes_text("{\"name\":\"a\"}"), &problem),
                     MUSTER_EINVAL);
    assert_int_equal(agent_job_decode(&job, muster_bytes_text("{}"), &problem), MUSTER_EINVAL);
    assert_int_equal(agent_job_decode(&job, muster_bytes_text("junk"), &problem), MUSTER_EINVAL);
    agent_job_close(&job);
}

static void the_name_of_the_request_and_of_the_document_are_one(void **state)
{
    static const struct {
        const char *json;
        const char *name;
        const char *problem;
    } cases[] = {
        { "{\"exec\":[\"x\"]}", "a/b", "" },
        { "{\"exec\":[\"x\"],\"name\":\"a/b\"}", "a/b", "" },
        { "{\"exec\":[\"x\"],\"name\":\"b\"}", "a", "name: differs from the name in the request" },
        { "{\"exec\":[\"x\"]}", "A", "name: \"A\": a name is made of a-z 0-9 . _ - /" },
        { "{\"exec\":[\"x\"],\"arg\":null}", "a",
          "arg: says nothing; give it a value or leave it out" },
        { "[]", "a", "expected a map of fields, found a list" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_job job;
        struct agent_problem problem;
        char line[AGENT_PROBLEM_LINE];
        int err = agent_job_read(&job, muster_bytes_text(cases[i].json), cases[i].name, &problem);
        assert_string_equal(agent_problem_text(&problem, NULL, line, sizeof line),
                            cases[i].problem);
        assert_int_equal(err == MUSTER_OK, cases[i].problem[0] == '\0');
        if (err == MUSTER_OK)
            assert_string_equal(job.name, cases[i].name);
        agent_job_close(&job);
    }
}

/* A document `{"name":"a","exec":["x"],HEAD PIECE… TAIL}` with many pieces. */
static int piled_read(const char *head, const char *piece, uint32_t count, const char *tail,
                      struct agent_problem *problem)
{
    struct muster_text text;
    struct agent_job job;
    muster_text_open(&text, 1 << 20);
    muster_text_add(&text, "{\"name\":\"a\",\"exec\":[\"x\"],%s", head);
    for (uint32_t i = 0; i < count; i++)
        muster_text_add(&text, piece, i);
    muster_text_add(&text, "%s}", tail);
    int err = agent_job_read(&job, muster_text_bytes(&text), NULL, problem);
    agent_job_close(&job);
    muster_text_close(&text);
    return err;
}

static void brims_are_named(void **state)
{
    static const struct {
        const char *head, *piece, *tail;
        uint32_t fits;
        uint32_t too_many;
        const char *message;
    } cases[] = {
        { "\"arg\":\"", "a", "\"", 32768, 32769, "has 32769 bytes; at most 32768 are allowed" },
        { "\"arg\":\"", "\\u0001", "\"", 9000, 32768,
          "the job is too large; all its fields together have at most 57344 bytes" },
        { "\"env\":{", "\"E%u\":\"\",", "\"Z\":\"\"}", 255, 256,
          "has 257 entries; at most 256 are allowed" },
        { "\"labels\":{", "\"l%u\":\"\",", "\"z\":\"\"}", 63, 64,
          "has 65 entries; at most 64 are allowed" },
        { "\"retry\":[", "\"%us\",", "\"1s\"]", 63, 64,
          "a list of waits has 1 to 64 entries; for none say retry: 0" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_problem problem;
        int err = piled_read(cases[i].head, cases[i].piece, cases[i].fits, cases[i].tail, &problem);
        assert_string_equal(problem.message, "");
        assert_int_equal(err, MUSTER_OK);
        err = piled_read(cases[i].head, cases[i].piece, cases[i].too_many, cases[i].tail, &problem);
        assert_int_equal(err, MUSTER_ELIMIT);
        assert_string_equal(problem.message, cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_service_has_the_defaults_of_the_page),
        cmocka_unit_test(a_task_is_tried_a_few_times),
        cmocka_unit_test(waits_grow_to_their_maximum_or_follow_the_list),
        cmocka_unit_test(good_documents_have_one_canonical_text),
        cmocka_unit_test(bad_documents_are_refused_in_one_sentence),
        cmocka_unit_test(a_schedule_makes_sense_or_is_refused),
        cmocka_unit_test(what_comes_later_is_refused_by_name),
        cmocka_unit_test(a_newer_build_s_text_is_decoded_and_its_news_passed_over),
        cmocka_unit_test(the_name_of_the_request_and_of_the_document_are_one),
        cmocka_unit_test(brims_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
