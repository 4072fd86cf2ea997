/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that carry jobs from cluster to file and back: `export` and `import`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/spec_read.h"
#include "tools/cli/verb_revision.h"
#include "tools/cli/verbs.h"
#include "tools/cli/yaml_out.h"

#define TOLD_EVERY 50 /* jobs, on the progress line */

/* ---- export */

struct exported {
    struct cli *cli;
    FILE *out;
    long long count;
};

static void exported_item(void *whose, struct cli_value item)
{
    struct exported *e = whose;
    cli_yaml_out(e->out, cli_value_field(item, "spec"));
    if (++e->count % TOLD_EVERY == 0 && e->out != stdout)
        cli_term_progress(&e->cli->term, "%lld jobs", e->count);
}

static int export_write(struct cli *cli, FILE *out, struct exported *e)
{
    struct cli_path path;
    struct cli_walk walk = { .item = exported_item, .whose = e };
    time_t now = time(NULL);
    struct tm day;
    char when[32] = "";
    *e = (struct exported){ .cli = cli, .out = out };
    cli_path_open(&path, "/v1/jobs");
    if (cli->args.word_count > 0)
        cli_path_query(&path, "prefix", cli->args.word[0]);
    if (gmtime_r(&now, &day) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &day);
    if (!cli->json)
        (void)fprintf(out, "# Jobs of a muster cluster, %s. `muster import` takes them back.\n",
                      when);
    int code = cli_api_walk(cli, &path, &walk);
    cli_term_settle(&cli->term);
    return code;
}

/* Whole or not at all: the file gets its name when everything is in it. */
static int export_file(struct cli *cli, const char *file, struct exported *e)
{
    char part[4096];
    if (!muster_format(part, sizeof part, "%s.part", file))
        return cli_usage(cli, "the name of the file is too long");
    FILE *out = fopen(part, "we");
    if (out == NULL) {
        cli_say(&cli->term, "%s: %s", part, strerror(errno));
        return CLI_FAILED;
    }
    int code = export_write(cli, out, e);
    bool is_whole = fflush(out) == 0 && fsync(fileno(out)) == 0;
    is_whole = fclose(out) == 0 && is_whole;
    if (code == CLI_OK && (!is_whole || rename(part, file) != 0)) {
        cli_say(&cli->term, "%s: %s", file, strerror(errno));
        code = CLI_FAILED;
    }
    if (code != CLI_OK)
        (void)unlink(part);
    return code;
}

int cli_verb_export(struct cli *cli)
{
    const char *file = cli_flag_value(&cli->args, "output");
    struct exported e;
    if (cli->json && file != NULL)
        return cli_usage(cli, "a file is YAML; --json goes to standard output");
    if (file == NULL)
        return export_write(cli, stdout, &e);
    int code = export_file(cli, file, &e);
    if (code == CLI_OK)
        cli_print("%s: %lld %s\n", file, e.count, cli_plural(e.count, "job", "jobs"));
    return code;
}

/* ---- import */

struct imported {
    struct cli *cli;
    bool is_dry;
    long long created, updated, unchanged, failed;
};

static bool is_hopeless(int code)
{
    return code == CLI_UNREACHABLE || code == CLI_DENIED;
}

static int import_put(struct imported *i, const struct cli_spec *spec, const char *about)
{
    struct cli *cli = i->cli;
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = {
        .method = "PUT", .path = &path, .body = spec->json, .about = about
    };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, spec->name);
    int code = cli_api_must(cli, &request, &result);
    bool is_new = cli_truth(result.root, "created", false);
    bool is_other = is_new || cli_truth(result.root, "changed", true);
    if (code == CLI_OK) {
        i->created += is_new;
        i->updated += is_other && !is_new;
        i->unchanged += !is_other;
    }
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK && is_other)
        cli_print("%s  %s\n", spec->name, is_new ? "created" : "updated");
    cli_api_close(&result);
    return code;
}

static int import_look(struct imported *i, const struct cli_spec *spec)
{
    enum cli_spec_is is = CLI_SPEC_SAME;
    int code = cli_spec_diff(i->cli, spec, &is);
    if (code == CLI_OK) {
        i->created += is == CLI_SPEC_NEW;
        i->updated += is == CLI_SPEC_OTHER;
        i->unchanged += is == CLI_SPEC_SAME;
    }
    return code;
}

static int import_one(struct imported *i, const struct cli_spec *spec)
{
    char about[512];
    long long done = i->created + i->updated + i->unchanged + i->failed;
    if (done > 0 && done % TOLD_EVERY == 0)
        cli_term_progress(&i->cli->term, "%lld jobs; line %u, %s", done, spec->line, spec->name);
    (void)snprintf(about, sizeof about, "%.250s:%u: %s", spec->file, spec->line, spec->name);
    int code = i->is_dry ? import_look(i, spec) : import_put(i, spec, about);
    i->failed += code != CLI_OK;
    return code;
}

static void import_tell(const struct imported *i)
{
    long long all = i->created + i->updated + i->unchanged + i->failed;
    const char *would = i->is_dry ? "would be " : "";
    if (i->cli->json)
        return;
    cli_print("%lld %s: %lld %screated, %lld %supdated, %lld unchanged", all,
              cli_plural(all, "job", "jobs"), i->created, would, i->updated, would, i->unchanged);
    if (i->failed > 0)
        cli_print(", %lld failed", i->failed);
    cli_print("\n");
}

static int import_file(struct imported *i, const char *file)
{
    struct cli_spec_reader reader;
    struct cli_specs specs = { 0 };
    int code = cli_spec_reader_open(i->cli, &reader, file);
    int worst = code;
    enum cli_spec_read read = code == CLI_OK ? CLI_SPEC_READ : CLI_SPEC_BROKEN;
    while (read == CLI_SPEC_READ || read == CLI_SPEC_WRONG) {
        read = cli_spec_next(i->cli, &reader, &specs);
        if (read == CLI_SPEC_END)
            break;
        code = read == CLI_SPEC_READ    ? import_one(i, &specs.spec[0])
               : read == CLI_SPEC_WRONG ? CLI_CONFIG
                                        : CLI_FAILED;
        i->failed += read == CLI_SPEC_WRONG;
        worst = worst != CLI_OK ? worst : code;
        if (is_hopeless(code)) {
            cli_say(&i->cli->term, "%s: ended at line %u; import it again for the rest",
                    reader.shown, specs.spec[0].line);
            worst = code;
            break;
        }
    }
    cli_term_settle(&i->cli->term);
    cli_specs_close(&specs);
    cli_spec_reader_close(&reader);
    return worst;
}

int cli_verb_import(struct cli *cli)
{
    struct imported i = { .cli = cli, .is_dry = cli_flag_given(&cli->args, "dry-run") };
    int worst = CLI_OK;
    for (size_t k = 0; k < cli->args.word_count && !is_hopeless(worst); k++) {
        int code = import_file(&i, cli->args.word[k]);
        worst = worst != CLI_OK && !is_hopeless(code) ? worst : code;
    }
    import_tell(&i);
    return worst;
}
