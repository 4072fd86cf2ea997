/* Probe: three kinds of points in the pure core that only the simulator ever sees. They are code in
 * a build with MODE=probe and nothing at all in every other.
 *
 *     MUSTER_MARK(put_late);                 a rare branch; a night of seeds must have come by
 *     if (!MUSTER_MUTANT(merge_skipped))     a bug planted on purpose; the simulator must catch it
 *     if (MUSTER_RARE(beat_dropped))         a legal but unusual choice, drawn from the seed
 *
 * A point is known by being there: the linker collects them, and no list is kept anywhere. A mutant
 * is false until it is chosen by its name. A rare point is awake in some runs and then says yes now
 * and then; what it says follows from the seed and its own name alone, so that a point that is
 * added changes nothing for the others.
 *
 * memory   one static record per point, in probe builds only
 * errors   muster_probe_plant is false for a name that no mutant has
 * threads  the loop's only
 * source   FoundationDB's "buggify"; mutation testing
 */
#ifndef MUSTER_BASE_PROBE_H
#define MUSTER_BASE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef MUSTER_PROBES

enum muster_probe_kind { MUSTER_PROBE_MARK, MUSTER_PROBE_MUTANT, MUSTER_PROBE_RARE };

struct muster_probe {
    enum muster_probe_kind kind;
    bool is_on; /* the mutant that was chosen; a rare point that is awake */
    uint32_t line;
    const char *name, *file;
    uint64_t hits;         /* how often it was passed while it was on; marks always are */
    uint64_t luck, one_in; /* of a rare point: how often it says yes in this run */
};

/* The points of this program in no particular order; NULL behind the last. */
struct muster_probe *muster_probe_at(uint32_t index);
/* Chooses a mutant for the rest of the process. */
bool muster_probe_plant(const char *name);
/* A new run begins: which rare points are awake in it, and what they will say. 0: none is. */
void muster_probe_dream(uint64_t seed);
bool muster_probe_pass(struct muster_probe *p);

#define MUSTER_PROBE(kind_, name_)                                                                 \
    __extension__({                                                                                \
        static struct muster_probe here = {                                                        \
            .kind = (kind_), .line = __LINE__, .name = #name_, .file = __FILE__                    \
        };                                                                                         \
        static struct muster_probe *const listed __attribute__((section("muster_probes"), used)) = \
            &here;                                                                                 \
        (void)listed;                                                                              \
        muster_probe_pass(&here);                                                                  \
    })
#define MUSTER_MARK(name)   ((void)MUSTER_PROBE(MUSTER_PROBE_MARK, name))
#define MUSTER_MUTANT(name) MUSTER_PROBE(MUSTER_PROBE_MUTANT, name)
#define MUSTER_RARE(name)   MUSTER_PROBE(MUSTER_PROBE_RARE, name)

#else

#define MUSTER_MARK(name)   ((void)0)
#define MUSTER_MUTANT(name) false
#define MUSTER_RARE(name)   false

#endif

#endif
