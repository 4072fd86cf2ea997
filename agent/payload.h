/* Payloads: bytes stored once under their SHA-256, shared by jobs and runs, pulled by need.
 *
 * The bytes are files of single nodes; that there is such a payload is a row of the table
 * (agent/payload_id.h), in the bucket of its name. Those who sit on that bench hold the bytes too:
 *
 *     node with the file          keeper of the row              others of the bench
 *     KEEP, asked again    ─────▶ KEEP, every second      ─────▶ pull it: READ, PART, READ, ...
 *                                                         ◀───── KEPT, once it is on the disk
 *                                 quorum has the bytes:
 *                                 the row is written
 *     put, with n copies   ◀───── and chosen
 *
 * So a row that is chosen says that a quorum has had the bytes on its disks, and an acknowledged
 * payload survives what an acknowledged job survives. Who comes to a bench later finds the row
 * without the bytes, and pulls them; a node that is to start a run pulls them too, and keeps them
 * for a day. The hash of the whole says whether they arrived well.
 *
 * What nobody needs here goes only when all who sit on that bench have said that they have it: who
 * has lost its seat may have the bytes alone (agent/payload_spare.c).
 *
 * A payload that no job has named for a week goes: first its row, then the bytes. Whoever holds
 * rows of jobs tells the keeper of the payload once an hour what they name, and as long as one of
 * them is away (a week at the most) nothing goes.
 *
 * units    milliseconds, bytes
 * memory   AGENT_PAYLOADS_MAX files known, PAYLOAD_PULLS under way, of each one part in memory
 * errors   of a put: answered; of a pull: a sentence beside the run that waits for it, and again
 * threads  the loop's only
 * source   product reference, sections 1, 2, 6 and 7
 */
#ifndef MUSTER_AGENT_PAYLOAD_H
#define MUSTER_AGENT_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"

#define AGENT_PAYLOADS_MAX    16384u
#define AGENT_PAYLOAD_PART    65536u     /* bytes of one frame */
#define AGENT_PAYLOAD_RATE    65536u     /* bytes in a millisecond that a node reads for others */
#define AGENT_PAYLOAD_KEEP_MS 604800000u /* a row that no job names; */
#define AGENT_PAYLOAD_NAME_MS 3600000u   /* they are told so often; */
#define AGENT_PAYLOAD_IDLE_MS 86400000u  /* bytes here that no row and no run wants */

MUSTER_MUST_USE int agent_payload_open(struct agent_core *core);
void agent_payload_close(struct agent_core *core);

/* The shell's news (AGENT_EVENT_PAYLOAD). */
void agent_payload_event(struct agent_core *core, const struct agent_payload_news *news);

/* A client's PUT or GET; and its end without an answer. */
void agent_payload_begin(struct agent_core *core, const struct agent_request *q);
void agent_payload_cancel(struct agent_core *core, uint64_t client);
/* The keeper's answer to one of our own questions. */
void agent_payload_answered(struct agent_core *core, uint64_t number, const struct agent_reply *r);

/* For the runner: whether the bytes lie here whole. If not they are pulled, and
 * agent_runner_payload is called when they are here, or when there is more to say of why they are
 * not. */
bool agent_payload_ready(struct agent_core *core, struct agent_payload_id id);
/* Where they lie, in memory that lives as long as this step's effects. */
const char *agent_payload_path(struct agent_core *core, struct agent_payload_id id);

/* Frames. */
void agent_payload_keep_got(struct agent_core *core, struct muster_id from,
                            struct muster_reader *r);
void agent_payload_kept_got(struct agent_core *core, struct muster_id from,
                            struct muster_reader *r);
void agent_payload_read_got(struct agent_core *core, struct muster_id from,
                            struct muster_reader *r);
void agent_payload_part_got(struct agent_core *core, struct muster_id from,
                            struct muster_reader *r);

/* As the keeper of its row: AGENT_OP_PAYLOAD_KEEP, _NAME and _DROP. */
void agent_payload_serve(struct agent_core *core, const struct serve_ask *ask);
/* A job that names it has been written here. */
void agent_payload_is_named(struct agent_core *core, struct agent_payload_id id);

void agent_payload_tick(struct agent_core *core);
uint64_t agent_payload_deadline_ms(const struct agent_core *core);

#endif
