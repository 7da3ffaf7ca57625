/* SPDX-License-Identifier: Apache-2.0 */
/* The service answers in an order of its own and names a parameter without its selector, which it
 * tells beside it (":3"). An emulator leaves the selector out; then a version is matched by its
 * number, and anything else only where one reference alone means that parameter. What is not
 * matched for certain is asked for singly. */
#include <assert.h>

#include "aws/answer.h"
#include "aws/service_operation.h"
#include "aws/ssm_messages.h"
#include "base/encode.h"
#include "base/limits.h"

enum {
    BATCH_NODES = 1024, /* ten parameters of some ten values */
    ARN_COLONS = 5,     /* in front of the resource of an ARN */
};

static const struct service_operation BATCH = {
    .protocol = SERVICE_JSON_1_1,
    .target = "AmazonSSM.GetParameters",
    .name = "GetParameters",
    .max_answer = LIMIT_AWS_ANSWER_BYTES,
};

void ssm_batch_reset(struct ssm_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct ssm_batch_item *item = &batch->items[i];
        remote_value_done(&item->value);
        answer_say_nothing(&item->error, &item->err);
        batch->answered[i] = false;
    }
}

bool ssm_batch_can_ask(const struct ssm_ref *ref)
{
    struct err ignored;
    return answer_is_name(ref->key) && ssm_name_check(ref, &ignored);
}

void ssm_batch_compose(const struct ssm_batch *batch, struct buf *ret)
{
    const char *before = "{\"Names\":[";
    for (size_t i = 0; i < batch->count; i++) {
        if (ssm_batch_can_ask(&batch->items[i].ref)) {
            buf_add_str(ret, before);
            ssm_name_add(&batch->items[i].ref, ret);
            before = ",";
        }
    }
    buf_add_str(ret, "],\"WithDecryption\":true}");
}

/* A reference, or what names itself in an answer. */
struct parameter {
    struct str_view name;     /* of a reference also its ARN */
    struct str_view arn;      /* of an answer */
    struct str_view selector; /* without the colon; empty: none */
    bool has_selector;
};

static struct parameter parameter_of(const struct ssm_ref *ref)
{
    if (ref->version.len > 0) {
        return (struct parameter){.name = ref->key, .selector = ref->version, .has_selector = true};
    }
    size_t at = 0;
    for (int i = 0; i < ARN_COLONS && sv_starts_with(ref->key, SV("arn:")); i++) {
        at += sv_find(sv_from(ref->key, at), ':') + 1;
    }
    struct str_view rest = sv_from(ref->key, at);
    size_t colon = sv_find(rest, ':');
    return (struct parameter){
        .name = sv_first(ref->key, at + colon),
        .selector = sv_from(rest, colon + 1),
        .has_selector = colon < rest.len,
    };
}

static bool is_asked_by_arn(const struct ssm_batch *batch, struct str_view arn)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (arn.len > 0 && sv_equal(parameter_of(&batch->items[i].ref).name, arn)) {
            return true;
        }
    }
    return false;
}

/* A name beside the ARN of a parameter of that name does not mean it: the ARN may be another
 * account's. */
static bool is_named(const struct ssm_batch *batch, const struct parameter *asked,
                     const struct parameter *found)
{
    return is_asked_by_arn(batch, found->arn)
               ? sv_equal(asked->name, found->arn)
               : found->name.len > 0 && sv_equal(asked->name, found->name);
}

/* References that mean some version of it. */
static size_t count_named(const struct ssm_batch *batch, const struct parameter *found)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct parameter asked = parameter_of(&batch->items[i].ref);
        count += is_named(batch, &asked, found) ? 1 : 0;
    }
    return count;
}

static bool is_number(struct str_view text)
{
    uint64_t ignored = 0;
    return sv_to_u64(text, &ignored);
}

static bool is_selected(const struct parameter *asked, const struct parameter *found,
                        struct str_view version, bool alone, bool tells_selectors)
{
    if (found->has_selector) {
        return asked->has_selector && sv_equal(asked->selector, found->selector);
    }
    if (is_number(asked->selector)) {
        return sv_equal(asked->selector, version);
    }
    return alone || (!asked->has_selector && tells_selectors);
}

static bool read_names(const struct json *entry, struct parameter *ret, struct err *err)
{
    const struct json *selector = NULL;
    if (!json_is(entry, JSON_OBJECT)) {
        return answer_refuse(err);
    }
    if (!answer_string(entry, "Name", &ret->name, err) ||
        !answer_string(entry, "ARN", &ret->arn, err) ||
        !answer_member(entry, "Selector", JSON_STRING, &selector, err)) {
        return false;
    }
    struct str_view text = json_string(selector);
    ret->selector = sv_starts_with(text, SV(":")) ? sv_from(text, 1) : text;
    ret->has_selector = ret->selector.len > 0;
    return true;
}

