/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/secretsmanager.h"

#include "base/encode.h"
#include "base/json.h"
#include "base/limits.h"

enum {
    SECRET_ID_MAX = 2048,
    VERSION_ID_MAX = 64,
    VERSION_STAGE_MAX = 256,
    SHOWN_KEY_BYTES = 120, /* leaves room for the cause behind it */
};

/* Exactly one of VersionId and VersionStage is sent. */
static bool compose_version(struct str_view version, struct buf *ret, struct err *err)
{
    bool by_id = sv_starts_with(version, SV("uuid/"));
    struct str_view value = by_id         ? sv_from(version, strlen("uuid/"))
                            : version.len ? version
                                          : SV("AWSCURRENT");
    if (value.len == 0 || value.len > (by_id ? VERSION_ID_MAX : VERSION_STAGE_MAX)) {
        return err_set(err, ERR_INVALID, "the version is malformed");
    }
    buf_add_str(ret, by_id ? ",\"VersionId\":" : ",\"VersionStage\":");
    encode_json_string(ret, value);
    return true;
}

bool sm_request_compose(const struct sm_ref *ref, struct buf *ret, struct err *err)
{
    if (ref->key.len == 0 || ref->key.len > SECRET_ID_MAX) {
        return err_set(err, ERR_INVALID, "the key has %zu bytes, 1 to %d are possible",
                       ref->key.len, SECRET_ID_MAX);
    }
    buf_add_str(ret, "{\"SecretId\":");
    encode_json_string(ret, ref->key);
    if (!compose_version(ref->version, ret, err)) {
        return false;
    }
    buf_add_byte(ret, '}');
    return buf_check(ret, "request", err);
}

static bool take_string(const struct json *node, struct secret_buf *ret, struct err *err)
{
    secret_buf_add(ret, json_string(node));
    return secret_buf_check(ret, "SecretString", err);
}

static bool take_binary(const struct json *node, struct secret_buf *ret, struct err *err)
{
    return decode_base64(&ret->bytes, json_string(node), err) ||
           (err->kind != ERR_TOO_BIG &&
            err_set(err, ERR_UNAVAILABLE, "SecretBinary is not base64"));
}

static bool not_an_answer(struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "the answer is not what Secrets Manager sends");
}

bool sm_answer_read(struct secret_buf *answer, bool prefer_binary, struct secret_buf *ret,
                    struct err *err)
{
    const struct json_limits limits = {.max_nodes = 1024, .max_depth = 16};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    struct err ignored;
    if (answer->bytes.len == 0 ||
        !json_parse(&doc, answer->bytes.data, answer->bytes.len, &limits, &root, &ignored)) {
        return not_an_answer(err);
    }
    const struct json *string = json_member(root, "SecretString");
    const struct json *binary = json_member(root, "SecretBinary");
    bool has_string = json_is(string, JSON_STRING);
    bool has_binary = json_is(binary, JSON_STRING);
    if (!json_is(root, JSON_OBJECT) || (!has_string && !json_is_absent(string)) ||
        (!has_binary && !json_is_absent(binary))) {
        return not_an_answer(err);
    }
    if (!has_string && !has_binary) {
        return err_set(err, ERR_MISSING, "this version has no value");
    }
    return has_binary && (prefer_binary || !has_string) ? take_binary(binary, ret, err)
                                                        : take_string(string, ret, err);
}

static bool get_secret_value(struct service_client *client, const struct sm_ref *ref,
                             int64_t deadline_ms, struct secret_buf *ret,
                             struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!sm_request_compose(ref, &body, err)) {
        return false;
    }
    const struct service_request request = {
        .target = "secretsmanager.GetSecretValue",
        .body = buf_view(&body),
        .deadline_ms = deadline_ms,
        .max_answer = LIMIT_AWS_ANSWER_BYTES,
    };
    CLEANUP(http_response_done) struct http_response response = {0};
    if (!service_call(client, &request, &response, error, err)) {
        return false;
    }
    if (!sm_answer_read(&response.body, ref->prefer_binary, ret, err)) {
        error->class = err->kind == ERR_MISSING ? SERVICE_NOT_FOUND : SERVICE_TRANSIENT;
        return false;
    }
    return true;
}

bool sm_get_secret_value(struct service_client *client, const struct sm_ref *ref,
                         int64_t deadline_ms, struct secret_buf *ret, struct service_error *error,
                         struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_AWS_VALUE_BYTES);
    if (!get_secret_value(client, ref, deadline_ms, &value, error, err)) {
        struct str_view shown = sv_first(ref->key, SHOWN_KEY_BYTES);
        return err_wrap(err, "secret %.*s%s in %s", SV_ARG(shown),
                        shown.len < ref->key.len ? "..." : "", client->endpoint.region);
    }
    secret_buf_move(ret, &value);
    return true;
}
