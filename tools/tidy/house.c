/* SPDX-License-Identifier: Apache-2.0 */
/* The house rules as tables: rooms and stairs, doors, calls, exceptions. */
#include "tools/tidy/house.h"

#include <string.h>

#include "tools/tidy/scan.h"

#define PURE_ROOMS "base gossip ring store plain agent"

/* What the agent and its guards both write and read; muster-guard links these and the C library. */
#define PLAIN                                                                                      \
    "agent/fields.c agent/fields.h agent/launch.c agent/launch.h agent/logline.c agent/logline.h"

/* Stairs only go down; rooms of the second floor never name one another. */
static const struct tidy_room rooms[] = {
    { "disk", "store/disk_lmdb.c", false, "base store" },
    { "shell", "agent/shell/", false, PURE_ROOMS " shell guard" },
    { "guard", "agent/guard/", false, "guard plain" },
    { "base", "base/", true, "base" },
    { "gossip", "gossip/", true, "base gossip" },
    { "ring", "ring/", true, "base ring" },
    { "store", "store/", true, "base store" },
    { "plain", PLAIN, true, "plain base" },
    { "agent", "agent/", true, PURE_ROOMS },
    { "cli", "tools/cli/", false, "base plain agent cli" },
    { "tool", "tools/bench/tool/", false, "tool" },
    { "bench", "tools/bench/", false, PURE_ROOMS " shell guard bench" },
    { "tidy", "tools/tidy/", false, "tidy" },
    { "unit", "tests/unit/", false, "unit" }, /* and what the room may that its name begins with */
    { "sim", "tests/sim/", false, PURE_ROOMS " sim" },
    { "crowd", "tests/crowd/", false, "base gossip crowd" },
    { "fuzz", "tests/fuzz/", false, PURE_ROOMS " fuzz" },
    { "kit", "tests/e2e/kit/", false, "base sim kit" },
    { "e2e", "tests/e2e/", false, PURE_ROOMS " shell guard e2e unit" },
};

const struct tidy_door tidy_doors[] = {
    { "msgpack", "base/wire.c" },
    { "xxhash.h", "base/hash.c" },
    { "lmdb.h", "store/disk_lmdb.c" },
    { "uv.h", "agent/shell/ tests/e2e/ tools/bench/" },
    { "uv/", "agent/shell/" },
    { "microhttpd.h", "agent/shell/http_door.h" },
    { "gnutls/", "base/crypto.c agent/shell/cert.c agent/shell/http_tls.c agent/shell/tls.c "
                 "tools/cli/x509.c" },
    { "jansson.h", "agent/json.c tools/cli/reply.c tests/" },
    { "yaml.h", "agent/yaml.c" },
    { "glib", "agent/shell/zone.c" },
    { "curl/", "tools/cli/client.c" },
    { "libsmartcols", "tools/cli/table.c" },
    { "ncurses", "tools/cli/top.c" },
    { "cmocka.h", "tests/" },
    { NULL, NULL },
};

/* What a pure room may take from the C library: types, bytes and arithmetic. */
const char *const tidy_pure_headers[] = {
    "ctype.h",   "errno.h",  "inttypes.h", "limits.h", "signal.h", "stdalign.h", "stdarg.h",
    "stdbool.h", "stddef.h", "stdint.h",   "stdio.h",  "stdlib.h", "string.h",   NULL,
};

