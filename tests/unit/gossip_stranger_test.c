/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers may send: inputs to be dropped, captured packets broken at random, and plain
 * noise. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gossip/keyring.h"
#include "tests/unit/gossip_solo.h"
#include "tests/unit/gossip_vector.h"
#include "tests/unit/unit.h"

#define CORPUS_MAX 64

static uint64_t dropped(const struct solo *s)
{
    const struct gossip_counters *c = gossip_counters(s->g);

    return c->dropped_malformed + c->dropped_crc + c->dropped_type + c->dropped_sealed +
           c->dropped_foreign;
}

static void nonce_zero(void *context, uint8_t *out)
{
    (void)context; /* nothing is sent */
    memset(out, 0, MUSTER_AEAD_NONCE);
}

/* The ring of a vector that needs one. */
static void key_give(struct solo *s, struct gossip_keyring *ring, const json_t *vector)
{
    const char *hex = json_string_value(json_object_get(vector, "key"));
    struct muster_bytes key;

    if (hex == NULL)
        return;
    key = vector_bytes(hex);
    assert_int_equal(gossip_keyring_install(ring, key), MUSTER_OK);
    free((void *)(uintptr_t)key.data);
    s->config.keyring = ring;
    s->config.nonce = nonce_zero;
}

/* Each was sent to real peers; two of them they take, to their harm. */
static void every_negative_vector_is_dropped(void **state)
{
    struct solo *s = *state;
    struct vectors v;
    json_t *vector;
    struct gossip_keyring ring = { .count = 0 };
    size_t i;

    vectors_open(&v, "negative.json");
    json_array_foreach(v.list, i, vector)
    {
        struct muster_bytes bytes;

        bytes = vector_bytes(vector_text(vector, "hex"));
        assert_string_equal(vector_text(vector, "transport"), "udp");
        solo_config(s);
        key_give(s, &ring, vector);
        solo_open(s);
        solo_hear_bytes(s, 9, bytes);
        if (gossip_member_count(s->g) != 1 || dropped(s) != 1 || s->sent_count != 0)
            fail_msg("%s: not dropped", vector_text(vector, "name"));
        solo_close(s);
        gossip_keyring_close(&ring);
        free((void *)(uintptr_t)bytes.data);
    }
    vectors_close(&v);
    assert_int_equal(i, 18);
}

static unsigned corpus_open(struct muster_bytes *corpus, const char *file)
{
    struct vectors v;
    json_t *vector;
    size_t i;

    vectors_open(&v, file);
    json_array_foreach(v.list, i, vector)
    {
        assert_true(i < CORPUS_MAX);
        corpus[i] = vector_bytes(vector_text(vector, "hex"));
    }
    vectors_close(&v);
    return (unsigned)i;
}

static void corpus_close(struct muster_bytes *corpus, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free((void *)(uintptr_t)corpus[i].data);
}

/* A copy with a few bytes changed, cut or repeated, in exactly as much memory. */
static struct muster_bytes broken_copy(struct muster_rng *rng, struct muster_bytes bytes)
{
    size_t len = (size_t)muster_rng_between(rng, 1, bytes.len);
    uint8_t *copy = malloc(len);

    assert_non_null(copy);
    memcpy(copy, bytes.data, len);
    for (uint64_t n = muster_rng_below(rng, 5); n > 0; n--)
        copy[muster_rng_below(rng, len)] = (uint8_t)muster_rng_next(rng);
    if (muster_rng_chance(rng, 1, 4)) {
        size_t from = (size_t)muster_rng_below(rng, len), to = (size_t)muster_rng_below(rng, len);
        size_t some = len - (from > to ? from : to);

        memmove(copy + to, copy + from, some);
    }
    return MUSTER_BYTES(copy, len);
}

