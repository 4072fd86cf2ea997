/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's sockets on loopback: links, streams, checks and datagrams, and how each of them ends.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/net_stage.h"

/* ---- links */

static void link_carries_frames_of_every_size_in_order(void **state)
{
    static const size_t sizes[] = { 1, 0, 3, 1000, 70000, AGENT_FRAME_MAX, 2, AGENT_FRAME_MAX - 1 };
    const uint32_t n = sizeof sizes / sizeof sizes[0];
    struct world *w = *state;
    uint8_t *bytes = malloc(AGENT_FRAME_MAX);
    assert_non_null(bytes);
    w->b.echoes = true;
    shell_link_dial(&w->a.links, 7, w->b.peers, soon());
    await(w, &w->a, AGENT_EVENT_LINK_OPENED, 1);
    shell_link_send(&w->a.links, 7, MUSTER_BYTES("x", 1)); /* a stranger's first is a short one */
    for (uint32_t i = 0; i < n; i++) {
        memset(bytes, (int)i + 1, AGENT_FRAME_MAX);
        shell_link_send(&w->a.links, 7, MUSTER_BYTES(bytes, sizes[i]));
    }
    await(w, &w->a, AGENT_EVENT_LINK_FRAME, n + 1);
    uint32_t at = 0;
    for (uint32_t i = 0; i < w->a.count; i++) {
        const struct seen *s = &w->a.seen[i];
        if (s->kind != AGENT_EVENT_LINK_FRAME || at++ == 0)
            continue;
        assert_int_equal(s->len, sizes[at - 2]);
        assert_int_equal(s->first, sizes[at - 2] > 0 ? at - 1 : 0);
    }
    free(bytes);
}

static void link_says_its_last_words_before_it_closes(void **state)
{
    struct world *w = *state;
    uint8_t bytes[60000] = { 9 };
    shell_link_dial(&w->a.links, 1, w->b.peers, soon());
    await(w, &w->b, AGENT_EVENT_LINK_OPENED, 1);
    /* Unread bytes of the other side would make a plain close a reset, which loses ours. */
    shell_link_send(&w->b.links, w->b.inbound, MUSTER_BYTES(bytes, sizeof bytes));
    for (uint32_t i = 0; i < 100; i++)
        shell_link_send(&w->a.links, 1, MUSTER_BYTES(bytes, sizeof bytes));
    shell_link_close(&w->a.links, 1);
    shell_link_send(&w->a.links, 1, MUSTER_BYTES("late", 4));
    await(w, &w->a, AGENT_EVENT_LINK_CLOSED, 1);
    await(w, &w->b, AGENT_EVENT_LINK_CLOSED, 1);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_FRAME), 100);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_FRAME), 0);
    rest(w, 20);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_CLOSED), 1);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_CLOSED), 1);
}

static void link_that_nobody_accepts_is_refused_and_one_unanswered_is_not(void **state)
{
    struct world *w = *state;
    struct muster_addr nobody = w->b.peers;
    shell_links_close(&w->b.links);
    rest(w, 5);
    shell_link_dial(&w->a.links, 3, nobody, soon());
    await(w, &w->a, AGENT_EVENT_LINK_CLOSED, 1);
    assert_true(last(&w->a, AGENT_EVENT_LINK_CLOSED)->refused);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_OPENED), 0);
    /* A deadline that is over ends it before anybody can answer. */
    shell_link_dial(&w->a.links, 4, w->a.peers, 0);
    shell_link_close(&w->a.links, 4);
    await(w, &w->a, AGENT_EVENT_LINK_CLOSED, 2);
    assert_false(last(&w->a, AGENT_EVENT_LINK_CLOSED)->refused);
}

static void link_with_a_frame_too_long_is_closed(void **state)
{
    static const uint8_t heads[][4] = { { 0xff, 0xff, 0xff, 0xff }, { 0, 1, 0, 1 } };
    struct world *w = *state;
    for (uint32_t i = 0; i < 2; i++) {
        int fd = net_raw(w->b.peers);
        uint8_t byte;
        assert_int_equal(write(fd, heads[i], 4), 4);
        await(w, &w->b, AGENT_EVENT_LINK_CLOSED, i + 1);
        assert_int_equal(read(fd, &byte, 1), 0);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(w->b.net.counters.frames_too_long, 2);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_FRAME), 0);
}

