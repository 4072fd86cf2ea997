/* SPDX-License-Identifier: Apache-2.0 */
/* A unit test names its own floor and those below, and never waits. (R13, INV-11) */
#include "base/good.h"
#include "ring/ring.h" /* want: stairs */
#include <cmocka.h>

static int times;

int main(void)
{
    times = good_only_tested();
    usleep(3); /* want: calls */
    sleep(1);  /* want: calls */
    return times + (int)time(0); /* want: calls */
}
