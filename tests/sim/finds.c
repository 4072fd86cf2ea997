/* SPDX-License-Identifier: Apache-2.0 */
/* The file of seeds that have found something: `PROFILE SEED what`, one a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/sim/run.h"

static bool line_read(char *line, struct sim_find *find)
{
    char *end = NULL;
    *find = (struct sim_find){ 0 };
    line[strcspn(line, "\n")] = '\0';
    size_t len = strcspn(line, " ");
    if (line[0] == '#' || line[0] == '\0' || line[len] == '\0')
        return false;
    line[len] = '\0';
    if (!sim_profile_find(line, &find->run.profile))
        return false;
    find->run.seed = strtoull(line + len + 1, &end, 0);
    (void)snprintf(find->what, sizeof find->what, "%s", *end == ' ' ? end + 1 : "");
    return end != line + len + 1;
}

uint32_t sim_finds_read(const char *path, struct sim_find *find, uint32_t max)
{
    FILE *file = fopen(path, "r");
    char line[512];
    uint32_t count = 0;
    if (file == NULL)
        return 0;
    while (count < max && fgets(line, sizeof line, file) != NULL)
        count += line_read(line, &find[count]);
    (void)fclose(file);
    return count;
}

void sim_finds_add(const char *path, const struct sim_run *run, const char *what)
{
    static const uint32_t max = SIM_FINDS_MAX;
    struct sim_find *known = calloc(max, sizeof *known);
    MUSTER_ASSERT(known != NULL);
    uint32_t count = sim_finds_read(path, known, max);
    bool is_known = count == max;
    for (uint32_t i = 0; i < count; i++)
        is_known =
            is_known || (known[i].run.seed == run->seed && known[i].run.profile == run->profile);
    free(known);
    FILE *file = is_known ? NULL : fopen(path, "a");
    if (file == NULL)
        return;
    fprintf(file, "%s %llu %s\n", sim_profile_name(run->profile), (unsigned long long)run->seed,
            what);
    (void)fclose(file);
}
