/* Schema values: the built-in types of agent/schema.h, one value at a time. For the walker,
 * and for custom fields that are one of them with a condition.
 *
 * memory, errors, threads  as agent/schema.h
 */
#ifndef MUSTER_AGENT_SCHEMA_VALUE_H
#define MUSTER_AGENT_SCHEMA_VALUE_H

#include "agent/schema.h"

MUSTER_MUST_USE int schema_value_read(struct agent_schema_reader *r,
                                      const struct agent_schema_field *field,
                                      const struct agent_doc_node *node, void *object);
/* Any type: do both objects say the same in this field? */
bool schema_value_is_same(const struct agent_schema_field *field, const void *a, const void *b);

#endif
