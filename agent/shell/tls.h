/* Tls: one end of a secured connection as a machine. Bytes of the wire go in, what they say comes
 * out, and bytes for the wire are left in a buffer; sockets and clocks are the caller's.
 *
 *     SHAKING ──▶ UP ──▶ ENDED
 *        └──────────┴──▶ FAILED, and why
 *
 * Both ends prove that they are of the pool: with a key of the keyring that both have, or with a
 * certificate of one CA, whose names then are the node's. TLS 1.3 alone, with a fresh exchange in
 * each connection, so that a key that leaks later opens nothing that was recorded before.
 *
 * units    bytes
 * memory   one session takes about 12 KiB while nothing is under way, and at most
 *          SHELL_TLS_GREETING_MAX and a record more before the far end has proven anything
 * errors   a session fails for good; what led to it is a sentence for people
 * threads  the loop's only
 * source   RFC 8446; docs/protocol.md, "Secured links"
 */
#ifndef MUSTER_AGENT_SHELL_TLS_H
#define MUSTER_AGENT_SHELL_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/shell/cert.h"
#include "agent/shell/net.h"
#include "gossip/keyring.h"

#define SHELL_TLS_GREETING_MAX 32768      /* of one message of the handshake */
#define SHELL_TLS_REKEY        (1u << 22) /* records sent with one key */
#define SHELL_TLS_FIRST_BYTE   0x16       /* of whoever begins with TLS */
#define SHELL_TLS_RECORD       16384      /* bytes that one record says at most */

/* How the ends of a connection prove who they are. */
enum shell_tls_proof { SHELL_TLS_NONE = 0, SHELL_TLS_KEY = 1, SHELL_TLS_CERT = 2 };

/* What all sessions of an agent share. */
struct shell_tls {
    const struct gossip_keyring *ring; /* as it is at that moment; NULL: none */
    struct shell_tls_pair *pair;       /* certificate and key; NULL: none */
    enum shell_tls_proof dials;        /* NONE: in the clear */
    uint32_t takes;                    /* proofs of who comes, as a set */
    bool takes_plain;
    void *priority[4]; /* by set of proofs */
    void *lookup;      /* of keys, for who comes */
};

struct shell_tls_config {
    const struct gossip_keyring *ring; /* NULL: none */
    const struct shell_cert *cert;     /* NULL: none; needed for CERT */
    enum shell_tls_proof dials;
    uint32_t takes;
    bool takes_plain;
};

MUSTER_MUST_USE int shell_tls_open(struct shell_tls *tls, const struct shell_tls_config *config);
/* Another certificate, for sessions from now on; those there are keep theirs. On error nothing has
 * changed. */
MUSTER_MUST_USE int shell_tls_renew(struct shell_tls *tls, const struct shell_cert *cert);
void shell_tls_close(struct shell_tls *tls); /* after its sessions; one that is zeroed is fine */

enum shell_tls_state { SHELL_TLS_SHAKING, SHELL_TLS_UP, SHELL_TLS_ENDED, SHELL_TLS_FAILED };

struct shell_tls_session;

/* The side that connected, with the key of that place in the ring; its first words wait in `out`.
 */
struct shell_tls_session *shell_tls_dial(struct shell_tls *tls, uint32_t key);
struct shell_tls_session *shell_tls_accept(struct shell_tls *tls);
void shell_tls_session_close(struct shell_tls_session *s); /* NULL is fine */

/* What came over the wire is borrowed until shell_tls_read has said 0. */
void shell_tls_feed(struct shell_tls_session *s, struct muster_bytes bytes);
/* What it says; 0: no more for now, or never again. `size` is at least a record. */
size_t shell_tls_read(struct shell_tls_session *s, uint8_t *out, size_t size);
/* Of a session that is UP; the rest of a failed one is dropped. */
void shell_tls_write(struct shell_tls_session *s, struct muster_bytes bytes);

enum shell_tls_state shell_tls_state(const struct shell_tls_session *s);
/* For the wire; the caller takes from it. */
struct shell_buffer *shell_tls_out(struct shell_tls_session *s);

/* Of one that is UP: the names in the far certificate, as in struct shell_cert; len 0: it had none
 * to show, because it proved a key. */
struct muster_bytes shell_tls_names(const struct shell_tls_session *s);
/* Whether it was proven with a key that is not in the ring any more. */
bool shell_tls_is_stale(const struct shell_tls_session *s);

/* Of one that FAILED: a sentence about the far end, without a subject ("has another key"). */
const char *shell_tls_why(const struct shell_tls_session *s);
/* And whether it is our key that was refused, so that another one may be tried. */
bool shell_tls_is_key_refused(const struct shell_tls_session *s);

#endif
