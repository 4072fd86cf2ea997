/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the paths of API requests, escaping what a URL would misread. */
#include "tools/cli/path.h"

#include <string.h>

#include "base/text.h"

void cli_path_plain(struct cli_path *path, const char *plain)
{
    size_t len = strlen(plain);
    if (len >= sizeof path->text - path->len) {
        path->is_cut = true;
        return;
    }
    memcpy(path->text + path->len, plain, len + 1);
    path->len += len;
}

void cli_path_open(struct cli_path *path, const char *plain)
{
    path->len = 0;
    path->is_cut = false;
    path->text[0] = '\0';
    cli_path_plain(path, plain);
}

void cli_path_name(struct cli_path *path, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~/@:";
    for (; *name != '\0'; name++) {
        char piece[4] = { *name, '\0', '\0', '\0' };
        if (strchr(plain, *name) == NULL)
            muster_format(piece, sizeof piece, "%%%02X", (unsigned)(unsigned char)*name);
        cli_path_plain(path, piece);
    }
}

void cli_path_query(struct cli_path *path, const char *key, const char *value)
{
    if (value == NULL)
        return;
    cli_path_plain(path, strchr(path->text, '?') == NULL ? "?" : "&");
    cli_path_plain(path, key);
    cli_path_plain(path, "=");
    cli_path_name(path, value);
}

void cli_path_query_number(struct cli_path *path, const char *key, long long value)
{
    char text[24];
    muster_format(text, sizeof text, "%lld", value);
    cli_path_query(path, key, text);
}