static void link_of_a_stranger_gives_way_to_newer_ones(void **state)
{
    struct world *w = *state;
    int fd[SHELL_LINK_STRANGERS + 3];
    const uint32_t n = sizeof fd / sizeof fd[0];
    for (uint32_t i = 0; i < n; i++) {
        fd[i] = net_raw(w->b.peers);
        if (i == 0) /* the first says a frame and is no stranger any more */
            assert_int_equal(write(fd[i], "\0\0\0\1x", 5), 5);
        await(w, &w->b, AGENT_EVENT_LINK_OPENED, i + 1);
        if (i == 0)
            await(w, &w->b, AGENT_EVENT_LINK_FRAME, 1);
    }
    await(w, &w->b, AGENT_EVENT_LINK_CLOSED, 2);
    rest(w, 20);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_CLOSED), 2);
    assert_int_equal(w->b.net.counters.links_shed, 2);
    assert_int_equal(last(&w->b, AGENT_EVENT_LINK_CLOSED)->number, AGENT_LINK_INBOUND + 2);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(close(fd[i]), 0);
}

static void link_whose_far_end_does_not_read_ends_at_its_brim(void **state)
{
    struct world *w = *state;
    uint8_t *bytes = calloc(1, AGENT_FRAME_MAX);
    int fd = net_raw(w->b.peers);
    assert_non_null(bytes);
    await(w, &w->b, AGENT_EVENT_LINK_OPENED, 1);
    for (uint32_t i = 0; i < 80 && count(&w->b, AGENT_EVENT_LINK_CLOSED) == 0; i++) {
        shell_link_send(&w->b.links, w->b.inbound, MUSTER_BYTES(bytes, AGENT_FRAME_MAX));
        rest(w, 2);
    }
    await(w, &w->b, AGENT_EVENT_LINK_CLOSED, 1);
    assert_int_equal(w->b.net.counters.links_choked, 1);
    assert_int_equal(close(fd), 0);
    free(bytes);
}

/* ---- checks */

static void check_tells_a_refusal_from_an_answer(void **state)
{
    struct world *w = *state;
    struct muster_addr nobody = w->b.peers;
    shell_check(&w->a.checks, 11, w->b.peers, soon());
    await(w, &w->a, AGENT_EVENT_CHECKED, 1);
    assert_false(last(&w->a, AGENT_EVENT_CHECKED)->refused);
    assert_int_equal(last(&w->a, AGENT_EVENT_CHECKED)->number, 11);
    shell_links_close(&w->b.links);
    rest(w, 5);
    shell_check(&w->a.checks, 12, nobody, soon());
    await(w, &w->a, AGENT_EVENT_CHECKED, 2);
    assert_true(last(&w->a, AGENT_EVENT_CHECKED)->refused);
}

/* A process that dies closes its links first and its listener last. */
static void check_asks_again_when_the_answer_was_a_last_breath(void **state)
{
    struct world *w = *state;
    struct shell_ports ports;
    struct muster_addr any, dying;
    char why[256];
    assert_int_equal(muster_addr_parse(&any, "127.0.0.1:0", 0), MUSTER_OK);
    assert_int_equal(shell_ports_open(&ports, NULL, any, any, why, sizeof why), MUSTER_OK);
    dying = net_bound(ports.peers);
    shell_check(&w->a.checks, 13, dying, soon());
    rest(w, 20);
    assert_int_equal(count(&w->a, AGENT_EVENT_CHECKED), 0);
    shell_ports_close(&ports);
    await(w, &w->a, AGENT_EVENT_CHECKED, 1);
    assert_true(last(&w->a, AGENT_EVENT_CHECKED)->refused);
}

/* ---- streams */

static void stream_is_answered_and_ends_at_both_ends(void **state)
{
    struct world *w = *state;
    shell_stream_dial(&w->a.streams, 5, w->b.gossip, MUSTER_BYTES("push", 4), soon());
    while (last(&w->a, AGENT_EVENT_STREAM_DATA) == NULL ||
           !last(&w->a, AGENT_EVENT_STREAM_DATA)->ended)
        turn(w);
    assert_int_equal(last(&w->a, AGENT_EVENT_STREAM_DATA)->len, 6);
    assert_true(last(&w->b, AGENT_EVENT_STREAM_DATA)->inbound);
    while (w->a.streams.first != NULL || w->b.streams.first != NULL)
        turn(w);
    assert_int_equal(count(&w->a, AGENT_EVENT_STREAM_FAILED), 0);
    assert_int_equal(count(&w->b, AGENT_EVENT_STREAM_FAILED), 0);
}

