/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

/* Printable ASCII without the space: what may stand in a header value and is kept by everybody who
 * touches it. */
static bool is_visible(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

/* The id is followed by a slash in the credential scope. */
static bool is_access_key_id(struct str_view text)
{
    return text.len > 0 && text.len < ACCESS_KEY_ID_BYTES && is_visible(text) &&
           sv_find(text, '/') == text.len && sv_find(text, ',') == text.len;
}

static bool check(struct str_view id, struct str_view secret, struct str_view token,
                  struct err *err)
{
    if (!is_access_key_id(id)) {
        return err_set(err, ERR_INVALID, "the access key id is malformed");
    }
    if (secret.len == 0 || secret.len > LIMIT_CREDENTIAL_BYTES || !is_visible(secret)) {
        return err_set(err, ERR_INVALID, "the secret access key is malformed");
    }
    if (token.len > LIMIT_CREDENTIAL_BYTES || !is_visible(token)) {
        return err_set(err, ERR_INVALID, "the session token is malformed");
    }
    return true;
}

bool credentials_new(struct str_view access_key_id, struct str_view secret_access_key,
                     struct str_view session_token, struct credentials **ret, struct err *err)
{
    if (!check(access_key_id, secret_access_key, session_token, err)) {
        return false;
    }
    struct credentials *credentials = mem_alloc(sizeof *credentials);
    atomic_init(&credentials->references, 1);
    memcpy(credentials->access_key_id, access_key_id.data, access_key_id.len);
    secret_buf_init(&credentials->secret_access_key, LIMIT_CREDENTIAL_BYTES);
    secret_buf_add(&credentials->secret_access_key, secret_access_key);
    secret_buf_init(&credentials->session_token, LIMIT_CREDENTIAL_BYTES);
    secret_buf_add(&credentials->session_token, session_token);
    credentials->expires_ms = INT64_MAX;
    *ret = credentials;
    return true;
}

void credentials_set_expiry(struct credentials *credentials, int64_t expires_wall_ms,
                            int64_t now_wall_ms, int64_t now_ms)
{
    credentials->fetched_ms = now_ms;
    credentials->expires_ms = now_ms + (expires_wall_ms - now_wall_ms);
}

struct credentials *credentials_retain(struct credentials *credentials)
{
    atomic_fetch_add_explicit(&credentials->references, 1, memory_order_relaxed);
    return credentials;
}

void credentials_release(struct credentials *credentials)
{
    if (credentials &&
        atomic_fetch_sub_explicit(&credentials->references, 1, memory_order_acq_rel) == 1) {
        secret_buf_done(&credentials->secret_access_key);
        secret_buf_done(&credentials->session_token);
        free(credentials);
    }
}

bool credentials_equal(const struct credentials *a, const struct credentials *b)
{
    return strcmp(a->access_key_id, b->access_key_id) == 0 &&
           secret_equal(secret_buf_view(&a->secret_access_key),
                        secret_buf_view(&b->secret_access_key)) &&
           secret_equal(secret_buf_view(&a->session_token), secret_buf_view(&b->session_token));
}

struct credentials_provider *credentials_provider_retain(struct credentials_provider *provider)
{
    atomic_fetch_add_explicit(&provider->references, 1, memory_order_relaxed);
    return provider;
}

void credentials_provider_release(struct credentials_provider *provider)
{
    if (provider &&
        atomic_fetch_sub_explicit(&provider->references, 1, memory_order_acq_rel) == 1) {
        provider->destroy(provider);
    }
}
