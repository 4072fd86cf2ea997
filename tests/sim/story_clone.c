/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that was set up from an image of another's disk, and starts beside it. (R3) */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

#define OF      1 /* whose disk it was, */
#define WITNESS 3 /* and who meets the copy */

static bool is_known(struct sim *s)
{
    return s->node[OF].is_up && sim_boot_is_known(s, OF);
}

/* A cluster with something to do, and a copy of an outdated disk that has not started yet. */
static uint32_t copy_make(struct sim *s, bool same_name)
{
    char name[16];
    story_begin(s, 4);
    for (uint32_t i = 0; i < 8; i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        story_put(s, 0, name, STORY_SERVICE("job"));
    }
    sim_image_take(s, OF);
    sim_crash(s, OF, false);
    sim_boot(s, OF);
    sim_await(s, 20000, is_known, "all others know its new boot");
    sim_run_for(s, 30000); /* after a boot it may yet hear of its former life */
    return sim_image_clone(s, same_name);
}

static void watched(struct sim *s, uint32_t ms)
{
    for (uint32_t t = 0; t < ms; t += 250) {
        sim_run_for(s, 250);
        sim_check_all(s);
    }
}

/* Where does this node see the one that was copied? */
static bool is_alive(struct sim *s, uint32_t node)
{
    struct agent_member m;
    uint32_t count = agent_node_member_count(s->node[node].node);
    for (uint32_t i = 0; i < count; i++) {
        agent_node_member(s->node[node].node, i, &m);
        if (muster_id_equal(m.id, s->node[OF].id))
            return strcmp(m.status, "alive") == 0 && strcmp(m.name, sim_name(s, OF)) == 0;
    }
    return false;
}

static void ended(struct sim *s, uint32_t copy)
{
    sim_heal(s);
    watched(s, 20000);
    if (s->node[copy].is_clone)
        sim_fail(s, 1, "R3: nobody has told the copy what it is");
    for (uint32_t i = 0; i < 4; i++)
        if (i != OF && !is_alive(s, i))
            sim_fail(s, 1, "R3: n%u sees a copy, and not whose disk it was", i);
    story_rest(s);
}

/* It has the name too, while the one that it is a copy of is cut off. That it ends, and who lives
 * at its address then, says nothing of the other's process (R55). */
void story_cloned(struct sim *s)
{
    uint32_t copy = copy_make(s, true);
    for (uint32_t i = 0; i <= copy; i++)
        if (i != OF)
            sim_cut(s, OF, i, true);
    watched(s, 15000);
    sim_boot(s, copy);
    watched(s, 15000);
    ended(s, copy);
}

/* It has a name of its own, and is met first by a node that has just booted. When the one that it
 * is a copy of comes, that is the member, and what becomes of the copy is not about its runs. */
void story_misnamed(struct sim *s)
{
    uint32_t copy = copy_make(s, false);
    sim_crash(s, OF, false);
    sim_crash(s, WITNESS, false);
    for (uint32_t i = 0; i < 3; i++)
        sim_cut(s, copy, i, true);
    sim_boot(s, WITNESS);
    watched(s, 5000);
    sim_boot(s, copy);
    sim_run_for(s, 2);
    sim_boot(s, OF);
    ended(s, copy);
}

/* The one that it is a copy of does not answer for a while, and nobody has lost a link to it. The
 * witness hears of the copy while that is so, never meets it, and soon hears that it is dead. */
void story_misheard(struct sim *s)
{
    uint32_t copy = copy_make(s, false);
    for (uint32_t i = 0; i <= copy; i++)
        if (i != OF)
            sim_cut(s, OF, i, true);
    sim_cut(s, WITNESS, copy, true);
    watched(s, 3000);
    sim_crash(s, 0, false);
    sim_boot(s, copy);
    sim_run_for(s, 10);
    sim_heal(s);
    sim_cut(s, WITNESS, copy, true);
    sim_boot(s, 0); /* whoever joins tells all others what is said of them */
    watched(s, 5000);
    ended(s, copy);
}
