/* SPDX-License-Identifier: Apache-2.0 */
/* Every exception from the house rules, with its reason; one that is no longer needed is a fault
 * itself. */
#include "tools/tidy/house.h"

const struct tidy_exception tidy_exceptions[] = {
    { "base/err.c", "calls", "fprintf",
      "a broken invariant says where before it stops the process" },
    { "base/arena.c", "calls", "calloc", "the one allocation of the pure floors" },
    { "base/arena.c", "calls", "free", "the one allocation of the pure floors" },
    { "base/addr.c", "windows", "arpa/inet.h", "inet_pton and inet_ntop only turn text to bytes" },
    { NULL, NULL, NULL, NULL },
};
