/* SPDX-License-Identifier: Apache-2.0 */
/* Variables and typedefs at file scope. */
#include "ring/ring.h"

typedef int ring_number; /* want: typedefs */
static int counter;      /* want: globals */
static int table[] = { 1, 2 }; /* want: globals */
static const char *names[] = { "a" }; /* want: globals */
static const char *const fixed[] = { "a" };
static int (*hook)(void); /* want: globals */
struct ring_thing { /* want: globals */
    int a;
} thing; /* the struct above begins the declaration */

int scope(int a);
int scope(int a)
{
    static int calls_so_far; /* want: globals */
    static const int step = 1;
    calls_so_far += step;
    return counter + table[0] + (fixed[0] == names[0]) + a + (hook != 0);
}
