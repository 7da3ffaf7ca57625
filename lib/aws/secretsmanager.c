/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/secretsmanager.h"

#include "aws/answer.h"
#include "aws/secretsmanager_messages.h"
#include "aws/service_operation.h"
#include "base/encode.h"
#include "base/limits.h"

enum {
    SECRET_ID_MAX = 2048,
    VERSION_ID_MAX = 64,
    VERSION_STAGE_MAX = 256,
    VALUE_NODES = 1024,
};

static const struct service_operation GET = {
    .protocol = SERVICE_JSON_1_1,
    .target = "secretsmanager.GetSecretValue",
    .name = "GetSecretValue",
    .max_answer = LIMIT_AWS_ANSWER_BYTES,
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

bool sm_value_compose(const struct sm_ref *ref, struct buf *ret, struct err *err)
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

static bool take_values(const struct json *entry, struct remote_value *ret, struct err *err)
{
    const struct json *string = NULL;
    const struct json *binary = NULL;
    if (!answer_member(entry, "SecretString", JSON_STRING, &string, err) ||
        !answer_member(entry, "SecretBinary", JSON_STRING, &binary, err)) {
        return false;
    }
    if (!string && !binary) {
        return err_set(err, ERR_MISSING, "this version has no value");
    }
    ret->has_string = string != NULL;
    ret->has_binary = binary != NULL;
    return (!string || answer_take_value(string, &ret->string, err)) &&
           (!binary || answer_take_base64(binary, &ret->binary, err));
}

static bool take_origin(const struct json *entry, struct remote_value *ret, struct err *err)
{
    struct str_view name = {0};
    struct str_view arn = {0};
    struct str_view version = {0};
    if (!answer_string(entry, "Name", &name, err) || !answer_string(entry, "ARN", &arn, err) ||
        !answer_string(entry, "VersionId", &version, err)) {
        return false;
    }
    ret->name = answer_take_name(name);
    ret->arn = answer_take_name(arn);
    answer_take_version(version, ret->version);
    return true;
}

bool sm_value_take(const struct json *entry, struct remote_value *ret, struct err *err)
{
    CLEANUP(remote_value_done) struct remote_value value = {0};
    if (!take_values(entry, &value, err) || !take_origin(entry, &value, err)) {
        return false;
    }
    remote_value_move(ret, &value);
    return true;
}

bool sm_value_read(struct secret_buf *answer, struct remote_value *ret, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    return answer_parse(answer, VALUE_NODES, &doc, &root, err) && sm_value_take(root, ret, err);
}

static bool get_secret_value(const struct service_target *target, const struct sm_ref *ref,
                             struct remote_value *ret, struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(http_response_done) struct http_response answer = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!sm_value_compose(ref, &body, err) ||
        !service_operation_call(target, &GET, buf_view(&body), 0, &answer, error, err)) {
        return false;
    }
    if (!sm_value_read(&answer.body, ret, err)) {
        answer_type_error(err, error);
        return false;
    }
    return true;
}

bool sm_get_secret_value(const struct service_target *target, const struct sm_ref *ref,
                         struct remote_value *ret, struct service_error *error, struct err *err)
{
    return get_secret_value(target, ref, ret, error, err) ||
           service_target_wrap(target, "secret", ref->key, err);
}
