/* Yard: what the tests of guards share: a folder, an agent's loop with its guards, and the news
 * heard.
 *
 * The test process is a subreaper: whatever the tests leave behind becomes its child, so that at
 * the end "nobody is left" can be asked of the kernel. Nothing here waits longer than it is told
 * to.
 *
 * units    milliseconds of CLOCK_MONOTONIC
 * memory   on the heap, from yard_open to yard_close
 * errors   a failed expectation fails the test that runs
 */
#ifndef MUSTER_TESTS_E2E_YARD_H
#define MUSTER_TESTS_E2E_YARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/shell/guard.h"

#define YARD_NEWS_MAX     512
#define YARD_PATH_MAX     256
#define YARD_COUNT(table) (sizeof(table) / sizeof(table)[0])

struct yard_news {
    struct agent_guard_event event; /* its texts lead to the copies below */
    uint64_t at_ms;
    char job[AGENT_NAME_MAX + 1];
    char run[AGENT_RUN_MAX + 1];
    char text[AGENT_REASON_MAX];
};

struct yard {
    char dir[YARD_PATH_MAX];
    const char *cgroup;   /* as in struct shell_guards_config */
    bool is_relative;     /* the agent's folders are named from its own folder */
    uint64_t dead_man_ms; /* of what an agent of its own launches */
    uint64_t lease_ms;    /* likewise, from then on; 0: none */
    uv_loop_t loop;
    struct shell_guards *guards;
    struct yard_news news[YARD_NEWS_MAX];
    uint32_t count;
    int report_fd; /* in an agent of its own: where news are written to; else -1 */
};

struct yard *yard_open(void);    /* a fresh folder; no agent yet */
void yard_close(struct yard *y); /* nobody may be left; removes the folder */

/* For cmocka: a yard with an agent in it, as *state. */
int yard_begin(void **state);
int yard_finish(void **state);

/* The agent inside the test process. */
void yard_agent_open(struct yard *y);
void yard_agent_close(struct yard *y);

/* A job with everything unremarkable: `sh -c script`, ends with its agent, ready at once. */
struct agent_launch yard_job(uint64_t handle, const char *script, const char **argv);
void yard_launch(struct yard *y, const struct agent_launch *launch);
void yard_start(struct yard *y, uint64_t handle, const char *script); /* both of these */

/* Runs the loop until there is such news of this handle (0: of any), or the time is over: NULL. */
const struct yard_news *yard_wait(struct yard *y, uint64_t handle, enum agent_guard_news news,
                                  uint64_t timeout_ms);
const struct yard_news *yard_must(struct yard *y, uint64_t handle, enum agent_guard_news news);
const struct yard_news *yard_heard(const struct yard *y, uint64_t handle,
                                   enum agent_guard_news news);
void yard_run(struct yard *y, uint64_t ms); /* the loop for so long */

/* An agent in a process of its own, which opens guards, starts `script` as handle 1 (unless it is
 * NULL, then it scans) and runs until it is killed. `pid` is the job's. */
struct yard_agent {
    pid_t pid;
    int fd;
};
struct yard_agent yard_agent_fork(struct yard *y, const char *script, bool keep);
pid_t yard_agent_hear(const struct yard_agent *a, enum agent_guard_news news);
void yard_agent_kill(struct yard_agent *a);

/* Milliseconds until the process is gone (a zombie is gone), at most timeout_ms. */
uint64_t yard_gone_after(pid_t pid, uint64_t timeout_ms);
pid_t yard_guard_of(pid_t job); /* its parent */
uint64_t yard_now_ms(void);

/* All output of a job as "stream:text\n" lines with '+' for a piece that goes on; terminated. */
char *yard_output(struct yard *y, const char *job, char *out, size_t size);
void yard_write(const char *path, const char *text, mode_t mode);
bool yard_exists(const struct yard *y, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool yard_first_dir(const struct yard *y, char *name); /* any run directory, the spare's too */
void yard_guard_path(char *out, size_t size);
uint32_t yard_runs_left(const struct yard *y); /* run directories, but not of the spare guard */
void yard_must_forget(struct yard *y); /* every run's directory goes soon: its guard may yet live */

#endif
