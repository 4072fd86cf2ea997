/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and keys as files: what is taken, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/shell/cert.h"

#define CERTS   "tests/e2e/certs/"
#define TODAY   1767225600000ull /* 2026-01-01 */
#define DAY     86400000ull
#define ALL     CERTS "ca.pem", CERTS "alpha.pem", CERTS "alpha.key"
#define WHY_MAX 512

static void good_ones_are_taken(void **state)
{
    static const struct shell_cert_paths paths = { "tls", ALL, true };
    char why[WHY_MAX];
    struct shell_cert c;
    (void)state;
    assert_int_equal(shell_cert_open(&c, &paths, TODAY, NULL, why, sizeof why), MUSTER_OK);
    assert_non_null(strstr(c.cert, "BEGIN CERTIFICATE"));
    assert_non_null(strstr(c.key, "PRIVATE KEY"));
    assert_non_null(c.ca);
    assert_true(shell_cert_has_name(c.names, c.names_len, "alpha"));
    assert_true(shell_cert_has_name(c.names, c.names_len, "alpha.example"));
    assert_false(shell_cert_has_name(c.names, c.names_len, "alph"));
    assert_false(shell_cert_has_name(c.names, c.names_len, "127.0.0.1"));
    assert_false(shell_cert_has_name(c.names, c.names_len, ""));
    assert_int_equal(c.ends_wall_ms / DAY, 54762 /* 2119-12-08 */);
    shell_cert_close(&c);
    shell_cert_close(&c);
}

static void a_server_alone_needs_no_ca(void **state)
{
    static const struct shell_cert_paths paths = { "http_tls", NULL, CERTS "server.pem",
                                                   CERTS "server.key", false };
    char why[WHY_MAX];
    struct shell_cert c;
    (void)state;
    assert_int_equal(shell_cert_open(&c, &paths, TODAY, NULL, why, sizeof why), MUSTER_OK);
    assert_null(c.ca);
    shell_cert_close(&c);
}

static void wrong_ones_are_refused_in_words(void **state)
{
    static const struct {
        struct shell_cert_paths paths;
        uint64_t wall_ms;
        const char *says;
    } cases[] = {
        { { "tls", CERTS "ca.pem", CERTS "none.pem", CERTS "alpha.key", true },
          TODAY,
          CERTS "none.pem: cannot be read: No such file or directory; see `tls`" },
        { { "tls", CERTS "README", CERTS "alpha.pem", CERTS "alpha.key", true },
          TODAY,
          CERTS "README: holds no certificate in PEM" },
        { { "tls", CERTS "ca.pem", CERTS "alpha.key", CERTS "alpha.key", true },
          TODAY,
          CERTS "alpha.key: holds no certificate in PEM" },
        { { "tls", CERTS "ca.pem", CERTS "alpha.pem", CERTS "alpha.pem", true },
          TODAY,
          CERTS "alpha.pem: holds no private key" },
        { { "tls", CERTS "ca.pem", CERTS "alpha.pem", CERTS "bravo.key", true },
          TODAY,
          CERTS "bravo.key: is not the key of " CERTS "alpha.pem" },
        { { "tls", CERTS "other.pem", CERTS "alpha.pem", CERTS "alpha.key", true },
          TODAY,
          CERTS "alpha.pem: is not signed by " CERTS "other.pem" },
        { { "tls", CERTS "ca.pem", CERTS "server.pem", CERTS "server.key", true },
          TODAY,
          "not for both ends" },
        { { "tls", CERTS "ca.pem", CERTS "past.pem", CERTS "past.key", true },
          TODAY,
          CERTS "past.pem: ended on 2020-01-31T00:00:00.000Z" },
        { { "tls", ALL, true },
          1546300800000ull, /* 2019 */
          "is good from 2020-01-01T00:00:00.000Z on, and not yet" },
    };
    char why[WHY_MAX];
    struct shell_cert c;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int err = shell_cert_open(&c, &cases[i].paths, cases[i].wall_ms, NULL, why, sizeof why);
        assert_int_equal(err, MUSTER_EINVAL);
        if (strstr(why, cases[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", why, cases[i].says);
        assert_null(c.key);
    }
}

/* The journal writes into a file that is read back. */
static void the_end_is_announced_once_a_day(void **state)
{
    static const struct shell_cert_paths paths = { "tls", CERTS "ca.pem", CERTS "past.pem",
                                                   CERTS "past.key", true };
    const uint64_t end = 1580428800000ull;
    struct shell_journal journal;
    struct shell_cert c;
    char why[WHY_MAX], line[1024] = "";
    FILE *file = tmpfile();
    (void)state;
    assert_non_null(file);
    /* A checkout lets everybody read it, which is told as well. */
    assert_int_equal(chmod(paths.key, 0600), 0);
    shell_journal_open(&journal, fileno(file), NULL);
    assert_int_equal(shell_cert_open(&c, &paths, end - 20 * DAY, &journal, why, sizeof why),
                     MUSTER_OK);
    shell_cert_look(&c, end - 15 * DAY, &journal);
    assert_int_equal(c.told_wall_ms, 0);
    shell_cert_look(&c, end - 13 * DAY, &journal);
    assert_int_equal(c.told_wall_ms, end - 13 * DAY);
    shell_cert_look(&c, end - 12 * DAY - 1, &journal);
    assert_int_equal(c.told_wall_ms, end - 13 * DAY);
    shell_cert_look(&c, end - 12 * DAY, &journal);
    assert_int_equal(c.told_wall_ms, end - 12 * DAY);
    shell_cert_look(&c, end + DAY, &journal);
    rewind(file);
    size_t lines = 0;
    for (; fgets(line, sizeof line, file) != NULL; lines++)
        assert_non_null(strstr(line, lines == 2 ? CERTS "past.pem ended on 2020-01-31"
                                                : CERTS "past.pem ends on 2020-01-31"));
    assert_int_equal(lines, 3);
    (void)fclose(file);
    shell_cert_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_taken),
        cmocka_unit_test(a_server_alone_needs_no_ca),
        cmocka_unit_test(wrong_ones_are_refused_in_words),
        cmocka_unit_test(the_end_is_announced_once_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
