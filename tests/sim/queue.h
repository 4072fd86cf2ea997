/* Queue: what is to happen, in the order of its time, and what is due at once in the order in which
 * it was put.
 *
 * Most of it is due within a second: that lies on a wheel of milliseconds, each with a ring of its
 * own, and costs the same however much there is. The rest waits in a heap until the wheel reaches
 * it, which is before anything that is put later can come to lie beside it.
 *
 * units    milliseconds of simulated time
 * memory   three arrays that grow; sim_queue_close gives them back
 * errors   none; memory that is not there is a bug
 * threads  one
 */
#ifndef MUSTER_TESTS_SIM_QUEUE_H
#define MUSTER_TESTS_SIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_WHEEL 1024u

struct sim_due {
    uint64_t at, arrival;
    uint32_t item;
};

/* Zero before its first use. */
struct sim_queue {
    uint64_t now;                  /* of the last that was taken: the wheel begins there */
    uint32_t last[SIM_WHEEL];      /* by millisecond: item + 1 of its newest; 0: none */
    uint64_t busy[SIM_WHEEL / 64]; /* a bit for each that has any */
    uint32_t *next, items;         /* by item: the one after it; after the newest, the oldest */
    struct sim_due *heap;          /* due when the wheel has gone round, or later */
    uint32_t heap_count, heap_size;
    uint64_t arrivals;
};

/* Not before what was taken last; an item is a small number, and in it once at a time. */
void sim_queue_put(struct sim_queue *q, uint64_t at, uint32_t item);
/* The first that is due by then. */
bool sim_queue_take(struct sim_queue *q, uint64_t by, uint32_t *item);
void sim_queue_close(struct sim_queue *q);

#endif
