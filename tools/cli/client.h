/* Client: one HTTP request to an agent, over its unix socket or TCP; the only door to libcurl.
 *
 * units    milliseconds
 * memory   cli_client_open allocates; an answer's text is the caller's to close
 * errors   MUSTER_EINVAL an address that is neither form, MUSTER_EUNREACHABLE nobody there,
 *          MUSTER_EDENIED a socket that this user may not open, MUSTER_ETIMEOUT no answer in time,
 *          MUSTER_EFOREIGN a certificate that is not trusted, or cannot be read,
 *          MUSTER_EIO broken off in the middle, MUSTER_ELIMIT a path too long or an answer beyond
 *          CLI_ANSWER_MAX; cli_client_problem then has the details for a person
 * threads  one
 */
#ifndef MUSTER_CLI_CLIENT_H
#define MUSTER_CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "tools/cli/path.h"

#define CLI_ADDR_DEFAULT "/run/muster/agent.sock"
#define CLI_ANSWER_MAX   (64u * 1024 * 1024)
#define CLI_LINE_MAX     (1024u * 1024) /* of a stream */
#define CLI_ASK_MS       30000

struct cli_client;

struct cli_request {
    const char *method;
    const char *about; /* the name this is about, for what is said when it fails; NULL for none */
    const struct cli_path *path;
    const char *body;    /* JSON, NULL for none */
    const char *accept;  /* NULL: application/json */
    const char *last_id; /* Last-Event-ID, NULL for none */
    bool create_only;    /* If-None-Match: * */
    long long revision;  /* If-Match, 0 for none */
    long timeout_ms;     /* 0: CLI_ASK_MS; streams never time out once they speak */
    FILE *upload;        /* the body, of any size, in place of `body`; NULL for none */
    FILE *download;      /* where a good answer goes, of any size; NULL: it is kept */
    void (*progress)(void *whose, long long done, long long of); /* of both; `of` 0: not known */
    void *whose;
};

struct cli_answer {
    long status;
    struct muster_text body; /* of a stream: only what came with a status other than 200 */
};

/* One line of a stream without its newline; false ends the stream. */
struct cli_listener {
    bool (*line)(void *whose, const char *line, size_t len);
    void *whose;
};

/* Borrowed as long as the client. */
struct cli_way {
    const char *addr;  /* a socket path (it has a slash and no scheme) or http(s)://host:port */
    const char *token; /* NULL: none; over a socket it is not needed, and not sent */
    const char *ca;    /* files; NULL: those that the host trusts, and no certificate of ours */
    const char *cert, *key;
};
MUSTER_MUST_USE int cli_client_open(struct cli_client **client, const struct cli_way *way);
void cli_client_close(struct cli_client *client);

MUSTER_MUST_USE int cli_client_ask(struct cli_client *client, const struct cli_request *request,
                                   struct cli_answer *answer);
MUSTER_MUST_USE int cli_client_stream(struct cli_client *client, const struct cli_request *request,
                                      struct cli_listener listener, struct cli_answer *answer);
void cli_answer_close(struct cli_answer *answer);

const char *cli_client_addr(const struct cli_client *client);
const char *cli_client_problem(const struct cli_client *client);

#endif
