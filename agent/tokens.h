/* Tokens: who may come in over HTTP, and with which right.
 *
 *     # name     right     SHA-256 of the token
 *     grafana    read      9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *
 * A token is 256 bits of luck in hex. The file has its hash alone: whoever reads the file cannot
 * come in with what it says, and a token of so much luck needs no salt. (`printf %s TOKEN |
 * sha256sum` tells which line a token is.)
 *
 * memory   held by value
 * errors   MUSTER_EINVAL for a line that says anything else, MUSTER_ELIMIT for too many; in the
 *          problem
 * threads  any, one user each
 */
#ifndef MUSTER_AGENT_TOKENS_H
#define MUSTER_AGENT_TOKENS_H

#include <stddef.h>

#include "agent/problem.h"
#include "agent/right.h"
#include "base/bytes.h"
#include "base/crypto.h"

#define AGENT_TOKENS_MAX      256
#define AGENT_TOKENS_TEXT     (64u << 10) /* bytes of their file, at most */
#define AGENT_TOKEN_NAME_MAX  64
#define AGENT_TOKEN_BYTES     32
#define AGENT_TOKEN_TEXT      (2 * AGENT_TOKEN_BYTES + 1)
#define AGENT_TOKEN_LINE      192
#define AGENT_TOKEN_SHOWN_MAX 512 /* bytes; what somebody shows beyond that is no token of ours */

struct agent_token {
    char name[AGENT_TOKEN_NAME_MAX + 1];
    enum agent_right right;
    uint8_t hash[MUSTER_SHA256];
};

struct agent_tokens {
    struct agent_token token[AGENT_TOKENS_MAX];
    uint32_t count;
};

/* Empty on error. */
MUSTER_MUST_USE int agent_tokens_read(struct agent_tokens *t, struct muster_bytes text,
                                      struct agent_problem *problem);

/* The token that somebody shows, NULL when it is none of these. It takes as long for one as for
 * another. */
const struct agent_token *agent_tokens_find(const struct agent_tokens *t,
                                            struct muster_bytes shown);

/* What a header says behind `Bearer`; no data when it is of another kind or there is none. */
struct muster_bytes agent_token_of_header(const char *authorization);

/* A new token out of luck, and its line for the file. A name of "" makes one of the hash. */
void agent_token_make(const uint8_t luck[AGENT_TOKEN_BYTES], struct agent_token *token,
                      char text[AGENT_TOKEN_TEXT]);
const char *agent_token_line(const struct agent_token *token, char out[AGENT_TOKEN_LINE]);

/* NULL when a token may be called so; else what is wrong with it, as the end of a sentence. */
const char *agent_token_name_fault(struct muster_bytes name);

#endif
