/* Describe: rows and reports as the words and the JSON that people see.
 *
 * memory   appends to the caller's text
 * threads  the loop's only
 * source   docs/design.md "States", "API"
 */
#ifndef MUSTER_AGENT_DESCRIBE_H
#define MUSTER_AGENT_DESCRIBE_H

#include <stdint.h>

#include "agent/absence.h"
#include "agent/core.h"
#include "agent/family.h"
#include "agent/json.h"
#include "agent/placer.h"
#include "base/text.h"

enum agent_state {
    AGENT_STATE_PENDING,
    AGENT_STATE_STARTING,
    AGENT_STATE_RUNNING,
    AGENT_STATE_BACKOFF,
    AGENT_STATE_STOPPING,
    AGENT_STATE_STOPPED,
    AGENT_STATE_DONE,
    AGENT_STATE_DEAD,
    AGENT_STATE_DELETED
};

const char *agent_state_text(enum agent_state s);

/* A row with what its keeper knows beyond it, and the word for both together. */
struct agent_picture {
    const struct store_view *view;
    struct agent_report report;
    enum agent_state state;
    const char *reason; /* "" when there is none */
    bool is_kept;       /* is to start anew, and is held: it goes on as it was */
    bool is_handed;     /* is to be replaced, and goes on until its heir is ready */
    bool is_held;       /* exclusive, and nobody may decide for it */
    char text[AGENT_ABSENCE_MAX + 288];
    bool is_family; /* its runs are rows beside it, and this is how they stand */
    struct agent_family_sum family;
};
void agent_picture(struct agent_core *core, const struct store_view *view,
                   struct agent_picture *out);
/* The same in two steps, for who looks at many and shows few: why a run waits is a question for
 * every node. */
void agent_picture_state(struct agent_core *core, const struct store_view *view,
                         struct agent_picture *out);
void agent_picture_reason(struct agent_core *core, struct agent_picture *p);

/* How far a hand-over of a run has come, as its reason; false: there is nothing to say of it. And
 * as a field of a run. */
bool agent_handoff_text(struct agent_core *core, struct agent_picture *p);
void agent_handoff_put(struct agent_core *core, struct agent_json *j, const struct store_row *row);

/* The fields of a job inside an open object (the caller opens and closes it), and a whole run. */
void agent_describe_job(struct agent_core *core, struct agent_json *j,
                        const struct agent_picture *p);
void agent_describe_run(struct agent_core *core, struct agent_json *j,
                        const struct agent_picture *p);
void agent_describe_why(struct agent_core *core, struct agent_json *j,
                        const struct agent_picture *p);
void agent_describe_place(struct agent_core *core, struct agent_json *j, const char *name,
                          const struct agent_picture *p); /* NULL: no such job */

#endif
