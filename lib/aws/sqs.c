/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sqs.h"

#include <assert.h>

#include "aws/answer.h"
#include "aws/service_operation.h"
#include "aws/sqs_messages.h"
#include "base/encode.h"
#include "base/limits.h"

enum {
    RECEIVE_NODES = 1024, /* ten messages of some ten values; attributes are not asked for */
    DELETE_NODES = 256,
    ACCOUNT_DIGITS = 12,
    QUEUE_NAME_MAX = 80,
};

static const struct service_operation RECEIVE = {
    .protocol = SERVICE_JSON_1_0,
    .target = "AmazonSQS.ReceiveMessage",
    .name = "ReceiveMessage",
    .max_answer = LIMIT_AWS_QUEUE_BYTES,
};

static const struct service_operation DELETE = {
    .protocol = SERVICE_JSON_1_0,
    .target = "AmazonSQS.DeleteMessageBatch",
    .name = "DeleteMessageBatch",
    .max_answer = LIMIT_AWS_ANSWER_BYTES,
};

/* ReceiveMessage. */

void sqs_receive_compose(struct str_view queue_url, unsigned wait_s, struct buf *ret)
{
    buf_add_str(ret, "{\"QueueUrl\":");
    encode_json_string(ret, queue_url);
    buf_printf(ret, ",\"MaxNumberOfMessages\":%d,\"WaitTimeSeconds\":%u}", SQS_MESSAGES_MAX,
               wait_s);
}

static bool read_message(const struct json *entry, struct sqs_message *ret, struct err *err)
{
    if (!json_is(entry, JSON_OBJECT)) {
        return answer_refuse(err);
    }
    return answer_string(entry, "MessageId", &ret->id, err) &&
           answer_string(entry, "Body", &ret->body, err) &&
           answer_string(entry, "ReceiptHandle", &ret->receipt_handle, err) &&
           (ret->receipt_handle.len > 0 || answer_refuse(err));
}

