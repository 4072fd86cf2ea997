/* SPDX-License-Identifier: Apache-2.0 */
/* Captured packets of real peers as JSON, and messages compared with what is written of them. */
#include "tests/unit/gossip_vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define VECTOR_FOLDER "tests/vectors/memberlist/"

void vectors_open(struct vectors *v, const char *file)
{
    char path[256];
    json_error_t error;

    (void)snprintf(path, sizeof path, "%s%s", VECTOR_FOLDER, file);
    v->root = json_load_file(path, 0, &error);
    if (v->root == NULL)
        fail_msg("%s: %s", path, error.text);
    v->list = json_object_get(v->root, "vectors");
    assert_true(json_array_size(v->list) > 0);
}

void vectors_close(struct vectors *v)
{
    json_decref(v->root);
}

const char *vector_text(const json_t *vector, const char *key)
{
    const char *text = json_string_value(json_object_get(vector, key));

    assert_non_null(text);
    return text;
}

bool vector_is_sealed(const json_t *vector)
{
    return json_is_string(json_object_get(vector, "key")) ||
           strncmp(vector_text(vector, "hex"), "f4", 2) == 0;
}

struct muster_bytes vector_bytes(const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = malloc(len > 0 ? len : 1);

    assert_non_null(bytes);
    assert_true(muster_hex_read(bytes, len, hex));
    return MUSTER_BYTES(bytes, len);
}

static void check_text(struct muster_bytes have, const json_t *fields, const char *key)
{
    const json_t *want = json_object_get(fields, key);

    if (want == NULL) { /* left out: empty */
        assert_int_equal(have.len, 0);
        return;
    }
    assert_int_equal(have.len, json_string_length(want));
    assert_memory_equal(have.data, json_string_value(want), have.len);
}

/* null, absent, or {"hex": ...}; nil and an empty value are told apart. */
static void check_bytes(struct muster_bytes have, const json_t *fields, const char *key)
{
    const json_t *want = json_object_get(fields, key);
    struct muster_bytes bytes;

    if (want == NULL || json_is_null(want)) {
        assert_null(have.data);
        return;
    }
    bytes = vector_bytes(vector_text(want, "hex"));
    assert_true(muster_bytes_equal(have, bytes));
    free((void *)(uintptr_t)bytes.data);
}

static void check_number(int64_t have, const json_t *fields, const char *key)
{
    const json_t *want = json_object_get(fields, key);

    assert_true(want == NULL ? have == 0 : have == json_integer_value(want));
}

static void check_bool(bool have, const json_t *fields, const char *key)
{
    assert_true(have == json_is_true(json_object_get(fields, key)));
}

static void check_source(const struct gossip_source *source, const json_t *fields)
{
    check_bytes(source->addr, fields, "SourceAddr");
    check_number(source->port, fields, "SourcePort");
    check_text(source->node, fields, "SourceNode");
}

static void check_alive(const struct gossip_alive *a, const json_t *fields)
{
    check_number(a->incarnation, fields, "Incarnation");
    check_text(a->node, fields, "Node");
    check_bytes(a->addr, fields, "Addr");
    check_number(a->port, fields, "Port");
    check_bytes(a->meta, fields, "Meta");
    check_bytes(a->vsn, fields, "Vsn");
}

static void check_indirect(const struct gossip_indirect *i, const json_t *fields)
{
    check_number(i->seq, fields, "SeqNo");
    check_bytes(i->target, fields, "Target");
    check_text(i->node, fields, "Node");
    check_number(i->port, fields, "Port");
    check_bool(i->nack, fields, "Nack");
    check_source(&i->source, fields);
}

void vector_check_message(const struct gossip_message *m, const json_t *fields)
{
    switch (m->type) {
    case GOSSIP_TYPE_PING:
        check_number(m->ping.seq, fields, "SeqNo");
        check_text(m->ping.node, fields, "Node");
        check_source(&m->ping.source, fields);
        break;
    case GOSSIP_TYPE_INDIRECT:
        check_indirect(&m->indirect, fields);
        break;
    case GOSSIP_TYPE_ACK:
        check_number(m->ack.seq, fields, "SeqNo");
        check_bytes(m->ack.payload, fields, "Payload");
        break;
    case GOSSIP_TYPE_NACK:
        check_number(m->nack.seq, fields, "SeqNo");
        break;
    case GOSSIP_TYPE_SUSPECT:
    case GOSSIP_TYPE_DEAD:
        check_number(m->accusation.incarnation, fields, "Incarnation");
        check_text(m->accusation.node, fields, "Node");
        check_text(m->accusation.from, fields, "From");
        break;
    case GOSSIP_TYPE_ALIVE:
        check_alive(&m->alive, fields);
        break;
    case GOSSIP_TYPE_PUSH_PULL:
        check_number(m->push_pull.nodes, fields, "Nodes");
        check_number(m->push_pull.user_state_len, fields, "UserStateLen");
        check_bool(m->push_pull.join, fields, "Join");
        break;
    case GOSSIP_TYPE_ERROR:
        check_text(m->error.text, fields, "Error");
        break;
    default:
        fail_msg("no comparison for type %d", m->type);
    }
}

void vector_check_entry(const struct gossip_entry *e, const json_t *fields)
{
    check_text(e->name, fields, "Name");
    check_bytes(e->addr, fields, "Addr");
    check_number(e->port, fields, "Port");
    check_bytes(e->meta, fields, "Meta");
    check_number(e->incarnation, fields, "Incarnation");
    check_number(e->state, fields, "State");
    check_bytes(e->vsn, fields, "Vsn");
}
