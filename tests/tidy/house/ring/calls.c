/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a pure room does without. */
#include <stdio.h>
#include <stdlib.h>

#define SNEAK(x) malloc(x) /* want: calls */

void calls(void);
void calls(void)
{
    long now = time(0);       /* want: calls */
    char *p = malloc(3);      /* want: calls */
    int luck = rand() % 3;    /* want: calls */
    if (getenv("HOME") != 0) { /* want: calls */
        printf("%ld", now);   /* want: calls */
    }
    free(p); /* want: calls */
    (void)luck;
    snprintf(p, 3, "x");
}
