/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

bool credentials_environment_init(struct credentials_environment *source,
                                  const struct environment *environment, struct err *err)
{
    struct str_view id = environment_get(environment, "AWS_ACCESS_KEY_ID");
    struct str_view secret = environment_get(environment, "AWS_SECRET_ACCESS_KEY");
    struct str_view token = environment_get(environment, "AWS_SESSION_TOKEN");
    source->credentials = NULL;
    if (id.len == 0 && secret.len == 0) {
        return true;
    }
    if (id.len == 0 || secret.len == 0) {
        return err_set(err, ERR_INVALID, "%s is set, but %s is not",
                       id.len ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                       id.len ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    }
    if (!credentials_new(id, secret, token, &source->credentials, err)) {
        return err_wrap(err, "AWS credentials of the environment");
    }
    return true;
}

void credentials_environment_done(struct credentials_environment *source)
{
    credentials_release(source->credentials);
    source->credentials = NULL;
}

static bool get(void *context, const struct credentials *refused, int64_t deadline_ms,
                struct credentials **ret, struct err *err)
{
    struct credentials_environment *source = context;
    (void)deadline_ms;
    if (!source->credentials) {
        return err_set(
            err, ERR_MISSING,
            "no AWS credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
    }
    if (refused) {
        return err_set(err, ERR_DENIED, "the environment has no other AWS credentials");
    }
    *ret = credentials_retain(source->credentials);
    return true;
}

struct credentials_source credentials_environment_interface(struct credentials_environment *source)
{
    return (struct credentials_source){.get = get, .context = source};
}
