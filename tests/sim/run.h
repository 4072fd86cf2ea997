/* Run: the few words from which a swarm can be repeated, and many swarms on all cores.
 *
 * units    milliseconds of simulated time
 * memory   what workers count lies in memory that they share
 * errors   the exit code says the worst that was found: 1 a promise was broken, 2 something did not
 *          come to rest, 3 a crash
 * threads  one; workers are processes
 */
#ifndef MUSTER_TESTS_SIM_RUN_H
#define MUSTER_TESTS_SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/fault.h"

#define SIM_SAFETY   1
#define SIM_LIVENESS 2
#define SIM_CRASHED  3

#define SIM_NIGHT     2000 /* seeds */
#define SIM_WORDS     240
#define SIM_FINDS_MAX 4096
#define SIM_NODES_MAX 9 /* that a seed draws */
#define SIM_JOBS_MAX  20

struct sim_run {
    uint64_t seed;
    enum sim_profile profile;     /* SIM_PROFILES: the seed draws it */
    uint64_t without;             /* a bit for each kind of fault that is left out */
    uint32_t nodes_max, jobs_max; /* 0: as the seed draws */
    uint32_t nodes_min;           /* likewise */
    bool trace, is_quiet;
    char *words; /* SIM_WORDS for what a failure says; NULL: none */
};

struct sim_sum {
    uint64_t hash; /* of the last one: of everything that happened */
    uint64_t node_ms, steps, starts, acks, seeds;
    uint64_t fault[SIM_FAULTS];
};

/* One run after another, each told in a line; ends the process at the first fault. */
void sim_swarm(const struct sim_run *run, struct sim_sum *sum);

enum sim_profile sim_profile_of(uint64_t seed); /* that a seed draws */

/* The line that repeats a run. */
void sim_run_text(const struct sim_run *run, char *out, uint32_t size);

struct sim_many {
    uint64_t from, to;
    struct sim_run run;         /* its seed is not looked at */
    const struct sim_run *list; /* if not NULL: these runs, numbered from 0 */
    const char *seeds_file;     /* failures are written down there; NULL: nowhere */
};

/* Runs them on all cores. Returns how many failed; `worst` is the exit code. */
uint32_t sim_many(const struct sim_many *many, struct sim_sum *sum, int *worst);
void sim_here(const struct sim_many *many, struct sim_sum *sum); /* in this process */

/* memory.c: before the first node; without it there is more to wait for, and nothing else. */
void sim_memory_open(void);

/* Marks that workers have passed (probe.c): memory for them, a child begins, hands its own over
 * when it ends, and all of them are counted here. */
void sim_probe_share(void);
void sim_probe_child(void);
void sim_probe_hand(void);
void sim_probe_gather(void);
void sim_sum_print(const struct sim_sum *sum, double cpu_s);

/* One run in a process of its own: 0, or how it ended; `words` are SIM_WORDS for what it said. */
int sim_try(const struct sim_run *run, struct sim_sum *sum, char *words);

/* Looks for the smallest run that still fails in the same way, and prints it. */
int sim_shrink(const struct sim_run *run);

/* ---- the file of seeds that have found something: PROFILE SEED what */
struct sim_find {
    struct sim_run run;
    char what[120];
};
uint32_t sim_finds_read(const char *path, struct sim_find *find, uint32_t max);
void sim_finds_add(const char *path, const struct sim_run *run, const char *what);

#endif
