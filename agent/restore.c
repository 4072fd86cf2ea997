/* SPDX-License-Identifier: Apache-2.0 */
/* A job out of a backup, written and read. */
#include "agent/restore.h"

#include "base/wire.h"

#define FIELDS 8

uint64_t agent_restore_floor(uint64_t token)
{
    struct store_reign reign = store_version_reign((struct store_version){ token });
    uint32_t round = store_reign_round(reign) + AGENT_RESTORE_ROUNDS_SINCE;
    reign = store_reign_of(round < STORE_ROUND_MAX ? round : STORE_ROUND_MAX, UINT16_MAX);
    return store_version_of(reign, STORE_SEQ_MAX).packed;
}

struct muster_bytes agent_restore_encode(const struct agent_restore *r, uint8_t *out)
{
    struct muster_writer w = muster_writer_over(out, r->spec.len + AGENT_RESTORE_HEAD);
    muster_write_array(&w, FIELDS);
    muster_write_bytes(&w, r->spec);
    muster_write_u64(&w, (uint64_t)r->want);
    muster_write_u64(&w, (uint64_t)r->as);
    muster_write_u64(&w, r->created_wall_ms);
    muster_write_u64(&w, r->tick_wall_ms);
    muster_write_u64(&w, r->ticks);
    muster_write_u64(&w, r->skipped);
    muster_write_u64(&w, r->token);
    return muster_writer_bytes(&w);
}

int agent_restore_decode(struct agent_restore *r, struct muster_bytes wire)
{
    struct muster_reader in = muster_reader_over(wire);
    muster_read_array_of(&in, FIELDS);
    r->spec = muster_read_bytes(&in, STORE_ROW_MAX);
    uint32_t want = muster_read_u32(&in), as = muster_read_u32(&in);
    r->created_wall_ms = muster_read_u64(&in);
    r->tick_wall_ms = muster_read_u64(&in);
    r->ticks = muster_read_u32(&in);
    r->skipped = muster_read_u32(&in);
    r->token = muster_read_u64(&in);
    if (want > STORE_WANT_HOLD || as > AGENT_RESTORE_DEAD)
        muster_reader_fail(&in, MUSTER_EINVAL);
    r->want = (enum store_want)want;
    r->as = (enum agent_restore_as)as;
    struct store_reign reign = store_version_reign((struct store_version){ r->token });
    if (store_reign_round(reign) > AGENT_RESTORE_ROUND_MAX)
        muster_reader_fail(&in, MUSTER_ERANGE);
    return muster_reader_end(&in);
}
