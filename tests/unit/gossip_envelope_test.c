/* SPDX-License-Identifier: Apache-2.0 */
/* Labels and encryption: what real peers sealed is opened, what we seal is opened again, and what
 * is not meant for us is refused for the right reason. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gossip/codec.h"
#include "gossip/envelope.h"
#include "gossip/feed.h"
#include "gossip/packet.h"
#include "tests/unit/gossip_vector.h"
#include "tests/unit/unit.h"

#define KEY_A "0102030405060708090a0b0c0d0e0f10"
#define KEY_B "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

struct bench {
    struct gossip_keyring ring;
    struct gossip_config config;
    struct gossip_envelope envelope;
    struct gossip_lzw_decoder decoder;
    uint64_t nonces;
    uint8_t room[64 << 10];
    uint8_t buffer[64 << 10];
    uint8_t scratch[GOSSIP_PACKET_EXPANSION];
};

static int bench_open(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    return *state == NULL ? -1 : 0;
}

static int bench_close(void **state)
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

static void bytes_free(struct muster_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static void key_add(struct bench *b, const char *hex)
{
    struct muster_bytes key = vector_bytes(hex);

    assert_int_equal(gossip_keyring_install(&b->ring, key), MUSTER_OK);
    bytes_free(key);
}

/* An envelope with this key and label (NULL: without). */
static struct gossip_envelope *open_with(struct bench *b, const char *key, const char *label)
{
    gossip_keyring_close(&b->ring);
    if (key != NULL)
        key_add(b, key);
    b->config = (struct gossip_config){ .keyring = key == NULL ? NULL : &b->ring,
                                        .nonce = nonce_count,
                                        .nonce_context = &b->nonces,
                                        .label = label };
    gossip_envelope_init(&b->envelope, &b->config);
    return &b->envelope;
}

/* ---- what real peers sent */

static const char *layer_label(const json_t *vector)
{
    static char label[GOSSIP_LABEL_MAX + 1];
    const json_t *layers = json_object_get(vector, "layers");

    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        const char *aad = json_string_value(json_object_get(layer, "aad"));

        if (strcmp(vector_text(layer, "layer"), "label") == 0)
            return vector_text(layer, "label");
        if (aad != NULL && strlen(aad) > 10) { /* a reply: the label stands behind five bytes */
            size_t len = (strlen(aad) - 10) / 2;

            assert_true(muster_hex_read((uint8_t *)label, len, aad + 10));
            label[len] = '\0';
            return label;
        }
    }
    return NULL;
}

/* The type bytes of all messages inside, in order, as the file has them. */
static void check_plain(struct bench *b, const json_t *vector, struct muster_bytes plain)
{
    json_t *messages = json_object_get(vector, "messages");
    struct muster_bytes message;
    struct gossip_packet p;
    struct gossip_feed f;
    size_t n = 0;

    if (strcmp(vector_text(vector, "transport"), "tcp") == 0) {
        assert_int_equal(gossip_feed_open(&f, plain, &b->decoder, b->scratch), MUSTER_OK);
        assert_int_equal(gossip_feed_type(&f),
                         json_integer_value(json_object_get(json_array_get(messages, 0), "type")));
        return;
    }
    gossip_packet_open(&p, plain, b->scratch, &b->decoder);
    while (gossip_packet_next(&p, &message))
        assert_int_equal(message.data[0], json_integer_value(json_object_get(
                                              json_array_get(messages, n++), "type")));
    assert_int_equal(p.err, GOSSIP_PACKET_OK);
    assert_int_equal(n, json_array_size(messages));
}

/* The bytes inside the innermost layer of the envelope. */
static struct muster_bytes inner(const json_t *vector)
{
    const json_t *layers = json_object_get(vector, "layers");
    struct muster_bytes bytes = { 0 };

    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        const char *name = vector_text(layer, "layer");

        if (strcmp(name, "label") != 0 && strcmp(name, "encrypt") != 0)
            continue;
        bytes_free(bytes);
        bytes = vector_bytes(vector_text(layer, "inner"));
    }
    return bytes;
}

