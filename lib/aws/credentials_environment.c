/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_providers.h"
#include "base/timestamp.h"

static const char ID[] = "AWS_ACCESS_KEY_ID";
static const char SECRET[] = "AWS_SECRET_ACCESS_KEY";
static const char EXPIRATION[] = "AWS_CREDENTIAL_EXPIRATION";

struct environment_keys {
    struct credentials_provider provider;
    struct credentials *keys;
    int64_t expires_wall_ms; /* INT64_MAX: never */
};

/* Whoever asks gets a set of his own: its expiry is in terms of his clock. */
static bool copy_keys(const struct environment_keys *self,
                      const struct credentials_request *request, struct credentials **ret,
                      struct err *err)
{
    const struct credentials *keys = self->keys;
    if (!credentials_new(sv_of(keys->access_key_id), secret_buf_view(&keys->secret_access_key),
                         secret_buf_view(&keys->session_token), ret, err)) {
        return false;
    }
    if (self->expires_wall_ms != INT64_MAX) {
        const struct clock *clock = request->thread->clock;
        credentials_set_expiry(*ret, self->expires_wall_ms, clock_wall_ms(clock),
                               clock_monotonic_ms(clock));
    }
    return true;
}

static bool fetch(struct credentials_provider *provider, const struct credentials_request *request,
                  struct credentials **ret, struct err *err)
{
    const struct environment_keys *self = (const struct environment_keys *)provider;
    if (request->refused) {
        return err_set(err, ERR_DENIED, "the environment has no other AWS credentials");
    }
    if (self->expires_wall_ms != INT64_MAX &&
        self->expires_wall_ms <= clock_wall_ms(request->thread->clock)) {
        return err_set(err, ERR_DENIED, "the AWS credentials of the environment have expired (%s)",
                       EXPIRATION);
    }
    return copy_keys(self, request, ret, err);
}

static void destroy(struct credentials_provider *provider)
{
    struct environment_keys *self = (struct environment_keys *)provider;
    credentials_release(self->keys);
    free(self);
}

static bool check_complete(struct str_view id, struct str_view secret, struct str_view token,
                           const char *token_name, struct err *err)
{
    const char *set = id.len > 0 ? ID : secret.len > 0 ? SECRET : token_name;
    const char *missing = id.len == 0 ? ID : SECRET;
    if ((id.len > 0 && secret.len > 0) || (id.len == 0 && secret.len == 0 && token.len == 0)) {
        return true;
    }
    return err_set(err, ERR_INVALID, "%s is set, but %s is not", set, missing);
}

static bool read_expiry(const struct environment *environment, int64_t *ret, struct err *err)
{
    struct str_view text = environment_get(environment, EXPIRATION);
    struct err ignored;
    *ret = INT64_MAX;
    return text.len == 0 || timestamp_parse(text, ret, &ignored) ||
           err_set(err, ERR_INVALID, "%s is not an ISO 8601 time", EXPIRATION);
}

/* The name that all SDKs know comes before the one of long ago. */
static struct str_view session_token(const struct environment *environment, const char **ret_name)
{
    *ret_name = "AWS_SESSION_TOKEN";
    struct str_view token = environment_get(environment, *ret_name);
    if (token.len == 0) {
        *ret_name = "AWS_SECURITY_TOKEN";
        token = environment_get(environment, *ret_name);
    }
    return token;
}

bool credentials_environment(const struct environment *environment,
                             struct credentials_provider **ret, struct err *err)
{
    struct str_view id = environment_get(environment, ID);
    struct str_view secret = environment_get(environment, SECRET);
    const char *token_name = NULL;
    struct str_view token = session_token(environment, &token_name);
    int64_t expires_wall_ms = 0;
    if (!check_complete(id, secret, token, token_name, err) ||
        !read_expiry(environment, &expires_wall_ms, err)) {
        return false;
    }
    if (id.len == 0) {
        *ret = NULL;
        return true;
    }
    struct credentials *keys = NULL;
    if (!credentials_new(id, secret, token, &keys, err)) {
        return err_wrap(err, "%s, %s, %s", ID, SECRET, token_name);
    }
    struct environment_keys *self = mem_alloc(sizeof *self);
    self->provider.name = "environment";
    self->provider.fetch = fetch;
    self->provider.destroy = destroy;
    atomic_init(&self->provider.references, 1);
    self->keys = keys;
    self->expires_wall_ms = expires_wall_ms;
    *ret = &self->provider;
    return true;
}
