/* SPDX-License-Identifier: Apache-2.0 */
/* A yard for guards: agents in and out of the test process, and the news they hear. */
#include "tests/e2e/guard_yard.h"

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

#include "agent/guard/protocol.h"
#include "agent/shell/guard_run.h"
#include "agent/shell/log_file.h"
#include "tests/unit/unit.h"

#define MUST_MS    5000
#define NOBODY_MS  5000
#define GUARD_NAME "muster-guard"

uint64_t yard_now_ms(void)
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

struct yard *yard_open(void)
{
    struct yard *y = calloc(1, sizeof(*y));
    assert_non_null(y);
    y->report_fd = -1;
    y->dead_man_ms = 3000;
    snprintf(y->dir, sizeof(y->dir), "/tmp/guard.XXXXXX");
    assert_non_null(mkdtemp(y->dir));
    assert_int_equal(chmod(y->dir, 0755), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    return y;
}

int yard_begin(void **state)
{
    struct yard *y = yard_open();
    yard_agent_open(y);
    *state = y;
    return 0;
}

int yard_finish(void **state)
{
    struct yard *y = *state;
    yard_agent_close(y);
    yard_close(y);
    return 0;
}

static int path_remove(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

void yard_close(struct yard *y)
{
    uint64_t deadline = yard_now_ms() + NOBODY_MS;
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && yard_now_ms() < deadline) {
        if (pid == 0)
            pause_ms(1);
    }
    if (pid >= 0)
        fail_msg("processes are left behind");
    assert_int_equal(errno, ECHILD);
    assert_int_equal(nftw(y->dir, path_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(y);
}

/* ---- an agent here */

static void news_keep(void *context, const struct agent_guard_event *event)
{
    struct yard *y = context;
    assert_true(y->count < YARD_NEWS_MAX);
    struct yard_news *n = &y->news[y->count++];
    n->event = *event;
    n->at_ms = yard_now_ms();
    snprintf(n->job, sizeof(n->job), "%s", event->job);
    snprintf(n->run, sizeof(n->run), "%s", event->run);
    snprintf(n->text, sizeof(n->text), "%s", event->text == NULL ? "" : event->text);
    n->event.job = n->job;
    n->event.run = n->run;
    n->event.text = event->text == NULL ? NULL : n->text;
    if (y->report_fd >= 0 && write(y->report_fd, n, sizeof(*n)) != (ssize_t)sizeof(*n))
        _exit(3);
}

void yard_guard_path(char *out, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", out, size - 32);
    assert_true(len > 0);
    out[len] = '\0';
    memcpy(strrchr(out, '/'), "/../" GUARD_NAME, sizeof("/../" GUARD_NAME));
}

void yard_agent_open(struct yard *y)
{
    char run_dir[YARD_PATH_MAX + 8], log_dir[YARD_PATH_MAX + 8], guard[4096];
    yard_guard_path(guard, sizeof(guard));
    snprintf(run_dir, sizeof(run_dir), "%s/run", y->is_relative ? "." : y->dir);
    snprintf(log_dir, sizeof(log_dir), "%s/logs", y->is_relative ? "." : y->dir);
    struct shell_guards_config config = { .loop = &y->loop,
                                          .run_dir = run_dir,
                                          .log_dir = log_dir,
                                          .guard_path = guard,
                                          .cgroup = y->cgroup,
                                          .context = y,
                                          .on_event = news_keep };
    assert_int_equal(uv_loop_init(&y->loop), 0);
    assert_int_equal(shell_guards_open(&y->guards, &config), MUSTER_OK);
}

void yard_agent_close(struct yard *y)
{
    uint64_t deadline = yard_now_ms() + MUST_MS;
    shell_guards_close(y->guards);
    while (uv_run(&y->loop, UV_RUN_NOWAIT) != 0 && yard_now_ms() < deadline)
        pause_ms(1);
    assert_int_equal(uv_loop_close(&y->loop), 0);
    y->guards = NULL;
    y->count = 0;
}

struct agent_launch yard_job(uint64_t handle, const char *script, const char **argv)
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

void yard_launch(struct yard *y, const struct agent_launch *launch)
{
    shell_guards_launch(y->guards, launch);
}

void yard_start(struct yard *y, uint64_t handle, const char *script)
{
    const char *argv[4];
    struct agent_launch launch = yard_job(handle, script, argv);
    yard_launch(y, &launch);
}

const struct yard_news *yard_heard(const struct yard *y, uint64_t handle,
                                   enum agent_guard_news news)
{
    for (uint32_t i = 0; i < y->count; i++) {
        if ((handle == 0 || y->news[i].event.handle == handle) && y->news[i].event.news == news)
            return &y->news[i];
    }
    return NULL;
}

static void timer_over(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

const struct yard_news *yard_wait(struct yard *y, uint64_t handle, enum agent_guard_news news,
                                  uint64_t timeout_ms)
{
    uv_timer_t timer;
    bool is_over = false;
    const struct yard_news *heard;
    assert_int_equal(uv_timer_init(&y->loop, &timer), 0);
    timer.data = &is_over;
    uv_update_time(&y->loop);
    uv_timer_start(&timer, timer_over, timeout_ms, 0);
    while ((heard = yard_heard(y, handle, news)) == NULL && !is_over)
        uv_run(&y->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&y->loop, UV_RUN_NOWAIT);
    return heard;
}

const struct yard_news *yard_must(struct yard *y, uint64_t handle, enum agent_guard_news news)
{
    const struct yard_news *heard = yard_wait(y, handle, news, MUST_MS);
    for (uint32_t i = 0; heard == NULL && i < y->count; i++)
        print_message("heard: news %d of %llu, code %d, signal %d, %s\n",
                      (int)y->news[i].event.news, (unsigned long long)y->news[i].event.handle,
                      y->news[i].event.code, y->news[i].event.signal, y->news[i].text);
    if (heard == NULL)
        fail_msg("no news %d of %llu", (int)news, (unsigned long long)handle);
    return heard;
}

void yard_run(struct yard *y, uint64_t ms)
{
    (void)yard_wait(y, UINT64_MAX, AGENT_GUARD_SCANNED, ms);
}

/* ---- an agent of its own */

static _Noreturn void agent_live(struct yard *y, const char *script, bool keep)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    yard_agent_open(y);
    if (script != NULL) {
        const char *argv[4];
        struct agent_launch launch = yard_job(1, script, argv);
        launch.keep = keep;
        launch.dead_man_ms = y->dead_man_ms;
        launch.lease_ms = y->lease_ms != 0 ? shell_guards_now_ms() + y->lease_ms : 0;
        yard_launch(y, &launch);
    } else {
        shell_guards_scan(y->guards);
    }
    uv_run(&y->loop, UV_RUN_DEFAULT);
    _exit(0);
}

struct yard_agent yard_agent_fork(struct yard *y, const char *script, bool keep)
{
    int ends[2];
    struct yard_agent a;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    a.pid = fork();
    assert_true(a.pid >= 0);
    if (a.pid == 0) {
        close(ends[0]);
        y->report_fd = ends[1];
        agent_live(y, script, keep);
    }
    close(ends[1]);
    a.fd = ends[0];
    return a;
}

pid_t yard_agent_hear(const struct yard_agent *a, enum agent_guard_news news)
{
    struct yard_news n;
    struct pollfd readable = { .fd = a->fd, .events = POLLIN };
    do {
        if (poll(&readable, 1, MUST_MS) != 1 || read(a->fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
            fail_msg("the agent says nothing of %d", (int)news);
    } while (n.event.news != news);
    return n.event.pid;
}

void yard_agent_kill(struct yard_agent *a)
{
    assert_int_equal(kill(a->pid, SIGKILL), 0);
    assert_int_equal(waitpid(a->pid, NULL, 0), a->pid);
    close(a->fd);
}

/* ---- looking at processes and files */

uint64_t yard_gone_after(pid_t pid, uint64_t timeout_ms)
{
    uint64_t begin = yard_now_ms();
    struct pollfd gone = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
    if (gone.fd < 0)
        return 0;
    int count = poll(&gone, 1, (int)timeout_ms);
    close(gone.fd);
    return count == 0 ? timeout_ms : yard_now_ms() - begin;
}

pid_t yard_guard_of(pid_t job)
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

char *yard_output(struct yard *y, const char *job, char *out, size_t size)
{
    char log_dir[YARD_PATH_MAX + 8];
    struct shell_log_reader reader;
    struct lines lines = { .out = out, .size = size };
    out[0] = '\0';
    snprintf(log_dir, sizeof(log_dir), "%s/logs", y->dir);
    if (shell_log_open(&reader, log_dir, job, 0, 0) != MUSTER_OK)
        return out;
    while (shell_log_read(&reader, &lines, line_take))
        continue;
    shell_log_close(&reader);
    return out;
}

void yard_write(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(chmod(path, mode), 0);
}

bool yard_exists(const struct yard *y, const char *format, ...)
{
    char path[4 * YARD_PATH_MAX];
    size_t len = strlen(y->dir);
    va_list args;
    memcpy(path, y->dir, len);
    path[len] = '/';
    va_start(args, format);
    vsnprintf(path + len + 1, sizeof(path) - len - 1, format, args);
    va_end(args);
    return access(path, F_OK) == 0;
}

bool yard_first_dir(const struct yard *y, char *name)
{
    char path[YARD_PATH_MAX + 16];
    bool is_found = false;
    snprintf(path, sizeof(path), "%s/run/runs", y->dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        is_found = is_found || strlen(entry->d_name) == GUARD_ID_LEN;
        if (strlen(entry->d_name) == GUARD_ID_LEN)
            memcpy(name, entry->d_name, GUARD_ID_LEN + 1);
    }
    closedir(dir);
    return is_found;
}

uint32_t yard_runs_left(const struct yard *y)
{
    char path[YARD_PATH_MAX + 16];
    uint32_t count = 0;
    snprintf(path, sizeof(path), "%s/run/runs", y->dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += yard_exists(y, "run/runs/%s/pid", entry->d_name) ||
                 yard_exists(y, "run/runs/%s/exit", entry->d_name);
    closedir(dir);
    return count;
}

void yard_must_forget(struct yard *y)
{
    uint64_t deadline = yard_now_ms() + MUST_MS;
    do
        yard_run(y, 5);
    while (yard_runs_left(y) != 0 && yard_now_ms() < deadline);
    assert_int_equal(yard_runs_left(y), 0);
}
