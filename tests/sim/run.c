/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in processes of their own: a run that fails, asserts or is stopped by a sanitizer takes only
 * its worker with it. */
#include "tests/sim/run.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

#define WORKERS_MAX    64
#define FAILURES_MAX   10   /* then enough is known */
#define LOOK_MS        100  /* how often workers are looked at */
#define STUCK_LOOKS    3000 /* one run takes no longer than that many */
#define PROGRESS_LOOKS 20

struct worker {
    pid_t pid; /* 0: none */
    uint64_t number, seen;
    uint32_t looks; /* since it has begun with this number */
    bool is_busy;
    struct sim_sum sum;
    char words[SIM_WORDS];
};

struct board {
    _Atomic uint64_t next;
    struct worker worker[WORKERS_MAX];
};

static void *shared(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUSTER_ASSERT(p != MAP_FAILED);
    return p;
}

static uint32_t cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (uint32_t)n;
}

void sim_run_text(const struct sim_run *run, char *out, uint32_t size)
{
    int len = snprintf(out, size, "make sim SEED=%llu PROFILE=%s", (unsigned long long)run->seed,
                       sim_profile_name(run->profile));
    const char *mark = " WITHOUT=";
    for (uint32_t f = 0; f < SIM_FAULTS; f++) {
        if ((run->without >> f & 1) == 0 || len < 0 || (uint32_t)len >= size)
            continue;
        len += snprintf(out + len, size - (uint32_t)len, "%s%s", mark,
                        sim_fault_name((enum sim_fault)f));
        mark = ",";
    }
    if (run->nodes_max > 0 && (uint32_t)len < size)
        len += snprintf(out + len, size - (uint32_t)len, " NODES=%u", run->nodes_max);
    if (run->nodes_min > 0 && (uint32_t)len < size)
        len += snprintf(out + len, size - (uint32_t)len, " NODES_MIN=%u", run->nodes_min);
    if (run->jobs_max > 0 && (uint32_t)len < size)
        (void)snprintf(out + len, size - (uint32_t)len, " JOBS=%u", run->jobs_max);
}

static struct sim_run run_of(const struct sim_many *many, uint64_t number)
{
    struct sim_run run = many->list != NULL ? many->list[number] : many->run;
    if (many->list == NULL)
        run.seed = number;
    run.is_quiet = true;
    return run;
}

void sim_here(const struct sim_many *many, struct sim_sum *sum)
{
    for (uint64_t number = many->from; number < many->to; number++) {
        struct sim_run run = run_of(many, number);
        sim_swarm(&run, sum);
    }
}

static _Noreturn void work(const struct sim_many *many, struct board *b, struct worker *w)
{
    uint64_t number;
    while ((number = atomic_fetch_add(&b->next, 1)) < many->to) {
        struct sim_run run = run_of(many, number);
        w->words[0] = '\0';
        run.words = w->words;
        w->number = number;
        w->is_busy = true;
        sim_swarm(&run, &w->sum);
        w->is_busy = false;
    }
    sim_probe_hand();
    exit(0);
}

static void worker_start(const struct sim_many *many, struct board *b, struct worker *w)
{
    w->is_busy = false;
    w->looks = 0;
    (void)fflush(NULL);
    pid_t pid = fork();
    MUSTER_ASSERT(pid >= 0);
    if (pid == 0) {
        sim_probe_child();
        work(many, b, w);
    }
    w->pid = pid;
}

static int code_of(int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : SIM_CRASHED;
    return code == SIM_SAFETY || code == SIM_LIVENESS || code == 0 ? code : SIM_CRASHED;
}

static int worse(int a, int b)
{
    static const int rank[] = { 0, 3, 1, 2 };
    return rank[a] > rank[b] ? a : b;
}

static void failure_tell(const struct sim_many *many, const struct worker *w, int code)
{
    static const char *const kind[] = { "", "broke a promise", "did not come to rest", "crashed" };
    char text[SIM_WORDS + 200];
    struct sim_run run = run_of(many, w->number);
    if (run.profile == SIM_PROFILES)
        run.profile = sim_profile_of(run.seed);
    sim_run_text(&run, text, sizeof text);
    const char *words = w->words[0] != '\0' ? w->words : "a crash";
    fprintf(stderr, "seed %llu %s: %s\nrepeat: %s TRACE=1\n", (unsigned long long)run.seed,
            kind[code], words, text);
    if (many->seeds_file != NULL)
        sim_finds_add(many->seeds_file, &run, words);
}

/* A worker has ended. Returns its exit code, 0 when it had done all there was. */
static int worker_ended(const struct sim_many *many, struct worker *w, int status)
{
    int code = code_of(status);
    w->pid = 0;
    if (code == 0 && !w->is_busy)
        return 0;
    code = code == 0 ? SIM_CRASHED : code;
    failure_tell(many, w, code);
    return code;
}

