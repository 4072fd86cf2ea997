/* SPDX-License-Identifier: Apache-2.0 want: dead want: opening */
/* Lies where no rule of the Makefile looks. */
