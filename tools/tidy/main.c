/* SPDX-License-Identifier: Apache-2.0 */
/* tidy ROOT: the house rules as a program; one line per fault, exit code 1 if there is any. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/tidy/rules.h"

#define SOURCES_MAX 4096

static const char folders[] = "base gossip ring store agent tools tests";
/* Small files that break the rules on purpose. */
static const char not_ours[] = "tests/tidy/";

struct tree {
    const char *root;
    struct tidy_source *sources;
    size_t count;
};

static bool is_script(const struct tidy_source *s)
{
    return strncmp(s->text, "#!", 2) == 0 || strstr(s->path, ".py") != NULL;
}

static void tree_take(struct tree *tree, const char *path)
{
    if (tree->count == SOURCES_MAX || tidy_path_is(path, not_ours)) {
        return;
    }
    struct tidy_source *s = &tree->sources[tree->count];
    if (!tidy_source_open(s, tree->root, path)) {
        return;
    }
    if (s->is_c || is_script(s)) {
        tree->count++;
    } else {
        tidy_source_close(s);
    }
}

/* In the order of names, so that two runs print the same. */
static void tree_walk(struct tree *tree, const char *folder)
{
    char whole[TIDY_PATH_MAX * 2];
    struct dirent **names = NULL;
    snprintf(whole, sizeof whole, "%s/%s", tree->root, folder);
    int count = scandir(whole, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[TIDY_PATH_MAX];
        struct stat about;
        int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        snprintf(whole, sizeof whole, "%s/%s", tree->root, path);
        if (names[i]->d_name[0] != '.' && len < (int)sizeof path && stat(whole, &about) == 0) {
            if (S_ISDIR(about.st_mode)) {
                tree_walk(tree, path);
            } else {
                tree_take(tree, path);
            }
        }
        free(names[i]);
    }
    free(names);
}

static void tree_read(struct tree *tree)
{
    char folder[32];
    for (const char *p = folders; *p != '\0'; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        snprintf(folder, sizeof folder, "%.*s", (int)len, p);
        tree_walk(tree, folder);
        p += len;
    }
}

static void rules_apply(struct tidy *t)
{
    bool whole_house = false;
    for (size_t i = 0; i < t->count; i++) {
        const struct tidy_source *s = &t->sources[i];
        tidy_text(t, s);
        if (s->is_c) {
            tidy_opening(t, s);
            tidy_includes(t, s);
            tidy_called(t, s);
            tidy_scope(t, s);
            tidy_numbers(t, s);
            tidy_unused(t, s);
        }
        whole_house = whole_house || strcmp(s->path, "tools/tidy/exceptions.c") == 0;
    }
    tidy_dead(t);
    if (t->invariants != NULL) {
        tidy_cited(t);
    }
    if (whole_house) {
        tidy_exceptions_check(t);
    }
}

static void summary_print(const struct tidy *t)
{
    unsigned long lines = 0;
    unsigned exceptions = 0;
    for (size_t i = 0; i < t->count; i++) {
        lines += t->sources[i].lines;
    }
    for (size_t i = 0; i < TIDY_EXCEPTIONS_MAX; i++) {
        exceptions += t->exception_used[i];
    }
    printf("%zu files, %lu lines: %u faults, %u exceptions, %u walls broken for a reason\n",
           t->count, lines, t->faults, exceptions, t->broken_walls);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: tidy ROOT\n");
        return 2;
    }
    struct tree tree = { .root = argv[1], .sources = calloc(SOURCES_MAX, sizeof *tree.sources) };
    struct tidy_source invariants;
    if (tree.sources == NULL) {
        abort();
    }
    tree_read(&tree);
    bool told = tidy_source_open(&invariants, argv[1], "docs/invariants.md");
    struct tidy t = { .root = argv[1],
                      .sources = tree.sources,
                      .count = tree.count,
                      .invariants = told ? &invariants : NULL };
    rules_apply(&t);
    summary_print(&t);
    for (size_t i = 0; i < tree.count; i++) {
        tidy_source_close(&tree.sources[i]);
    }
    if (told) {
        tidy_source_close(&invariants);
    }
    free(tree.sources);
    return t.faults == 0 && t.count > 0 ? 0 : 1;
}
