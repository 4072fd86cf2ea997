/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of serf agents: who is answered, and what is said. */
#include <string.h>

#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

#define RAW(literal) MUSTER_BYTES(literal, sizeof(literal) - 1)
#define NAMES_US     "\x00\x92\xa4peer\xa4self" /* a filter: its kind, and an array of names */
#define NAMES_OTHERS "\x00\x91\xa4peer"
#define A_TAG                                                                                      \
    "\x01\x82\xa3Tag\xa4role\xa4"                                                                  \
    "Expr\xa2.*"

struct ask {
    const char *name;
    uint64_t flags;
    const char *source;
    uint8_t host; /* where the answer is to go */
    struct muster_bytes filter;
};

static struct solo *open_usual(void **state)
{
    struct solo *s = *state;

    solo_config(s);
    s->config.serf = true;
    solo_open(s);
    s->takes_user = true;
    solo_meet(s, "peer", 2, 1);
    solo_wait(s, 5000);
    return s;
}

/* A query as serf writes it; each is another one. */
static struct muster_bytes query_write(const struct ask *ask, uint8_t *room, size_t size)
{
    static uint32_t id;
    const uint8_t types[] = { GOSSIP_TYPE_USER, 4 }, addr[4] = { 10, 0, 0, ask->host };
    struct muster_writer out = muster_writer_over(room, size);

    muster_write_plain(&out, MUSTER_BYTES(types, sizeof types));
    muster_write_map(&out, 11);
    muster_write_raw(&out, RAW("Addr"));
    muster_write_raw(&out, MUSTER_BYTES(addr, sizeof addr));
    muster_write_raw(&out, RAW("Filters"));
    muster_write_array(&out, ask->filter.len > 0 ? 1 : 0);
    if (ask->filter.len > 0)
        muster_write_raw(&out, ask->filter);
    muster_write_raw(&out, RAW("Flags"));
    muster_write_u64(&out, ask->flags);
    muster_write_raw(&out, RAW("ID"));
    muster_write_u64(&out, 1000 + ++id);
    muster_write_raw(&out, RAW("LTime"));
    muster_write_u64(&out, 7);
    muster_write_raw(&out, RAW("Name"));
    muster_write_raw(&out, muster_bytes_text(ask->name));
    muster_write_raw(&out, RAW("Payload"));
    muster_write_nil(&out);
    muster_write_raw(&out, RAW("Port"));
    muster_write_u64(&out, 7946);
    muster_write_raw(&out, RAW("RelayFactor"));
    muster_write_u64(&out, 0);
    muster_write_raw(&out, RAW("SourceNode"));
    muster_write_raw(&out, muster_bytes_text(ask->source));
    muster_write_raw(&out, RAW("Timeout"));
    muster_write_i64(&out, 3200000000);
    assert_int_equal(muster_writer_err(&out), MUSTER_OK);
    return muster_writer_bytes(&out);
}

/* How many responses a query has at once, and the last of them. */
static unsigned asked(struct solo *s, const struct ask *ask, struct muster_bytes *response)
{
    uint8_t room[512];
    unsigned count = 0;

    solo_clear(s);
    solo_hear_bytes(s, 2, query_write(ask, room, sizeof room));
    for (uint32_t i = 0; i < s->user_count; i++)
        if (s->user[i].data[0] == 5) {
            *response = s->user[i];
            count++;
        }
    return count;
}

static bool has(struct muster_bytes bytes, struct muster_bytes part)
{
    return memmem(bytes.data, bytes.len, part.data, part.len) != NULL;
}

static void who_is_answered(void **state)
{
    const struct {
        struct ask ask;
        unsigned responses;
    } cases[] = {
        { { "deploy", 1, "peer", 2, { 0 } }, 1 },
        { { "deploy", 3, "peer", 2, { 0 } }, 1 }, /* not to be passed on, but to be answered */
        { { "deploy", 0, "peer", 2, { 0 } }, 0 }, /* wants no word */
        { { "deploy", 1, "nobody", 2, { 0 } }, 0 },
        { { "deploy", 1, "self", 1, { 0 } }, 0 },
        { { "deploy", 1, "peer", 9, { 0 } }, 0 }, /* somebody else would get it */
        { { "deploy", 1, "peer", 2, RAW(NAMES_US) }, 1 },
        { { "deploy", 1, "peer", 2, RAW(NAMES_OTHERS) }, 0 },
        { { "deploy", 1, "peer", 2, RAW(A_TAG) }, 0 },
        { { "deploy", 1, "peer", 2, RAW("\x00\x92\xa4peer\xa4sel") }, 0 }, /* ends too soon */
        { { "_serf_list-keys", 0, "peer", 2, { 0 } }, 1 },
        { { "_serf_list-keys", 1, "peer", 2, { 0 } }, 2 },
        { { "_serf_use-key", 0, "peer", 2, { 0 } }, 1 },
    };
    struct solo *s = open_usual(state);
    struct muster_bytes response;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_int_equal(asked(s, &cases[i].ask, &response), cases[i].responses);
    solo_close(s);
}

static void what_is_said(void **state)
{
    const struct ask ping = { "_serf_ping", 1, "peer", 2, { 0 } };
    const struct ask list = { "_serf_list-keys", 0, "peer", 2, { 0 } };
    const struct ask remove = { "_serf_remove-key", 0, "peer", 2, { 0 } };
    struct solo *s = open_usual(state);
    struct muster_bytes said = { 0 };

    assert_int_equal(asked(s, &ping, &said), 1);
    assert_true(has(said, RAW("\x05\x85\xa5"
                              "Flags\x01\xa4"
                              "From\xa4self")));
    assert_true(has(said, RAW("\xa5LTime\x07\xa7Payload\xc0")));
    assert_int_equal(asked(s, &list, &said), 1);
    assert_true(has(said, RAW("Flags\x00")));
    assert_true(has(said, RAW("Keyring is empty")));
    assert_true(has(said, RAW("Result\xc2")));
    assert_int_equal(asked(s, &remove, &said), 1);
    assert_true(has(said, RAW("muster keys")));
    assert_true(has(said, RAW("Result\xc2")));
    solo_close(s);
}

/* Wherever it ends, it is no query. */
static void what_is_cut_is_dropped(void **state)
{
    const struct ask ask = { "_serf_list-keys", 1, "peer", 2, RAW(NAMES_US) };
    struct solo *s = open_usual(state);
    uint8_t room[512];
    struct muster_bytes whole = query_write(&ask, room, sizeof room);

    for (size_t len = 3; len < whole.len; len++) {
        uint64_t bad = gossip_counters(s->g)->dropped_malformed;

        solo_clear(s);
        solo_hear_bytes(s, 2, MUSTER_BYTES(whole.data, len));
        assert_int_equal(gossip_counters(s->g)->dropped_malformed, bad + 1);
        assert_int_equal(s->user_count, 0);
    }
    solo_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_answered),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(what_is_cut_is_dropped),
    };

    return cmocka_run_group_tests(tests, solo_new, solo_free);
}
