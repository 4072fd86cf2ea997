/* SPDX-License-Identifier: Apache-2.0 */
/* A node's own words in gossip: encoded, decoded, and its name made unique. */
#include "agent/meta.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/wire.h"

#define META_KEYS_MAX 64
#define META_TAG      0xff

static void write_pair(struct muster_writer *w, const char *key, const char *value)
{
    muster_write_raw(w, muster_bytes_text(key));
    muster_write_raw(w, muster_bytes_text(value));
}

/* The user's tags, "k=v,k=v" already sorted; every key sorts before '~'. */
static uint32_t write_tags(struct muster_writer *w, const char *tags)
{
    uint32_t n = 0;
    while (*tags != '\0') {
        const char *end = strchr(tags, ',');
        size_t len = end != NULL ? (size_t)(end - tags) : strlen(tags);
        const char *eq = memchr(tags, '=', len);
        size_t key = eq != NULL ? (size_t)(eq - tags) : len;
        size_t skip = eq != NULL ? key + 1 : len;
        muster_write_raw(w, MUSTER_BYTES(tags, key));
        muster_write_raw(w, MUSTER_BYTES(tags + skip, len - skip));
        n++;
        tags += len + (end != NULL ? 1 : 0);
    }
    return n;
}

static uint32_t write_count(struct muster_writer *w, const char *key, uint32_t count)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", count);
    write_pair(w, key, text);
    return 1;
}

static uint32_t write_own(struct muster_writer *w, const struct agent_meta *m)
{
    char text[MUSTER_ID_TEXT], settings[AGENT_SETTINGS_TEXT];
    uint32_t n = 5;
    if (m->arch[0] != '\0') {
        write_pair(w, "~a", m->arch);
        n++;
    }
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)m->boot);
    write_pair(w, "~b", text);
    if (!muster_id_is_zero(m->cluster)) {
        write_pair(w, "~c", muster_id_text(m->cluster, text));
        n++;
    }
    /* The common settings go without saying. */
    if (!muster_id_is_zero(m->cluster) &&
        !agent_settings_equal(m->settings, (struct agent_settings){ AGENT_PROFILE_LAN, false })) {
        write_pair(w, "~f", agent_settings_text(m->settings, settings));
        n++;
    }
    write_pair(w, "~i", muster_id_text(m->id, text));
    if (m->draining) {
        write_pair(w, "~m", m->restarts ? "restarts" : m->leaves ? "leaves" : "draining");
        n++;
    } else if (m->held) {
        write_pair(w, "~m", "held");
        n++;
    }
    if (m->cpus != 0)
        n += write_count(w, "~n", m->cpus);
    (void)write_count(w, "~p", m->peer_port);
    if (m->mem_mib != 0)
        n += write_count(w, "~r", m->mem_mib);
    (void)write_count(w, "~s", m->slots);
    write_pair(w, "~v", m->version);
    if (m->weight != m->slots)
        n += write_count(w, "~w", m->weight);
    return n;
}

int agent_meta_encode(const struct agent_meta *m, uint8_t *out, size_t size, size_t *len,
                      long *left)
{
    uint8_t body[4 * AGENT_META_MAX];
    struct muster_writer w = muster_writer_over(body, sizeof body);
    uint32_t n = write_tags(&w, m->tags) + write_own(&w, m);
    struct muster_writer whole = muster_writer_over(out, size);
    const uint8_t tag = META_TAG;
    muster_write_plain(&whole, MUSTER_BYTES(&tag, 1));
    muster_write_map(&whole, n);
    muster_write_plain(&whole, muster_writer_bytes(&w));
    size_t head = n < 16 ? 2 : 4;
    long free_bytes = AGENT_META_MAX - (long)(head + muster_writer_bytes(&w).len);
    if (left != NULL)
        *left = free_bytes;
    if (muster_writer_err(&w) != MUSTER_OK || muster_writer_err(&whole) != MUSTER_OK ||
        free_bytes < 0)
        return MUSTER_ELIMIT;
    *len = muster_writer_bytes(&whole).len;
    return MUSTER_OK;
}

static bool copy_text(char *out, size_t size, struct muster_bytes value)
{
    if (value.len >= size || memchr(value.data, 0, value.len) != NULL)
        return false;
    memcpy(out, value.data, value.len);
    out[value.len] = '\0';
    return true;
}

