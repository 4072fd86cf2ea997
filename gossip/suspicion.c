/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of an accusation: generous at first, shorter with every independent accuser. */
#include "gossip/suspicion.h"

#include "base/clock.h"
#include "base/err.h"
#include "gossip/scale.h"

/* Shortest time a suspicion lasts in a pool of that size. */
static uint64_t shortest_ms(const struct gossip_suspicion_rule *rule)
{
    uint64_t scale_milli = gossip_log10_milli(rule->members == 0 ? 1 : rule->members);

    if (scale_milli < 1000)
        scale_milli = 1000;
    return rule->mult * scale_milli * rule->probe_interval_ms / 1000;
}

/* In a small pool there is nobody left to confirm: the accused, the accuser and we are all. */
static uint32_t confirmations_needed(const struct gossip_suspicion_rule *rule)
{
    uint32_t needed = rule->mult > 2 ? rule->mult - 2 : 0;

    MUSTER_ASSERT(needed <= GOSSIP_CONFIRMATIONS_MAX);
    return rule->members < needed + 2 ? 0 : needed;
}

void gossip_suspicion_start(struct gossip_suspicion *s, uint64_t now_ms, uint64_t accuser,
                            const struct gossip_suspicion_rule *rule)
{
    MUSTER_ASSERT(rule->max_mult >= 1);
    *s = (struct gossip_suspicion){ .start_ms = now_ms };
    s->min_ms = shortest_ms(rule);
    s->max_ms = s->min_ms * rule->max_mult;
    s->needed = confirmations_needed(rule);
    s->accuser[0] = accuser;
}

bool gossip_suspicion_confirm(struct gossip_suspicion *s, uint64_t accuser)
{
    if (s->confirmed >= s->needed)
        return false;
    for (uint32_t i = 0; i <= s->confirmed; i++) {
        if (s->accuser[i] == accuser)
            return false; /* one witness, however often it says so */
    }
    s->confirmed++;
    s->accuser[s->confirmed] = accuser;
    return true;
}

uint64_t gossip_suspicion_deadline_ms(const struct gossip_suspicion *s)
{
    uint64_t span = s->max_ms - s->min_ms;
    uint64_t part, whole, saved;

    if (s->needed == 0)
        return muster_deadline_after(s->start_ms, s->min_ms);
    /* The quotient of two logarithms does not depend on their base. Their low bits are dropped so
     * that the product with a span of up to 2^36 ms still fits. */
    part = gossip_log2(s->confirmed + 1) >> 16;
    whole = gossip_log2(s->needed + 1) >> 16;
    MUSTER_ASSERT(span <= UINT64_C(1) << 36);
    saved = (span * part + whole - 1) / whole; /* up, because the time that is left is cut */
    return muster_deadline_after(s->start_ms, s->max_ms - saved);
}
