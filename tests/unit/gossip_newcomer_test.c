/* SPDX-License-Identifier: Apache-2.0 */
/* Newcomers: who lets one in tells the others, and who comes learns of all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/gossip_solo.h"
#include "tests/unit/unit.h"

#define LARGE 80 /* members of a pool in which not everybody is told directly */

#define RAW(literal) MUSTER_BYTES(literal, sizeof(literal) - 1)

static const uint8_t addr_a[4] = { 10, 0, 0, 11 };
static const uint8_t addr_b[4] = { 10, 0, 0, 12 };

struct stage {
    struct solo solo;
    uint8_t request[32 << 10];
};

static int stage_open(void **state)
{
    *state = calloc(1, sizeof(struct stage));
    return *state == NULL ? -1 : 0;
}

static int stage_close(void **state)
{
    free(*state);
    return 0;
}

static struct muster_bytes table(struct stage *stage, const struct gossip_entry *entries,
                                 unsigned count, bool join)
{
    return solo_table(stage->request, sizeof stage->request, entries, count, join);
}

static bool is_kin_by_meta(struct muster_bytes meta)
{
    return meta.len > 0;
}

/* How often the alive of `name` is said within this step. */
static unsigned introduced(const struct solo *s, const char *name)
{
    unsigned count = 0;
    const struct solo_sent *sent;

    for (uint32_t n = 0; (sent = solo_sent(s, GOSSIP_TYPE_ALIVE, n)) != NULL; n++)
        count += muster_bytes_equal(sent->message.alive.node, muster_bytes_text(name));
    return count;
}

static void table_in(struct stage *stage, uint32_t number, const struct gossip_entry *entries,
                     unsigned count, bool join)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA,
                                  .bytes = table(stage, entries, count, join),
                                  .stream = number,
                                  .inbound = true };

    solo_clear(&stage->solo);
    solo_step(&stage->solo, &event);
}

/* In a small pool gossip alone leaves somebody out now and then. */
static void who_joins_through_us_is_introduced(void **state)
{
    static const char *const names[] = { "e", "f", "g", "h", "i" };
    uint8_t addrs[5][4];
    struct stage *stage = *state;
    struct gossip_entry e[5];
    struct solo *s;

    solo_config(&stage->solo);
    stage->solo.config.is_kin = is_kin_by_meta;
    solo_open(&stage->solo);
    s = &stage->solo;
    for (unsigned host = 20; host < 28; host++) {
        char name[8];

        (void)snprintf(name, sizeof name, "p%u", host);
        solo_meet(s, name, host, 1);
    }
    solo_wait(s, 5000);
    for (unsigned i = 0; i < 5; i++) {
        const uint8_t octets[4] = { 10, 0, 0, (uint8_t)(40 + i) };

        memcpy(addrs[i], octets, sizeof octets);
        e[i] = solo_entry(names[i], addrs[i], 1, GOSSIP_ALIVE);
    }
    e[0] = solo_entry("a", addr_a, 3, GOSSIP_ALIVE);
    table_in(stage, 7, e, 1, true);
    assert_in_range(introduced(s, "a"), 8, 11); /* all eight, and gossip's first tick */
    table_in(stage, 8, e, 1, true);             /* nothing new */
    assert_in_range(introduced(s, "a"), 0, 3);
    e[0] = solo_entry("b", addr_b, 3, GOSSIP_ALIVE);
    e[0].meta = RAW("ours"); /* says it itself */
    table_in(stage, 9, e, 1, true);
    assert_in_range(introduced(s, "b"), 0, 3);
    table_in(stage, 10, e + 1, 1, false); /* an exchange is no join */
    assert_in_range(introduced(s, "f"), 0, 3);
    e[1].incarnation = 2;
    table_in(stage, 11, e, 5, true); /* a whole pool that joins */
    assert_in_range(introduced(s, "i"), 0, 3);
    solo_close(s);
}

