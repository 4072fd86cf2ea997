/* SPDX-License-Identifier: Apache-2.0 */
/* What a node wants, done: one effect, one call. */
#include "agent/shell/keyfile.h"
#include "agent/shell/shell_inside.h"

static void perform_gossip(struct shell *s, const struct agent_effect *e)
{
    switch (e->kind) {
    case AGENT_EFFECT_SEND:
        shell_udp_send(&s->udp, e->to, e->bytes);
        break;
    case AGENT_EFFECT_STREAM_OPEN:
        shell_stream_dial(&s->streams, e->stream, e->to, e->bytes, e->deadline_ms);
        break;
    case AGENT_EFFECT_STREAM_REPLY:
        shell_stream_reply(&s->streams, e->stream, e->bytes);
        break;
    default:
        shell_stream_close(&s->streams, e->stream, e->inbound);
    }
}

static void perform_link(struct shell *s, const struct agent_effect *e)
{
    switch (e->kind) {
    case AGENT_EFFECT_LINK_DIAL:
        shell_link_dial(&s->links, e->link, e->to, e->deadline_ms);
        break;
    case AGENT_EFFECT_LINK_SEND:
        shell_link_send(&s->links, e->link, e->bytes);
        shell_flow_saw(s, e);
        break;
    case AGENT_EFFECT_LINK_CLOSE:
        shell_link_close(&s->links, e->link);
        break;
    default:
        shell_check(&s->checks, e->link, e->to, e->deadline_ms);
    }
}

static void perform_guard(struct shell *s, const struct agent_effect *e)
{
    switch (e->kind) {
    case AGENT_EFFECT_GUARD_LAUNCH:
        shell_guards_launch(s->guards, e->launch);
        break;
    case AGENT_EFFECT_GUARD_STOP:
        shell_guards_stop(s->guards, e->number, e->grace_ms);
        break;
    case AGENT_EFFECT_GUARD_LEASE:
        shell_guards_lease(s->guards, e->number, e->deadline_ms);
        break;
    case AGENT_EFFECT_GUARD_SIGNAL:
        shell_guards_signal(s->guards, e->number, e->signal);
        break;
    default:
        shell_guards_forget(s->guards, e->number);
    }
}

void shell_perform(struct shell *s, const struct agent_effect *e)
{
    switch (e->kind) {
    case AGENT_EFFECT_SEND:
    case AGENT_EFFECT_STREAM_OPEN:
    case AGENT_EFFECT_STREAM_REPLY:
    case AGENT_EFFECT_STREAM_CLOSE:
        perform_gossip(s, e);
        break;
    case AGENT_EFFECT_LINK_DIAL:
    case AGENT_EFFECT_LINK_SEND:
    case AGENT_EFFECT_LINK_CLOSE:
    case AGENT_EFFECT_CHECK:
        perform_link(s, e);
        break;
    case AGENT_EFFECT_COMMIT:
        shell_disk_commit(&s->disk, e->batch);
        break;
    case AGENT_EFFECT_GUARD_LAUNCH:
    case AGENT_EFFECT_GUARD_STOP:
    case AGENT_EFFECT_GUARD_LEASE:
    case AGENT_EFFECT_GUARD_SIGNAL:
    case AGENT_EFFECT_GUARD_FORGET:
        perform_guard(s, e);
        break;
    case AGENT_EFFECT_REPLY:
    case AGENT_EFFECT_NEWS:
        shell_web_effect(s, e);
        break;
    case AGENT_EFFECT_CHUNK:
        shell_web_effect(s, e);
        shell_flow_saw(s, e);
        break;
    case AGENT_EFFECT_LOGS:
        shell_logs_start(s->logs, e->number, e->logs);
        break;
    case AGENT_EFFECT_PAYLOAD:
        shell_payloads_do(s->payloads, e->payload);
        break;
    case AGENT_EFFECT_LOGS_CANCEL:
        shell_logs_cancel(s->logs, e->number);
        break;
    case AGENT_EFFECT_KEYRING:
        shell_keyfile_save(s->setup.keyring_path, e->bytes, s->journal);
        shell_links_ring_changed(&s->links);
        break;
    case AGENT_EFFECT_LOG:
        shell_journal_text(s->journal, e->level, shell_now().wall_ms, e->text);
        break;
    case AGENT_EFFECT_EXIT:
        s->is_exit_due = true;
        if (e->err == MUSTER_OK)
            shell_guards_pass(s->guards); /* what is still there waits for the next agent */
        s->exit_code = s->is_wrong_folder || e->err == MUSTER_EFOREIGN ? SHELL_EXIT_CONFIG
                       : e->err == MUSTER_OK                           ? 0
                                                                       : 1;
        break;
    }
}
