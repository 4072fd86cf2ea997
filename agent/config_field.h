/* Config fields: the table of the agent's settings and the types only they have. For
 * agent/config.c.
 *
 * units    as agent/config.h
 * memory   constant
 * threads  any
 */
#ifndef MUSTER_AGENT_CONFIG_FIELD_H
#define MUSTER_AGENT_CONFIG_FIELD_H

#include "agent/config.h"
#include "agent/schema.h"

#define CONFIG_GOSSIP_PORT 7946
#define CONFIG_HTTP_PORT   7948

extern const struct agent_schema config_schema;

#endif
