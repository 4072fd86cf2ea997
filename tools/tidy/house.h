/* House: the tables that say what the house looks like: rooms, doors, forbidden calls, and every
 * exception with its reason. Whoever wants to change a rule changes a row here.
 *
 * memory   constant tables; nothing is allocated
 * threads  any
 */
#ifndef MUSTER_TOOLS_TIDY_HOUSE_H
#define MUSTER_TOOLS_TIDY_HOUSE_H

#include <stdbool.h>
#include <stddef.h>

struct tidy_room {
    const char *name;
    const char *where; /* paths, see tidy_path_in; the first row that fits is the room */
    bool pure;         /* events in, effects out: no clock, no socket, no disk, no luck */
    const char *may;   /* names of the rooms whose headers it may include */
};

/* An outside library, and the only places where its header may be named. */
struct tidy_door {
    const char *header; /* how the header begins */
    const char *where;
};

enum tidy_scope { TIDY_EVERYWHERE, TIDY_IN_PURE, TIDY_IN_TIMELESS };

struct tidy_call {
    const char *name;
    enum tidy_scope scope;
    const char *why;
};

/* `what` are the words the rule would complain about: calls, headers, variables. */
struct tidy_exception {
    const char *where;
    const char *rule;
    const char *what;
    const char *because;
};

/* NULL for a path that lies in no room. */
const struct tidy_room *tidy_room_of(const char *path);
const struct tidy_room *tidy_room_named(const char *name, size_t len);

/* Where an unbounded list ends, its row has a NULL first field. */
extern const struct tidy_door tidy_doors[];
extern const struct tidy_call tidy_calls[];
extern const char *const tidy_pure_headers[];
extern const struct tidy_exception tidy_exceptions[];
#define TIDY_EXCEPTIONS_MAX 64 /* rows; a house with more exceptions has no rules */

#endif
