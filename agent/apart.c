/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of jobs: asked, and looked over. */
#include "agent/apart.h"

#include <string.h>

#include "agent/name.h"
#include "agent/run_name.h"

/* The next name of a list, without the spaces around it; false at its end. */
static bool next_name(const char **list, struct muster_bytes *name)
{
    const char *from = *list + strspn(*list, " ");
    size_t len = strcspn(from, ",");
    if (*from == '\0')
        return false;
    *list = from + len + (from[len] == ',');
    while (len > 0 && from[len - 1] == ' ')
        len--;
    *name = MUSTER_BYTES((const uint8_t *)from, len);
    return true;
}

static bool is_prefix(struct muster_bytes name)
{
    return name.len > 0 && name.data[name.len - 1] == '*';
}

bool agent_apart_names(const char *list, struct muster_bytes key)
{
    struct muster_bytes job = agent_run_name_read(key).job, name;
    while (next_name(&list, &name)) {
        if (is_prefix(name) && muster_bytes_starts_with(job, MUSTER_BYTES(name.data, name.len - 1)))
            return true;
        if (muster_bytes_equal(job, name))
            return true;
    }
    return false;
}

const char *agent_apart_fault(const char *list)
{
    struct muster_bytes name;
    const char *fault = "names no job; say the names of jobs by comma, as in db/main, cache*";
    while (next_name(&list, &name)) {
        bool begins = is_prefix(name);
        name.len -= begins;
        name.len -= begins && name.len > 0 && name.data[name.len - 1] == '/';
        fault = begins && name.len == 0 ? NULL : agent_name_job_fault(name);
        if (fault != NULL)
            return fault;
    }
    return fault;
}
