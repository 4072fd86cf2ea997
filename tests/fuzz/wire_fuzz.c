/* SPDX-License-Identifier: Apache-2.0 */
/* The reader as a stranger meets it: any bytes, read by any plan, stay within their bounds. */
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One read of the kind that `plan` names, each with a bound that a real decoder could have. */
static void read_one(struct muster_reader *r, uint8_t plan)
{
    char text[24];

    switch (plan % 14) {
    case 0:
        (void)muster_read_u64(r);
        return;
    case 1:
        (void)muster_read_i64(r);
        return;
    case 2:
        (void)muster_read_u32(r);
        return;
    case 3:
        (void)muster_read_u16(r);
        return;
    case 4:
        (void)muster_read_u8(r);
        return;
    case 5:
        (void)muster_read_bool(r);
        return;
    case 6:
        if (!muster_read_is_nil(r))
            muster_read_nil(r);
        return;
    case 7:
        MUSTER_ASSERT(muster_read_bytes(r, 64).len <= 64);
        return;
    case 8:
        muster_read_text(r, text, sizeof text);
        return;
    case 9:
        (void)muster_read_id(r);
        return;
    case 10:
        MUSTER_ASSERT(muster_read_array(r, 100) <= muster_reader_left(r));
        return;
    case 11:
        MUSTER_ASSERT(2 * (size_t)muster_read_map(r, 100) <= muster_reader_left(r));
        return;
    case 12:
        (void)muster_read_plain(r, plan);
        return;
    default:
        muster_read_skip(r);
        return;
    }
}

/* What can be skipped is a value that its type promised, and it skips to the same end again. */
static void skip_twice(struct muster_bytes input)
{
    struct muster_reader r = muster_reader_over(input);
    enum muster_wire_type type = muster_read_peek(&r);
    struct muster_bytes value = muster_read_raw_value(&r);

    if (!muster_reader_ok(&r))
        return;
    MUSTER_ASSERT(type != MUSTER_WIRE_END);
    MUSTER_ASSERT(value.len > 0);
    r = muster_reader_over(value);
    muster_read_skip(&r);
    MUSTER_ASSERT(muster_reader_end(&r) == MUSTER_OK);
}

/* The input's first half plans how its second half is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct muster_bytes plan = MUSTER_BYTES(data, size / 2);
    struct muster_bytes input = MUSTER_BYTES(data + plan.len, size - plan.len);
    struct muster_reader r = muster_reader_over(input);

    for (size_t i = 0; i < plan.len; i++) {
        size_t left = muster_reader_left(&r);

        read_one(&r, plan.data[i]);
        MUSTER_ASSERT(muster_reader_left(&r) <= left);
        MUSTER_ASSERT(muster_reader_ok(&r) || muster_reader_left(&r) == 0);
    }
    skip_twice(input);
    return 0;
}
