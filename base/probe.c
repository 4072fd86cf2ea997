/* SPDX-License-Identifier: Apache-2.0 */
/* The points that the linker has collected: listed, chosen, drawn. */
#include "base/probe.h"

#ifdef MUSTER_PROBES

#include <string.h>

#include "base/hash.h"
#include "base/rng.h"

#define AWAKE_ONE_IN 4 /* rare points, in a run that has any */

/* Weak: a program without a single point has no such section. */
extern struct muster_probe *const __start_muster_probes[] __attribute__((weak));
extern struct muster_probe *const __stop_muster_probes[] __attribute__((weak));

struct muster_probe *muster_probe_at(uint32_t index)
{
    struct muster_probe *const *at = __start_muster_probes + index;

    return at < __stop_muster_probes ? *at : NULL;
}

bool muster_probe_plant(const char *name)
{
    bool found = false;
    struct muster_probe *p;

    for (uint32_t i = 0; (p = muster_probe_at(i)) != NULL; i++) {
        if (p->kind == MUSTER_PROBE_MUTANT && strcmp(p->name, name) == 0)
            p->is_on = found = true;
    }
    return found;
}

void muster_probe_dream(uint64_t seed)
{
    struct muster_probe *p;
    uint64_t luck = seed;
    bool has_any = seed != 0 && muster_splitmix64(&luck) % 2 == 0;

    for (uint32_t i = 0; (p = muster_probe_at(i)) != NULL; i++) {
        if (p->kind != MUSTER_PROBE_RARE)
            continue;
        p->luck = muster_hash64(MUSTER_BYTES(p->name, strlen(p->name)), seed);
        p->is_on = has_any && muster_splitmix64(&p->luck) % AWAKE_ONE_IN == 0;
        p->one_in = UINT64_C(2) << 2 * (muster_splitmix64(&p->luck) % 4); /* 2, 8, 32, 128 */
    }
}

bool muster_probe_pass(struct muster_probe *p)
{
    bool says = p->is_on || p->kind == MUSTER_PROBE_MARK;

    if (says && p->kind == MUSTER_PROBE_RARE)
        says = muster_splitmix64(&p->luck) % p->one_in == 0;
    p->hits += says;
    return says;
}

#endif
