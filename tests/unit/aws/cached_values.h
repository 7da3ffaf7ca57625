/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and values for the tests of the value cache. */
#ifndef CACHED_VALUES_H
#define CACHED_VALUES_H

#include "aws/value_cache.h"
#include "check_main.h"

#define ARN_OF(name) "arn:aws:secretsmanager:eu-central-1:111122223333:secret:" name

static inline struct identity_key identity_of(const char *name)
{
    struct identity_builder builder;
    identity_begin(&builder);
    identity_add(&builder, sv_of(name));
    return identity_end(&builder);
}

/* The current version of a secret. */
static inline struct value_cache_key key_of(const char *identity, const char *name)
{
    return (struct value_cache_key){
        .identity = identity_of(identity),
        .service = ENDPOINT_SECRETS_MANAGER,
        .region = SV("eu-central-1"),
        .key = sv_of(name),
    };
}

/* A text with its resolved name and ARN, each NULL where the service does not tell. */
static inline struct remote_value value_of(struct str_view text, const char *version,
                                           const char *name, const char *arn)
{
    struct remote_value value = {
        .has_string = true,
        .name = name ? str_dup(name) : NULL,
        .arn = arn ? str_dup(arn) : NULL,
    };
    secret_buf_init(&value.string, text.len);
    secret_buf_add(&value.string, text);
    (void)snprintf(value.version, sizeof value.version, "%s", version);
    return value;
}

#endif
