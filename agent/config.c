/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's settings: all sources read one over the other, then checked as a whole. */
#include "agent/config.h"

#include <string.h>

#include "agent/config_field.h"
#include "agent/config_word.h"
#include "agent/meta.h"
#include "agent/name.h"
#include "agent/yaml.h"
#include "base/text.h"

/* What the sources became before they are walked. */
struct config_sources {
    struct agent_doc file[AGENT_CONFIG_FILES_MAX];
    struct agent_doc words; /* a root for each variable and flag */
    uint32_t files;
    struct agent_config_options options;
};

static int sources_read(struct config_sources *s, const struct agent_config_input *in,
                        struct agent_problem *problem, const char **where)
{
    if (in->file_count > AGENT_CONFIG_FILES_MAX)
        return agent_problem_set(problem, MUSTER_ELIMIT, NULL, 0, 0,
                                 "more than %d configuration files", AGENT_CONFIG_FILES_MAX);
    for (; s->files < in->file_count; s->files++) {
        const struct agent_config_file *file = &in->file[s->files];
        agent_doc_open(&s->file[s->files]);
        int err = agent_yaml_read(&s->file[s->files], file->text, 1, problem);
        if (err == MUSTER_OK)
            continue;
        agent_doc_close(&s->file[s->files]);
        *where = file->name;
        return err;
    }
    int err = config_word_env(&s->words, in->env, problem);
    if (err == MUSTER_OK)
        err = config_word_flags(&s->words, &s->options, in->arg, in->arg_count, problem);
    return err;
}

static void sources_close(struct config_sources *s)
{
    for (uint32_t i = 0; i < s->files; i++)
        agent_doc_close(&s->file[i]);
    agent_doc_close(&s->words);
}

/* Everything may be copied once by the walk, and the tags once more as one text. */
static size_t sources_memory(const struct config_sources *s)
{
    size_t size = 4096;
    for (uint32_t i = 0; i < s->files; i++)
        size += s->file[i].first == NULL ? 0 : 2 * agent_schema_memory(s->file[i].first);
    for (const struct agent_doc_node *root = s->words.first; root != NULL; root = root->next)
        size += 2 * agent_schema_memory(root);
    return size;
}

static void config_defaults(struct agent_config *c, bool is_dev)
{
    memset(c, 0, sizeof *c);
    agent_schema_defaults(&config_schema, c);
    c->is_dev = is_dev;
    if (!is_dev)
        return;
    static const uint8_t loopback[4] = { 127, 0, 0, 1 };
    memcpy(c->bind.octet, loopback, sizeof loopback);
    c->data_dir = NULL;
    c->socket = NULL;
}

static int sources_walk(struct agent_config *c, const struct config_sources *s,
                        const struct agent_config_input *in, struct agent_problem *problem,
                        const char **where)
{
    struct agent_config defaults = *c;
    struct agent_schema_reader reader = {
        .arena = &c->memory,
        .problem = problem,
        .defaults = &defaults,
        .is_strict = true,
    };
    for (uint32_t i = 0; i < s->files; i++) {
        if (s->file[i].first == NULL)
            continue;
        int err = agent_schema_read(&config_schema, &reader, s->file[i].first, c);
        *where = in->file[i].name;
        if (err != MUSTER_OK)
            return err;
    }
    *where = NULL;
    for (const struct agent_doc_node *root = s->words.first; root != NULL; root = root->next) {
        int err = agent_schema_read(&config_schema, &reader, root, c);
        if (err == MUSTER_OK)
            continue;
        (void)muster_format(problem->field, sizeof problem->field, "%s", root->key);
        return err;
    }
    return MUSTER_OK;
}

/* ---- what follows from the rest */

