/* SPDX-License-Identifier: Apache-2.0 */
/* Who has the next free slot: by priority, then age, then name, whoever keeps it. (R35, I14) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tickets.h"
#include "tests/unit/unit.h"

static struct agent_tickets *fresh(void)
{
    struct agent_tickets *t = calloc(1, sizeof *t);

    assert_non_null(t);
    return t;
}

static void put(struct agent_tickets *t, uint64_t now, const char *key, uint32_t priority,
                uint64_t since, uint32_t needs)
{
    struct muster_id keeper = { { 'K' } };

    agent_tickets_put(t, now, muster_bytes_text(key), keeper, agent_ticket_rank(priority, since),
                      needs);
}

static const char *best(struct agent_tickets *t, uint64_t now, uint32_t room)
{
    const struct agent_ticket *one = agent_tickets_best(t, now, room);

    return one == NULL ? "" : one->key;
}

static void the_best_is_by_priority_then_age_then_name(void **state)
{
    struct agent_tickets *t = fresh();

    (void)state;
    put(t, 1000, "old", 50, 100, 1);
    put(t, 1000, "urgent", 90, 900, 1);
    put(t, 1000, "b", 90, 800, 1);
    put(t, 1000, "a", 90, 800, 1);
    put(t, 1000, "large", 99, 1, 4);
    assert_string_equal(best(t, 1000, 3), "a");
    assert_string_equal(best(t, 1000, 4), "large");
    assert_string_equal(best(t, 1000, 0), "");
    agent_tickets_remove(t, muster_bytes_text("a"));
    assert_string_equal(best(t, 1000, 3), "b");
    agent_tickets_remove(t, muster_bytes_text("b"));
    assert_string_equal(best(t, 1000, 3), "urgent");
    agent_tickets_remove(t, muster_bytes_text("urgent"));
    assert_string_equal(best(t, 1000, 3), "old");
    free(t);
}

static void who_would_go_before_its_turn_is_told_from_who_would_not(void **state)
{
    struct agent_tickets *t = fresh();
    struct muster_bytes key = muster_bytes_text("me");

    (void)state;
    put(t, 1000, "first", 50, 100, 2);
    assert_true(agent_tickets_precede(t, 1000, 2, key, agent_ticket_rank(50, 101), 1));
    assert_false(agent_tickets_precede(t, 1000, 1, key, agent_ticket_rank(50, 101), 1));
    assert_false(agent_tickets_precede(t, 1000, 3, key, agent_ticket_rank(50, 101), 1));
    assert_false(agent_tickets_precede(t, 1000, 2, key, agent_ticket_rank(50, 99), 1));
    assert_false(agent_tickets_precede(t, 1000, 2, key, agent_ticket_rank(51, 900), 1));
    assert_false(agent_tickets_precede(t, 1000, 2, muster_bytes_text("first"),
                                       agent_ticket_rank(50, 100), 2));
    free(t);
}

static void who_is_invited_and_does_not_come_holds_nobody_up(void **state)
{
    struct agent_tickets *t = fresh();
    struct muster_bytes key = muster_bytes_text("me");

    (void)state;
    put(t, 1000, "first", 50, 100, 1);
    put(t, 1000, "second", 50, 200, 1);
    agent_tickets_best(t, 1000, 1)->invited_ms = 1000;
    assert_string_equal(best(t, 1000, 1), "second"); /* of two slots the other one */
    assert_true(agent_tickets_precede(t, 1499, 1, key, agent_ticket_rank(50, 150), 1));
    put(t, 1400, "first", 50, 100, 1); /* renewed: it has its turn for no longer than that */
    assert_false(agent_tickets_precede(t, 1500, 1, key, agent_ticket_rank(50, 150), 1));
    assert_true(agent_tickets_precede(t, 1500, 1, key, agent_ticket_rank(50, 250), 1));
    assert_string_equal(best(t, 5999, 1), "second");
    assert_string_equal(best(t, 6000, 1), ""); /* its keeper is silent */
    assert_int_equal(t->count, 0);
    free(t);
}

static void who_came_and_found_no_room_has_its_turn_again(void **state)
{
    struct agent_tickets *t = fresh();

    (void)state;
    put(t, 1000, "first", 50, 100, 2);
    put(t, 1000, "second", 50, 200, 1);
    assert_int_equal(agent_tickets_invited(t, 1000), 0);
    agent_tickets_best(t, 1000, 2)->invited_ms = 1000;
    assert_int_equal(agent_tickets_invited(t, 1499), 2); /* nobody else is invited for those */
    agent_tickets_again(t, muster_bytes_text("first"));
    agent_tickets_again(t, muster_bytes_text("nobody"));
    assert_int_equal(agent_tickets_invited(t, 1499), 0);
    assert_string_equal(best(t, 1499, 2), "first");
    agent_tickets_best(t, 1499, 2)->invited_ms = 1499;
    assert_int_equal(agent_tickets_invited(t, 1999), 0); /* it did not come */
    assert_int_equal(t->count, 1);
    free(t);
}

static void at_the_brim_the_worst_goes(void **state)
{
    struct agent_tickets *t = fresh();
    char name[16];

    (void)state;
    for (uint32_t i = 0; i < AGENT_TICKETS_MAX + 50; i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        put(t, 1000, name, 50, 1000 + i, 1);
    }
    assert_int_equal(t->count, AGENT_TICKETS_MAX);
    put(t, 1000, "early", 50, 1, 1);
    put(t, 1000, "late", 50, 100000, 1);
    assert_int_equal(t->count, AGENT_TICKETS_MAX);
    assert_string_equal(best(t, 1000, 1), "early");
    agent_tickets_remove(t, muster_bytes_text("early"));
    assert_string_equal(best(t, 1000, 1), "job-0");
    put(t, 1000, "", 99, 1, 1);
    agent_tickets_put(t, 1000, MUSTER_BYTES("a\0b", 3), (struct muster_id){ { 0 } }, 0, 1);
    assert_string_equal(best(t, 1000, 1), "job-0");
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_is_by_priority_then_age_then_name),
        cmocka_unit_test(who_would_go_before_its_turn_is_told_from_who_would_not),
        cmocka_unit_test(who_is_invited_and_does_not_come_holds_nobody_up),
        cmocka_unit_test(who_came_and_found_no_room_has_its_turn_again),
        cmocka_unit_test(at_the_brim_the_worst_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
