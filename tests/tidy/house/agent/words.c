/* SPDX-License-Identifier: Apache-2.0 */
/* Words of unfinished work, and numbers that nobody told. */
#include "agent/node.h"

/* TODO: finish this. want: words */
/* This stub does nothing yet. want: words */
int words(void); /* not implemented, want: words */
/* INV-1 and I2 and R3 are told; R4 is not. want: numbers */
/* See docs/invariants.md; docs/nowhere.md is not there. want: pages */
/* INV-9 is not told either. want: numbers */
/* I2C and R34x and PR3 are no numbers of ours, nor is a HACKathon. */
