/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stack.h"

#include <string.h>

/* A frame of its own, where those of the callees were. */
__attribute__((noinline)) void stack_wipe(void)
{
    char left[STACK_WIPED_BYTES];
    explicit_bzero(left, sizeof left);
}
