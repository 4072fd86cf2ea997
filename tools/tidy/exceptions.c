/* SPDX-License-Identifier: Apache-2.0 */
/* Every exception from the house rules, with its reason; one that is no longer needed is a fault
 * itself. */
#include "tools/tidy/house.h"

const struct tidy_exception tidy_exceptions[] = {
    { "base/err.c", "calls", "fprintf",
      "a broken invariant says where before it stops the process" },
    { "base/arena.c", "calls", "calloc free", "the one allocation of the pure floors" },
    { "base/addr.c", "windows", "arpa/inet.h", "inet_pton and inet_ntop only turn text to bytes" },
    { "base/hash.c", "calls", "malloc free", "the map that may grow lives on the heap, bounded" },
    { "base/text.c", "calls", "realloc free",
      "text for shells and replies grows up to its maximum" },
    { "base/trace.c", "calls", "fprintf", "prints on demand, to the stream its caller opened" },
    { "store/table.c", "calls", "malloc", "rows come and go with the jobs, up to rows_max" },
    { "store/table.c", "calls", "calloc", "rows come and go with the jobs, up to rows_max" },
    { "store/table.c", "calls", "free", "rows come and go with the jobs, up to rows_max" },
    { NULL, NULL, NULL, NULL },
};
