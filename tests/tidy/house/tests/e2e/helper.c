/* SPDX-License-Identifier: Apache-2.0 want: opening */
/* Linked by every *_test.c beside it. */
