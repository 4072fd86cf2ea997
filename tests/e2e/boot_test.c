/* SPDX-License-Identifier: Apache-2.0 */
/* The data folder: who may open it, what it says of the node, and what makes it refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/shell/boot.h"
#include "agent/shell/folder.h"
#include "store/disk.h"
#include "store/disk_lmdb.h"

#define WHY_MAX 1024

struct stage {
    char folder[64];
    char data[96];
    char why[WHY_MAX];
    struct shell_boot boot;
};

static int setup(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    (void)snprintf(s->folder, sizeof s->folder, "/tmp/muster-boot-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    (void)snprintf(s->data, sizeof s->data, "%s/a/data", s->folder);
    s->boot.lock = -1;
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct stage *s = *state;
    shell_boot_close(&s->boot);
    shell_folder_remove(s->folder);
    assert_int_not_equal(access(s->folder, F_OK), 0);
    free(s);
    return 0;
}

static int opens(struct stage *s, bool moved)
{
    s->why[0] = '\0';
    return shell_boot_open(&s->boot, s->data, moved, s->why, sizeof s->why);
}

static void says(const struct stage *s, const char *word)
{
    if (strstr(s->why, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", s->why, word);
}

/* Writes one text into META as some other agent might have. */
static void put(struct stage *s, const char *key, const char *value)
{
    struct store_disk_op op = { .table = STORE_TABLE_META,
                                .key = muster_bytes_text(key),
                                .value = muster_bytes_text(value) };
    const struct store_disk_batch batch = { .op = &op, .count = 1, .number = 1 };
    assert_int_equal(store_lmdb_commit(s->boot.disk, &batch), MUSTER_OK);
}

/* ---- stories */

static void boot_makes_a_node_and_finds_it_again(void **state)
{
    struct stage *s = *state;
    assert_int_equal(opens(s, false), MUSTER_OK);
    struct shell_boot first = s->boot;
    assert_true(first.is_new);
    assert_int_equal(first.boot, 1);
    assert_int_equal(first.incarnation, 1);
    assert_false(muster_id_is_zero(first.self));
    assert_true(muster_id_is_zero(first.cluster));
    put(s, "cluster", "000102030405060708090a0b0c0d0e0f");
    put(s, "incarnation", "40");
    put(s, "draining", "1");
    put(s, "drain_until", "1774656000000");
    put(s, "drain_length", "300000");
    put(s, "peer:00000000000000000000000000000001", "10.0.0.7:7946");
    put(s, "peer:00000000000000000000000000000002", "nonsense");
    put(s, "of a later build", "kept");
    shell_boot_close(&s->boot);

    assert_int_equal(opens(s, false), MUSTER_OK);
    assert_false(s->boot.is_new);
    assert_true(muster_id_equal(s->boot.self, first.self));
    assert_int_equal(s->boot.cluster.octet[15], 0x0f);
    assert_int_equal(s->boot.boot, 2);
    assert_int_equal(s->boot.incarnation, 41);
    assert_true(s->boot.draining);
    assert_int_equal(s->boot.drain_until_wall_ms, 1774656000000);
    assert_int_equal(s->boot.drain_length_ms, 300000);
    assert_int_equal(s->boot.peer_count, 1);
    assert_int_equal(s->boot.peer[0].port, 7946);
}

/* (R3, R46) */
static void boot_number_rises_with_every_opening(void **state)
{
    struct stage *s = *state;
    for (uint64_t boot = 1; boot <= 5; boot++) {
        assert_int_equal(opens(s, false), MUSTER_OK);
        assert_int_equal(s->boot.boot, boot);
        shell_boot_close(&s->boot);
    }
}

static void folder_in_use_is_refused_with_the_process(void **state)
{
    struct stage *s = *state;
    struct shell_boot second;
    char pid[24];
    assert_int_equal(opens(s, false), MUSTER_OK);
    assert_int_equal(shell_boot_open(&second, s->data, false, s->why, sizeof s->why), MUSTER_EBUSY);
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    says(s, pid);
    says(s, s->data);
    shell_boot_close(&s->boot);
    assert_int_equal(opens(s, false), MUSTER_OK);
    assert_int_equal(s->boot.boot, 2);
}

