/* SPDX-License-Identifier: Apache-2.0 */
/* Asks an agent over HTTP and hands back what it said; everything libcurl stays in this file. */
#include "tools/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONNECT_MS 5000L

struct cli_client {
    CURL *curl;
    const char *addr;
    struct cli_way way;
    char base[256]; /* "http://host:port", over a socket any host will do */
    bool is_unix;
    char problem[CURL_ERROR_SIZE];
};

/* What arrives of one answer: gathered whole, or cut into lines for a listener. */
struct intake {
    CURL *curl;
    struct cli_answer *answer;
    struct cli_listener listener; /* line is NULL for a whole answer */
    FILE *download;
    struct muster_text line;
    bool is_over; /* the listener wants no more */
};

static bool addr_is_http(const char *addr)
{
    return strncmp(addr, "http://", 7) == 0 || strncmp(addr, "https://", 8) == 0;
}

int cli_client_open(struct cli_client **client, const struct cli_way *way)
{
    const char *addr = way->addr;
    struct cli_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return MUSTER_EFULL;
    *client = c;
    c->addr = addr;
    c->way = *way;
    c->is_unix = !addr_is_http(addr);
    bool fits = muster_format(c->base, sizeof c->base, "%s", c->is_unix ? "http://muster" : addr);
    size_t len = strlen(c->base);
    if (len > 0 && c->base[len - 1] == '/')
        c->base[len - 1] = '\0';
    if (c->is_unix && (strchr(addr, '/') == NULL || strstr(addr, "://") != NULL))
        return MUSTER_EINVAL;
    size_t scheme = strncmp(c->base, "https:", 6) == 0 ? 8 : 7;
    if (!fits || strlen(c->base) <= scheme || strchr(c->base + scheme, '/') != NULL)
        return MUSTER_EINVAL;
    if (curl_global_init(CURL_GLOBAL_SSL) != CURLE_OK)
        return MUSTER_EFULL;
    c->curl = curl_easy_init();
    return c->curl == NULL ? MUSTER_EFULL : MUSTER_OK;
}

void cli_client_close(struct cli_client *client)
{
    if (client == NULL)
        return;
    if (client->curl != NULL)
        curl_easy_cleanup(client->curl);
    free(client);
    curl_global_cleanup();
}

void cli_answer_close(struct cli_answer *answer)
{
    muster_text_close(&answer->body);
}

const char *cli_client_addr(const struct cli_client *client)
{
    return client->addr;
}

const char *cli_client_problem(const struct cli_client *client)
{
    return client->problem;
}

/* Cuts what came into lines; what has no end yet waits for the next piece. */
static void intake_lines(struct intake *in, const char *data, size_t len)
{
    while (len > 0 && !in->is_over) {
        const char *end = memchr(data, '\n', len);
        size_t part = end != NULL ? (size_t)(end - data) : len;
        muster_text_add_bytes(&in->line, MUSTER_BYTES(data, part));
        data += part;
        len -= part;
        if (end == NULL || in->line.err != MUSTER_OK)
            return;
        data++;
        len--;
        in->is_over = !in->listener.line(in->listener.whose,
                                         in->line.data != NULL ? in->line.data : "", in->line.len);
        muster_text_clear(&in->line);
    }
}

static size_t intake_take(char *data, size_t one, size_t len, void *whose)
{
    struct intake *in = whose;
    size_t size = one * len;
    long status = 0;
    (void)curl_easy_getinfo(in->curl, CURLINFO_RESPONSE_CODE, &status);
    if (in->download != NULL && status == 200)
        return fwrite(data, 1, size, in->download);
    if (in->listener.line != NULL && status == 200) {
        intake_lines(in, data, size);
        return in->is_over || in->line.err != MUSTER_OK ? 0 : size;
    }
    muster_text_add_bytes(&in->answer->body, MUSTER_BYTES(data, size));
    return in->answer->body.err == MUSTER_OK ? size : 0;
}

static size_t upload_give(char *data, size_t one, size_t len, void *whose)
{
    FILE *file = whose;
    size_t n = fread(data, one, len, file);
    return n == 0 && ferror(file) != 0 ? CURL_READFUNC_ABORT : n * one;
}

static int progress_tell(void *whose, curl_off_t down_of, curl_off_t down, curl_off_t up_of,
                         curl_off_t up)
{
    const struct cli_request *r = whose;
    if (r->upload != NULL)
        r->progress(r->whose, up, up_of);
    else
        r->progress(r->whose, down, down_of);
    return 0;
}

