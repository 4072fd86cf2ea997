/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about what runs leave: read from outside, and said from inside a job. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"

#define BYTES      "application/octet-stream"
#define WORDS_MAX  4000 /* bytes of one datagram, as a guard takes them */
#define BARRIER_MS 5000 /* for the guard to have heard everything */

int cli_verb_result(struct cli *cli)
{
    struct cli_path path;
    struct cli_result result;
    struct cli_request request = { .method = "GET", .path = &path, .accept = BYTES };
    cli_path_open(&path, "/v1/runs/");
    cli_path_name(&path, cli->args.word[0]);
    cli_path_plain(&path, "/result");
    int code = cli_api_ask(cli, &request, &result);
    if (code != CLI_OK)
        cli_api_complain(cli, &result, "a job leaves one with 'muster notify --result FILE'");
    else if (result.answer.body.len > 0)
        (void)fwrite(result.answer.body.data, 1, result.answer.body.len, stdout);
    cli_api_close(&result);
    return code;
}

int cli_verb_msgs(struct cli *cli)
{
    struct cli_path path;
    struct cli_result result;
    cli_path_open(&path, "/v1/runs/");
    cli_path_name(&path, cli->args.word[0]);
    cli_path_plain(&path, "/messages");
    int code = cli_api_read(cli, &path, &result);
    struct cli_value items = cli_value_field(result.root, "items");
    for (size_t i = 0; code == CLI_OK && !cli->json && i < cli_value_count(items); i++) {
        struct cli_value m = cli_value_item(items, i);
        const char *text = cli_text(m, "text", "");
        cli_print("%s  %-8s  ", cli_text(m, "time", "-"), cli_text(m, "node", "-"));
        cli_print_safe(stdout, text, strlen(text), false);
        cli_print("\n");
    }
    cli_api_close(&result);
    return code;
}

/* ---- inside a job */

static bool word_add(char *words, const char *key, const char *value)
{
    size_t len = strlen(words);
    int more = value == NULL ? 0 : snprintf(words + len, WORDS_MAX - len, "%s%s\n", key, value);
    return more >= 0 && (size_t)more < WORDS_MAX - len;
}

/* A path as the guard can open it: it works in another directory. */
static bool path_add(char *words, const char *key, const char *path)
{
    char here[2048], whole[2 * sizeof here];
    if (path == NULL)
        return true;
    if (path[0] != '/' && getcwd(here, sizeof here) == NULL)
        return false;
    return muster_format(whole, sizeof whole, "%s%s%s", path[0] == '/' ? "" : here,
                         path[0] == '/' ? "" : "/", path) &&
           word_add(words, key, whole);
}

/* Sends the words, and with `fd` >= 0 that descriptor. */
static bool words_send(int socket_fd, const struct sockaddr_un *to, const char *words, int fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .space = { 0 } };
    struct iovec part = { .iov_base = (void *)(uintptr_t)words, .iov_len = strlen(words) };
    struct msghdr message = { .msg_name = (void *)(uintptr_t)to,
                              .msg_namelen = sizeof *to,
                              .msg_iov = &part,
                              .msg_iovlen = 1 };
    if (fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    return sendmsg(socket_fd, &message, MSG_NOSIGNAL) >= 0;
}

/* Whoever reads the socket closes the pipe when it has come so far: then files may go away. */
static void barrier(int socket_fd, const struct sockaddr_un *to)
{
    int ends[2];
    if (pipe(ends) != 0)
        return;
    bool sent = words_send(socket_fd, to, "BARRIER=1", ends[1]);
    close(ends[1]);
    struct pollfd end = { .fd = ends[0], .events = 0 };
    if (sent)
        (void)poll(&end, 1, BARRIER_MS);
    close(ends[0]);
}

static int notify_send(struct cli *cli, const char *words)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL || path[0] != '/' || strlen(path) >= sizeof to.sun_path) {
        cli_say(&cli->term,
                "there is no NOTIFY_SOCKET here; 'muster notify' is for use inside a job");
        return CLI_UNREACHABLE;
    }
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool sent = fd >= 0 && words_send(fd, &to, words, -1);
    if (!sent)
        cli_say(&cli->term, "the guard of this job does not hear at %s (%s)", path,
                strerror(errno));
    else
        barrier(fd, &to);
    if (fd >= 0)
        close(fd);
    return sent ? CLI_OK : CLI_UNREACHABLE;
}

int cli_verb_notify(struct cli *cli)
{
    struct cli_args *args = &cli->args;
    char words[WORDS_MAX] = "";
    const char *more = cli_flag_value(args, "extend");
    const char *progress = cli_flag_value(args, "progress");
    long long more_ms = 0;
    char us[32];
    if (cli_flag_duration(args, "extend", 0, &more_ms) != MUSTER_OK)
        return cli_usage(cli, "%s", args->problem);
    if (progress != NULL &&
        (strchr(progress, '/') == NULL || strspn(progress, "0123456789/") != strlen(progress)))
        return cli_usage(cli, "--progress %s: expected DONE/TOTAL, such as 3/10", progress);
    (void)snprintf(us, sizeof us, "%lld", more_ms * 1000);
    bool fits = word_add(words, "READY=", cli_flag_given(args, "ready") ? "1" : NULL) &&
                word_add(words, "WATCHDOG=", cli_flag_given(args, "beat") ? "1" : NULL) &&
                word_add(words, "STOPPING=", cli_flag_given(args, "stopping") ? "1" : NULL) &&
                word_add(words, "EXTEND_TIMEOUT_USEC=", more != NULL ? us : NULL) &&
                word_add(words, "STATUS=", cli_flag_value(args, "status")) &&
                word_add(words, "X_MUSTER_PROGRESS=", progress) &&
                word_add(words, "X_MUSTER_MESSAGE=", cli_flag_value(args, "message")) &&
                path_add(words, "X_MUSTER_CHECKPOINT=", cli_flag_value(args, "checkpoint")) &&
                path_add(words, "X_MUSTER_RESULT=", cli_flag_value(args, "result"));
    if (!fits)
        return cli_usage(cli, "that is more than %d bytes at once", WORDS_MAX);
    if (words[0] == '\0')
        return cli_usage(cli, "say what: --ready, --beat, --progress 3/10, --message TEXT, …");
    return notify_send(cli, words);
}
