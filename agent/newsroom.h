/* Newsroom: what happened here that a person may want to know, in a ring of the newest, and what
 * peers send of theirs while somebody watches.
 *
 * memory   at most AGENT_NEWS_KEPT entries, each as long as its words; what agent_news_after
 *          tells of lives until something else happens
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_NEWSROOM_H
#define MUSTER_AGENT_NEWSROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"
#include "base/text.h"

#define AGENT_NEWS_KEPT     4096
#define AGENT_NEWS_WATCH_MS 120000 /* a watcher renews at least this often */

struct agent_peer;

MUSTER_MUST_USE int agent_newsroom_open(struct agent_core *core);
void agent_newsroom_close(struct agent_core *core);

/* Something happened here. `job` may be NULL; the run's name is the job's in this version. */
void agent_news_add(struct agent_core *core, const char *type, const char *node, const char *job,
                    uint64_t token, const char *format, ...) MUSTER_PRINTF(6, 7);

/* A peer's news, and its wish to watch ours. */
void agent_news_got(struct agent_core *core, struct muster_reader *r);
void agent_news_watch_got(struct agent_core *core, struct muster_id from);
void agent_news_watch(struct agent_core *core); /* somebody here watches */
void agent_news_linked(struct agent_core *core, const struct agent_peer *p);

bool agent_news_after(const struct agent_core *core, uint64_t after, struct agent_news *out);

/* One entry as the API shows it. */
void agent_news_json(const struct agent_news *n, struct muster_text *out);

#endif
