/* Zones: the time zones of this host, read when a schedule first names them and kept open.
 *
 * memory   one block for each zone until shell_zones_close
 * errors   a zone that is not there, or whose file is none, is NULL; it is looked for again the
 *          next time, for tzdata may be installed meanwhile
 * threads  the loop's only; a first look reads a file of a few kilobytes
 */
#ifndef MUSTER_AGENT_SHELL_ZONES_H
#define MUSTER_AGENT_SHELL_ZONES_H

#include "agent/zone.h"

struct shell_zones;

struct shell_zones *shell_zones_open(void); /* NULL without memory */
/* For an agent_zone_source whose context is a struct shell_zones. */
const struct agent_zone *shell_zones_find(void *context, const char *name);
void shell_zones_close(struct shell_zones *z);

#endif
