/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/jobs/NAME/run: what a client says of the runs it wants. */
#include <stdlib.h>
#include <string.h>

#include "agent/api_inside.h"
#include "agent/job.h"
#include "agent/name.h"
#include "agent/template.h"

/* What is wrong with one of the two texts of a run; NULL: nothing. */
static const char *text_take(const struct agent_doc_node *node, size_t min, size_t max,
                             struct muster_bytes *bytes, bool *has)
{
    *has = !agent_doc_is_null(node);
    if (!*has)
        return NULL;
    if (node->kind != AGENT_DOC_SCALAR)
        return "is to be a text";
    if (node->len < min)
        return "is empty";
    *bytes = MUSTER_BYTES(node->text, node->len);
    return node->len <= max ? NULL : "is too long";
}

/* Of a run as it stands in a body; false with the refusal said. */
static bool item_take(struct agent_api *api, uint64_t id, const struct agent_doc_node *map,
                      struct agent_trigger_item *item)
{
    *item = (struct agent_trigger_item){ .has_arg = false };
    if (map->kind != AGENT_DOC_MAP) {
        api_error(api, id, 400, "invalid", "items", "items: each is an object with arg and key");
        return false;
    }
    for (const struct agent_doc_node *n = map->first; n != NULL; n = n->next) {
        const char *fault = "is not known; a run has arg and key";
        if (strcmp(n->key, "arg") == 0)
            fault = text_take(n, 0, AGENT_JOB_ARG_MAX, &item->arg, &item->has_arg);
        else if (strcmp(n->key, "key") == 0)
            fault = text_take(n, 1, AGENT_KEY_MAX, &item->key, &item->has_key);
        if (fault != NULL) {
            api_error(api, id, 400, "invalid", n->key,
                      "%s %s (arg has at most %d bytes, key 1 to %d)", n->key, fault,
                      AGENT_JOB_ARG_MAX, AGENT_KEY_MAX);
            return false;
        }
    }
    return true;
}

static bool items_write(struct agent_api *api, uint64_t id, const struct agent_doc_node *list,
                        struct muster_writer *w)
{
    struct agent_trigger_item item;
    if (list->kind != AGENT_DOC_LIST || list->count == 0 || list->count > AGENT_TRIGGER_ITEMS) {
        api_error(api, id, 400, "invalid", "items", "items: a list of 1 to %d runs",
                  AGENT_TRIGGER_ITEMS);
        return false;
    }
    for (const struct agent_doc_node *n = list->first; n != NULL; n = n->next) {
        if (!item_take(api, id, n, &item))
            return false;
        agent_trigger_item_write(w, &item);
    }
    return true;
}

/* {} or {"arg": "…", "key": "…"} for one run; {"items": [{…}, …]} for many. Of one without a key
 * the request's own id is the key: who repeats the request means the same run. */
static bool body_write(struct agent_api *api, const struct agent_http_request *r,
                       const struct agent_doc_node *body, struct muster_writer *w, bool *is_list)
{
    struct agent_trigger_item item = { .has_arg = false };
    const struct agent_doc_node *items = body != NULL ? agent_doc_find(body, "items") : NULL;
    *is_list = items != NULL && body->count == 1;
    if (*is_list)
        return items_write(api, r->id, items, w);
    if (body != NULL && !item_take(api, r->id, body, &item))
        return false;
    if (!item.has_key && r->request_id != NULL) {
        item.key = muster_bytes_text(r->request_id);
        item.has_key = item.key.len > 0 && item.key.len <= AGENT_KEY_MAX;
    }
    agent_trigger_item_write(w, &item);
    return true;
}

void api_trigger(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    struct agent_doc doc;
    bool is_list = false;
    const char *fault = agent_name_job_fault(muster_bytes_text(name));
    if (fault != NULL) {
        api_error(api, r->id, 400, "invalid", "name", "name: %s", fault);
        return;
    }
    if (!api_body_read(api, r, &doc))
        return;
    size_t size = r->body.len + 10 * (size_t)AGENT_TRIGGER_ITEMS + 1024;
    uint8_t *buffer = malloc(size);
    struct muster_writer w = muster_writer_over(buffer, buffer != NULL ? size : 0);
    if (body_write(api, r, doc.first, &w, &is_list)) {
        struct agent_request *q = api_ask(api, r->id, AGENT_OP_TRIGGER, name);
        q->spec = agent_out_copy(&api->memory, muster_writer_bytes(&w));
        q->is_list = is_list;
        (void)api_open_make(api, r->id, API_PLAIN);
    }
    free(buffer);
    agent_doc_close(&doc);
}
