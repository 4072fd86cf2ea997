/* SPDX-License-Identifier: Apache-2.0 */
/* What gossip costs: messages encoded and decoded (row 18), a ping answered, packing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gossip/codec.h"
#include "gossip/gossip.h"
#include "gossip/lzw.h"

#define BENCH_RUNS   9
#define BENCH_ROUNDS 200000u
#define BENCH_META   60
#define BENCH_PACKET 1400

struct bench {
    struct gossip_message message;
    uint8_t bytes[GOSSIP_MESSAGE_MAX];
    size_t len;
    struct gossip *g;
    uint64_t now_ms;
    struct muster_addr from;
    struct gossip_lzw_encoder *encoder;
    struct gossip_lzw_decoder *decoder;
    uint8_t plain[BENCH_PACKET];
    uint8_t packed[2 * BENCH_PACKET];
    size_t packed_len;
    uint64_t sum; /* so that no compiler leaves the work out */
};

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int figure_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Prints the median of several runs. */
static void measure(const char *name, void (*work)(struct bench *b), struct bench *b,
                    uint32_t rounds)
{
    double figure[BENCH_RUNS];

    for (int run = 0; run < BENCH_RUNS; run++) {
        uint64_t start = clock_ns();

        for (uint32_t i = 0; i < rounds; i++)
            work(b);
        figure[run] = (double)(clock_ns() - start) / rounds;
    }
    qsort(figure, BENCH_RUNS, sizeof figure[0], figure_order);
    printf("%s %.1f ns\n", name, figure[BENCH_RUNS / 2]);
}

static void encode(struct bench *b)
{
    struct muster_writer out = muster_writer_over(b->bytes, sizeof b->bytes);

    gossip_message_encode(&b->message, &out);
    b->len = muster_writer_bytes(&out).len;
    b->sum += b->bytes[b->len - 1];
}

static void decode(struct bench *b)
{
    struct muster_reader in = muster_reader_over(MUSTER_BYTES(b->bytes, b->len));
    struct gossip_message m;

    if (gossip_message_decode(&m, &in) != MUSTER_OK)
        abort();
    b->sum += m.ping.seq;
}

/* A datagram with a ping comes in and its ack goes out: all a core does for a probe. */
static void answer(struct bench *b)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_PACKET,
                                  .from = b->from,
                                  .bytes = MUSTER_BYTES(b->bytes, b->len) };
    struct gossip_effect effect;

    gossip_step(b->g, b->now_ms, &event);
    while (gossip_next(b->g, &effect))
        b->sum += effect.bytes.len;
}

static void pack(struct bench *b)
{
    if (gossip_lzw_compress(b->encoder, MUSTER_BYTES(b->plain, sizeof b->plain), b->packed,
                            sizeof b->packed, &b->packed_len) != MUSTER_OK)
        abort();
}

static void unpack(struct bench *b)
{
    uint8_t back[BENCH_PACKET];
    size_t len;

    if (gossip_lzw_expand(b->decoder, MUSTER_BYTES(b->packed, b->packed_len), back, sizeof back,
                          &len) != MUSTER_OK)
        abort();
    b->sum += back[len - 1];
}

static void ping_fill(struct bench *b, const uint8_t *addr)
{
    b->message = (struct gossip_message){ .type = GOSSIP_TYPE_PING };
    b->message.ping.seq = 123456;
    b->message.ping.node = muster_bytes_text("alpha");
    b->message.ping.source.addr = MUSTER_BYTES(addr, 4);
    b->message.ping.source.node = muster_bytes_text("bravo");
    b->message.ping.source.port = 7946;
}

static void alive_fill(struct bench *b, const uint8_t *addr, const uint8_t *meta)
{
    static const uint8_t vsn[GOSSIP_VSN_LEN] = { 1, 5, 2, 0, 0, 0 };

    b->message = (struct gossip_message){ .type = GOSSIP_TYPE_ALIVE };
    b->message.alive.incarnation = 42;
    b->message.alive.node = muster_bytes_text("bravo");
    b->message.alive.addr = MUSTER_BYTES(addr, 4);
    b->message.alive.port = 7946;
    b->message.alive.meta = MUSTER_BYTES(meta, BENCH_META);
    b->message.alive.vsn = MUSTER_BYTES(vsn, sizeof vsn);
}

/* A packet as gossip makes them: one alive after the other, each a little different. */
static void packet_fill(struct bench *b)
{
    size_t at = 0;

    for (unsigned i = 0; at < sizeof b->plain; i++) {
        size_t len = b->len < sizeof b->plain - at ? b->len : sizeof b->plain - at;

        memcpy(b->plain + at, b->bytes, len);
        b->plain[at + len / 2] = (uint8_t)i;
        at += len;
    }
}

static void core_open(struct bench *b, struct muster_arena *arena)
{
    struct gossip_config c = { .name = "alpha", .members_max = 16, .seed = 1 };
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };
    struct gossip_effect effect;

    gossip_config_lan(&c);
    if (muster_addr_parse(&c.advertise, "127.0.0.1:7946", 0) != MUSTER_OK ||
        muster_addr_parse(&b->from, "127.0.0.2:7946", 0) != MUSTER_OK ||
        muster_arena_open(arena, gossip_memory(&c)) != MUSTER_OK ||
        gossip_open(&b->g, arena, &c) != MUSTER_OK)
        abort();
    gossip_step(b->g, b->now_ms,
                &leave); /* without news of its own there is nothing behind an ack */
    while (gossip_next(b->g, &effect))
        b->sum++;
}

int main(void)
{
    static const uint8_t addr[4] = { 127, 0, 0, 2 };
    struct bench b = { .sum = 1 };
    uint8_t meta[BENCH_META];
    struct muster_arena arena;

    for (size_t i = 0; i < sizeof meta; i++)
        meta[i] = (uint8_t)("slots=10 rack=a "[i % 16]);
    b.encoder = calloc(1, sizeof *b.encoder);
    b.decoder = calloc(1, sizeof *b.decoder);
    if (b.encoder == NULL || b.decoder == NULL)
        return 1;
    ping_fill(&b, addr);
    measure("gossip_ping_encode", encode, &b, BENCH_ROUNDS);
    measure("gossip_ping_decode", decode, &b, BENCH_ROUNDS);
    core_open(&b, &arena);
    measure("gossip_ping_answer", answer, &b, BENCH_ROUNDS);
    alive_fill(&b, addr, meta);
    measure("gossip_alive_encode", encode, &b, BENCH_ROUNDS);
    measure("gossip_alive_decode", decode, &b, BENCH_ROUNDS);
    packet_fill(&b);
    measure("gossip_packet_pack", pack, &b, BENCH_ROUNDS / 20);
    measure("gossip_packet_unpack", unpack, &b, BENCH_ROUNDS / 20);
    gossip_close(b.g);
    muster_arena_close(&arena);
    free(b.encoder);
    free(b.decoder);
    return b.sum == 0 ? 1 : 0;
}
