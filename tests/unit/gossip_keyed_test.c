/* SPDX-License-Identifier: Apache-2.0 */
/* Whole pools under keys and labels: who is let in, who is not, and a key changed while all live.
 */
#include <stdlib.h>
#include <string.h>

#include "gossip/keyring.h"
#include "tests/unit/gossip_pool.h"
#include "tests/unit/unit.h"

#define NODES 8

struct stage {
    struct pool pool;
    struct gossip_keyring ring[POOL_NODES_MAX];
    uint64_t nonces;
};

static const uint8_t key_old[32] = { 1, 2, 3 }, key_new[16] = { 9, 8, 7 }, key_bad[24] = { 5 };

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

static void nonce_count(void *context, uint8_t *out)
{
    uint64_t number = ++*(uint64_t *)context;

    memset(out, 0, MUSTER_AEAD_NONCE);
    memcpy(out, &number, sizeof number);
}

static uint32_t node_add(struct stage *s, struct muster_bytes key, const char *label)
{
    struct pool *p = &s->pool;
    uint32_t node = p->count;

    p->config.keyring = NULL;
    if (key.len > 0) {
        assert_int_equal(gossip_keyring_install(&s->ring[node], key), MUSTER_OK);
        p->config.keyring = &s->ring[node];
    }
    p->config.nonce = nonce_count;
    p->config.nonce_context = &s->nonces;
    p->config.label = label;
    assert_int_equal(pool_add(p), node);
    if (node > 0)
        pool_join(p, node, 0);
    return node;
}

static struct pool *grow(struct stage *s, uint64_t seed, struct muster_bytes key, const char *label)
{
    pool_open(&s->pool, seed);
    for (uint32_t i = 0; i < NODES; i++)
        (void)node_add(s, key, label);
    pool_run(&s->pool, 3000);
    assert_true(pool_is_whole(&s->pool));
    return &s->pool;
}

static void stage_clear(struct stage *s)
{
    pool_close(&s->pool);
    for (uint32_t i = 0; i < POOL_NODES_MAX; i++)
        gossip_keyring_close(&s->ring[i]);
}

static struct muster_bytes old_key(void)
{
    return MUSTER_BYTES(key_old, sizeof key_old);
}

static void a_keyed_pool_lives_like_any_other(void **state)
{
    struct stage *s = *state;
    struct pool *p = grow(s, 70, old_key(), "blue");
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };

    p->loss_percent = 5;
    pool_run(p, 20000);
    assert_true(pool_is_whole(p));
    pool_stop(p, 1, POOL_SILENT);
    pool_event(p, 2, &leave);
    pool_run(p, 2000);
    assert_true(pool_all_see(p, 2, GOSSIP_LEFT) || p->node[2].has_left);
    pool_stop(p, 2, POOL_GONE);
    pool_run(p, 40000);
    for (uint32_t i = 3; i < NODES; i++)
        assert_true(pool_state(p, 0, i) == GOSSIP_ALIVE && pool_state(p, i, 1) != GOSSIP_ALIVE);
    stage_clear(s);
}

/* Without the key, with another, without the label, with another: nobody of them is let in, and
 * nobody of them learns who is there. */
static void strangers_are_not_let_in(void **state)
{
    struct stage *s = *state;
    struct pool *p = grow(s, 71, old_key(), "blue");
    uint32_t stranger[4] = { node_add(s, (struct muster_bytes){ 0 }, "blue"),
                             node_add(s, MUSTER_BYTES(key_bad, sizeof key_bad), "blue"),
                             node_add(s, old_key(), NULL), node_add(s, old_key(), "red") };

    pool_run(p, 5000);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(p->node[stranger[i]].joins_ok, 0);
        assert_int_equal(p->node[stranger[i]].joins_bad, 1);
        for (uint32_t k = 0; k < NODES; k++) {
            assert_int_equal(pool_state(p, k, stranger[i]), POOL_UNKNOWN);
            assert_int_equal(pool_state(p, stranger[i], k), POOL_UNKNOWN);
        }
    }
    assert_int_equal(gossip_counters(p->node[0].g)->dropped_sealed, 2);
    assert_int_equal(gossip_counters(p->node[0].g)->dropped_foreign, 2);
    stage_clear(s);
}

/* Each node turns at a moment of its own; all the while packets are under way. */
static void a_key_is_changed_in_a_living_pool(void **state)
{
    struct stage *s = *state;
    struct pool *p = grow(s, 72, old_key(), NULL);
    struct muster_bytes new = MUSTER_BYTES(key_new, sizeof key_new);

    for (unsigned step = 0; step < 3; step++) {
        for (uint32_t i = 0; i < NODES; i++) {
            struct gossip_keyring *r = &s->ring[i];

            assert_int_equal(step == 0   ? gossip_keyring_install(r, new)
                             : step == 1 ? gossip_keyring_use(r, new)
                                         : gossip_keyring_remove(r, old_key()),
                             MUSTER_OK);
            pool_run(p, 700);
        }
        pool_run(p, 2000); /* what was sent under the old key has arrived before that one goes */
    }
    assert_true(pool_is_whole(p));
    for (uint32_t i = 0; i < NODES; i++) {
        assert_int_equal(p->node[i].news[GOSSIP_NEWS_SUSPECT], 0);
        assert_int_equal(gossip_counters(p->node[i].g)->dropped_sealed, 0);
    }
    stage_clear(s);
}

/* A node that kept only the old key is lost to the others once they use the new one: that the seal
 * is real. */
static void who_missed_the_new_key_is_lost(void **state)
{
    struct stage *s = *state;
    struct pool *p = grow(s, 73, old_key(), NULL);

    for (uint32_t i = 1; i < NODES; i++) {
        assert_int_equal(gossip_keyring_install(&s->ring[i], MUSTER_BYTES(key_new, 16)), MUSTER_OK);
        assert_int_equal(gossip_keyring_use(&s->ring[i], MUSTER_BYTES(key_new, 16)), MUSTER_OK);
        assert_int_equal(gossip_keyring_remove(&s->ring[i], old_key()), MUSTER_OK);
    }
    pool_run(p, 45000);
    assert_true(pool_state(p, 1, 0) != GOSSIP_ALIVE);
    assert_int_equal(pool_state(p, 1, 2), GOSSIP_ALIVE);
    stage_clear(s);
}

static void keys_want_nonces(void **state)
{
    struct stage *s = *state;
    struct gossip_config c = { .name = "self", .members_max = 4, .keyring = &s->ring[0] };
    struct muster_arena arena;
    struct gossip *g;

    gossip_config_lan(&c);
    c.advertise = (struct muster_addr){ { 10, 0, 0, 1 }, 4, 7946 };
    c.delegate[1] = 5;
    assert_int_equal(muster_arena_open(&arena, gossip_memory(&c)), MUSTER_OK);
    assert_int_equal(gossip_open(&g, &arena, &c), MUSTER_EINVAL);
    c.nonce = nonce_count;
    assert_int_equal(gossip_open(&g, &arena, &c), MUSTER_OK);
    gossip_close(g);
    muster_arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_keyed_pool_lives_like_any_other),
        cmocka_unit_test(strangers_are_not_let_in),
        cmocka_unit_test(a_key_is_changed_in_a_living_pool),
        cmocka_unit_test(who_missed_the_new_key_is_lost),
        cmocka_unit_test(keys_want_nonces),
    };

    return cmocka_run_group_tests(tests, stage_open, stage_close);
}
