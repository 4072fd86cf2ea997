/* SPDX-License-Identifier: Apache-2.0 */
/* What of a request is read before anybody is asked: addresses, queries, Host, Origin, Accept. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http.h"
#include "agent/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct agent_pair pair[AGENT_HTTP_QUERY_MAX];
    struct agent_http_request request = { .query = pair };
    uint64_t value = 0;
    if (size == 0)
        return 0;
    char *text = malloc(size);
    char *again = malloc(size);
    if (text != NULL && again != NULL) {
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        memcpy(again, text, size);
        size_t len = strlen(text);
        if (data[0] % 2 == 0 && agent_http_decode(text, &len, data[0] % 4 == 0) == MUSTER_OK)
            MUSTER_ASSERT(strlen(text) == len);
        (void)agent_http_browser_fault(again, text, "alpha.example.org");
        (void)agent_http_browser_fault("localhost:7948", again, NULL);
        MUSTER_ASSERT(agent_token_of_header(again).len <= strlen(again));
        request.accept = text;
        (void)agent_http_accepts(&request, AGENT_HTTP_SSE);
        if (agent_http_query_split(again, pair, AGENT_HTTP_QUERY_MAX, &request.query_count) ==
            MUSTER_OK) {
            MUSTER_ASSERT(request.query_count <= AGENT_HTTP_QUERY_MAX);
            int err = agent_http_query_u64(&request, "limit", 1, 1000, &value);
            MUSTER_ASSERT(err == MUSTER_OK || err == MUSTER_EINVAL || err == MUSTER_ERANGE);
            MUSTER_ASSERT(value <= 1000);
        }
    }
    free(text);
    free(again);
    return 0;
}
