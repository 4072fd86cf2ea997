/* Trigger from: a run for each line of a file or pipe, many with one request, and again where it
 * was broken off without one run too many: every run has a key, from the line itself (`--keyed`:
 * what stands before its first tab) or from the batch, which is the file unless `--batch` says
 * another, the line's number and its text.
 *
 * memory   one request's lines at a time
 * errors   an exit code of enum cli_exit, with what is wrong said; what could not be made after
 *          some tries ends it, and the same command goes on from there
 * threads  one
 */
#ifndef MUSTER_CLI_TRIGGER_FROM_H
#define MUSTER_CLI_TRIGGER_FROM_H

struct cli;

int cli_trigger_from(struct cli *cli, const char *file);

#endif