/* What is large goes as it comes, and takes the time it takes. */
static void files_prepare(CURL *curl, const struct cli_request *r)
{
    struct stat s;
    if (r->upload != NULL) {
        bool is_sized = fstat(fileno(r->upload), &s) == 0 && S_ISREG(s.st_mode);
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, upload_give);
        curl_easy_setopt(curl, CURLOPT_READDATA, r->upload);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, is_sized ? (curl_off_t)s.st_size : -1);
    }
    if (r->upload != NULL || r->download != NULL)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 0L);
    if (r->progress != NULL) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress_tell);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, r);
    }
}

static struct curl_slist *request_headers(const struct cli_client *c, const struct cli_request *r)
{
    char line[768];
    struct curl_slist *list = NULL;
    if (c->way.token != NULL && !c->is_unix &&
        muster_format(line, sizeof line, "Authorization: Bearer %s", c->way.token))
        list = curl_slist_append(list, line);
    muster_format(line, sizeof line, "Accept: %s",
                  r->accept != NULL ? r->accept : "application/json");
    list = curl_slist_append(list, line);
    /* Bodies are small; waiting for "100 continue" would only cost a round trip. What is large may
     * be refused before it is sent. */
    list = curl_slist_append(list, r->upload != NULL ? "Expect: 100-continue" : "Expect:");
    if (r->body != NULL)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (r->create_only)
        list = curl_slist_append(list, "If-None-Match: *");
    if (r->revision > 0 && muster_format(line, sizeof line, "If-Match: \"%lld\"", r->revision))
        list = curl_slist_append(list, line);
    if (r->last_id != NULL && muster_format(line, sizeof line, "Last-Event-ID: %s", r->last_id))
        list = curl_slist_append(list, line);
    return list;
}

static void request_prepare(struct cli_client *c, const struct cli_request *r, const char *url,
                            struct curl_slist *headers, struct intake *in)
{
    CURL *curl = c->curl;
    curl_easy_reset(curl);
    c->problem[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, c->problem);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "muster/" MUSTER_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_3);
    if (c->way.ca != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, c->way.ca);
    if (c->way.cert != NULL)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, c->way.cert);
    if (c->way.key != NULL)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, c->way.key);
    /* A proxy from the environment would see, and answer, what is meant for this host's agent. */
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    if (in->listener.line == NULL)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, r->timeout_ms > 0 ? r->timeout_ms : CLI_ASK_MS);
    if (c->is_unix)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->addr);
    /* An empty body is said too: a POST without a length is refused by strict servers. */
    if (r->body != NULL || strcmp(r->method, "POST") == 0)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body != NULL ? r->body : "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, intake_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, in);
    files_prepare(curl, r);
}

static int outcome_of(struct cli_client *c, const struct intake *in, CURLcode code)
{
    long os_errno = 0;
    if (code == CURLE_OK || in->is_over)
        return MUSTER_OK;
    if (curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &os_errno) == CURLE_OK && os_errno != 0)
        muster_format(c->problem, sizeof c->problem, "%s", strerror((int)os_errno));
    if (c->problem[0] == '\0')
        muster_format(c->problem, sizeof c->problem, "%s", curl_easy_strerror(code));
    if (in->line.err != MUSTER_OK || in->answer->body.err != MUSTER_OK)
        return MUSTER_ELIMIT;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return os_errno == EACCES ? MUSTER_EDENIED : MUSTER_EUNREACHABLE;
    case CURLE_COULDNT_RESOLVE_HOST:
        return MUSTER_EUNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return MUSTER_ETIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR:
        return MUSTER_EFOREIGN;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return MUSTER_EINVAL;
    default:
        return MUSTER_EIO;
    }
}

int cli_client_stream(struct cli_client *c, const struct cli_request *r,
                      struct cli_listener listener, struct cli_answer *answer)
{
    struct intake in = {
        .curl = c->curl, .answer = answer, .listener = listener, .download = r->download
    };
    char url[CLI_PATH_MAX + sizeof c->base];
    muster_text_open(&in.line, CLI_LINE_MAX);
    muster_text_open(&answer->body, CLI_ANSWER_MAX);
    answer->status = 0;
    if (r->path->is_cut || !muster_format(url, sizeof url, "%s%s", c->base, r->path->text))
        return MUSTER_ELIMIT;
    struct curl_slist *headers = request_headers(c, r);
    request_prepare(c, r, url, headers, &in);
    CURLcode code = curl_easy_perform(c->curl);
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (code == CURLE_OK && in.line.len > 0)
        (void)listener.line(listener.whose, in.line.data, in.line.len);
    int err = outcome_of(c, &in, code);
    curl_slist_free_all(headers);
    muster_text_close(&in.line);
    return err;
}

int cli_client_ask(struct cli_client *c, const struct cli_request *r, struct cli_answer *answer)
{
    return cli_client_stream(c, r, (struct cli_listener){ 0 }, answer);
}
