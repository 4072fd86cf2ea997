/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, what the service manager hears, and the orderly end. */
#include <signal.h>

#include "agent/shell/settings.h"
#include "agent/shell/setup.h"
#include "agent/shell/shell_inside.h"
#include "agent/shell/tokenfile.h"
#include "base/text.h"

#define LIFE_TURN_MS      10 /* between two looks at what is left to flush */
#define LIFE_MEMBERS_SHOW 64
#define LIFE_TELL_MS      5000

/* ---- a look inside, on USR1 */

static void dump_members(struct shell *s)
{
    uint32_t count = agent_node_member_count(s->node);
    for (uint32_t i = 0; i < count && i < LIFE_MEMBERS_SHOW; i++) {
        struct agent_member m;
        char addr[MUSTER_ADDR_TEXT], id[MUSTER_ID_TEXT];
        agent_node_member(s->node, i, &m);
        shell_journal(s->journal, AGENT_LOG_INFO,
                      "member %s %s at %s: %s, %s, %s, %u of %u slots, boot %llu", m.name,
                      muster_id_text(m.id, id), muster_addr_text(m.addr, addr), m.status, m.mode,
                      m.is_self     ? "self"
                      : m.is_linked ? "linked"
                                    : "not linked",
                      m.used, m.slots, (unsigned long long)m.boot);
    }
}

static void dump_counters(struct shell *s)
{
    const struct shell_net_counters *n = &s->net.counters;
    struct agent_counters c;
    agent_node_counters(s->node, &c);
    shell_journal(
        s->journal, AGENT_LOG_INFO,
        "counters: placements %llu, starts %llu, exits %llu, restarts %llu, commits %llu, "
        "elections %llu, frames in %llu out %llu bad %llu, packets in %llu out %llu",
        (unsigned long long)c.placements, (unsigned long long)c.starts, (unsigned long long)c.exits,
        (unsigned long long)c.restarts, (unsigned long long)c.store.commits,
        (unsigned long long)c.store.elections, (unsigned long long)c.frames_in,
        (unsigned long long)c.frames_out, (unsigned long long)c.frames_bad,
        (unsigned long long)c.gossip.packets_in, (unsigned long long)c.gossip.packets_out);
    shell_journal(s->journal, AGENT_LOG_INFO,
                  "sockets: %u links, %u streams in, shed: %llu packets, %llu streams, %llu links; "
                  "%llu packets not sent, %llu cut, %llu links choked, %llu not proven, "
                  "%llu frames too long",
                  s->links.count, s->streams.inbound, (unsigned long long)n->packets_shed,
                  (unsigned long long)n->streams_shed, (unsigned long long)n->links_shed,
                  (unsigned long long)n->packets_failed, (unsigned long long)n->packets_cut,
                  (unsigned long long)n->links_choked, (unsigned long long)n->links_unproven,
                  (unsigned long long)n->frames_too_long);
}

static void dump(struct shell *s)
{
    struct agent_status st;
    char node[MUSTER_ID_TEXT], cluster[MUSTER_ID_TEXT];
    agent_node_status(s->node, &st);
    shell_journal(
        s->journal, AGENT_LOG_INFO,
        "status: node %s %s of cluster %s, %u alive, %u suspect, %u dead, %u of %u slots, "
        "%u runs, %u rows, keeper of %u buckets, %u without a keeper",
        st.node, muster_id_text(st.node_id, node), muster_id_text(st.cluster_id, cluster), st.alive,
        st.suspect, st.dead, st.used, st.slots, st.runs, st.rows, st.buckets_kept,
        st.buckets_orphan);
    for (size_t i = 0; i < sizeof st.problem / sizeof st.problem[0] && st.problem[i] != NULL; i++)
        shell_journal(s->journal, AGENT_LOG_INFO, "problem: %s", st.problem[i]);
    dump_members(s);
    dump_counters(s);
}

/* ---- signals */

/* A leave has a deadline of its own; should it still not end, something is wrong with us, and
 * whoever asked for it shall not wait for ever. */
static void leave_overdue(uv_timer_t *timer)
{
    struct shell *s = timer->data;
    shell_journal(s->journal, AGENT_LOG_ERROR, "leaving took too long: the agent ends now");
    shell_end(s, 1);
}

