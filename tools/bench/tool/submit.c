/* SPDX-License-Identifier: Apache-2.0 */
/* A load generator: jobs submitted over kept-open connections, each with one request at a time.
 *
 *     submit TARGET[,TARGET...] WINDOW COUNT PREFIX
 *
 * TARGET is 127.0.0.2:7948 or a unix socket's path; WINDOW connections are dealt out over the
 * targets. Each request creates a job PREFIX-N that asks for more slots than any node has, so that
 * nothing ever runs and only the write is measured. Prints `NAME VALUE UNIT` lines. Any answer but
 * a success ends it with exit code 1: a rate that counts refusals would be no rate. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_MAX  4096
#define COUNT_MAX   10000000u
#define TARGETS_MAX 32
#define ANSWER_MAX  8192
#define REQUEST_MAX 1024
#define EVENTS_MAX  256
#define PATIENCE_MS 30000 /* without a single answer */

static const char body[] =
    "{\"kind\":\"service\",\"exec\":[\"/bin/true\"],\"slots\":60000,\"priority\":0}";

union target {
    struct sockaddr any;
    struct sockaddr_in tcp;
    struct sockaddr_un local;
};

struct link {
    int fd;
    uint64_t sent_ns;
    size_t used;
    char answer[ANSWER_MAX + 1];
};

struct load {
    union target target[TARGETS_MAX];
    uint32_t targets, window, count, sent, done;
    const char *prefix;
    struct link *link;
    uint64_t *took_ns; /* of each answer, in the order they came */
    uint64_t copies_min;
    int epoll;
};

static void fail(const char *what)
{
    fprintf(stderr, "submit: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- where to */

static bool target_parse(union target *t, const char *text, size_t len)
{
    char host[64];
    const char *colon = memchr(text, ':', len);

    memset(t, 0, sizeof *t);
    if (text[0] == '/') {
        t->local.sun_family = AF_UNIX;
        if (len >= sizeof t->local.sun_path)
            return false;
        memcpy(t->local.sun_path, text, len);
        return true;
    }
    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    t->tcp.sin_family = AF_INET;
    t->tcp.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    return inet_pton(AF_INET, host, &t->tcp.sin_addr) == 1;
}

static bool targets_parse(struct load *l, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        if (l->targets == TARGETS_MAX || !target_parse(&l->target[l->targets], text, len))
            return false;
        l->targets++;
        text += len + (text[len] == ',' ? 1 : 0);
    }
    return l->targets > 0;
}

static void link_open(struct load *l, uint32_t n)
{
    const union target *t = &l->target[n % l->targets];
    bool is_tcp = t->any.sa_family == AF_INET;
    struct epoll_event interest = { .events = EPOLLIN, .data.u32 = n };
    const int one = 1;
    int fd = socket(t->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, &t->any, is_tcp ? sizeof t->tcp : sizeof t->local) != 0)
        fail("connect");
    if (is_tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        fail("setsockopt");
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &interest) != 0)
        fail("epoll_ctl");
    l->link[n].fd = fd;
}

/* ---- one request and its answer */

