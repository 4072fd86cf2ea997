/* SPDX-License-Identifier: Apache-2.0 */
/* Names of payloads: read, written, found in a specification; and what their rows say. */
#include <string.h>

#include "agent/payload_id.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define HEX "00ff10a9b8c7d6e5f4031221aabbccddeeff00112233445566778899deadbeef"

static bool parses(const char *text, struct agent_payload_id *id)
{
    return agent_payload_id_parse(id, muster_bytes_text(text));
}

static void a_name_is_what_it_was_written_as(void **state)
{
    char hex[AGENT_PAYLOAD_HEX], text[AGENT_PAYLOAD_TEXT], key[AGENT_PAYLOAD_KEY];
    struct agent_payload_id id, again;

    (void)state;
    assert_true(parses(HEX, &id));
    assert_string_equal(agent_payload_id_hex(id, hex), HEX);
    assert_string_equal(agent_payload_id_text(id, text), "sha256:" HEX);
    assert_true(parses(text, &again));
    assert_true(agent_payload_id_equal(id, again));
    assert_string_equal(agent_payload_key(id, key), "$" HEX);
    assert_true(agent_payload_is_row(muster_bytes_text(key)));
    assert_true(agent_payload_of_key(&again, muster_bytes_text(key)));
    assert_true(agent_payload_id_equal(id, again));
}

static void what_is_no_name_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "sha256:",
        "sha256:00",
        "sha512:" HEX,
        "sha256:sha256:" HEX,
        HEX "0",
        "x",
        "00FF10A9B8C7D6E5F4031221AABBCCDDEEFF00112233445566778899DEADBEEF",
        "g0ff10a9b8c7d6e5f4031221aabbccddeeff00112233445566778899deadbeef",
    };
    struct agent_payload_id id;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(parses(bad[i], &id));
    assert_false(agent_payload_is_row(muster_bytes_text("a/b")));
    assert_false(agent_payload_of_key(&id, muster_bytes_text(HEX)));
    assert_false(agent_payload_of_key(&id, muster_bytes_text("$" HEX "0")));
}

static void a_row_says_its_size(void **state)
{
    static const uint64_t sizes[] = { 0, 1, 255, 65536, UINT64_MAX };
    uint8_t spec[AGENT_PAYLOAD_SPEC];
    uint64_t size = 7;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_true(agent_payload_size(&size, agent_payload_spec(sizes[i], spec)));
        assert_true(size == sizes[i]);
    }
    assert_false(agent_payload_size(&size, muster_bytes_text("{}")));
    assert_true(agent_payload_size(&size, MUSTER_BYTES("\x92\x05\x01", 3))); /* a newer build's */
    assert_int_equal(size, 5);
}

static void a_specification_names_one_or_none(void **state)
{
    static const struct {
        const char *spec;
        bool is_named;
    } cases[] = {
        { "{\"name\":\"a\",\"payload\":\"sha256:" HEX "\",\"slots\":2}", true },
        { "{\"name\":\"a\",\"arg\":\"payload\"}", false },
        { "{\"name\":\"a\",\"arg\":\"\\\"payload\\\":\\\"sha256:" HEX "\\\"\"}", false },
        { "{\"payload\":\"sha256:" HEX, false },
        { "{\"payload\":\"sha256:0\"}", false },
        { "", false },
    };
    struct agent_payload_id id, want;

    (void)state;
    assert_true(parses(HEX, &want));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(agent_payload_named(&id, muster_bytes_text(cases[i].spec)) ==
                    cases[i].is_named);
        if (cases[i].is_named)
            assert_true(agent_payload_id_equal(id, want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_what_it_was_written_as),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(a_row_says_its_size),
        cmocka_unit_test(a_specification_names_one_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
