/* SPDX-License-Identifier: Apache-2.0 */
/* Reads job files, checks each document as the agent would, and keeps what is ready to be sent. */
#include "tools/cli/spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/doc.h"
#include "agent/job.h"
#include "agent/yaml.h"
#include "tools/cli/spec_add.h"

static struct cli_spec *specs_grow(struct cli_specs *specs)
{
    if (specs->count == specs->room) {
        size_t room = specs->room == 0 ? 16 : specs->room * 2;
        struct cli_spec *more = realloc(specs->spec, room * sizeof *more);
        if (more == NULL)
            return NULL;
        specs->spec = more;
        specs->room = room;
    }
    memset(&specs->spec[specs->count], 0, sizeof *specs->spec);
    return &specs->spec[specs->count];
}

void cli_specs_close(struct cli_specs *specs)
{
    for (size_t i = 0; i < specs->count; i++)
        free(specs->spec[i].json);
    free(specs->spec);
    *specs = (struct cli_specs){ 0 };
}

static const struct cli_spec *specs_named(const struct cli_specs *specs, const char *name)
{
    for (size_t i = 0; i < specs->count; i++)
        if (strcmp(specs->spec[i].name, name) == 0)
            return &specs->spec[i];
    return NULL;
}

/* A second job of the same name would undo the first one in the same breath. */
static int name_check(const struct cli_specs *specs, const struct agent_job *job,
                      const struct agent_doc_node *root, struct agent_problem *problem)
{
    const struct cli_spec *same = specs_named(specs, job->name);
    if (same == NULL)
        return MUSTER_OK;
    return agent_problem_set(problem, MUSTER_EEXISTS, "name", root->line, root->column,
                             "\"%s\" stands already in %s, line %u; keep one", job->name,
                             same->file, same->line);
}

int cli_specs_add(struct cli_specs *specs, const struct agent_doc_node *root, const char *file,
                  struct agent_problem *problem)
{
    struct agent_job job;
    struct muster_text json;
    if (specs->count == CLI_SPECS_MAX)
        return agent_problem_set(problem, MUSTER_ELIMIT, "", root->line, root->column,
                                 "more than %d jobs at once; apply the files in parts",
                                 CLI_SPECS_MAX);
    int err = agent_job_from_doc(&job, root, NULL, problem);
    if (err != MUSTER_OK)
        return err;
    struct cli_spec *spec = specs_grow(specs);
    muster_text_open(&json, AGENT_JOB_TEXT_MAX + 1);
    err = file != NULL ? name_check(specs, &job, root, problem) : MUSTER_OK;
    if (err == MUSTER_OK && spec == NULL)
        err = agent_problem_set(problem, MUSTER_EFULL, "", 0, 0, "out of memory");
    if (err == MUSTER_OK) {
        agent_job_canonical(&job, &json);
        MUSTER_ASSERT(json.err == MUSTER_OK || json.err == MUSTER_EFULL);
        muster_format(spec->name, sizeof spec->name, "%s", job.name);
        spec->json = json.data != NULL ? strdup(json.data) : NULL;
        spec->file = file;
        spec->line = root->line;
        if (spec->json != NULL)
            specs->count++;
        else
            err = agent_problem_set(problem, MUSTER_EFULL, "", 0, 0, "out of memory");
    }
    muster_text_close(&json);
    agent_job_close(&job);
    return err;
}

/* The whole file; `text` stops growing at its maximum, and libyaml's door says so. */
static int file_read(struct cli *cli, const char *name, struct muster_text *text)
{
    char piece[16384];
    bool is_stdin = strcmp(name, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(name, "rb");
    size_t len;
    if (file == NULL) {
        cli_say(&cli->term, "cannot read %s: %s; check the name", name, strerror(errno));
        return CLI_FAILED;
    }
    while ((len = fread(piece, 1, sizeof piece, file)) > 0 && text->err == MUSTER_OK)
        muster_text_add_bytes(text, MUSTER_BYTES(piece, len));
    int failed = ferror(file) != 0 ? errno : 0;
    if (!is_stdin)
        (void)fclose(file);
    if (failed != 0) {
        cli_say(&cli->term, "cannot read %s: %s; check the file", name, strerror(failed));
        return CLI_FAILED;
    }
    if (text->err != MUSTER_OK) {
        cli_say(&cli->term, "%s: is larger than %d bytes; split it", name, AGENT_DOC_BYTES_MAX);
        return CLI_CONFIG;
    }
    return CLI_OK;
}

static void problem_say(struct cli *cli, struct cli_specs *specs, const char *file,
                        const struct agent_problem *problem)
{
    char line[AGENT_PROBLEM_LINE];
    specs->wrong++;
    cli_say(&cli->term, "%s", agent_problem_text(problem, file, line, sizeof line));
}

int cli_spec_from_file(struct cli *cli, struct cli_specs *specs, const char *file, bool goes_on)
{
    struct muster_text text;
    struct agent_doc doc;
    struct agent_problem problem;
    size_t wrong = specs->wrong;
    const char *shown = strcmp(file, "-") == 0 ? "standard input" : file;
    muster_text_open(&text, AGENT_DOC_BYTES_MAX);
    agent_doc_open(&doc);
    agent_problem_clear(&problem);
    int code = file_read(cli, file, &text);
    if (code == CLI_OK && agent_yaml_read(&doc, muster_text_bytes(&text), AGENT_DOC_ROOTS_MAX,
                                          &problem) != MUSTER_OK) {
        problem_say(cli, specs, shown, &problem);
    } else if (code == CLI_OK && doc.first == NULL) {
        specs->wrong++;
        cli_say(&cli->term, "%s: holds no job; a job begins with its name", shown);
    } else if (code == CLI_OK) {
        for (const struct agent_doc_node *root = doc.first; root != NULL; root = root->next) {
            agent_problem_clear(&problem);
            if (cli_specs_add(specs, root, shown, &problem) != MUSTER_OK)
                problem_say(cli, specs, shown, &problem);
            if (specs->wrong > wrong && !goes_on)
                break;
        }
    }
    agent_doc_close(&doc);
    muster_text_close(&text);
    return code != CLI_OK ? code : specs->wrong > wrong ? CLI_CONFIG : CLI_OK;
}