/* Waits for the next table that we send of our own accord; returns the time it took. */
static uint64_t next_exchange(struct solo *s, uint32_t *stream)
{
    for (uint64_t since_ms = s->now_ms; s->now_ms < since_ms + 600000;) {
        solo_clear(s);
        solo_wait(s, 50);
        for (uint32_t n = 0; n < s->effects; n++)
            if (s->effect[n].kind == GOSSIP_EFFECT_STREAM_OPEN &&
                s->effect[n].bytes.data[0] == GOSSIP_TYPE_PUSH_PULL) {
                *stream = s->effect[n].stream;
                return s->now_ms - since_ms;
            }
    }
    fail_msg("no exchange in ten minutes");
    return 0;
}

static void exchange_answer(struct solo *s, uint32_t stream, struct muster_bytes bytes)
{
    struct gossip_event event = {
        .kind = GOSSIP_EVENT_STREAM_DATA, .bytes = bytes, .stream = stream, .ended = true
    };

    solo_clear(s);
    solo_step(s, &event);
}

/* What one of many that join at a time has missed, it asks for until there is nothing new; it is
 * no news to the pool. */
static void who_joins_a_large_pool_learns_on(void **state)
{
    static char names[LARGE][8];
    static uint8_t addrs[LARGE][4];
    struct stage *stage = *state;
    struct gossip_entry e[LARGE];
    const struct gossip_event join = { .kind = GOSSIP_EVENT_JOIN, .from = solo_addr(11) };
    struct solo *s = &stage->solo;
    uint32_t stream;

    for (unsigned i = 0; i < LARGE; i++) {
        (void)snprintf(names[i], sizeof names[i], "m%u", i);
        memcpy(addrs[i], (uint8_t[]){ 10, 0, 1, (uint8_t)i }, 4);
        e[i] = solo_entry(names[i], addrs[i], 1, GOSSIP_ALIVE);
    }
    solo_config(s);
    s->config.members_max = 2 * LARGE;
    solo_open(s);
    solo_step(s, &join);
    exchange_answer(s, solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0)->stream,
                    table(stage, e, LARGE - 2, true));
    assert_in_range(next_exchange(s, &stream), 1000, 2050);
    exchange_answer(s, stream, table(stage, e, LARGE - 1, false));
    assert_int_equal(solo_state(s, names[LARGE - 2]), GOSSIP_ALIVE);
    assert_int_equal(introduced(s, names[LARGE - 2]), 0);
    assert_in_range(next_exchange(s, &stream), 2000, 4050);
    assert_int_equal(introduced(s, names[LARGE - 2]), 0);
    exchange_answer(s, stream, table(stage, e, LARGE - 1, false)); /* nothing new */
    assert_in_range(next_exchange(s, &stream), 60000, 180000);
    exchange_answer(s, stream, table(stage, e, LARGE, false)); /* now it is news */
    solo_wait(s, 1000);
    assert_in_range(introduced(s, names[LARGE - 1]), 1, 20);
    solo_close(s);
}

/* Who claims the name of somebody dead, who is forgotten before that is settled, is a newcomer like
 * any other. (lease 80044728: the agent ended by a signal) */
static void a_claim_does_not_outlive_the_name_it_is_for(void **state)
{
    struct gossip_message claim = solo_alive("m", addr_b, 1);
    struct solo *s = &((struct stage *)*state)->solo;

    solo_config(s);
    s->config.to_the_dead_ms = 1000;
    solo_open(s);
    solo_meet(s, "m", 11, 1);
    while (solo_state(s, "m") != GOSSIP_DEAD)
        solo_wait(s, 50);
    solo_hear(s, 12, &claim);
    assert_int_equal(solo_state(s, "m"), GOSSIP_DEAD);
    solo_wait(s, 2500);
    assert_int_equal(solo_state(s, "m"), -1);
    solo_wait(s, 10000);
    assert_int_equal(solo_state(s, "m"), -1);
    claim.alive.incarnation = 2;
    solo_hear(s, 12, &claim);
    assert_int_equal(solo_state(s, "m"), GOSSIP_ALIVE);
    solo_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_joins_through_us_is_introduced),
        cmocka_unit_test(who_joins_a_large_pool_learns_on),
        cmocka_unit_test(a_claim_does_not_outlive_the_name_it_is_for),
    };

    return cmocka_run_group_tests(tests, stage_open, stage_close);
}