const struct tidy_call tidy_calls[] = {
    { "strcpy", TIDY_EVERYWHERE, "has no bound" },
    { "strcat", TIDY_EVERYWHERE, "has no bound" },
    { "sprintf", TIDY_EVERYWHERE, "has no bound" },
    { "vsprintf", TIDY_EVERYWHERE, "has no bound" },
    { "gets", TIDY_EVERYWHERE, "has no bound" },
    { "strtok", TIDY_EVERYWHERE, "keeps a hidden static" },
    { "alloca", TIDY_EVERYWHERE, "takes stack without a bound" },
    { "system", TIDY_EVERYWHERE, "hands a line to a shell" },
    { "popen", TIDY_EVERYWHERE, "hands a line to a shell" },
    { "tmpnam", TIDY_EVERYWHERE, "names a file that another may make first" },
    { "mktemp", TIDY_EVERYWHERE, "names a file that another may make first" },
    { "atoi", TIDY_EVERYWHERE, "takes any text for a number" },
    { "atol", TIDY_EVERYWHERE, "takes any text for a number" },
    { "uv_spawn", TIDY_EVERYWHERE, "forks the whole agent on the loop; posix_spawn it" },
    { "mdb_env_set_flags", TIDY_EVERYWHERE, "could drop the durability of a commit" },

    { "time", TIDY_IN_PURE, "reads a clock; time comes in as an argument" },
    { "clock", TIDY_IN_PURE, "reads a clock; time comes in as an argument" },
    { "clock_gettime", TIDY_IN_PURE, "reads a clock; time comes in as an argument" },
    { "gettimeofday", TIDY_IN_PURE, "reads a clock; time comes in as an argument" },
    { "localtime", TIDY_IN_PURE, "depends on the host" },
    { "localtime_r", TIDY_IN_PURE, "depends on the host" },
    { "strftime", TIDY_IN_PURE, "depends on the host" },
    { "rand", TIDY_IN_PURE, "is luck of its own; draw from base/rng" },
    { "random", TIDY_IN_PURE, "is luck of its own; draw from base/rng" },
    { "srand", TIDY_IN_PURE, "is luck of its own; draw from base/rng" },
    { "rand_r", TIDY_IN_PURE, "is luck of its own; draw from base/rng" },
    { "drand48", TIDY_IN_PURE, "is luck of its own; draw from base/rng" },
    { "getrandom", TIDY_IN_PURE, "is luck of its own; draw from base/rng" },
    { "malloc", TIDY_IN_PURE, "asks for memory outside an arena" },
    { "calloc", TIDY_IN_PURE, "asks for memory outside an arena" },
    { "realloc", TIDY_IN_PURE, "asks for memory outside an arena" },
    { "free", TIDY_IN_PURE, "gives back memory outside an arena" },
    { "strdup", TIDY_IN_PURE, "asks for memory outside an arena" },
    { "strndup", TIDY_IN_PURE, "asks for memory outside an arena" },
    { "asprintf", TIDY_IN_PURE, "asks for memory outside an arena" },
    { "printf", TIDY_IN_PURE, "writes to the world; what a core has to say is an effect" },
    { "fprintf", TIDY_IN_PURE, "writes to the world; what a core has to say is an effect" },
    { "vfprintf", TIDY_IN_PURE, "writes to the world; what a core has to say is an effect" },
    { "vprintf", TIDY_IN_PURE, "writes to the world; what a core has to say is an effect" },
    { "puts", TIDY_IN_PURE, "writes to the world; what a core has to say is an effect" },
    { "fputs", TIDY_IN_PURE, "writes to the world; what a core has to say is an effect" },
    { "putchar", TIDY_IN_PURE, "writes to the world; what a core has to say is an effect" },
    { "fwrite", TIDY_IN_PURE, "writes to the world; what a core has to say is an effect" },
    { "open", TIDY_IN_PURE, "touches the disk" },
    { "fopen", TIDY_IN_PURE, "touches the disk" },
    { "read", TIDY_IN_PURE, "touches the world" },
    { "write", TIDY_IN_PURE, "touches the world" },
    { "unlink", TIDY_IN_PURE, "touches the disk" },
    { "rename", TIDY_IN_PURE, "touches the disk" },
    { "socket", TIDY_IN_PURE, "touches the network" },
    { "connect", TIDY_IN_PURE, "touches the network" },
    { "send", TIDY_IN_PURE, "touches the network" },
    { "sendto", TIDY_IN_PURE, "touches the network" },
    { "recv", TIDY_IN_PURE, "touches the network" },
    { "getaddrinfo", TIDY_IN_PURE, "touches the network" },
    { "getenv", TIDY_IN_PURE, "depends on the host; settings come in as a value" },
    { "setlocale", TIDY_IN_PURE, "changes the whole process" },
    { "strerror", TIDY_IN_PURE, "depends on the host; use muster_err_text" },
    { "fork", TIDY_IN_PURE, "touches the world" },
    { "kill", TIDY_IN_PURE, "touches the world" },
    { "getpid", TIDY_IN_PURE, "depends on the host" },
    { "pthread_create", TIDY_IN_PURE, "starts a thread; one loop owns everything" },
    { "exit", TIDY_IN_PURE, "ends the process; refuse, or assert" },

    { "sleep", TIDY_IN_TIMELESS, "waits; time comes from the test" },
    { "usleep", TIDY_IN_TIMELESS, "waits; time comes from the test" },
    { "nanosleep", TIDY_IN_TIMELESS, "waits; time comes from the test" },
    { "clock_nanosleep", TIDY_IN_TIMELESS, "waits; time comes from the test" },
    { "uv_sleep", TIDY_IN_TIMELESS, "waits; time comes from the test" },
    { "clock_gettime", TIDY_IN_TIMELESS, "reads a clock; time comes from the test" },
    { "gettimeofday", TIDY_IN_TIMELESS, "reads a clock; time comes from the test" },
    { "time", TIDY_IN_TIMELESS, "reads a clock; time comes from the test" },
    { "rand", TIDY_IN_TIMELESS, "cannot be repeated; draw from base/rng with a fixed seed" },
    { "random", TIDY_IN_TIMELESS, "cannot be repeated; draw from base/rng with a fixed seed" },
    { NULL, TIDY_EVERYWHERE, NULL },
};

const struct tidy_room *tidy_room_of(const char *path)
{
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        if (tidy_path_in(path, rooms[i].where)) {
            return &rooms[i];
        }
    }
    return NULL;
}

const struct tidy_room *tidy_room_named(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        if (strlen(rooms[i].name) == len && memcmp(rooms[i].name, name, len) == 0) {
            return &rooms[i];
        }
    }
    return NULL;
}
