/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies too large for memory: taken in part by part, and given out from a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shell/http_door.h"

#define FILE_BLOCK (64u * 1024)

/* ---- in */

/* Hands over what has come. The connection rests meanwhile, and so does the client: nothing is read
 * from it that could not be written. */
static void part_give(struct http_request *r, bool is_last)
{
    struct shell_http *h = r->h;
    r->is_part_out = true;
    r->is_last_out = is_last;
    r->connection->since_ms = uv_now(h->config.loop);
    bool is_taken =
        h->config.on_part(h->config.context, r->id, MUSTER_BYTES(r->body, r->body_len), is_last);
    r->body_len = 0;
    if (!is_taken) {
        r->is_part_out = false;
        r->fault = 503;
    } else if (r->is_part_out) {
        http_rest(r);
    }
}

enum MHD_Result http_upload_take(struct http_request *r, const char *data, size_t *len)
{
    size_t room = HTTP_PART - r->body_len;
    size_t taken = *len < room ? *len : room;
    if (r->is_part_out)
        return MHD_YES;
    if (r->is_upload_over) { /* its disk is full, say: the rest is of no use to anybody */
        r->overrun += *len;
        *len = 0;
        return r->uploaded + r->overrun > r->h->config.upload_max ? MHD_NO : MHD_YES;
    }
    if (r->uploaded + taken > r->h->config.upload_max)
        r->fault = 413;
    http_body_add(r, data, taken);
    r->uploaded += taken;
    *len -= taken;
    if (r->fault == 0 && r->body_len == HTTP_PART)
        part_give(r, false);
    return MHD_YES;
}

bool http_upload_is_open(struct http_request *r)
{
    if (r->is_part_out)
        return true;
    if (r->is_upload_over)
        return false;
    part_give(r, true);
    return r->is_part_out;
}

void shell_http_more(struct shell_http *h, uint64_t id, bool go_on)
{
    struct http_request *r = http_find(h, id);
    if (r == NULL || !r->is_part_out)
        return;
    r->is_part_out = false;
    r->is_upload_over = r->is_last_out || !go_on;
    http_wake(r);
}

/* ---- out */

struct file {
    struct http_request *request;
    int fd;
};

/* As long as the client takes something it may take its time. */
static ssize_t file_read(void *cls, uint64_t position, char *out, size_t max)
{
    struct file *f = cls;
    ssize_t n = pread(f->fd, out, max, (off_t)position);
    f->request->connection->since_ms = uv_now(f->request->h->config.loop);
    return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void file_free(void *cls)
{
    struct file *f = cls;
    (void)close(f->fd);
    free(f);
}

struct MHD_Response *http_file(struct http_request *r, const char *path)
{
    struct stat s;
    struct file *f = calloc(1, sizeof *f);
    struct MHD_Response *response = NULL;
    if (f == NULL)
        return NULL;
    f->request = r;
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd >= 0 && fstat(f->fd, &s) == 0)
        response = MHD_create_response_from_callback((uint64_t)s.st_size, FILE_BLOCK, file_read, f,
                                                     file_free);
    if (response == NULL && f->fd >= 0)
        (void)close(f->fd);
    if (response == NULL)
        free(f);
    return response;
}
