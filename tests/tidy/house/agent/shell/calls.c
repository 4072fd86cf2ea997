/* SPDX-License-Identifier: Apache-2.0 */
/* What even the shell does without. */
#include "agent/shell/loop.h"
#include "store/disk.h"
#include <gnutls/gnutls.h> /* want: doors */
#include <lmdb.h>          /* want: doors */
#include <stdlib.h>
#include <time.h>
#include <uv.h>

void shell_calls(char *to, const char *from);
void shell_calls(char *to, const char *from)
{
    strcpy(to, from); /* want: calls */
    strcat(to, from); /* want: calls */
    sprintf(to, "x"); /* want: calls */
    system("true");   /* want: calls */
    if (time(0) > 0 && malloc(3) != 0) {
        return;
    }
}
