/* SPDX-License-Identifier: Apache-2.0 */
/* The work that one object from outside may cause in all. What is matched, looked up, parsed and
 * rendered for it counts down one number, besides the ceiling that each of these has: there may be
 * thousands of them. In steps of some 50 ns; no clock, so that the same object ends the same way
 * everywhere. One thread at a time. */
#ifndef BASE_EFFORT_H
#define BASE_EFFORT_H

#include <stdint.h>

#include "base/err.h"

struct effort {
    size_t whole;
    size_t left;
};

static inline struct effort effort_of(size_t steps)
{
    return (struct effort){.whole = steps, .left = steps};
}

/* No ceiling for NULL. */
static inline size_t effort_left(const struct effort *effort)
{
    return effort ? effort->left : SIZE_MAX;
}

/* ERR_TOO_BIG; always false. */
bool effort_refuse(const struct effort *effort, struct err *err);

/* Takes `steps`. ERR_TOO_BIG when there are not as many, and from then on. `effort` may be NULL. */
MUST_CHECK static inline bool effort_spend(struct effort *effort, size_t steps, struct err *err)
{
    if (!effort) {
        return true;
    }
    if (steps > effort->left) {
        effort->left = 0;
        return effort_refuse(effort, err);
    }
    effort->left -= steps;
    return true;
}

#endif
