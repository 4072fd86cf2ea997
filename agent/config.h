/* Config: the settings of an agent, from files, environment and flags, and what makes them wrong.
 *
 * Flags go over environment, environment over files, a later file over an earlier one; each key is
 * taken whole from the last that names it. Reading files is the caller's: this takes texts, so that
 * it can be tested, and used to check a file without being an agent. Strict like a job's
 * specification: an unknown key, a wrong value and two settings that cannot both hold are refused
 * in one sentence with its place.
 *
 * A key is a flag with dashes (`data_dir`, --data-dir), a variable in large letters
 * (MUSTER_DATA_DIR); inside a map the map's name goes before it (log: {level: …}, --log-level,
 * MUSTER_LOG_LEVEL). Lists are written with commas, tags as `rack=a,gpu=2`.
 *
 * units    bytes, plain counts
 * memory   a struct agent_config owns one heap block; its pointers live until agent_config_close.
 *          After an error nothing is owned
 * errors   MUSTER_EINVAL and friends, told in the problem; MUSTER_EUNSUPPORTED for what comes later
 * threads  any, one user each
 */
#ifndef MUSTER_AGENT_CONFIG_H
#define MUSTER_AGENT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/effect.h"
#include "agent/pair.h"
#include "agent/problem.h"
#include "agent/profile.h"
#include "base/addr.h"
#include "base/arena.h"
#include "base/bytes.h"

#define AGENT_CONFIG_FILES_MAX 64
#define AGENT_CONFIG_FLAGS_MAX 128
#define AGENT_CONFIG_JOIN_MAX  32
#define AGENT_CONFIG_NAME_MAX  119 /* gossip adds a dot and eight digits */
#define AGENT_CONFIG_FILE      "/etc/muster/muster.yaml"
#define AGENT_CONFIG_FOLDER    "/etc/muster/conf.d"

enum agent_config_format { AGENT_LOG_TEXT, AGENT_LOG_JSON };

/* Files of certificates. */
struct agent_config_cert {
    const char *cert, *key, *client_ca; /* NULL: none */
};

struct agent_config {
    struct muster_arena memory;
    const char *name;
    const char *data_dir; /* NULL with --dev: a temporary one is to be made */
    struct muster_addr bind;
    struct muster_addr advertise; /* unspecified when `bind` is: the shell chooses an address */
    uint32_t peer_port;
    struct muster_addr http;           /* len 0: off */
    struct agent_config_cert http_tls; /* of `http`; cert NULL: none */
    const char *tokens;                /* file of who may come in over `http`; NULL: none */
    const char *socket;                /* NULL: off */
    const char *const *join;           /* "host", "host:port", "[address]:port" */
    uint32_t join_count;
    uint32_t slots;
    uint32_t weight;
    const struct agent_pair *tags; /* sorted by key */
    uint32_t tags_count;
    const char *tags_text; /* "k=v,k=v", sorted by key */
    uint32_t replicas;
    int32_t profile;          /* enum agent_config_profile; of a cluster that is founded here */
    int32_t partition;        /* 1: majority (R45); likewise */
    uint8_t delegate[3];      /* DMin, DMax, DCur */
    const char *encrypt_key;  /* in base64; NULL: none */
    const char *encrypt_file; /* a keyring; NULL: none */
    bool encrypt_verify_incoming, encrypt_verify_outgoing;
    const char *tls_ca, *tls_cert, *tls_key; /* of the links between agents; all or none */
    bool tls_verify_incoming, tls_verify_outgoing;
    const char *label; /* of the gossip pool; NULL: none */
    bool label_verify_incoming;
    int32_t log_level;  /* enum agent_log_level */
    int32_t log_format; /* enum agent_config_format */
    uint32_t max_members, max_jobs, max_runs, max_connections;
    uint32_t max_strikes; /* node deaths soon after a start that end a job; 0: none do */
    uint64_t max_log;     /* bytes of a run's output before it is rotated */
    uint64_t max_payload; /* bytes of a payload that is put through this node */
    bool is_dev;
    bool found; /* found a cluster if there is none: --found, or an empty `join` */
};

/* What the first look at the flags tells: which files to read, and what needs no agent at all. */
struct agent_config_options {
    const char *file; /* --config, or NULL */
    bool is_dev, found, help, version, check;
};

struct agent_config_file {
    const char *name; /* for problems */
    struct muster_bytes text;
};

struct agent_config_input {
    const struct agent_config_file *file;
    uint32_t file_count;
    const char *const
        *env; /* "KEY=VALUE", NULL-terminated; what is no key of ours is passed over */
    const char *const *arg; /* without the program's name */
    uint32_t arg_count;
    const char *host_name; /* the default of `name`, made to fit */
    uint32_t cpus;         /* the default of `slots` */
};

/* Checks that every argument is a flag we know, with a value where it needs one. */
MUSTER_MUST_USE int agent_config_options(struct agent_config_options *o, const char *const *arg,
                                         uint32_t arg_count, struct agent_problem *problem);

/* Reads and checks all of it. On error `where` is the name of the file, or NULL when the problem's
 * field says it (a flag, a variable, or settings from several places). */
MUSTER_MUST_USE int agent_config_read(struct agent_config *c, const struct agent_config_input *in,
                                      struct agent_problem *problem, const char **where);

void agent_config_close(struct agent_config *c);

#endif
