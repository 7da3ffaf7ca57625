/* SPDX-License-Identifier: Apache-2.0 */
/* Functions nobody calls here: each has a checked counterpart in base. Using one does not compile.
 *
 * Unbounded copies, locale-dependent or unchecked number parsing, hidden static state. The system
 * headers that declare them come first, so that the poisoning below cannot break them. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Under FORTIFY glibc makes a macro of it for clang, which warns when an existing macro is
 * poisoned. */
#undef sprintf

#pragma GCC poison strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets
#pragma GCC poison strtok strtok_r atoi atol atoll atof
#pragma GCC poison gmtime localtime ctime asctime mktime
#pragma GCC poison tmpnam mktemp

#endif
