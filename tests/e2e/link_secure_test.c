/* SPDX-License-Identifier: Apache-2.0 */
/* Secured links: who is let in, with which proof, and what the others hear of whom is not. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/net_stage.h"

#define CERTS "tests/e2e/certs/"
#define TODAY 1767225600000ull /* 2026-01-01 */

static const uint8_t one[16] = "the first key...", two[32] = "the second key, which is longer.",
                     three[16] = "a key of theirs.";

static void key_add(struct end *end, const uint8_t *key, size_t len)
{
    assert_int_equal(gossip_keyring_install(&end->ring, MUSTER_BYTES(key, len)), MUSTER_OK);
}

static void secure(struct end *end, enum shell_tls_proof dials, uint32_t takes, bool takes_plain)
{
    const struct shell_tls_config config = { .ring = end->ring.count > 0 ? &end->ring : NULL,
                                             .cert = end->cert.cert != NULL ? &end->cert : NULL,
                                             .dials = dials,
                                             .takes = takes,
                                             .takes_plain = takes_plain };
    shell_tls_close(&end->tls);
    assert_int_equal(shell_tls_open(&end->tls, &config), MUSTER_OK);
}

static void cert_take(struct end *end, const char *ca, const char *cert, const char *key)
{
    const struct shell_cert_paths paths = {
        .setting = "tls", .ca = ca, .cert = cert, .key = key, .is_mutual = false
    };
    char why[512];
    assert_int_equal(shell_cert_open(&end->cert, &paths, TODAY, NULL, why, sizeof why), MUSTER_OK);
}

static void says(const struct end *end, const char *word)
{
    const struct seen *s = last(end, AGENT_EVENT_LINK_UNPROVEN);
    if (s == NULL || strstr(s->text, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", s == NULL ? "nothing" : s->text, word);
}

/* Dials, and sees that it is not let in and that it is no proof of anything. */
static void is_refused(struct world *w)
{
    uint32_t closed = count(&w->a, AGENT_EVENT_LINK_CLOSED);
    shell_link_dial(&w->a.links, 100 + closed, w->b.peers, soon());
    await(w, &w->a, AGENT_EVENT_LINK_CLOSED, closed + 1);
    assert_false(last(&w->a, AGENT_EVENT_LINK_CLOSED)->refused);
    rest(w, 20);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_FRAME), 0);
}

static void is_let_in(struct world *w, uint32_t number)
{
    uint32_t frames = count(&w->b, AGENT_EVENT_LINK_FRAME);
    shell_link_dial(&w->a.links, number, w->b.peers, soon());
    await(w, &w->a, AGENT_EVENT_LINK_OPENED, number);
    shell_link_send(&w->a.links, number, MUSTER_BYTES("hello", 5));
    await(w, &w->b, AGENT_EVENT_LINK_FRAME, frames + 1);
}

/* ---- keys */

static void a_key_carries_frames_of_every_size(void **state)
{
    static const size_t sizes[] = { 1, 0, 70000, AGENT_FRAME_MAX, 16384, 2, AGENT_FRAME_MAX - 1 };
    const uint32_t n = sizeof sizes / sizeof sizes[0];
    struct world *w = *state;
    uint8_t *bytes = calloc(1, AGENT_FRAME_MAX);
    assert_non_null(bytes);
    key_add(&w->a, one, sizeof one);
    key_add(&w->b, one, sizeof one);
    secure(&w->a, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    secure(&w->b, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    w->b.echoes = true;
    is_let_in(w, 1);
    for (uint32_t i = 0; i < n; i++) {
        memset(bytes, (int)i + 1, AGENT_FRAME_MAX);
        shell_link_send(&w->a.links, 1, MUSTER_BYTES(bytes, sizes[i]));
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
    shell_link_send(&w->a.links, 1, MUSTER_BYTES("bye", 3));
    shell_link_close(&w->a.links, 1);
    await(w, &w->b, AGENT_EVENT_LINK_CLOSED, 1);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_FRAME), n + 2);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_UNPROVEN), 0);
    free(bytes);
}

