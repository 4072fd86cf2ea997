/* Match: an expression over what a node is, and whether a node is like that.
 *
 *     tag.net == "public" and (cpus >= 8 or arch in (arm64, riscv64)) and not tag.spare
 *
 * Words: `node` (its name), `arch`, `cpus`, `mem` (4G), and `tag.NAME`; alone, a tag asks whether
 * it is there. `== != < > <= >=`, `in` and `not in` a list in parentheses, `not`, `and`, `or`, in
 * this order from tight to loose. Values are words, numbers, or texts in quotes of either kind.
 * `node`, `arch` and the tags are texts; `<` and its like compare a tag as a number, which it must
 * be. What a node does not say (a tag it has not) is equal to nothing, neither less nor greater.
 *
 * units    bytes of memory, cores
 * memory   held by value, the text with it; parsing and asking allocate nothing
 * errors   MUSTER_EINVAL, MUSTER_ELIMIT with the column (from 1) and what is wrong in the problem
 * threads  any
 */
#ifndef MUSTER_AGENT_MATCH_H
#define MUSTER_AGENT_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/problem.h"

#define AGENT_MATCH_TEXT  1024 /* bytes of an expression at most */
#define AGENT_MATCH_TERMS 64   /* comparisons and values in it */
#define AGENT_MATCH_DEPTH 16   /* parentheses and nots within one another */

/* What a node is. Texts may not be NULL; 0 and "" where it does not say. */
struct agent_facts {
    const char *node;
    const char *arch;
    const char *tags; /* "k=v,k=v", sorted by key */
    uint64_t cpus;
    uint64_t mem; /* bytes */
};

struct agent_match_part {
    uint8_t kind, field, compare;
    uint16_t left, right;    /* parts; 0: none */
    uint16_t begin, end;     /* in the text: all of it */
    uint16_t name, name_len; /* of a tag */
    uint16_t value, value_len;
    uint64_t number;
};

struct agent_match {
    uint32_t count;
    uint16_t root;
    char text[AGENT_MATCH_TEXT + 1];
    struct agent_match_part part[2 * AGENT_MATCH_TERMS + 1]; /* [0] is none */
};

MUSTER_MUST_USE int agent_match_parse(struct agent_match *m, const char *text,
                                      struct agent_problem *problem);

bool agent_match_is(const struct agent_match *m, const struct agent_facts *node);

/* Why a node is not like that: "tag.gpu missing", "cpus is 4". Returns `out`. */
char *agent_match_why(const struct agent_match *m, const struct agent_facts *node, char *out,
                      size_t size);

/* The value of a tag in "k=v,k=v", not terminated; NULL when it is not there. */
const char *agent_tag_find(const char *tags, const char *name, size_t name_len, size_t *len);

#endif