static void broken_packets_leave_the_core_sane(void **state)
{
    struct solo *s = *state;
    struct muster_bytes corpus[CORPUS_MAX];
    unsigned count = corpus_open(corpus, "packets.json");
    struct muster_rng rng;

    muster_rng_seed(&rng, 21);
    solo_config(s);
    memcpy(s->config.delegate, (const uint8_t[]){ 2, 5, 5 }, 3);
    s->config.members_max = 8; /* soon full */
    solo_open(s);
    for (unsigned round = 0; round < 20000; round++) {
        struct muster_bytes bytes = broken_copy(&rng, corpus[muster_rng_below(&rng, count)]);

        s->now_ms += muster_rng_below(&rng, 20);
        solo_hear_bytes(s, (unsigned)muster_rng_between(&rng, 2, 200), bytes);
        solo_clear(s);
        free((void *)(uintptr_t)bytes.data);
    }
    assert_true(dropped(s) > 1000);
    solo_close(s);
    corpus_close(corpus, count);
}

static void broken_streams_leave_the_core_sane(void **state)
{
    struct solo *s = *state;
    struct muster_bytes corpus[CORPUS_MAX];
    unsigned count = corpus_open(corpus, "streams.json");
    struct muster_rng rng;

    muster_rng_seed(&rng, 22);
    solo_config(s);
    memcpy(s->config.delegate, (const uint8_t[]){ 2, 5, 5 }, 3);
    solo_open(s);
    for (uint32_t round = 0; round < 4000; round++) {
        struct muster_bytes bytes = broken_copy(&rng, corpus[muster_rng_below(&rng, count)]);
        struct gossip_event join = { .kind = GOSSIP_EVENT_JOIN, .from = solo_addr(250) };
        struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA,
                                      .bytes = bytes,
                                      .stream = round,
                                      .inbound = muster_rng_chance(&rng, 1, 2),
                                      .ended = true };

        solo_clear(s);
        if (!event.inbound) {
            solo_step(s, &join);
            event.stream = solo_effect(s, GOSSIP_EFFECT_STREAM_OPEN, 0)->stream;
            solo_clear(s);
        }
        s->now_ms += muster_rng_below(&rng, 20);
        solo_step(s, &event);
        assert_true(s->effects > 0); /* answered, closed or reported: never left hanging */
        free((void *)(uintptr_t)bytes.data);
    }
    solo_close(s);
    corpus_close(corpus, count);
}

/* Pings, 255 in each of four compounds in a compound. Returns the length. */
static size_t flood(uint8_t *packet)
{
    static const char ping[] = "\x00\x81\245SeqNo\x07";
    const size_t inner = 2 + 255 * (2 + sizeof ping - 1);
    uint8_t *at = packet;

    *at++ = GOSSIP_TYPE_COMPOUND;
    *at++ = 4;
    for (unsigned i = 0; i < 4; i++) {
        *at++ = (uint8_t)(inner >> 8);
        *at++ = (uint8_t)inner;
    }
    for (unsigned i = 0; i < 4; i++) {
        *at++ = GOSSIP_TYPE_COMPOUND;
        *at++ = 255;
        for (unsigned n = 0; n < 255; n++) {
            *at++ = 0;
            *at++ = sizeof ping - 1;
        }
        for (unsigned n = 0; n < 255; n++) {
            memcpy(at, ping, sizeof ping - 1);
            at += sizeof ping - 1;
        }
    }
    return (size_t)(at - packet);
}

/* A thousand pings in one packet: answered as far as there is room, the rest shed and counted. */
static void a_flood_is_shed_and_counted(void **state)
{
    struct solo *s = *state;
    uint8_t packet[16 << 10];
    size_t len = flood(packet);

    solo_config(s);
    solo_open(s);
    solo_hear_bytes(s, 9, MUSTER_BYTES(packet, len));
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ACK), 256);
    assert_int_equal(gossip_counters(s->g)->dropped_full, 4 * 255 - 256);
    solo_clear(s);
    solo_hear_bytes(s, 9, MUSTER_BYTES(packet, len)); /* the next step has its room again */
    assert_int_equal(solo_count(s, GOSSIP_TYPE_ACK), 256);
    solo_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_negative_vector_is_dropped),
        cmocka_unit_test(broken_packets_leave_the_core_sane),
        cmocka_unit_test(broken_streams_leave_the_core_sane),
        cmocka_unit_test(a_flood_is_shed_and_counted),
    };

    return cmocka_run_group_tests(tests, solo_new, solo_free);
}
