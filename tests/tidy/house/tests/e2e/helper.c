/* SPDX-License-Identifier: Apache-2.0 want: opening want: dead */
/* Not a *_test.c: nothing builds it. */
