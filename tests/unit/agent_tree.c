/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a document tree on one line. */
#include "tests/unit/agent_tree.h"

static void node_text(const struct agent_doc_node *node, struct muster_text *out)
{
    if (node->kind == AGENT_DOC_SCALAR) {
        muster_text_add(out, node->is_quoted ? "\"%s\"" : "%s", node->text);
        return;
    }
    bool is_map = node->kind == AGENT_DOC_MAP;
    muster_text_add(out, "%s", is_map ? "{" : "[");
    for (const struct agent_doc_node *child = node->first; child != NULL; child = child->next) {
        if (is_map)
            muster_text_add(out, "%s:", child->key);
        node_text(child, out);
        muster_text_add(out, "%s", child->next == NULL ? "" : ",");
    }
    muster_text_add(out, "%s", is_map ? "}" : "]");
}

void unit_tree_text(const struct agent_doc *doc, struct muster_text *out)
{
    for (const struct agent_doc_node *root = doc->first; root != NULL; root = root->next) {
        node_text(root, out);
        muster_text_add(out, "%s", root->next == NULL ? "" : " --- ");
    }
}