static void worker_look(struct worker *w)
{
    bool same = w->is_busy && w->seen == w->number;
    w->looks = same ? w->looks + 1 : 0;
    w->seen = w->number;
    if (w->looks < STUCK_LOOKS)
        return;
    (void)snprintf(w->words, sizeof w->words, "it does not end");
    (void)kill(w->pid, SIGKILL);
    w->looks = 0;
}

static void sum_add(struct sim_sum *to, const struct sim_sum *from)
{
    to->hash ^= from->hash;
    to->node_ms += from->node_ms;
    to->steps += from->steps;
    to->starts += from->starts;
    to->acks += from->acks;
    to->seeds += from->seeds;
    for (uint32_t f = 0; f < SIM_FAULTS; f++)
        to->fault[f] += from->fault[f];
}

static void progress(const struct sim_many *many, struct board *b, uint32_t n, uint32_t failed)
{
    uint64_t seeds = 0, node_ms = 0;
    for (uint32_t i = 0; i < n; i++) {
        seeds += b->worker[i].sum.seeds;
        node_ms += b->worker[i].sum.node_ms;
    }
    fprintf(stderr, "\r%llu of %llu seeds, %llu simulated node-hours, %u failed ",
            (unsigned long long)seeds, (unsigned long long)(many->to - many->from),
            (unsigned long long)(node_ms / 3600000), failed);
}

static pid_t any_ended(int *status)
{
    return waitpid(-1, status, WNOHANG);
}

static struct worker *worker_of(struct board *b, uint32_t n, pid_t pid)
{
    for (uint32_t i = 0; i < n; i++)
        if (b->worker[i].pid == pid)
            return &b->worker[i];
    return NULL;
}

static uint32_t reap(const struct sim_many *many, struct board *b, uint32_t n, uint32_t failed,
                     int *worst)
{
    int status = 0;
    for (pid_t pid = any_ended(&status); pid > 0; pid = any_ended(&status)) {
        struct worker *w = worker_of(b, n, pid);
        int code = w != NULL ? worker_ended(many, w, status) : 0;
        if (code == 0)
            continue;
        *worst = worse(*worst, code);
        failed++;
        if (failed >= FAILURES_MAX)
            atomic_store(&b->next, many->to);
        else
            worker_start(many, b, w);
    }
    return failed;
}

static bool any_lives(const struct board *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (b->worker[i].pid != 0)
            return true;
    return false;
}

uint32_t sim_many(const struct sim_many *many, struct sim_sum *sum, int *worst)
{
    struct board *b = shared(sizeof *b);
    uint32_t n = cores(), failed = 0;
    bool shows = isatty(STDERR_FILENO) == 1;
    atomic_store(&b->next, many->from);
    *worst = 0;
    sim_probe_share();
    for (uint32_t i = 0; i < n; i++)
        worker_start(many, b, &b->worker[i]);
    for (uint32_t looks = 0; any_lives(b, n); looks++) {
        (void)poll(NULL, 0, LOOK_MS);
        failed = reap(many, b, n, failed, worst);
        for (uint32_t i = 0; i < n; i++)
            if (b->worker[i].pid != 0)
                worker_look(&b->worker[i]);
        if (shows && looks % PROGRESS_LOOKS == 0)
            progress(many, b, n, failed);
    }
    if (shows)
        fprintf(stderr, "\r%79s\r", "");
    for (uint32_t i = 0; i < n; i++)
        sum_add(sum, &b->worker[i].sum);
    (void)munmap(b, sizeof *b);
    sim_probe_gather();
    return failed;
}

void sim_sum_print(const struct sim_sum *sum, double cpu_s)
{
    printf("%llu seeds, %llu simulated node-hours, %llu steps, %llu starts, %llu answers\n",
           (unsigned long long)sum->seeds, (unsigned long long)(sum->node_ms / 3600000),
           (unsigned long long)sum->steps, (unsigned long long)sum->starts,
           (unsigned long long)sum->acks);
    for (uint32_t f = 0, column = 0; f < SIM_FAULTS; f++)
        if (sum->fault[f] > 0)
            printf("%s %llu%s", sim_fault_name((enum sim_fault)f),
                   (unsigned long long)sum->fault[f], ++column % 8 == 0 ? "\n" : ", ");
    if (cpu_s > 0)
        printf("\n%.0f simulated node-seconds per second and core\n",
               (double)sum->node_ms / 1000 / cpu_s);
}

int sim_try(const struct sim_run *run, struct sim_sum *sum, char *words)
{
    struct worker *w = shared(sizeof *w);
    int status = 0;
    (void)fflush(NULL);
    pid_t pid = fork();
    MUSTER_ASSERT(pid >= 0);
    if (pid == 0) {
        struct sim_run mine = *run;
        mine.words = w->words;
        mine.is_quiet = true;
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(SIM_CRASHED);
        sim_swarm(&mine, &w->sum);
        _exit(0);
    }
    pid_t got = waitpid(pid, &status, 0);
    MUSTER_ASSERT(got == pid);
    *sum = w->sum;
    memcpy(words, w->words, SIM_WORDS);
    (void)munmap(w, sizeof *w);
    return code_of(status);
}
