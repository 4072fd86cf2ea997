/* Tree: a document tree as one line of text, so that a test can say what it expects.
 *
 * Maps are {key:value,…}, lists [value,…], scalars as they are, in quotes if they were; roots are
 * separated by " --- ".
 *
 * memory   the text is the caller's to close
 * threads  any
 */
#ifndef MUSTER_TESTS_UNIT_AGENT_TREE_H
#define MUSTER_TESTS_UNIT_AGENT_TREE_H

#include "agent/doc.h"
#include "base/text.h"

void unit_tree_text(const struct agent_doc *doc, struct muster_text *out);

#endif
