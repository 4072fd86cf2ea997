/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses from text and octets, and what they are. */
#include "base/addr.h"

#include <string.h>

#include "tests/unit/unit.h"

static void good_text_is_read_and_shown_again(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } cases[] = {
        { "10.0.0.1:7946", "10.0.0.1:7946" },
        { "10.0.0.1", "10.0.0.1:99" },
        { "0.0.0.0:0", "0.0.0.0:0" },
        { "255.255.255.255:65535", "255.255.255.255:65535" },
        { "[::1]:7946", "[::1]:7946" },
        { "[::1]", "[::1]:99" },
        { "::1", "[::1]:99" },
        { "::", "[::]:99" },
        { "[2001:DB8:0:0:0:0:0:1]:1", "[2001:db8::1]:1" },
        { "[::ffff:10.0.0.1]:5", "10.0.0.1:5" },
        { "::ffff:10.0.0.1", "10.0.0.1:99" },
        { "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
          "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
    };
    char text[MUSTER_ADDR_TEXT];

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_addr a;

        assert_int_equal(muster_addr_parse(&a, cases[i].text, 99), MUSTER_OK);
        assert_string_equal(muster_addr_text(a, text), cases[i].shown);
    }
}

static void bad_text_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "localhost",
        "localhost:1",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "10.0.0.1:1x",
        "10.0.0.1:-1",
        "10.0.0.1: 1",
        " 10.0.0.1",
        "10.0.0.1 ",
        "10.0.0.1:99999",
        "10.0.0.1:000001",
        "10.0.0.1/8",
        ":7946",
        "[]",
        "[::1",
        "[::1]7946",
        "[::1]:",
        "[10.0.0.1]",
        "[::1]:1:2",
        "1:2:3",
        "fe80::1%eth0",
        "[::g]:1",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]:1",
    };
    struct muster_addr a;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_int_equal(muster_addr_parse(&a, cases[i], 99), MUSTER_EINVAL);
}

static void a_mapped_address_is_the_same_host(void **state)
{
    static const uint8_t four[4] = { 10, 0, 0, 1 };
    static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 };
    struct muster_addr a;
    struct muster_addr b;

    (void)state;
    memset(&a, 0xaa, sizeof a);
    assert_int_equal(muster_addr_from_octets(&a, four, 4, 7946), MUSTER_OK);
    assert_int_equal(muster_addr_from_octets(&b, mapped, 16, 7946), MUSTER_OK);
    assert_true(muster_addr_equal(a, b));
    assert_int_equal(b.len, 4);
    b.port = 1;
    assert_false(muster_addr_equal(a, b));
    assert_true(muster_addr_same_host(a, b));
    b.octet[3] = 2;
    assert_false(muster_addr_same_host(a, b));
}

static void octets_come_in_fours_and_sixteens(void **state)
{
    static const uint8_t octets[17] = { 1 };
    struct muster_addr a;

    (void)state;
    for (size_t len = 0; len <= 17; len++)
        assert_int_equal(muster_addr_from_octets(&a, octets, len, 1),
                         len == 4 || len == 16 ? MUSTER_OK : MUSTER_EINVAL);
}

static void questions_are_answered_for_both_families(void **state)
{
    static const struct {
        const char *text;
        bool loopback, unspecified, multicast;
    } cases[] = {
        { "127.0.0.1", true, false, false },  { "127.255.0.9", true, false, false },
        { "128.0.0.1", false, false, false }, { "0.0.0.0", false, true, false },
        { "224.0.0.1", false, false, true },  { "239.1.2.3", false, false, true },
        { "240.0.0.1", false, false, false }, { "::1", true, false, false },
        { "::", false, true, false },         { "ff02::1", false, false, true },
        { "fe80::1", false, false, false },   { "::ffff:127.0.0.1", true, false, false },
        { "7f00::", false, false, false },    { "e000::", false, false, false },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_addr a;

        assert_int_equal(muster_addr_parse(&a, cases[i].text, 1), MUSTER_OK);
        assert_int_equal(muster_addr_is_loopback(a), cases[i].loopback);
        assert_int_equal(muster_addr_is_unspecified(a), cases[i].unspecified);
        assert_int_equal(muster_addr_is_multicast(a), cases[i].multicast);
    }
}

static void no_address_is_nothing_of_all_that(void **state)
{
    struct muster_addr none = { 0 };
    char text[MUSTER_ADDR_TEXT];

    (void)state;
    assert_false(muster_addr_is_loopback(none));
    assert_false(muster_addr_is_unspecified(none));
    assert_false(muster_addr_is_multicast(none));
    assert_string_equal(muster_addr_text(none, text), "none");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_is_read_and_shown_again),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(a_mapped_address_is_the_same_host),
        cmocka_unit_test(octets_come_in_fours_and_sixteens),
        cmocka_unit_test(questions_are_answered_for_both_families),
        cmocka_unit_test(no_address_is_nothing_of_all_that),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
