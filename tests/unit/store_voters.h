/* Voters: one member of a bench whose others speak by frames that a test writes. It sits on seat 1,
 * beside a keeper on seat 2 that is adding a third, and holds the rows a and b of round 1.
 *
 * units    milliseconds
 * memory   on the heap, between voters_seated and voters_closed
 * threads  one
 */
#ifndef MUSTER_TESTS_STORE_VOTERS_H
#define MUSTER_TESTS_STORE_VOTERS_H

#include "base/wire.h"
#include "store/bench.h"
#include "store/store.h"

struct voters {
    struct store *store;
    uint64_t now_ms;
    uint64_t committed;
    uint8_t frame[65536];
    struct muster_writer w;
    uint32_t said[32]; /* frames by kind */
    uint64_t asked;    /* reign of the last ASK */
    uint64_t put[16];  /* first versions of every PUT since put_ok */
    uint32_t puts;
    uint32_t served;
    bool holds_commits;
    uint64_t age;   /* in the last YES */
    uint64_t taken; /* likewise */
    uint64_t kept;  /* the same on disk, as it was written last */
    uint64_t owns;  /* what the next YES that is written here says of it */
    /* the row c is in memory alone, and the bench that we come back to one of three */
    bool is_light;
    uint32_t seq;    /* of the row c */
    bool fills;      /* the seat that we come back to is filled with c */
    const char *row; /* c, or the name of another in its place */
};

int voters_seated(void **state);
int voters_closed(void **state);

struct muster_id voters_keeper(void);
struct muster_id voters_newcomer(void); /* the third */
uint64_t voters_version(uint32_t round, uint32_t seq);
uint32_t voters_round_of(uint64_t packed);

void voters_pass(struct voters *f, uint64_t ms);
void voters_commits_end(struct voters *f);
struct store_bucket_view voters_view(const struct voters *f);
uint64_t voters_held(const struct voters *f, const char *key); /* its version; 0: not there */

void voters_frame_begin(struct voters *f, enum store_message kind, uint32_t fields);
void voters_frame_give(struct voters *f, struct muster_id from);
void voters_yield(struct voters *f); /* the keeper does, and it stands */
void voters_yes(struct voters *f, struct muster_id from, uint16_t seat, uint64_t digest,
                const struct store_bench *bench, uint64_t bench_version);
void voters_no(struct voters *f, uint32_t round);
/* Says that everything it was sent is on its disk, until nothing more comes. */
void voters_put_ok(struct voters *f, struct muster_id from, uint16_t seat);
/* The keeper, as a voter, holds a row c of round 1 and nothing else in its sub-bucket: it says so,
 * and gives it. */
void voters_give_c(struct voters *f);

void voters_stand_again(struct voters *f);
/* Its seat was given away and it was seated again meanwhile: it is no candidate any more, and its
 * rows are gone before it is one again. */
void voters_lose_the_seat(struct voters *f);
/* It stands, and its promise is on its way to the disk: c is taken over, and somebody is above. */
void voters_take_c_in_vain(struct voters *f);

#endif
