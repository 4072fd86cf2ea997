/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing ports, folders and addresses, and telling the node what it must know. */
#include "agent/shell/setup.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/shell/folder.h"
#include "agent/shell/net.h"
#include "agent/shell/tokenfile.h"
#include "base/crypto.h"
#include "base/text.h"

#define DEV_TRIES 100 /* sets of three ports that a trial run looks at */
#define DEV_STEP  10

/* ---- paths */

static int dev_dir_make(struct shell_setup_work *w, char *why, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL || tmp[0] != '/')
        tmp = "/tmp";
    if (muster_format(w->dev_dir, sizeof w->dev_dir, "%s/muster-XXXXXX", tmp) &&
        mkdtemp(w->dev_dir) != NULL)
        return MUSTER_OK;
    int err = shell_errno(errno);
    (void)muster_format(why, size, "%s: no temporary folder can be made there; see TMPDIR", tmp);
    w->dev_dir[0] = '\0';
    return err;
}

/* The guard is installed beside the agent. */
static int guard_find(struct shell_setup_work *w, char *why, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", w->guard_path, sizeof w->guard_path - 16);
    w->guard_path[n > 0 ? n : 0] = '\0';
    char *name = strrchr(w->guard_path, '/');
    if (name == NULL || access("/proc/self/exe", F_OK) != 0) {
        (void)muster_format(why, size, "/proc/self/exe cannot be read: is /proc mounted?");
        return MUSTER_EIO;
    }
    memcpy(name, "/muster-guard", sizeof "/muster-guard");
    if (access(w->guard_path, X_OK) == 0)
        return MUSTER_OK;
    (void)muster_format(why, size, "%s: not there or not executable; it belongs beside the agent",
                        w->guard_path);
    return MUSTER_ENOTFOUND;
}

static int too_long(const char *path, char *why, size_t size)
{
    (void)muster_format(why, size, "%s: the path is too long; see `data_dir`", path);
    return MUSTER_ELIMIT;
}

/* The socket's own folder; those above it are the host's. */
static void socket_folder_make(const char *path)
{
    char folder[SHELL_PATH_MAX];
    (void)muster_format(folder, sizeof folder, "%s", path);
    char *end = strrchr(folder, '/');
    if (end == NULL || end == folder)
        return;
    *end = '\0';
    (void)mkdir(folder, 0755);
}

static int paths_fill(struct shell_setup *s, struct shell_setup_work *w,
                      const struct agent_config *c, char *why, size_t size)
{
    const char *data = c->data_dir;
    if (data == NULL) {
        int err = dev_dir_make(w, why, size);
        if (err != MUSTER_OK)
            return err;
        data = w->dev_dir;
    }
    bool is_usual = strcmp(data, "/var/lib/muster") == 0;
    if (!muster_format(w->data_dir, sizeof w->data_dir, "%s%s", data,
                       w->dev_dir[0] != '\0' ? "/data" : "") ||
        !muster_format(w->log_dir, sizeof w->log_dir, "%s/logs", w->data_dir) ||
        !muster_format(w->run_dir, sizeof w->run_dir, "%s%s",
                       is_usual ? SHELL_RUN_DIR : w->data_dir, is_usual ? "" : "/run"))
        return too_long(data, why, size);
    if (c->socket != NULL)
        (void)muster_format(w->socket, sizeof w->socket, "%s", c->socket);
    else if (w->dev_dir[0] != '\0')
        (void)muster_format(w->socket, sizeof w->socket, "%s/agent.sock", w->dev_dir);
    s->run_dir = w->run_dir;
    s->log_dir = w->log_dir;
    s->guard_path = w->guard_path;
    s->socket_path = w->socket[0] != '\0' ? w->socket : NULL;
    s->socket_group = SHELL_SOCKET_GROUP;
    if (s->socket_path != NULL)
        socket_folder_make(s->socket_path);
    return guard_find(w, why, size);
}

/* ---- addresses */

static bool is_private(struct muster_addr a)
{
    const uint8_t *o = a.octet;
    return a.len == 4 && (o[0] == 10 || (o[0] == 172 && (o[1] & 0xf0) == 16) ||
                          (o[0] == 192 && o[1] == 168) || (o[0] == 100 && (o[1] & 0xc0) == 64));
}

