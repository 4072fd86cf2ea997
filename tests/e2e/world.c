/* SPDX-License-Identifier: Apache-2.0 */
/* A small world for guards: agents in and out of the test process, and the news they hear. */
#include "tests/e2e/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/shell/log_file.h"
#include "tests/unit/unit.h"

#define MUST_MS    5000
#define NOBODY_MS  5000
#define GUARD_NAME "muster-guard"

uint64_t world_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
    struct timespec pause = { .tv_nsec = ms * 1000000L };
    nanosleep(&pause, NULL);
}

struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->report_fd = -1;
    snprintf(w->dir, sizeof(w->dir), "/tmp/guard.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    assert_int_equal(chmod(w->dir, 0755), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    return w;
}

int world_begin(void **state)
{
    struct world *w = world_open();
    world_agent_open(w);
    *state = w;
    return 0;
}

int world_finish(void **state)
{
    struct world *w = *state;
    world_agent_close(w);
    world_close(w);
    return 0;
}

static int path_remove(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

void world_close(struct world *w)
{
    uint64_t deadline = world_now_ms() + NOBODY_MS;
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && world_now_ms() < deadline) {
        if (pid == 0)
            pause_ms(1);
    }
    if (pid >= 0)
        fail_msg("processes are left behind");
    assert_int_equal(errno, ECHILD);
    assert_int_equal(nftw(w->dir, path_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(w);
}

/* ---- an agent here */

static void news_keep(void *context, const struct agent_guard_event *event)
{
    struct world *w = context;
    assert_true(w->count < WORLD_NEWS_MAX);
    struct world_news *n = &w->news[w->count++];
    n->event = *event;
    n->at_ms = world_now_ms();
    snprintf(n->job, sizeof(n->job), "%s", event->job);
    snprintf(n->run, sizeof(n->run), "%s", event->run);
    snprintf(n->text, sizeof(n->text), "%s", event->text == NULL ? "" : event->text);
    n->event.job = n->job;
    n->event.run = n->run;
    n->event.text = event->text == NULL ? NULL : n->text;
    if (w->report_fd >= 0 && write(w->report_fd, n, sizeof(*n)) != (ssize_t)sizeof(*n))
        _exit(3);
}

void world_agent_open(struct world *w)
{
    char run_dir[WORLD_PATH_MAX + 8], log_dir[WORLD_PATH_MAX + 8], guard[4096];
    ssize_t len = readlink("/proc/self/exe", guard, sizeof(guard) - 32);
    assert_true(len > 0);
    guard[len] = '\0';
    memcpy(strrchr(guard, '/'), "/../" GUARD_NAME, sizeof("/../" GUARD_NAME));
    snprintf(run_dir, sizeof(run_dir), "%s/run", w->dir);
    snprintf(log_dir, sizeof(log_dir), "%s/logs", w->dir);
    struct shell_guards_config config = { .loop = &w->loop,
                                          .run_dir = run_dir,
                                          .log_dir = log_dir,
                                          .guard_path = guard,
                                          .cgroup = w->cgroup,
                                          .context = w,
                                          .on_event = news_keep };
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(shell_guards_open(&w->guards, &config), MUSTER_OK);
}

void world_agent_close(struct world *w)
{
    shell_guards_close(w->guards);
    assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    w->guards = NULL;
    w->count = 0;
}

struct agent_launch world_job(uint64_t handle, const char *script, const char **argv)
{
    static const char *const no_env[] = { NULL };
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = script;
    argv[3] = NULL;
    return (struct agent_launch){ .job = "story/job",
                                  .run = "story/job",
                                  .token = 7,
                                  .attempt = 1,
                                  .handle = handle,
                                  .argv = argv,
                                  .env = no_env,
                                  .umask = -1,
                                  .limit_nofile = UINT64_MAX,
                                  .limit_core = UINT64_MAX,
                                  .limit_memory = UINT64_MAX,
                                  .limit_cpu_s = UINT64_MAX,
                                  .stop_signal = SIGTERM,
                                  .stop_timeout_ms = 10000,
                                  .dead_man_ms = 3000,
                                  .ready_timeout_ms = 60000 };
}

void world_launch(struct world *w, const struct agent_launch *launch)
{
    shell_guards_launch(w->guards, launch);
}

void world_start(struct world *w, uint64_t handle, const char *script)
{
    const char *argv[4];
    struct agent_launch launch = world_job(handle, script, argv);
    world_launch(w, &launch);
}

const struct world_news *world_heard(const struct world *w, uint64_t handle,
                                     enum agent_guard_news news)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if ((handle == 0 || w->news[i].event.handle == handle) && w->news[i].event.news == news)
            return &w->news[i];
    }
    return NULL;
}

