/* Payload files: what lies in `payloads/` of the data folder, read and written on a worker.
 *
 * A file is complete: it grows under a name of its own (`.new-N`), is synced, has the hash that its
 * name says, and only then gets that name. What an earlier agent did not finish is removed when the
 * folder is opened. One thing is done at a time, in the order in which it was wanted, and what was
 * written is synced every few megabytes, so that no commit of the table waits for a large file.
 *
 * units    bytes
 * memory   a copy of every part that waits to be written; callers wait for one before they hand in
 *          the next
 * errors   told with the news; opening: in `why`
 * threads  the loop's; the work itself on libuv's workers
 */
#ifndef MUSTER_AGENT_SHELL_PAYLOAD_H
#define MUSTER_AGENT_SHELL_PAYLOAD_H

#include <uv.h>

#include "agent/effect.h"
#include "base/err.h"

#define SHELL_PAYLOAD_DIR    "payloads"
#define SHELL_PAYLOAD_UPLOAD (UINT64_C(1) << 63) /* numbers of uploads have this bit */

struct shell_payloads;

struct shell_payloads_config {
    uv_loop_t *loop;
    const char *data_dir; /* jobs of other users must be able to pass through it */
    void *context;
    void (*on_news)(void *context, const struct agent_payload_news *news);
    /* A part of an upload is written (`is_whole` false), or all of it is kept under its hash. */
    void (*on_upload)(void *context, const struct agent_payload_news *news, bool is_whole);
};

MUSTER_MUST_USE int shell_payloads_open(struct shell_payloads **p,
                                        const struct shell_payloads_config *config, char *why,
                                        size_t size);
const char *shell_payloads_dir(const struct shell_payloads *p);
void shell_payloads_scan(struct shell_payloads *p); /* tells of each file that lies there */
void shell_payloads_do(struct shell_payloads *p, const struct agent_payload_work *work);

/* An upload: parts from offset 0 on, then the end, whose news say what hash the whole has. */
void shell_payloads_upload(struct shell_payloads *p, uint64_t number, uint64_t offset,
                           struct muster_bytes bytes);
void shell_payloads_upload_end(struct shell_payloads *p, uint64_t number);
void shell_payloads_upload_drop(struct shell_payloads *p, uint64_t number);

/* When no work is under way any more: the loop has run to its end. */
void shell_payloads_close(struct shell_payloads *p);

#endif
