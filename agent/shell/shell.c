/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, the loop, the step, and the orderly end of memory. */
#include "agent/shell/shell.h"

#include <stdlib.h>

#include "agent/shell/process.h"
#include "agent/shell/shell_inside.h"
#include "base/text.h"

/* ---- the step */

static void step_once(struct shell *s, struct muster_now now, const struct agent_event *event)
{
    struct agent_effect e;
    MUSTER_ASSERT(!s->is_stepping);
    s->is_stepping = true;
    agent_node_step(s->node, now, event);
    while (agent_node_next(s->node, &e))
        shell_perform(s, &e);
    s->is_stepping = false;
}

/* Woken much later than wanted, the loop was stopped, starved or busy: the node has to know before
 * it believes anything that has piled up meanwhile (R47). Half the time that it waits for a peer's
 * answer is too much: it could not tell that peer's silence from its own absence. */
static void away_look(struct shell *s, struct muster_now now)
{
    struct agent_event e = { .kind = AGENT_EVENT_AWAY };
    if (s->phase != SHELL_SERVING || now.mono_ms < s->due_ms ||
        now.mono_ms - s->due_ms < s->setup.node.gossip.probe_timeout_ms / 2)
        return;
    e.gap_ms = now.mono_ms - s->awake_ms;
    s->due_ms = MUSTER_NEVER;
    step_once(s, now, &e);
}

void shell_step(struct shell *s, const struct agent_event *event)
{
    struct muster_now now = shell_now();
    if (s->phase > SHELL_SERVING)
        return;
    away_look(s, now);
    step_once(s, now, event);
    if (s->is_exit_due)
        shell_end(s, s->exit_code);
}

/* ---- the loop */

static void tick(uv_timer_t *timer)
{
    struct shell *s = timer->data;
    const struct agent_event e = { .kind = AGENT_EVENT_TICK };
    shell_step(s, &e);
    struct muster_now now = shell_now();
    shell_web_tick(s, now);
    if (s->phase != SHELL_SERVING)
        return;
    shell_life_tell(s, now.mono_ms);
    shell_join_look(s, now.mono_ms);
    shell_host_look(s, now.mono_ms);
}

/* The last thing before the loop sleeps: what was collected goes out, and the next tick is set. */
static void before_sleep(uv_prepare_t *prepare)
{
    struct shell *s = prepare->data;
    shell_links_flush(&s->links);
    if (s->phase != SHELL_SERVING)
        return;
    shell_flow_look(s);
    uint64_t now_ms = shell_now().mono_ms;
    uint64_t due_ms =
        muster_deadline_sooner(agent_node_deadline_ms(s->node), agent_api_deadline_ms(s->api));
    due_ms = muster_deadline_sooner(due_ms, now_ms + SHELL_IDLE_MS);
    s->awake_ms = now_ms;
    s->due_ms = due_ms > now_ms ? due_ms : now_ms;
    /* Timers count whole milliseconds of another clock: one more, or half of them would wake the
     * loop a moment too early, and twice. */
    uv_update_time(&s->loop);
    (void)uv_timer_start(&s->tick, tick, due_ms > now_ms ? due_ms - now_ms + 1 : 0, 0);
}

static void net_event(void *context, const struct agent_event *event)
{
    shell_step(context, event);
}

/* Its answers are dropped and its reigns given up by the core, whatever the error; a disk that
 * fails again after its files were opened anew is none that anything could be promised on (R53). */
static void disk_done(void *context, uint64_t batch, int err)
{
    struct shell *s = context;
    struct agent_event e = { .kind = AGENT_EVENT_COMMITTED, .batch = batch, .err = err };
    if (err != MUSTER_OK && err != MUSTER_ENOSPC)
        shell_journal(s->journal, AGENT_LOG_ERROR, "the disk of %s failed: %s; %s", s->boot.folder,
                      muster_err_text(err),
                      s->disk.is_broken ? "again, and the agent ends"
                                        : "its files are opened anew");
    shell_step(s, &e);
    if (s->disk.is_broken)
        shell_end(s, 1);
}

static void logs_bytes(void *context, uint64_t number, struct muster_bytes bytes, bool ended,
                       int err)
{
    struct agent_event e = {
        .kind = AGENT_EVENT_LOGS, .number = number, .bytes = bytes, .ended = ended, .err = err
    };
    shell_flow_begin(context, number);
    shell_step(context, &e);
    shell_flow_end(context);
}

/* Every guard that an earlier agent left behind is known: now peers and gossip may come. */
static void serve(struct shell *s)
{
    s->phase = SHELL_SERVING;
    s->due_ms = MUSTER_NEVER;
    s->serving_ms = shell_now().mono_ms;
    shell_udp_open(&s->udp, &s->net, shell_port_take(&s->ports.gossip_udp),
                   s->setup.gossip.len == 16);
    shell_streams_listen(&s->streams, shell_port_take(&s->ports.gossip_tcp));
    shell_links_listen(&s->links, shell_port_take(&s->ports.peers));
    shell_join_open(s);
    shell_life_serving(s);
}

static void guard_event(void *context, const struct agent_guard_event *g)
{
    struct shell *s = context;
    struct agent_event e = { .kind = AGENT_EVENT_GUARD, .guard = g };
    shell_step(s, &e);
    if (g->news == AGENT_GUARD_SCANNED && s->phase == SHELL_SCANNING)
        serve(s);
}

/* ---- opening */

