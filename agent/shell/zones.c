/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones from the host's zoneinfo folder. */
#include "agent/shell/zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_FOLDER "/usr/share/zoneinfo/"

struct zone {
    struct zone *next;
    struct agent_zone *zone;
    char name[AGENT_ZONE_NAME_MAX];
};

struct shell_zones {
    struct zone *first;
};

struct shell_zones *shell_zones_open(void)
{
    return calloc(1, sizeof(struct shell_zones));
}

static struct agent_zone *zone_load(const char *name)
{
    char path[sizeof ZONE_FOLDER + AGENT_ZONE_NAME_MAX];
    struct agent_zone *zone = NULL;
    uint8_t *bytes = malloc(AGENT_ZONE_BYTES_MAX);
    (void)snprintf(path, sizeof path, ZONE_FOLDER "%s", name);
    FILE *file = bytes != NULL ? fopen(path, "re") : NULL;
    size_t len = file != NULL ? fread(bytes, 1, AGENT_ZONE_BYTES_MAX, file) : 0;
    if (file != NULL)
        (void)fclose(file);
    if (len == 0 || agent_zone_open(&zone, MUSTER_BYTES(bytes, len)) != MUSTER_OK)
        zone = NULL;
    free(bytes);
    return zone;
}

const struct agent_zone *shell_zones_find(void *context, const char *name)
{
    struct shell_zones *z = context;
    for (struct zone *at = z->first; at != NULL; at = at->next)
        if (strcmp(at->name, name) == 0)
            return at->zone;
    if (!agent_zone_name_is_good(name) || strlen(name) >= AGENT_ZONE_NAME_MAX)
        return NULL;
    struct agent_zone *zone = zone_load(name);
    struct zone *made = zone != NULL ? calloc(1, sizeof *made) : NULL;
    if (made == NULL) {
        agent_zone_close(zone);
        return NULL;
    }
    made->zone = zone;
    (void)snprintf(made->name, sizeof made->name, "%s", name);
    made->next = z->first;
    z->first = made;
    return zone;
}

void shell_zones_close(struct shell_zones *z)
{
    while (z != NULL && z->first != NULL) {
        struct zone *at = z->first;
        z->first = at->next;
        agent_zone_close(at->zone);
        free(at);
    }
    free(z);
}
