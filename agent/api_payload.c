/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/payloads: bytes brought, fetched, listed and given up. */
#include <stdio.h>
#include <string.h>

#include "agent/api_inside.h"
#include "agent/payload_id.h"

static void put(struct agent_api *api, const struct agent_http_request *r)
{
    const struct agent_http_upload *u = r->upload;
    if (u == NULL) {
        api_error(api, r->id, 503, "busy", NULL, "too many payloads are being put; try again");
        return;
    }
    if (u->err != MUSTER_OK) {
        struct agent_http_code code = agent_http_code(u->err);
        api_error(api, r->id, code.status, code.text, NULL,
                  "the disk of this node does not take it: %s", muster_err_text(u->err));
        return;
    }
    (void)api_ask(api, r->id, AGENT_OP_PAYLOAD_PUT, u->hex);
    (void)api_open_make(api, r->id, API_PLAIN);
}

/* A page of them; `prefix` and `after` are digits, as people see them. */
static void list(struct agent_api *api, const struct agent_http_request *r)
{
    char text[AGENT_PAYLOAD_KEY];
    struct agent_request *q = api_list(api, r, AGENT_OP_PAYLOAD_LIST, API_PLAIN);
    if (q == NULL)
        return;
    (void)snprintf(text, sizeof text, "$%s", q->prefix);
    q->prefix = api_copy(api, text);
}

void api_jobs(struct agent_api *api, const struct agent_http_request *r)
{
    struct agent_payload_id id;
    char key[AGENT_PAYLOAD_KEY];
    const char *payload = agent_http_query(r, "payload");
    if (payload != NULL && !agent_payload_id_parse(&id, muster_bytes_text(payload))) {
        api_error(api, r->id, 400, "invalid", "payload",
                  "payload: the name of one is its SHA-256: 64 digits 0-9 a-f");
        return;
    }
    struct agent_request *q = api_list(api, r, AGENT_OP_JOB_LIST, API_PLAIN);
    if (q != NULL && payload != NULL)
        q->label = api_copy(api, agent_payload_key(id, key)); /* no label is called so */
}

static void one(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    struct agent_payload_id id;
    char key[AGENT_PAYLOAD_KEY];
    if (!agent_payload_id_parse(&id, muster_bytes_text(name))) {
        api_error(api, r->id, 400, "invalid", "name",
                  "the name of a payload is its SHA-256: 64 digits 0-9 a-f");
        return;
    }
    (void)agent_payload_key(id, key);
    bool is_get = r->method == AGENT_HTTP_GET;
    (void)api_ask(api, r->id, is_get ? AGENT_OP_PAYLOAD_GET : AGENT_OP_PAYLOAD_DROP,
                  is_get ? key + 1 : key);
    (void)api_open_make(api, r->id, is_get ? API_FILE : API_PLAIN);
}

void api_payloads(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    if (name[0] != '\0')
        one(api, r, name);
    else if (r->method == AGENT_HTTP_PUT)
        put(api, r);
    else
        list(api, r);
}
