/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's disks, and the client that writes and reads through its keepers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

/* ---- disks */

static int record_find(const struct pool_disk *d, enum store_table table, struct muster_bytes key)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct pool_record *r = &d->record[i];
        if (r->table == table && r->key_len == key.len && memcmp(r->key, key.data, key.len) == 0)
            return (int)i;
    }
    return -1;
}

static void record_drop(struct pool_record *r)
{
    free(r->key);
    free(r->value);
}

uint8_t *pool_copy(struct muster_bytes bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);

    assert_non_null(copy);
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    return copy;
}

static void disk_op(struct pool_disk *d, const struct store_disk_op *op)
{
    int found = record_find(d, op->table, op->key);

    if (op->is_delete) {
        if (found < 0)
            return;
        record_drop(&d->record[found]);
        d->record[found] = d->record[--d->count];
        return;
    }
    if (found < 0) {
        assert_true(d->count < POOL_RECORDS);
        found = (int)d->count++;
        d->record[found] = (struct pool_record){ .table = op->table };
        d->record[found].key = pool_copy(op->key);
        d->record[found].key_len = (uint32_t)op->key.len;
    } else {
        free(d->record[found].value);
    }
    d->record[found].value = pool_copy(op->value);
    d->record[found].value_len = (uint32_t)op->value.len;
}

void pool_disk_commit(struct pool_disk *d, const struct store_disk_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        disk_op(d, &batch->op[i]);
}

void pool_disk_clear(struct pool_disk *d)
{
    for (uint32_t i = 0; i < d->count; i++)
        record_drop(&d->record[i]);
    d->count = 0;
}

/* ---- reading and writing */

uint32_t pool_keeper(const struct pool *p, uint32_t bucket)
{
    for (uint32_t i = 0; i < p->nodes; i++) {
        if (p->node[i].is_up && !p->node[i].is_paused && store_is_serving(p->node[i].store, bucket))
            return i;
    }
    return POOL_NODES;
}

bool pool_all_served(struct pool *p)
{
    for (uint32_t b = 0; b < p->buckets; b++) {
        if (pool_keeper(p, b) == POOL_NODES)
            return false;
    }
    return true;
}

uint32_t pool_bench_size(const struct pool *p, uint32_t bucket)
{
    uint32_t keeper = pool_keeper(p, bucket);
    struct store_bucket_view view;

    if (keeper == POOL_NODES)
        return 0;
    store_bucket(p->node[keeper].store, bucket, &view);
    return view.new_count > 0 ? 0 : view.old_count;
}

bool pool_bucket_is_at_rest(const struct pool *p, uint32_t bucket)
{
    struct store_bucket_view keeper, view;
    uint32_t k = pool_keeper(p, bucket);

    if (k == POOL_NODES)
        return false;
    store_bucket(p->node[k].store, bucket, &keeper);
    if (keeper.new_count != 0 || keeper.tombstones != 0)
        return false;
    for (uint32_t i = 0; i < p->nodes; i++) {
        if (!p->node[i].is_up)
            continue;
        store_bucket(p->node[i].store, bucket, &view);
        if (i != k && view.role > STORE_SEATED)
            return false;
        if (view.claims != 0)
            return false;
    }
    for (uint32_t i = 0; i < keeper.old_count; i++) {
        const struct pool_node *n = &p->node[pool_node_of(keeper.old_seat[i].node)];
        if (!n->is_up)
            return false;
        store_bucket(n->store, bucket, &view);
        if (view.seat != keeper.old_seat[i].seat || view.digest != keeper.digest ||
            view.bench_version.packed != keeper.bench_version.packed)
            return false;
    }
    return true;
}

void pool_lost_tell(struct pool *p, uint32_t node)
{
    for (uint32_t i = 0; i < p->nodes; i++) {
        if (p->node[i].is_lost && i != node)
            store_lost(p->node[node].store, pool_id(i));
    }
}

void pool_lost(struct pool *p, uint32_t node)
{
    p->node[node].is_lost = true;
    for (uint32_t i = 0; i < p->nodes; i++) {
        if (!p->node[i].is_up || i == node)
            continue;
        pool_lost_tell(p, i);
        pool_drain(p, i);
    }
}

bool pool_is_at_rest(struct pool *p)
{
    for (uint32_t b = 0; b < p->buckets; b++) {
        if (!pool_bucket_is_at_rest(p, b))
            return false;
    }
    return true;
}

bool pool_write(struct pool *p, uint32_t key, bool is_delete)
{
    struct pool_key *k = &p->key[key];
    struct store_row row = { .reason = muster_bytes_text("") };
    struct store_view view;

    (void)snprintf(k->name, sizeof k->name, "key-%u", key);
    if (key >= p->keys)
        p->keys = key + 1;
    struct muster_bytes name = muster_bytes_text(k->name);
    uint32_t node = 0;
    while (node < p->nodes && !p->node[node].is_up)
        node++;
    if (node == p->nodes)
        return false;
    node = pool_keeper(p, store_bucket_of(p->node[node].store, name));
    if (node == POOL_NODES || p->ops + 1 >= UNIT_COUNT(p->op))
        return false;
    struct store *s = p->node[node].store;
    struct store_write write = { .row = &row, .cookie = p->ops + 1 };
    if (store_get(s, name, &view)) {
        row = view.row;
        write.expected = view.row.phase == STORE_GONE ? 0 : view.version.packed;
    }
    if (is_delete && write.expected == 0)
        return false;
    row.key = name;
    row.phase = is_delete ? STORE_GONE : STORE_WAITING;
    row.revision = k->last + 1;
    if (store_write(s, &write, 1) != MUSTER_OK)
        return false;
    p->ops++;
    k->last++;
    p->op[p->ops] =
        (struct pool_op){ .key = key, .number = k->last, .is_delete = is_delete, .is_open = true };
    if (is_delete) {
        memmove(k->deletes, k->deletes + 1, sizeof k->deletes - sizeof k->deletes[0]);
        k->deletes[3] = k->last;
    }
    pool_drain(p, node);
    return true;
}