/* Bound to every address, one must be named to the others: a private one before a public one, as
 * the peers of such pools expect, and loopback only on a host that has nothing else. */
static struct muster_addr advertise_choose(struct muster_addr bound)
{
    struct muster_addr best = { .octet = { 127, 0, 0, 1 }, .len = 4 };
    struct ifaddrs *all = NULL;
    int best_rank = 0;
    if (getifaddrs(&all) != 0)
        all = NULL;
    for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0)
            continue;
        struct muster_addr a = shell_addr(i->ifa_addr);
        bool is_usable = a.len == 4 || (a.len == 16 && bound.len == 16 &&
                                        (a.octet[0] != 0xfe || (a.octet[1] & 0xc0) != 0x80));
        int rank = !is_usable || muster_addr_is_loopback(a) ? 0
                   : a.len == 16                            ? 1
                   : is_private(a)                          ? 3
                                                            : 2;
        if (rank > best_rank)
            best = a;
        best_rank = rank > best_rank ? rank : best_rank;
    }
    if (all != NULL)
        freeifaddrs(all);
    best.port = bound.port;
    return best;
}

/* ---- ports */

static struct muster_addr moved(struct muster_addr a, uint32_t by)
{
    a.port = (uint16_t)(a.port + by);
    return a;
}

static int ports_bind(struct shell_setup *s, struct shell_ports *ports,
                      const struct agent_config *c, uint32_t by, char *why, size_t size)
{
    struct muster_addr peers = c->bind;
    peers.port = (uint16_t)c->peer_port;
    s->gossip = moved(c->bind, by);
    s->http = c->http.len != 0 ? moved(c->http, by) : c->http;
    s->node.peer_port = moved(peers, by).port;
    int err = shell_ports_open(ports, &s->renew->handed, s->gossip, moved(peers, by), why, size);
    if (err != MUSTER_OK || s->http.len == 0)
        return err;
    err = shell_port_try(&s->renew->handed, s->http, why, size);
    if (err != MUSTER_OK)
        shell_ports_close(ports);
    return err;
}

/* A trial run takes the next free ports when the usual ones are taken. */
static int ports_find(struct shell_setup *s, struct shell_ports *ports,
                      const struct agent_config *c, char *why, size_t size)
{
    int err = MUSTER_EBUSY;
    for (uint32_t i = 0; i < (c->is_dev ? DEV_TRIES : 1) && err == MUSTER_EBUSY; i++)
        err = ports_bind(s, ports, c, i * DEV_STEP, why, size);
    return err;
}

static struct shell_cert_paths door_paths_of(const struct agent_config *c)
{
    return (struct shell_cert_paths){ .setting = "http_tls",
                                      .ca = c->http_tls.client_ca,
                                      .cert = c->http_tls.cert,
                                      .key = c->http_tls.key };
}

int shell_setup_begin(struct shell_setup *setup, struct shell_setup_work *work,
                      struct shell_ports *ports, const struct agent_config *c,
                      struct shell_renew *renew, char *why, size_t size)
{
    *setup = (struct shell_setup){ .is_dev = c->is_dev,
                                   .renew = renew,
                                   .tokens_path = c->tokens,
                                   .tokens = c->tokens != NULL ? &work->tokens : NULL,
                                   .cert_paths = door_paths_of(c),
                                   .cert = c->http_tls.cert != NULL ? &work->cert : NULL,
                                   .join = c->join,
                                   .join_count = c->join_count,
                                   .connections_max = c->max_connections,
                                   .payload_max = c->max_payload };
    *work = (struct shell_setup_work){ .dev_dir = "" };
    int err = ports_find(setup, ports, c, why, size);
    if (err != MUSTER_OK)
        return err;
    err = paths_fill(setup, work, c, why, size);
    if (err != MUSTER_OK) {
        shell_ports_close(ports);
        shell_setup_end(work);
    }
    return err;
}

int shell_setup_door(struct shell_setup_work *work, const struct agent_config *c,
                     struct shell_journal *journal, char *why, size_t size)
{
    const struct shell_cert_paths paths = door_paths_of(c);
    int err = MUSTER_OK;
    if (c->tokens != NULL)
        err = shell_tokenfile_read(&work->tokens, c->tokens, journal, why, size);
    if (err == MUSTER_OK && paths.cert != NULL)
        err = shell_cert_open(&work->cert, &paths, shell_now().wall_ms, journal, why, size);
    return err;
}

