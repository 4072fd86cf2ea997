/* SPDX-License-Identifier: Apache-2.0 */
/* sim: without arguments all stories, every seed that has ever found something, and fresh seeds
 * that the commit decides upon; one of them twice, to see that it repeats bit for bit. A build with
 * MODE=probe also knows --mutants, --mutant NAME and --marks FILE (probe.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/hash.h"
#include "tests/sim/run.h"
#include "tests/sim/sim.h"

#define SEEDS_FILE "tests/sim/seeds"
#ifdef __SANITIZE_ADDRESS__
#define FRESH 40
#else
#define FRESH 300
#endif

struct words {
    const char *story, *seeds;
    bool has_seed, shrinks;
    struct sim_run run;
};

static double cpu_s(void)
{
    struct rusage r;
    int err = getrusage(RUSAGE_CHILDREN, &r);
    MUSTER_ASSERT(err == 0);
    return (double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec / 1e6 +
           (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec / 1e6;
}

static int closing(uint32_t passed, uint32_t failed, int worst)
{
    printf("%u passed, %u failed\n", passed, failed);
    return worst;
}

/* ---- the default */

static uint32_t finds_run(struct sim_sum *sum, uint32_t *failed, int *worst)
{
    struct sim_find *find = calloc(SIM_FINDS_MAX, sizeof *find);
    struct sim_run *list = calloc(SIM_FINDS_MAX, sizeof *list);
    MUSTER_ASSERT(find != NULL && list != NULL);
    uint32_t count = sim_finds_read(SEEDS_FILE, find, SIM_FINDS_MAX);
    for (uint32_t i = 0; i < count; i++)
        list[i] = find[i].run;
    struct sim_many many = { .to = count, .list = list };
    *failed += sim_many(&many, sum, worst);
    printf("%u seeds that found something once, replayed\n", count);
    free(find);
    free(list);
    return count;
}

/* Other commits try other seeds, and the same commit the same ones. */
static uint64_t fresh_from(void)
{
    const char *commit = getenv("SIM_COMMIT");
    if (commit == NULL || commit[0] == '\0')
        commit = "no commit";
    return muster_hash64(muster_bytes_text(commit), 1) % 1000000000;
}

static bool repeats(void)
{
    struct sim_run run = { .seed = 1, .profile = SIM_MIXED };
    struct sim_sum first, again;
    char words[SIM_WORDS];
    int one = sim_try(&run, &first, words), two = sim_try(&run, &again, words);
    if (one == two && first.hash == again.hash)
        return true;
    fprintf(stderr, "sim: seed 1 ran twice and differed\n");
    return false;
}

static int everything(void)
{
    struct sim_sum sum = { 0 };
    int worst = 0, now = 0;
    uint32_t failed = 0, all = (uint32_t)sim_story(NULL, false);
    all += finds_run(&sum, &failed, &now);
    worst = now;
    uint64_t from = fresh_from();
    struct sim_many many = { .from = from, .to = from + FRESH, .seeds_file = SEEDS_FILE };
    many.run.profile = SIM_PROFILES;
    printf("fresh seeds %llu:%llu\n", (unsigned long long)from, (unsigned long long)from + FRESH);
    failed += sim_many(&many, &sum, &now);
    worst = worst != 0 ? worst : now;
    bool same = repeats();
    failed += !same;
    all += FRESH + 1;
    sim_sum_print(&sum, cpu_s());
    return closing(all - failed, failed, worst != 0 ? worst : same ? 0 : SIM_SAFETY);
}

/* ---- what was asked for */

static int range(const struct words *w)
{
    struct sim_sum sum = { 0 };
    char *end = NULL;
    int worst = 0;
    struct sim_many many = { .run = w->run, .seeds_file = SEEDS_FILE };
    many.from = strtoull(w->seeds, &end, 0);
    many.to = *end == ':' ? strtoull(end + 1, NULL, 0) : many.from + 1;
    if (sim_probe_is_planted()) {
        sim_here(&many, &sum);
        return closing((uint32_t)sum.seeds, 0, 0);
    }
    if (sim_probe_night(many.to - many.from))
        (void)sim_story(NULL, false);
    uint32_t failed = sim_many(&many, &sum, &worst);
    sim_sum_print(&sum, cpu_s());
    return closing((uint32_t)sum.seeds, failed, worst);
}

static bool without_read(const char *text, uint64_t *mask)
{
    char name[64];
    enum sim_fault f;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        (void)snprintf(name, sizeof name, "%.*s", (int)len, text);
        if (!sim_fault_find(name, &f))
            return false;
        *mask |= UINT64_C(1) << f;
        text += len + (text[len] == ',');
    }
    return true;
}

static bool value_read(struct words *w, const char *option, const char *value)
{
    if (strcmp(option, "--story") == 0)
        w->story = value;
    else if (strcmp(option, "--seeds") == 0)
        w->seeds = value;
    else if (strcmp(option, "--profile") == 0)
        return sim_profile_find(value, &w->run.profile);
    else if (strcmp(option, "--without") == 0)
        return without_read(value, &w->run.without);
    else if (strcmp(option, "--nodes") == 0)
        w->run.nodes_max = (uint32_t)strtoul(value, NULL, 0);
    else if (strcmp(option, "--nodes-min") == 0) {
        w->run.nodes_min = (uint32_t)strtoul(value, NULL, 0);
        return w->run.nodes_min <= SIM_NODES_MAX;
    } else if (strcmp(option, "--jobs") == 0)
        w->run.jobs_max = (uint32_t)strtoul(value, NULL, 0);
    else if (strcmp(option, "--seed") == 0) {
        w->has_seed = true;
        w->run.seed = strtoull(value, NULL, 0);
    } else
        return false;
    return true;
}

static bool words_read(struct words *w, int argc, char **argv)
{
    *w = (struct words){ .run.profile = SIM_PROFILES };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            w->run.trace = true;
        else if (strcmp(argv[i], "--shrink") == 0)
            w->shrinks = true;
        else if (i + 1 == argc || !value_read(w, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return !w->shrinks || w->has_seed;
}

static int run(int argc, char **argv)
{
    struct words w;
    struct sim_sum sum = { 0 };
    sim_memory_open();
    setvbuf(stdout, NULL, _IOLBF, 0); /* in its place among what a failure says */
    if (!words_read(&w, argc, argv)) {
        fprintf(stderr,
                "usage: sim [--story NAME] [--seeds FROM:TO] [--seed N [--trace] [--shrink]]\n"
                "           [--profile NAME] [--without FAULT,FAULT] [--nodes N] [--nodes-min N] "
                "[--jobs N]\n");
        return 64;
    }
    bool all_stories = w.story != NULL && strcmp(w.story, "all") == 0;
    if (w.story != NULL)
        return sim_story(all_stories ? NULL : w.story, w.run.trace) > 0 ? 0 : 64;
    if (w.has_seed && w.run.profile == SIM_PROFILES)
        w.run.profile = sim_profile_of(w.run.seed);
    if (w.shrinks)
        return sim_shrink(&w.run);
    if (w.has_seed) {
        sim_swarm(&w.run, &sum);
        return 0;
    }
    return w.seeds != NULL ? range(&w) : everything();
}

int main(int argc, char **argv)
{
    argc = sim_probe_options(argc, argv);
    return sim_probe_end(run(argc, argv));
}
