/* SPDX-License-Identifier: Apache-2.0 */
/* Faces: each pair of name and meta once, in a block of its length, for as long as it is held. */
#include "gossip/face.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gossip/gossip.h"
#include "tests/unit/unit.h"

#define FACES 40

struct stage {
    struct muster_arena arena;
    struct gossip_faces faces;
};

static int stage_open(void **state)
{
    struct stage *s = calloc(1, sizeof *s);

    if (s == NULL || muster_arena_open(&s->arena, gossip_faces_memory(FACES)) != MUSTER_OK ||
        gossip_faces_init(&s->faces, &s->arena, FACES) != MUSTER_OK)
        return -1;
    *state = s;
    return 0;
}

static int stage_close(void **state)
{
    struct stage *s = *state;

    muster_arena_close(&s->arena);
    free(s);
    return 0;
}

static uint32_t blocks_used(const struct stage *s)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < GOSSIP_BLOCK_SIZES; i++)
        used += s->faces.blocks.pool[i].used;
    return used;
}

static void equal_faces_are_one(void **state)
{
    struct stage *s = *state;
    struct gossip_face *a =
        gossip_faces_take(&s->faces, muster_bytes_text("alpha"), muster_bytes_text("rack=a"));
    struct gossip_face *b =
        gossip_faces_take(&s->faces, muster_bytes_text("alpha"), muster_bytes_text("rack=b"));
    /* The same bytes, cut elsewhere. */
    struct gossip_face *c =
        gossip_faces_take(&s->faces, muster_bytes_text("alph"), muster_bytes_text("arack=a"));

    assert_ptr_equal(
        a, gossip_faces_take(&s->faces, muster_bytes_text("alpha"), muster_bytes_text("rack=a")));
    assert_ptr_not_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_string_equal(a->name, "alpha");
    assert_true(muster_bytes_equal(gossip_face_meta(b), muster_bytes_text("rack=b")));
    assert_int_equal(blocks_used(s), 3);
    gossip_faces_give(&s->faces, a);
    assert_int_equal(blocks_used(s), 3);
    gossip_faces_give(&s->faces, a);
    assert_int_equal(blocks_used(s), 2);
    gossip_faces_give(&s->faces, b);
    gossip_faces_give(&s->faces, c);
    assert_int_equal(blocks_used(s), 0);
}

/* All that there may be, of every length, again and again, and none of them touches another. */
static void faces_of_all_lengths(void **state)
{
    struct stage *s = *state;
    struct gossip_face *face[FACES];
    char meta[GOSSIP_META_MAX];

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < FACES; i++) {
            char name[16];
            size_t len = (i * 13 + round * 97) % (GOSSIP_META_MAX + 1);

            (void)snprintf(name, sizeof name, "n%u", i);
            memset(meta, (int)i, sizeof meta);
            face[i] =
                gossip_faces_take(&s->faces, muster_bytes_text(name), MUSTER_BYTES(meta, len));
        }
        for (unsigned i = 0; i < FACES; i++) {
            struct muster_bytes held = gossip_face_meta(face[i]);

            assert_int_equal(held.len, (i * 13 + round * 97) % (GOSSIP_META_MAX + 1));
            for (size_t k = 0; k < held.len; k++)
                assert_int_equal(held.data[k], i);
            gossip_faces_give(&s->faces, face[i]);
        }
        assert_int_equal(blocks_used(s), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_faces_are_one, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(faces_of_all_lengths, stage_open, stage_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
