/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads: bodies of clients that go to the disk part by part, and how much of them came. */
#include "agent/shell/shell_inside.h"

static struct shell_upload *upload_of(struct shell *s, uint64_t id)
{
    for (uint32_t i = 0; i < SHELL_UPLOADS_MAX; i++)
        if (s->upload[i].id == id)
            return &s->upload[i];
    return NULL;
}

bool shell_upload_part(void *context, uint64_t id, struct muster_bytes bytes, bool is_last)
{
    struct shell *s = context;
    struct shell_upload *u = upload_of(s, id);
    if (u == NULL)
        u = upload_of(s, 0);
    if (u == NULL || s->phase != SHELL_SERVING)
        return false;
    if (u->id == 0)
        *u = (struct shell_upload){ .id = id, .number = SHELL_PAYLOAD_UPLOAD | ++s->uploads };
    if (bytes.len > 0)
        shell_payloads_upload(s->payloads, u->number, u->size, bytes);
    u->size += bytes.len;
    if (is_last)
        shell_payloads_upload_end(s->payloads, u->number);
    u->is_ending = is_last;
    return true;
}

void shell_upload_done(void *context, const struct agent_payload_news *news, bool is_whole)
{
    struct shell *s = context;
    for (uint32_t i = 0; i < SHELL_UPLOADS_MAX; i++) {
        struct shell_upload *u = &s->upload[i];
        if (u->id == 0 || u->number != news->number)
            continue;
        u->made.err = u->made.err != MUSTER_OK ? u->made.err : news->err;
        u->made.size = news->size;
        (void)agent_payload_id_hex(news->id, u->made.hex);
        if (is_whole || !u->is_ending)
            shell_http_more(s->http, u->id, u->made.err == MUSTER_OK);
        return;
    }
}

void shell_upload_over(void *context, uint64_t id)
{
    struct shell *s = context;
    struct shell_upload *u = upload_of(s, id);
    if (u == NULL)
        return;
    shell_payloads_upload_drop(s->payloads, u->number);
    u->id = 0;
}

const struct agent_http_upload *shell_upload_made(struct shell *s, uint64_t id)
{
    struct shell_upload *u = upload_of(s, id);
    return u != NULL ? &u->made : NULL;
}
