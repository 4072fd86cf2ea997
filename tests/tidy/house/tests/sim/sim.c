/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator has no shell and no clock. */
#include "agent/node.h"
#include "agent/shell/loop.h" /* want: stairs */

int main(void)
{
    struct good g;
    good_open(&g);
    good_close(&g);
    times(good_twice());
    return (int)random(); /* want: calls */
}
