/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of a service that speaks JSON, or of whatever stands in front of it: the first byte is
 * the status, headers follow up to an empty line, then the body. It is read as every answer that it
 * could be. */
#include "aws/secretsmanager_messages.h"
#include "aws/sqs_messages.h"
#include "aws/ssm_messages.h"
#include "base/limits.h"
#include "fuzz.h"

#define ARN "arn:aws:secretsmanager:eu-central-1:111122223333:secret:"
#define PARAMETER_ARN "arn:aws:ssm:eu-central-1:111122223333:parameter/"

enum {
    TOKEN_BYTES = 4096,
};

static void check_token(const char *text, size_t size)
{
    FUZZ_CHECK(strlen(text) < size);
    for (; *text; text++) {
        FUZZ_CHECK((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                   (*text >= '0' && *text <= '9') || strchr("-_.", *text));
    }
}

static void check_id(const char *text)
{
    for (; text && *text; text++) {
        FUZZ_CHECK(*text > ' ' && *text < 0x7f);
    }
}

static void check_value(const struct remote_value *value, size_t body_len)
{
    FUZZ_CHECK(value->has_string || value->has_binary);
    FUZZ_CHECK(value->has_string || value->string.bytes.len == 0);
    FUZZ_CHECK(value->has_binary || value->binary.bytes.len == 0);
    FUZZ_CHECK(value->string.bytes.len <= body_len && value->binary.bytes.len <= body_len);
    FUZZ_CHECK(value->string.bytes.len <= LIMIT_AWS_VALUE_BYTES);
    FUZZ_CHECK(value->binary.bytes.len <= LIMIT_AWS_VALUE_BYTES);
    FUZZ_CHECK(strlen(value->version) < REMOTE_VERSION_BYTES);
    check_id(value->version);
    check_id(value->name);
    check_id(value->arn);
}

static void check_failure(const struct err *err)
{
    FUZZ_CHECK(err->kind == ERR_UNAVAILABLE || err->kind == ERR_MISSING ||
               err->kind == ERR_TOO_BIG);
}

/* Each reading overwrites its copy. */
static void response_of(struct str_view headers, struct str_view body, struct http_response *ret)
{
    *ret = (struct http_response){.status = 200};
    buf_init(&ret->headers, LIMIT_HEADER_BYTES);
    buf_add(&ret->headers, headers);
    secret_buf_init(&ret->body, LIMIT_AWS_BATCH_BYTES);
    secret_buf_add(&ret->body, body);
}

static void read_single(struct str_view body, bool parameter)
{
    CLEANUP(http_response_done) struct http_response answer = {0};
    CLEANUP(remote_value_done) struct remote_value value = {0};
    struct err err = {0};
    response_of(SV(""), body, &answer);
    bool read = parameter ? ssm_parameter_read(&answer.body, &value, &err)
                          : sm_value_read(&answer.body, &value, &err);
    if (read) {
        check_value(&value, body.len);
    } else {
        check_failure(&err);
    }
}

static void check_item(const struct remote_value *value, const struct service_error *error,
                       const struct err *err, size_t body_len)
{
    check_token(error->code, sizeof error->code);
    if (error->class == SERVICE_OK) {
        check_value(value, body_len);
    } else {
        FUZZ_CHECK(!value->has_string && !value->has_binary && err->kind != ERR_NONE);
    }
}

/* A value is that of the secret which was asked for. */
static void check_secret(const struct sm_batch_item *item)
{
    const struct remote_value *value = &item->value;
    bool by_arn = sv_starts_with(item->key, SV("arn:"));
    const char *id = by_arn ? value->arn : value->name;
    FUZZ_CHECK(id && sv_starts_with(sv_of(id), item->key));
    FUZZ_CHECK(sv_is(item->key, id) || (by_arn && strlen(id) == item->key.len + 7));
}

static void read_batch(struct str_view headers, struct str_view body)
{
    CLEANUP(http_response_done) struct http_response page = {0};
    CLEANUP(buf_done) struct buf token = {0};
    struct sm_batch_item items[] = {
        {.key = SV("a")}, {.key = SV("b")}, {.key = SV(ARN "b-AbCdEf")}, {.key = SV(ARN "c")}};
    struct sm_batch batch = {.items = items, .count = ARRAY_LEN(items)};
    struct err err = {0};
    buf_init(&token, TOKEN_BYTES);
    response_of(headers, body, &page);
    sm_batch_reset(&batch);
    if (!sm_batch_read(&batch, &page, &token, &err)) {
        FUZZ_CHECK(err.kind == ERR_UNAVAILABLE);
    }
    for (size_t i = 0; i < batch.count; i++) {
        check_item(&items[i].value, &items[i].error, &items[i].err, body.len);
        if (items[i].error.class == SERVICE_OK) {
            check_secret(&items[i]);
        }
        remote_value_done(&items[i].value);
    }
}

static void read_parameters(struct str_view body)
{
    CLEANUP(http_response_done) struct http_response answer = {0};
    struct ssm_batch_item items[] = {{.ref = {.key = SV("a")}},
                                     {.ref = {.key = SV("a"), .version = SV("2")}},
                                     {.ref = {.key = SV("b:blue")}},
                                     {.ref = {.key = SV(PARAMETER_ARN "c")}}};
    struct ssm_batch batch = {.items = items, .count = ARRAY_LEN(items)};
    struct err err = {0};
    response_of(SV(""), body, &answer);
    ssm_batch_reset(&batch);
    if (!ssm_batch_read(&batch, &answer.body, &err)) {
        FUZZ_CHECK(err.kind == ERR_UNAVAILABLE);
    }
    for (size_t i = 0; i < batch.count; i++) {
        check_item(&items[i].value, &items[i].error, &items[i].err, body.len);
        remote_value_done(&items[i].value);
    }
}

/* Every byte that is shown can be read. */
static uint64_t sum;

static void touch(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        sum += (unsigned char)text.data[i];
    }
}

