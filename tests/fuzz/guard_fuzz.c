/* SPDX-License-Identifier: Apache-2.0 */
/* What lies on disk or comes over a guard's socket: places, launches, news, records of output. The
 * first byte of an input chooses the door. What is taken must come out the same once more. */
#include <stdlib.h>
#include <string.h>

#include "agent/fields.h"
#include "agent/launch.h"
#include "agent/logline.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (2 * AGENT_LAUNCH_WIRE_MAX)

static void launch_twice(char *data, size_t size, char *out)
{
    struct agent_launch launch;
    struct agent_launch_terms terms;
    struct agent_launch_lists *lists = malloc(sizeof(*lists));
    struct agent_fields f;
    MUSTER_ASSERT(lists != NULL);
    if (agent_launch_decode(&launch, &terms, lists, data, size)) {
        agent_fields_init(&f, out, OUT_MAX, AGENT_FIELDS_MESSAGE);
        agent_launch_encode(&f, &launch, &terms);
        size_t len = f.len;
        MUSTER_ASSERT(!f.is_full);
        MUSTER_ASSERT(agent_launch_decode(&launch, &terms, lists, out, len));
    }
    free(lists);
}

static void place_twice(char *data, size_t size, char *out)
{
    struct agent_launch_place place;
    struct agent_fields f;
    if (!agent_launch_place_decode(&place, data, size))
        return;
    agent_fields_init(&f, out, OUT_MAX, AGENT_FIELDS_MESSAGE);
    agent_launch_place_encode(&f, &place);
    MUSTER_ASSERT(!f.is_full);
    MUSTER_ASSERT(agent_launch_place_decode(&place, out, f.len));
}

static void news_twice(char *data, size_t size, char *out, char end)
{
    struct agent_guard_event event, again;
    struct agent_fields f;
    if (!agent_guard_event_decode(&event, data, size, end))
        return;
    agent_fields_init(&f, out, OUT_MAX, end);
    agent_guard_event_encode(&f, &event);
    MUSTER_ASSERT(!f.is_full);
    MUSTER_ASSERT(agent_guard_event_decode(&again, out, f.len, end));
    MUSTER_ASSERT(again.news == event.news);
    MUSTER_ASSERT(again.token == event.token);
    MUSTER_ASSERT(again.code == event.code);
    MUSTER_ASSERT(again.ready == event.ready);
}

static void record_twice(const char *line, size_t size, char *out)
{
    struct agent_logline record, again;
    if (!agent_logline_parse(&record, line, size))
        return;
    size_t len =
        agent_logline_head(out, record.wall_ms, record.stream, record.attempt, record.is_partial);
    MUSTER_ASSERT(len <= AGENT_LOGLINE_HEAD_MAX);
    memcpy(out + len, record.text, record.len);
    MUSTER_ASSERT(agent_logline_parse(&again, out, len + record.len));
    MUSTER_ASSERT(again.wall_ms == record.wall_ms);
    MUSTER_ASSERT(again.len == record.len);
}

static void head_twice(const char *line, size_t size, char *out)
{
    uint64_t base, again;
    if (!agent_loghead_parse(&base, line, size))
        return;
    size_t len = agent_loghead_write(out, base, 1, 1, 1, "run");
    MUSTER_ASSERT(agent_loghead_parse(&again, out, len - 1));
    MUSTER_ASSERT(again == base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > AGENT_LAUNCH_WIRE_MAX)
        return 0;
    char *in = malloc(size), *out = malloc(OUT_MAX); /* decoders cut up what they are given */
    MUSTER_ASSERT(in != NULL);
    MUSTER_ASSERT(out != NULL);
    memcpy(in, data + 1, size - 1);
    switch (data[0]) {
    case 'l':
        launch_twice(in, size - 1, out);
        break;
    case 'p':
        place_twice(in, size - 1, out);
        break;
    case 'n':
        news_twice(in, size - 1, out, AGENT_FIELDS_MESSAGE);
        break;
    case 'd':
        news_twice(in, size - 1, out, AGENT_FIELDS_RECORD);
        break;
    case 'r':
        record_twice(in, size - 1, out);
        break;
    case 'h':
        head_twice(in, size - 1, out);
        break;
    default:
        break;
    }
    free(in);
    free(out);
    return 0;
}
