/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/ssm.h"

#include <inttypes.h>

#include "aws/answer.h"
#include "aws/service_operation.h"
#include "aws/ssm_messages.h"
#include "base/encode.h"
#include "base/limits.h"

enum {
    NAME_MAX_BYTES = 2048,
    SELECTOR_MAX_BYTES = 128, /* a label has at most 100 characters */
    PARAMETER_NODES = 256,
    PAGE_NODES = 1024,
};

static const struct service_operation GET = {
    .protocol = SERVICE_JSON_1_1,
    .target = "AmazonSSM.GetParameter",
    .name = "GetParameter",
    .max_answer = LIMIT_AWS_ANSWER_BYTES,
};

static const struct service_operation GET_BY_PATH = {
    .protocol = SERVICE_JSON_1_1,
    .target = "AmazonSSM.GetParametersByPath",
    .name = "GetParametersByPath",
    .max_answer = LIMIT_AWS_ANSWER_BYTES,
};

/* GetParameter. */

/* A second colon would make it mean another parameter. */
static bool is_selector(struct str_view version)
{
    return version.len <= SELECTOR_MAX_BYTES && answer_is_name(version) &&
           sv_find(version, ':') == version.len;
}

bool ssm_name_check(const struct ssm_ref *ref, struct err *err)
{
    if (ref->version.len > 0 && !is_selector(ref->version)) {
        return err_set(err, ERR_INVALID, "the version is malformed");
    }
    size_t len = ref->key.len + (ref->version.len > 0 ? 1 + ref->version.len : 0);
    if (ref->key.len == 0 || len > NAME_MAX_BYTES) {
        return err_set(err, ERR_INVALID, "the name has %zu bytes, 1 to %d are possible", len,
                       NAME_MAX_BYTES);
    }
    return true;
}

void ssm_name_add(const struct ssm_ref *ref, struct buf *ret)
{
    buf_add_byte(ret, '"');
    encode_json_chars(ret, ref->key);
    if (ref->version.len > 0) {
        buf_add_byte(ret, ':');
        encode_json_chars(ret, ref->version);
    }
    buf_add_byte(ret, '"');
}

bool ssm_parameter_compose(const struct ssm_ref *ref, struct buf *ret, struct err *err)
{
    if (!ssm_name_check(ref, err)) {
        return false;
    }
    buf_add_str(ret, "{\"Name\":");
    ssm_name_add(ref, ret);
    buf_add_str(ret, ",\"WithDecryption\":true}");
    return buf_check(ret, "request", err);
}

static bool take_version(const struct json *entry, struct remote_value *ret, struct err *err)
{
    const struct json *version = NULL;
    int64_t number = 0;
    if (!answer_member(entry, "Version", JSON_NUMBER, &version, err)) {
        return false;
    }
    if (json_to_i64(version, &number)) {
        (void)snprintf(ret->version, sizeof ret->version, "%" PRId64, number);
    }
    return true;
}

static bool take_parameter(const struct json *entry, struct remote_value *ret, struct err *err)
{
    const struct json *text = NULL;
    struct str_view name = {0};
    struct str_view arn = {0};
    if (!json_is(entry, JSON_OBJECT)) {
        return answer_refuse(err);
    }
    if (!answer_member(entry, "Value", JSON_STRING, &text, err) ||
        !answer_string(entry, "Name", &name, err) || !answer_string(entry, "ARN", &arn, err) ||
        !take_version(entry, ret, err)) {
        return false;
    }
    if (!text) {
        return answer_refuse(err);
    }
    ret->name = answer_take_name(name);
    ret->arn = answer_take_name(arn);
    ret->has_string = true;
    return answer_take_value(text, &ret->string, err);
}

bool ssm_value_take(const struct json *entry, struct remote_value *ret, struct err *err)
{
    CLEANUP(remote_value_done) struct remote_value value = {0};
    if (!take_parameter(entry, &value, err)) {
        return false;
    }
    remote_value_move(ret, &value);
    return true;
}

bool ssm_parameter_read(struct secret_buf *answer, struct remote_value *ret, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    return answer_parse(answer, PARAMETER_NODES, &doc, &root, err) &&
           ssm_value_take(json_member(root, "Parameter"), ret, err);
}

static bool get_parameter(const struct service_target *target, const struct ssm_ref *ref,
                          struct remote_value *ret, struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(http_response_done) struct http_response answer = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!ssm_parameter_compose(ref, &body, err) ||
        !service_operation_call(target, &GET, buf_view(&body), 0, &answer, error, err)) {
        return false;
    }
    if (!ssm_parameter_read(&answer.body, ret, err)) {
        answer_type_error(err, error);
        return false;
    }
    return true;
}

bool ssm_get_parameter(const struct service_target *target, const struct ssm_ref *ref,
                       struct remote_value *ret, struct service_error *error, struct err *err)
{
    return get_parameter(target, ref, ret, error, err) ||
           service_target_wrap(target, "parameter", ref->key, err);
}

/* GetParametersByPath. */

void ssm_path_compose(struct str_view path, struct str_view token, struct buf *ret)
{
    buf_add_str(ret, "{\"Path\":");
    encode_json_string(ret, path);
    buf_printf(ret, ",\"Recursive\":true,\"WithDecryption\":true,\"MaxResults\":%d", SSM_BATCH_MAX);
    answer_add_token(ret, token);
    buf_add_byte(ret, '}');
}

static bool read_entry(const struct json *entry, ssm_found found, void *context, bool *enough,
                       struct err *err)
{
    CLEANUP(remote_value_done) struct remote_value value = {0};
    if (!ssm_value_take(entry, &value, err)) {
        return false;
    }
    if (!value.name) {
        return answer_refuse(err);
    }
    *enough = !found(context, json_string(json_member(entry, "Name")), &value);
    return true;
}

bool ssm_path_read(struct secret_buf *answer, ssm_found found, void *context, struct buf *token,
                   bool *enough, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    const struct json *parameters = NULL;
    if (!answer_parse(answer, PAGE_NODES, &doc, &root, err) ||
        !answer_member(root, "Parameters", JSON_ARRAY, &parameters, err) ||
        !answer_next_token(root, token, err)) {
        return false;
    }
    JSON_FOR_EACH (entry, parameters) {
        if (!read_entry(entry, found, context, enough, err)) {
            return false;
        }
        if (*enough) {
            break;
        }
    }
    return true;
}

struct listing {
    struct str_view path;
    ssm_found found;
    void *context;
};

static bool compose_page(void *context, struct str_view token, struct buf *ret, struct err *err)
{
    const struct listing *listing = context;
    (void)err;
    ssm_path_compose(listing->path, token, ret);
    return true;
}

static bool take_page(void *context, struct http_response *page, struct buf *token, bool *enough,
                      struct err *err)
{
    const struct listing *listing = context;
    return ssm_path_read(&page->body, listing->found, listing->context, token, enough, err);
}

static void restart(void *context)
{
    (void)context;
}

bool ssm_get_parameters_by_path(const struct service_target *target, struct str_view path,
                                unsigned max_pages, ssm_found found, void *context,
                                struct service_error *error, struct err *err)
{
    struct listing listing = {.path = path, .found = found, .context = context};
    const struct service_pages pages = {
        .operation = &GET_BY_PATH,
        .max_pages = max_pages,
        .token_refused = "InvalidNextToken",
        .compose = compose_page,
        .read = take_page,
        .restart = restart,
        .context = &listing,
    };
    return service_pages_read(target, &pages, error, err) ||
           service_target_wrap(target, "parameters below", path, err);
}
