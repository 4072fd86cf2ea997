/* SPDX-License-Identifier: Apache-2.0 */
/* Steps it may not take. */
#include "agent/node.h" /* want: stairs */
#include "base/good.h"
#include "good.h"        /* want: stairs */
#include "nowhere/x.h"   /* want: stairs */
#include "ring/ring.h"   /* want: stairs */
#include <msgpack.h>     /* want: doors */
#include <sys/socket.h>  /* want: windows */
#include <time.h>        /* want: windows */
#include <uv.h>          /* want: doors */
