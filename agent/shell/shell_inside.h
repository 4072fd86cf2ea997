/* Inside of the shell: the state of one agent process, shared by the files that open, step and
 * perform.
 *
 * units    milliseconds of shell_now's clock
 * memory   owned by struct shell
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_SHELL_INSIDE_H
#define MUSTER_AGENT_SHELL_SHELL_INSIDE_H

#include <uv.h>

#include "agent/api.h"
#include "agent/node.h"
#include "agent/shell/check.h"
#include "agent/shell/disk.h"
#include "agent/shell/guard.h"
#include "agent/shell/http.h"
#include "agent/shell/link.h"
#include "agent/shell/logs.h"
#include "agent/shell/net.h"
#include "agent/shell/payload.h"
#include "agent/shell/resolve.h"
#include "agent/shell/shell.h"
#include "agent/shell/stream.h"
#include "agent/shell/udp.h"
#include "agent/shell/zones.h"

#define SHELL_SIGNALS     5
#define SHELL_CUTS_MAX    64
#define SHELL_UPLOADS_MAX 16

/* Of the program that is to take our place (agent/shell/renew.h). */
struct shell_trial {
    pid_t pid;
    int pid_fd;
    uv_poll_t ended;
    uv_timer_t limit;
    bool is_under_way;
};

enum shell_phase {
    SHELL_SCANNING, /* guards of an earlier agent are looked for; nobody else is heard yet */
    SHELL_SERVING,
    SHELL_FLUSHING, /* the node is done; last words go out */
    SHELL_CLOSING   /* every handle is being closed */
};

/* Output of a job on its way to a peer or a client. */
struct shell_flow {
    uint64_t number; /* of the stream of output */
    bool has_link, has_client;
    uint32_t link;
    uint64_t client;
};

/* A body on its way to the disk. */
struct shell_upload {
    uint64_t id;     /* of its request; 0: free */
    uint64_t number; /* of its file */
    uint64_t size;
    bool is_ending;
    struct agent_http_upload made;
};

struct shell {
    struct shell_zones *zones;
    uv_loop_t loop;
    struct shell_setup setup;
    struct shell_ports ports;
    struct shell_boot boot;
    struct shell_journal *journal;
    struct shell_notify *notify;

    struct agent_node *node;
    struct agent_api *api;
    struct shell_net net;
    struct shell_udp udp;
    struct shell_streams streams;
    struct shell_tls tls;
    struct shell_links links;
    struct shell_checks checks;
    struct shell_disk disk;
    struct shell_guards *guards;
    struct shell_logs *logs;
    struct shell_payloads *payloads;
    struct shell_http *http;
    struct shell_upload upload[SHELL_UPLOADS_MAX];
    uint64_t uploads; /* ever */
    struct shell_resolve resolve;
    struct shell_trial trial;

    uv_timer_t tick;
    uv_timer_t pulse;  /* the service manager's watchdog */
    uv_timer_t ending; /* a bound on everything that must end */
    uv_prepare_t prepare;
    uv_signal_t signal[SHELL_SIGNALS];

    bool has_flow; /* the node is being stepped with output */
    struct shell_flow flow;
    struct shell_flow paused[SHELL_LOGS_MAX];
    uint32_t paused_count;
    uint64_t cut[SHELL_CUTS_MAX]; /* streams whose clients were too slow; the API does not know */
    uint32_t cut_count;

    enum shell_phase phase;
    bool is_stepping;
    bool is_leaving;      /* told to, by the first TERM or INT, or by what was found out */
    bool is_wrong_folder; /* it leaves because of that */
    bool is_exit_due, has_signals;
    int exit_code;
    uint64_t due_ms;   /* when the loop wants to be woken */
    uint64_t awake_ms; /* when it went to sleep last */
    uint64_t flush_until_ms;
    uint64_t serving_ms;   /* since when */
    uint64_t strangers_ms; /* since when nobody but strangers is known, 0: not so */
    uint64_t host_ms;      /* when the node last heard how its host is; 0: never */
    uint64_t told_ms;      /* when the service manager last heard how we are */
};

/* One event into the node, and everything the node wants because of it. */
void shell_step(struct shell *s, const struct agent_event *event);
/* Does what an effect says. */
void shell_perform(struct shell *s, const struct agent_effect *e);

/* agent/shell/web.c: HTTP clients, the API between them and the node. */
int shell_web_open(struct shell *s, char *why, size_t size);
void shell_web_effect(struct shell *s, const struct agent_effect *e);
void shell_web_tick(struct shell *s, struct muster_now now);

/* agent/shell/upload.c: payloads that clients bring. */
bool shell_upload_part(void *context, uint64_t id, struct muster_bytes bytes, bool is_last);
void shell_upload_done(void *context, const struct agent_payload_news *news, bool is_whole);
void shell_upload_over(void *context, uint64_t id); /* its request has ended */
const struct agent_http_upload *shell_upload_made(struct shell *s, uint64_t id);

/* agent/shell/flow.c: output waits for slow readers. */
void shell_flow_begin(struct shell *s, uint64_t number);
void shell_flow_saw(struct shell *s, const struct agent_effect *e);
void shell_flow_end(struct shell *s);
void shell_flow_look(struct shell *s);

/* agent/shell/join.c: seeds that are names, and seeds of somebody else. */
void shell_join_open(struct shell *s);
void shell_join_look(struct shell *s, uint64_t now_ms);

/* agent/shell/host.c: tells the node how its host is, now and then. */
void shell_host_look(struct shell *s, uint64_t now_ms);

/* agent/shell/life.c: signals, the end, what the service manager hears. */
void shell_life_open(struct shell *s);
void shell_life_serving(struct shell *s);
void shell_life_tell(struct shell *s, uint64_t now_ms); /* now and then */
void shell_leave(struct shell *s);              /* hands over, then AGENT_EFFECT_EXIT ends it */
void shell_end(struct shell *s, int exit_code); /* after the last words to peers */
void shell_end_now(struct shell *s);

#endif
