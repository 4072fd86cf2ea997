/* SPDX-License-Identifier: Apache-2.0 */
/* The door to msgpack, which may name it. */
#include <msgpack.h>
#include <msgpack/pack.h>
#include <xxhash.h> /* want: doors */
