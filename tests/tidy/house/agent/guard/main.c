/* SPDX-License-Identifier: Apache-2.0 */
/* A guard knows the C library and itself. */
#include "base/good.h" /* want: stairs */
#include <unistd.h>
