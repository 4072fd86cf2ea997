/* SPDX-License-Identifier: Apache-2.0 */
/* The table of an agent's settings, and the types only they have: addresses, slots, versions. */
#include <inttypes.h>
#include <string.h>

#include "agent/config_field.h"
#include "agent/keys.h"
#include "agent/name.h"
#include "agent/schema_value.h"
#include "gossip/gossip.h"

#define AT(member)      .offset = offsetof(struct agent_config, member)
#define AT_LIST(member) AT(member), .count_offset = offsetof(struct agent_config, member##_count)
#define FIELDS_OF(array)                                                                           \
    {                                                                                              \
        array, sizeof(array) / sizeof *(array)                                                     \
    }
#define MIB (1024ULL * 1024)

/* ---- name */

static int name_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    struct agent_config *c = object;
    const char *text = agent_schema_scalar(r, field->name, node, "a name");
    if (text == NULL)
        return r->problem->err;
    const char *fault = agent_name_node_fault(muster_bytes_text(text));
    if (fault == NULL && strlen(text) > AGENT_CONFIG_NAME_MAX)
        fault = "a node's name has at most 119 characters";
    if (fault != NULL)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node, "\"%.140s\": %s", text,
                                 fault);
    c->name = agent_schema_copy(r, field->name, text);
    return c->name == NULL ? r->problem->err : MUSTER_OK;
}

/* ---- paths and addresses; `none` turns a door off */

static bool says_off(const char *text)
{
    return strcmp(text, "none") == 0 || strcmp(text, "off") == 0;
}

static int path_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    const char *text = agent_schema_scalar(r, field->name, node, "a path");
    if (text == NULL)
        return r->problem->err;
    const char *copy = NULL;
    if ((field->flags & AGENT_FIELD_NONE) == 0 || !says_off(text)) {
        if (text[0] != '/')
            return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                     "\"%.80s\" is not absolute; begin it with a slash", text);
        if (strlen(text) > field->max)
            return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                     "is longer than %" PRIu64 " bytes", field->max);
        copy = r->arena == NULL ? text : agent_schema_copy(r, field->name, text);
        if (copy == NULL)
            return r->problem->err;
    }
    memcpy((uint8_t *)object + field->offset, &copy, sizeof copy);
    return MUSTER_OK;
}

static int addr_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    const char *text = agent_schema_scalar(r, field->name, node, "an address");
    if (text == NULL)
        return r->problem->err;
    struct muster_addr addr = { .len = 0 };
    bool is_off = (field->flags & AGENT_FIELD_NONE) != 0 && says_off(text);
    if (!is_off && muster_addr_parse(&addr, text, (uint16_t)field->min) != MUSTER_OK)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.60s\" is not an address; say 10.0.0.1:%" PRIu64
                                 " or [fd00::1]:%" PRIu64,
                                 text, field->min, field->min);
    if (!is_off && (addr.port == 0 || muster_addr_is_multicast(addr)))
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node, "%.60s: %s", text,
                                 addr.port == 0 ? "the port is 0; name one"
                                                : "nobody can be reached at a multicast address");
    memcpy((uint8_t *)object + field->offset, &addr, sizeof addr);
    return MUSTER_OK;
}

/* ---- slots: zero is a wish people have, and it has another name */

static int slots_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    if (node->kind == AGENT_DOC_SCALAR && strcmp(node->text, "0") == 0)
        return agent_schema_fail(r, MUSTER_ERANGE, field->name, node,
                                 "0 slots would run nothing; say 1 to %" PRIu64
                                 ", or drain the node to empty it",
                                 field->max);
    uint64_t value = 0;
    int err = agent_schema_u64(r, field->name, node, 1, field->max, &value);
    if (err == MUSTER_OK)
        ((struct agent_config *)object)->slots = (uint32_t)value;
    return err;
}

/* ---- join: addresses and host names, each with or without a port */

static bool seed_is_good(const char *text)
{
    struct muster_addr addr;
    size_t len = strlen(text);
    if (muster_addr_parse(&addr, text, CONFIG_GOSSIP_PORT) == MUSTER_OK)
        return addr.port != 0;
    size_t host = strcspn(text, ":");
    if (host == 0 || host > 253 || len - host > 6)
        return false;
    if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") < host)
        return false;
    if (text[host] == '\0')
        return true;
    uint32_t port = 0;
    for (const char *at = text + host + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        port = port * 10 + (uint32_t)(*at - '0');
    }
    return port >= 1 && port <= UINT16_MAX;
}

