/* SPDX-License-Identifier: Apache-2.0 */
/* Probes as the simulator uses them: rare points drawn from the seed, bugs planted by name, marks
 * counted over many processes. */
#include "base/probe.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"

#include "tests/sim/sim.h"

static const char *marks_path;
static bool is_planted; /* a bug is: its first catch is all that is asked for */
static bool is_night;   /* so many runs that none of the marks may be missed */

#ifdef MUSTER_PROBES

/* ---- marks passed in other processes */

#define SHARED_MAX 1024

static _Atomic uint64_t *shared;

static struct muster_probe *mark_at(uint32_t index)
{
    static struct muster_probe none;
    struct muster_probe *p = muster_probe_at(index);
    return p == NULL || p->kind == MUSTER_PROBE_MARK ? p : &none;
}

void sim_probe_share(void)
{
    void *p = mmap(NULL, SHARED_MAX * sizeof *shared, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUSTER_ASSERT(p != MAP_FAILED);
    shared = p;
    MUSTER_ASSERT(muster_probe_at(SHARED_MAX) == NULL);
}

void sim_probe_child(void)
{
    for (uint32_t i = 0; mark_at(i) != NULL; i++)
        mark_at(i)->hits = 0;
}

void sim_probe_hand(void)
{
    for (uint32_t i = 0; mark_at(i) != NULL; i++)
        atomic_fetch_add(&shared[i], mark_at(i)->hits);
}

void sim_probe_gather(void)
{
    for (uint32_t i = 0; mark_at(i) != NULL; i++)
        mark_at(i)->hits += atomic_load(&shared[i]);
    (void)munmap((void *)(uintptr_t)shared, SHARED_MAX * sizeof *shared);
}

void sim_probe_dream(uint64_t seed)
{
    muster_probe_dream(seed);
}

static void plant(const char *name)
{
    is_planted = muster_probe_plant(name);
    if (is_planted)
        return;
    fprintf(stderr, "sim: no mutant is called %s; `sim --mutants` lists them\n", name);
    exit(2);
}

static bool is_first(uint32_t index)
{
    const struct muster_probe *p = muster_probe_at(index);
    for (uint32_t i = 0; i < index; i++)
        if (muster_probe_at(i)->kind == p->kind && strcmp(muster_probe_at(i)->name, p->name) == 0)
            return false;
    return true;
}

static void mutants_list(void)
{
    const struct muster_probe *p;
    for (uint32_t i = 0; (p = muster_probe_at(i)) != NULL; i++)
        if (p->kind == MUSTER_PROBE_MUTANT && is_first(i))
            printf("%s\n", p->name);
    exit(0);
}

/* One line per mark: how often it was passed, its name, where it stands. */
static void marks_read(FILE *in)
{
    char name[64], file[128];
    unsigned long long hits;
    unsigned line;
    struct muster_probe *p;
    while (fscanf(in, "%llu %63s %127[^:]:%u\n", &hits, name, file, &line) == 4)
        for (uint32_t i = 0; (p = muster_probe_at(i)) != NULL; i++)
            if (p->kind == MUSTER_PROBE_MARK && p->line == line && strcmp(p->name, name) == 0)
                p->hits += hits;
}

/* Adds what this process has passed to the file, so that a night may be many processes, one after
 * the other; then says what none of them has. */
static int marks_keep(void)
{
    const struct muster_probe *p;
    FILE *f = fopen(marks_path, "r");
    if (f != NULL) {
        marks_read(f);
        (void)fclose(f);
    }
    f = fopen(marks_path, "w");
    if (f == NULL) {
        perror(marks_path);
        return 2;
    }
    for (uint32_t i = 0; (p = muster_probe_at(i)) != NULL; i++)
        if (p->kind == MUSTER_PROBE_MARK)
            fprintf(f, "%llu %s %s:%u\n", (unsigned long long)p->hits, p->name, p->file, p->line);
    return fclose(f) == 0 ? 0 : 2;
}

static int marks_judge(void)
{
    const struct muster_probe *p;
    uint32_t marks = 0, missed = 0;
    int err = marks_path != NULL ? marks_keep() : 0;
    for (uint32_t i = 0; (p = muster_probe_at(i)) != NULL; i++) {
        if (p->kind != MUSTER_PROBE_MARK)
            continue;
        marks++;
        if (p->hits > 0)
            continue;
        missed++;
        printf("never came by: %s (%s:%u)\n", p->name, p->file, p->line);
    }
    printf("marks: %u of %u passed\n", marks - missed, marks);
    return err != 0 ? err : missed > 0 ? 3 : 0;
}

#else

static _Noreturn void probeless(void)
{
    fprintf(stderr, "sim: this build has no probes; make MODE=probe\n");
    exit(2);
}

void sim_probe_dream(uint64_t seed)
{
    (void)seed;
}

static void plant(const char *name)
{
    (void)name;
    probeless();
}

static void mutants_list(void)
{
    probeless();
}

static int marks_judge(void)
{
    probeless();
}

void sim_probe_share(void)
{
}

void sim_probe_child(void)
{
}

void sim_probe_hand(void)
{
}

void sim_probe_gather(void)
{
}

#endif

int sim_probe_options(int argc, char **argv)
{
    int kept = 1;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--mutants") == 0)
            mutants_list();
        else if (strcmp(argv[i], "--mutant") == 0 && has_value)
            plant(argv[++i]);
        else if (strcmp(argv[i], "--marks") == 0 && has_value)
            marks_path = argv[++i];
        else
            argv[kept++] = argv[i];
    }
    return kept;
}

bool sim_probe_is_planted(void)
{
    return is_planted;
}

bool sim_probe_night(uint64_t seeds)
{
#ifdef MUSTER_PROBES
    is_night = seeds >= SIM_NIGHT && !is_planted;
#else
    (void)seeds;
#endif
    return is_night;
}

int sim_probe_end(int code)
{
    int judged = marks_path != NULL || is_night ? marks_judge() : 0;
    return code != 0 ? code : judged;
}
