/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/rotation_hint.h"

enum {
    MAX_NODES = 4096, /* CloudTrail repeats the caller's whole identity; a few hundred are usual */
    MAX_DEPTH = 32,
    ID_MAX_BYTES = 2048,
    VERSION_MAX_BYTES = 64,
};

static bool not_a_hint(struct err *err)
{
    return err_set(err, ERR_INVALID, "not an event about a new current value");
}

/* Bytes of a name, an ARN or a version; everything else is as good as not told. */
static struct str_view id_of(const struct json *node, size_t max)
{
    struct str_view text = json_string(node);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f) {
            return (struct str_view){0};
        }
    }
    return text.len <= max ? text : (struct str_view){0};
}

static bool is_arn_of(struct str_view text, enum endpoint_service service)
{
    struct str_view part = {0};
    struct str_view name = {0};
    return sv_split(&text, ':', &part) && sv_is(part, "arn") && sv_split(&text, ':', &part) &&
           sv_split(&text, ':', &name) &&
           sv_is(name, service == ENDPOINT_SSM ? "ssm" : "secretsmanager") && text.len > 0;
}

/* A name or an ARN, whichever it is; what is told already stays. */
static void add_id(struct rotation_hint *hint, const struct json *node)
{
    struct str_view id = id_of(node, ID_MAX_BYTES);
    struct str_view *where = is_arn_of(id, hint->service)     ? &hint->arn
                             : sv_starts_with(id, SV("arn:")) ? NULL
                                                              : &hint->name;
    if (where && where->len == 0) {
        *where = id;
    }
}

/* "Secret Label Updated" (Secrets Manager user guide, "Secret Label Updated event"). */
static bool read_label(const struct json *event, struct rotation_hint *ret)
{
    const struct json *detail = json_member(event, "detail");
    if (!json_string_is(json_member(detail, "labelUpdated"), "AWSCURRENT")) {
        return false;
    }
    add_id(ret, json_first(json_member(event, "resources")));
    add_id(ret, json_member(detail, "name"));
    ret->version = id_of(json_member(detail, "versionId"), VERSION_MAX_BYTES);
    return true;
}

/* "Parameter Store Change" (Systems Manager user guide). */
static bool read_parameter(const struct json *event, struct rotation_hint *ret)
{
    const struct json *detail = json_member(event, "detail");
    const struct json *operation = json_member(detail, "operation");
    if (!json_string_is(operation, "Create") && !json_string_is(operation, "Update") &&
        !json_string_is(operation, "Delete")) {
        return false;
    }
    add_id(ret, json_first(json_member(event, "resources")));
    add_id(ret, json_member(detail, "name"));
    return true;
}

/* Calls that CloudTrail reports, and where they name what they are about. */

static bool moves_current(const struct json *request)
{
    const struct json *stages = json_member(request, "versionStages");
    JSON_FOR_EACH (stage, stages) {
        if (json_string_is(stage, "AWSCURRENT")) {
            return true;
        }
    }
    return !json_first(stages);
}

/* Without stages a new version becomes the current one, and the token of the request its id. */
static bool read_put_value(const struct json *detail, struct rotation_hint *ret)
{
    const struct json *request = json_member(detail, "requestParameters");
    ret->version = id_of(json_member(request, "clientRequestToken"), VERSION_MAX_BYTES);
    return moves_current(request);
}

static bool read_move_stage(const struct json *detail, struct rotation_hint *ret)
{
    const struct json *request = json_member(detail, "requestParameters");
    ret->version = id_of(json_member(request, "moveToVersionId"), VERSION_MAX_BYTES);
    return json_string_is(json_member(request, "versionStage"), "AWSCURRENT");
}

static bool read_any(const struct json *detail, struct rotation_hint *ret)
{
    (void)detail;
    (void)ret;
    return true;
}

static const struct {
    enum endpoint_service service;
    const char *name;
    bool (*read)(const struct json *detail, struct rotation_hint *ret);
} CALLS[] = {
    {ENDPOINT_SECRETS_MANAGER, "CreateSecret", read_any},
    {ENDPOINT_SECRETS_MANAGER, "PutSecretValue", read_put_value},
    {ENDPOINT_SECRETS_MANAGER, "UpdateSecret", read_any},
    {ENDPOINT_SECRETS_MANAGER, "UpdateSecretVersionStage", read_move_stage},
    {ENDPOINT_SECRETS_MANAGER, "RotationSucceeded", read_any},
    {ENDPOINT_SECRETS_MANAGER, "DeleteSecret", read_any},
    {ENDPOINT_SECRETS_MANAGER, "RestoreSecret", read_any},
    {ENDPOINT_SSM, "PutParameter", read_any},
    {ENDPOINT_SSM, "DeleteParameter", read_any},
};

/* The service spells the key of the ARN in several ways (aws.md §7.5). */
static void add_call_ids(const struct json *detail, struct rotation_hint *ret)
{
    const struct json *request = json_member(detail, "requestParameters");
    const struct json *response = json_member(detail, "responseElements");
    add_id(ret, json_member(response, "arn"));
    add_id(ret, json_member(response, "aRN"));
    add_id(ret, json_member(response, "ARN"));
    add_id(ret, json_path(detail, "additionalEventData", "SecretId", NULL));
    add_id(ret, json_member(response, "name"));
    add_id(ret, json_member(request, "secretId"));
    add_id(ret, json_member(request, "name"));
}

static bool read_call(const struct json *event, struct rotation_hint *ret)
{
    const struct json *detail = json_member(event, "detail");
    if (!json_is_absent(json_member(detail, "errorCode"))) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(CALLS); i++) {
        if (CALLS[i].service == ret->service &&
            json_string_is(json_member(detail, "eventName"), CALLS[i].name)) {
            add_call_ids(detail, ret);
            return CALLS[i].read(detail, ret);
        }
    }
    return false;
}

static const struct {
    enum endpoint_service service;
    const char *source;
    const char *detail_type;
    bool (*read)(const struct json *event, struct rotation_hint *ret);
} EVENTS[] = {
    {ENDPOINT_SECRETS_MANAGER, "aws.secretsmanager", "Secret Label Updated", read_label},
    {ENDPOINT_SECRETS_MANAGER, "aws.secretsmanager", "AWS API Call via CloudTrail", read_call},
    /* A rotation is no call. */
    {ENDPOINT_SECRETS_MANAGER, "aws.secretsmanager", "AWS Service Event via CloudTrail", read_call},
    {ENDPOINT_SSM, "aws.ssm", "Parameter Store Change", read_parameter},
    {ENDPOINT_SSM, "aws.ssm", "AWS API Call via CloudTrail", read_call},
};

static bool read_event(const struct json *event, struct rotation_hint *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(EVENTS); i++) {
        if (json_string_is(json_member(event, "source"), EVENTS[i].source) &&
            json_string_is(json_member(event, "detail-type"), EVENTS[i].detail_type)) {
            ret->service = EVENTS[i].service;
            return EVENTS[i].read(event, ret) && (ret->arn.len > 0 || ret->name.len > 0);
        }
    }
    return false;
}

bool rotation_hint_read(struct json_doc *doc, char *text, size_t len, struct rotation_hint *ret,
                        struct err *err)
{
    const struct json_limits limits = {.max_nodes = MAX_NODES, .max_depth = MAX_DEPTH};
    const struct json *event = NULL;
    struct rotation_hint hint = {0};
    struct err ignored;
    if (len == 0 || !json_parse(doc, text, len, &limits, &event, &ignored) ||
        !read_event(event, &hint)) {
        return not_a_hint(err);
    }
    *ret = hint;
    return true;
}