static int join_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    struct agent_config *c = object;
    if (node->kind != AGENT_DOC_LIST)
        return agent_schema_fail(r, MUSTER_ETYPE, field->name, node,
                                 "expected a list; say join: [alpha, 10.0.0.2:7946]");
    if (node->count > AGENT_CONFIG_JOIN_MAX)
        return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                 "has %" PRIu32 " entries; at most %d are allowed, and one is "
                                 "enough to meet all",
                                 node->count, AGENT_CONFIG_JOIN_MAX);
    const char **list = agent_schema_take(r, field->name, node->count + 1, sizeof *list);
    if (list == NULL)
        return r->problem->err;
    uint32_t n = 0;
    for (const struct agent_doc_node *item = node->first; item != NULL; item = item->next) {
        const char *text = agent_schema_scalar(r, field->name, item, "an address or a host name");
        if (text == NULL)
            return r->problem->err;
        if (!seed_is_good(text))
            return agent_schema_fail(r, MUSTER_EINVAL, field->name, item,
                                     "\"%.60s\" is neither an address nor a host name; say alpha "
                                     "or 10.0.0.2:7946",
                                     text);
        list[n] = agent_schema_copy(r, field->name, text);
        if (list[n++] == NULL)
            return r->problem->err;
    }
    c->join = list;
    c->join_count = n;
    return MUSTER_OK;
}

/* ---- delegate: the protocol versions of a pool that is not only ours */

static int delegate_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                         const struct agent_doc_node *node, void *object)
{
    struct agent_config *c = object;
    if (node->kind != AGENT_DOC_LIST || node->count != 3)
        return agent_schema_fail(r, MUSTER_ETYPE, field->name, node,
                                 "expected three numbers; say delegate: [2, 5, 5]");
    uint64_t value[3];
    uint32_t n = 0;
    for (const struct agent_doc_node *item = node->first; item != NULL; item = item->next) {
        int err = agent_schema_u64(r, field->name, item, 0, 255, &value[n]);
        if (err != MUSTER_OK)
            return err;
        n++;
    }
    if (value[0] > value[2] || value[2] > value[1])
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "the third number lies between the first and the second");
    for (n = 0; n < 3; n++)
        c->delegate[n] = (uint8_t)value[n];
    return MUSTER_OK;
}

/* ---- encrypt: a key, or the file of a keyring. What it says is never repeated. */

/* One key in 64 begins with a slash as well. Only one of 24 bytes does not end with "=", and
 * `muster keygen` makes none that could be a path. */
static bool is_path(const char *text)
{
    return text[0] == '/' && text[strlen(text) - 1] != '=';
}

static int encrypt_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                        const struct agent_doc_node *node, void *object)
{
    struct agent_config *c = object;
    struct agent_key key;
    const char *text = agent_schema_scalar(r, field->name, node, "a key, or the path of a keyring");
    if (text == NULL)
        return r->problem->err;
    c->encrypt_key = c->encrypt_file = NULL;
    if (says_off(text))
        return MUSTER_OK;
    bool is_key = !is_path(text) && agent_key_read(&key, text);
    muster_wipe(&key, sizeof key);
    if (!is_key && !is_path(text))
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "neither a key nor the absolute path of a keyring; `muster "
                                 "keygen` makes a key");
    if (!is_key && strlen(text) > field->max)
        return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                 "is longer than %" PRIu64 " bytes", field->max);
    const char *copy = agent_schema_copy(r, field->name, text);
    *(is_key ? &c->encrypt_key : &c->encrypt_file) = copy;
    return copy == NULL ? r->problem->err : MUSTER_OK;
}

static int label_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    struct agent_config *c = object;
    const char *text = agent_schema_scalar(r, field->name, node, "a label");
    if (text == NULL)
        return r->problem->err;
    c->label = NULL;
    if (says_off(text))
        return MUSTER_OK;
    if (strlen(text) > GOSSIP_LABEL_MAX)
        return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                 "is longer than %d bytes, and every packet carries it",
                                 GOSSIP_LABEL_MAX);
    c->label = agent_schema_copy(r, field->name, text);
    return c->label == NULL ? r->problem->err : MUSTER_OK;
}

