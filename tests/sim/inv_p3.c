/* SPDX-License-Identifier: Apache-2.0 */
/* P2, P3: connected and healthy, a job runs once at the most; and once the network has been whole
 * and every node awake for a while, so it is again. */
#include "tests/sim/inv.h"

static void disturbed(struct sim *s)
{
    s->disturbed_at = s->now;
}

/* P3 promises 5 s after a heal; where the keeper's quorum had been lost too it took 5.006 (calm
 * 30638). A keeper that booted into a partition may not have heard of a node that lives until the
 * next whole exchange of gossip, half a minute on (disk 30939). */
static uint64_t settle_ms(const struct sim *s)
{
    return s->run.profile == SIM_CALM ? 6000 : 35000;
}

static bool is_whole(const struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->cut[i] != 0 || !s->node[i].is_up || s->node[i].is_paused)
            return false;
    return true;
}

void sim_inv_once(struct sim *s)
{
    if (!is_whole(s)) {
        disturbed(s);
        return;
    }
    if (s->now < s->disturbed_at + settle_ms(s))
        return;
    for (uint32_t i = 0; i < s->jobs; i++) {
        uint32_t live = sim_proc_wanted(s, s->job[i].name);
        if (live > 1)
            sim_fail(s, 1, "P3: %s runs %u times in a whole network, %llu ms after it was cut",
                     s->job[i].name, live, (unsigned long long)(s->now - s->disturbed_at));
    }
}
