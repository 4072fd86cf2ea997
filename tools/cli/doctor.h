/* Doctor: what is wrong in a cluster, judged from what its nodes say of themselves.
 *
 * units    milliseconds
 * memory   a finding's texts live until the next one is told
 * threads  one
 */
#ifndef MUSTER_CLI_DOCTOR_H
#define MUSTER_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/cli/reply.h"

#define CLI_DOCTOR_CLOCK_MS  1000  /* apart, beyond what asking took */
#define CLI_DOCTOR_WAIT_MS   60000 /* a run that has no place for so long */
#define CLI_DOCTOR_DISK_MIB  256   /* less room than that is too little, */
#define CLI_DOCTOR_DISK_PART 20    /* and so is less than this part of the disk */

enum cli_finding_kind { CLI_FINDING_OK, CLI_FINDING_NOTE, CLI_FINDING_WRONG };

struct cli_finding {
    enum cli_finding_kind kind;
    const char *about; /* "clock" */
    const char *text;  /* what is so, where, and what to do */
};

/* What is asked for; each is the answer's root. */
struct cli_doctor {
    struct cli_value facts, members, pending, dead;
    const char *asked; /* the name of the node that answered */
    long long asking_ms, now_wall_ms;
    void (*tell)(void *whose, const struct cli_finding *finding);
    void *whose;
};

/* Tells everything it finds, and for what is well one finding of each kind. How many are wrong. */
size_t cli_doctor_look(const struct cli_doctor *d);

#endif
