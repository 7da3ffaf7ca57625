/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sts.h"

#include "aws/sts_form.h"
#include "aws/xml.h"
#include "base/encode.h"
#include "base/timestamp.h"
#include "crypto/hmac.h"

enum {
    SHOWN_ARN_BYTES = 120, /* leaves room for the cause behind it */
    NAME_HASH_BYTES = 4,
    PATH_BYTES = 128,
};

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte && strchr("_+=,.@-", byte));
}

void sts_session_name(struct str_view namespace, struct str_view name,
                      char ret[STS_SESSION_NAME_BYTES])
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, STS_SESSION_NAME_BYTES - 1);
    struct str_view parts[] = {SV("keyturn-"), namespace, SV("-"), name};
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_add(&text, sv_first(parts[i], text.ceiling - text.len));
        len += parts[i].len;
    }
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] = is_name_byte(text.data[i]) ? text.data[i] : '-';
    }
    if (len > text.ceiling) {
        unsigned char digest[SHA256_BYTES];
        hmac_sha256(namespace, name, digest);
        buf_truncate(&text, text.ceiling - 2 * (size_t)NAME_HASH_BYTES - 1);
        buf_add_byte(&text, '-');
        encode_hex(&text, sv_make((const char *)digest, NAME_HASH_BYTES));
    }
    memcpy(ret, text.data, text.len + 1);
}

/* The four fields of Credentials (API reference, data types). */
struct answer {
    struct secret_buf access_key_id;
    struct secret_buf secret_access_key;
    struct secret_buf session_token;
    struct secret_buf expiration;
};

static void answer_done(struct answer *answer)
{
    secret_buf_done(&answer->access_key_id);
    secret_buf_done(&answer->secret_access_key);
    secret_buf_done(&answer->session_token);
    secret_buf_done(&answer->expiration);
}

static bool read_field(struct str_view document, const char *action, const char *name,
                       size_t ceiling, struct secret_buf *ret, struct err *err)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%sResponse/%sResult/Credentials/%s", action, action, name);
    secret_buf_init(ret, ceiling);
    return xml_text(document, path, ret, err);
}

static bool read_answer(struct str_view document, const char *action, struct answer *ret,
                        struct err *err)
{
    return read_field(document, action, "AccessKeyId", ACCESS_KEY_ID_BYTES, &ret->access_key_id,
                      err) &&
           read_field(document, action, "SecretAccessKey", LIMIT_CREDENTIAL_BYTES,
                      &ret->secret_access_key, err) &&
           read_field(document, action, "SessionToken", LIMIT_CREDENTIAL_BYTES, &ret->session_token,
                      err) &&
           read_field(document, action, "Expiration", TIMESTAMP_BYTES, &ret->expiration, err);
}

/* `service_ms` is the service's own time, `now_ms` ours, monotonic. */
static bool make_credentials(struct str_view document, const char *action, int64_t service_ms,
                             int64_t now_ms, struct credentials **ret, struct err *err)
{
    CLEANUP(answer_done) struct answer answer = {0};
    int64_t expires_ms = 0;
    struct err ignored;
    if (!read_answer(document, action, &answer, err)) {
        return false;
    }
    if (!timestamp_parse(secret_buf_view(&answer.expiration), &expires_ms, &ignored)) {
        return err_set(err, ERR_INVALID, "Expiration is no time");
    }
    if (expires_ms <= service_ms) {
        return err_set(err, ERR_INVALID, "the credentials have expired");
    }
    if (answer.session_token.bytes.len == 0) {
        return err_set(err, ERR_INVALID, "SessionToken is empty");
    }
    if (!credentials_new(secret_buf_view(&answer.access_key_id),
                         secret_buf_view(&answer.secret_access_key),
                         secret_buf_view(&answer.session_token), ret, err)) {
        return false;
    }
    credentials_set_expiry(*ret, expires_ms, service_ms, now_ms);
    return true;
}

/* One operation: what is sent with what, and what for. */
struct call {
    struct service_endpoint *endpoint;
    const struct credentials_source *with; /* NULL: unsigned */
    const char *action;
    const struct secret_buf *form;
    const struct credentials_request *request;
};

/* The service's time. A clock that is off does not matter to an unsigned call, so nobody has set
 * it right: the answer itself says what time it is. */
static int64_t service_wall_ms(const struct call *call, const struct http_response *response)
{
    int64_t date_ms = http_date_ms(buf_view(&response->headers));
    return date_ms ? date_ms
                   : clock_wall_ms(call->request->thread->clock) +
                         service_endpoint_clock_offset_ms(call->endpoint);
}