static int vector_open(struct bench *b, const struct gossip_envelope *e, const json_t *vector,
                       struct muster_bytes bytes, struct muster_bytes *plain)
{
    bool is_udp = strcmp(vector_text(vector, "transport"), "udp") == 0;
    bool is_reply = strstr(vector_text(vector, "name"), "response") != NULL;
    struct gossip_letter letter = { .is_sealed = false };
    int err;

    if (is_udp)
        return gossip_envelope_open_packet(e, bytes, b->room, plain);
    err = gossip_envelope_open_stream(e, bytes, !is_reply, b->room, sizeof b->room, &letter);
    *plain = letter.plain;
    return err;
}

static void check_vectors(struct bench *b, const char *file, size_t count)
{
    struct vectors v;
    json_t *vector;
    size_t i;

    vectors_open(&v, file);
    json_array_foreach(v.list, i, vector)
    {
        const char *key = json_string_value(json_object_get(vector, "key"));
        struct gossip_envelope *e =
            open_with(b, key == NULL ? NULL : KEY_A "ffffffff0f0f0f0f", NULL);
        struct muster_bytes bytes = vector_bytes(vector_text(vector, "hex")), want = inner(vector);
        struct muster_bytes plain;
        const char *label = layer_label(vector);

        e->label_len = 0;
        if (label != NULL)
            e = open_with(b, key == NULL ? NULL : KEY_A "ffffffff0f0f0f0f", label);
        if (key != NULL) { /* a key that is not the one: refused, and found once it is there */
            assert_int_equal(vector_open(b, e, vector, bytes, &plain), MUSTER_EDENIED);
            key_add(b, key);
        }
        assert_int_equal(vector_open(b, e, vector, bytes, &plain), MUSTER_OK);
        if (want.data != NULL)
            assert_true(muster_bytes_equal(plain, want));
        check_plain(b, vector, plain);
        bytes_free(bytes);
        bytes_free(want);
    }
    vectors_close(&v);
    assert_int_equal(i, count);
}

static void what_real_peers_sealed_is_opened(void **state)
{
    check_vectors(*state, "crypto.json", 12);
}

static void what_real_peers_labelled_is_opened(void **state)
{
    check_vectors(*state, "label.json", 6);
}

/* A stream of theirs in pieces asks for more until it is whole. */
static void a_sealed_stream_in_pieces_asks_for_more(void **state)
{
    struct bench *b = *state;
    struct vectors v;
    json_t *vector;
    size_t i, tried = 0;

    vectors_open(&v, "label.json");
    json_array_foreach(v.list, i, vector)
    {
        const char *name = vector_text(vector, "name");
        struct muster_bytes bytes, plain;

        if (strcmp(name, "pushpull-request-label-key") != 0 &&
            strcmp(name, "pushpull-response-label-key") != 0)
            continue;
        bytes = vector_bytes(vector_text(vector, "hex"));
        (void)open_with(b, KEY_B, "blue");
        for (size_t len = 0; len < bytes.len; len++)
            assert_int_equal(
                vector_open(b, &b->envelope, vector, MUSTER_BYTES(bytes.data, len), &plain),
                MUSTER_ESHORT);
        assert_int_equal(vector_open(b, &b->envelope, vector, bytes, &plain), MUSTER_OK);
        bytes_free(bytes);
        tried++;
    }
    vectors_close(&v);
    assert_int_equal(tried, 2);
}

/* ---- our own */

static struct muster_bytes body_put(struct bench *b, size_t len)
{
    uint8_t *body = b->buffer + GOSSIP_ENVELOPE_HEAD;

    for (size_t i = 0; i < len; i++)
        body[i] = (uint8_t)(i * 7 + len);
    return MUSTER_BYTES(body, len);
}

static bool body_is(struct muster_bytes plain, size_t len)
{
    for (size_t i = 0; i < plain.len; i++)
        if (plain.data[i] != (uint8_t)(i * 7 + len))
            return false;
    return plain.len == len;
}

