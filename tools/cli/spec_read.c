/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a file into its documents and reads each. */
#include "tools/cli/spec_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/doc.h"
#include "agent/yaml.h"
#include "tools/cli/spec_add.h"

#define NAMES_MAX (1u << 24)

struct cli_spec_seen {
    char *name;
    unsigned line;
};

int cli_spec_reader_open(struct cli *cli, struct cli_spec_reader *r, const char *file)
{
    bool is_stdin = strcmp(file, "-") == 0;
    *r = (struct cli_spec_reader){ .shown = is_stdin ? "standard input" : file };
    r->file = is_stdin ? stdin : fopen(file, "re");
    if (r->file == NULL) {
        cli_say(&cli->term, "cannot read %s: %s; check the name", file, strerror(errno));
        return CLI_FAILED;
    }
    return muster_map_open(&r->by_name, 64) == MUSTER_OK ? CLI_OK : CLI_FAILED;
}

void cli_spec_reader_close(struct cli_spec_reader *r)
{
    for (size_t i = 0; i < r->seen_count; i++)
        free(r->seen[i].name);
    free(r->seen);
    free(r->text);
    muster_map_close(&r->by_name);
    if (r->file != NULL && r->file != stdin)
        (void)fclose(r->file);
    *r = (struct cli_spec_reader){ .file = NULL };
}

/* ---- one document */

static bool is_border(const char *line)
{
    return strncmp(line, "---", 3) == 0 && (line[3] == '\0' || strchr(" \t\r\n", line[3]) != NULL);
}

/* The lines up to the next border, which stays outside; its own first line may be one. False at the
 * end of the file. */
static bool document_read(struct cli_spec_reader *r, struct muster_text *text)
{
    bool has_line = r->text != NULL && r->text[0] != '\0';
    ssize_t len = has_line ? (ssize_t)strlen(r->text) : 0;
    do {
        if (len > 0)
            muster_text_add_bytes(text, MUSTER_BYTES(r->text, (size_t)len));
        len = getline(&r->text, &r->text_size, r->file);
        r->line += len > 0;
    } while (len > 0 && !is_border(r->text));
    if (len <= 0 && r->text != NULL)
        r->text[0] = '\0';
    return has_line || text->len > 0;
}

/* A second job of the same name would undo the first one in the same breath. */
static unsigned line_of(struct cli_spec_reader *r, const char *name)
{
    uint64_t hash = muster_hash64(muster_bytes_text(name), 0);
    uint32_t cursor = 0, at;
    while (muster_map_find(&r->by_name, hash, &cursor, &at))
        if (strcmp(r->seen[at].name, name) == 0)
            return r->seen[at].line;
    return 0;
}

static bool name_keep(struct cli_spec_reader *r, const struct cli_spec *spec)
{
    uint64_t hash = muster_hash64(muster_bytes_text(spec->name), 0);
    if (r->seen_count == r->seen_room) {
        size_t room = r->seen_room == 0 ? 256 : 2 * r->seen_room;
        struct cli_spec_seen *more = realloc(r->seen, room * sizeof *more);
        if (more == NULL)
            return false;
        r->seen = more;
        r->seen_room = room;
    }
    struct cli_spec_seen *s = &r->seen[r->seen_count];
    *s = (struct cli_spec_seen){ .name = strdup(spec->name), .line = spec->line };
    if (s->name == NULL || muster_map_put_growing(&r->by_name, hash, (uint32_t)r->seen_count,
                                                  NAMES_MAX) != MUSTER_OK) {
        free(s->name);
        return false;
    }
    r->seen_count++;
    return true;
}

static enum cli_spec_read refused(struct cli *cli, const struct cli_spec_reader *r,
                                  const struct agent_problem *problem)
{
    char line[AGENT_PROBLEM_LINE];
    cli_say(&cli->term, "%s", agent_problem_text(problem, r->shown, line, sizeof line));
    return CLI_SPEC_WRONG;
}

/* `before`: lines of the file in front of the document. */
static enum cli_spec_read document_take(struct cli *cli, struct cli_spec_reader *r,
                                        struct cli_specs *specs, const struct agent_doc_node *root,
                                        unsigned before)
{
    struct agent_problem problem;
    agent_problem_clear(&problem);
    if (cli_specs_add(specs, root, r->shown, &problem) != MUSTER_OK) {
        problem.line += problem.line > 0 ? before : 0;
        return refused(cli, r, &problem);
    }
    struct cli_spec *spec = &specs->spec[0];
    spec->line += before;
    unsigned first = line_of(r, spec->name);
    if (first != 0) {
        cli_say(&cli->term, "%s:%u: \"%s\" stands already in line %u; keep one", r->shown,
                spec->line, spec->name, first);
        return CLI_SPEC_WRONG;
    }
    if (!name_keep(r, spec)) {
        cli_say(&cli->term, "out of memory");
        return CLI_SPEC_BROKEN;
    }
    return CLI_SPEC_READ;
}

static enum cli_spec_read document_parse(struct cli *cli, struct cli_spec_reader *r,
                                         struct cli_specs *specs, const struct muster_text *text,
                                         unsigned before)
{
    struct agent_doc doc;
    struct agent_problem problem;
    enum cli_spec_read read = CLI_SPEC_END; /* of nothing but comments */
    agent_problem_clear(&problem);
    agent_doc_open(&doc);
    if (text->err != MUSTER_OK) {
        (void)agent_problem_set(&problem, MUSTER_ELIMIT, "", before + 1, 0,
                                "a job of more than %d bytes", AGENT_DOC_BYTES_MAX);
        read = refused(cli, r, &problem);
    } else if (agent_yaml_read(&doc, muster_text_bytes(text), 1, &problem) != MUSTER_OK) {
        problem.line += problem.line > 0 ? before : 0;
        read = refused(cli, r, &problem);
    } else if (doc.first != NULL) {
        read = document_take(cli, r, specs, doc.first, before);
    }
    agent_doc_close(&doc);
    return read;
}

enum cli_spec_read cli_spec_next(struct cli *cli, struct cli_spec_reader *r,
                                 struct cli_specs *specs)
{
    enum cli_spec_read read = CLI_SPEC_END;
    bool has_text = true;
    cli_specs_close(specs);
    while (has_text && read == CLI_SPEC_END) {
        struct muster_text text;
        bool has_line = r->text != NULL && r->text[0] != '\0';
        unsigned before = r->line - has_line;
        muster_text_open(&text, AGENT_DOC_BYTES_MAX);
        has_text = document_read(r, &text);
        if (ferror(r->file) != 0) {
            cli_say(&cli->term, "cannot read %s: %s; check the file", r->shown, strerror(errno));
            read = CLI_SPEC_BROKEN;
        } else if (has_text) {
            read = document_parse(cli, r, specs, &text, before);
        }
        muster_text_close(&text);
    }
    return read;
}
