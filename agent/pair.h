/* Pair: a name and its value, both text; labels, tags and query strings are lists of them.
 *
 * memory   borrowed from whatever the list was read into
 * threads  any
 */
#ifndef MUSTER_AGENT_PAIR_H
#define MUSTER_AGENT_PAIR_H

struct agent_pair {
    const char *key;
    const char *value;
};

#endif
