/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor finds in what nodes say of themselves. */
#include "tools/cli/doctor.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define NOW_MS 1795426507262LL /* 2026-11-23T09:35:07.262Z */
#define DISK   "\"disk_mib\":100000,\"disk_free_mib\":50000"
#define HOST   "\"host\":{" DISK ",\"guard\":true,\"cgroup\":true}"
#define ROW(name, more)                                                                            \
    "{\"node\":\"" name "\",\"id\":\"id-" name                                                     \
    "\",\"version\":\"1\",\"clock_ms\":1795426507000,\"unlinked\":[],\"problems\":[]," HOST more   \
    "}"
#define MEMBER(name, more) "{\"name\":\"" name "\",\"id\":\"id-" name "\"," more "}"
#define LIST(items)        "{\"items\":[" items "],\"next\":null}"
#define ALIVE              "\"status\":\"alive\",\"mode\":\"open\",\"foreign\":false"

struct said {
    const char *facts, *members, *pending, *dead;
};

static char wrong[4096], notes[4096];
static size_t fine;

static void tell(void *whose, const struct cli_finding *f)
{
    char *out = f->kind == CLI_FINDING_WRONG ? wrong : notes;
    (void)whose;
    if (f->kind == CLI_FINDING_OK) {
        fine++;
        return;
    }
    size_t at = strlen(out);
    (void)snprintf(out + at, sizeof wrong - at, "%s: %s\n", f->about, f->text);
}

static size_t look(struct said said)
{
    const char *text[] = { said.facts != NULL ? said.facts : LIST(ROW("a", "") "," ROW("b", "")),
                           said.members != NULL ? said.members
                                                : LIST(MEMBER("a", ALIVE) "," MEMBER("b", ALIVE)),
                           said.pending != NULL ? said.pending : LIST(""),
                           said.dead != NULL ? said.dead : LIST("") };
    struct cli_reply *reply[4];
    struct cli_value root[4];
    wrong[0] = notes[0] = '\0';
    fine = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cli_reply_open(&reply[i], muster_bytes_text(text[i])), MUSTER_OK);
        root[i] = cli_reply_root(reply[i]);
    }
    const struct cli_doctor d = { .facts = root[0],
                                  .members = root[1],
                                  .pending = root[2],
                                  .dead = root[3],
                                  .asked = "a",
                                  .asking_ms = 20,
                                  .now_wall_ms = NOW_MS,
                                  .tell = tell };
    size_t count = cli_doctor_look(&d);
    for (size_t i = 0; i < 4; i++)
        cli_reply_close(reply[i]);
    return count;
}

static void a_healthy_cluster_is_well(void **state)
{
    (void)state;
    assert_int_equal(look((struct said){ 0 }), 0);
    assert_string_equal(wrong, "");
    assert_string_equal(notes, "");
    assert_int_equal(fine, 8);
}

