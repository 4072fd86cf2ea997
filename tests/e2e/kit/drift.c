/* SPDX-License-Identifier: Apache-2.0 */
/* A library to preload: the steady clocks of one host that run too fast or too slow.
 *
 *     DRIFT="105 100 BASE"    105 seconds for every 100 that pass, from BASE (nanoseconds) on
 *
 * All processes of a host share the base, so that they agree with each other; libfaketime takes
 * each process's own start for it, and an agent and its guards would be two hosts. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const char *text = getenv("DRIFT");
    long code = syscall(SYS_clock_gettime, clock, now);
    char *end;

    if (code != 0 || text == NULL || (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME))
        return (int)code;
    int64_t passes = strtoll(text, &end, 10);
    int64_t for_each = strtoll(end, &end, 10);
    int64_t base = strtoll(end, NULL, 10);
    int64_t at = (int64_t)now->tv_sec * SECOND + now->tv_nsec;
    if (for_each > 0)
        at = base + (at - base) / for_each * passes;
    now->tv_sec = at / SECOND;
    now->tv_nsec = at % SECOND;
    return 0;
}
