/* SPDX-License-Identifier: Apache-2.0 */
/* Lines become runs, a thousand with one request; what fails is asked for again. */
#include "tools/cli/trigger_from.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/job.h"
#include "agent/json.h"
#include "agent/template.h"
#include "base/hash.h"
#include "base/text.h"
#include "tools/cli/api.h"

#define BODY_MAX  (900 * 1024) /* an agent takes a MiB */
#define LINE_ROOM (200 * 1024) /* and one line may need so much of it, with its escapes */
#define TRIES_MAX 20
#define PAUSE_MS  100
#define PAUSE_MAX 2000
#define LOOK_MS   200 /* between two progress lines */

struct line {
    char *arg;
    char key[AGENT_KEY_MAX + 1];
    bool is_done;
};

struct feed {
    struct cli *cli;
    const char *job, *file, *batch;
    bool is_keyed;
    FILE *in;
    char *text; /* of getline */
    size_t size;
    long long line_number, bytes, bytes_all; /* bytes_all 0: a pipe */
    struct line line[AGENT_TRIGGER_ITEMS];
    size_t count;
    long long began_ms, looked_ms;
    long long fresh, already;
    char problem[512]; /* of the last that failed */
};

/* ---- lines */

/* Of its place and its text, so that the same file again means the same runs. */
static void key_make(const struct feed *f, struct line *line)
{
    uint64_t hash = muster_hash64(muster_bytes_text(line->arg), 5);
    muster_format(line->key, sizeof line->key, "%s:%lld:%016llx", f->batch, f->line_number,
                  (unsigned long long)hash);
}

static int line_bad(struct feed *f, const char *what)
{
    cli_say(&f->cli->term, "%s:%lld: %s", f->file, f->line_number, what);
    return CLI_CONFIG;
}

static int line_take(struct feed *f, char *text, size_t len)
{
    struct line *line = &f->line[f->count];
    char *arg = text, *tab = f->is_keyed ? strchr(text, '\t') : NULL;
    if (strlen(text) != len || !agent_json_is_utf8(MUSTER_BYTES(text, len)))
        return line_bad(f, "is not UTF-8 text");
    if (f->is_keyed && tab != NULL) {
        *tab = '\0';
        arg = tab + 1;
    } else if (f->is_keyed) {
        arg = text + len; /* a key alone */
    }
    if (f->is_keyed && (text[0] == '\0' || strlen(text) > AGENT_KEY_MAX))
        return line_bad(f, "has no key of 1 to 256 bytes before its first tab");
    if (strlen(arg) > AGENT_JOB_ARG_MAX)
        return line_bad(f, "is longer than 32 KiB");
    line->is_done = false;
    line->arg = strdup(arg);
    if (line->arg == NULL)
        return CLI_FAILED;
    if (f->is_keyed)
        muster_format(line->key, sizeof line->key, "%s", text);
    else
        key_make(f, line);
    f->count++;
    return CLI_OK;
}

/* As many as one request holds; none at the end of the file. Empty lines are passed over. */
static int lines_read(struct feed *f)
{
    size_t bytes = 0;
    f->count = 0;
    while (f->count < AGENT_TRIGGER_ITEMS && bytes + LINE_ROOM < BODY_MAX) {
        ssize_t len = getline(&f->text, &f->size, f->in);
        if (len < 0)
            break;
        f->line_number++;
        f->bytes += len;
        bytes += 6 * (size_t)len + 64; /* an escape makes six bytes of one */
        while (len > 0 && (f->text[len - 1] == '\n' || f->text[len - 1] == '\r'))
            f->text[--len] = '\0';
        int code = len > 0 ? line_take(f, f->text, (size_t)len) : CLI_OK;
        if (code != CLI_OK)
            return code;
    }
    if (ferror(f->in) == 0)
        return CLI_OK;
    cli_say(&f->cli->term, "%s: %s", f->file, strerror(errno));
    return CLI_FAILED;
}

static void lines_free(struct feed *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->line[i].arg);
        f->line[i].arg = NULL;
    }
    f->count = 0;
}

/* ---- one request */

static void body_write(const struct feed *f, struct muster_text *body)
{
    struct agent_json j;
    agent_json_open(&j, body);
    agent_json_object(&j);
    agent_json_key(&j, "items");
    agent_json_array(&j);
    for (size_t i = 0; i < f->count; i++) {
        if (f->line[i].is_done)
            continue;
        agent_json_object(&j);
        agent_json_put_text(&j, "arg", f->line[i].arg);
        agent_json_put_text(&j, "key", f->line[i].key);
        agent_json_object_end(&j);
    }
    agent_json_array_end(&j);
    agent_json_object_end(&j);
}

/* What the answer says of the lines that were asked for; true when all of them are done. */
static bool answer_take(struct feed *f, struct cli_value answer)
{
    struct cli_value items = cli_value_field(answer, "items");
    size_t at = 0, count = cli_value_count(items);
    bool is_all = true;
    for (size_t i = 0; i < f->count; i++) {
        struct line *line = &f->line[i];
        if (line->is_done)
            continue;
        struct cli_value item = cli_value_item(items, at++);
        const char *wrong = cli_text(cli_value_field(item, "error"), "message", NULL);
        line->is_done = at <= count && wrong == NULL;
        is_all = is_all && line->is_done;
        f->already += line->is_done && cli_truth(item, "already", false);
        f->fresh += line->is_done && !cli_truth(item, "already", false);
        if (!line->is_done)
            muster_format(f->problem, sizeof f->problem, "%s",
                          wrong != NULL ? wrong : "the agent did not say what became of it");
    }
    return is_all;
}

