/* SPDX-License-Identifier: Apache-2.0 */
/* An environment from a table that ends with {NULL, NULL}. */
#ifndef FAKE_ENVIRONMENT_H
#define FAKE_ENVIRONMENT_H

#include "aws/environment.h"

struct variable {
    const char *name;
    const char *value;
};

static inline const char *fake_environment_get(void *context, const char *name)
{
    for (const struct variable *variable = context; variable->name; variable++) {
        if (strcmp(variable->name, name) == 0) {
            return variable->value;
        }
    }
    return NULL;
}

static inline struct environment fake_environment(const struct variable *variables)
{
    struct environment environment = {.get = fake_environment_get};
    memcpy(&environment.context, &variables, sizeof variables);
    return environment;
}

#endif
