/* Tar: an archive that grows entry by entry, and is read so. POSIX ustar, with sizes above 8 GiB as
 * GNU's program writes them.
 *
 * memory   none
 * errors   false: the file's own error, or what is no such archive
 * threads  one
 */
#ifndef MUSTER_CLI_TAR_H
#define MUSTER_CLI_TAR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_TAR_NAME 101

struct cli_tar_entry {
    char name[CLI_TAR_NAME];
    uint64_t size;
    long long at; /* its bytes begin here */
};

/* Begins an entry; what is written to the file from now on is in it. `file` can be sought. */
bool cli_tar_begin(FILE *file, struct cli_tar_entry *e, const char *name);
/* Its size is what was written since. */
bool cli_tar_end(FILE *file, struct cli_tar_entry *e, long long wall_s);
bool cli_tar_finish(FILE *file);

/* The entry that begins here; false at the end, and for what is none (`is_end` tells). The file
 * stands before its bytes then. */
bool cli_tar_next(FILE *file, struct cli_tar_entry *e, bool *is_end);
/* Behind its bytes, whatever was read of them. */
bool cli_tar_pass(FILE *file, const struct cli_tar_entry *e);

#endif
