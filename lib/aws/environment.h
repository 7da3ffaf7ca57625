/* SPDX-License-Identifier: Apache-2.0 */
/* Environment variables, handed in: only the program itself reads its environment. Any thread that
 * the function allows. */
#ifndef AWS_ENVIRONMENT_H
#define AWS_ENVIRONMENT_H

#include "base/str_view.h"

struct environment {
    /* NULL when the variable is not set. The text outlives the call it was asked in. */
    const char *(*get)(void *context, const char *name);
    void *context;
};

/* Unset and empty are one thing: an empty view. */
static inline struct str_view environment_get(const struct environment *environment,
                                              const char *name)
{
    return sv_of(environment->get(environment->context, name));
}

#endif