/* A host's name as a node's: small letters, and a dash for whatever a name may not have. */
static const char *name_of_host(struct agent_config *c, const char *host)
{
    char *name = muster_arena_take(&c->memory, AGENT_CONFIG_NAME_MAX + 1, 1);
    MUSTER_ASSERT(name != NULL);
    size_t n = 0;
    for (; host != NULL && *host != '\0' && n < AGENT_CONFIG_NAME_MAX; host++) {
        char lower = (char)(*host >= 'A' && *host <= 'Z' ? *host - 'A' + 'a' : *host);
        name[n] = lower;
        if (agent_name_node_fault(MUSTER_BYTES(&name[n], 1)) != NULL && lower != '.')
            name[n] = '-';
        n++;
    }
    return agent_name_node_fault(MUSTER_BYTES(name, n)) == NULL ? name : "node";
}

static int settle_tags(struct agent_config *c, struct agent_problem *problem)
{
    size_t size = 1;
    for (uint32_t i = 0; i < c->tags_count; i++)
        size += strlen(c->tags[i].key) + strlen(c->tags[i].value) + 2;
    char *text = muster_arena_take(&c->memory, size, 1);
    MUSTER_ASSERT(text != NULL);
    size_t at = 0;
    for (uint32_t i = 0; i < c->tags_count; i++) {
        (void)muster_format(text + at, size - at, "%s%s=%s", i == 0 ? "" : ",", c->tags[i].key,
                            c->tags[i].value);
        at += strlen(text + at);
    }
    c->tags_text = text;

    /* Whether all fits is asked of the longest case: in a cluster, draining, after many boots. */
    struct agent_meta meta = {
        .boot = UINT32_MAX,
        .slots = c->slots,
        .weight = c->weight,
        .peer_port = (uint16_t)c->peer_port,
        .draining = true,
        .version = MUSTER_VERSION,
        .cpus = 99999,
        .mem_mib = 99999999,
    };
    memset(meta.arch, 'x', sizeof meta.arch - 1);
    memset(&meta.id, 0xff, sizeof meta.id);
    memset(&meta.cluster, 0xff, sizeof meta.cluster);
    uint8_t out[4 * AGENT_META_MAX];
    size_t len = 0;
    long left = 0;
    int err = agent_meta_encode(&meta, out, sizeof out, &len, &left);
    MUSTER_ASSERT(err == MUSTER_OK);
    long room = left;
    if (at < sizeof meta.tags) {
        memcpy(meta.tags, text, at + 1);
        err = agent_meta_encode(&meta, out, sizeof out, &len, &left);
    }
    if (at < sizeof meta.tags && err == MUSTER_OK)
        return MUSTER_OK;
    return agent_problem_set(problem, MUSTER_ELIMIT, "tags", 0, 0,
                             "too long; gossip has room for about %ld bytes of tags, these are %zu",
                             room - 1, at);
}

static bool addr_clash(struct muster_addr a, struct muster_addr b)
{
    if (a.port != b.port)
        return false;
    return muster_addr_same_host(a, b) || muster_addr_is_unspecified(a) ||
           muster_addr_is_unspecified(b);
}

static int check_ports(const struct agent_config *c, struct agent_problem *problem)
{
    struct muster_addr peer = c->bind;
    peer.port = (uint16_t)c->peer_port;
    if (peer.port == c->bind.port)
        return agent_problem_set(problem, MUSTER_EINVAL, "peer_port", 0, 0,
                                 "%u is the port of bind already; choose another", c->peer_port);
    if (c->http.len == 0)
        return MUSTER_OK;
    if (addr_clash(c->http, c->bind) || addr_clash(c->http, peer))
        return agent_problem_set(problem, MUSTER_EINVAL, "http", 0, 0,
                                 "%u is the port of %s already; choose another", c->http.port,
                                 addr_clash(c->http, c->bind) ? "bind" : "peer_port");
    return MUSTER_OK;
}

/* Whoever may submit a job runs commands here: a port that others reach asks who they are. */
static int check_door(const struct agent_config *c, struct agent_problem *problem)
{
    char http[MUSTER_ADDR_TEXT];
    if ((c->http_tls.cert == NULL) != (c->http_tls.key == NULL) ||
        (c->http_tls.client_ca != NULL && c->http_tls.cert == NULL))
        return agent_problem_set(problem, MUSTER_EINVAL, "http_tls", 0, 0,
                                 "a certificate and its key go together; name both");
    if (c->http.len == 0 || muster_addr_is_loopback(c->http) || c->tokens != NULL ||
        c->http_tls.client_ca != NULL)
        return MUSTER_OK;
    return agent_problem_set(problem, MUSTER_EINVAL, "http", 0, 0,
                             "%s is reached from other hosts, and whoever reaches it may run "
                             "commands here: name a file of `tokens` (`muster token create` makes "
                             "one) or the client_ca of `http_tls`, or say 127.0.0.1:%u, or none",
                             muster_addr_text(c->http, http), c->http.port);
}