static void answer_item(struct ssm_batch *batch, size_t i, const struct json *entry)
{
    struct ssm_batch_item *item = &batch->items[i];
    batch->answered[i] = true;
    item->error = (struct service_error){.class = SERVICE_OK, .status = 200};
    item->err = (struct err){0};
    if (!ssm_value_take(entry, &item->value, &item->err)) {
        answer_type_error(&item->err, &item->error);
    }
}

static bool read_value(struct ssm_batch *batch, const struct json *entry, bool tells_selectors,
                       struct err *err)
{
    struct parameter found = {0};
    if (!read_names(entry, &found, err)) {
        return false;
    }
    const struct json *number = json_member(entry, "Version");
    struct str_view version =
        json_is(number, JSON_NUMBER) ? sv_make(number->text, number->len) : SV("");
    bool alone = count_named(batch, &found) == 1;
    for (size_t i = 0; i < batch->count; i++) {
        struct parameter asked = parameter_of(&batch->items[i].ref);
        if (!batch->answered[i] && is_named(batch, &asked, &found) &&
            is_selected(&asked, &found, version, alone, tells_selectors)) {
            answer_item(batch, i, entry);
        }
    }
    return true;
}

/* "name" or "name:selector", as it was sent. */
static bool is_as_sent(struct str_view text, const struct parameter *asked)
{
    struct str_view rest = sv_from(text, asked->name.len);
    return sv_starts_with(text, asked->name) &&
           (asked->has_selector
                ? sv_starts_with(rest, SV(":")) && sv_equal(sv_from(rest, 1), asked->selector)
                : rest.len == 0);
}

static void refuse_item(struct ssm_batch *batch, size_t i)
{
    struct ssm_batch_item *item = &batch->items[i];
    batch->answered[i] = true;
    item->error = (struct service_error){
        .class = SERVICE_NOT_FOUND, .status = 200, .code = "InvalidParameters"};
    (void)err_set(&item->err, ERR_MISSING,
                  "InvalidParameters: no such parameter, or no such version or label of it");
}

static bool read_invalid(struct ssm_batch *batch, const struct json *name, struct err *err)
{
    if (!json_is(name, JSON_STRING)) {
        return answer_refuse(err);
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct parameter asked = parameter_of(&batch->items[i].ref);
        if (!batch->answered[i] && is_as_sent(json_string(name), &asked)) {
            refuse_item(batch, i);
        }
    }
    return true;
}

static bool tells_selectors(const struct json *parameters)
{
    JSON_FOR_EACH (entry, parameters) {
        if (json_string(json_member(entry, "Selector")).len > 0) {
            return true;
        }
    }
    return false;
}

bool ssm_batch_read(struct ssm_batch *batch, struct secret_buf *answer, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    const struct json *parameters = NULL;
    const struct json *invalid = NULL;
    if (!answer_parse(answer, BATCH_NODES, &doc, &root, err) ||
        !answer_member(root, "Parameters", JSON_ARRAY, &parameters, err) ||
        !answer_member(root, "InvalidParameters", JSON_ARRAY, &invalid, err)) {
        return false;
    }
    bool selectors = tells_selectors(parameters);
    JSON_FOR_EACH (entry, parameters) {
        if (!read_value(batch, entry, selectors, err)) {
            return false;
        }
    }
    JSON_FOR_EACH (name, invalid) {
        if (!read_invalid(batch, name, err)) {
            return false;
        }
    }
    return true;
}

static bool can_ask_any(const struct ssm_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (ssm_batch_can_ask(&batch->items[i].ref)) {
            return true;
        }
    }
    return false;
}

static bool get_parameters(const struct service_target *target, struct ssm_batch *batch,
                           struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(http_response_done) struct http_response answer = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    ssm_batch_compose(batch, &body);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!buf_check(&body, "request", err) ||
        !service_operation_call(target, &BATCH, buf_view(&body), 0, &answer, error, err)) {
        return false;
    }
    if (!ssm_batch_read(batch, &answer.body, err)) {
        answer_type_error(err, error);
        ssm_batch_reset(batch);
        return false;
    }
    return true;
}

static void wrap_items(const struct service_target *target, struct ssm_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct ssm_batch_item *item = &batch->items[i];
        if (item->error.class != SERVICE_OK) {
            (void)service_target_wrap(target, "parameter", item->ref.key, &item->err);
        }
    }
}

bool ssm_get_parameters(const struct service_target *target, struct ssm_batch_item *items,
                        size_t count, struct service_error *error, struct err *err)
{
    assert(count >= 1 && count <= SSM_BATCH_MAX);
    struct ssm_batch batch = {.items = items, .count = count};
    ssm_batch_reset(&batch);
    *error = (struct service_error){.class = SERVICE_OK};
    bool done = !can_ask_any(&batch) || get_parameters(target, &batch, error, err);
    wrap_items(target, &batch);
    return done || err_wrap(err, "%zu parameters in %s", count,
                            service_endpoint_address(target->endpoint)->region);
}
