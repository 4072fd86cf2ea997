/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as values: escapes undone, queries asked, and a browser's trick told from a client. */
#include "agent/http.h"

#include <string.h>

const char *agent_http_query(const struct agent_http_request *r, const char *key)
{
    for (uint32_t i = 0; i < r->query_count; i++)
        if (strcmp(r->query[i].key, key) == 0)
            return r->query[i].value;
    return NULL;
}

int agent_http_query_u64(const struct agent_http_request *r, const char *key, uint64_t absent,
                         uint64_t max, uint64_t *value)
{
    const char *text = agent_http_query(r, key);
    *value = absent;
    if (text == NULL)
        return MUSTER_OK;
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
        return MUSTER_EINVAL;
    uint64_t sum = 0;
    for (; *text != '\0'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return MUSTER_ERANGE;
        sum = sum * 10 + digit;
    }
    if (sum > max)
        return MUSTER_ERANGE;
    *value = sum;
    return MUSTER_OK;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Headers and hosts do not tell large letters from small ones. */
static bool same_word(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]) || a[i] == '\0')
            return false;
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && same_word(a, b, strlen(a));
}

/* One entry of an Accept header against a type: only the part before a parameter counts. */
static bool entry_is(const char *entry, size_t len, const char *type)
{
    size_t n = strcspn(entry, ";");
    n = n < len ? n : len;
    while (n > 0 && (*entry == ' ' || *entry == '\t')) {
        entry++;
        n--;
    }
    while (n > 0 && (entry[n - 1] == ' ' || entry[n - 1] == '\t'))
        n--;
    return n == strlen(type) && same_word(entry, type, n);
}

bool agent_http_accepts(const struct agent_http_request *r, const char *type)
{
    const char *at = r->accept;
    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ",");
        if (entry_is(at, len, type))
            return true;
        if (entry_is(at, len, "*/*"))
            return false;
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return false;
}

struct agent_http_code agent_http_code(int err)
{
    static const struct {
        int err;
        struct agent_http_code code;
    } known[] = {
        { MUSTER_EINVAL, { 400, "invalid" } },
        { MUSTER_ETYPE, { 400, "invalid" } },
        { MUSTER_ERANGE, { 400, "invalid" } },
        { MUSTER_EUNSUPPORTED, { 422, "unsupported" } },
        { MUSTER_ENOTFOUND, { 404, "not_found" } },
        { MUSTER_EEXISTS, { 409, "exists" } },
        { MUSTER_ECONFLICT, { 412, "conflict" } },
        { MUSTER_EREFUSED, { 503, "not_ready" } },
        { MUSTER_EBUSY, { 503, "busy" } },
        { MUSTER_ENOQUORUM, { 503, "no_quorum" } },
        { MUSTER_EUNKNOWN, { 503, "unknown" } },
        { MUSTER_ETIMEOUT, { 504, "timeout" } },
        { MUSTER_EUNREACHABLE, { 503, "unreachable" } },
        { MUSTER_ELIMIT, { 413, "too_large" } },
        { MUSTER_EFULL, { 507, "full" } },
        { MUSTER_ENOSPC, { 507, "disk_full" } },
        { MUSTER_EDENIED, { 403, "denied" } },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].err == err)
            return known[i].code;
    return (struct agent_http_code){ 500, "internal" };
}

const char *agent_http_method_text(enum agent_http_method method)
{
    static const char *const text[] = {
        [AGENT_HTTP_GET] = "GET",       [AGENT_HTTP_PUT] = "PUT",     [AGENT_HTTP_POST] = "POST",
        [AGENT_HTTP_DELETE] = "DELETE", [AGENT_HTTP_OTHER] = "other",
    };
    MUSTER_ASSERT((size_t)method < sizeof text / sizeof *text);
    return text[method];
}

const char *agent_http_status_text(uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *text;
    } known[] = {
        { 200, "ok" },
        { 201, "created" },
        { 202, "accepted" },
        { 204, "no content" },
        { 304, "not modified" },
        { 400, "bad request" },
        { 401, "no token" },
        { 403, "forbidden" },
        { 404, "not found" },
        { 405, "method not allowed" },
        { 408, "request timeout" },
        { 409, "conflict" },
        { 412, "precondition failed" },
        { 413, "too large" },
        { 414, "address too long" },
        { 415, "unsupported type" },
        { 422, "not supported" },
        { 429, "too many requests" },
        { 431, "headers too large" },
        { 500, "internal error" },
        { 501, "not implemented" },
        { 503, "unavailable" },
        { 504, "timeout" },
        { 507, "no space" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status)
            return known[i].text;
    return "unknown";
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int agent_http_decode(char *text, size_t *len, bool is_query)
{
    size_t out = 0;
    for (size_t i = 0; i < *len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < *len ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < *len ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return MUSTER_EINVAL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (c == '\0')
            return MUSTER_EINVAL;
        text[out++] = c;
    }
    text[out] = '\0';
    *len = out;
    return MUSTER_OK;
}

/* Decodes what lies between two marks, and ends it with a NUL where the second mark was. */
static int piece_decode(char *text, size_t len)
{
    return agent_http_decode(text, &len, true);
}

int agent_http_query_split(char *text, struct agent_pair *pair, uint32_t max, uint32_t *count)
{
    static const char empty[] = "";
    *count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "&");
        char *next = text + len + (text[len] == '&' ? 1 : 0);
        size_t key = strcspn(text, "=&");
        char *value = text[key] == '=' ? text + key + 1 : NULL;
        if (len != 0 && *count == max)
            return MUSTER_ELIMIT;
        int err = value == NULL ? MUSTER_OK : piece_decode(value, len - key - 1);
        if (err == MUSTER_OK)
            err = piece_decode(text, key);
        if (err != MUSTER_OK)
            return err;
        if (len != 0)
            pair[(*count)++] = (struct agent_pair){ text, value == NULL ? empty : value };
        text = next;
    }
    return MUSTER_OK;
}

static bool text_ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && same_text(text + len - end_len, end);
}

/* The host without its port, in `out`; false for what no client of ours would send. */
static bool host_split(const char *host, char *out, size_t size)
{
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (len == 0 || len >= size || len > strlen(host))
        return false;
    const char *port = host + len;
    if (*port != '\0' && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
        return false;
    memcpy(out, host, len);
    out[len] = '\0';
    return true;
}

static bool host_is_ours(const char *host, const char *name)
{
    struct muster_addr addr;
    if (muster_addr_parse(&addr, host, 0) == MUSTER_OK)
        return true;
    if (strchr(host, '.') == NULL || text_ends_with(host, ".localhost"))
        return true;
    return name != NULL && same_text(host, name);
}

static bool origin_is_host(const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");
    if (at == NULL || !(same_word(origin, "http:", 5) || same_word(origin, "https:", 6)))
        return false;
    return same_text(at + 3, host);
}

const char *agent_http_origin_fault(const char *host, const char *origin)
{
    if (origin != NULL && (host == NULL || !origin_is_host(origin, host)))
        return "a page of another origin may not ask here";
    return NULL;
}

const char *agent_http_browser_fault(const char *host, const char *origin, const char *name)
{
    char bare[256];
    if (host != NULL && !host_split(host, bare, sizeof bare))
        return "the Host header is no host";
    if (host != NULL && !host_is_ours(bare, name))
        return "the Host header names another host; use an address, localhost or the node's name";
    return agent_http_origin_fault(host, origin);
}
