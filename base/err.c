/* SPDX-License-Identifier: Apache-2.0 */
/* Names and sentences of the errors, and the stop on a bug. */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

struct err_entry {
    const char *name;
    const char *text;
};

/* Indexed by the negated number, so that a gap in the list shows up as a missing entry. */
#define ERR_ENTRY(err, sentence) [-(err)] = { #err, sentence }

static const struct err_entry err_table[] = {
    ERR_ENTRY(MUSTER_OK, "no error"),
    ERR_ENTRY(MUSTER_EINVAL, "the value is not valid"),
    ERR_ENTRY(MUSTER_ESHORT, "the input ended early"),
    ERR_ENTRY(MUSTER_ETYPE, "another type was expected here"),
    ERR_ENTRY(MUSTER_ERANGE, "the number does not fit"),
    ERR_ENTRY(MUSTER_ELIMIT, "larger than the allowed maximum"),
    ERR_ENTRY(MUSTER_EFULL, "no room left"),
    ERR_ENTRY(MUSTER_ENOTFOUND, "no such thing"),
    ERR_ENTRY(MUSTER_EEXISTS, "the name is already taken"),
    ERR_ENTRY(MUSTER_ECORRUPT, "the data is damaged"),
    ERR_ENTRY(MUSTER_EVERSION, "the format is newer than this build"),
    ERR_ENTRY(MUSTER_EIO, "the disk or the network failed"),
    ERR_ENTRY(MUSTER_ENOSPC, "the disk is full"),
    ERR_ENTRY(MUSTER_EBUSY, "busy, try again later"),
    ERR_ENTRY(MUSTER_EREFUSED, "the other side refused"),
    ERR_ENTRY(MUSTER_ETIMEOUT, "no answer in time"),
    ERR_ENTRY(MUSTER_EUNREACHABLE, "the other side cannot be reached"),
    ERR_ENTRY(MUSTER_ENOQUORUM, "too few members of the bench answer"),
    ERR_ENTRY(MUSTER_EUNKNOWN, "it may or may not have happened"),
    ERR_ENTRY(MUSTER_EFOREIGN, "it belongs to another cluster"),
    ERR_ENTRY(MUSTER_EUNSUPPORTED, "not supported by this build"),
    ERR_ENTRY(MUSTER_ECONFLICT, "the version is not the expected one"),
    ERR_ENTRY(MUSTER_EDENIED, "not allowed"),
};

_Static_assert(sizeof err_table / sizeof err_table[0] == 1 - MUSTER_ERR_LAST,
               "every error has a name and a sentence");

static const struct err_entry *err_find(int err)
{
    static const struct err_entry stranger = { "MUSTER_E?", "an error without a name" };

    if (err > 0 || err < MUSTER_ERR_LAST)
        return &stranger;
    return &err_table[-err];
}

const char *muster_err_name(int err)
{
    return err_find(err)->name;
}

const char *muster_err_text(int err)
{
    return err_find(err)->text;
}

_Noreturn void muster_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "muster: bug: %s does not hold at %s:%d\n", what, file, line);
    abort();
}
