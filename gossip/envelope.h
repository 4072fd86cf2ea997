/* Envelope: the outermost layers of all we say and hear, the label of the pool and its encryption.
 *
 *     datagram   [label] [version nonce ciphertext tag] or [label] plain
 *     request    [label] [type length version nonce ciphertext tag] or [label] plain
 *     reply      the same without a label, which is authenticated all the same
 *
 * With keys, what is not encrypted is not for us; and a label keeps pools apart that should never
 * have met. Two switches are for the time while a living pool gets its first key.
 *
 * memory   held by value; borrows the keyring. What is opened lies in the caller's room or in the
 *          bytes that came
 * errors   MUSTER_EFOREIGN: another pool's label; MUSTER_EDENIED: none of our keys sealed it;
 *          MUSTER_EREFUSED: plain, though we have keys; MUSTER_EUNSUPPORTED: sealed, and we have
 *          none; MUSTER_ESHORT: a stream that goes on; MUSTER_ELIMIT: longer than any we take;
 *          MUSTER_ECORRUPT: no such layer
 * threads  one user each
 * source   docs/protocol.md, "Encryption", "Label"
 */
#ifndef MUSTER_GOSSIP_ENVELOPE_H
#define MUSTER_GOSSIP_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "gossip/gossip.h"
#include "gossip/keyring.h"

#define GOSSIP_LABEL_HEAD  2                                         /* type and length */
#define GOSSIP_SEAL_COST   (1 + MUSTER_AEAD_NONCE + MUSTER_AEAD_TAG) /* version 1, which we send */
#define GOSSIP_SEAL_STREAM 5 /* type and length, before it */

/* Bytes free before and behind whatever is closed in place. */
#define GOSSIP_ENVELOPE_HEAD                                                                       \
    (GOSSIP_LABEL_HEAD + GOSSIP_LABEL_MAX + GOSSIP_SEAL_STREAM + 1 + MUSTER_AEAD_NONCE)
#define GOSSIP_ENVELOPE_TAIL MUSTER_AEAD_TAG
/* Of a datagram all layers of an envelope, at most. */
#define GOSSIP_ENVELOPE_COST (GOSSIP_LABEL_HEAD + GOSSIP_LABEL_MAX + GOSSIP_SEAL_COST)

struct gossip_envelope {
    const struct gossip_keyring *keyring; /* NULL: none */
    void (*nonce)(void *context, uint8_t *out);
    void *nonce_context;
    uint8_t label[GOSSIP_LABEL_MAX];
    uint8_t label_len;
    bool accept_plain;      /* with keys, plain text is taken too */
    bool send_plain;        /* with keys, we do not use them yet */
    bool accept_unlabelled; /* with a label, those without one are taken too */
};

void gossip_envelope_init(struct gossip_envelope *e, const struct gossip_config *c);

/* What a datagram grows by, and how much of that stands before its body. */
size_t gossip_envelope_cost(const struct gossip_envelope *e);
size_t gossip_envelope_head(const struct gossip_envelope *e);

/* What is inside a datagram. `room` holds as many bytes as came. */
MUSTER_MUST_USE int gossip_envelope_open_packet(const struct gossip_envelope *e,
                                                struct muster_bytes bytes, uint8_t *room,
                                                struct muster_bytes *plain);

struct gossip_letter {
    struct muster_bytes plain; /* all there is of it so far */
    bool is_sealed;            /* then it is there as a whole */
};

/* What is inside a stream's bytes so far. A sealed one that is longer than `size` is refused. */
MUSTER_MUST_USE int gossip_envelope_open_stream(const struct gossip_envelope *e,
                                                struct muster_bytes bytes, bool is_request,
                                                uint8_t *room, size_t size,
                                                struct gossip_letter *letter);

/* Puts the layers around `len` bytes where they stand and returns what is to be sent, which begins
 * before and ends behind them. */
struct muster_bytes gossip_envelope_close_packet(const struct gossip_envelope *e, uint8_t *body,
                                                 size_t len);
struct muster_bytes gossip_envelope_close_stream(const struct gossip_envelope *e, uint8_t *body,
                                                 size_t len, bool is_request);

#endif