/* ---- tags: in gossip they are one text, which its marks must not break */

static int tags_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    static const struct agent_schema_field pairs = {
        "tags", AGENT_TYPE_PAIRS, AGENT_FIELD_NAMED, AT_LIST(tags), .max = 48,
    };
    (void)field;
    for (const struct agent_doc_node *item = node->first; item != NULL; item = item->next) {
        if (node->kind == AGENT_DOC_MAP && item->kind == AGENT_DOC_SCALAR &&
            strpbrk(item->text, ",=\n") != NULL)
            return agent_schema_fail(r, MUSTER_EINVAL, "tags", item,
                                     "the value of %.64s holds a comma, an equals sign or a line "
                                     "break; leave them out",
                                     item->key);
    }
    return schema_value_read(r, &pairs, node, object);
}

static const struct agent_schema_custom name_field = { .read = name_read };
static const struct agent_schema_custom path_field = { .read = path_read };
static const struct agent_schema_custom addr_field = { .read = addr_read };
static const struct agent_schema_custom slots_field = { .read = slots_read };
static const struct agent_schema_custom join_field = { .read = join_read };
static const struct agent_schema_custom delegate_field = { .read = delegate_read };
static const struct agent_schema_custom encrypt_field = { .read = encrypt_read };
static const struct agent_schema_custom label_field = { .read = label_read };
static const struct agent_schema_custom tags_field = { .read = tags_read };

static const struct agent_schema_word profiles[] = {
    { "lan", AGENT_PROFILE_LAN },
    { "wan", AGENT_PROFILE_WAN },
    { "local", AGENT_PROFILE_LOCAL },
    { NULL, 0 },
};

static const struct agent_schema_word partitions[] = {
    { "available", 0 },
    { "majority", 1 },
    { NULL, 0 },
};

static const struct agent_schema_word levels[] = {
    { "debug", AGENT_LOG_DEBUG },
    { "info", AGENT_LOG_INFO },
    { "warn", AGENT_LOG_WARN },
    { "error", AGENT_LOG_ERROR },
    { NULL, 0 },
};

static const struct agent_schema_word formats[] = {
    { "text", AGENT_LOG_TEXT },
    { "json", AGENT_LOG_JSON },
    { NULL, 0 },
};

static const struct agent_schema_field log_fields[] = {
    { "level", AGENT_TYPE_WORD, AT(log_level), .words = levels, .fallback = "info" },
    { "format", AGENT_TYPE_WORD, AT(log_format), .words = formats, .fallback = "text" },
};
static const struct agent_schema log_schema = FIELDS_OF(log_fields);

static const struct agent_schema_field http_tls_fields[] = {
    { "cert", AGENT_TYPE_CUSTOM, AT(http_tls.cert), .custom = &path_field, .max = 1024 },
    { "key", AGENT_TYPE_CUSTOM, AT(http_tls.key), .custom = &path_field, .max = 1024 },
    { "client_ca", AGENT_TYPE_CUSTOM, AT(http_tls.client_ca), .custom = &path_field, .max = 1024 },
};
static const struct agent_schema http_tls_schema = FIELDS_OF(http_tls_fields);

static const struct agent_schema_field tls_fields[] = {
    { "ca", AGENT_TYPE_CUSTOM, AGENT_FIELD_NONE, AT(tls_ca), .custom = &path_field, .max = 1024 },
    { "cert", AGENT_TYPE_CUSTOM, AGENT_FIELD_NONE, AT(tls_cert), .custom = &path_field,
      .max = 1024 },
    { "key", AGENT_TYPE_CUSTOM, AGENT_FIELD_NONE, AT(tls_key), .custom = &path_field, .max = 1024 },
    { "verify_incoming", AGENT_TYPE_BOOL, AT(tls_verify_incoming), .fallback = "yes" },
    { "verify_outgoing", AGENT_TYPE_BOOL, AT(tls_verify_outgoing), .fallback = "yes" },
};
static const struct agent_schema tls_schema = FIELDS_OF(tls_fields);

