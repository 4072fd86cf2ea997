/* Order: all entries of a table in key order, as a skip list threaded through the entries
 * themselves. How tall an entry stands follows from its key's hash, so equal tables look alike on
 * every run. (Pugh, "Skip lists: a probabilistic alternative to balanced trees", 1990)
 *
 * memory   none of its own: the links are part of the entries
 * threads  one user each
 */
#ifndef MUSTER_STORE_ORDER_H
#define MUSTER_STORE_ORDER_H

#include "store/rows.h"

/* 1 .. STORE_ORDER_MAX; a quarter of all hashes climbs each further level. */
uint8_t store_order_height(uint64_t hash);
void store_order_insert(struct store_entry **head, struct store_entry *e);
void store_order_remove(struct store_entry **head, struct store_entry *e);
/* The first entry with a key greater than `after`; NULL at the end. */
struct store_entry *store_order_after(struct store_entry *const *head, struct muster_bytes after);

#endif
