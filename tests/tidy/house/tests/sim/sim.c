/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator has no shell and no clock. */
#include "agent/node.h"
#include "agent/shell/loop.h" /* want: stairs */

int main(void)
{
    return (int)random(); /* want: calls */
}