void shell_setup_door_close(struct shell_setup_work *work)
{
    shell_cert_close(&work->cert);
    muster_wipe(&work->tokens, sizeof work->tokens);
}

void shell_setup_end(struct shell_setup_work *work)
{
    shell_setup_door_close(work);
    shell_keyfile_close(&work->keys);
    shell_cert_close(&work->link_cert);
    if (work->dev_dir[0] != '\0')
        shell_folder_remove(work->dev_dir);
}

/* ---- the node */

static void seed_add(struct agent_node_config *n, struct muster_addr a)
{
    bool is_known = muster_addr_equal(a, n->gossip_addr);
    for (uint32_t i = 0; i < n->seed_count; i++)
        is_known |= muster_addr_equal(a, n->seed_addr[i]);
    if (!is_known && n->seed_count < AGENT_SEEDS_MAX)
        n->seed_addr[n->seed_count++] = a;
}

/* Configured ones first, then where others were when we were last up. Host names are looked up
 * later and again (agent/shell/resolve.h): a name service may come up after us. */
static void seeds_fill(struct agent_node_config *n, const struct agent_config *c,
                       const struct shell_boot *boot)
{
    struct muster_addr a;
    for (uint32_t i = 0; i < c->join_count; i++)
        if (muster_addr_parse(&a, c->join[i], SHELL_GOSSIP_PORT) == MUSTER_OK)
            seed_add(n, a);
    for (uint32_t i = 0; i < boot->peer_count; i++)
        seed_add(n, boot->peer[i]);
}

/* What expressions of jobs may ask of this host. */
static void host_fill(struct agent_node_config *n)
{
    struct utsname host;
    struct sysinfo info;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (uname(&host) == 0)
        (void)muster_format(n->arch, sizeof n->arch, "%s", host.machine);
    n->cpus = cpus > 0 ? (uint32_t)cpus : 0;
    if (sysinfo(&info) == 0)
        n->mem_mib = (uint32_t)((uint64_t)info.totalram * info.mem_unit >> 20);
}

static void random_fill(void *out, size_t size)
{
    ssize_t n = getrandom(out, size, 0);
    MUSTER_ASSERT(n == (ssize_t)size);
}

static void nonce_fill(void *context, uint8_t *out)
{
    (void)context;
    muster_nonce(out);
}

static struct shell_cert_paths paths_of(const struct agent_config *c)
{
    return (struct shell_cert_paths){
        .setting = "tls", .ca = c->tls_ca, .cert = c->tls_cert, .key = c->tls_key, .is_mutual = true
    };
}

int shell_setup_cert(struct shell_cert *cert, const struct shell_cert_paths *paths,
                     const char *name, struct shell_journal *journal, char *why, size_t size)
{
    int err = shell_cert_open(cert, paths, shell_now().wall_ms, journal, why, size);
    if (err != MUSTER_OK || shell_cert_has_name(cert->names, cert->names_len, name))
        return err;
    (void)muster_format(why, size,
                        "%s: is not for this node: its DNS names do not have \"%s\", and no other "
                        "node would take it; see `tls` and `name`",
                        paths->cert, name);
    shell_cert_close(cert);
    return MUSTER_EINVAL;
}

int shell_setup_check(const struct agent_config *c, char *why, size_t size)
{
    const struct shell_cert_paths paths = paths_of(c);
    struct shell_cert cert;
    if (c->tls_cert == NULL)
        return MUSTER_OK;
    int err = shell_setup_cert(&cert, &paths, c->name, NULL, why, size);
    if (err == MUSTER_OK)
        shell_cert_close(&cert);
    return err;
}

int shell_setup_proofs(struct shell_setup *setup, struct shell_setup_work *work,
                       const struct agent_config *c, struct shell_journal *journal, char *why,
                       size_t size)
{
    int err = shell_keyfile_open(&work->keys, c, work->data_dir, journal, why, size);
    setup->link_paths = paths_of(c);
    if (err != MUSTER_OK || c->tls_cert == NULL)
        return err;
    setup->link_cert = &work->link_cert;
    return shell_setup_cert(&work->link_cert, &setup->link_paths, c->name, journal, why, size);
}

