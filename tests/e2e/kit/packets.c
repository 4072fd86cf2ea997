/* SPDX-License-Identifier: Apache-2.0 */
/* Sends datagrams as fast as it is told, in turn those that stand on its standard input, each after
 * its length in two bytes, big-endian. Prints how many it has sent.
 *
 *     packets ADDRESS PORT RATE SECONDS
 *
 * RATE is in datagrams a second, 1000 or more. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKETS_MAX   65536
#define PACKETS_BYTES (64u << 20)
#define PACKETS_BATCH 64

static uint8_t bytes[PACKETS_BYTES];
static struct iovec packet[PACKETS_MAX];

/* How many there are. */
static size_t packets_read(void)
{
    size_t len = fread(bytes, 1, sizeof bytes, stdin), at = 0, count = 0;

    while (at + 2 <= len && count < PACKETS_MAX) {
        size_t size = (size_t)bytes[at] << 8 | bytes[at + 1];

        if (at + 2 + size > len)
            break;
        packet[count++] = (struct iovec){ bytes + at + 2, size };
        at += 2 + size;
    }
    return count;
}

static uint64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The next batch; returns how many the kernel took. */
static uint64_t batch_send(int fd, size_t count, uint64_t first)
{
    struct mmsghdr message[PACKETS_BATCH];
    int sent;

    memset(message, 0, sizeof message);
    for (size_t i = 0; i < PACKETS_BATCH; i++) {
        message[i].msg_hdr.msg_iov = &packet[(first + i) % count];
        message[i].msg_hdr.msg_iovlen = 1;
    }
    sent = sendmmsg(fd, message, PACKETS_BATCH, 0);
    return sent > 0 ? (uint64_t)sent : 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    uint64_t sent = 0, rate, begin, end;
    size_t count;
    int fd;

    if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        return 2;
    to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    rate = strtoull(argv[3], NULL, 10);
    count = packets_read();
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (count == 0 || fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        return 1;
    begin = now_us();
    end = begin + strtoull(argv[4], NULL, 10) * 1000000;
    for (uint64_t now = begin; now < end; now = now_us()) {
        if (sent * 1000000 < (now - begin) * rate)
            sent += batch_send(fd, count, sent);
        else
            (void)usleep(200);
    }
    (void)printf("%llu\n", (unsigned long long)sent);
    (void)close(fd);
    return 0;
}