static void any_key_that_both_have_will_do(void **state)
{
    struct world *w = *state;
    key_add(&w->a, three, sizeof three);
    key_add(&w->a, one, sizeof one);
    key_add(&w->a, two, sizeof two);
    key_add(&w->b, two, sizeof two);
    secure(&w->a, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    secure(&w->b, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    is_let_in(w, 1);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_UNPROVEN), 0);
}

static void without_a_common_key_both_hear_why(void **state)
{
    struct world *w = *state;
    key_add(&w->a, one, sizeof one);
    key_add(&w->a, two, sizeof two);
    key_add(&w->b, three, sizeof three);
    secure(&w->a, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    secure(&w->b, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    is_refused(w);
    says(&w->a, "has none of our keys");
    says(&w->b, "has none of our keys");
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_UNPROVEN), 1);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_OPENED), 0);
    /* It is known which key is meant, so a wrong one under that name must fail as well. */
    key_add(&w->b, one, sizeof one);
    w->b.ring.key[1].byte[3] ^= 1;
    is_refused(w);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_OPENED), 0);
}

static void a_key_that_is_gone_ends_its_links(void **state)
{
    struct world *w = *state;
    struct muster_bytes first = MUSTER_BYTES(one, sizeof one);
    key_add(&w->a, one, sizeof one);
    key_add(&w->a, two, sizeof two);
    key_add(&w->b, one, sizeof one);
    key_add(&w->b, two, sizeof two);
    secure(&w->a, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    secure(&w->b, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    is_let_in(w, 1);
    assert_int_equal(gossip_keyring_use(&w->a.ring, MUSTER_BYTES(two, sizeof two)), MUSTER_OK);
    shell_links_ring_changed(&w->a.links);
    is_let_in(w, 2);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_STALE), 0);
    assert_int_equal(gossip_keyring_remove(&w->a.ring, first), MUSTER_OK);
    shell_links_ring_changed(&w->a.links);
    shell_links_flush(&w->a.links);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_STALE), 1);
    assert_int_equal(last(&w->a, AGENT_EVENT_LINK_STALE)->number, 1);
    rest(w, 20);
    assert_int_equal(count(&w->a, AGENT_EVENT_LINK_CLOSED), 0);
    await(w, &w->a, AGENT_EVENT_LINK_CLOSED, 1);
    assert_int_equal(last(&w->a, AGENT_EVENT_LINK_CLOSED)->number, 1);
    /* The other side lets nobody in with it any more either. */
    gossip_keyring_close(&w->a.ring);
    key_add(&w->a, one, sizeof one);
    assert_int_equal(gossip_keyring_use(&w->b.ring, MUSTER_BYTES(two, sizeof two)), MUSTER_OK);
    assert_int_equal(gossip_keyring_remove(&w->b.ring, first), MUSTER_OK);
    uint32_t frames = count(&w->b, AGENT_EVENT_LINK_FRAME);
    shell_link_dial(&w->a.links, 9, w->b.peers, soon());
    await(w, &w->a, AGENT_EVENT_LINK_CLOSED, 2);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_FRAME), frames);
}

/* ---- in the clear */

static void what_is_plain_is_not_taken_and_both_hear_why(void **state)
{
    struct world *w = *state;
    key_add(&w->b, one, sizeof one);
    secure(&w->b, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    shell_link_dial(&w->a.links, 1, w->b.peers, soon());
    await(w, &w->a, AGENT_EVENT_LINK_OPENED, 1);
    shell_link_send(&w->a.links, 1, MUSTER_BYTES("hello", 5));
    await(w, &w->a, AGENT_EVENT_LINK_CLOSED, 1);
    says(&w->b, "speaks in the clear");
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_OPENED), 0);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_FRAME), 0);
    /* And the other way about. */
    shell_link_dial(&w->b.links, 1, w->a.peers, soon());
    await(w, &w->b, AGENT_EVENT_LINK_CLOSED, 1);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_OPENED), 0);
    says(&w->a, "wants links to be secured");
    says(&w->b, "as soon as they are to be secured");
    assert_true(last(&w->b, AGENT_EVENT_LINK_UNPROVEN)->ended);
}

