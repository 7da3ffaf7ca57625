/* SPDX-License-Identifier: Apache-2.0 */
#include "die.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    exit(2);
}
