/* SPDX-License-Identifier: Apache-2.0 */
/* What comes back is in no order and named by the service, so it is matched with what was asked
 * for. A value must never be handed to whoever asked for another: where a name or an ARN could mean
 * two secrets (a name beside the ARN of its namesake in another account, an ARN without suffix that
 * looks as if it had one) nothing is matched, and the key is asked for singly (aws.md §3.1). */
#include <assert.h>

#include "aws/answer.h"
#include "aws/secretsmanager_messages.h"
#include "aws/service_operation.h"
#include "base/encode.h"
#include "base/limits.h"

enum {
    BATCH_NODES = 4096, /* 20 secrets of some 30 values, labels included */
    MAX_PAGES = 100,
    SUFFIX_BYTES = 7, /* "-AbCdEf" behind the name in an ARN */
};

static const struct service_operation BATCH = {
    .protocol = SERVICE_JSON_1_1,
    .target = "secretsmanager.BatchGetSecretValue",
    .name = "BatchGetSecretValue",
    .max_answer = LIMIT_AWS_BATCH_BYTES,
};

void sm_batch_reset(struct sm_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct sm_batch_item *item = &batch->items[i];
        remote_value_done(&item->value);
        answer_say_nothing(&item->error, &item->err);
        batch->answered[i] = false;
    }
}

bool sm_batch_can_ask(struct str_view key)
{
    return answer_is_name(key);
}

void sm_batch_compose(const struct sm_batch *batch, struct str_view token, struct buf *ret)
{
    const char *before = "{\"SecretIdList\":[";
    for (size_t i = 0; i < batch->count; i++) {
        if (sm_batch_can_ask(batch->items[i].key)) {
            buf_add_str(ret, before);
            encode_json_string(ret, batch->items[i].key);
            before = ",";
        }
    }
    buf_add_byte(ret, ']');
    answer_add_token(ret, token);
    buf_add_byte(ret, '}');
}

static bool is_alphanumeric(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static bool has_suffix(struct str_view arn)
{
    if (arn.len < SUFFIX_BYTES || arn.data[arn.len - SUFFIX_BYTES] != '-') {
        return false;
    }
    for (size_t i = arn.len - SUFFIX_BYTES + 1; i < arn.len; i++) {
        if (!is_alphanumeric(arn.data[i])) {
            return false;
        }
    }
    return true;
}

static bool key_is_arn(struct str_view key, struct str_view arn)
{
    return arn.len > 0 &&
           (sv_equal(key, arn) || (has_suffix(arn) && !has_suffix(key) &&
                                   sv_equal(key, sv_first(arn, arn.len - SUFFIX_BYTES))));
}

static bool is_asked_by_arn(const struct sm_batch *batch, struct str_view arn)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (key_is_arn(batch->items[i].key, arn)) {
            return true;
        }
    }
    return false;
}

static void type_item_error(struct sm_batch_item *item)
{
    item->error = (struct service_error){.status = 200};
    answer_type_error(&item->err, &item->error);
}

static void answer_item(struct sm_batch *batch, size_t i, const struct json *entry)
{
    struct sm_batch_item *item = &batch->items[i];
    batch->answered[i] = true;
    item->error = (struct service_error){.class = SERVICE_OK, .status = 200};
    item->err = (struct err){0};
    if (!sm_value_take(entry, &item->value, &item->err)) {
        type_item_error(item);
    }
}

static bool read_value(struct sm_batch *batch, const struct json *entry, struct err *err)
{
    struct str_view name = {0};
    struct str_view arn = {0};
    if (!json_is(entry, JSON_OBJECT)) {
        return answer_refuse(err);
    }
    if (!answer_string(entry, "Name", &name, err) || !answer_string(entry, "ARN", &arn, err)) {
        return false;
    }
    bool by_arn = is_asked_by_arn(batch, arn);
    for (size_t i = 0; i < batch->count; i++) {
        struct str_view key = batch->items[i].key;
        bool is_meant = by_arn ? key_is_arn(key, arn) : name.len > 0 && sv_equal(key, name);
        if (is_meant && !batch->answered[i]) {
            answer_item(batch, i, entry);
        }
    }
    return true;
}

