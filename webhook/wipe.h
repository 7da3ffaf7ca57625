/* SPDX-License-Identifier: Apache-2.0 */
/* The process's own free() and realloc(), which overwrite what they release, for every library; and
 * a calloc() that takes up what has just been released.
 *
 * Left out of sanitizer builds, which bring an allocator of their own. */
#ifndef WEBHOOK_WIPE_H
#define WEBHOOK_WIPE_H

#include <stdbool.h>

/* Whether this build has them. */
bool wipe_built_in(void);
/* Whether a block that GnuTLS releases goes through ours: false when a build or a link option took
 * `free` out of the executable's dynamic table, which no other sign shows. */
bool wipe_proven(void);

#endif
