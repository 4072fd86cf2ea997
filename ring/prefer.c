/* SPDX-License-Identifier: Apache-2.0 */
/* A slot's preference list, read from its row. */
#include "ring/prefer.h"

#include <stdbool.h>

static const struct ring_list list_empty = { { RING_NONE, RING_NONE, RING_NONE, RING_NONE } };

_Static_assert(RING_REPLICAS_MAX == 4, "list_empty names every entry");

static bool list_has(const struct ring_list *list, uint32_t n, uint16_t number)
{
    for (uint32_t i = 0; i < n; i++)
        if (list->node[i] == number)
            return true;
    return false;
}

static struct ring_list list_of_zones(const struct ring_shape *s, const uint64_t *row)
{
    const uint64_t *first = row + s->keep + 1;
    struct ring_list list = list_empty;
    uint32_t n = 0;

    while (n < s->replicas && first[n] != RING_ARRIVAL_NONE) {
        list.node[n] = ring_arrival_number(first[n]);
        n++;
    }
    for (uint32_t i = 0; i < s->keep && n < s->replicas; i++) {
        uint16_t number = ring_arrival_number(row[i]);

        if (number == RING_NONE)
            break;
        if (!list_has(&list, n, number))
            list.node[n++] = number;
    }
    return list;
}

struct ring_list ring_list_of_row(const struct ring_shape *s, const uint64_t *row)
{
    struct ring_list list = list_empty;

    if (s->zones)
        return list_of_zones(s, row);
    for (uint32_t i = 0; i < s->replicas; i++)
        list.node[i] = ring_arrival_number(row[i]);
    return list;
}
