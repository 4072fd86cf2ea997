/* Codec: the bodies of memberlist's messages, each a msgpack map whose keys are field names.
 *
 * Written the way the peers write (old raw family, keys in byte order, shortest unsigned integers);
 * read with everything they accept: any key order, unknown and missing keys, any integer width, str
 * and bin, nil for nothing, and a struct given as an array. What a value means is judged elsewhere.
 *
 * memory   decoded bytes and texts point into the input, or into the message's own scratch
 * errors   as base/wire.h; a value that does not fit makes the whole message undecodable
 * threads  any
 * source   docs/protocol.md, "Messages"
 */
#ifndef MUSTER_GOSSIP_CODEC_H
#define MUSTER_GOSSIP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/wire.h"

#define GOSSIP_VSN_LEN         6
#define GOSSIP_FIELDS_MAX      64         /* entries of one message map; unknown keys count too */
#define GOSSIP_MESSAGE_MAX     1024       /* bytes of any message about one member that we make */
#define GOSSIP_STREAM_NODES    (1u << 20) /* members of one push/pull, and of a table */
#define GOSSIP_SCRATCH_SIZE    32         /* for byte fields that came as arrays of numbers */
#define GOSSIP_INCARNATION_MAX (UINT32_MAX - 1) /* refuting the very last number would wrap */

enum gossip_type {
    GOSSIP_TYPE_PING = 0,
    GOSSIP_TYPE_INDIRECT = 1,
    GOSSIP_TYPE_ACK = 2,
    GOSSIP_TYPE_SUSPECT = 3,
    GOSSIP_TYPE_ALIVE = 4,
    GOSSIP_TYPE_DEAD = 5,
    GOSSIP_TYPE_PUSH_PULL = 6,
    GOSSIP_TYPE_COMPOUND = 7,
    GOSSIP_TYPE_USER = 8,
    GOSSIP_TYPE_COMPRESS = 9,
    GOSSIP_TYPE_ENCRYPT = 10,
    GOSSIP_TYPE_NACK = 11,
    GOSSIP_TYPE_CRC = 12,
    GOSSIP_TYPE_ERROR = 13,
    GOSSIP_TYPE_LABEL = 244
};

/* Where an answer goes; all three may be missing. */
struct gossip_source {
    struct muster_bytes addr;
    struct muster_bytes node;
    uint16_t port;
};

struct gossip_ping {
    uint32_t seq;
    struct muster_bytes node; /* who should answer; empty is anybody */
    struct gossip_source source;
};

struct gossip_indirect {
    uint32_t seq;
    struct muster_bytes target;
    struct muster_bytes node;
    uint16_t port;
    bool nack;
    struct gossip_source source;
};

struct gossip_ack {
    uint32_t seq;
    struct muster_bytes payload;
};

struct gossip_nack {
    uint32_t seq;
};

/* Body of both suspect and dead. */
struct gossip_accusation {
    uint32_t incarnation;
    struct muster_bytes node;
    struct muster_bytes from;
};

struct gossip_alive {
    uint32_t incarnation;
    struct muster_bytes node;
    struct muster_bytes addr;
    struct muster_bytes meta; /* data NULL is nil */
    struct muster_bytes vsn;
    uint16_t port;
};

struct gossip_push_pull {
    int64_t nodes;
    int64_t user_state_len;
    bool join;
};

/* Header of a user message on a stream; the bytes follow it. */
struct gossip_user {
    int64_t len;
};

struct gossip_packed {
    struct muster_bytes buffer;
    uint8_t algo;
};

struct gossip_error {
    struct muster_bytes text;
};

struct gossip_scratch {
    uint8_t byte[GOSSIP_SCRATCH_SIZE];
    uint32_t used;
};

struct gossip_message {
    enum gossip_type type;
    union {
        struct gossip_ping ping;
        struct gossip_indirect indirect;
        struct gossip_ack ack;
        struct gossip_nack nack;
        struct gossip_accusation accusation;
        struct gossip_alive alive;
        struct gossip_push_pull push_pull;
        struct gossip_user user;
        struct gossip_packed packed;
        struct gossip_error error;
    };
    struct gossip_scratch scratch;
};

/* One member in a push/pull. */
struct gossip_entry {
    struct muster_bytes name;
    struct muster_bytes addr;
    struct muster_bytes meta;
    struct muster_bytes vsn;
    int64_t state;
    uint32_t incarnation;
    uint16_t port;
    struct gossip_scratch scratch;
};

/* Reads the type byte and the map after it and leaves the reader behind them. MUSTER_EUNSUPPORTED
 * for a type without a map. */
MUSTER_MUST_USE int gossip_message_decode(struct gossip_message *m, struct muster_reader *in);
MUSTER_MUST_USE int gossip_entry_decode(struct gossip_entry *e, struct muster_reader *in);

/* Writes type byte and map. */
void gossip_message_encode(const struct gossip_message *m, struct muster_writer *out);
void gossip_entry_encode(const struct gossip_entry *e, struct muster_writer *out);

#endif