/* Whoever proves more than is asked for is always heard; who proves less, only while a living
 * cluster is given keys or certificates. */
static void secure_fill(struct shell_setup *setup, const struct agent_config *c, bool has_keys)
{
    bool has_cert = setup->link_cert != NULL;
    bool takes_less = !has_cert || !c->tls_verify_incoming;
    setup->secure = (struct shell_tls_config){
        .ring = setup->node.gossip.keyring,
        .cert = setup->link_cert,
        .dials = has_cert && c->tls_verify_outgoing       ? SHELL_TLS_CERT
                 : has_keys && c->encrypt_verify_outgoing ? SHELL_TLS_KEY
                                                          : SHELL_TLS_NONE,
        .takes = (has_cert ? SHELL_TLS_CERT : 0u) | (has_keys && takes_less ? SHELL_TLS_KEY : 0u),
        .takes_plain = takes_less && (!has_keys || !c->encrypt_verify_incoming),
    };
    setup->node.is_proven = has_cert && !takes_less && setup->secure.dials == SHELL_TLS_CERT;
}

static void envelope_fill(struct shell_setup *setup, struct shell_setup_work *work,
                          const struct agent_config *c)
{
    struct gossip_config *g = &setup->node.gossip;
    g->label = c->label;
    g->serf = c->delegate[0] == 2 && c->delegate[1] == 5; /* what serf agents say of themselves */
    g->accept_unlabelled = !c->label_verify_incoming;
    g->accept_plain = !c->encrypt_verify_incoming;
    g->send_plain = !c->encrypt_verify_outgoing;
    g->nonce = nonce_fill;
    if (work->keys.ring.count > 0)
        g->keyring = &work->keys.ring;
    setup->keyring_path = work->keys.path;
    secure_fill(setup, c, work->keys.ring.count > 0);
    setup->node.is_exposed = !muster_addr_is_loopback(setup->gossip);
    setup->node.is_overheard =
        setup->http.len != 0 && !muster_addr_is_loopback(setup->http) && setup->cert == NULL;
}

void shell_setup_node(struct shell_setup *setup, struct shell_setup_work *work,
                      const struct agent_config *c, const struct shell_boot *boot)
{
    struct agent_node_config *n = &setup->node;
    uint16_t peer_port = n->peer_port;
    agent_node_config_default(n);
    n->self = boot->self;
    n->cluster = boot->cluster;
    n->boot = boot->boot;
    n->draining = boot->draining;
    n->drain_until_wall_ms = boot->drain_until_wall_ms;
    n->drain_length_ms = boot->drain_length_ms;
    n->name = c->name;
    n->gossip_addr =
        muster_addr_is_unspecified(c->advertise) ? advertise_choose(c->advertise) : c->advertise;
    if (setup->is_dev || muster_addr_equal(c->advertise, c->bind))
        n->gossip_addr.port = setup->gossip.port;
    n->peer_port = peer_port;
    n->held = boot->held;
    n->slots = boot->slots != 0 ? boot->slots : c->slots;
    n->weight = c->weight == c->slots ? n->slots : c->weight;
    n->tags = boot->has_tags ? boot->tags : c->tags_text;
    n->slots_configured = c->slots;
    n->tags_configured = c->tags_text;
    n->found = c->found;
    n->replicas = c->replicas;
    n->members_max = c->max_members;
    n->rows_max = c->max_jobs;
    n->runs_max = c->max_runs;
    n->strikes_max = c->max_strikes;
    n->log_max_bytes = c->max_log < UINT32_MAX ? (uint32_t)c->max_log : UINT32_MAX;
    n->run_dir = setup->run_dir;
    n->configured = (struct agent_settings){ c->profile, c->partition == 1 };
    agent_settings_apply(n, boot->has_settings ? boot->settings : n->configured);
    memcpy(n->gossip.delegate, c->delegate, sizeof n->gossip.delegate);
    envelope_fill(setup, work, c);
    n->gossip.incarnation = boot->incarnation;
    random_fill(&n->new_cluster, sizeof n->new_cluster);
    random_fill(&n->seed, sizeof n->seed);
    seeds_fill(n, c, boot);
    host_fill(n);
}
