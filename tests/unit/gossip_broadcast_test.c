/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of news: who goes first, how often, and who makes room. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gossip/broadcast.h"
#include "tests/unit/unit.h"

#define OWNERS 2000

struct stage {
    struct muster_arena arena;
    struct gossip_queue q;
};

static int stage_open(void **state)
{
    struct stage *s = calloc(1, sizeof *s);

    if (s == NULL || muster_arena_open(&s->arena, gossip_queue_memory(OWNERS)) != MUSTER_OK ||
        gossip_queue_init(&s->q, &s->arena, OWNERS) != MUSTER_OK)
        return -1;
    *state = s;
    return 0;
}

static int stage_close(void **state)
{
    struct stage *s = *state;

    muster_arena_close(&s->arena);
    free(s);
    return 0;
}

/* A message of that length that begins with `mark`. */
static void put(struct gossip_queue *q, uint32_t owner, char mark, size_t len, bool is_urgent)
{
    char bytes[GOSSIP_MESSAGE_MAX] = { 0 };

    bytes[0] = mark;
    (void)gossip_queue_put(q, owner, MUSTER_BYTES(bytes, len), is_urgent);
    assert_true(gossip_queue_is_sane(q));
}

/* The marks of what a packet takes, in order. */
static const char *take(struct gossip_queue *q, uint32_t transmits_max)
{
    static char marks[GOSSIP_PACKET_PARTS + 1];
    struct gossip_parts parts;

    gossip_parts_init(&parts, 0);
    gossip_queue_take(q, &parts, transmits_max);
    for (uint32_t i = 0; i < parts.count; i++)
        marks[i] = (char)parts.part[i].data[0];
    marks[parts.count] = '\0';
    assert_true(gossip_queue_is_sane(q));
    return marks;
}

static void rarely_sent_then_long_then_new(void **state)
{
    struct gossip_queue *q = &((struct stage *)*state)->q;

    put(q, 0, 'a', 20, false);
    put(q, 1, 'b', 40, false);
    put(q, 2, 'c', 20, false);
    assert_string_equal(take(q, 9), "bca");
    put(q, 3, 'd', 10, false); /* never sent: before the others, short as it is */
    assert_string_equal(take(q, 9), "dbca");
    put(q, 4, 'u', 5, true);
    assert_string_equal(take(q, 9), "udbca");
    assert_string_equal(take(q, 9), "udbca"); /* urgent stays first, however often it was sent */
}

static void newer_news_takes_the_place_of_older(void **state)
{
    struct gossip_queue *q = &((struct stage *)*state)->q;

    put(q, 7, 'a', 20, false);
    (void)take(q, 9);
    put(q, 7, 'b', 20, false);
    assert_int_equal(q->count, 1);
    assert_string_equal(take(q, 2), "b"); /* and counts from the beginning */
    assert_string_equal(take(q, 2), "b");
    assert_string_equal(take(q, 2), "");
    assert_false(gossip_queue_has(q, 7));
    put(q, 8, 'c', 20, false);
    gossip_queue_drop(q, 8);
    gossip_queue_drop(q, 8);
    assert_string_equal(take(q, 2), "");
}

static void a_packet_is_filled_past_what_does_not_fit(void **state)
{
    struct gossip_queue *q = &((struct stage *)*state)->q;

    put(q, 0, 'a', 1000, false);
    put(q, 1, 'b', 900, false);
    put(q, 2, 'c', 300, false);
    put(q, 3, 'd', 60, false);
    assert_string_equal(take(q, 9), "acd");
    assert_string_equal(take(q, 9), "bcd"); /* b was passed over: now it is first */
}

static void a_packet_takes_127_and_no_more(void **state)
{
    struct gossip_queue *q = &((struct stage *)*state)->q;

    for (uint32_t i = 0; i < 200; i++)
        put(q, i, 'x', 3, false);
    assert_int_equal(strlen(take(q, 9)), 127);
}

/* At the brim whoever was sent most often goes. */
static void the_best_known_makes_room(void **state)
{
    struct gossip_queue *q = &((struct stage *)*state)->q;

    put(q, 0, 'a', 900, false);
    (void)take(q, 99);
    for (uint32_t i = 1; i < GOSSIP_BROADCASTS_MAX; i++)
        put(q, i, 'x', 20, false);
    assert_int_equal(q->count, GOSSIP_BROADCASTS_MAX);
    assert_int_equal(q->shed, 0);
    put(q, GOSSIP_BROADCASTS_MAX, 'n', 20, false);
    assert_int_equal(q->shed, 1);
    assert_false(gossip_queue_has(q, 0));
    assert_true(gossip_queue_has(q, GOSSIP_BROADCASTS_MAX));
    put(q, GOSSIP_BROADCASTS_MAX, 'm', 20, false); /* a replacement needs no room */
    assert_int_equal(q->shed, 1);
}

static void it_stays_sane_whatever_happens(void **state)
{
    struct gossip_queue *q = &((struct stage *)*state)->q;
    struct muster_rng rng;

    muster_rng_seed(&rng, 11);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t owner = (uint32_t)muster_rng_below(&rng, OWNERS);

        switch (muster_rng_below(&rng, 4)) {
        case 0:
        case 1:
            put(q, owner, 'x', (size_t)muster_rng_between(&rng, 1, GOSSIP_MESSAGE_MAX),
                muster_rng_chance(&rng, 1, 50));
            break;
        case 2:
            gossip_queue_drop(q, owner);
            break;
        default:
            (void)take(q, 8);
            break;
        }
    }
    assert_true(gossip_queue_is_sane(q));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rarely_sent_then_long_then_new, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(newer_news_takes_the_place_of_older, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(a_packet_is_filled_past_what_does_not_fit, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(a_packet_takes_127_and_no_more, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(the_best_known_makes_room, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(it_stays_sane_whatever_happens, stage_open, stage_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