static int node_open(struct shell *s, char *why, size_t size)
{
    s->zones = shell_zones_open();
    if (s->zones == NULL)
        return MUSTER_EFULL;
    s->setup.node.zones = (struct agent_zone_source){ shell_zones_find, s->zones };
    int err = agent_node_open(&s->node, &s->setup.node);
    if (err != MUSTER_OK) {
        (void)muster_format(why, size, "the node does not start: %s", muster_err_text(err));
        return err;
    }
    err = shell_boot_load(&s->boot, s->node, why, size);
    if (err == MUSTER_OK)
        err = agent_api_open(&s->api, s->node);
    return err;
}

static int guards_open(struct shell *s, char *why, size_t size)
{
    const struct shell_guards_config guards = { .loop = &s->loop,
                                                .run_dir = s->setup.run_dir,
                                                .log_dir = s->setup.log_dir,
                                                .guard_path = s->setup.guard_path,
                                                .context = s,
                                                .on_event = guard_event };
    const struct shell_logs_config logs = {
        .loop = &s->loop, .log_dir = s->setup.log_dir, .context = s, .on_bytes = logs_bytes
    };
    int err = shell_guards_open(&s->guards, &guards);
    if (err == MUSTER_OK)
        err = shell_logs_open(&s->logs, &logs);
    if (err == MUSTER_ELIMIT)
        (void)muster_format(why, size, "%s: the path is too long for the sockets of runs in it",
                            s->setup.run_dir);
    else if (err != MUSTER_OK)
        (void)muster_format(why, size, "%s or %s cannot be made: %s", s->setup.run_dir,
                            s->setup.log_dir, muster_err_text(err));
    return err;
}

static void payload_news(void *context, const struct agent_payload_news *news)
{
    const struct agent_event e = { .kind = AGENT_EVENT_PAYLOAD, .payload = news };
    shell_step(context, &e);
}

static int payloads_open(struct shell *s, char *why, size_t size)
{
    const struct shell_payloads_config c = { .loop = &s->loop,
                                             .data_dir = s->boot.folder,
                                             .context = s,
                                             .on_news = payload_news,
                                             .on_upload = shell_upload_done };
    int err = shell_payloads_open(&s->payloads, &c, why, size);
    if (err == MUSTER_OK)
        s->setup.node.payload_dir = shell_payloads_dir(s->payloads);
    return err;
}

static void handles_open(struct shell *s)
{
    int err = uv_timer_init(&s->loop, &s->tick);
    MUSTER_ASSERT(err == 0);
    err = uv_timer_init(&s->loop, &s->pulse);
    MUSTER_ASSERT(err == 0);
    err = uv_timer_init(&s->loop, &s->ending);
    MUSTER_ASSERT(err == 0);
    err = uv_prepare_init(&s->loop, &s->prepare);
    MUSTER_ASSERT(err == 0);
    err = uv_timer_init(&s->loop, &s->trial.limit);
    MUSTER_ASSERT(err == 0);
    s->trial.limit.data = s;
    s->tick.data = s->pulse.data = s->ending.data = s->prepare.data = s;
    (void)uv_prepare_start(&s->prepare, before_sleep);
}

static int parts_open(struct shell *s, char *why, size_t size)
{
    int err = shell_net_open(&s->net, &s->loop, s, net_event);
    if (err != MUSTER_OK)
        return err;
    err = shell_tls_open(&s->tls, &s->setup.secure);
    if (err != MUSTER_OK) {
        (void)muster_format(why, size,
                            "links cannot be secured: GnuTLS here is too old, or `tls` "
                            "names what it cannot use");
        return err;
    }
    shell_streams_open(&s->streams, &s->net);
    shell_links_open(&s->links, &s->net, &s->tls);
    shell_checks_open(&s->checks, &s->net);
    shell_disk_open(&s->disk, &s->loop, s->boot.disk, s->boot.folder, s, disk_done);
    err = shell_web_open(s, why, size);
    if (err == MUSTER_OK)
        err = payloads_open(s, why, size);
    if (err == MUSTER_OK)
        err = node_open(s, why, size);
    if (err == MUSTER_OK)
        err = guards_open(s, why, size);
    return err;
}

int shell_open(struct shell **out, const struct shell_setup *setup, struct shell_ports *ports,
               struct shell_boot *boot, struct shell_journal *journal, struct shell_notify *notify,
               char *why, size_t size)
{
    struct shell *s = calloc(1, sizeof *s);
    MUSTER_ASSERT(s != NULL);
    s->setup = *setup;
    s->ports = *ports;
    s->boot = *boot;
    s->journal = journal;
    s->notify = notify;
    int err = uv_loop_init(&s->loop);
    MUSTER_ASSERT(err == 0);
    handles_open(s);
    (void)muster_format(why, size, "%s", "there is not enough memory");
    err = parts_open(s, why, size);
    if (err != MUSTER_OK) {
        shell_close(s);
        return err;
    }
    *out = s;
    return MUSTER_OK;
}

int shell_run(struct shell *s)
{
    struct agent_effect e;
    shell_life_open(s);
    agent_node_start(s->node, shell_now());
    while (agent_node_next(s->node, &e))
        shell_perform(s, &e);
    shell_payloads_scan(s->payloads);
    shell_guards_scan(s->guards);
    shell_process_rest();
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    return s->exit_code;
}

/* ---- the end of memory: whatever still has a handle is closed by a last turn of the loop */

void shell_close(struct shell *s)
{
    shell_end_now(s);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    int err = uv_loop_close(&s->loop);
    MUSTER_ASSERT(err == 0);
    if (s->node != NULL)
        agent_node_close(s->node);
    shell_payloads_close(s->payloads);
    shell_zones_close(s->zones);
    agent_api_close(s->api);
    shell_net_close(&s->net);
    shell_tls_close(&s->tls);
    shell_ports_close(&s->ports);
    shell_boot_close(&s->boot);
    free(s);
}
