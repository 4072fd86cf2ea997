/* SPDX-License-Identifier: Apache-2.0 */
/* The looks of the doctor, one for each thing that commonly goes wrong. */
#include "tools/cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define NAMED_MAX 3 /* runs named one by one; of more their number */

struct look {
    const struct cli_doctor *d;
    size_t wrong;
    bool is_quiet; /* nothing was found since it began */
};

static void tell(struct look *l, enum cli_finding_kind kind, const char *about, const char *format,
                 ...) MUSTER_PRINTF(4, 5);

static void tell(struct look *l, enum cli_finding_kind kind, const char *about, const char *format,
                 ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const struct cli_finding finding = { kind, about, text };
    l->wrong += kind == CLI_FINDING_WRONG;
    l->is_quiet = l->is_quiet && kind == CLI_FINDING_OK;
    l->d->tell(l->d->whose, &finding);
}

static struct cli_value items_of(struct cli_value root)
{
    return cli_value_field(root, "items");
}

static struct cli_value row_of(const struct look *l, const char *key, const char *value)
{
    struct cli_value rows = items_of(l->d->facts);
    for (size_t i = 0; i < cli_value_count(rows); i++)
        if (strcmp(cli_text(cli_value_item(rows, i), key, ""), value) == 0)
            return cli_value_item(rows, i);
    return (struct cli_value){ NULL };
}

/* Of more nodes than a page has, those that follow were not read. */
static bool is_whole(const struct look *l)
{
    return !cli_value_is_set(cli_value_field(l->d->facts, "next"));
}

/* ---- who is there */

static void look_member(struct look *l, struct cli_value m)
{
    const char *name = cli_text(m, "name", "-"), *status = cli_text(m, "status", "");
    bool is_there = strcmp(status, "alive") == 0;
    if (cli_truth(m, "foreign", false))
        return;
    if (strcmp(status, "suspect") == 0)
        tell(l, CLI_FINDING_WRONG, "members", "%s does not answer gossip and is suspected", name);
    else if (strcmp(status, "dead") == 0)
        tell(l, CLI_FINDING_WRONG, "members",
             "%s is dead since %s; start its agent, or, if its disk is gone for good, `muster "
             "forget %s`",
             name, cli_text(m, "since", "-"), name);
    else if (is_there && is_whole(l) && row_of(l, "id", cli_text(m, "id", "-")).at == NULL)
        tell(l, CLI_FINDING_WRONG, "members",
             "%s is alive to gossip and answers no question; look whether its peer port (7947, "
             "TCP) can be reached",
             name);
    if (is_there && strcmp(cli_text(m, "mode", "open"), "open") != 0)
        tell(l, CLI_FINDING_NOTE, "members", "%s is %s, and takes nothing new", name,
             cli_text(m, "mode", "-"));
}

static void look_members(struct look *l)
{
    struct cli_value members = items_of(l->d->members);
    size_t count = cli_value_count(items_of(l->d->facts));
    l->is_quiet = true;
    for (size_t i = 0; i < cli_value_count(members); i++)
        look_member(l, cli_value_item(members, i));
    if (l->is_quiet)
        tell(l, CLI_FINDING_OK, "members", "all %zu answer", count);
}

/* ---- whether they reach one another */

static void look_links(struct look *l)
{
    struct cli_value rows = items_of(l->d->facts);
    l->is_quiet = true;
    for (size_t i = 0; i < cli_value_count(rows); i++) {
        struct cli_value row = cli_value_item(rows, i);
        struct cli_value names = cli_value_field(row, "unlinked");
        for (size_t k = 0; k < cli_value_count(names); k++)
            tell(l, CLI_FINDING_WRONG, "links",
                 "%s and %s hear each other's gossip and have no connection; look whether TCP "
                 "passes between their peer ports (7947), both ways",
                 cli_text(row, "node", "-"), cli_value_text(cli_value_item(names, k), "-"));
    }
    if (l->is_quiet)
        tell(l, CLI_FINDING_OK, "links", "every node is connected with every other");
}

