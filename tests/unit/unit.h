/* What every unit test includes: cmocka with the headers it wants before it, and small helpers. */
#ifndef MUSTER_TESTS_UNIT_H
#define MUSTER_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNIT_COUNT(table) (sizeof(table) / sizeof(table)[0])

#endif
