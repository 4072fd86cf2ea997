/* SPDX-License-Identifier: Apache-2.0 */
/* The routes about keys. */
#include <string.h>

#include "agent/api_inside.h"
#include "agent/doc.h"

/* Whoever may change them owns the pool, so that it is to be proven who that is. */
void api_keys_change(struct agent_api *api, const struct agent_http_request *r, const char *verb)
{
    struct agent_doc doc;
    struct agent_problem problem;
    const struct agent_doc_node *key = NULL;
    bool is_verb =
        strcmp(verb, "install") == 0 || strcmp(verb, "use") == 0 || strcmp(verb, "remove") == 0;
    if (!r->is_proven) {
        api_error(api, r->id, 403, "denied", NULL,
                  "keys are changed over the agent's own socket only, or with a token");
        return;
    }
    if (!is_verb) {
        api_error(api, r->id, 404, "not_found", NULL,
                  "no such action; POST /v1/keys/install, /use or /remove");
        return;
    }
    agent_doc_open(&doc);
    if (agent_json_read(&doc, r->body, &problem) == MUSTER_OK && doc.first != NULL &&
        doc.first->kind == AGENT_DOC_MAP)
        key = agent_doc_find(doc.first, "key");
    if (key == NULL || key->text == NULL) {
        api_error(api, r->id, 400, "invalid", "key",
                  "key: a key in base64, or the first digits of the mark of one");
    } else {
        struct agent_request *q = api_ask(api, r->id, AGENT_OP_KEYS, verb);
        q->label = api_copy(api, key->text);
        (void)api_open_make(api, r->id, API_PLAIN);
    }
    agent_doc_close(&doc);
}