/* ---- clocks and versions */

static void look_clocks(struct look *l)
{
    struct cli_value rows = items_of(l->d->facts);
    long long base = cli_number(row_of(l, "node", l->d->asked), "clock_ms", 0), most = 0;
    l->is_quiet = true;
    for (size_t i = 0; i < cli_value_count(rows) && base != 0; i++) {
        struct cli_value row = cli_value_item(rows, i);
        long long off = cli_number(row, "clock_ms", base) - base;
        long long apart = off < 0 ? -off : off;
        most = apart > most ? apart : most;
        if (apart > CLI_DOCTOR_CLOCK_MS + l->d->asking_ms)
            tell(l, CLI_FINDING_WRONG, "clocks",
                 "%s is %lld.%lld s %s %s; set the clocks by NTP, for schedules and people lean on "
                 "them",
                 cli_text(row, "node", "-"), apart / 1000, apart % 1000 / 100,
                 off < 0 ? "behind" : "ahead of", l->d->asked);
    }
    if (l->is_quiet)
        tell(l, CLI_FINDING_OK, "clocks", "within %lld ms, asking included", most);
}

static void look_versions(struct look *l)
{
    struct cli_value rows = items_of(l->d->facts);
    const char *first = cli_text(cli_value_item(rows, 0), "version", "-");
    l->is_quiet = true;
    for (size_t i = 1; i < cli_value_count(rows); i++) {
        struct cli_value row = cli_value_item(rows, i);
        if (strcmp(cli_text(row, "version", "-"), first) != 0)
            tell(l, CLI_FINDING_NOTE, "versions", "%s has %s, %s has %s; SIGUSR2 renews an agent",
                 cli_text(cli_value_item(rows, 0), "node", "-"), first, cli_text(row, "node", "-"),
                 cli_text(row, "version", "-"));
    }
    if (l->is_quiet)
        tell(l, CLI_FINDING_OK, "versions", "%s everywhere", first);
}

/* ---- what a node knows of itself */

static bool told_before(struct cli_value rows, size_t row, const char *text)
{
    for (size_t i = 0; i < row; i++) {
        struct cli_value problems = cli_value_field(cli_value_item(rows, i), "problems");
        for (size_t k = 0; k < cli_value_count(problems); k++)
            if (strcmp(cli_value_text(cli_value_item(problems, k), ""), text) == 0)
                return true;
    }
    return false;
}

/* The same sentence of several nodes is told once, with their number. */
static void look_problem(struct look *l, size_t row, const char *text)
{
    struct cli_value rows = items_of(l->d->facts);
    size_t others = 0;
    for (size_t i = row + 1; i < cli_value_count(rows); i++) {
        struct cli_value problems = cli_value_field(cli_value_item(rows, i), "problems");
        for (size_t k = 0; k < cli_value_count(problems); k++)
            others += strcmp(cli_value_text(cli_value_item(problems, k), ""), text) == 0;
    }
    if (others == 0)
        tell(l, CLI_FINDING_WRONG, "nodes", "%s: %s",
             cli_text(cli_value_item(rows, row), "node", "-"), text);
    else
        tell(l, CLI_FINDING_WRONG, "nodes", "%s and %zu more: %s",
             cli_text(cli_value_item(rows, row), "node", "-"), others, text);
}

static void look_problems(struct look *l)
{
    struct cli_value rows = items_of(l->d->facts);
    long long orphans = 0, strangers = 0;
    l->is_quiet = true;
    for (size_t i = 0; i < cli_value_count(rows); i++) {
        struct cli_value row = cli_value_item(rows, i), problems = cli_value_field(row, "problems");
        for (size_t k = 0; k < cli_value_count(problems); k++) {
            const char *text = cli_value_text(cli_value_item(problems, k), "");
            if (!told_before(rows, i, text))
                look_problem(l, i, text);
        }
        long long n = cli_number(row, "orphan_buckets", 0);
        orphans = n > orphans ? n : orphans;
        n = cli_number(row, "strangers", 0);
        strangers = n > strangers ? n : strangers;
    }
    if (l->is_quiet)
        tell(l, CLI_FINDING_OK, "nodes", "none has anything to complain of");
    if (orphans > 0)
        tell(l, CLI_FINDING_WRONG, "quorum",
             "%lld of 1024 buckets have no quorum: their jobs cannot be changed; start the nodes "
             "that are missing, or `muster forget` those whose disks are gone",
             orphans);
    else
        tell(l, CLI_FINDING_OK, "quorum", "every bucket that was heard of has its keeper");
    if (strangers > 0)
        tell(l, CLI_FINDING_NOTE, "pool",
             "%lld members of the gossip pool are no muster agents; `muster members` shows them",
             strangers);
}

