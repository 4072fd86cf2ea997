/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of triggered runs: 128 bits as letters and digits, by time or by key. */
#include "agent/run_id.h"

#include <string.h>

#include "base/hash.h"

#define DIGITS     26 /* of five bits for 128 */
#define AGE_DIGITS 12 /* 48 bits of time and most of the count */

static const char upper[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* without I L O U */
static const char lower[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void digits_write(const char *alphabet, uint64_t high, uint64_t low, char *out)
{
    for (int i = DIGITS - 1; i >= 0; i--) {
        out[i] = alphabet[low & 31];
        low = low >> 5 | high << 59;
        high >>= 5;
    }
    out[DIGITS] = '\0';
}

void agent_run_id_new(uint64_t wall_ms, uint16_t count, uint64_t luck, char out[AGENT_RUN_ID])
{
    digits_write(upper, wall_ms << 16 | count, luck, out);
}

void agent_run_id_of_key(struct muster_bytes key, char out[AGENT_RUN_ID])
{
    out[0] = 'k';
    digits_write(lower, muster_hash64(key, 3), muster_hash64(key, 4), out + 1);
}

bool agent_run_id_has_key(struct muster_bytes id)
{
    return id.len == DIGITS + 1 && id.data[0] == 'k';
}

uint64_t agent_run_id_age(struct muster_bytes id)
{
    uint64_t age = 0;
    if (id.len != DIGITS)
        return 0;
    for (size_t i = 0; i < AGE_DIGITS; i++) {
        const char *digit = memchr(upper, id.data[i], sizeof upper - 1);
        if (digit == NULL)
            return 0;
        age = age << 5 | (uint64_t)(digit - upper);
    }
    return age;
}