static void a_living_cluster_can_be_given_keys(void **state)
{
    struct world *w = *state;
    key_add(&w->b, one, sizeof one);
    secure(&w->b, SHELL_TLS_NONE, SHELL_TLS_KEY, true);
    is_let_in(w, 1);
    key_add(&w->a, one, sizeof one);
    secure(&w->a, SHELL_TLS_KEY, SHELL_TLS_KEY, true);
    is_let_in(w, 2);
    secure(&w->b, SHELL_TLS_NONE, SHELL_TLS_KEY, false);
    is_let_in(w, 3);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_UNPROVEN), 0);
}

/* ---- certificates */

static void certificates_bring_their_names(void **state)
{
    struct world *w = *state;
    cert_take(&w->a, CERTS "ca.pem", CERTS "alpha.pem", CERTS "alpha.key");
    cert_take(&w->b, CERTS "ca.pem", CERTS "bravo.pem", CERTS "bravo.key");
    secure(&w->a, SHELL_TLS_CERT, SHELL_TLS_CERT, false);
    secure(&w->b, SHELL_TLS_CERT, SHELL_TLS_CERT, false);
    w->b.echoes = true;
    is_let_in(w, 1);
    await(w, &w->a, AGENT_EVENT_LINK_FRAME, 1);
    assert_memory_equal(last(&w->b, AGENT_EVENT_LINK_FRAME)->text, "alpha\0alpha.example", 20);
    assert_string_equal(last(&w->a, AGENT_EVENT_LINK_FRAME)->text, "bravo");
    /* Those there keep theirs, new ones get the new one. */
    struct shell_cert fresh = { 0 };
    const struct shell_cert_paths paths = { "tls", CERTS "ca.pem", CERTS "bravo.pem",
                                            CERTS "bravo.key", true };
    char why[512];
    assert_int_equal(shell_cert_open(&fresh, &paths, TODAY, NULL, why, sizeof why), MUSTER_OK);
    assert_int_equal(shell_tls_renew(&w->a.tls, &fresh), MUSTER_OK);
    shell_cert_close(&fresh);
    shell_link_send(&w->a.links, 1, MUSTER_BYTES("again", 5));
    await(w, &w->b, AGENT_EVENT_LINK_FRAME, 2);
    assert_memory_equal(last(&w->b, AGENT_EVENT_LINK_FRAME)->text, "alpha\0alpha.example", 20);
    is_let_in(w, 2);
    assert_string_equal(last(&w->b, AGENT_EVENT_LINK_FRAME)->text, "bravo");
}

