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
    { "store/rows.c", "calls", "malloc calloc free",
      "rows come and go with the jobs, up to rows_max" },
    { "agent/api.c", "calls", "calloc realloc free", "open requests and the effects of one call" },
    { "agent/gather.c", "calls", "calloc malloc realloc free",
      "parts of a list live as long as one client waits for it" },
    { "agent/newsroom.c", "calls", "calloc free", "its ring is taken at open" },
    { "agent/node.c", "calls", "calloc malloc realloc strdup free",
      "taken at open; queues within one step keep what they grew to" },
    { "agent/out.c", "calls", "calloc malloc realloc free",
      "the blocks of a step, kept from one to the next" },
    { "agent/peers.c", "calls", "calloc free", "tables taken at open" },
    { "agent/place.c", "calls", "calloc free", "the member list of one rebuild of the ring" },
    { "agent/placer.c", "calls", "calloc free", "tables taken at open" },
    { "agent/requests.c", "calls", "calloc malloc free",
      "texts of a request while it is under way" },
    { "agent/runner.c", "calls", "calloc realloc free",
      "tables taken at open; tokens seen grow up to SEEN_MAX" },
    { "agent/runner_life.c", "calls", "calloc malloc free",
      "a start that waits for the end of an older run" },
    { "agent/serve.c", "calls", "calloc malloc free",
      "an operation that waits for its write keeps its spec" },
    { "agent/serve_list.c", "calls", "malloc free", "the part of a list while it is written" },
    { NULL, NULL, NULL, NULL },
};
