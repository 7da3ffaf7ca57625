/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a program that cannot measure: no figures, a line on standard error, exit status 2. */
#ifndef TESTS_BENCH_DIE_H
#define TESTS_BENCH_DIE_H

_Noreturn void die(const char *what, const char *why);

#endif
