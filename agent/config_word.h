/* Config words: settings said outside of files, `--slots 4` and `MUSTER_SLOTS=4`, as documents of
 * one key each, so that they are walked like a file. For agent/config.c.
 *
 * units    none
 * memory   the documents are in `words`, whose roots carry the word that said them as their key
 * errors   MUSTER_EINVAL, MUSTER_ELIMIT, MUSTER_EFULL, told in the problem
 * threads  any
 */
#ifndef MUSTER_AGENT_CONFIG_WORD_H
#define MUSTER_AGENT_CONFIG_WORD_H

#include "agent/config.h"
#include "agent/doc.h"

/* The variables that are keys of ours, with a value. */
MUSTER_MUST_USE int config_word_env(struct agent_doc *words, const char *const *env,
                                    struct agent_problem *problem);

/* The flags that are keys of ours; `options` takes the others. Both may be NULL. */
MUSTER_MUST_USE int config_word_flags(struct agent_doc *words, struct agent_config_options *options,
                                      const char *const *arg, uint32_t arg_count,
                                      struct agent_problem *problem);

#endif