static void what_we_close_we_can_open(void **state)
{
    static const char *const keys[] = { NULL, KEY_A, KEY_A "1112131415161718", KEY_B };
    static const char *const labels[] = { NULL, "a", "blue" };
    static const size_t lens[] = { 1, 15, 16, 17, 1000 };
    struct bench *b = *state;

    for (unsigned i = 0; i < 4 * 3 * 5; i++) {
        struct gossip_envelope *e = open_with(b, keys[i % 4], labels[i / 4 % 3]);
        size_t len = lens[i / 12];
        struct gossip_letter letter;
        struct muster_bytes out, plain;

        out =
            gossip_envelope_close_packet(e, b->buffer + GOSSIP_ENVELOPE_HEAD, body_put(b, len).len);
        assert_int_equal(out.len, len + gossip_envelope_cost(e));
        assert_ptr_equal(out.data + gossip_envelope_head(e), b->buffer + GOSSIP_ENVELOPE_HEAD);
        assert_int_equal(gossip_envelope_open_packet(e, out, b->room, &plain), MUSTER_OK);
        assert_true(body_is(plain, len));
        for (unsigned is_request = 0; is_request < 2; is_request++) {
            out = gossip_envelope_close_stream(e, b->buffer + GOSSIP_ENVELOPE_HEAD,
                                               body_put(b, len).len, is_request == 1);
            assert_int_equal(gossip_envelope_open_stream(e, out, is_request == 1, b->room,
                                                         sizeof b->room, &letter),
                             MUSTER_OK);
            assert_true(body_is(letter.plain, len));
            assert_true(letter.is_sealed == (keys[i % 4] != NULL));
        }
    }
}

/* The longest label and the largest body: nothing is written outside of what was promised. */
static void an_envelope_has_room_enough(void **state)
{
    struct bench *b = *state;
    char label[GOSSIP_LABEL_MAX + 1];
    struct gossip_envelope *e;
    struct muster_bytes out;

    memset(label, 'x', GOSSIP_LABEL_MAX);
    label[GOSSIP_LABEL_MAX] = '\0';
    e = open_with(b, KEY_B, label);
    assert_int_equal(gossip_envelope_cost(e), GOSSIP_ENVELOPE_COST);
    out = gossip_envelope_close_stream(e, b->buffer + GOSSIP_ENVELOPE_HEAD, 100, true);
    assert_ptr_equal(out.data, b->buffer);
    assert_int_equal(out.len, GOSSIP_ENVELOPE_HEAD + 100 + GOSSIP_ENVELOPE_TAIL);
}

/* ---- what is not for us */

static int packet_try(struct bench *b, const struct gossip_envelope *from,
                      const struct gossip_envelope *to)
{
    struct muster_bytes plain;
    struct muster_bytes out =
        gossip_envelope_close_packet(from, b->buffer + GOSSIP_ENVELOPE_HEAD, body_put(b, 40).len);

    return gossip_envelope_open_packet(to, out, b->room, &plain);
}

static int stream_try(struct bench *b, const struct gossip_envelope *from,
                      const struct gossip_envelope *to)
{
    struct gossip_letter letter;
    struct muster_bytes out = gossip_envelope_close_stream(from, b->buffer + GOSSIP_ENVELOPE_HEAD,
                                                           body_put(b, 40).len, true);

    return gossip_envelope_open_stream(to, out, true, b->room, sizeof b->room, &letter);
}

static void another_pool_is_refused_for_its_reason(void **state)
{
    struct bench *b = *state;
    struct gossip_envelope bare = *open_with(b, NULL, NULL), blue = *open_with(b, NULL, "blue"),
                           red = *open_with(b, NULL, "red"), keyed = *open_with(b, KEY_A, NULL);

    assert_int_equal(packet_try(b, &blue, &bare), MUSTER_EFOREIGN);
    assert_int_equal(packet_try(b, &bare, &blue), MUSTER_EFOREIGN);
    assert_int_equal(packet_try(b, &red, &blue), MUSTER_EFOREIGN);
    assert_int_equal(stream_try(b, &red, &blue), MUSTER_EFOREIGN);
    assert_int_equal(packet_try(b, &bare, &keyed), MUSTER_EDENIED);
    assert_int_equal(stream_try(b, &bare, &keyed), MUSTER_EREFUSED);
    assert_int_equal(stream_try(b, &keyed, &bare), MUSTER_EUNSUPPORTED);
    blue.accept_unlabelled = true;
    assert_int_equal(packet_try(b, &bare, &blue), MUSTER_OK);
    assert_int_equal(packet_try(b, &red, &blue), MUSTER_EFOREIGN);
    assert_int_equal(packet_try(b, &blue, &blue), MUSTER_OK);
}

