/* SPDX-License-Identifier: Apache-2.0 */
/* A machine sleeps: its lid is closed, or its VM is stopped. Nothing on it runs, the boot-time
 * clock counts on (R40), and when it wakes its guards look at their deadlines before anything else.
 */
#include "base/probe.h"
#include "tests/sim/inv.h"

void sim_sleep(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_up || n->is_paused)
        return;
    sim_log(s, "n%u sleeps", node);
    n->is_asleep = true;
    sim_pause(s, node);
    sim_proc_guards_sleep(s, node);
}

void sim_wake(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    if (!n->is_asleep)
        return;
    sim_log(s, "n%u wakes", node);
    n->is_asleep = false;
    if (MUSTER_MUTANT(clock_stops_in_sleep)) {
        n->mono_offset -= sim_mono(s, node) - sim_mono_at(s, node, n->paused_at);
        n->unfed_since = n->paused_at = s->now;
    }
    sim_proc_guards_wake(s, node);
    sim_inv_awake(s, node);
    sim_resume(s, node);
}
