/* SPDX-License-Identifier: Apache-2.0 */
/* The list of paths. */
#include "agent/api_table.h"

#include <stddef.h>
#include <string.h>

#define GET    (1u << AGENT_HTTP_GET)
#define PUT    (1u << AGENT_HTTP_PUT)
#define POST   (1u << AGENT_HTTP_POST)
#define DELETE (1u << AGENT_HTTP_DELETE)

#define NONE    AGENT_RIGHT_NONE
#define READ    AGENT_RIGHT_READ
#define OPERATE AGENT_RIGHT_OPERATE
#define ADMIN   AGENT_RIGHT_ADMIN

/* A line with a verb stands before the one for the same path without. Of `look` and `change` that
 * counts which the methods ask for. */
const struct api_rule api_rules[] = {
    { "/health", NULL, API_WAY_HEALTH, GET, "GET", NONE, ADMIN },
    { "/ready", NULL, API_WAY_READY, GET, "GET", NONE, ADMIN },
    { "/metrics", NULL, API_WAY_METRICS, GET, "GET", READ, ADMIN },
    { "/v1/metrics", NULL, API_WAY_METRICS, GET, "GET", READ, ADMIN },
    { "/v1/status", NULL, API_WAY_STATUS, GET, "GET", READ, ADMIN },
    { "/v1/members", NULL, API_WAY_MEMBERS, GET, "GET", READ, ADMIN },
    { "/v1/jobs", NULL, API_WAY_JOBS, GET, "GET", READ, OPERATE },
    { "/v1/jobs/", "/restore", API_WAY_JOB, POST, "GET, PUT, POST, DELETE", READ, ADMIN },
    { "/v1/jobs/", NULL, API_WAY_JOB, GET | PUT | POST | DELETE, "GET, PUT, POST, DELETE", READ,
      OPERATE },
    { "/v1/runs", NULL, API_WAY_RUNS, GET, "GET", READ, OPERATE },
    { "/v1/runs/", NULL, API_WAY_RUN, GET, "GET", READ, OPERATE },
    { "/v1/nodes/", "/forget", API_WAY_NODE, POST, "GET, POST", READ, ADMIN },
    { "/v1/nodes/", "/slots", API_WAY_NODE, POST, "GET, POST", READ, ADMIN },
    { "/v1/nodes/", "/tags", API_WAY_NODE, POST, "GET, POST", READ, ADMIN },
    { "/v1/nodes/", NULL, API_WAY_NODE, GET | POST, "GET, POST", READ, OPERATE },
    { "/v1/place/", NULL, API_WAY_PLACE, GET, "GET", READ, ADMIN },
    { "/v1/why/", NULL, API_WAY_WHY, GET, "GET", READ, ADMIN },
    { "/v1/revisions/", NULL, API_WAY_REVISIONS, GET, "GET", READ, ADMIN },
    { "/v1/events", NULL, API_WAY_NEWS, GET, "GET", READ, ADMIN },
    { "/v1/init", NULL, API_WAY_INIT, POST, "POST", ADMIN, ADMIN },
    { "/v1/join", NULL, API_WAY_JOIN, POST, "POST", ADMIN, ADMIN },
    { "/v1/leave", NULL, API_WAY_LEAVE, POST, "POST", ADMIN, ADMIN },
    { "/v1/whatif", NULL, API_WAY_WHATIF, GET, "GET", READ, ADMIN },
    { "/v1/rebalance", NULL, API_WAY_REBALANCE, GET, "GET", READ, ADMIN },
    { "/v1/doctor", NULL, API_WAY_DOCTOR, GET, "GET", READ, ADMIN },
    { "/v1/keys", NULL, API_WAY_KEYS, GET, "GET", READ, ADMIN },
    { "/v1/keys/", NULL, API_WAY_KEY, POST, "POST", ADMIN, ADMIN },
    { "/v1/hold", NULL, API_WAY_HOLD, GET | POST, "GET, POST", READ, OPERATE },
    { "/v1/release", NULL, API_WAY_HOLD, POST, "POST", READ, OPERATE },
    { "/v1/payloads", NULL, API_WAY_PAYLOADS, PUT | GET, "GET, PUT", READ, OPERATE },
    { "/v1/payloads/", NULL, API_WAY_PAYLOADS, GET | DELETE, "GET, DELETE", READ, OPERATE },
    { NULL, NULL, API_WAY_HEALTH, 0, NULL, ADMIN, ADMIN },
};

static bool fits(const struct api_rule *rule, const char *path)
{
    size_t len = strlen(rule->path), verb = rule->verb != NULL ? strlen(rule->verb) : 0;
    if (rule->path[len - 1] != '/')
        return strcmp(rule->path, path) == 0;
    size_t rest = strncmp(rule->path, path, len) == 0 ? strlen(path + len) : 0;
    return rest > verb && (verb == 0 || strcmp(path + len + rest - verb, rule->verb) == 0);
}

const struct api_rule *api_rule_find(const char *path, enum agent_http_method method,
                                     const struct api_rule **closest)
{
    *closest = NULL;
    for (const struct api_rule *rule = api_rules; rule->path != NULL; rule++) {
        if (!fits(rule, path))
            continue;
        *closest = rule;
        if ((rule->methods >> method & 1) != 0)
            return rule;
    }
    return NULL;
}

enum agent_right api_rule_right(const struct api_rule *rule, enum agent_http_method method)
{
    return method == AGENT_HTTP_GET ? rule->look : rule->change;
}
