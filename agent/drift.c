/* SPDX-License-Identifier: Apache-2.0 */
/* Two answers, and what the other clock must have done between them. */
#include "agent/drift.h"

bool agent_drift_is_bad(struct agent_drift *d, uint64_t asked_ms, uint64_t got_ms,
                        uint64_t theirs_ms)
{
    const struct agent_drift then = *d, now = { asked_ms, got_ms, theirs_ms };
    bool is_usable = then.got_ms != 0 && asked_ms >= then.got_ms && theirs_ms >= then.theirs_ms;

    if (!is_usable && then.got_ms != 0 && theirs_ms >= then.theirs_ms)
        return false; /* asked before the former answer came: it bounds nothing */
    if (!is_usable) {
        *d = now;
        return false;
    }
    uint64_t least = asked_ms - then.got_ms, most = got_ms - then.asked_ms;
    if (least < AGENT_DRIFT_WINDOW_MS)
        return false;
    uint64_t theirs = theirs_ms - then.theirs_ms;
    *d = now;
    return theirs * 1000 > most * (1000 + AGENT_DRIFT_PER_MILLE) ||
           theirs * 1000 < least * (1000 - AGENT_DRIFT_PER_MILLE);
}