static bool read_response(const struct call *call, const struct http_response *response,
                          struct credentials **ret, struct err *err)
{
    struct err cause = {0};
    int64_t now_ms = clock_monotonic_ms(call->request->thread->clock);
    return make_credentials(secret_buf_view(&response->body), call->action,
                            service_wall_ms(call, response), now_ms, ret, &cause) ||
           err_set(err, ERR_UNAVAILABLE, "the answer is not what STS sends: %s", cause.message);
}

/* The 200 answer, whatever it is. */
static bool post(const struct call *call, struct http_response *ret, struct service_error *error,
                 struct err *err)
{
    const struct service_request request = {
        .protocol = SERVICE_QUERY,
        .operation = call->action,
        .body = secret_buf_view(call->form),
        .urgency = call->request->urgency,
        .deadline_ms = call->request->deadline_ms,
        .max_answer = LIMIT_STS_ANSWER_BYTES,
    };
    if (service_call(call->request->thread, call->endpoint, call->with, &request, ret, error,
                     err)) {
        return true;
    }
    if (error->class == SERVICE_TRANSPORT && err->kind != ERR_TOO_BIG) {
        return err_wrap(err, "no answer from STS at %s (a private cluster needs an STS endpoint)",
                        service_endpoint_address(call->endpoint)->host);
    }
    return false;
}

static bool send_call(const struct call *call, struct credentials **ret,
                      struct service_error *error, struct err *err)
{
    CLEANUP(http_response_done) struct http_response response = {0};
    if (!post(call, &response, error, err)) {
        return false;
    }
    if (!read_response(call, &response, ret, err)) {
        error->class = SERVICE_TRANSIENT;
        return false;
    }
    return true;
}

static bool wrap_role(struct str_view arn, struct err *err)
{
    struct str_view shown = sv_first(arn, SHOWN_ARN_BYTES);
    return err_wrap(err, "assume %.*s%s", SV_ARG(shown), shown.len < arn.len ? "..." : "");
}

bool sts_assume_role(struct service_endpoint *endpoint, const struct credentials_source *with,
                     const struct sts_role *role, const struct credentials_request *request,
                     struct credentials **ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf form = {0};
    secret_buf_init(&form, LIMIT_STS_FORM_BYTES);
    struct service_error error = {0};
    const struct call call = {endpoint, with, "AssumeRole", &form, request};
    bool assumed = sts_form_assume_role(role, &form, err) && send_call(&call, ret, &error, err);
    return assumed || wrap_role(role->arn, err);
}

/* Codes that a newer token may answer, whatever class they have elsewhere. */
static bool asks_for_newer_token(const struct service_error *error)
{
    return strcmp(error->code, "ExpiredTokenException") == 0 ||
           strcmp(error->code, "InvalidIdentityToken") == 0;
}

bool sts_assume_role_with_web_identity(struct service_endpoint *endpoint, struct str_view role_arn,
                                       struct str_view session_name, struct str_view token,
                                       const struct credentials_request *request,
                                       struct credentials **ret, struct service_error *error,
                                       struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf form = {0};
    secret_buf_init(&form, LIMIT_STS_FORM_BYTES);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    const struct call call = {endpoint, NULL, "AssumeRoleWithWebIdentity", &form, request};
    if (sts_form_web_identity(role_arn, session_name, token, &form, err) &&
        send_call(&call, ret, error, err)) {
        return true;
    }
    if (asks_for_newer_token(error)) {
        error->class = SERVICE_CREDENTIAL;
        err->kind = ERR_DENIED;
    }
    return wrap_role(role_arn, err);
}

bool sts_get_caller_identity(struct service_endpoint *endpoint,
                             const struct credentials_source *who,
                             const struct credentials_request *request, struct buf *ret_arn,
                             struct service_error *error, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf form = {0};
    CLEANUP(secret_buf_done) struct secret_buf arn = {0};
    CLEANUP(http_response_done) struct http_response response = {0};
    const struct call call = {endpoint, who, "GetCallerIdentity", &form, request};
    struct err cause = {0};
    secret_buf_init(&form, LIMIT_STS_FORM_BYTES);
    secret_buf_init(&arn, LIMIT_STS_ARN_BYTES);
    secret_buf_add(&form, SV("Action=GetCallerIdentity&Version=2011-06-15"));
    if (!post(&call, &response, error, err)) {
        return false;
    }
    if (!xml_text(secret_buf_view(&response.body),
                  "GetCallerIdentityResponse/GetCallerIdentityResult/Arn", &arn, &cause)) {
        error->class = SERVICE_TRANSIENT;
        return err_set(err, ERR_UNAVAILABLE, "the answer is not what STS sends: %s", cause.message);
    }
    buf_add(ret_arn, secret_buf_view(&arn));
    return buf_check(ret_arn, "ARN", err);
}
