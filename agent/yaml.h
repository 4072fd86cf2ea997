/* YAML: the door to libyaml. A text becomes a document tree, or one clear problem.
 *
 * Only what a configuration needs: maps, lists and scalars. Anchors, aliases, tags and merge keys
 * are refused (a page that refers to itself can be small and mean gigabytes), keys are plain words
 * and stand once. JSON is read too, being its subset, and then every value has its line and column.
 * For local files; the network speaks JSON (agent/json.h).
 *
 * memory   the tree is in `doc`, which the caller opened and closes, also after an error
 * errors   MUSTER_EINVAL, MUSTER_ELIMIT, MUSTER_EFULL, told in the problem
 * threads  any
 */
#ifndef MUSTER_AGENT_YAML_H
#define MUSTER_AGENT_YAML_H

#include "agent/doc.h"
#include "agent/problem.h"

/* Reads up to `documents_max` documents separated by `---`; empty ones are passed over. */
MUSTER_MUST_USE int agent_yaml_read(struct agent_doc *doc, struct muster_bytes text,
                                    uint32_t documents_max, struct agent_problem *problem);

#endif
