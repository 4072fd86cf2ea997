/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as a tired person writes them: a file, and behind a NUL each, flags. What is accepted
 * keeps the promises that the rest of the agent builds on. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct agent_config *c)
{
    MUSTER_ASSERT(c->name != NULL);
    MUSTER_ASSERT(c->slots >= 1);
    MUSTER_ASSERT(c->weight >= 1);
    MUSTER_ASSERT(c->max_runs >= c->slots);
    MUSTER_ASSERT(c->replicas >= 1);
    MUSTER_ASSERT(c->bind.port != c->peer_port);
    MUSTER_ASSERT(c->bind.len != 0);
    MUSTER_ASSERT(c->advertise.len != 0);
    MUSTER_ASSERT(c->join_count <= AGENT_CONFIG_JOIN_MAX);
    MUSTER_ASSERT(c->found || c->join_count != 0);
    MUSTER_ASSERT(strlen(c->tags_text) < 480);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    const char *arg[16];
    struct agent_config_input in = { .arg = arg, .host_name = "alpha", .cpus = 4 };
    struct agent_config c;
    struct agent_problem problem;
    const char *where = NULL;
    if (copy == NULL)
        return 0;
    if (size != 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    size_t file_len = strlen(copy);
    struct agent_config_file file = { "muster.yaml", MUSTER_BYTES(copy, file_len) };
    in.file = &file;
    in.file_count = 1;
    for (size_t at = file_len + 1; at < size && in.arg_count < 16; at += strlen(copy + at) + 1)
        arg[in.arg_count++] = copy + at;
    int err = agent_config_read(&c, &in, &problem, &where);
    MUSTER_ASSERT(err == MUSTER_OK || problem.message[0] != '\0');
    if (err == MUSTER_OK)
        check(&c);
    agent_config_close(&c);
    free(copy);
    return 0;
}