static void link_ask(struct load *l, struct link *c)
{
    char text[REQUEST_MAX];
    int len = snprintf(text, sizeof text,
                       "PUT /v1/jobs/%s-%u HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: *\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       l->prefix, l->sent, sizeof body - 1, body);

    if (len >= (int)sizeof text) {
        errno = ENAMETOOLONG;
        fail(l->prefix);
    }
    l->sent++;
    c->used = 0;
    c->sent_ns = clock_ns();
    /* An idle connection takes so few bytes at once. */
    if (send(c->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        fail("send");
}

/* True when the whole answer is there. */
static bool answer_is_whole(const struct link *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = end == NULL ? NULL : strcasestr(c->answer, "\r\nContent-Length:");

    if (end == NULL)
        return false;
    if (length == NULL || length > end) {
        fprintf(stderr, "submit: an answer without a length: %s\n", c->answer);
        exit(1);
    }
    return c->used >= (size_t)(end + 4 - c->answer) + strtoul(length + 17, NULL, 10);
}

/* The change's own word stands behind the job's. */
static uint64_t answer_copies(const char *answer)
{
    uint64_t copies = 0;

    while ((answer = strstr(answer, "\"copies\":")) != NULL) {
        answer += 9;
        copies = strtoull(answer, NULL, 10);
    }
    return copies;
}

static void answer_check(struct load *l, const struct link *c)
{
    uint64_t n = answer_copies(c->answer);

    if (strncmp(c->answer, "HTTP/1.1 2", 10) != 0) {
        fprintf(stderr, "submit: refused: %s\n", c->answer);
        exit(1);
    }
    if (n < l->copies_min)
        l->copies_min = n;
}

static void link_read(struct load *l, struct link *c)
{
    ssize_t n = recv(c->fd, c->answer + c->used, ANSWER_MAX - c->used, 0);

    if (n <= 0) {
        errno = n == 0 ? ECONNRESET : errno;
        fail("recv");
    }
    c->used += (size_t)n;
    c->answer[c->used] = '\0';
    if (!answer_is_whole(c)) {
        if (c->used == ANSWER_MAX) {
            errno = EMSGSIZE;
            fail("recv");
        }
        return;
    }
    l->took_ns[l->done++] = clock_ns() - c->sent_ns;
    answer_check(l, c);
    if (l->sent < l->count)
        link_ask(l, c);
}

/* ---- the whole load */

static void load_run(struct load *l)
{
    struct epoll_event event[EVENTS_MAX];

    for (uint32_t n = 0; n < l->window && l->sent < l->count; n++)
        link_ask(l, &l->link[n]);
    while (l->done < l->count) {
        int n = epoll_wait(l->epoll, event, EVENTS_MAX, PATIENCE_MS);

        if (n <= 0) {
            errno = n == 0 ? ETIMEDOUT : errno;
            fail("epoll_wait");
        }
        for (int i = 0; i < n; i++)
            link_read(l, &l->link[event[i].data.u32]);
    }
}

static int ns_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void load_print(const struct load *l, uint64_t whole_ns)
{
    qsort(l->took_ns, l->count, sizeof l->took_ns[0], ns_order);
    printf("submits %.0f 1/s\n", l->count * 1e9 / (double)whole_ns);
    printf("submit_p50 %.3f ms\n", (double)l->took_ns[l->count / 2] / 1e6);
    printf("submit_p99 %.3f ms\n", (double)l->took_ns[l->count - 1 - l->count / 100] / 1e6);
    printf("submit_max %.3f ms\n", (double)l->took_ns[l->count - 1] / 1e6);
    printf("copies_min %llu disks\n", (unsigned long long)l->copies_min);
}

int main(int argc, char **argv)
{
    struct load l = { .copies_min = UINT64_MAX };

    if (argc == 5) {
        l.window = (uint32_t)strtoul(argv[2], NULL, 10);
        l.count = (uint32_t)strtoul(argv[3], NULL, 10);
        l.prefix = argv[4];
    }
    if (argc != 5 || !targets_parse(&l, argv[1]) || l.window == 0 || l.window > WINDOW_MAX ||
        l.count == 0 || l.count > COUNT_MAX) {
        fprintf(stderr, "usage: submit TARGET[,TARGET...] WINDOW COUNT PREFIX\n");
        return 2;
    }
    l.link = calloc(l.window, sizeof *l.link);
    l.took_ns = calloc(l.count, sizeof *l.took_ns);
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l.link == NULL || l.took_ns == NULL || l.epoll < 0)
        fail("start");
    for (uint32_t n = 0; n < l.window; n++)
        link_open(&l, n);
    uint64_t begin = clock_ns();
    load_run(&l);
    load_print(&l, clock_ns() - begin);
    for (uint32_t n = 0; n < l.window; n++)
        close(l.link[n].fd);
    close(l.epoll);
    free(l.link);
    free(l.took_ns);
    return 0;
}