static const struct agent_schema_field config_fields[] = {
    { "name", AGENT_TYPE_CUSTOM, .custom = &name_field },
    { "data_dir", AGENT_TYPE_CUSTOM, AT(data_dir), .custom = &path_field, .max = 1024,
      .fallback = "/var/lib/muster" },
    { "bind", AGENT_TYPE_CUSTOM, AT(bind), .custom = &addr_field, .min = CONFIG_GOSSIP_PORT,
      .fallback = "0.0.0.0:7946" },
    { "advertise", AGENT_TYPE_CUSTOM, AT(advertise), .custom = &addr_field,
      .min = CONFIG_GOSSIP_PORT },
    { "peer_port", AGENT_TYPE_U32, AT(peer_port), .min = 1, .max = UINT16_MAX, .fallback = "7947" },
    { "http", AGENT_TYPE_CUSTOM, AGENT_FIELD_NONE, AT(http), .custom = &addr_field,
      .min = CONFIG_HTTP_PORT, .fallback = "127.0.0.1:7948" },
    { "http_tls", AGENT_TYPE_MAP, .inner = &http_tls_schema },
    { "tokens", AGENT_TYPE_CUSTOM, AGENT_FIELD_NONE, AT(tokens), .custom = &path_field,
      .max = 1024 },
    { "socket", AGENT_TYPE_CUSTOM, AGENT_FIELD_NONE, AT(socket), .custom = &path_field, .max = 107,
      .fallback = "/run/muster/agent.sock" },
    { "join", AGENT_TYPE_CUSTOM, AGENT_FIELD_LIST, .custom = &join_field },
    { "slots", AGENT_TYPE_CUSTOM, .custom = &slots_field, .max = 65535 },
    { "weight", AGENT_TYPE_U32, AT(weight), .min = 1, .max = 65535 },
    { "tags", AGENT_TYPE_CUSTOM, AGENT_FIELD_TABLE, .custom = &tags_field },
    { "replicas", AGENT_TYPE_U32, AT(replicas), .min = 1, .max = 4, .fallback = "3" },
    { "profile", AGENT_TYPE_WORD, AT(profile), .words = profiles, .fallback = "lan" },
    { "partition", AGENT_TYPE_WORD, AT(partition), .words = partitions, .fallback = "available" },
    { "delegate", AGENT_TYPE_CUSTOM, AGENT_FIELD_LIST, .custom = &delegate_field },
    { "encrypt", AGENT_TYPE_CUSTOM, .custom = &encrypt_field, .max = 480 },
    { "encrypt_verify_incoming", AGENT_TYPE_BOOL, AT(encrypt_verify_incoming), .fallback = "yes" },
    { "encrypt_verify_outgoing", AGENT_TYPE_BOOL, AT(encrypt_verify_outgoing), .fallback = "yes" },
    { "label", AGENT_TYPE_CUSTOM, .custom = &label_field },
    { "label_verify_incoming", AGENT_TYPE_BOOL, AT(label_verify_incoming), .fallback = "yes" },
    { "tls", AGENT_TYPE_MAP, .inner = &tls_schema },
    { "log", AGENT_TYPE_MAP, .inner = &log_schema },
    { "max_members", AGENT_TYPE_U32, AT(max_members), .min = 3, .max = 65536, .fallback = "4096" },
    { "max_jobs", AGENT_TYPE_U32, AT(max_jobs), .min = 1, .max = 1 << 22, .fallback = "1048576" },
    { "max_runs", AGENT_TYPE_U32, AT(max_runs), .min = 1, .max = 65536, .fallback = "4096" },
    { "max_connections", AGENT_TYPE_U32, AT(max_connections), .min = 8, .max = 60000,
      .fallback = "1024" },
    { "max_strikes", AGENT_TYPE_U32, AT(max_strikes), .min = 0, .max = 100, .fallback = "3" },
    { "max_log", AGENT_TYPE_SIZE, AT(max_log), .min = 4096, .max = 1024 * 1024 * MIB,
      .fallback = "16M" },
    { "max_payload", AGENT_TYPE_SIZE, AT(max_payload), .min = 1, .max = 1024 * 1024 * MIB,
      .fallback = "256M" },
};
const struct agent_schema config_schema = FIELDS_OF(config_fields);