/* The label is under the seal: whoever puts another in front of our bytes is found out. */
static void a_label_cannot_be_exchanged(void **state)
{
    struct bench *b = *state;
    struct gossip_envelope blue = *open_with(b, KEY_A, "blue");
    struct gossip_envelope pink = blue;
    struct muster_bytes plain, out;

    memcpy(pink.label, "pink", 4);
    out = gossip_envelope_close_packet(&blue, b->buffer + GOSSIP_ENVELOPE_HEAD, body_put(b, 9).len);
    memcpy(b->buffer + (out.data - b->buffer) + GOSSIP_LABEL_HEAD, "pink", 4);
    assert_int_equal(gossip_envelope_open_packet(&pink, out, b->room, &plain), MUSTER_EDENIED);
}

/* Keys everywhere with both switches, then sending on, then receiving off: at each of the three
 * steps each two neighbours understand each other. */
static void a_living_pool_gets_its_key_in_three_steps(void **state)
{
    struct bench *b = *state;
    struct gossip_envelope step[4] = { *open_with(b, NULL, NULL) };

    (void)open_with(b, KEY_A, NULL);
    for (unsigned i = 1; i < 4; i++) {
        step[i] = b->envelope;
        step[i].send_plain = i == 1;
        step[i].accept_plain = i <= 2;
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(packet_try(b, &step[i], &step[i + 1]), MUSTER_OK);
        assert_int_equal(packet_try(b, &step[i + 1], &step[i]), MUSTER_OK);
        assert_int_equal(stream_try(b, &step[i], &step[i + 1]), MUSTER_OK);
        assert_int_equal(stream_try(b, &step[i + 1], &step[i]), MUSTER_OK);
    }
    assert_int_equal(packet_try(b, &step[1], &step[3]), MUSTER_EDENIED);
    assert_int_equal(packet_try(b, &step[0], &step[3]), MUSTER_EDENIED);
}

/* A length that lies, the older version with bad padding, versions there are not. */
static void broken_envelopes_are_refused(void **state)
{
    struct bench *b = *state;
    struct gossip_envelope *e = open_with(b, KEY_A, NULL);
    struct muster_aead_frame frame = { .nonce = { 9 } };
    uint8_t packet[1 + MUSTER_AEAD_NONCE + 32 + MUSTER_AEAD_TAG] = { 0, 9 };
    uint8_t *body = packet + 1 + MUSTER_AEAD_NONCE;
    struct muster_bytes plain;
    struct gossip_letter letter;
    static const struct {
        uint8_t last[3];
        int err;
    } pads[] = { { { 2, 2, 2 }, MUSTER_OK },
                 { { 0, 0, 0 }, MUSTER_ECORRUPT },
                 { { 1, 17, 17 }, MUSTER_ECORRUPT },
                 { { 3, 2, 3 }, MUSTER_ECORRUPT },
                 { { 9, 9, 1 }, MUSTER_OK } };

    for (size_t i = 0; i < UNIT_COUNT(pads); i++) {
        memset(body, 5, 32);
        memcpy(body + 29, pads[i].last, 3);
        muster_aead_seal(&b->ring.key[0].cipher, &frame, body, 32, body + 32);
        assert_int_equal(
            gossip_envelope_open_packet(e, MUSTER_BYTES(packet, sizeof packet), b->room, &plain),
            pads[i].err);
        if (pads[i].err == MUSTER_OK)
            assert_int_equal(plain.len, 32u - pads[i].last[2]);
    }
    packet[0] = 2;
    assert_int_equal(
        gossip_envelope_open_packet(e, MUSTER_BYTES(packet, sizeof packet), b->room, &plain),
        MUSTER_EDENIED);
    assert_int_equal(gossip_envelope_open_stream(e, MUSTER_BYTES("\x0a\xff\xff\xff\xff", 5), true,
                                                 b->room, sizeof b->room, &letter),
                     MUSTER_ELIMIT);
}

/* ---- the ring */