static void stream_that_fails_is_told_once(void **state)
{
    struct world *w = *state;
    struct muster_addr nobody = w->b.gossip;
    shell_streams_close(&w->b.streams);
    rest(w, 5);
    shell_stream_dial(&w->a.streams, 6, nobody, MUSTER_BYTES("push", 4), soon());
    await(w, &w->a, AGENT_EVENT_STREAM_FAILED, 1);
    assert_true(last(&w->a, AGENT_EVENT_STREAM_FAILED)->refused);
    /* Nobody answers five bytes, so the deadline ends it. */
    shell_stream_dial(&w->a.streams, 8, w->a.gossip, MUSTER_BYTES("push!", 5),
                      shell_now().mono_ms + 30);
    await(w, &w->a, AGENT_EVENT_STREAM_FAILED, 2);
    rest(w, 20);
    assert_int_equal(count(&w->a, AGENT_EVENT_STREAM_FAILED), 2);
}

static void stream_that_says_nothing_gives_way_to_newer_ones(void **state)
{
    struct world *w = *state;
    int fd[SHELL_STREAMS_MAX + 2];
    const uint32_t n = sizeof fd / sizeof fd[0];
    for (uint32_t i = 0; i < n; i++) {
        fd[i] = net_raw(w->b.gossip);
        rest(w, 1);
    }
    await(w, &w->b, AGENT_EVENT_STREAM_FAILED, 2);
    rest(w, 20);
    assert_int_equal(w->b.net.counters.streams_shed, 2);
    shell_stream_dial(&w->a.streams, 5, w->b.gossip, MUSTER_BYTES("push", 4), soon());
    await(w, &w->a, AGENT_EVENT_STREAM_DATA, 1);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(close(fd[i]), 0);
}

/* ---- datagrams */

/* A table that comes back over a stream of our own makes gossip answer before it listens. */
static void udp_that_is_not_open_yet_sends_nothing(void **state)
{
    struct shell_udp udp = { .is_open = false };
    struct muster_addr to;

    (void)state;
    assert_int_equal(muster_addr_parse(&to, "127.0.0.1:7946", 0), MUSTER_OK);
    shell_udp_send(&udp, to, muster_bytes_text("early"));
    assert_false(udp.is_open);
}

static void udp_hands_over_a_burst_in_its_order(void **state)
{
    struct world *w = *state;
    uv_os_fd_t fd;
    assert_int_equal(uv_fileno((uv_handle_t *)&w->b.udp.handle, &fd), 0);
    struct muster_addr to = net_bound(fd);
    uint8_t bytes[1400] = { 0 };
    for (uint32_t i = 0; i < 200; i++) {
        bytes[0] = (uint8_t)i;
        shell_udp_send(&w->a.udp, to, MUSTER_BYTES(bytes, i == 100 ? 0 : 1 + i * 6));
    }
    await(w, &w->b, AGENT_EVENT_PACKET, 200);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(w->b.seen[i].len, i == 100 ? 0 : 1 + i * 6);
        assert_int_equal(w->b.seen[i].first, i == 100 ? 0 : (uint8_t)i);
    }
    assert_int_equal(w->a.net.counters.packets_failed, 0);
}

static void port_in_use_is_named_and_one_that_lingers_is_not(void **state)
{
    struct world *w = *state;
    struct shell_ports ports;
    struct muster_addr any, taken = w->a.peers;
    char why[256];
    assert_int_equal(muster_addr_parse(&any, "127.0.0.1:0", 0), MUSTER_OK);
    assert_int_equal(shell_ports_open(&ports, NULL, any, taken, why, sizeof why), MUSTER_EBUSY);
    assert_non_null(strstr(why, "in use"));
    assert_non_null(strstr(why, "peer_port"));
    /* The side that closes first keeps the port in TIME-WAIT; an heir may have it all the same. */
    int fd = net_raw(taken);
    await(w, &w->a, AGENT_EVENT_LINK_OPENED, 1);
    shell_links_close(&w->a.links);
    await(w, &w->a, AGENT_EVENT_LINK_CLOSED, 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(shell_ports_open(&ports, NULL, any, taken, why, sizeof why), MUSTER_OK);
    shell_ports_close(&ports);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(link_carries_frames_of_every_size_in_order),
        TEST(link_says_its_last_words_before_it_closes),
        TEST(link_that_nobody_accepts_is_refused_and_one_unanswered_is_not),
        TEST(link_with_a_frame_too_long_is_closed),
        TEST(link_of_a_stranger_gives_way_to_newer_ones),
        TEST(link_whose_far_end_does_not_read_ends_at_its_brim),
        TEST(check_tells_a_refusal_from_an_answer),
        TEST(check_asks_again_when_the_answer_was_a_last_breath),
        TEST(stream_is_answered_and_ends_at_both_ends),
        TEST(stream_that_fails_is_told_once),
        TEST(stream_that_says_nothing_gives_way_to_newer_ones),
        TEST(udp_that_is_not_open_yet_sends_nothing),
        TEST(udp_hands_over_a_burst_in_its_order),
        TEST(port_in_use_is_named_and_one_that_lingers_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
