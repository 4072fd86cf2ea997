/* SPDX-License-Identifier: Apache-2.0 */
/* A source that keeps every rule; it cites INV-1, I2 and R3, and names sprintf( only in words. */
#include "base/good.h"

#include <string.h>

const char *const good_names[] = { "malloc(1)", "time(NULL)", "TODO" };
static const struct good zero = { .wait_ms = 0 };
static const struct {
    int a;
} pair[] = { { 1 }, { 2 } };
_Static_assert(sizeof zero > 0, "a struct has a size");
enum good_kind { GOOD_A, GOOD_B };
struct good_later;

struct clockwork {
    int (*time)(void);
};

static int clockwork_time(const struct clockwork *c)
{
    return c->time();
}

int good_open(struct good *g)
{
    static const char *const words[] = { "a", "b" };
    *g = zero;
    return (int)strlen(words[0]) + pair[0].a + clockwork_time(0);
}

int good_only_here(int a)
{
    return a > 0 ? good_only_here(a - 1) : 0;
}

void good_close(struct good *g)
{
    g->wait_ms = (int)GOOD_B;
}