static void refuse_item(struct sm_batch *batch, size_t i, const struct service_error *error)
{
    struct sm_batch_item *item = &batch->items[i];
    batch->answered[i] = true;
    item->error = *error;
    if (error->code[0]) {
        (void)service_error_report(error, &item->err);
    } else {
        (void)err_set(&item->err, ERR_UNAVAILABLE, "an error without a code");
    }
}

static bool read_error(struct sm_batch *batch, const struct json *entry,
                       const struct http_response *page, struct err *err)
{
    struct str_view id = {0};
    struct str_view code = {0};
    struct str_view message = {0};
    if (!json_is(entry, JSON_OBJECT)) {
        return answer_refuse(err);
    }
    if (!answer_string(entry, "SecretId", &id, err) ||
        !answer_string(entry, "ErrorCode", &code, err) ||
        !answer_string(entry, "Message", &message, err)) {
        return false;
    }
    struct service_error error = answer_entry_error(page, 400, code, message);
    for (size_t i = 0; i < batch->count; i++) {
        struct str_view key = batch->items[i].key;
        bool is_meant = id.len > 0 && (sv_equal(key, id) || key_is_arn(key, id));
        if (is_meant && !batch->answered[i]) {
            refuse_item(batch, i, &error);
        }
    }
    return true;
}

static bool read_root(struct sm_batch *batch, const struct json *root,
                      const struct http_response *page, struct buf *token, struct err *err)
{
    const struct json *values = NULL;
    const struct json *errors = NULL;
    if (!answer_member(root, "SecretValues", JSON_ARRAY, &values, err) ||
        !answer_member(root, "Errors", JSON_ARRAY, &errors, err)) {
        return false;
    }
    JSON_FOR_EACH (entry, values) {
        if (!read_value(batch, entry, err)) {
            return false;
        }
    }
    JSON_FOR_EACH (entry, errors) {
        if (!read_error(batch, entry, page, err)) {
            return false;
        }
    }
    return answer_next_token(root, token, err);
}

bool sm_batch_read(struct sm_batch *batch, struct http_response *page, struct buf *token,
                   struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    return answer_parse(&page->body, BATCH_NODES, &doc, &root, err) &&
           read_root(batch, root, page, token, err);
}

/* Pages. */

static bool compose_page(void *context, struct str_view token, struct buf *ret, struct err *err)
{
    (void)err;
    sm_batch_compose(context, token, ret);
    return true;
}

static bool take_page(void *context, struct http_response *page, struct buf *token, bool *enough,
                      struct err *err)
{
    (void)enough;
    return sm_batch_read(context, page, token, err);
}

static void restart(void *context)
{
    sm_batch_reset(context);
}

static bool can_ask_any(const struct sm_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (sm_batch_can_ask(batch->items[i].key)) {
            return true;
        }
    }
    return false;
}

static void wrap_items(const struct service_target *target, struct sm_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct sm_batch_item *item = &batch->items[i];
        if (item->error.class != SERVICE_OK) {
            (void)service_target_wrap(target, "secret", item->key, &item->err);
        }
    }
}

bool sm_batch_get_secret_value(const struct service_target *target, struct sm_batch_item *items,
                               size_t count, struct service_error *error, struct err *err)
{
    assert(count >= 1 && count <= SM_BATCH_MAX);
    struct sm_batch batch = {.items = items, .count = count};
    const struct service_pages pages = {
        .operation = &BATCH,
        .max_pages = MAX_PAGES,
        .token_refused = "InvalidNextTokenException",
        .compose = compose_page,
        .read = take_page,
        .restart = restart,
        .context = &batch,
    };
    sm_batch_reset(&batch);
    *error = (struct service_error){.class = SERVICE_OK};
    bool done = !can_ask_any(&batch) || service_pages_read(target, &pages, error, err);
    if (!done) {
        sm_batch_reset(&batch);
    }
    wrap_items(target, &batch);
    return done || err_wrap(err, "%zu secrets in %s", count,
                            service_endpoint_address(target->endpoint)->region);
}