static int check_rest(const struct agent_config *c, struct agent_problem *problem)
{
    if (muster_addr_is_unspecified(c->advertise) && !muster_addr_equal(c->advertise, c->bind))
        return agent_problem_set(problem, MUSTER_EINVAL, "advertise", 0, 0,
                                 "nobody can be reached at an unspecified address; name one");
    if (c->max_runs < c->slots)
        return agent_problem_set(problem, MUSTER_EINVAL, "max_runs", 0, 0,
                                 "%u is less than slots, which is %u; raise it", c->max_runs,
                                 c->slots);
    return MUSTER_OK;
}

static int check_tls(const struct agent_config *c, struct agent_problem *problem)
{
    const char *missing = c->tls_ca == NULL     ? "tls.ca"
                          : c->tls_cert == NULL ? "tls.cert"
                          : c->tls_key == NULL  ? "tls.key"
                                                : NULL;
    bool has_any = c->tls_ca != NULL || c->tls_cert != NULL || c->tls_key != NULL;
    if (!has_any || missing == NULL)
        return MUSTER_OK;
    return agent_problem_set(problem, MUSTER_EINVAL, missing, 0, 0,
                             "is missing; tls needs ca, cert and key together");
}

static int config_settle(struct agent_config *c, const struct config_sources *s,
                         const struct agent_config_input *in, struct agent_problem *problem)
{
    if (c->name == NULL)
        c->name = name_of_host(c, in->host_name);
    if (c->slots == 0)
        c->slots = in->cpus == 0 ? 1 : in->cpus;
    if (c->weight == 0)
        c->weight = c->slots;
    if (c->advertise.len == 0)
        c->advertise = c->bind;
    c->found = s->options.found || c->join_count == 0;
    int err = check_ports(c, problem);
    if (err == MUSTER_OK)
        err = check_door(c, problem);
    if (err == MUSTER_OK)
        err = check_rest(c, problem);
    if (err == MUSTER_OK)
        err = check_tls(c, problem);
    return err == MUSTER_OK ? settle_tags(c, problem) : err;
}

int agent_config_options(struct agent_config_options *o, const char *const *arg, uint32_t arg_count,
                         struct agent_problem *problem)
{
    agent_problem_clear(problem);
    memset(o, 0, sizeof *o);
    return config_word_flags(NULL, o, arg, arg_count, problem);
}

int agent_config_read(struct agent_config *c, const struct agent_config_input *in,
                      struct agent_problem *problem, const char **where)
{
    struct config_sources s = { .files = 0 };
    struct muster_arena memory = { .block = NULL };
    agent_problem_clear(problem);
    agent_doc_open(&s.words);
    *where = NULL;
    memset(c, 0, sizeof *c);
    int err = sources_read(&s, in, problem, where);
    if (err == MUSTER_OK && muster_arena_open(&memory, sources_memory(&s)) != MUSTER_OK)
        err = agent_problem_set(problem, MUSTER_EFULL, NULL, 0, 0, "out of memory");
    if (err == MUSTER_OK) {
        config_defaults(c, s.options.is_dev);
        c->memory = memory;
        err = sources_walk(c, &s, in, problem, where);
        if (err == MUSTER_OK)
            err = config_settle(c, &s, in, problem);
    }
    sources_close(&s);
    if (err != MUSTER_OK)
        agent_config_close(c);
    return err;
}

void agent_config_close(struct agent_config *c)
{
    if (c->memory.block != NULL)
        muster_arena_close(&c->memory);
    memset(c, 0, sizeof *c);
}
