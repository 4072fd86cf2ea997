/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about certificates: a CA for a cluster, and one certificate for each node. Nothing that is
 * there is ever written over. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/name.h"
#include "base/crypto.h"
#include "base/text.h"
#include "tools/cli/help.h"
#include "tools/cli/verbs.h"
#include "tools/cli/x509.h"

#define TLS_PATH      1024
#define TLS_FILE_MAX  65536
#define TLS_DAYS_MAX  36500
#define TLS_CA_DAYS   3650
#define TLS_CERT_DAYS 365

/* ---- files */

static bool path_make(struct cli *cli, char out[TLS_PATH], const char *name, const char *end)
{
    const char *folder = cli_flag_value(&cli->args, "out");
    return muster_format(out, TLS_PATH, "%s%s%s%s", folder != NULL ? folder : "",
                         folder != NULL ? "/" : "", name, end);
}

static int file_refused(struct cli *cli, const char *path)
{
    int number = errno;
    cli_say(&cli->term,
            number == EEXIST ? "%s is there already and is not written over; move it away first"
                             : "%s: %s",
            path, strerror(number));
    return number == EEXIST ? CLI_CONFLICT : number == EACCES ? CLI_DENIED : CLI_FAILED;
}

static int file_write(struct cli *cli, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return file_refused(cli, path);
    ssize_t len = (ssize_t)strlen(text);
    bool ok = write(fd, text, (size_t)len) == len && fsync(fd) == 0;
    int code = ok ? CLI_OK : file_refused(cli, path);
    (void)close(fd);
    if (!ok)
        (void)unlink(path);
    return code;
}

/* Both or neither. */
static int pair_write(struct cli *cli, const char *name, const struct cli_x509_made *made)
{
    char cert[TLS_PATH], key[TLS_PATH], ends[32] = "";
    struct tm t;
    time_t at = (time_t)made->ends_s;
    if (!path_make(cli, cert, name, ".pem") || !path_make(cli, key, name, ".key"))
        return cli_usage(cli, "--out: the path is too long");
    if (access(cert, F_OK) == 0) {
        errno = EEXIST;
        return file_refused(cli, cert);
    }
    int code = file_write(cli, key, made->key);
    if (code == CLI_OK && (code = file_write(cli, cert, made->cert)) != CLI_OK)
        (void)unlink(key);
    if (code != CLI_OK)
        return code;
    if (gmtime_r(&at, &t) != NULL)
        (void)strftime(ends, sizeof ends, "%Y-%m-%d", &t);
    (void)printf("%s and %s, good until %s\n", cert, key, ends);
    return CLI_OK;
}

static char *file_read(struct cli *cli, const char *path)
{
    char *text = calloc(1, TLS_FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    MUSTER_ASSERT(text != NULL);
    ssize_t n = fd < 0 ? -1 : read(fd, text, TLS_FILE_MAX - 1);
    if (n < 0) {
        cli_say(&cli->term,
                "%s: %s; `muster tls ca create` makes a CA, --ca-cert and --ca-key name it", path,
                strerror(errno));
        free(text);
        text = NULL;
    }
    if (fd >= 0)
        (void)close(fd);
    return text;
}

static int days_of(struct cli *cli, long long absent, uint32_t *days)
{
    long long n = absent;
    if (cli_flag_number(&cli->args, "days", 1, TLS_DAYS_MAX, absent, &n) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    *days = (uint32_t)n;
    return CLI_OK;
}

/* ---- the verbs */

int cli_verb_tls_ca_create(struct cli *cli)
{
    struct cli_x509_made made;
    char why[256] = "";
    uint32_t days = 0;
    int code = days_of(cli, TLS_CA_DAYS, &days);
    if (code != CLI_OK)
        return code;
    if (cli_x509_ca(&made, (uint64_t)time(NULL), days, why, sizeof why) != MUSTER_OK) {
        cli_say(&cli->term, "%s", why);
        return CLI_FAILED;
    }
    code = pair_write(cli, "ca", &made);
    cli_x509_close(&made);
    return code;
}

static int addresses_read(struct cli *cli, struct cli_x509_node *node)
{
    const char *at = cli_flag_value(&cli->args, "address");
    while (at != NULL && *at != '\0') {
        char text[64] = "";
        size_t len = strcspn(at, ",");
        if (node->address_count == CLI_X509_ADDRESSES || len >= sizeof text)
            return cli_usage(cli, "--address: at most %d addresses, with commas",
                             CLI_X509_ADDRESSES);
        memcpy(text, at, len);
        if (muster_addr_parse(&node->address[node->address_count++], text, 1) != MUSTER_OK)
            return cli_usage(cli, "--address %s: not an address; say 10.0.0.1,fd00::1", text);
        at += len + (at[len] == ',');
    }
    return CLI_OK;
}

static int cert_create(struct cli *cli, const struct cli_x509_node *node, uint32_t days)
{
    char own_ca[TLS_PATH], own_key[TLS_PATH], why[256] = "";
    const char *ca_path = cli_flag_value(&cli->args, "ca-cert");
    const char *key_path = cli_flag_value(&cli->args, "ca-key");
    struct cli_x509_made made;
    if (!path_make(cli, own_ca, "ca", ".pem") || !path_make(cli, own_key, "ca", ".key"))
        return cli_usage(cli, "--out: the path is too long");
    char *ca = file_read(cli, ca_path != NULL ? ca_path : own_ca);
    char *key = ca != NULL ? file_read(cli, key_path != NULL ? key_path : own_key) : NULL;
    int code = key != NULL ? CLI_OK : CLI_FAILED;
    if (code == CLI_OK && cli_x509_cert(&made, node, ca, key, (uint64_t)time(NULL), days, why,
                                        sizeof why) != MUSTER_OK) {
        cli_say(&cli->term, "%s", why);
        code = CLI_FAILED;
    } else if (code == CLI_OK) {
        code = pair_write(cli, node->name, &made);
        cli_x509_close(&made);
    }
    if (key != NULL)
        muster_wipe(key, TLS_FILE_MAX);
    free(ca);
    free(key);
    return code;
}

int cli_verb_tls_cert_create(struct cli *cli)
{
    struct cli_x509_node node = { .name = cli->args.word[0] };
    const char *fault = agent_name_node_fault(muster_bytes_text(node.name));
    uint32_t days = 0;
    if (fault == NULL && strcmp(node.name, "ca") == 0)
        fault = "its files would be those of the CA; say --out, and --ca-cert and --ca-key";
    if (fault != NULL)
        return cli_usage(cli, "%s: %s", node.name, fault);
    int code = days_of(cli, TLS_CERT_DAYS, &days);
    if (code == CLI_OK)
        code = addresses_read(cli, &node);
    return code == CLI_OK ? cert_create(cli, &node, days) : code;
}
