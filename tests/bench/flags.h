/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of pairs, "--name value". */
#ifndef TESTS_BENCH_FLAGS_H
#define TESTS_BENCH_FLAGS_H

#include <stddef.h>
#include <stdint.h>

struct flag {
    const char *name;
    const char **text; /* one of the two takes the value */
    int64_t *number;
};

/* `words` is what follows the program's name, ended by NULL. Dies at what it does not understand.
 */
void flags_read(char *const *words, const struct flag *flags, size_t count);

#endif
