/* Tokenfile: the file of tokens that `tokens` names, read at the start and at SIGHUP.
 *
 * memory   held by value
 * errors   MUSTER_EINVAL for what the file says, else what shell_errno says; with a sentence for
 *          people that names the file and the line. What was read before stays
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_TOKENFILE_H
#define MUSTER_AGENT_SHELL_TOKENFILE_H

#include "agent/shell/journal.h"
#include "agent/tokens.h"

/* Without a journal (a check of settings) nobody is warned. */
MUSTER_MUST_USE int shell_tokenfile_read(struct agent_tokens *t, const char *path,
                                         struct shell_journal *journal, char *why, size_t size);

#endif
