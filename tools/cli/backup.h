/* Backup: what a file of `muster backup` holds, and whether it is whole.
 *
 * A tar archive: `jobs.jsonl`, a line of the API's JSON for each job; `payloads/SHA256`; and at its
 * end `backup.json` with the counts of both, so that one that was cut off is known.
 *
 * memory   none
 * errors   an exit code of enum cli_exit; the sentence has been said
 * threads  one
 */
#ifndef MUSTER_CLI_BACKUP_H
#define MUSTER_CLI_BACKUP_H

#include <stdint.h>
#include <stdio.h>

#include "tools/cli/cli.h"
#include "tools/cli/reply.h"
#include "tools/cli/tar.h"

#define CLI_BACKUP_FORMAT   1
#define CLI_BACKUP_JOBS     "jobs.jsonl"
#define CLI_BACKUP_PAYLOADS "payloads/"
#define CLI_BACKUP_END      "backup.json"

struct cli_backup {
    char made[40];
    uint64_t token; /* the highest that a run had; 0: none ran */
    long long jobs, payloads;
};

/* From its beginning to its end, every byte of it. */
int cli_backup_check(struct cli *cli, FILE *file, const char *shown, struct cli_backup *b);

/* Each job of the entry that the file stands in; false from `job` ends it. */
bool cli_backup_jobs(FILE *file, const struct cli_tar_entry *e,
                     bool (*job)(void *whose, struct cli_value job), void *whose);

#endif