static void each_trouble_is_found(void **state)
{
    static const struct {
        struct said said;
        const char *words;
    } cases[] = {
        { { .members =
                LIST(MEMBER("a", ALIVE) "," MEMBER("b", "\"status\":\"dead\",\"since\":\"t\"")) },
          "members: b is dead since t; start its agent" },
        { { .members = LIST(MEMBER("a", ALIVE) "," MEMBER("b", "\"status\":\"suspect\"")) },
          "members: b does not answer gossip" },
        { { .members = LIST(MEMBER("a", ALIVE) "," MEMBER("c", ALIVE)) },
          "members: c is alive to gossip and answers no question" },
        { { .facts = LIST("{\"node\":\"a\",\"id\":\"id-a\",\"unlinked\":[\"b\"]}," ROW("b", "")) },
          "links: a and b hear each other's gossip and have no connection" },
        { { .facts = LIST(ROW("a", "") ",{\"node\":\"b\",\"id\":\"id-b\",\"version\":\"1\","
                                       "\"clock_ms\":1795426509500}") },
          "clocks: b is 2.5 s ahead of a" },
        { { .facts = LIST(ROW("a", "") ",{\"node\":\"b\",\"id\":\"id-b\",\"version\":\"1\","
                                       "\"clock_ms\":1795426497000}") },
          "clocks: b is 10.0 s behind a" },
        { { .facts = LIST("{\"node\":\"a\",\"id\":\"id-a\",\"problems\":[\"p\"]},"
                          "{\"node\":\"b\",\"id\":\"id-b\",\"problems\":[\"p\"]}") },
          "nodes: a and 1 more: p" },
        { { .facts = LIST(ROW("a", "") ",{\"node\":\"b\",\"id\":\"id-b\",\"version\":\"1\","
                                       "\"problems\":[\"q\"]}") },
          "nodes: b: q" },
        { { .facts = LIST("{\"node\":\"a\",\"id\":\"id-a\",\"orphan_buckets\":7}," ROW("b", "")) },
          "quorum: 7 of 1024 buckets have no quorum" },
        { { .facts =
                LIST(ROW("a", "") ",{\"node\":\"b\",\"id\":\"id-b\",\"version\":\"1\",\"host\":"
                                  "{\"disk_mib\":100000,\"disk_free_mib\":4000}}") },
          "hosts: b has 4000 MiB of 100000 left" },
        { { .facts =
                LIST(ROW("a", "") ",{\"node\":\"b\",\"id\":\"id-b\",\"version\":\"1\",\"host\":"
                                  "{\"disk_mib\":1000,\"disk_free_mib\":255}}") },
          "hosts: b has 255 MiB of 1000 left" },
        { { .facts =
                LIST(ROW("a", "") ",{\"node\":\"b\",\"id\":\"id-b\",\"version\":\"1\",\"host\":"
                                  "{\"disk_mib\":1000,\"disk_free_mib\":900,\"guard\":false}}") },
          "hosts: b has no muster-guard" },
        { { .pending =
                LIST("{\"run\":\"w\",\"since\":\"2026-11-23T09:34:00.000Z\",\"reason\":\"r\"}") },
          "jobs: w waits since 2026-11-23T09:34:00.000Z: r" },
        { { .dead = LIST("{\"run\":\"w\"},{\"run\":\"v\"}") }, "jobs: 2 gave up" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        size_t count = look(cases[i].said);
        if (count != 1 || strncmp(wrong, cases[i].words, strlen(cases[i].words)) != 0)
            fail_msg("%s: %zu found: %s", cases[i].words, count, wrong);
    }
}

static void what_is_no_trouble_is_none(void **state)
{
    (void)state;
    /* A run that waits for a short time, a slow answer, a node that has not looked at its host. */
    assert_int_equal(
        look((struct said){ .pending =
                                LIST("{\"run\":\"w\",\"since\":\"2026-11-23T09:34:50.000Z\"}") }),
        0);
    assert_int_equal(
        look((struct said){
            .facts = LIST(ROW("a", "") ",{\"node\":\"b\",\"id\":\"id-b\",\"version\":\"1\","
                                       "\"clock_ms\":1795426508010,\"host\":null}") }),
        0);
    assert_string_equal(notes, "");
    /* To know, and no more: another version, a held node, a serf agent, no control groups. */
    assert_int_equal(
        look((struct said){
            .facts = LIST(ROW("a", "") ",{\"node\":\"b\",\"id\":\"id-b\",\"version\":\"2\","
                                       "\"strangers\":1,\"host\":{\"disk_mib\":9000,"
                                       "\"disk_free_mib\":8000,\"cgroup\":false}}"),
            .members = LIST(MEMBER("a", "\"status\":\"alive\",\"mode\":\"held\"") "," MEMBER(
                "s", "\"status\":\"alive\",\"foreign\":true")) }),
        0);
    assert_non_null(strstr(notes, "members: a is held"));
    assert_non_null(strstr(notes, "versions: a has 1, b has 2"));
    assert_non_null(strstr(notes, "pool: 1 members"));
    assert_non_null(strstr(notes, "hosts: b makes no control groups"));
}

static void many_that_wait_are_counted(void **state)
{
#define OLD "{\"run\":\"w\",\"since\":\"2026-11-23T08:00:00.000Z\",\"reason\":\"r\"}"
    (void)state;
    assert_int_equal(look((struct said){ .pending = LIST(OLD "," OLD "," OLD "," OLD "," OLD) }),
                     4);
    assert_non_null(strstr(wrong, "jobs: 2 more wait"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_cluster_is_well),
        cmocka_unit_test(each_trouble_is_found),
        cmocka_unit_test(what_is_no_trouble_is_none),
        cmocka_unit_test(many_that_wait_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
