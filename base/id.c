/* SPDX-License-Identifier: Apache-2.0 */
/* Node ids as values: compared as bytes, shown as hex. */
#include "base/id.h"

#include <string.h>

#include "base/bytes.h"

bool muster_id_equal(struct muster_id a, struct muster_id b)
{
    return memcmp(a.octet, b.octet, MUSTER_ID_LEN) == 0;
}

int muster_id_compare(struct muster_id a, struct muster_id b)
{
    return memcmp(a.octet, b.octet, MUSTER_ID_LEN);
}

bool muster_id_is_zero(struct muster_id id)
{
    return muster_id_equal(id, (struct muster_id){ { 0 } });
}

char *muster_id_text(struct muster_id id, char *out)
{
    muster_hex_write(out, MUSTER_BYTES(id.octet, MUSTER_ID_LEN));
    return out;
}

bool muster_id_parse(struct muster_id *id, const char *text)
{
    struct muster_id read;

    if (strlen(text) != MUSTER_ID_TEXT - 1)
        return false;
    if (!muster_hex_read(read.octet, MUSTER_ID_LEN, text))
        return false;
    *id = read;
    return true;
}
