/* SPDX-License-Identifier: Apache-2.0 */
/* The times of section 15, and their halves for a local network (R58). */
#include "store/store.h"

void store_times_wan(struct store_times *t)
{
    *t = (struct store_times){
        .beat_ms = 1000,
        .calm_ms = 4000,
        .vote_hold_ms = 1500,
        .rank_ms = 700,
        .horizon_ms = 12000,
        .margin_ms = 1000,
        .ack_wait_ms = 1000,
        .commit_stuck_ms = 2000,
        .claim_after_ms = 8000,
        .boot_grace_ms = 15000,
        .alone_grace_ms = 60000,
        .replace_ms = 60000,
        .settle_ms = 10000,
        .away_ms = 2000,
        .ripe_ms = 20000,
        .has_claims = true,
    };
}

void store_times_lan(struct store_times *t)
{
    store_times_wan(t);
    t->beat_ms /= 2;
    t->calm_ms /= 2;
    t->vote_hold_ms /= 2;
    t->rank_ms /= 2; /* the order of seats is part of the vote hold */
    t->horizon_ms /= 2;
    t->margin_ms /= 2;
    t->ack_wait_ms /= 2;
}
