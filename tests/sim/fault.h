/* Faults: every kind of trouble there is, in one table with its odds, so that a seed can draw a mix
 * of them, a run can count them, and a search for the smallest failing run can leave one out.
 *
 * Weather is set when a run begins and holds until it calms down: loss, delays, slow disks, clocks
 * that run at different rates. Strikes come again and again: a crash, a cut, a pause.
 *
 * units    milliseconds of true time; percent
 * memory   none of its own
 * errors   none
 * threads  one
 */
#ifndef MUSTER_TESTS_SIM_FAULT_H
#define MUSTER_TESTS_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct sim;

/* What a seed is about. */
enum sim_profile {
    SIM_MIXED,
    SIM_LEASE, /* keepers and runners cut off while the rest goes on */
    SIM_BENCH, /* seats change hands all the time */
    SIM_DISK,  /* disks refuse, forget, lie */
    SIM_STORM, /* everything, often */
    SIM_CALM,  /* one small thing at a time: what must never be felt */
    SIM_PROFILES
};

enum sim_fault {
    /* the network */
    SIM_LOSS,
    SIM_DELAY,
    SIM_SPIKE,
    SIM_DUPLICATE,
    SIM_REORDER,
    SIM_RESET,
    SIM_HALVES,
    SIM_ISOLATE,
    SIM_BRIDGE,
    SIM_RING,
    SIM_ONE_WAY,
    SIM_PAIRS,
    SIM_FLAP,
    /* processes */
    SIM_CRASH,
    SIM_MACHINE,
    SIM_BLACKOUT,
    SIM_GUARD_DEATH,
    SIM_PAUSE,
    SIM_GUARD_PAUSE,
    SIM_BOTH_PAUSE,
    SIM_SLOW_LOOP,
    SIM_STAGGER,
    SIM_SAME_NAMES,
    /* disks */
    SIM_SLOW_DISK,
    SIM_FULL_DISK,
    SIM_EIO,
    SIM_EIO_DONE,
    SIM_UNSYNCED,
    SIM_FLIP,
    SIM_WIPE,
    /* clocks */
    SIM_OFFSET,
    SIM_RATE,
    SIM_WALL_STEP,
    /* jobs */
    SIM_EXIT,
    SIM_HANG,
    SIM_KILLER,
    /* people */
    SIM_DELETE,
    SIM_AGAIN,
    SIM_HASTE,
    SIM_CHANGE,
    SIM_DRAIN,
    SIM_UPGRADE,
    SIM_FORGET,
    SIM_ROLLBACK,
    SIM_HALT,
    SIM_EVERY,
    SIM_SPREAD,
    SIM_CLONE,
    SIM_FAULTS
};

const char *sim_fault_name(enum sim_fault f);
bool sim_fault_find(const char *name, enum sim_fault *out);
const char *sim_profile_name(enum sim_profile p);
bool sim_profile_find(const char *name, enum sim_profile *out);

/* Draws the mix and its weather, and lets the first strikes fall due. */
void sim_faults_begin(struct sim *s);
/* The storm is over: no strike comes any more, and the weather is fine. */
void sim_faults_end(struct sim *s);
bool sim_has(const struct sim *s, enum sim_fault f); /* in the mix, and not left out */
void sim_count(struct sim *s, enum sim_fault f);

#endif