/* ---- hosts */

static void look_host(struct look *l, const char *node, struct cli_value host)
{
    long long all = cli_number(host, "disk_mib", 0), left = cli_number(host, "disk_free_mib", 0);
    if (left < CLI_DOCTOR_DISK_MIB || left < all / CLI_DOCTOR_DISK_PART)
        tell(l, CLI_FINDING_WRONG, "hosts",
             "%s has %lld MiB of %lld left where its data lies; make room, or it will take no new "
             "jobs",
             node, left, all);
    if (!cli_truth(host, "guard", true))
        tell(l, CLI_FINDING_WRONG, "hosts",
             "%s has no muster-guard beside its agent and can start nothing; install it again",
             node);
    if (!cli_truth(host, "cgroup", true))
        tell(l, CLI_FINDING_NOTE, "hosts",
             "%s makes no control groups (cgroup v2, as root): `limits` of jobs do not hold there, "
             "and what leaves its process group outlives a stop",
             node);
}

static void look_hosts(struct look *l)
{
    struct cli_value rows = items_of(l->d->facts);
    l->is_quiet = true;
    for (size_t i = 0; i < cli_value_count(rows); i++) {
        struct cli_value row = cli_value_item(rows, i), host = cli_value_field(row, "host");
        if (cli_value_is_set(host))
            look_host(l, cli_text(row, "node", "-"), host);
    }
    if (l->is_quiet)
        tell(l, CLI_FINDING_OK, "hosts", "room on every disk, guards and control groups are there");
}

/* ---- jobs */

static void look_jobs(struct look *l)
{
    struct cli_value runs = items_of(l->d->pending);
    size_t waiting = 0, dead = cli_value_count(items_of(l->d->dead));
    l->is_quiet = true;
    for (size_t i = 0; i < cli_value_count(runs); i++) {
        struct cli_value run = cli_value_item(runs, i);
        uint64_t since = 0;
        if (muster_time_parse(&since, cli_text(run, "since", "")) != MUSTER_OK ||
            l->d->now_wall_ms - (long long)since < CLI_DOCTOR_WAIT_MS)
            continue;
        if (++waiting <= NAMED_MAX)
            tell(l, CLI_FINDING_WRONG, "jobs", "%s waits since %s: %s", cli_text(run, "run", "-"),
                 cli_text(run, "since", "-"), cli_text(run, "reason", "it does not say why"));
    }
    if (waiting > NAMED_MAX)
        tell(l, CLI_FINDING_WRONG, "jobs", "%zu more wait for a place; see `muster ps`",
             waiting - NAMED_MAX);
    if (dead > 0)
        tell(l, CLI_FINDING_WRONG, "jobs",
             "%zu%s gave up; see `muster dead ls`, then `dead retry` or `dead drop`", dead,
             cli_text(l->d->dead, "next", NULL) != NULL ? " and more" : "");
    if (l->is_quiet)
        tell(l, CLI_FINDING_OK, "jobs", "none waits for long, none has given up");
}

size_t cli_doctor_look(const struct cli_doctor *d)
{
    struct look l = { .d = d };
    look_members(&l);
    look_links(&l);
    look_clocks(&l);
    look_versions(&l);
    look_problems(&l);
    look_hosts(&l);
    look_jobs(&l);
    return l.wrong;
}