static void a_ring_installs_uses_and_removes(void **state)
{
    struct bench *b = *state;
    uint8_t key[GOSSIP_KEYS_MAX + 1][16] = { { 0 } };
    struct gossip_keyring *r = &b->ring;

    gossip_keyring_close(r);
    for (uint8_t i = 0; i <= GOSSIP_KEYS_MAX; i++)
        key[i][3] = i;
    for (uint8_t i = 0; i < GOSSIP_KEYS_MAX; i++)
        assert_int_equal(gossip_keyring_install(r, MUSTER_BYTES(key[i], 16)), MUSTER_OK);
    assert_int_equal(gossip_keyring_install(r, MUSTER_BYTES(key[GOSSIP_KEYS_MAX], 16)),
                     MUSTER_EFULL);
    assert_int_equal(gossip_keyring_install(r, MUSTER_BYTES(key[4], 16)), MUSTER_OK); /* is there */
    assert_int_equal(gossip_keyring_install(r, MUSTER_BYTES(key[4], 15)), MUSTER_EFULL);
    assert_int_equal(gossip_keyring_remove(r, MUSTER_BYTES(key[0], 16)), MUSTER_EREFUSED);
    assert_int_equal(gossip_keyring_use(r, MUSTER_BYTES(key[GOSSIP_KEYS_MAX], 16)),
                     MUSTER_ENOTFOUND);
    assert_int_equal(gossip_keyring_use(r, MUSTER_BYTES(key[7], 16)), MUSTER_OK);
    assert_memory_equal(gossip_keyring_at(r, 0).data, key[7], 16);
    assert_memory_equal(gossip_keyring_at(r, 1).data, key[0], 16);
    assert_memory_equal(gossip_keyring_at(r, 8).data, key[8], 16);
    assert_int_equal(gossip_keyring_remove(r, MUSTER_BYTES(key[0], 16)), MUSTER_OK);
    assert_int_equal(gossip_keyring_remove(r, MUSTER_BYTES(key[0], 16)), MUSTER_OK);
    assert_int_equal(r->count, GOSSIP_KEYS_MAX - 1);
    assert_int_equal(gossip_keyring_install(r, MUSTER_BYTES(key[4], 15)), MUSTER_EINVAL);
    gossip_keyring_close(r);
}

/* The rotation as two sides live through it, each step at one before the other. */
static void a_rotation_never_loses_a_packet(void **state)
{
    struct bench *b = *state;
    struct gossip_keyring ring[2] = { { .count = 0 } };
    struct gossip_envelope side[2];
    uint8_t key[2][32] = { { 1 }, { 2 } };

    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(gossip_keyring_install(&ring[i], MUSTER_BYTES(key[0], 32)), MUSTER_OK);
        side[i] = *open_with(b, KEY_A, NULL);
        side[i].keyring = &ring[i];
    }
    for (unsigned step = 0; step < 3; step++) {
        for (unsigned i = 0; i < 2; i++) {
            struct muster_bytes old = MUSTER_BYTES(key[0], 32), new = MUSTER_BYTES(key[1], 32);

            assert_int_equal(step == 0   ? gossip_keyring_install(&ring[i], new)
                             : step == 1 ? gossip_keyring_use(&ring[i], new)
                                         : gossip_keyring_remove(&ring[i], old),
                             MUSTER_OK);
            assert_int_equal(packet_try(b, &side[0], &side[1]), MUSTER_OK);
            assert_int_equal(packet_try(b, &side[1], &side[0]), MUSTER_OK);
        }
    }
    gossip_keyring_close(&ring[0]);
    gossip_keyring_close(&ring[1]);
    gossip_keyring_close(&b->ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_real_peers_sealed_is_opened),
        cmocka_unit_test(what_real_peers_labelled_is_opened),
        cmocka_unit_test(a_sealed_stream_in_pieces_asks_for_more),
        cmocka_unit_test(what_we_close_we_can_open),
        cmocka_unit_test(an_envelope_has_room_enough),
        cmocka_unit_test(another_pool_is_refused_for_its_reason),
        cmocka_unit_test(a_label_cannot_be_exchanged),
        cmocka_unit_test(a_living_pool_gets_its_key_in_three_steps),
        cmocka_unit_test(broken_envelopes_are_refused),
        cmocka_unit_test(a_ring_installs_uses_and_removes),
        cmocka_unit_test(a_rotation_never_loses_a_packet),
    };

    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
