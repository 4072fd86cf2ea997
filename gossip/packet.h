/* Packet: the layers around messages in one datagram.
 *
 *     label, encrypt (gossip/envelope.h) > crc > compress, compound (in any order) > message
 *
 * A packet is taken apart by walking: each turn gives one message, and what does not belong is
 * counted and left out. A packet is built from parts: the first one alone is sent bare, several as
 * a compound.
 *
 * memory   the walker borrows the packet, an arena's scratch for what is unpacked, and a decoder
 * errors   inside the walker; a stranger's packet can only be wrong
 * threads  one user each
 * source   docs/protocol.md, "Packets"
 */
#ifndef MUSTER_GOSSIP_PACKET_H
#define MUSTER_GOSSIP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "gossip/gossip.h"
#include "gossip/lzw.h"

#define GOSSIP_PACKET_NESTING     4          /* compress and compound within each other */
#define GOSSIP_PACKET_EXPANSION   (1u << 20) /* bytes a packet may unpack to, all layers in all */
#define GOSSIP_PACKET_PARTS       127        /* more are misread by old peers */
#define GOSSIP_PACKET_CRC_LEN     5
#define GOSSIP_PACKET_ROOM        (GOSSIP_PACKET_MAX - GOSSIP_PACKET_CRC_LEN)
#define GOSSIP_PACKET_PART_COST   2   /* its length in the compound */
#define GOSSIP_PACKET_COMPOUND    2   /* type and count */
#define GOSSIP_PACKET_PACK_AT_MIN 256 /* smaller ones are not worth the work of packing */
#define GOSSIP_PACKET_WRAP_MAX    18  /* bytes around what was packed: type, map, keys, length */

struct gossip_packet_frame {
    const uint8_t *lens; /* of the parts that are left */
    const uint8_t *at;
    const uint8_t *end;
    uint32_t left;
    uint32_t level; /* layers around the parts */
};

enum gossip_packet_err {
    GOSSIP_PACKET_OK,
    GOSSIP_PACKET_MALFORMED, /* part of it or all; counted once */
    GOSSIP_PACKET_BAD_CRC,
    GOSSIP_PACKET_BAD_TYPE
};

struct gossip_packet {
    struct muster_bytes whole; /* still to be opened, or empty */
    struct gossip_packet_frame frame[GOSSIP_PACKET_NESTING];
    uint32_t depth;
    uint32_t level;   /* layers around `whole` */
    uint8_t *scratch; /* GOSSIP_PACKET_EXPANSION bytes */
    size_t scratch_used;
    struct gossip_lzw_decoder *decoder;
    enum gossip_packet_err err; /* the first thing that was wrong */
};

void gossip_packet_open(struct gossip_packet *p, struct muster_bytes bytes, uint8_t *scratch,
                        struct gossip_lzw_decoder *decoder);

/* The next message, type byte first; false at the end. */
bool gossip_packet_next(struct gossip_packet *p, struct muster_bytes *message);

struct gossip_parts {
    struct muster_bytes part[GOSSIP_PACKET_PARTS];
    uint32_t count;
    size_t size; /* as a compound */
    size_t room; /* the compound's largest size */
};

/* `envelope`: bytes of the datagram that are not for what stands here. */
void gossip_parts_init(struct gossip_parts *parts, size_t envelope);
bool gossip_parts_add(struct gossip_parts *parts, struct muster_bytes message);

struct gossip_seal {
    bool has_crc;
    bool may_compress;
    struct gossip_lzw_encoder *encoder;
};

/* Writes what goes into the envelope and returns its length. */
size_t gossip_parts_seal(const struct gossip_parts *parts, const struct gossip_seal *seal,
                         uint8_t *out);

#endif
