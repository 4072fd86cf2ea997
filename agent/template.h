/* Template: a job that says `start: manual`, what is said of it between nodes, and what it says of
 * its runs: pure, for agent/trigger.h, which makes them, and agent/triggered.h, which keeps them.
 *
 * units    milliseconds
 * memory   borrowed from what is read
 * errors   false for what is no such text
 * threads  any
 */
#ifndef MUSTER_AGENT_TEMPLATE_H
#define MUSTER_AGENT_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"
#include "store/row.h"

#define AGENT_TRIGGER_ITEMS 1000 /* of one request */
#define AGENT_KEY_MAX       256  /* bytes of a key */
#define AGENT_TEMPLATE_HELD "its job is held"

/* What one run is to be: the template's `arg` when it has none, a name by time without a key. */
struct agent_trigger_item {
    struct muster_bytes arg, key;
    bool has_arg, has_key;
};
/* Many of them as one text and back; false at the end, and for what is none. */
void agent_trigger_item_write(struct muster_writer *w, const struct agent_trigger_item *item);
bool agent_trigger_item_read(struct muster_reader *r, struct agent_trigger_item *item);

/* What the keeper of a template says of it, for who makes runs of it and for who keeps them. */
struct agent_template {
    uint64_t uid;
    enum store_want want;
    struct muster_bytes spec;
};
void agent_template_write(struct muster_writer *w, const struct store_row *row);
MUSTER_MUST_USE bool agent_template_read(struct agent_template *t, struct muster_bytes wire);

/* What a template says of its runs, and of which age they must be to be kept. */
struct agent_template_rule {
    bool is_gone;
    uint64_t uid; /* runs of an earlier life of the name go with that */
    enum store_want want;
    uint64_t keep_age_ms;
    uint64_t ok_from, fail_from; /* agent_run_id_age */
};
enum agent_fate {
    AGENT_FATE_NONE,
    AGENT_FATE_GO,
    AGENT_FATE_STOP,
    AGENT_FATE_HOLD,
    AGENT_FATE_RUN
};

enum agent_fate agent_template_fate(const struct agent_template_rule *rule,
                                    const struct store_row *row, uint64_t wall_ms);
void agent_template_apply(struct store_row *row, enum agent_fate fate, uint64_t wall_ms);
bool agent_template_is_over(const struct store_row *row); /* it has ended, and nothing of it runs */

#endif
