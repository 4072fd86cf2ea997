/* SPDX-License-Identifier: Apache-2.0 */
/* What a guard costs (rows 13 to 15): a launch on the loop, until the job's first instruction, and
 * from the kill of a job to the first instruction of the next attempt. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "agent/shell/guard.h"

#define ROUNDS    100
#define WARM_UPS  5
#define QUIET_MS  40 /* long enough for the agent to have a spare guard again */
#define PATH_SIZE 512

/* One round: a job is killed and started again in place; then, while there is no spare, a second
 * one is started beside it; then the first is ended and, after a while, started from rest. */
enum step { STEP_RESTART, STEP_BESIDE, STEP_END, STEP_REST };

struct bench {
    uv_loop_t loop;
    uv_poll_t notes;
    uv_timer_t quiet;
    struct shell_guards *guards;
    char dir[64];
    char fifo[PATH_SIZE];
    char job[PATH_SIZE];
    int fifo_fd;
    enum step step;
    uint64_t handle;
    uint64_t asked_ns;
    uint64_t killed_ns;
    pid_t pid; /* of the job that runs */
    uint32_t round;
    double restarted[WARM_UPS + ROUNDS], first[WARM_UPS + ROUNDS];
    double blocked[WARM_UPS + ROUNDS], blocked_spare[WARM_UPS + ROUNDS];
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "shell_guard_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t launch(struct bench *b, const char *const *argv)
{
    const char *env[] = { NULL };
    struct agent_launch l = { .job = "bench",
                              .run = "bench",
                              .token = 1,
                              .attempt = 1,
                              .handle = ++b->handle,
                              .argv = argv,
                              .env = env,
                              .umask = -1,
                              .limit_nofile = UINT64_MAX,
                              .limit_core = UINT64_MAX,
                              .limit_memory = UINT64_MAX,
                              .limit_cpu_s = UINT64_MAX,
                              .stop_signal = SIGTERM,
                              .stop_timeout_ms = 1000,
                              .dead_man_ms = 3000 };
    uint64_t begin_ns = clock_ns();
    shell_guards_launch(b->guards, &l);
    return clock_ns() - begin_ns;
}

static uint64_t launch_job(struct bench *b)
{
    const char *argv[] = { b->job, b->fifo, NULL };
    b->asked_ns = clock_ns();
    return launch(b, argv);
}

static void kill_job(struct bench *b)
{
    b->killed_ns = clock_ns();
    if (kill(b->pid, SIGKILL) != 0)
        give_up("kill");
}

static void finish(struct bench *b)
{
    uv_close((uv_handle_t *)&b->notes, NULL);
    uv_close((uv_handle_t *)&b->quiet, NULL);
    shell_guards_close(b->guards);
}

/* It was quiet for a while: the next step begins. */
static void on_quiet(uv_timer_t *timer)
{
    struct bench *b = timer->data;
    if (b->step == STEP_REST) {
        b->blocked_spare[b->round] = (double)launch_job(b) / 1e6;
    } else {
        kill_job(b);
    }
}

static void rest(struct bench *b)
{
    uv_timer_start(&b->quiet, on_quiet, QUIET_MS, 0);
}

static void on_event(void *context, const struct agent_guard_event *event)
{
    struct bench *b = context;
    if (event->news == AGENT_GUARD_FAILED) {
        fprintf(stderr, "shell_guard_bench: %s\n", event->text);
        exit(1);
    }
    if (event->news != AGENT_GUARD_EXITED)
        return;
    if (b->step == STEP_RESTART) { /* in place: what a runner without a back-off does */
        (void)launch_job(b);
    } else if (b->step == STEP_BESIDE) {
        b->step = STEP_END;
        rest(b);
    } else if (b->round + 1 == WARM_UPS + ROUNDS) {
        finish(b);
    } else {
        b->step = STEP_REST;
        rest(b);
    }
    shell_guards_forget(b->guards, event->handle);
}

/* The job's first instruction. */
static void on_note(uv_poll_t *poll, int status, int events)
{
    static const char *const beside[] = { "true", NULL };
    struct bench *b = poll->data;
    uint64_t note[2];
    (void)status;
    (void)events;
    if (read(b->fifo_fd, note, sizeof(note)) != (ssize_t)sizeof(note))
        return;
    b->pid = (pid_t)note[1];
    if (b->step == STEP_RESTART) {
        b->restarted[b->round] = (double)(note[0] - b->killed_ns) / 1e6;
        b->step = STEP_BESIDE;
        b->blocked[b->round] = (double)launch(b, beside) / 1e6;
    } else {
        b->first[b->round] = (double)(note[0] - b->asked_ns) / 1e6;
        b->step = STEP_RESTART;
        b->round++;
        rest(b);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *name, double *figure)
{
    figure += WARM_UPS;
    qsort(figure, ROUNDS, sizeof(figure[0]), by_size);
    printf("guard_%s_p50 %.3f ms\n", name, figure[ROUNDS / 2]);
    printf("guard_%s_p99 %.3f ms\n", name, figure[ROUNDS * 99 / 100]);
}

static int path_remove(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

/* Run directories belong on a file system in memory, as /run is. */
static void places(struct bench *b, char *guard)
{
    char self[PATH_SIZE - 64];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0)
        give_up("/proc/self/exe");
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(guard, PATH_SIZE, "%s/../muster-guard", self);
    snprintf(b->job, sizeof(b->job), "%s/first_instruction", self);
    snprintf(b->dir, sizeof(b->dir), "%s/muster-bench.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(b->dir) == NULL)
        give_up(b->dir);
    snprintf(b->fifo, sizeof(b->fifo), "%s/fifo", b->dir);
    if (mkfifo(b->fifo, 0600) != 0 ||
        (b->fifo_fd = open(b->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
        give_up(b->fifo);
}

static void measure(struct bench *b)
{
    char guard[PATH_SIZE], run_dir[PATH_SIZE], log_dir[PATH_SIZE];
    struct shell_guards_config config = { .loop = &b->loop,
                                          .run_dir = run_dir,
                                          .log_dir = log_dir,
                                          .guard_path = guard,
                                          .context = b,
                                          .on_event = on_event };
    places(b, guard);
    snprintf(run_dir, sizeof(run_dir), "%s/run", b->dir);
    snprintf(log_dir, sizeof(log_dir), "%s/logs", b->dir);
    if (uv_loop_init(&b->loop) != 0 || shell_guards_open(&b->guards, &config) != MUSTER_OK ||
        uv_poll_init(&b->loop, &b->notes, b->fifo_fd) != 0 ||
        uv_timer_init(&b->loop, &b->quiet) != 0)
        give_up("open");
    b->notes.data = b->quiet.data = b;
    uv_poll_start(&b->notes, UV_READABLE, on_note);
    b->step = STEP_REST;
    rest(b);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    uv_loop_close(&b->loop);
    close(b->fifo_fd);
    nftw(b->dir, path_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return 1;
    measure(b);
    print("killed_to_restarted", b->restarted);
    print("start_to_first_instruction", b->first);
    print("loop_blocked_by_spawn", b->blocked);
    print("loop_blocked_by_launch_with_spare", b->blocked_spare);
    free(b);
    return 0;
}
