/* Api table: the one list of paths, with what each takes and the right that it asks. A path that is
 * not in it is not there; a line without a right lets nobody in.
 *
 * memory   constant
 * threads  any
 */
#ifndef MUSTER_AGENT_API_TABLE_H
#define MUSTER_AGENT_API_TABLE_H

#include <stdint.h>

#include "agent/http.h"
#include "agent/right.h"

enum api_way {
    API_WAY_STATUS,
    API_WAY_MEMBERS,
    API_WAY_HEALTH,
    API_WAY_READY,
    API_WAY_METRICS,
    API_WAY_JOBS,
    API_WAY_JOB,
    API_WAY_RUNS,
    API_WAY_RUN,
    API_WAY_NODE,
    API_WAY_PLACE,
    API_WAY_WHY,
    API_WAY_REVISIONS,
    API_WAY_NEWS,
    API_WAY_INIT,
    API_WAY_JOIN,
    API_WAY_LEAVE,
    API_WAY_WHATIF,
    API_WAY_REBALANCE,
    API_WAY_KEYS,
    API_WAY_KEY,
    API_WAY_HOLD,
    API_WAY_PAYLOADS,
    API_WAY_DOCTOR
};

struct api_rule {
    const char *path; /* that ends with a slash: a name follows */
    const char *verb; /* behind the name, as "/forget"; NULL: any, or none */
    enum api_way way;
    unsigned methods; /* 1 << enum agent_http_method */
    const char *allow;
    enum agent_right look; /* for GET */
    enum agent_right change;
};

extern const struct api_rule api_rules[]; /* the last has no path */

/* The first line for that path and method. With NULL, `closest` is one for the path alone, or NULL.
 */
const struct api_rule *api_rule_find(const char *path, enum agent_http_method method,
                                     const struct api_rule **closest);

enum agent_right api_rule_right(const struct api_rule *rule, enum agent_http_method method);

#endif
