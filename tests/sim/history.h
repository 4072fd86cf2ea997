/* History: what ran where and when, and whether that may have been.
 *
 * A span is one attempt of one run, by one true clock: the simulator's own, or the clock of a
 * machine on which all agents of a real cluster live. Nobody's belief goes in, so nobody's error
 * can hide here.
 *
 * units    any clock, as long as all spans are of the same; a span is alive in [start, end)
 * memory   everything is the caller's; the spans are put in order where they stand
 * errors   none: what is wrong with a history is its verdicts
 * threads  any
 */
#ifndef MUSTER_TESTS_SIM_HISTORY_H
#define MUSTER_TESTS_SIM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_HISTORY_NODES 64

struct sim_history_span {
    uint32_t job, node; /* numbers that the caller gave; nodes below SIM_HISTORY_NODES */
    uint64_t token;
    uint64_t start, end;
    bool is_exclusive;
};

/* Nodes, one bit each, that saw each other from start to end, and long enough before it to know. */
struct sim_history_part {
    uint64_t nodes;
    uint64_t start, end;
};

enum sim_history_fault {
    SIM_HISTORY_BACKWARDS, /* it ended before it began; `second` is the same span */
    SIM_HISTORY_OVERLAP,   /* two exclusive runs of one job at one instant (I7) */
    SIM_HISTORY_FELL,      /* an exclusive run began with a token below an earlier one's (I5) */
    SIM_HISTORY_SHARED,    /* one token began on two nodes (I5) */
    SIM_HISTORY_TWICE,     /* one token ran twice at one instant (I5) */
    SIM_HISTORY_PART       /* two runs of one job at one instant within a connected part (P2, P3) */
};

struct sim_history_verdict {
    enum sim_history_fault fault;
    struct sim_history_span first, second;
};

/* How much is wrong; the first `max` of it goes into `verdict`. */
uint32_t sim_history_check(struct sim_history_span *span, uint32_t count,
                           const struct sim_history_part *part, uint32_t parts,
                           struct sim_history_verdict *verdict, uint32_t max);

/* A few words for people. */
const char *sim_history_fault_text(enum sim_history_fault fault);

#endif
