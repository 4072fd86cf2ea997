/* Path: the address of a thing in the API, with names as they stand and a query behind them.
 *
 * memory   held by value
 * errors   too long: `is_cut`, and the client refuses it
 * threads  any
 */
#ifndef MUSTER_CLI_PATH_H
#define MUSTER_CLI_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_PATH_MAX 4096

struct cli_path {
    char text[CLI_PATH_MAX];
    size_t len;
    bool is_cut;
};

void cli_path_open(struct cli_path *path, const char *plain);
void cli_path_plain(struct cli_path *path, const char *plain);

/* Names keep their slashes; what a URL would misread is escaped. */
void cli_path_name(struct cli_path *path, const char *name);

/* "?key=value", then "&key=value"; nothing for a value of NULL. */
void cli_path_query(struct cli_path *path, const char *key, const char *value);
void cli_path_query_number(struct cli_path *path, const char *key, long long value);

#endif
