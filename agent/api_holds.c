/* SPDX-License-Identifier: Apache-2.0 */
/* The routes that hold everything and let it go. */
#include <string.h>

#include "agent/api_inside.h"
#include "agent/doc.h"

/* What is misspelt must not hold the whole cluster: only an empty body means every job. */
void api_hold(struct agent_api *api, const struct agent_http_request *r)
{
    const char *verb = r->method == AGENT_HTTP_GET           ? "list"
                       : strcmp(r->path, "/v1/release") == 0 ? "release"
                                                             : "hold";
    struct agent_doc doc;
    if (!api_body_read(api, r, &doc))
        return;
    const struct agent_doc_node *first = doc.first != NULL ? doc.first->first : NULL;
    bool is_prefix = first != NULL && strcmp(first->key, "prefix") == 0 && first->text != NULL &&
                     first->next == NULL;
    if (first != NULL && !is_prefix) {
        api_error(api, r->id, 400, "invalid", "prefix",
                  "prefix, the beginning of names, is all that may be said here");
    } else {
        struct agent_request *q = api_ask(api, r->id, AGENT_OP_HOLDS, verb);
        q->prefix = is_prefix ? api_copy(api, first->text) : "";
        (void)api_open_make(api, r->id, API_PLAIN);
    }
    agent_doc_close(&doc);
}
