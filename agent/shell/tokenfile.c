/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the file of tokens. */
#include "agent/shell/tokenfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shell/folder.h"
#include "base/text.h"

static int refused(const char *path, int number, char *why, size_t size)
{
    char reason[128];
    (void)muster_format(why, size, "%s: the tokens cannot be read: %s; see `tokens`", path,
                        strerror_r(number, reason, sizeof reason));
    return number == ENOENT ? MUSTER_EINVAL : shell_errno(number);
}

static int text_read(struct agent_tokens *t, struct muster_bytes text, const char *path, char *why,
                     size_t size)
{
    struct agent_problem problem;
    char line[AGENT_PROBLEM_LINE];
    int err = agent_tokens_read(t, text, &problem);
    if (err != MUSTER_OK)
        (void)muster_format(why, size, "%s", agent_problem_text(&problem, path, line, sizeof line));
    return err;
}

static int file_take(struct agent_tokens *t, int fd, const char *path, char *why, size_t size)
{
    char *text = malloc(AGENT_TOKENS_TEXT);
    size_t len = 0;
    ssize_t n = 1;
    MUSTER_ASSERT(text != NULL);
    while (n > 0 && len < AGENT_TOKENS_TEXT) {
        n = read(fd, text + len, AGENT_TOKENS_TEXT - len);
        len += n > 0 ? (size_t)n : 0;
    }
    int err = n < 0 ? refused(path, errno, why, size) : MUSTER_OK;
    if (err == MUSTER_OK && len == AGENT_TOKENS_TEXT) {
        (void)muster_format(why, size, "%s: larger than any list of tokens; see `tokens`", path);
        err = MUSTER_EINVAL;
    }
    if (err == MUSTER_OK)
        err = text_read(t, MUSTER_BYTES(text, len), path, why, size);
    free(text);
    return err;
}

int shell_tokenfile_read(struct agent_tokens *t, const char *path, struct shell_journal *journal,
                         char *why, size_t size)
{
    struct agent_tokens fresh = { .count = 0 };
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refused(path, errno, why, size);
    int err = file_take(&fresh, fd, path, why, size);
    bool is_open = fstat(fd, &s) == 0 && (s.st_mode & S_IWOTH) != 0;
    (void)close(fd);
    if (err != MUSTER_OK)
        return err;
    if (journal != NULL && is_open)
        shell_journal(journal, AGENT_LOG_WARN,
                      "%s: every user of this host may write there and let himself in; chmod 640",
                      path);
    *t = fresh;
    return MUSTER_OK;
}