int pool_write_wait(struct pool *p, uint32_t key, bool is_delete)
{
    if (!pool_write(p, key, is_delete))
        return MUSTER_EREFUSED;
    uint32_t op = p->ops;
    for (uint32_t i = 0; i < 2000 && p->op[op].is_open; i++)
        pool_run(p, 5);
    assert_false(p->op[op].is_open);
    return p->key[key].acked >= p->op[op].number ? MUSTER_OK : MUSTER_EUNKNOWN;
}

uint64_t pool_place(struct pool *p, uint32_t key, uint32_t on)
{
    struct muster_bytes name = muster_bytes_text(p->key[key].name);
    uint32_t node = 0;
    struct store_view view;

    while (!p->node[node].is_up)
        node++;
    node = pool_keeper(p, store_bucket_of(p->node[node].store, name));
    assert_true(node < POOL_NODES);
    struct store *s = p->node[node].store;
    assert_true(store_get(s, name, &view));
    struct store_row row = view.row;
    struct store_write write = { .row = &row, .expected = view.version.packed, .places = true };
    row.phase = STORE_PLACED;
    row.run_node = pool_id(on);
    assert_int_equal(store_write(s, &write, 1), MUSTER_OK);
    assert_true(store_get(s, name, &view));
    uint64_t token = view.row.run_token;
    pool_drain(p, node);
    pool_run(p, 50);
    return token;
}

uint32_t pool_read(const struct pool *p, uint32_t node, uint32_t key)
{
    struct store_view view;

    if (!p->node[node].is_up ||
        !store_get(p->node[node].store, muster_bytes_text(p->key[key].name), &view))
        return 0;
    return view.row.phase == STORE_GONE ? 0 : view.row.revision;
}

static void view_print(const struct store_bucket_view *v)
{
    static const char *const roles[] = { "none", "seated", "candidate", "elected", "serving" };

    print_message("%-9s seat %u promised %u.%u bench %llx:", roles[v->role], v->seat,
                  store_reign_round(v->reign), store_reign_seat(v->reign),
                  (unsigned long long)v->bench_version.packed);
    for (uint32_t i = 0; i < v->old_count; i++)
        print_message(" %c%u", v->old_seat[i].node.octet[0], v->old_seat[i].seat);
    for (uint32_t i = 0; i < v->new_count; i++)
        print_message("%s%c%u", i == 0 ? " | " : " ", v->new_seat[i].node.octet[0],
                      v->new_seat[i].seat);
    print_message(" rows %u tombstones %u claims %u digest %llx\n", v->rows, v->tombstones,
                  v->claims, (unsigned long long)v->digest);
}

void pool_print(const struct pool *p)
{
    struct store_bucket_view view;

    for (uint32_t b = 0; b < p->buckets && b < 16; b++) {
        if (pool_bucket_is_at_rest(p, b))
            continue;
        for (uint32_t i = 0; i < p->nodes; i++) {
            print_message("bucket %u node %c %s: ", b, 'A' + (int)i,
                          p->node[i].is_up ? "up" : "down");
            if (!p->node[i].is_up) {
                print_message("\n");
                continue;
            }
            store_bucket(p->node[i].store, b, &view);
            view_print(&view);
        }
    }
}

void pool_fail(const struct pool *p)
{
    pool_print(p);
    for (uint32_t i = 0; i < p->nodes && getenv("POOL_TRACE") != NULL; i++) {
        (void)printf("---- node %c\n", 'A' + (int)i);
        muster_trace_print(&p->trace[i], stdout);
    }
    (void)fflush(stdout);
}

/* ---- whole clusters */

uint32_t pool_keeper_must(const struct pool *p, uint32_t bucket)
{
    uint32_t keeper = pool_keeper(p, bucket);

    assert_true(keeper < POOL_NODES);
    return keeper;
}

bool pool_benches_are_full(struct pool *p)
{
    for (uint32_t b = 0; b < p->buckets; b++) {
        if (pool_bench_size(p, b) != p->replicas)
            return false;
    }
    return true;
}

struct pool *pool_cluster(uint32_t nodes, uint32_t buckets, uint64_t seed)
{
    struct pool *p = malloc(sizeof *p);

    assert_non_null(p);
    pool_open(p, nodes, buckets, seed);
    p->replicas = nodes < 3 ? nodes : 3;
    pool_boot(p, 0, true);
    for (uint32_t i = 1; i < nodes; i++)
        pool_boot(p, i, false);
    pool_until(p, 20000, pool_benches_are_full, "every bench is full");
    return p;
}
