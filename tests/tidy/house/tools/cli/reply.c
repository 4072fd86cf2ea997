/* SPDX-License-Identifier: Apache-2.0 */
/* The command line reads replies, and nothing of the agent's shell. */
#include "agent/shell/loop.h" /* want: stairs */
#include <curl/curl.h>        /* want: doors */
#include <jansson.h>
