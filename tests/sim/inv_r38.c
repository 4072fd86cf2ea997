/* SPDX-License-Identifier: Apache-2.0 */
/* R38: an exclusive run begins inside a lease, and its guard knows when that ends. */
#include "tests/sim/inv.h"

void sim_inv_leased(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    if (p->is_exclusive && p->lease_ms <= sim_mono(s, node))
        sim_fail(s, 1, "R38: exclusive %s starts on n%u (token %llu) %s", p->job, node,
                 (unsigned long long)p->token,
                 p->lease_ms == 0 ? "without a lease" : "after its lease");
}
