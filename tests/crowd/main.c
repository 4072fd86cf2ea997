/* SPDX-License-Identifier: Apache-2.0 */
/* Many gossip cores on one clock: what a large pool does, and what starving members do to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/crowd/show.h"

static int usage(void)
{
    (void)fprintf(stderr, "usage: crowd [scale [MEMBERS [SEED]] | lifeguard [SEEDS]]; without "
                          "words what must hold of small ones\n");
    return 2;
}

static uint64_t number(int argc, char **argv, int index, uint64_t otherwise)
{
    char *end = NULL;
    uint64_t value = argc > index ? strtoull(argv[index], &end, 10) : otherwise;

    return end != NULL && *end != '\0' ? 0 : value;
}

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    double begin = now_s();

    if (strcmp(what, "scale") == 0) {
        uint64_t members = number(argc, argv, 2, 10000);

        if (members < 100 || members > 60000)
            return usage();
        crowd_scale((uint32_t)members, number(argc, argv, 3, 1), false);
    } else if (strcmp(what, "lifeguard") == 0) {
        crowd_lifeguard((uint32_t)number(argc, argv, 2, 3));
    } else if (argc == 1) {
        crowd_scale(200, 1, true);
        crowd_lifeguard_check();
        printf("2 passed, 0 failed\n");
        return 0;
    } else {
        return usage();
    }
    printf("wall_ms %.0f ms\n", (now_s() - begin) * 1e3);
    return 0;
}
