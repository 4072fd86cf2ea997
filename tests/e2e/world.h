/* World: what the tests of guards share: a folder, an agent's loop with its guards, and the news
 * heard.
 *
 * The test process is a subreaper: whatever the tests leave behind becomes its child, so that at
 * the end "nobody is left" can be asked of the kernel. Nothing here waits longer than it is told
 * to.
 *
 * units    milliseconds of CLOCK_MONOTONIC
 * memory   on the heap, from world_open to world_close
 * errors   a failed expectation fails the test that runs
 */
#ifndef MUSTER_TESTS_E2E_WORLD_H
#define MUSTER_TESTS_E2E_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/shell/guard.h"

#define WORLD_NEWS_MAX     512
#define WORLD_PATH_MAX     256
#define WORLD_COUNT(table) (sizeof(table) / sizeof(table)[0])

struct world_news {
    struct agent_guard_event event; /* its texts lead to the copies below */
    uint64_t at_ms;
    char job[AGENT_NAME_MAX + 1];
    char run[AGENT_RUN_MAX + 1];
    char text[AGENT_REASON_MAX];
};

struct world {
    char dir[WORLD_PATH_MAX];
    const char *cgroup; /* as in struct shell_guards_config */
    uv_loop_t loop;
    struct shell_guards *guards;
    struct world_news news[WORLD_NEWS_MAX];
    uint32_t count;
    int report_fd; /* in an agent of its own: where news are written to; else -1 */
};

struct world *world_open(void);    /* a fresh folder; no agent yet */
void world_close(struct world *w); /* nobody may be left; removes the folder */

/* For cmocka: a world with an agent in it, as *state. */
int world_begin(void **state);
int world_finish(void **state);

/* The agent inside the test process. */
void world_agent_open(struct world *w);
void world_agent_close(struct world *w);

/* A job with everything unremarkable: `sh -c script`, ends with its agent, ready at once. */
struct agent_launch world_job(uint64_t handle, const char *script, const char **argv);
void world_launch(struct world *w, const struct agent_launch *launch);
void world_start(struct world *w, uint64_t handle, const char *script); /* both of these */

/* Runs the loop until there is such news of this handle (0: of any), or the time is over: NULL. */
const struct world_news *world_wait(struct world *w, uint64_t handle, enum agent_guard_news news,
                                    uint64_t timeout_ms);
const struct world_news *world_must(struct world *w, uint64_t handle, enum agent_guard_news news);
const struct world_news *world_heard(const struct world *w, uint64_t handle,
                                     enum agent_guard_news news);
void world_run(struct world *w, uint64_t ms); /* the loop for so long */

/* An agent in a process of its own, which opens guards, starts `script` as handle 1 (unless it is
 * NULL, then it scans) and runs until it is killed. `pid` is the job's. */
struct world_agent {
    pid_t pid;
    int fd;
};
struct world_agent world_agent_fork(struct world *w, const char *script, bool keep);
pid_t world_agent_hear(const struct world_agent *a, enum agent_guard_news news);
void world_agent_kill(struct world_agent *a);

/* Milliseconds until the process is gone (a zombie is gone), at most timeout_ms. */
uint64_t world_gone_after(pid_t pid, uint64_t timeout_ms);
pid_t world_guard_of(pid_t job); /* its parent */
uint64_t world_now_ms(void);

/* All output of a job as "stream:text\n" lines with '+' for a piece that goes on; terminated. */
char *world_output(struct world *w, const char *job, char *out, size_t size);
void world_write(const char *path, const char *text, mode_t mode);
bool world_exists(const struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
uint32_t world_runs_left(const struct world *w); /* run directories */

#endif
