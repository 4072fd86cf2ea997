/* SPDX-License-Identifier: Apache-2.0 */
/* Names of payloads, read and written. */
#include "agent/payload_id.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/wire.h"

#define NAMED "\"payload\":\"" AGENT_PAYLOAD_PREFIX

bool agent_payload_id_equal(struct agent_payload_id a, struct agent_payload_id b)
{
    return memcmp(a.octet, b.octet, sizeof a.octet) == 0;
}

uint64_t agent_payload_id_hash(struct agent_payload_id id)
{
    return muster_hash64(MUSTER_BYTES(id.octet, sizeof id.octet), 0);
}

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(struct agent_payload_id *id, struct muster_bytes hex)
{
    if (hex.len != AGENT_PAYLOAD_HEX - 1)
        return false;
    for (size_t i = 0; i < sizeof id->octet; i++) {
        int high = digit(hex.data[2 * i]), low = digit(hex.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        id->octet[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool agent_payload_id_parse(struct agent_payload_id *id, struct muster_bytes text)
{
    struct muster_bytes prefix = muster_bytes_text(AGENT_PAYLOAD_PREFIX);
    if (muster_bytes_starts_with(text, prefix))
        text = MUSTER_BYTES(text.data + prefix.len, text.len - prefix.len);
    return hex_read(id, text);
}

const char *agent_payload_id_hex(struct agent_payload_id id, char out[AGENT_PAYLOAD_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id.octet; i++) {
        out[2 * i] = digits[id.octet[i] >> 4];
        out[2 * i + 1] = digits[id.octet[i] & 15];
    }
    out[AGENT_PAYLOAD_HEX - 1] = '\0';
    return out;
}

const char *agent_payload_id_text(struct agent_payload_id id, char out[AGENT_PAYLOAD_TEXT])
{
    char hex[AGENT_PAYLOAD_HEX];
    (void)snprintf(out, AGENT_PAYLOAD_TEXT, AGENT_PAYLOAD_PREFIX "%s",
                   agent_payload_id_hex(id, hex));
    return out;
}

/* ---- rows */

bool agent_payload_is_row(struct muster_bytes key)
{
    return key.len > 0 && key.data[0] == '$';
}

const char *agent_payload_key(struct agent_payload_id id, char out[AGENT_PAYLOAD_KEY])
{
    out[0] = '$';
    (void)agent_payload_id_hex(id, out + 1);
    return out;
}

bool agent_payload_of_key(struct agent_payload_id *id, struct muster_bytes key)
{
    return agent_payload_is_row(key) && hex_read(id, MUSTER_BYTES(key.data + 1, key.len - 1));
}

struct muster_bytes agent_payload_spec(uint64_t size, uint8_t spec[AGENT_PAYLOAD_SPEC])
{
    struct muster_writer w = muster_writer_over(spec, AGENT_PAYLOAD_SPEC);
    muster_write_array(&w, 1);
    muster_write_u64(&w, size);
    return muster_writer_bytes(&w);
}

bool agent_payload_size(uint64_t *size, struct muster_bytes spec)
{
    struct muster_reader r = muster_reader_over(spec);
    *size = muster_read_array(&r, 16) > 0 ? muster_read_u64(&r) : 0;
    return muster_reader_ok(&r);
}

bool agent_payload_named(struct agent_payload_id *id, struct muster_bytes spec)
{
    struct muster_bytes mark = muster_bytes_text(NAMED);
    const uint8_t *at =
        spec.len > mark.len ? memmem(spec.data, spec.len, mark.data, mark.len) : NULL;
    if (at == NULL)
        return false;
    at += mark.len;
    size_t left = (size_t)(spec.data + spec.len - at), len = AGENT_PAYLOAD_HEX - 1;
    return left > len && at[len] == '"' && hex_read(id, MUSTER_BYTES(at, len));
}
