/* SPDX-License-Identifier: Apache-2.0 */
/* A job as a stranger writes it: whatever is accepted has one canonical text, and reads back from
 * it as the same job; whatever is not is told in a sentence. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/job.h"
#include "agent/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int yaml_read(struct agent_job *job, struct muster_bytes text, struct agent_problem *problem)
{
    struct agent_doc doc;
    agent_doc_open(&doc);
    memset(job, 0, sizeof *job);
    agent_problem_clear(problem);
    int err = agent_yaml_read(&doc, text, 4, problem);
    if (err == MUSTER_OK && doc.first != NULL)
        err = agent_job_from_doc(job, doc.first, NULL, problem);
    else if (err == MUSTER_OK)
        err = agent_problem_set(problem, MUSTER_EINVAL, NULL, 0, 0, "empty");
    agent_doc_close(&doc);
    return err;
}

static void round_trip(const struct agent_job *job)
{
    struct agent_job again;
    struct agent_problem problem;
    struct muster_text first;
    struct muster_text second;
    muster_text_open(&first, AGENT_JOB_TEXT_MAX);
    muster_text_open(&second, AGENT_JOB_TEXT_MAX);
    agent_job_canonical(job, &first);
    MUSTER_ASSERT(first.err == MUSTER_OK);
    int err = agent_job_read(&again, muster_text_bytes(&first), job->name, &problem);
    MUSTER_ASSERT(err == MUSTER_OK);
    agent_job_canonical(&again, &second);
    MUSTER_ASSERT(muster_bytes_equal(muster_text_bytes(&first), muster_text_bytes(&second)));
    agent_job_close(&again);
    muster_text_close(&first);
    muster_text_close(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct agent_job job;
    struct agent_problem problem;
    if (size == 0)
        return 0;
    struct muster_bytes text = MUSTER_BYTES(data + 1, size - 1);
    bool is_strict = data[0] % 3 != 2;
    int err = data[0] % 3 == 0   ? yaml_read(&job, text, &problem)
              : data[0] % 3 == 1 ? agent_job_read(&job, text, NULL, &problem)
                                 : agent_job_decode(&job, text, &problem);
    MUSTER_ASSERT(err == MUSTER_OK || problem.err == err);
    MUSTER_ASSERT(err == MUSTER_OK || problem.message[0] != '\0');
    if (err == MUSTER_OK && is_strict)
        round_trip(&job);
    agent_job_close(&job);
    return 0;
}