/* An answer that will not be another one tomorrow. */
static bool is_final(const struct cli_result *result)
{
    return result->err == MUSTER_OK && result->answer.status >= 400 && result->answer.status < 500;
}

static void progress(struct feed *f, bool is_waiting)
{
    long long now = cli_mono_ms(), ms = now - f->began_ms, done = f->fresh + f->already;
    char part[32] = "";
    if (now < f->looked_ms + LOOK_MS && !is_waiting)
        return;
    f->looked_ms = now;
    if (f->bytes_all > 0)
        muster_format(part, sizeof part, " (%lld%%)", 100 * f->bytes / f->bytes_all);
    cli_term_progress(&f->cli->term, "%lld runs%s, %lld new, %lld there already, %lld/s%s%s", done,
                      part, f->fresh, f->already, ms > 0 ? done * 1000 / ms : 0,
                      is_waiting ? "; again soon: " : "", is_waiting ? f->problem : "");
}

/* CLI_OK when every line is a run; else what stands in the way was said. */
static int lines_send(struct feed *f, const struct cli_path *path)
{
    long long pause_ms = PAUSE_MS;
    int code = CLI_OK;
    for (int tries = 1;; tries++) {
        struct muster_text body;
        struct cli_result result;
        muster_text_open(&body, BODY_MAX + LINE_ROOM);
        body_write(f, &body);
        struct cli_request request = { .method = "POST", .path = path, .body = body.data };
        code = body.err == MUSTER_OK ? cli_api_ask(f->cli, &request, &result) : CLI_FAILED;
        muster_text_close(&body);
        if (body.err != MUSTER_OK)
            return code;
        bool is_all = code == CLI_OK && answer_take(f, result.root);
        bool is_end = is_all || tries == TRIES_MAX || is_final(&result);
        if (code != CLI_OK && is_end)
            cli_api_complain(f->cli, &result, NULL);
        else if (code != CLI_OK)
            muster_format(f->problem, sizeof f->problem, "%s",
                          cli_text(cli_value_field(result.root, "error"), "message",
                                   "the agent does not answer"));
        else if (is_end && !is_all)
            cli_say(&f->cli->term, "%s", f->problem);
        cli_api_close(&result);
        if (is_end)
            return code != CLI_OK ? code : is_all ? CLI_OK : CLI_FAILED;
        progress(f, true);
        cli_pause_ms(pause_ms);
        pause_ms = 2 * pause_ms < PAUSE_MAX ? 2 * pause_ms : PAUSE_MAX;
    }
}

/* ---- all of it */

static void end_told(struct feed *f, int code)
{
    long long ms = cli_mono_ms() - f->began_ms, all = f->fresh + f->already;
    cli_term_settle(&f->cli->term);
    if (f->cli->json)
        cli_print("{\"new\":%lld,\"already\":%lld,\"ms\":%lld}\n", f->fresh, f->already, ms);
    else
        cli_print("%s  %lld %s: %lld new, %lld there already, in %lld.%llds\n", f->job, all,
                  cli_plural(all, "run", "runs"), f->fresh, f->already, ms / 1000, ms % 1000 / 100);
    if (code != CLI_OK && code != CLI_NOT_FOUND && code != CLI_USAGE && all > 0)
        cli_say(&f->cli->term,
                "it was broken off at line %lld; the same command goes on from there",
                f->line_number);
}

/* Ctrl-C on a file is looked for between two requests, so that it can be said how far it came. */
static void interrupt_block(const struct feed *f)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    if (f->in != stdin)
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool is_interrupted(void)
{
    sigset_t set;
    return sigpending(&set) == 0 && sigismember(&set, SIGINT) == 1;
}

static int feed_all(struct feed *f)
{
    struct cli_path path;
    int code = CLI_OK;
    interrupt_block(f);
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, f->job);
    cli_path_plain(&path, "/run");
    f->began_ms = cli_mono_ms();
    do {
        code = lines_read(f);
        if (f->count > 0) { /* those before a bad line are good ones */
            int sent = lines_send(f, &path);
            code = sent != CLI_OK ? sent : code;
        }
        if (f->count == 0)
            break;
        lines_free(f);
        progress(f, false);
        if (code == CLI_OK && is_interrupted())
            code = CLI_FAILED;
    } while (code == CLI_OK);
    end_told(f, code);
    return code;
}

int cli_trigger_from(struct cli *cli, const char *file)
{
    const char *batch = cli_flag_value(&cli->args, "batch");
    bool is_pipe = strcmp(file, "-") == 0;
    struct stat st;
    struct feed *f = calloc(1, sizeof *f);
    if (f == NULL)
        return CLI_FAILED;
    f->cli = cli;
    f->job = cli->args.word[0];
    f->file = is_pipe ? "(standard input)" : file;
    f->batch = batch != NULL ? batch : file;
    f->is_keyed = cli_flag_given(&cli->args, "keyed");
    f->in = is_pipe ? stdin : fopen(file, "r");
    int code = CLI_FAILED;
    if (f->in == NULL) {
        cli_say(&cli->term, "%s: %s", file, strerror(errno));
    } else if (strlen(f->batch) > 200) {
        cli_say(&cli->term, "%s has more than 200 bytes; say a shorter --batch",
                batch != NULL ? "--batch" : "the name of the file");
        code = CLI_USAGE;
    } else {
        if (fstat(fileno(f->in), &st) == 0 && S_ISREG(st.st_mode))
            f->bytes_all = (long long)st.st_size;
        code = feed_all(f);
        lines_free(f);
    }
    if (f->in != NULL && !is_pipe)
        (void)fclose(f->in);
    free(f->text);
    free(f);
    return code;
}
