/* Solo: one gossip core, and a test in the place of the whole world around it.
 *
 * What the core sends is taken apart and kept as messages until solo_clear; what it hears is
 * written with the real codec.
 *
 * units    milliseconds of the core's clock
 * memory   heap; the caller closes
 * errors   a test fails inside
 * threads  one
 */
#ifndef MUSTER_TESTS_GOSSIP_SOLO_H
#define MUSTER_TESTS_GOSSIP_SOLO_H

#include <stdbool.h>
#include <stdint.h>

#include "gossip/codec.h"
#include "gossip/gossip.h"
#include "gossip/lzw.h"

#define SOLO_SENT_MAX  512
#define SOLO_NAME      "self"
#define SOLO_INC       5
#define SOLO_BYTES_MAX (64u << 10)

struct solo_sent {
    struct muster_addr to;
    struct gossip_message message; /* points into `bytes` of the solo */
    bool has_crc;                  /* of the packet it came in */
    uint32_t packet;               /* number of the packet */
};

struct solo {
    struct gossip *g;
    struct muster_arena arena;
    struct gossip_config config;
    uint64_t now_ms;
    struct solo_sent sent[SOLO_SENT_MAX];
    uint32_t sent_count, packets;
    bool takes_user; /* user messages may be sent; they are kept apart, without their type byte */
    struct muster_bytes user[SOLO_SENT_MAX];
    uint32_t user_count;
    uint8_t bytes[SOLO_BYTES_MAX]; /* of all that was sent */
    size_t bytes_used;
    struct gossip_effect effect[SOLO_SENT_MAX]; /* all that were no datagrams */
    uint32_t effects;
    struct gossip_lzw_decoder decoder;
    uint8_t *scratch;
};

/* For a group of tests: one on the heap, and nothing of it is open. */
int solo_new(void **state);
int solo_free(void **state);

void solo_open(struct solo *s);   /* with s->config as solo_config left it */
void solo_config(struct solo *s); /* the usual settings, to be changed before solo_open */
void solo_close(struct solo *s);
void solo_clear(struct solo *s); /* forgets what was sent and told */

struct muster_addr solo_addr(unsigned host); /* 10.0.0.HOST:7946; we are host 1 */

void solo_step(struct solo *s, const struct gossip_event *event);
void solo_wait(struct solo *s, uint64_t ms); /* steps at every deadline on the way */
void solo_hear(struct solo *s, unsigned from, const struct gossip_message *m);
void solo_hear_bytes(struct solo *s, unsigned from, struct muster_bytes bytes);

struct gossip_message solo_alive(const char *name, const uint8_t *addr, uint32_t incarnation);
struct gossip_message solo_accusation(enum gossip_type type, const char *name, const char *from,
                                      uint32_t incarnation);
/* The member `name` at 10.0.0.HOST is made known, alive at that incarnation, and all is cleared. */
void solo_meet(struct solo *s, const char *name, unsigned host, uint32_t incarnation);

/* An entry of a table at `addr`, an IPv4 address that is borrowed; and a push/pull of such entries,
 * with some user state behind them. */
struct gossip_entry solo_entry(const char *name, const uint8_t *addr, uint32_t incarnation,
                               int64_t state);
struct muster_bytes solo_table(uint8_t *room, size_t size, const struct gossip_entry *entries,
                               unsigned count, bool join);

/* The n-th message of a type that was sent since solo_clear, NULL if there were fewer. */
const struct solo_sent *solo_sent(const struct solo *s, enum gossip_type type, uint32_t n);
uint32_t solo_count(const struct solo *s, enum gossip_type type);
const struct gossip_effect *solo_effect(const struct solo *s, enum gossip_effect_kind kind,
                                        uint32_t n);

/* The state of a member, or -1; its incarnation, or 0. */
int solo_state(const struct solo *s, const char *name);
uint32_t solo_incarnation(const struct solo *s, const char *name);

#endif
