/* Story: how the stories by hand begin and end, and what they ask again and again.
 *
 * units    milliseconds of simulated time
 * errors   what does not come about in time is a failure of the simulation (sim_fail)
 * threads  one
 */
#ifndef MUSTER_TESTS_SIM_STORY_H
#define MUSTER_TESTS_SIM_STORY_H

#include "tests/sim/sim.h"

#define STORY_SERVICE(name)                                                                        \
    "{\"name\":\"" name "\",\"kind\":\"service\",\"exec\":[\"/bin/" name "\"]}"

bool story_is_replied(struct sim *s); /* the first job's request */
bool story_benches_full(struct sim *s);
void story_begin(struct sim *s, uint32_t nodes); /* boots them, until every bench is full */
uint32_t story_keeper_or_none(const struct sim *s, const char *job); /* UINT32_MAX: none */
uint32_t story_keeper(struct sim *s, const char *job);
void story_put(struct sim *s, uint32_t node, const char *job, const char *spec);
void story_rest(struct sim *s);
bool story_is_known(struct sim *s, const char *job); /* to anybody, be it as a tombstone */
bool story_one_runs(struct sim *s);                  /* the first job, in one place */
/* A key by number, and the run of the template "job" that it makes. */
void story_key_of(uint32_t i, char key[16]);
void story_run_of(uint32_t i, char run[48]);

/* ---- stories that are told elsewhere than in story.c */
void story_takeover(struct sim *s);
void story_tardy(struct sim *s);
void story_prompt(struct sim *s);
void story_heal(struct sim *s);
void story_heal_wan(struct sim *s);
void story_heal_local(struct sim *s);
void story_unheard(struct sim *s);
void story_namesake(struct sim *s);
void story_revised(struct sim *s);
void story_returned(struct sim *s);
void story_tardy_copy(struct sim *s);
void story_early_copy(struct sim *s);
void story_other_copy(struct sim *s);
void story_belated(struct sim *s);
void story_outdated(struct sim *s);
void story_untold(struct sim *s);
void story_away(struct sim *s);
void story_halted(struct sim *s);
void story_burned(struct sim *s);
void story_unkept(struct sim *s);
void story_clogged(struct sim *s);
void story_age(struct sim *s);
void story_late(struct sim *s);
void story_grant(struct sim *s);
void story_stale(struct sim *s);
void story_stray(struct sim *s);
void story_calm(struct sim *s);
void story_busy(struct sim *s);
void story_stubborn(struct sim *s);
void story_drift(struct sim *s);
void story_amnesia(struct sim *s);
void story_poison(struct sim *s);
void story_quarantine(struct sim *s);
void story_hearsay(struct sim *s);
void story_hush(struct sim *s);
void story_drowsy(struct sim *s);
void story_aside(struct sim *s);
void story_unplugged(struct sim *s);
void story_hung(struct sim *s);
void story_early(struct sim *s);
void story_stumble(struct sim *s);
void story_swift(struct sim *s);
void story_deposed(struct sim *s);
void story_unseen(struct sim *s);
void story_slot(struct sim *s);
void story_target(struct sim *s);
void story_sleep(struct sim *s);
void story_copy(struct sim *s);
void story_cloned(struct sim *s);
void story_misnamed(struct sim *s);
void story_misheard(struct sim *s);
void story_gone_first(struct sim *s);
void story_echo(struct sim *s);
void story_like(struct sim *s);
void story_move(struct sim *s);
void story_follow(struct sim *s);
void story_loyal(struct sim *s);
void story_shift(struct sim *s);
void story_held(struct sim *s);
void story_group(struct sim *s);
void story_none(struct sim *s);
void story_level(struct sim *s);
void story_apart(struct sim *s);
void story_copies(struct sim *s);
void story_astray(struct sim *s);
void story_behind(struct sim *s);
void story_leftover(struct sim *s);
void story_clock(struct sim *s);
void story_spring(struct sim *s);
void story_autumn(struct sim *s);
void story_dark(struct sim *s);
void story_joiner(struct sim *s);
void story_long(struct sim *s);
void story_twins(struct sim *s);
void story_adopted(struct sim *s);
void story_renew(struct sim *s);
void story_stopped(struct sim *s);
void story_share(struct sim *s);
void story_roll(struct sim *s);
void story_trigger(struct sim *s);
void story_recall(struct sim *s);
void story_words(struct sim *s);
void story_turns(struct sim *s);
void story_light(struct sim *s);
void story_lightly(struct sim *s);
void story_absent(struct sim *s);
void story_after(struct sim *s);
void story_last(struct sim *s);
void story_quiet(struct sim *s);
void story_halt(struct sim *s);
void story_cancel(struct sim *s);
void story_flap(struct sim *s);
void story_backoff(struct sim *s);
void story_half(struct sim *s);
void story_brief(struct sim *s);
void story_emptied(struct sim *s);
void story_overdue(struct sim *s);
void story_payload(struct sim *s);
void story_parcel(struct sim *s);
void story_ahead(struct sim *s);
void story_bequest(struct sim *s);
void story_restore(struct sim *s);
void story_handoff(struct sim *s);
void story_heir(struct sim *s);
void story_shy(struct sim *s);
void story_room(struct sim *s);
void story_solo(struct sim *s);
void story_unscanned(struct sim *s);

#endif
