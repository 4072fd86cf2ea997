/* Api: one question to the agent, its answer taken apart, and what went wrong as a sentence.
 *
 * memory   cli_api_close gives back what a result holds; it may be called after any outcome
 * errors   an exit code of enum cli_exit; cli_api_ask says nothing, cli_api_must says why
 * threads  one
 */
#ifndef MUSTER_CLI_API_H
#define MUSTER_CLI_API_H

#include "tools/cli/cli.h"
#include "tools/cli/client.h"
#include "tools/cli/reply.h"

#define CLI_ROWS_MAX 100000 /* of one table; the brim is told on standard error */
#define CLI_PAGE     1000   /* rows asked for at once */

struct cli_result {
    int exit; /* enum cli_exit */
    int err;  /* the client's, MUSTER_OK when the agent answered */
    struct cli_answer answer;
    struct cli_reply *reply; /* NULL when the answer was no JSON */
    struct cli_value root;
    const struct cli_path *path;
    const char *about;
    bool is_raw; /* a good answer is not JSON */
};

/* Takes apart the answer that a stream left in `result`. */
int cli_api_judge(struct cli_result *result);

int cli_api_ask(struct cli *cli, const struct cli_request *request, struct cli_result *result);
int cli_api_must(struct cli *cli, const struct cli_request *request, struct cli_result *result);
void cli_api_close(struct cli_result *result);

/* The sentence for a result whose exit is not CLI_OK; `next` says what to do about it, NULL for
 * what suits the exit code. An answer of the agent that already says so is left as it is. */
void cli_api_complain(struct cli *cli, const struct cli_result *result, const char *next);

/* GET, must. With --json the answer is printed as it came, and `result` is not for reading. */
int cli_api_read(struct cli *cli, const struct cli_path *path, struct cli_result *result);
int cli_api_post(struct cli *cli, const struct cli_path *path, const char *body,
                 struct cli_result *result);

/* Prints an answer as it came, with a newline at its end. */
void cli_api_print(const struct cli_result *result);

/* Walks a list page by page: `item` once for each, in order. With --json the pages are printed as
 * they came, one JSON text after the other. `limit` of 0 means all. */
struct cli_walk {
    void (*item)(void *whose, struct cli_value item);
    void *whose;
    long long limit;
    long long count; /* items seen */
    bool is_aside;   /* a look on the way to the answer: never printed as JSON */
    bool has_more;   /* stopped at the limit with more behind it */
};
int cli_api_walk(struct cli *cli, const struct cli_path *path, struct cli_walk *walk);

/* "stored on 3 nodes" */
const char *cli_plural(long long count, const char *one, const char *many);

#endif
