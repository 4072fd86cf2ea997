/* SPDX-License-Identifier: Apache-2.0 */
/* The field `payload`: the name of bytes, however it was written. */
#include "agent/job_field.h"
#include "agent/payload_id.h"

static int payload_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                        const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    struct agent_payload_id id;
    char canonical[AGENT_PAYLOAD_TEXT];
    const char *text = agent_schema_scalar(r, field->name, node, "the name of a payload");
    if (text == NULL)
        return r->problem->err;
    if (!agent_payload_id_parse(&id, muster_bytes_text(text)))
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.80s\" is not the name of a payload: sha256: and 64 digits "
                                 "0-9 a-f, as `muster payload put FILE` prints it",
                                 text);
    job->payload = agent_schema_copy(r, field->name, agent_payload_id_text(id, canonical));
    return job->payload == NULL ? r->problem->err : MUSTER_OK;
}

static void payload_write(const struct agent_schema_field *field, const void *object,
                          struct agent_json *j)
{
    (void)field;
    agent_json_text(j, ((const struct agent_job *)object)->payload);
}

static bool payload_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    return ((const struct agent_job *)a)->payload == ((const struct agent_job *)b)->payload;
}

const struct agent_schema_custom job_payload_field = { payload_read, payload_write,
                                                       payload_is_same };
