/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_answer.h"
#include "aws/credentials_providers.h"
#include "aws/token_file.h"
#include "base/limits.h"

struct container {
    struct credentials_provider provider;
    struct credential_endpoint endpoint;
    char *token_file; /* NULL: `token` */
    struct secret_buf token;
};

/* EKS replaces the token in its file: it is read for each call. */
static bool read_token(const struct container *self, struct secret_buf *ret, struct err *err)
{
    secret_buf_init(ret, LIMIT_TOKEN_BYTES);
    if (!self->token_file) {
        secret_buf_add(ret, secret_buf_view(&self->token));
        return true;
    }
    return token_file_read(self->token_file, ret, err) || err_wrap(err, "authorization token");
}

static bool ask(const struct container *self, const struct credentials_request *request,
                struct http_response *response, struct credentials **ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    if (!read_token(self, &token, err)) {
        return false;
    }
    struct credential_call call = {.method = "GET", .url = self->endpoint.url, .accept_json = true};
    if (secret_buf_view(&token).len > 0) {
        /* As it is, without a scheme in front. */
        call.header = (struct http_header){"Authorization", secret_buf_view(&token)};
    }
    if (!credential_endpoint_call(&self->endpoint, &call, request, response, err)) {
        return false;
    }
    if (response->status != 200) {
        return credential_endpoint_refused(response, err);
    }
    return credentials_answer_accept(response, CREDENTIALS_OF_CONTAINER, request, ret, err);
}

static bool fetch(struct credentials_provider *provider, const struct credentials_request *request,
                  struct credentials **ret, struct err *err)
{
    const struct container *self = (const struct container *)provider;
    CLEANUP(http_response_done) struct http_response response = {0};
    return ask(self, request, &response, ret, err) || err_wrap(err, "container credentials");
}

static void destroy(struct credentials_provider *provider)
{
    struct container *self = (struct container *)provider;
    credential_endpoint_done(&self->endpoint);
    secret_buf_done(&self->token);
    free(self->token_file);
    free(self);
}

static bool check_token(struct str_view token, struct err *err)
{
    return token.len == 0 || (token.len <= LIMIT_TOKEN_BYTES && token_is_sendable(token)) ||
           err_set(err, ERR_INVALID, "the authorization token is not one line of text");
}

bool credentials_container(struct str_view uri, struct str_view token, struct str_view token_file,
                           struct credentials_provider **ret, struct err *err)
{
    struct credential_endpoint endpoint;
    if (!check_token(token, err) ||
        !credential_endpoint_init(&endpoint, uri, CREDENTIALS_OF_CONTAINER, host_resolve, err)) {
        return false;
    }
    struct container *self = mem_alloc(sizeof *self);
    self->provider.name = "container";
    self->provider.fetch = fetch;
    self->provider.destroy = destroy;
    atomic_init(&self->provider.references, 1);
    self->endpoint = endpoint;
    self->token_file = token_file.len > 0 ? sv_dup(token_file) : NULL;
    secret_buf_init(&self->token, LIMIT_TOKEN_BYTES);
    secret_buf_add(&self->token, token);
    *ret = &self->provider;
    return true;
}
