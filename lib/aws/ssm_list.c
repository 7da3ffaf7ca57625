/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/answer.h"
#include "aws/service_operation.h"
#include "aws/ssm_messages.h"
#include "base/encode.h"
#include "base/limits.h"

enum {
    LIST_NODES = LIMIT_AWS_LIST_BYTES / 8,
    LIST_RESULTS = 50, /* DescribeParameters: MaxResults */
    TAG_NODES = 512,   /* a parameter has at most 50 tags */
};

static const struct service_operation DESCRIBE = {
    .protocol = SERVICE_JSON_1_1,
    .target = "AmazonSSM.DescribeParameters",
    .name = "DescribeParameters",
    .max_answer = LIMIT_AWS_LIST_BYTES,
};

static const struct service_operation LIST_TAGS = {
    .protocol = SERVICE_JSON_1_1,
    .target = "AmazonSSM.ListTagsForResource",
    .name = "ListTagsForResource",
    .max_answer = LIMIT_AWS_ANSWER_BYTES,
};

/* DescribeParameters. */

static void add_filter(const char *before, const char *kind, struct str_view key,
                       const char *option, struct str_view value, struct buf *ret)
{
    buf_printf(ret, "%s{\"Key\":\"%s", before, kind);
    encode_json_chars(ret, key);
    buf_printf(ret, "\",\"Option\":\"%s\",\"Values\":[", option);
    encode_json_string(ret, value);
    buf_add_str(ret, "]}");
}

void ssm_list_compose(const struct ssm_list *list, struct str_view token, struct buf *ret)
{
    const char *before = ",\"ParameterFilters\":[";
    buf_printf(ret, "{\"MaxResults\":%d", LIST_RESULTS);
    for (size_t i = 0; i < list->tag_count; i++) {
        add_filter(before, "tag:", list->tags[i].key, "Equals", list->tags[i].value, ret);
        before = ",";
    }
    if (list->path.len > 0) {
        add_filter(before, "Path", SV(""), "Recursive", list->path, ret);
    }
    if (list->tag_count > 0 || list->path.len > 0) {
        buf_add_byte(ret, ']');
    }
    answer_add_token(ret, token);
    buf_add_byte(ret, '}');
}

bool ssm_list_read(struct secret_buf *answer, ssm_named found, void *context, struct buf *token,
                   bool *enough, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    const struct json *parameters = NULL;
    if (!answer_parse(answer, LIST_NODES, &doc, &root, err) ||
        !answer_member(root, "Parameters", JSON_ARRAY, &parameters, err) ||
        !answer_next_token(root, token, err)) {
        return false;
    }
    JSON_FOR_EACH (entry, parameters) {
        struct str_view name = {0};
        if (!json_is(entry, JSON_OBJECT) || !answer_string(entry, "Name", &name, err) ||
            !answer_is_name(name)) {
            return answer_refuse(err);
        }
        if (!found(context, name)) {
            *enough = true;
            break;
        }
    }
    return true;
}

struct listing {
    const struct ssm_list *list;
    ssm_named found;
    void *context;
};

static bool compose_page(void *context, struct str_view token, struct buf *ret, struct err *err)
{
    const struct listing *listing = context;
    (void)err;
    ssm_list_compose(listing->list, token, ret);
    return true;
}

static bool take_page(void *context, struct http_response *page, struct buf *token, bool *enough,
                      struct err *err)
{
    const struct listing *listing = context;
    return ssm_list_read(&page->body, listing->found, listing->context, token, enough, err);
}

static void restart(void *context)
{
    (void)context;
}

bool ssm_describe_parameters(const struct service_target *target, const struct ssm_list *list,
                             ssm_named found, void *context, struct service_error *error,
                             struct err *err)
{
    struct listing listing = {.list = list, .found = found, .context = context};
    const struct service_pages pages = {
        .operation = &DESCRIBE,
        .max_pages = list->max_pages,
        .token_refused = "InvalidNextToken",
        .compose = compose_page,
        .read = take_page,
        .restart = restart,
        .context = &listing,
    };
    return service_pages_read(target, &pages, error, err) ||
           service_target_wrap(target, "list of parameters", list->path, err);
}

/* ListTagsForResource. */

bool ssm_tags_compose(const struct ssm_ref *ref, struct buf *ret, struct err *err)
{
    if (!ssm_name_check(ref, err)) {
        return false;
    }
    buf_add_str(ret, "{\"ResourceType\":\"Parameter\",\"ResourceId\":");
    ssm_name_add(ref, ret);
    buf_add_byte(ret, '}');
    return buf_check(ret, "request", err);
}

bool ssm_tags_read(struct secret_buf *answer, sm_describe found, void *context, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(mem_free_ptr) struct sm_tag *tags = NULL;
    struct sm_description seen = {0};
    const struct json *root = NULL;
    if (!answer_parse(answer, TAG_NODES, &doc, &root, err) ||
        !answer_tags(root, "TagList", &tags, &seen.tag_count, err)) {
        return false;
    }
    seen.tags = tags;
    (void)found(context, &seen);
    return true;
}

static bool list_tags(const struct service_target *target, const struct ssm_ref *ref,
                      sm_describe found, void *context, struct service_error *error,
                      struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(http_response_done) struct http_response answer = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!ssm_tags_compose(ref, &body, err) ||
        !service_operation_call(target, &LIST_TAGS, buf_view(&body), 0, &answer, error, err)) {
        return false;
    }
    if (!ssm_tags_read(&answer.body, found, context, err)) {
        answer_type_error(err, error);
        return false;
    }
    return true;
}

bool ssm_list_tags(const struct service_target *target, const struct ssm_ref *ref,
                   sm_describe found, void *context, struct service_error *error, struct err *err)
{
    return list_tags(target, ref, found, context, error, err) ||
           service_target_wrap(target, "tags of parameter", ref->key, err);
}
