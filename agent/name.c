/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts are names of jobs and nodes, and what is wrong with the others. */
#include "agent/name.h"

static bool name_has(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool part_is_dots(const uint8_t *part, size_t len)
{
    return (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.');
}

const char *agent_name_job_fault(struct muster_bytes name)
{
    if (name.len == 0)
        return "a name has at least one character";
    if (name.len > AGENT_NAME_MAX)
        return "a name has at most 128 characters";
    size_t start = 0;
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && name.data[i] != '/') {
            if (!name_has(name.data[i]))
                return "a name is made of a-z 0-9 . _ - /";
            continue;
        }
        if (i == start)
            return "a name has no empty part between, before or behind its slashes";
        if (part_is_dots(name.data + start, i - start))
            return "no part of a name is . or ..";
        start = i + 1;
    }
    return NULL;
}

const char *agent_name_node_fault(struct muster_bytes name)
{
    if (name.len == 0)
        return "a name has at least one character";
    if (name.len > AGENT_NAME_MAX)
        return "a name has at most 128 characters";
    for (size_t i = 0; i < name.len; i++)
        if (!name_has(name.data[i]))
            return "a node's name is made of a-z 0-9 . _ -";
    return part_is_dots(name.data, name.len) ? "a name is not . or .." : NULL;
}
