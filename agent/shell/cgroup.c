/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for a writable cgroup v2 tree. */
#include "agent/shell/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define MOUNTS_MAX (256 * 1024) /* bytes of mountinfo that are looked at */
#define LINE_PARTS 32

/* The mount point of a line of mountinfo that is a cgroup v2 tree, or NULL: field 5, where the type
 * follows a lone "-" some fields later. */
static const char *line_tree(char *line)
{
    char *part[LINE_PARTS], *rest = line;
    size_t count = 0, dash = 0;
    while (count < LINE_PARTS && (part[count] = strsep(&rest, " ")) != NULL) {
        if (dash == 0 && count > 5 && strcmp(part[count], "-") == 0)
            dash = count;
        count++;
    }
    return dash > 0 && dash + 1 < count && strcmp(part[dash + 1], "cgroup2") == 0 ? part[4] : NULL;
}

static bool tree_is_usable(const char *tree, char *out, size_t size)
{
    char path[1024];
    if (!muster_format(out, size, "%s/muster", tree) ||
        !muster_format(path, sizeof(path), "%s/cgroup.kill", out))
        return false;
    bool is_new = mkdir(out, 0755) == 0;
    if (!is_new && errno != EEXIST)
        return false;
    bool is_usable = access(path, W_OK) == 0;
    if (is_new)
        rmdir(out); /* guards make it when they need it, and remove it when it is empty */
    return is_usable;
}

bool shell_cgroup_find(char *out, size_t size)
{
    bool is_found = false;
    char *text = malloc(MOUNTS_MAX);
    int fd = text == NULL ? -1 : open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t count = 1;
    while (fd >= 0 && len < MOUNTS_MAX - 1 &&
           (count = read(fd, text + len, MOUNTS_MAX - 1 - len)) > 0)
        len += (size_t)count;
    if (fd >= 0) {
        close(fd);
        text[len] = '\0';
        char *rest = text, *line;
        while (!is_found && (line = strsep(&rest, "\n")) != NULL) {
            const char *tree = line_tree(line);
            is_found = tree != NULL && tree_is_usable(tree, out, size);
        }
    }
    free(text);
    if (!is_found)
        out[0] = '\0';
    return is_found;
}
