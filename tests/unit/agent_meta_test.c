/* SPDX-License-Identifier: Apache-2.0 */
/* A node's words in gossip come back as they went out, fit their limit, and survive strangers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/meta.h"
#include "base/rng.h"

static struct agent_meta sample(void)
{
    struct agent_meta m = { .boot = 7, .slots = 10, .weight = 12, .peer_port = 7947 };
    memset(m.id.octet, 0xab, sizeof m.id.octet);
    memset(m.cluster.octet, 0xcd, sizeof m.cluster.octet);
    m.draining = true;
    m.cpus = 64;
    m.mem_mib = 262144;
    (void)snprintf(m.arch, sizeof m.arch, "x86_64");
    (void)snprintf(m.version, sizeof m.version, "0.1.0");
    (void)snprintf(m.tags, sizeof m.tags, "gpu=2,rack=a");
    return m;
}

static void comes_back(void **state)
{
    (void)state;
    struct agent_meta m = sample(), back;
    uint8_t wire[AGENT_META_MAX];
    size_t len = 0;
    long left = 0;
    assert_int_equal(agent_meta_encode(&m, wire, sizeof wire, &len, &left), MUSTER_OK);
    assert_int_equal(left, AGENT_META_MAX - (long)len);
    assert_int_equal(agent_meta_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_OK);
    assert_true(muster_id_equal(m.id, back.id));
    assert_true(muster_id_equal(m.cluster, back.cluster));
    assert_int_equal(back.boot, 7);
    assert_int_equal(back.slots, 10);
    assert_int_equal(back.weight, 12);
    assert_int_equal(back.peer_port, 7947);
    assert_true(back.draining);
    assert_int_equal(back.cpus, 64);
    assert_int_equal(back.mem_mib, 262144);
    assert_string_equal(back.arch, "x86_64");
    assert_string_equal(back.version, "0.1.0");
    assert_string_equal(back.tags, "gpu=2,rack=a");
    assert_false(back.held);
    assert_false(back.restarts);
    m.restarts = true;
    assert_int_equal(agent_meta_encode(&m, wire, sizeof wire, &len, &left), MUSTER_OK);
    assert_int_equal(agent_meta_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_OK);
    assert_true(back.restarts && back.draining);
    m.restarts = false;
    m.leaves = true;
    assert_int_equal(agent_meta_encode(&m, wire, sizeof wire, &len, &left), MUSTER_OK);
    assert_int_equal(agent_meta_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_OK);
    assert_true(back.leaves && back.draining && !back.restarts);
    m.draining = m.leaves = false;
    m.held = true;
    assert_int_equal(agent_meta_encode(&m, wire, sizeof wire, &len, &left), MUSTER_OK);
    assert_int_equal(agent_meta_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_OK);
    assert_true(back.held && !back.draining && !back.restarts);
}

static void too_long_says_how_much(void **state)
{
    (void)state;
    struct agent_meta m = sample();
    uint8_t wire[AGENT_META_MAX];
    size_t len = 0;
    long left = 0;
    memset(m.tags, 'x', sizeof m.tags - 1);
    m.tags[1] = '=';
    assert_int_equal(agent_meta_encode(&m, wire, sizeof wire, &len, &left), MUSTER_ELIMIT);
    assert_true(left < 0);
}

static void strangers_are_no_nodes(void **state)
{
    (void)state;
    struct agent_meta m;
    const uint8_t serf[] = { 0xff, 0x81, 0xa4, 'r', 'o', 'l', 'e', 0xa3, 'w', 'e', 'b' };
    const uint8_t cut[] = { 0xff, 0x82, 0xa4, 'r', 'o' };
    const uint8_t bad_id[] = { 0xff, 0x81, 0xa2, '~', 'i', 0xa2, 'z', 'z' };
    assert_int_equal(agent_meta_decode(&m, MUSTER_BYTES("web", 3)), MUSTER_ENOTFOUND);
    assert_int_equal(agent_meta_decode(&m, MUSTER_BYTES(NULL, 0)), MUSTER_ENOTFOUND);
    assert_int_equal(agent_meta_decode(&m, MUSTER_BYTES(serf, sizeof serf)), MUSTER_ENOTFOUND);
    assert_int_equal(agent_meta_decode(&m, MUSTER_BYTES(cut, sizeof cut)), MUSTER_ECORRUPT);
    assert_int_equal(agent_meta_decode(&m, MUSTER_BYTES(bad_id, sizeof bad_id)), MUSTER_ECORRUPT);
    struct muster_rng rng;
    muster_rng_seed(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        uint8_t wire[AGENT_META_MAX];
        size_t len = (size_t)muster_rng_between(&rng, 1, 120);
        for (size_t k = 0; k < len; k++)
            wire[k] = (uint8_t)muster_rng_next(&rng);
        wire[0] = 0xff;
        wire[1] = (uint8_t)(0x80 | muster_rng_below(&rng, 8));
        assert_int_not_equal(agent_meta_decode(&m, MUSTER_BYTES(wire, len)), MUSTER_OK);
    }
}

static void names_are_made_unique(void **state)
{
    (void)state;
    struct muster_id id = { { 0x1f, 0x3a, 0x9c, 0x2e } };
    char name[64], plain[64];
    agent_meta_gossip_name(name, sizeof name, "alpha", id);
    assert_string_equal(name, "alpha.1f3a9c2e");
    agent_meta_plain_name(plain, sizeof plain, name, id);
    assert_string_equal(plain, "alpha");
    agent_meta_plain_name(plain, sizeof plain, "serf-node", id);
    assert_string_equal(plain, "serf-node");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(too_long_says_how_much),
        cmocka_unit_test(strangers_are_no_nodes),
        cmocka_unit_test(names_are_made_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