bool sqs_receive_read(struct secret_buf *answer,
                      void (*found)(void *context, const struct sqs_message *message),
                      void *context, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    const struct json *messages = NULL;
    struct sqs_message read[SQS_MESSAGES_MAX];
    size_t count = 0;
    if (!answer_parse(answer, RECEIVE_NODES, &doc, &root, err) ||
        !answer_member(root, "Messages", JSON_ARRAY, &messages, err)) {
        return false;
    }
    JSON_FOR_EACH (entry, messages) {
        if (count == SQS_MESSAGES_MAX) {
            return answer_refuse(err);
        }
        if (!read_message(entry, &read[count++], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        found(context, &read[i]);
    }
    return true;
}

bool sqs_receive(const struct service_target *target, struct str_view queue_url, unsigned wait_s,
                 void (*found)(void *context, const struct sqs_message *message), void *context,
                 struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(http_response_done) struct http_response answer = {0};
    unsigned seconds = wait_s < SQS_WAIT_S ? wait_s : SQS_WAIT_S;
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    sqs_receive_compose(queue_url, seconds, &body);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!buf_check(&body, "request", err) ||
        !service_operation_call(target, &RECEIVE, buf_view(&body), (int64_t)seconds * 1000, &answer,
                                error, err)) {
        return service_target_wrap(target, "queue", queue_url, err);
    }
    if (!sqs_receive_read(&answer.body, found, context, err)) {
        answer_type_error(err, error);
        return service_target_wrap(target, "queue", queue_url, err);
    }
    return true;
}

/* DeleteMessageBatch. */

void sqs_delete_compose(struct str_view queue_url, const struct str_view *receipt_handles,
                        size_t count, struct buf *ret)
{
    buf_add_str(ret, "{\"QueueUrl\":");
    encode_json_string(ret, queue_url);
    for (size_t i = 0; i < count; i++) {
        buf_add_str(ret, i == 0 ? ",\"Entries\":[" : ",");
        buf_printf(ret, "{\"Id\":\"%zu\",\"ReceiptHandle\":", i);
        encode_json_string(ret, receipt_handles[i]);
        buf_add_byte(ret, '}');
    }
    buf_add_str(ret, "]}");
}

static bool read_failed(const struct json *entry, const struct http_response *answer,
                        struct service_error *error, struct err *err)
{
    struct str_view code = {0};
    struct str_view message = {0};
    if (!json_is(entry, JSON_OBJECT) || !answer_string(entry, "Code", &code, err) ||
        !answer_string(entry, "Message", &message, err)) {
        return answer_refuse(err);
    }
    bool ours = json_is_true(json_member(entry, "SenderFault"));
    *error = answer_entry_error(answer, ours ? 400 : 500, code, message);
    return error->code[0] ? service_error_report(error, err)
                          : err_set(err, ERR_UNAVAILABLE, "a message was not deleted");
}

/* Exactly the entries that were sent, each once. */
static bool are_all_deleted(const struct json *successful, size_t count)
{
    bool deleted[SQS_MESSAGES_MAX] = {false};
    size_t found = 0;
    JSON_FOR_EACH (entry, successful) {
        uint64_t id = 0;
        if (sv_to_u64(json_string(json_member(entry, "Id")), &id) && id < count && !deleted[id]) {
            deleted[id] = true;
            found++;
        }
    }
    return found == count;
}

bool sqs_delete_read(struct http_response *answer, size_t count, struct service_error *error,
                     struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    const struct json *successful = NULL;
    const struct json *failed = NULL;
    *error = (struct service_error){
        .class = SERVICE_TRANSIENT, .retryable = true, .status = answer->status};
    if (!answer_parse(&answer->body, DELETE_NODES, &doc, &root, err) ||
        !answer_member(root, "Successful", JSON_ARRAY, &successful, err) ||
        !answer_member(root, "Failed", JSON_ARRAY, &failed, err)) {
        return false;
    }
    if (json_first(failed)) {
        return read_failed(json_first(failed), answer, error, err);
    }
    if (!are_all_deleted(successful, count)) {
        return err_set(err, ERR_UNAVAILABLE, "a message was not deleted");
    }
    *error = (struct service_error){.class = SERVICE_OK, .status = answer->status};
    return true;
}

bool sqs_delete(const struct service_target *target, struct str_view queue_url,
                const struct str_view *receipt_handles, size_t count, struct service_error *error,
                struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(http_response_done) struct http_response answer = {0};
    assert(count >= 1 && count <= SQS_MESSAGES_MAX);
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    sqs_delete_compose(queue_url, receipt_handles, count, &body);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    return (buf_check(&body, "request", err) &&
            service_operation_call(target, &DELETE, buf_view(&body), 0, &answer, error, err) &&
            sqs_delete_read(&answer, count, error, err)) ||
           service_target_wrap(target, "queue", queue_url, err);
}

/* The queue's URL. */

static bool is_made_of(struct str_view text, struct str_view others)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && sv_find(others, byte) == others.len) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_account(struct str_view text)
{
    uint64_t ignored = 0;
    return text.len == ACCOUNT_DIGITS && sv_to_u64(text, &ignored);
}

bool sqs_queue_region(struct str_view queue_url, struct str_view *ret, struct err *err)
{
    struct str_view rest = sv_from(queue_url, strlen("https://"));
    struct str_view host = {0};
    struct str_view account = {0};
    struct str_view service = {0};
    struct str_view region = {0};
    if (!sv_starts_with(queue_url, SV("https://")) || !sv_split(&rest, '/', &host) ||
        !sv_split(&rest, '/', &account) || !sv_split(&host, '.', &service) ||
        !sv_split(&host, '.', &region) || !sv_is(service, "sqs") || !is_made_of(host, SV("-.")) ||
        !is_account(account) || !is_made_of(rest, SV("-_.")) || rest.len > QUEUE_NAME_MAX ||
        !is_made_of(region, SV("-")) || region.len >= REGION_BYTES) {
        return err_set(err, ERR_INVALID,
                       "the queue's URL is not \"https://sqs.<region>.<suffix>/<account>/<name>\"");
    }
    *ret = region;
    return true;
}
