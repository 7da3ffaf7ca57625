/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_answer.h"

#include <assert.h>

#include "base/json.h"
#include "base/timestamp.h"

enum {
    CODE_MAX_BYTES = 64,
    /* With less left, the instance's service has failed to renew them: it does so minutes ahead. */
    STALE_MS = 60 * 1000,
    STALE_LIFETIME_MS = 5 * 60 * 1000,
};

static const struct json_limits LIMITS = {.max_nodes = 128, .max_depth = 8};

static bool is_code(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z')) {
            return false;
        }
    }
    return text.len > 0 && text.len <= CODE_MAX_BYTES;
}

static bool check_code(const struct json *answer, struct err *err)
{
    struct str_view code = json_string(json_member(answer, "Code"));
    if (sv_is(code, "Success")) {
        return true;
    }
    if (sv_is(code, "AssumeRoleUnauthorizedAccess")) {
        return err_set(err, ERR_DENIED, "%.*s: EC2 may not assume the role", SV_ARG(code));
    }
    return err_set(err, ERR_UNAVAILABLE, "an answer with the code %.*s",
                   SV_ARG(is_code(code) ? code : SV("(none)")));
}

static bool take_string(const struct json *answer, const char *name, struct str_view *ret,
                        struct err *err)
{
    *ret = json_string(json_member(answer, name));
    return ret->len > 0 || err_set(err, ERR_UNAVAILABLE, "an answer without %s", name);
}

static bool read_members(const struct json *answer, struct credentials **ret,
                         int64_t *ret_expires_wall_ms, struct err *err)
{
    struct str_view id;
    struct str_view secret;
    struct str_view token;
    struct str_view expiration;
    int64_t expires_ms = 0;
    struct err quoting;
    if (!take_string(answer, "AccessKeyId", &id, err) ||
        !take_string(answer, "SecretAccessKey", &secret, err) ||
        !take_string(answer, "Token", &token, err) ||
        !take_string(answer, "Expiration", &expiration, err)) {
        return false;
    }
    if (!timestamp_parse(expiration, &expires_ms, &quoting)) {
        return err_set(err, ERR_UNAVAILABLE, "an answer whose Expiration is not a time");
    }
    struct err malformed = {0};
    if (!credentials_new(id, secret, token, ret, &malformed)) {
        return err_set(err, ERR_UNAVAILABLE, "an answer in which %s", malformed.message);
    }
    *ret_expires_wall_ms = expires_ms;
    return true;
}

bool credentials_answer_read(struct secret_buf *body, enum credential_endpoint_kind kind,
                             struct credentials **ret, int64_t *ret_expires_wall_ms,
                             struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *answer = NULL;
    struct err where;
    if (body->bytes.len == 0 ||
        !json_parse(&doc, body->bytes.data, body->bytes.len, &LIMITS, &answer, &where)) {
        return err_set(err, ERR_UNAVAILABLE, "an answer that is not JSON");
    }
    return (kind != CREDENTIALS_OF_INSTANCE || check_code(answer, err)) &&
           read_members(answer, ret, ret_expires_wall_ms, err);
}

static bool equal(const struct credentials *a, const struct credentials *b)
{
    return strcmp(a->access_key_id, b->access_key_id) == 0 &&
           secret_equal(secret_buf_view(&a->secret_access_key),
                        secret_buf_view(&b->secret_access_key)) &&
           secret_equal(secret_buf_view(&a->session_token), secret_buf_view(&b->session_token));
}

static void release(struct credentials **credentials)
{
    credentials_release(*credentials);
}

bool credentials_answer_accept(struct http_response *response, enum credential_endpoint_kind kind,
                               const struct credentials_request *request, struct credentials **ret,
                               struct err *err)
{
    const struct clock *clock = request->thread->clock;
    CLEANUP(release) struct credentials *fresh = NULL;
    int64_t expires_ms = 0;
    if (!credentials_answer_read(&response->body, kind, &fresh, &expires_ms, err)) {
        return false;
    }
    assert(fresh);
    int64_t date_ms = http_date_ms(buf_view(&response->headers));
    int64_t now_ms = date_ms > 0 ? date_ms : clock_wall_ms(clock);
    if (kind == CREDENTIALS_OF_INSTANCE && expires_ms < now_ms + STALE_MS) {
        expires_ms = now_ms + STALE_LIFETIME_MS;
    }
    if (expires_ms <= now_ms) {
        return err_set(err, ERR_UNAVAILABLE, "an answer with credentials that have expired");
    }
    if (request->refused && equal(fresh, request->refused)) {
        return err_set(err, ERR_DENIED, "an answer with the same credentials that were refused");
    }
    credentials_set_expiry(fresh, expires_ms, now_ms, clock_monotonic_ms(clock));
    *ret = fresh;
    fresh = NULL;
    return true;
}