void shell_leave(struct shell *s)
{
    const struct agent_event e = { .kind = AGENT_EVENT_LEAVE };
    s->is_leaving = true;
    shell_notify(s->notify, "STOPPING=1\nSTATUS=handing over and leaving");
    (void)uv_timer_start(&s->ending, leave_overdue,
                         s->setup.node.leave_deadline_ms + SHELL_OVERDUE_S * 1000u, 0);
    shell_step(s, &e);
}

static void leave_told(struct shell *s, const char *signal)
{
    if (s->is_leaving) {
        shell_journal(s->journal, AGENT_LOG_WARN, "%s again: the agent ends at once", signal);
        shell_end(s, 1);
        return;
    }
    shell_journal(s->journal, AGENT_LOG_INFO, "%s: handing over and leaving", signal);
    shell_leave(s);
}

/* What cannot be read leaves what was read before. */
static void tokens_again(struct shell *s)
{
    char why[512];
    if (shell_tokenfile_read(s->setup.tokens, s->setup.tokens_path, s->journal, why, sizeof why) ==
        MUSTER_OK)
        shell_journal(s->journal, AGENT_LOG_INFO, "SIGHUP: %u tokens read from %s",
                      s->setup.tokens->count, s->setup.tokens_path);
    else
        shell_journal(s->journal, AGENT_LOG_ERROR, "SIGHUP: %s; the tokens from before stay", why);
}

/* `fresh` takes the place of the one that was held, or is closed. */
static void cert_took(struct shell *s, struct shell_cert *held, const char *file,
                      struct shell_cert *fresh, int err)
{
    char text[64];
    if (err != MUSTER_OK) {
        shell_journal(s->journal, AGENT_LOG_ERROR,
                      "SIGHUP: %s cannot be used; the one there was goes on", file);
        shell_cert_close(fresh);
        return;
    }
    shell_cert_close(held);
    *held = *fresh;
    shell_journal(s->journal, AGENT_LOG_INFO, "SIGHUP: %s was read again, and is good until %s",
                  file, muster_time_text(held->ends_wall_ms, text));
}

/* New certificates for connections from now on; those there are keep what they have. */
static void link_cert_again(struct shell *s)
{
    struct shell_cert fresh;
    char why[SHELL_WHY_MAX];
    if (shell_setup_cert(&fresh, &s->setup.link_paths, s->setup.node.name, s->journal, why,
                         sizeof why) == MUSTER_OK)
        cert_took(s, s->setup.link_cert, s->setup.link_paths.cert, &fresh,
                  shell_tls_renew(&s->tls, &fresh));
    else
        shell_journal(s->journal, AGENT_LOG_ERROR, "SIGHUP: %s; the one there was goes on", why);
}

static void door_cert_again(struct shell *s)
{
    struct shell_cert fresh;
    char why[SHELL_WHY_MAX];
    if (shell_cert_open(&fresh, &s->setup.cert_paths, shell_now().wall_ms, s->journal, why,
                        sizeof why) == MUSTER_OK)
        cert_took(s, s->setup.cert, s->setup.cert_paths.cert, &fresh,
                  shell_http_renew(s->http, &fresh));
    else
        shell_journal(s->journal, AGENT_LOG_ERROR, "SIGHUP: %s; the one there was goes on", why);
}

static void files_again(struct shell *s)
{
    if (s->setup.tokens != NULL)
        tokens_again(s);
    if (s->setup.link_cert != NULL)
        link_cert_again(s);
    if (s->setup.cert != NULL && s->http != NULL)
        door_cert_again(s);
    if (s->setup.tokens == NULL && s->setup.link_cert == NULL && s->setup.cert == NULL)
        shell_journal(s->journal, AGENT_LOG_INFO,
                      "SIGHUP: there is neither a file of tokens nor a certificate to read again; "
                      "SIGUSR2 reads all settings again, with every job alive");
}

static void signal_came(uv_signal_t *handle, int number)
{
    struct shell *s = handle->data;
    if (s->phase > SHELL_SERVING)
        return;
    switch (number) {
    case SIGTERM:
        leave_told(s, "SIGTERM");
        break;
    case SIGINT:
        leave_told(s, "SIGINT");
        break;
    case SIGHUP:
        files_again(s);
        break;
    case SIGUSR2:
        shell_renew(s);
        break;
    default:
        dump(s);
    }
}

