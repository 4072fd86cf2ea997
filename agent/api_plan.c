/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about what would be: a node gone, or one more. */
#include "agent/api_inside.h"
#include "agent/name.h"

static void whatif_add(struct agent_api *api, const struct agent_http_request *r, const char *add)
{
    struct agent_member m;
    uint64_t slots = 0;
    bool is_name = agent_name_node_fault(muster_bytes_text(add)) == NULL;
    if (!is_name || api_member_find(api, add, &m) ||
        agent_http_query_u64(r, "slots", 1, UINT16_MAX, &slots) != MUSTER_OK || slots == 0) {
        api_error(api, r->id, 400, "invalid", "add",
                  "add: the name of a node that is not there yet; slots: 1 to 65535");
        return;
    }
    struct agent_request *q = api_list(api, r, AGENT_OP_WHATIF_ADD, API_PLAIN);
    if (q == NULL)
        return;
    q->attempt = (uint32_t)slots;
    q->node = api_copy(api, add);
    q->label = api_copy(api, agent_http_query(r, "tags"));
}

void api_whatif(struct agent_api *api, const struct agent_http_request *r)
{
    struct agent_member m;
    const char *down = agent_http_query(r, "down"), *add = agent_http_query(r, "add");
    if (down == NULL && add != NULL) {
        whatif_add(api, r, add);
        return;
    }
    if (down == NULL || !api_member_find(api, down, &m)) {
        api_error(api, r->id, down == NULL ? 400 : 404, down == NULL ? "invalid" : "not_found",
                  "down", "down: the name of the node that would be gone; or add: of a new one");
        return;
    }
    struct agent_request *q = api_list(api, r, AGENT_OP_WHATIF, API_PLAIN);
    if (q != NULL)
        q->node = api_copy(api, down);
}