static void folder_of_a_newer_format_is_refused(void **state)
{
    struct stage *s = *state;
    assert_int_equal(opens(s, false), MUSTER_OK);
    put(s, "format", "7");
    put(s, "node", "an id as nobody has seen it");
    shell_boot_close(&s->boot);
    assert_int_equal(opens(s, false), MUSTER_EVERSION);
    says(s, "newer muster");
    says(s, "format 7");
    says(s, s->data);
}

static void folder_without_a_node_is_damaged(void **state)
{
    struct stage *s = *state;
    assert_int_equal(opens(s, false), MUSTER_OK);
    put(s, "node", "not an id");
    shell_boot_close(&s->boot);
    assert_int_equal(opens(s, false), MUSTER_ECORRUPT);
    says(s, "damaged");
}

/* A copy has another inode: that is changed here by hand. (R3) */
static void folder_from_elsewhere_is_refused_until_it_is_said_to_be_moved(void **state)
{
    struct stage *s = *state;
    char home[SHELL_HOME_MAX], node[MUSTER_ID_TEXT];
    assert_int_equal(opens(s, false), MUSTER_OK);
    shell_folder_home(s->boot.lock, home);
    (void)muster_id_text(s->boot.self, node);
    char *inode = strchr(home, ' ') + 1; /* behind the machine's id, which need not have one */
    *inode = *inode == '9' ? '8' : '9';
    put(s, "home", home);
    shell_boot_close(&s->boot);

    assert_int_equal(opens(s, false), MUSTER_EFOREIGN);
    says(s, "copied or moved");
    says(s, node);
    says(s, "--moved");
    assert_int_equal(opens(s, true), MUSTER_OK);
    shell_boot_close(&s->boot);
    assert_int_equal(opens(s, false), MUSTER_OK);
    assert_int_equal(s->boot.boot, 3); /* a refusal raises nothing */
}

static void home_is_compared_by_what_both_know(void **state)
{
    static const struct {
        const char *stored, *now;
        bool is_home;
    } cases[] = {
        { "abc 12 5.5", "abc 12 5.5", true },  { "abc 12 5.5", "abd 12 5.5", false },
        { "abc 12 5.5", "abc 13 5.5", false }, { "abc 12 5.5", "abc 12 5.6", false },
        { "- 12 5.5", "abc 12 5.5", true },    { "abc 12 -", "abc 12 5.5", true },
        { "abc 12 5.5", "- 12 -", true },      { "- 12 -", "- 13 -", false },
        { "abc 12 5.5", "abc 1 5.5", false },  { "abc 12", "abc 12 5.5", false },
        { "", "abc 12 5.5", false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(shell_folder_is_home(cases[i].stored, cases[i].now), cases[i].is_home);
}

static void folder_with_a_broken_file_is_named(void **state)
{
    struct stage *s = *state;
    char path[160];
    assert_int_equal(opens(s, false), MUSTER_OK);
    shell_boot_close(&s->boot);
    (void)snprintf(path, sizeof path, "%s/data.mdb", s->data);
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    for (int i = 0; i < 8192; i++)
        assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
    int err = opens(s, false);
    assert_true(err == MUSTER_ECORRUPT || err == MUSTER_EVERSION);
    says(s, s->data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(boot_makes_a_node_and_finds_it_again),
        TEST(boot_number_rises_with_every_opening),
        TEST(folder_in_use_is_refused_with_the_process),
        TEST(folder_of_a_newer_format_is_refused),
        TEST(folder_without_a_node_is_damaged),
        TEST(folder_from_elsewhere_is_refused_until_it_is_said_to_be_moved),
        TEST(home_is_compared_by_what_both_know),
        TEST(folder_with_a_broken_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