static bool describe(void *context, const struct sm_description *description)
{
    (void)context;
    touch(description->name);
    touch(description->arn);
    for (size_t i = 0; i < description->tag_count; i++) {
        touch(description->tags[i].key);
        touch(description->tags[i].value);
    }
    for (size_t i = 0; i < description->version_count; i++) {
        const struct sm_version *version = &description->versions[i];
        touch(version->id);
        for (size_t j = 0; j < version->stage_count; j++) {
            touch(version->stages[j]);
        }
    }
    return true;
}

static bool list(void *context, const struct sm_description *description)
{
    FUZZ_CHECK(!description->deleted && sv_starts_with(description->name, SV("a")));
    return describe(context, description);
}

static void read_descriptions(struct str_view body)
{
    CLEANUP(http_response_done) struct http_response answer = {0};
    CLEANUP(http_response_done) struct http_response page = {0};
    CLEANUP(buf_done) struct buf token = {0};
    const struct sm_list wanted = {.name_prefix = SV("a")};
    bool enough = false;
    struct err err = {0};
    buf_init(&token, TOKEN_BYTES);
    response_of(SV(""), body, &answer);
    response_of(SV(""), body, &page);
    FUZZ_CHECK(sm_describe_read(&answer.body, describe, NULL, &err) || err.kind == ERR_UNAVAILABLE);
    FUZZ_CHECK(sm_list_read(&page.body, &wanted, list, NULL, &token, &enough, &err) ||
               err.kind == ERR_UNAVAILABLE);
}

static bool below(void *context, struct str_view name, struct remote_value *value)
{
    FUZZ_CHECK(name.len > 0 && value->name && sv_is(name, value->name));
    check_value(value, *(const size_t *)context);
    return true;
}

static void read_path(struct str_view body)
{
    CLEANUP(http_response_done) struct http_response page = {0};
    CLEANUP(buf_done) struct buf token = {0};
    bool enough = false;
    struct err err = {0};
    buf_init(&token, TOKEN_BYTES);
    response_of(SV(""), body, &page);
    if (!ssm_path_read(&page.body, below, &body.len, &token, &enough, &err)) {
        check_failure(&err);
    }
}

static void receive(void *context, const struct sqs_message *message)
{
    (void)context;
    FUZZ_CHECK(message->receipt_handle.len > 0);
    touch(message->receipt_handle);
    touch(message->body);
}

static void read_queue(struct str_view headers, struct str_view body)
{
    CLEANUP(http_response_done) struct http_response messages = {0};
    CLEANUP(http_response_done) struct http_response deleted = {0};
    struct service_error error = {0};
    struct err err = {0};
    response_of(headers, body, &messages);
    response_of(headers, body, &deleted);
    FUZZ_CHECK(sqs_receive_read(&messages.body, receive, NULL, &err) ||
               err.kind == ERR_UNAVAILABLE);
    bool done = sqs_delete_read(&deleted, 2, &error, &err);
    FUZZ_CHECK(done == (error.class == SERVICE_OK));
    check_token(error.code, sizeof error.code);
}

static void read_error(unsigned status, struct str_view headers, struct str_view body)
{
    CLEANUP(http_response_done) struct http_response response = {0};
    response_of(headers, body, &response);
    response.status = status;
    struct service_error error = service_error_read(&response);
    FUZZ_CHECK(error.class != SERVICE_OK && error.status == status);
    check_token(error.code, sizeof error.code);
    check_token(error.request_id, sizeof error.request_id);
    struct err err = {0};
    FUZZ_CHECK(!service_error_report(&error, &err));
    FUZZ_CHECK(err.kind != ERR_NONE && err.kind != ERR_INTERNAL && err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str_view rest = sv_make((const char *)data + 1, size - 1);
    size_t end = 0;
    while (end < rest.len && !sv_starts_with(sv_from(rest, end), SV("\n\n"))) {
        end++;
    }
    struct str_view headers = sv_first(rest, end);
    struct str_view body = sv_from(rest, end + 2);
    read_single(body, false);
    read_single(body, true);
    read_batch(headers, body);
    read_parameters(body);
    read_descriptions(body);
    read_path(body);
    read_queue(headers, body);
    read_error(300 + data[0], headers, body);
    return 0;
}