static bool read_number(struct muster_bytes value, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    if (value.len == 0 || value.len > 20)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(value.data[i] - '0');
        if (n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

static bool read_id(struct muster_bytes value, struct muster_id *id)
{
    char text[MUSTER_ID_TEXT];
    return copy_text(text, sizeof text, value) && muster_id_parse(id, text);
}

static void tag_keep(struct agent_meta *m, struct muster_bytes key, struct muster_bytes value)
{
    size_t used = strlen(m->tags);
    size_t need = key.len + value.len + 3;
    if (used + need > sizeof m->tags)
        return;
    char *at = m->tags + used;
    if (used > 0)
        *at++ = ',';
    for (size_t i = 0; i < key.len; i++)
        *at++ = (char)(key.data[i] < 0x20 ? '?' : key.data[i]);
    *at++ = '=';
    for (size_t i = 0; i < value.len; i++)
        *at++ = (char)(value.data[i] < 0x20 ? '?' : value.data[i]);
    *at = '\0';
}

struct meta_seen {
    bool id, weight, bad;
};

static void read_own(struct agent_meta *m, struct muster_bytes key, struct muster_bytes value,
                     struct meta_seen *seen)
{
    uint64_t n = 0;
    bool ok = true;
    if (muster_bytes_are(key, "~a"))
        ok = copy_text(m->arch, sizeof m->arch, value);
    else if (muster_bytes_are(key, "~b"))
        ok = read_number(value, UINT64_MAX, &m->boot);
    else if (muster_bytes_are(key, "~c"))
        ok = read_id(value, &m->cluster);
    else if (muster_bytes_are(key, "~f"))
        (void)agent_settings_parse(&m->settings, value); /* those of a newer build: as if none */
    else if (muster_bytes_are(key, "~i"))
        ok = seen->id = read_id(value, &m->id);
    else if (muster_bytes_are(key, "~m")) {
        m->restarts = muster_bytes_are(value, "restarts");
        m->leaves = muster_bytes_are(value, "leaves");
        m->draining = m->restarts || m->leaves || muster_bytes_are(value, "draining");
        m->held = muster_bytes_are(value, "held");
    } else if (muster_bytes_are(key, "~n") && (ok = read_number(value, UINT32_MAX, &n)))
        m->cpus = (uint32_t)n;
    else if (muster_bytes_are(key, "~r") && (ok = read_number(value, UINT32_MAX, &n)))
        m->mem_mib = (uint32_t)n;
    else if (muster_bytes_are(key, "~p") && (ok = read_number(value, UINT16_MAX, &n)))
        m->peer_port = (uint16_t)n;
    else if (muster_bytes_are(key, "~s") && (ok = read_number(value, UINT16_MAX, &n)))
        m->slots = (uint32_t)n;
    else if (muster_bytes_are(key, "~v"))
        ok = copy_text(m->version, sizeof m->version, value);
    else if (muster_bytes_are(key, "~w") &&
             (ok = seen->weight = read_number(value, UINT16_MAX, &n)))
        m->weight = (uint32_t)n;
    if (!ok)
        seen->bad = true;
}

int agent_meta_decode(struct agent_meta *m, struct muster_bytes meta)
{
    struct meta_seen seen = { 0 };
    *m = (struct agent_meta){ 0 };
    if (meta.len < 2 || meta.data[0] != META_TAG)
        return MUSTER_ENOTFOUND;
    struct muster_reader r = muster_reader_over(MUSTER_BYTES(meta.data + 1, meta.len - 1));
    uint32_t n = muster_read_map(&r, META_KEYS_MAX);
    for (uint32_t i = 0; i < n && muster_reader_ok(&r); i++) {
        struct muster_bytes key = muster_read_bytes(&r, AGENT_META_MAX);
        struct muster_bytes value = muster_read_bytes(&r, AGENT_META_MAX);
        if (!muster_reader_ok(&r))
            break;
        if (key.len > 0 && key.data[0] == '~')
            read_own(m, key, value, &seen);
        else
            tag_keep(m, key, value);
    }
    if (!seen.weight)
        m->weight = m->slots;
    if (muster_reader_end(&r) != MUSTER_OK || seen.bad)
        return MUSTER_ECORRUPT;
    return seen.id ? MUSTER_OK : MUSTER_ENOTFOUND;
}

void agent_meta_gossip_name(char *out, size_t size, const char *name, struct muster_id id)
{
    char text[MUSTER_ID_TEXT];
    (void)snprintf(out, size, "%s.%.8s", name, muster_id_text(id, text));
}

void agent_meta_plain_name(char *out, size_t size, const char *gossip_name, struct muster_id id)
{
    char text[MUSTER_ID_TEXT], ending[10];
    (void)snprintf(ending, sizeof ending, ".%.8s", muster_id_text(id, text));
    size_t len = strlen(gossip_name), tail = strlen(ending);
    bool ours = len > tail && strcmp(gossip_name + len - tail, ending) == 0;
    (void)snprintf(out, size, "%.*s", (int)(ours ? len - tail : len), gossip_name);
}

bool agent_meta_is_node(struct muster_bytes meta)
{
    struct agent_meta m;
    return agent_meta_decode(&m, meta) == MUSTER_OK;
}
