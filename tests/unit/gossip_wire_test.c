/* SPDX-License-Identifier: Apache-2.0 */
/* The wire as real peers speak it: every captured packet and stream decodes to what is written of
 * it, and what we write is what they would have written. */
#include <stdlib.h>
#include <string.h>

#include "gossip/codec.h"
#include "gossip/feed.h"
#include "gossip/lzw.h"
#include "gossip/packet.h"
#include "tests/unit/gossip_vector.h"
#include "tests/unit/unit.h"

struct bench {
    struct gossip_lzw_decoder decoder;
    struct gossip_lzw_encoder encoder;
    uint8_t scratch[GOSSIP_PACKET_EXPANSION];
    uint8_t out[VECTOR_BYTES_MAX];
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

static void bytes_free(struct muster_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* One message against the file, and written again against the bytes it came from. */
static void check_message(struct bench *b, struct muster_bytes bytes, const json_t *message)
{
    struct muster_reader in = muster_reader_over(bytes);
    struct muster_writer out = muster_writer_over(b->out, sizeof b->out);
    struct gossip_message m;

    assert_int_equal(bytes.data[0], json_integer_value(json_object_get(message, "type")));
    if (bytes.data[0] == GOSSIP_TYPE_USER) {
        struct muster_bytes want =
            vector_bytes(vector_text(json_object_get(message, "user"), "hex"));

        assert_true(muster_bytes_equal(want, MUSTER_BYTES(bytes.data + 1, bytes.len - 1)));
        bytes_free(want);
        return;
    }
    assert_int_equal(gossip_message_decode(&m, &in), MUSTER_OK);
    assert_int_equal(muster_reader_end(&in), MUSTER_OK);
    vector_check_message(&m, json_object_get(message, "fields"));
    gossip_message_encode(&m, &out);
    assert_true(muster_bytes_equal(muster_writer_bytes(&out), bytes));
}

static void packets_decode_and_encode_to_the_same_bytes(void **state)
{
    struct bench *b = *state;
    struct vectors v;
    json_t *vector;
    size_t i;
    unsigned checked = 0;

    vectors_open(&v, "packets.json");
    json_array_foreach(v.list, i, vector)
    {
        json_t *messages = json_object_get(vector, "messages");
        struct muster_bytes bytes = vector_bytes(vector_text(vector, "hex"));
        struct muster_bytes message;
        struct gossip_packet p;
        size_t n = 0;

        assert_false(vector_is_sealed(vector));
        gossip_packet_open(&p, bytes, b->scratch, &b->decoder);
        while (gossip_packet_next(&p, &message))
            check_message(b, message, json_array_get(messages, n++));
        assert_int_equal(p.err, GOSSIP_PACKET_OK);
        assert_int_equal(n, json_array_size(messages));
        bytes_free(bytes);
        checked++;
    }
    vectors_close(&v);
    assert_int_equal(checked, 18);
}

/* Entries are compared in the file's order. Newer peers write the header's numbers signed, so only
 * the entries of theirs come out as the same bytes. */
static void check_push_pull(struct gossip_feed *f, const json_t *message)
{
    json_t *nodes = json_object_get(message, "nodes");
    struct gossip_message m;
    struct gossip_entry e;
    uint8_t written[GOSSIP_MESSAGE_MAX];
    json_t *node;
    size_t i;

    assert_int_equal(gossip_feed_message(f, &m), MUSTER_OK);
    vector_check_message(&m, json_object_get(message, "header"));
    json_array_foreach(nodes, i, node)
    {
        struct muster_writer out = muster_writer_over(written, sizeof written);
        struct muster_bytes bytes;

        assert_int_equal(gossip_feed_entry(f, &e), MUSTER_OK);
        vector_check_entry(&e, node);
        gossip_entry_encode(&e, &out);
        bytes = muster_writer_bytes(&out);
        assert_memory_equal(f->plain.data + f->offset - bytes.len, bytes.data, bytes.len);
    }
    assert_int_equal(i, m.push_pull.nodes);
    assert_int_equal(gossip_feed_skip(f, (size_t)m.push_pull.user_state_len), MUSTER_OK);
}

static void check_stream(struct bench *b, struct muster_bytes bytes, const json_t *vector)
{
    const json_t *message = json_array_get(json_object_get(vector, "messages"), 0);
    struct gossip_feed f;
    struct gossip_message m;

    assert_int_equal(gossip_feed_open(&f, bytes, &b->decoder, b->scratch), MUSTER_OK);
    assert_int_equal(gossip_feed_type(&f), json_integer_value(json_object_get(message, "type")));
    if (gossip_feed_type(&f) == GOSSIP_TYPE_PUSH_PULL) {
        check_push_pull(&f, message);
    } else {
        assert_int_equal(gossip_feed_message(&f, &m), MUSTER_OK);
        vector_check_message(&m, json_object_get(message, "fields"));
    }
    assert_int_equal(gossip_feed_end(&f), MUSTER_OK);
    assert_int_equal(gossip_feed_type(&f), -1); /* and not a byte more */
}

static void streams_decode(void **state)
{
    struct bench *b = *state;
    struct vectors v;
    json_t *vector;
    size_t i;

    vectors_open(&v, "streams.json");
    json_array_foreach(v.list, i, vector)
    {
        struct muster_bytes bytes = vector_bytes(vector_text(vector, "hex"));

        assert_false(vector_is_sealed(vector));
        check_stream(b, bytes, vector);
        bytes_free(bytes);
    }
    vectors_close(&v);
    assert_int_equal(i, 8);
}

/* A plain message may arrive in any pieces: until it is whole the feed asks for more. */
static void a_plain_stream_in_pieces_asks_for_more(void **state)
{
    struct bench *b = *state;
    struct vectors v;
    json_t *vector;
    size_t i;

    vectors_open(&v, "streams.json");
    json_array_foreach(v.list, i, vector)
    {
        struct muster_bytes whole = vector_bytes(vector_text(vector, "hex"));
        const json_t *message = json_array_get(json_object_get(vector, "messages"), 0);

        for (size_t len = 1; len < whole.len; len++) {
            struct gossip_feed f;
            struct gossip_message m;
            struct gossip_entry e;
            int err = gossip_feed_open(&f, MUSTER_BYTES(whole.data, len), &b->decoder, b->scratch);

            if (err == MUSTER_OK)
                err = gossip_feed_message(&f, &m);
            for (size_t n = json_array_size(json_object_get(message, "nodes"));
                 err == MUSTER_OK && n > 0; n--)
                err = gossip_feed_entry(&f, &e);
            if (err == MUSTER_OK)
                err = gossip_feed_skip(&f, (size_t)m.push_pull.user_state_len);
            assert_int_equal(err, MUSTER_ESHORT);
        }
        bytes_free(whole);
    }
    vectors_close(&v);
}

static void lzw_vectors_pack_and_unpack(void **state)
{
    struct bench *b = *state;
    struct vectors v;
    json_t *vector;
    size_t i, len;

    vectors_open(&v, "lzw.json");
    json_array_foreach(v.list, i, vector)
    {
        struct muster_bytes plain = vector_bytes(vector_text(vector, "plain"));
        struct muster_bytes packed = vector_bytes(vector_text(vector, "compressed"));

        assert_int_equal(gossip_lzw_expand(&b->decoder, packed, b->out, sizeof b->out, &len),
                         MUSTER_OK);
        assert_true(muster_bytes_equal(plain, MUSTER_BYTES(b->out, len)));
        assert_int_equal(gossip_lzw_compress(&b->encoder, plain, b->out, sizeof b->out, &len),
                         MUSTER_OK);
        assert_true(muster_bytes_equal(packed, MUSTER_BYTES(b->out, len)));
        bytes_free(plain);
        bytes_free(packed);
    }
    vectors_close(&v);
    assert_int_equal(i, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_decode_and_encode_to_the_same_bytes),
        cmocka_unit_test(streams_decode),
        cmocka_unit_test(a_plain_stream_in_pieces_asks_for_more),
        cmocka_unit_test(lzw_vectors_pack_and_unpack),
    };

    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
