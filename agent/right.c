/* SPDX-License-Identifier: Apache-2.0 */
/* Rights by their names. */
#include "agent/right.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"

static const char *const names[] = {
    [AGENT_RIGHT_UNSAID] = "none",     [AGENT_RIGHT_NONE] = "none",   [AGENT_RIGHT_READ] = "read",
    [AGENT_RIGHT_OPERATE] = "operate", [AGENT_RIGHT_ADMIN] = "admin",
};

const char *agent_right_text(enum agent_right right)
{
    MUSTER_ASSERT((size_t)right < sizeof names / sizeof *names);
    return names[right];
}

bool agent_right_parse(enum agent_right *right, const char *text)
{
    for (enum agent_right r = AGENT_RIGHT_READ; r <= AGENT_RIGHT_ADMIN; r++) {
        if (strcmp(names[r], text) != 0)
            continue;
        *right = r;
        return true;
    }
    return false;
}