static void pulse(uv_timer_t *timer)
{
    struct shell *s = timer->data;
    shell_notify(s->notify, "WATCHDOG=1");
}

void shell_life_open(struct shell *s)
{
    static const int numbers[SHELL_SIGNALS] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };
    for (size_t i = 0; i < SHELL_SIGNALS; i++) {
        int err = uv_signal_init(&s->loop, &s->signal[i]);
        MUSTER_ASSERT(err == 0);
        s->signal[i].data = s;
        (void)uv_signal_start(&s->signal[i], signal_came, numbers[i]);
    }
    s->has_signals = true;
    if (s->notify->watchdog_ms > 0)
        (void)uv_timer_start(&s->pulse, pulse, 0, s->notify->watchdog_ms);
}

/* ---- what the service manager hears */

void shell_life_serving(struct shell *s)
{
    char gossip[MUSTER_ADDR_TEXT], http[MUSTER_ADDR_TEXT] = "no TCP";
    if (s->setup.http.len != 0)
        (void)muster_addr_text(s->setup.http, http);
    shell_journal(s->journal, AGENT_LOG_INFO,
                  "serving: gossip at %s, peers at port %u, API at %s and %s",
                  muster_addr_text(s->setup.gossip, gossip), s->setup.node.peer_port, http,
                  s->setup.socket_path != NULL ? s->setup.socket_path : "no socket");
    /* Ready means that the API answers. Whether there is a cluster yet may be up to a person, who
     * needs that API to found one, so nobody is made to wait for it. */
    shell_notify(s->notify, "READY=1");
}

void shell_life_tell(struct shell *s, uint64_t now_ms)
{
    static const char *const texts[] = {
        [AGENT_WAITING] = "in no cluster yet: waiting to be let in, or for `muster init`",
        [AGENT_JOINED] = "in the cluster",
        [AGENT_DRAINING] = "draining: takes no runs",
        [AGENT_LEAVING] = "handing over and leaving",
    };
    if (s->setup.link_cert != NULL)
        shell_cert_look(s->setup.link_cert, shell_now().wall_ms, s->journal);
    if (s->notify->fd < 0 || now_ms < s->told_ms + LIFE_TELL_MS)
        return;
    struct agent_status st;
    agent_node_status(s->node, &st);
    s->told_ms = now_ms;
    shell_notify(s->notify, "STATUS=%s; %u members alive, %u runs here", texts[st.standing],
                 st.alive, st.runs);
}

/* ---- the end */

static void handle_end(uv_handle_t *handle)
{
    uv_close(handle, NULL);
}

void shell_end_now(struct shell *s)
{
    if (s->phase == SHELL_CLOSING)
        return;
    s->phase = SHELL_CLOSING;
    shell_udp_close(&s->udp);
    shell_streams_close(&s->streams);
    shell_links_close(&s->links);
    shell_checks_close(&s->checks);
    shell_resolve_close(&s->resolve);
    if (s->http != NULL)
        shell_http_close(s->http, NULL);
    if (s->logs != NULL)
        shell_logs_close(s->logs);
    if (s->guards != NULL)
        shell_guards_close(s->guards);
    shell_renew_close(s);
    handle_end((uv_handle_t *)&s->tick);
    handle_end((uv_handle_t *)&s->pulse);
    handle_end((uv_handle_t *)&s->ending);
    handle_end((uv_handle_t *)&s->prepare);
    for (size_t i = 0; s->has_signals && i < SHELL_SIGNALS; i++)
        handle_end((uv_handle_t *)&s->signal[i]);
}

static void flush_look(uv_timer_t *timer)
{
    struct shell *s = timer->data;
    if (s->links.count == 0 || shell_now().mono_ms >= s->flush_until_ms)
        shell_end_now(s);
}

void shell_end(struct shell *s, int exit_code)
{
    if (s->phase > SHELL_SERVING)
        return;
    s->exit_code = exit_code;
    s->phase = SHELL_FLUSHING;
    s->flush_until_ms = shell_now().mono_ms + SHELL_FLUSH_MS;
    shell_links_finish(&s->links);
    (void)uv_timer_stop(&s->tick);
    (void)uv_timer_start(&s->ending, flush_look, LIFE_TURN_MS, LIFE_TURN_MS);
}
