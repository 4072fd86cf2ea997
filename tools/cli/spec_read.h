/* Spec read: the jobs of a file one after the other, however many they are.
 *
 * A document begins where a line is `---`; no more than one of them is in memory. What is wrong in
 * one is told with its place, and the next one is read.
 *
 * memory   cli_spec_reader_open allocates; cli_spec_reader_close gives it back, after any outcome
 * errors   enum cli_spec_read; the sentence has been said
 * threads  one
 */
#ifndef MUSTER_CLI_SPEC_READ_H
#define MUSTER_CLI_SPEC_READ_H

#include <stdio.h>

#include "base/hash.h"
#include "base/text.h"
#include "tools/cli/spec.h"

enum cli_spec_read {
    CLI_SPEC_READ,  /* `specs` holds one more: the first, and only one */
    CLI_SPEC_WRONG, /* a document was refused */
    CLI_SPEC_END,
    CLI_SPEC_BROKEN /* the file cannot be read on */
};

struct cli_spec_reader {
    FILE *file;
    const char *shown; /* what the file is called */
    unsigned line;     /* read so far */
    char *text;        /* the line read last */
    size_t text_size;
    struct muster_map by_name;
    struct cli_spec_seen *seen; /* names, and where they stand */
    size_t seen_count, seen_room;
};

/* "-" is standard input. CLI_FAILED when it cannot be opened. */
int cli_spec_reader_open(struct cli *cli, struct cli_spec_reader *r, const char *file);
enum cli_spec_read cli_spec_next(struct cli *cli, struct cli_spec_reader *r,
                                 struct cli_specs *specs);
void cli_spec_reader_close(struct cli_spec_reader *r);

#endif
