/* Profile: the settings that a cluster has as a whole: how patient its nodes are with one another,
 * and what its parts may do without a quorum. They are set when it is founded, kept with its id,
 * and told to whoever is let in; a node that is configured otherwise follows its cluster.
 *
 * units    milliseconds
 * memory   by value
 * threads  any
 * source   consistency R45, R58, section 15
 */
#ifndef MUSTER_AGENT_PROFILE_H
#define MUSTER_AGENT_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define AGENT_SETTINGS_TEXT 24 /* bytes of "local majority" with the NUL, and more to come */

enum agent_config_profile { AGENT_PROFILE_LAN, AGENT_PROFILE_WAN, AGENT_PROFILE_LOCAL };

struct agent_settings {
    int32_t profile;  /* enum agent_config_profile */
    bool is_majority; /* nothing runs for long where no quorum is (R45) */
};

struct agent_node_config;

/* Fills in every time that follows the settings: gossip's, the store's, the scheduler's. */
void agent_settings_apply(struct agent_node_config *c, struct agent_settings s);

/* What must hold between these times, or promises fail: the sentence that says which does not; NULL
 * when all is well. (section 15) */
const char *agent_times_fault(const struct agent_node_config *c);

bool agent_settings_equal(struct agent_settings a, struct agent_settings b);
/* "lan available": on disk and in gossip's meta. */
const char *agent_settings_text(struct agent_settings s, char out[AGENT_SETTINGS_TEXT]);
bool agent_settings_parse(struct agent_settings *s, struct muster_bytes text);

#endif