static void timer_over(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

const struct world_news *world_wait(struct world *w, uint64_t handle, enum agent_guard_news news,
                                    uint64_t timeout_ms)
{
    uv_timer_t timer;
    bool is_over = false;
    const struct world_news *heard;
    assert_int_equal(uv_timer_init(&w->loop, &timer), 0);
    timer.data = &is_over;
    uv_update_time(&w->loop);
    uv_timer_start(&timer, timer_over, timeout_ms, 0);
    while ((heard = world_heard(w, handle, news)) == NULL && !is_over)
        uv_run(&w->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    return heard;
}

const struct world_news *world_must(struct world *w, uint64_t handle, enum agent_guard_news news)
{
    const struct world_news *heard = world_wait(w, handle, news, MUST_MS);
    for (uint32_t i = 0; heard == NULL && i < w->count; i++)
        print_message("heard: news %d of %llu, code %d, signal %d, %s\n",
                      (int)w->news[i].event.news, (unsigned long long)w->news[i].event.handle,
                      w->news[i].event.code, w->news[i].event.signal, w->news[i].text);
    if (heard == NULL)
        fail_msg("no news %d of %llu", (int)news, (unsigned long long)handle);
    return heard;
}

void world_run(struct world *w, uint64_t ms)
{
    (void)world_wait(w, UINT64_MAX, AGENT_GUARD_SCANNED, ms);
}

/* ---- an agent of its own */

static _Noreturn void agent_live(struct world *w, const char *script, bool keep)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    world_agent_open(w);
    if (script != NULL) {
        const char *argv[4];
        struct agent_launch launch = world_job(1, script, argv);
        launch.keep = keep;
        world_launch(w, &launch);
    } else {
        shell_guards_scan(w->guards);
    }
    uv_run(&w->loop, UV_RUN_DEFAULT);
    _exit(0);
}

struct world_agent world_agent_fork(struct world *w, const char *script, bool keep)
{
    int ends[2];
    struct world_agent a;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    a.pid = fork();
    assert_true(a.pid >= 0);
    if (a.pid == 0) {
        close(ends[0]);
        w->report_fd = ends[1];
        agent_live(w, script, keep);
    }
    close(ends[1]);
    a.fd = ends[0];
    return a;
}

pid_t world_agent_hear(const struct world_agent *a, enum agent_guard_news news)
{
    struct world_news n;
    struct pollfd readable = { .fd = a->fd, .events = POLLIN };
    do {
        if (poll(&readable, 1, MUST_MS) != 1 || read(a->fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
            fail_msg("the agent says nothing of %d", (int)news);
    } while (n.event.news != news);
    return n.event.pid;
}

void world_agent_kill(struct world_agent *a)
{
    assert_int_equal(kill(a->pid, SIGKILL), 0);
    assert_int_equal(waitpid(a->pid, NULL, 0), a->pid);
    close(a->fd);
}

/* ---- looking at processes and files */

uint64_t world_gone_after(pid_t pid, uint64_t timeout_ms)
{
    uint64_t begin = world_now_ms();
    struct pollfd gone = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
    if (gone.fd < 0)
        return 0;
    int count = poll(&gone, 1, (int)timeout_ms);
    close(gone.fd);
    return count == 0 ? timeout_ms : world_now_ms() - begin;
}

pid_t world_guard_of(pid_t job)
{
    char path[64], text[512];
    int parent = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)job);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    assert_true(len > 0);
    text[len] = '\0';
    assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %d", &parent), 1);
    return parent;
}

struct lines {
    char *out;
    size_t size;
    size_t len;
};

static void line_take(void *context, const struct agent_logline *record, uint64_t next)
{
    struct lines *l = context;
    (void)next;
    int len = snprintf(l->out + l->len, l->size - l->len, "%c:%.*s%s\n", (char)record->stream,
                       (int)record->len, record->text, record->is_partial ? "+" : "");
    l->len += (size_t)len;
    assert_true(l->len < l->size);
}

char *world_output(struct world *w, const char *job, char *out, size_t size)
{
    char log_dir[WORLD_PATH_MAX + 8];
    struct shell_log_reader reader;
    struct lines lines = { .out = out, .size = size };
    out[0] = '\0';
    snprintf(log_dir, sizeof(log_dir), "%s/logs", w->dir);
    if (shell_log_open(&reader, log_dir, job, 0, 0) != MUSTER_OK)
        return out;
    while (shell_log_read(&reader, &lines, line_take))
        continue;
    shell_log_close(&reader);
    return out;
}

void world_write(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(chmod(path, mode), 0);
}

bool world_exists(const struct world *w, const char *format, ...)
{
    char path[4 * WORLD_PATH_MAX];
    size_t len = strlen(w->dir);
    va_list args;
    memcpy(path, w->dir, len);
    path[len] = '/';
    va_start(args, format);
    vsnprintf(path + len + 1, sizeof(path) - len - 1, format, args);
    va_end(args);
    return access(path, F_OK) == 0;
}

uint32_t world_runs_left(const struct world *w)
{
    char path[WORLD_PATH_MAX + 16];
    uint32_t count = 0;
    snprintf(path, sizeof(path), "%s/run/runs", w->dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}
