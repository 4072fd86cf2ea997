/* SPDX-License-Identifier: Apache-2.0 */
/* One member: which news wins over what we hold, and what the world is told of it. */
#include "gossip/member.h"

#include <string.h>

#include "base/err.h"

struct muster_bytes gossip_member_name(const struct gossip_member *m)
{
    return gossip_face_name(m->face);
}

struct muster_bytes gossip_member_meta(const struct gossip_member *m)
{
    return gossip_face_meta(m->face);
}

bool gossip_member_is_living(const struct gossip_member *m)
{
    return m->state == GOSSIP_ALIVE || m->state == GOSSIP_SUSPECT;
}

void gossip_member_view(const struct gossip_member *m, struct gossip_member_view *view)
{
    *view = (struct gossip_member_view){ .name = m->face->name,
                                         .addr = m->addr,
                                         .meta = gossip_member_meta(m),
                                         .state = (enum gossip_state)m->state,
                                         .incarnation = m->incarnation,
                                         .since_ms = m->since_ms,
                                         .is_self = m->is_self,
                                         .is_proven = m->is_proven };
    memcpy(view->vsn, m->vsn, GOSSIP_VSN_LEN);
}

static bool tell(struct gossip_member *m, enum gossip_told told, enum gossip_news news,
                 enum gossip_news *out)
{
    m->told = (uint8_t)told;
    m->is_changed = false;
    m->is_proof_new = false;
    *out = news;
    return true;
}

static bool tell_living(struct gossip_member *m, enum gossip_news *news)
{
    if (m->told == GOSSIP_TOLD_NOTHING || m->told == GOSSIP_TOLD_GONE)
        return tell(m, GOSSIP_TOLD_ALIVE, GOSSIP_NEWS_JOIN, news);
    if (m->is_changed)
        return tell(m, (enum gossip_told)m->told, GOSSIP_NEWS_UPDATE, news);
    if (m->state == GOSSIP_SUSPECT && m->told == GOSSIP_TOLD_ALIVE)
        return tell(m, GOSSIP_TOLD_SUSPECT, GOSSIP_NEWS_SUSPECT, news);
    if (m->state == GOSSIP_ALIVE && m->told == GOSSIP_TOLD_SUSPECT)
        return tell(m, GOSSIP_TOLD_ALIVE, GOSSIP_NEWS_ALIVE, news);
    return false;
}

bool gossip_member_tell(struct gossip_member *m, enum gossip_news *news)
{
    if (m->is_forgotten) {
        /* Whoever was never introduced need not be taken back. */
        return m->told != GOSSIP_TOLD_NOTHING &&
               tell(m, GOSSIP_TOLD_NOTHING, GOSSIP_NEWS_REAPED, news);
    }
    if (gossip_member_is_living(m))
        return tell_living(m, news);
    if (m->told == GOSSIP_TOLD_NOTHING || (m->told == GOSSIP_TOLD_GONE && !m->is_proof_new))
        return false;
    return tell(m, GOSSIP_TOLD_GONE, m->state == GOSSIP_LEFT ? GOSSIP_NEWS_LEFT : GOSSIP_NEWS_DEAD,
                news);
}

enum gossip_age gossip_age_of(uint32_t message, uint32_t held)
{
    if (message == held)
        return GOSSIP_EQUAL;
    return message < held ? GOSSIP_OLDER : GOSSIP_NEWER;
}

#define IGNORE   GOSSIP_VERDICT_IGNORE
#define RAISE    GOSSIP_VERDICT_RAISE
#define ACCUSE   GOSSIP_VERDICT_ACCUSE
#define CONFIRM  GOSSIP_VERDICT_CONFIRM
#define BURY     GOSSIP_VERDICT_BURY
#define BELIEVE  GOSSIP_VERDICT_BELIEVE
#define ANSWER   GOSSIP_VERDICT_ANSWER
#define CONFLICT GOSSIP_VERDICT_CONFLICT
#define RECLAIM  GOSSIP_VERDICT_RECLAIM

/* Only an alive with a higher incarnation takes an accusation back: it can only come from the
 * member itself. Whoever still says an old one is told of the accusation, or it could never be
 * refuted. */
static const uint8_t alive_rules[][3] = {
    /* held              older     equal     newer   */
    [GOSSIP_ALIVE] = { IGNORE, IGNORE, BELIEVE },
    [GOSSIP_SUSPECT] = { ANSWER, ANSWER, BELIEVE },
    [GOSSIP_DEAD] = { ANSWER, ANSWER, BELIEVE },
    [GOSSIP_LEFT] = { ANSWER, ANSWER, BELIEVE },
};

/* From another address than the one we hold. Who left has given its name back. */
static const uint8_t moved_rules[][3] = {
    /* held              older     equal     newer    */
    [GOSSIP_ALIVE] = { CONFLICT, CONFLICT, CONFLICT },
    [GOSSIP_SUSPECT] = { CONFLICT, CONFLICT, CONFLICT },
    [GOSSIP_DEAD] = { RECLAIM, RECLAIM, RECLAIM },
    [GOSSIP_LEFT] = { BELIEVE, BELIEVE, BELIEVE },
};

static const uint8_t suspect_rules[][3] = {
    /* held              older     equal     newer   */
    [GOSSIP_ALIVE] = { IGNORE, ACCUSE, ACCUSE },
    [GOSSIP_SUSPECT] = { IGNORE, CONFIRM, CONFIRM },
    [GOSSIP_DEAD] = { IGNORE, IGNORE, RAISE },
    [GOSSIP_LEFT] = { IGNORE, IGNORE, RAISE },
};

static const uint8_t dead_rules[][3] = {
    /* held              older     equal     newer   */
    [GOSSIP_ALIVE] = { IGNORE, BURY, BURY },
    [GOSSIP_SUSPECT] = { IGNORE, BURY, BURY },
    [GOSSIP_DEAD] = { IGNORE, IGNORE, RAISE },
    [GOSSIP_LEFT] = { IGNORE, IGNORE, RAISE },
};

enum gossip_verdict gossip_judge_alive(enum gossip_state held, enum gossip_age age,
                                       bool is_same_addr)
{
    MUSTER_ASSERT(held <= GOSSIP_LEFT);
    return (enum gossip_verdict)(is_same_addr ? alive_rules : moved_rules)[held][age];
}

enum gossip_verdict gossip_judge_suspect(enum gossip_state held, enum gossip_age age)
{
    MUSTER_ASSERT(held <= GOSSIP_LEFT);
    return (enum gossip_verdict)suspect_rules[held][age];
}

enum gossip_verdict gossip_judge_dead(enum gossip_state held, enum gossip_age age)
{
    MUSTER_ASSERT(held <= GOSSIP_LEFT);
    return (enum gossip_verdict)dead_rules[held][age];
}
