/* SPDX-License-Identifier: Apache-2.0 */
/* sim [--story NAME] [--seed N] [--seeds FROM:TO] [--trace]: without arguments all stories and a
 * short swarm, one seed of it twice to see that it repeats bit for bit. A build with
 * MODE=probe also knows --mutants, --mutant NAME and --marks FILE (probe.c). */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define SHORT_SWARM 12

/* Seeds that have found something, and what: they are replayed for ever. */
static const struct {
    uint64_t seed;
    const char *found;
} finds[] = {
    { 14, "an answer counted copies that the end of a bench change wipes" },
    { 28, "an offer without an answer was waited for for ever" },
    { 337, "an answer counted copies that no disk had" },
};

static int swarm(uint64_t from, uint64_t to, bool trace)
{
    uint64_t hash = 0;
    for (uint64_t seed = from; seed < to; seed++)
        sim_swarm(seed, trace, &hash);
    return (int)(to - from);
}

static int replay(void)
{
    int count = (int)(sizeof finds / sizeof *finds);
    for (int i = 0; i < count; i++) {
        printf("found once: %s\n", finds[i].found);
        (void)swarm(finds[i].seed, finds[i].seed + 1, false);
    }
    return count;
}

static int everything(void)
{
    uint64_t first = 0, again = 0;
    int passed = sim_story(NULL, false) + replay() + swarm(1, 1 + SHORT_SWARM, false);
    sim_swarm(1, false, &first);
    sim_swarm(1, false, &again);
    if (first != again) {
        fprintf(stderr, "sim: seed 1 ran twice and differed\n");
        return 1;
    }
    printf("%d passed, 0 failed\n", passed + 1);
    return 0;
}

static int run(int argc, char **argv)
{
    /* A node takes megabytes that it hardly touches: pages of their own cost less than zeroing. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 18);
    setvbuf(stdout, NULL, _IOLBF, 0); /* in its place among what a failure says */
    const char *story = NULL, *seed = NULL, *seeds = NULL;
    bool trace = false;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--trace") == 0)
            trace = true;
        else if (strcmp(argv[i], "--story") == 0 && has_value)
            story = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0 && has_value)
            seed = argv[++i];
        else if (strcmp(argv[i], "--seeds") == 0 && has_value)
            seeds = argv[++i];
        else {
            fprintf(stderr, "usage: sim [--story NAME] [--seed N] [--seeds FROM:TO] [--trace]\n");
            return 2;
        }
    }
    if (story != NULL)
        return sim_story(story, trace) > 0 ? 0 : 2;
    if (seed != NULL) {
        uint64_t from = strtoull(seed, NULL, 0);
        return swarm(from, from + 1, trace) == 1 ? 0 : 1;
    }
    if (seeds != NULL) {
        char *end = NULL;
        uint64_t from = strtoull(seeds, &end, 0);
        uint64_t to = *end == ':' ? strtoull(end + 1, NULL, 0) : from + 1;
        printf("%d passed, 0 failed\n", swarm(from, to, trace));
        return 0;
    }
    return everything();
}

int main(int argc, char **argv)
{
    argc = sim_probe_options(argc, argv);
    return sim_probe_end(run(argc, argv));
}
