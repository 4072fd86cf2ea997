/* SPDX-License-Identifier: Apache-2.0 */
/* Earlier specifications of a job: written with the change that replaces them, and read back. */
#include "agent/revision.h"

#include <stdio.h>

static struct muster_bytes key_of(char *out, struct muster_bytes job, uint32_t revision)
{
    int len = snprintf(out, STORE_KEY_MAX + 1, "%.*s!v.%u", (int)job.len, (const char *)job.data,
                       (unsigned)(revision % AGENT_REVISIONS));
    MUSTER_ASSERT(len > 0 && len <= STORE_KEY_MAX);
    return MUSTER_BYTES(out, (size_t)len);
}

void agent_revision_keep(struct agent_core *core, const struct store_row *job,
                         struct agent_revision *out, struct store_write *write)
{
    struct store_view view;
    struct agent_left_head head = { .uid = job->uid,
                                    .number = job->revision,
                                    .wall_ms = job->modified_wall_ms,
                                    .size = (uint32_t)job->spec.len };
    struct muster_bytes key = key_of(out->key, job->key, job->revision);
    bool is_known = store_get(core->store, key, &view);
    bool is_alive = is_known && view.row.phase != STORE_GONE;
    out->row = (struct store_row){ .key = key,
                                   .uid = is_alive ? view.row.uid : 0,
                                   .kind = STORE_KIND_TASK,
                                   .phase = STORE_DONE,
                                   .created_wall_ms = core->now.wall_ms,
                                   .modified_wall_ms = core->now.wall_ms,
                                   .since_wall_ms = core->now.wall_ms,
                                   .spec = agent_left_encode(out->spec, &head, job->spec),
                                   .exit_code = -1,
                                   .is_light = job->is_light };
    *write = (struct store_write){ .row = &out->row,
                                   .expected = is_known ? view.version.packed : 0,
                                   .births = !is_alive };
}

static void revision_put(struct agent_json *j, uint64_t number, uint64_t wall_ms,
                         struct muster_bytes spec)
{
    agent_json_object(j);
    agent_json_put_u64(j, "rev", number);
    agent_json_put_time(j, "modified", wall_ms);
    agent_json_key(j, "spec");
    agent_json_raw(j, spec);
    agent_json_object_end(j);
}

void agent_revision_list(struct agent_core *core, struct agent_json *j, const struct store_row *job)
{
    char key[STORE_KEY_MAX + 1];
    agent_json_object(j);
    agent_json_key(j, "items");
    agent_json_array(j);
    revision_put(j, job->revision, job->modified_wall_ms, job->spec);
    for (uint32_t back = 1; back <= AGENT_REVISIONS && back < job->revision; back++) {
        struct store_view view;
        struct agent_left_head head;
        struct muster_bytes spec;
        uint32_t number = job->revision - back;
        if (store_get(core->store, key_of(key, job->key, number), &view) &&
            view.row.phase != STORE_GONE &&
            agent_left_decode(&head, &spec, view.row.spec) == MUSTER_OK && head.uid == job->uid &&
            head.number == number)
            revision_put(j, number, head.wall_ms, spec);
    }
    agent_json_array_end(j);
    agent_json_put_null(j, "next");
    agent_json_object_end(j);
}
