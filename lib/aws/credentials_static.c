/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_providers.h"

struct static_provider {
    struct credentials_provider provider; /* first: one is cast to the other */
    struct credentials *credentials;
};

static bool fetch(struct credentials_provider *provider, const struct credentials_request *request,
                  struct credentials **ret, struct err *err)
{
    const struct static_provider *self = (struct static_provider *)provider;
    if (request->refused && credentials_equal(request->refused, self->credentials)) {
        return err_set(err, ERR_DENIED, "AWS does not accept these keys, and there are no others");
    }
    *ret = credentials_retain(self->credentials);
    return true;
}

static void destroy(struct credentials_provider *provider)
{
    struct static_provider *self = (struct static_provider *)provider;
    credentials_release(self->credentials);
    free(self);
}

struct credentials_provider *credentials_static(struct credentials *credentials)
{
    struct static_provider *self = mem_alloc(sizeof *self);
    self->provider =
        (struct credentials_provider){.name = "static keys", .fetch = fetch, .destroy = destroy};
    atomic_init(&self->provider.references, 1);
    self->credentials = credentials_retain(credentials);
    return &self->provider;
}
