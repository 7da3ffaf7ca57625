/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test program shares: main() runs the suite the program defines. */
#ifndef CHECK_MAIN_H
#define CHECK_MAIN_H

#include <check.h>

/* Defined by each test program. */
Suite *suite(void);

/* Reads tests/data/<path> whole; the caller frees. Fails the test when it is not there. */
char *test_data(const char *path, size_t *ret_len);

#endif