static void certificates_of_others_are_refused(void **state)
{
    static const struct {
        const char *ca, *cert, *key, *says;
    } cases[] = {
        { CERTS "ca.pem", CERTS "server.pem", CERTS "server.key", "not taken here" },
        { CERTS "ca.pem", CERTS "past.pem", CERTS "past.key", "expired" },
        { CERTS "ca.pem", CERTS "stray.pem", CERTS "stray.key", "issuer is unknown" },
    };
    struct world *w = *state;
    cert_take(&w->b, CERTS "ca.pem", CERTS "bravo.pem", CERTS "bravo.key");
    secure(&w->b, SHELL_TLS_CERT, SHELL_TLS_CERT, false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct shell_cert_paths paths = { "tls", cases[i].ca, cases[i].cert, cases[i].key,
                                                false };
        char why[512];
        uint64_t then = i == 1 ? 1579000000000ull : TODAY;
        shell_cert_close(&w->a.cert);
        assert_int_equal(shell_cert_open(&w->a.cert, &paths, then, NULL, why, sizeof why),
                         MUSTER_OK);
        secure(&w->a, SHELL_TLS_CERT, SHELL_TLS_CERT, false);
        is_refused(w);
        says(&w->b, cases[i].says);
        says(&w->a, "does not take our certificate");
        assert_int_equal(count(&w->b, AGENT_EVENT_LINK_OPENED), 0);
    }
    /* A key is no certificate, and none at all neither. */
    shell_cert_close(&w->a.cert);
    key_add(&w->a, one, sizeof one);
    secure(&w->a, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    is_refused(w);
    says(&w->b, "takes no proof that is given here");
    /* Who dials looks as closely. */
    cert_take(&w->a, CERTS "other.pem", CERTS "alpha.pem", CERTS "alpha.key");
    secure(&w->a, SHELL_TLS_CERT, SHELL_TLS_CERT, false);
    is_refused(w);
    says(&w->a, "issuer is unknown");
    says(&w->b, "does not take our certificate");
}

static void a_living_cluster_can_be_given_certificates(void **state)
{
    struct world *w = *state;
    key_add(&w->a, one, sizeof one);
    key_add(&w->b, one, sizeof one);
    cert_take(&w->b, CERTS "ca.pem", CERTS "bravo.pem", CERTS "bravo.key");
    secure(&w->a, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    secure(&w->b, SHELL_TLS_KEY, SHELL_TLS_KEY | SHELL_TLS_CERT, false);
    is_let_in(w, 1);
    assert_string_equal(last(&w->b, AGENT_EVENT_LINK_FRAME)->text, "");
    cert_take(&w->a, CERTS "ca.pem", CERTS "alpha.pem", CERTS "alpha.key");
    secure(&w->a, SHELL_TLS_CERT, SHELL_TLS_KEY | SHELL_TLS_CERT, false);
    is_let_in(w, 2);
    assert_string_equal(last(&w->b, AGENT_EVENT_LINK_FRAME)->text, "alpha");
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_UNPROVEN), 0);
}

/* ---- noise */

/* Whatever is said to a secured port, with or without a greeting before it, disturbs nobody. */
static void noise_disturbs_nobody(void **state)
{
    struct world *w = *state;
    uint8_t bytes[600];
    uint64_t luck = 88172645463325252ull;
    key_add(&w->a, one, sizeof one);
    key_add(&w->b, one, sizeof one);
    secure(&w->a, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    secure(&w->b, SHELL_TLS_KEY, SHELL_TLS_KEY, false);
    is_let_in(w, 1);
    for (uint32_t i = 0; i < 200; i++) {
        int fd = net_raw(w->b.peers);
        for (size_t k = 0; k < sizeof bytes; k++) {
            luck ^= luck << 13;
            luck ^= luck >> 7;
            luck ^= luck << 17;
            bytes[k] = (uint8_t)luck;
        }
        if (i % 2 == 0) /* the head of a greeting, of which the rest is noise */
            memcpy(bytes, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
        bytes[5] = i % 4 == 0 ? 1 : bytes[5];
        size_t len = i % 3 == 0 ? sizeof bytes : luck % sizeof bytes + 1;
        assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
        if (i % 5 != 0) /* some stay and say nothing more */
            assert_int_equal(close(fd), 0);
        else
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        rest(w, 1);
        if (i % 5 == 0)
            assert_int_equal(close(fd), 0);
    }
    rest(w, 50);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_FRAME), 1);
    assert_int_equal(count(&w->b, AGENT_EVENT_LINK_OPENED), 1);
    assert_int_equal(w->b.links.stranger_count, 0);
    assert_int_equal(w->b.links.count, 1);
    shell_link_send(&w->a.links, 1, MUSTER_BYTES("still", 5));
    await(w, &w->b, AGENT_EVENT_LINK_FRAME, 2);
    is_let_in(w, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_carries_frames_of_every_size),
        TEST(any_key_that_both_have_will_do),
        TEST(without_a_common_key_both_hear_why),
        TEST(a_key_that_is_gone_ends_its_links),
        TEST(what_is_plain_is_not_taken_and_both_hear_why),
        TEST(a_living_cluster_can_be_given_keys),
        TEST(certificates_bring_their_names),
        TEST(certificates_of_others_are_refused),
        TEST(a_living_cluster_can_be_given_certificates),
        TEST(noise_disturbs_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
