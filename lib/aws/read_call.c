/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/read_call.h"

#include "aws/ssm.h"

size_t read_call_max(enum endpoint_service service)
{
    return service == ENDPOINT_SSM ? SSM_BATCH_MAX : SM_BATCH_MAX;
}

void read_call_add(struct read_call *call, struct read_fetch *fetch)
{
    bool first = call->count == 0;
    if (first || fetch->urgency < call->urgency) {
        call->urgency = fetch->urgency;
    }
    if (first || fetch->deadline_ms > call->deadline_ms) {
        call->deadline_ms = fetch->deadline_ms;
    }
    call->fetches[call->count++] = fetch;
}

/* What failed before a service was asked has a kind and may have no class. */
static enum service_error_class class_of_kind(enum err_kind kind)
{
    switch (kind) {
    case ERR_INVALID:
    case ERR_TOO_BIG:
        return SERVICE_REQUEST;
    case ERR_DENIED:
        return SERVICE_CREDENTIAL;
    case ERR_MISSING:
        return SERVICE_NOT_FOUND;
    case ERR_BUSY:
    case ERR_TIMEOUT:
        return SERVICE_TRANSPORT;
    case ERR_NONE:
    case ERR_CONFLICT:
    case ERR_UNAVAILABLE:
    case ERR_INTERNAL:
        break;
    }
    return SERVICE_TRANSIENT;
}

/* A failure is never without a class or a kind, whoever made it. */
static void type_error(struct service_error *error, struct err *err)
{
    if (error->class == SERVICE_OK) {
        error->class = class_of_kind(err->kind);
        error->retryable = err_kind_retryable(err->kind);
    }
    if (err->kind == ERR_NONE) {
        service_error_report(error, err);
    }
}

static void clear_error(struct read_fetch *fetch)
{
    fetch->error = (struct service_error){0};
    fetch->err = (struct err){0};
}

static void fail(struct read_fetch *fetch, const struct service_error *error, const struct err *err)
{
    remote_value_done(&fetch->value);
    fetch->error = *error;
    fetch->err = *err;
    type_error(&fetch->error, &fetch->err);
}

static void ask_again(struct read_fetch *fetch)
{
    remote_value_done(&fetch->value);
    clear_error(fetch);
    fetch->again = true;
}

static void make_single(const struct reader_calls *calls, enum endpoint_service service,
                        const struct service_target *target, struct read_fetch *fetch)
{
    if (calls->single(calls->context, service, target, fetch)) {
        clear_error(fetch);
    } else {
        fail(fetch, &fetch->error, &fetch->err);
    }
}

/* The service throttles or fails for one of a batch; and what it forgot is nowhere else to be had.
 */
static void end_in_batch(struct read_fetch *fetch)
{
    bool there = fetch->value.has_string || fetch->value.has_binary;
    if (fetch->error.class == SERVICE_OK && there) {
        clear_error(fetch);
    } else if (fetch->error.class == SERVICE_OK || read_error_passes(&fetch->error)) {
        ask_again(fetch);
    } else {
        fail(fetch, &fetch->error, &fetch->err);
    }
}

/* BatchGetSecretValue says for each secret whether it may be read, so that a denial of the whole is
 * about the action; GetParameters has one answer for both (aws.md §3.2, §4). */
static enum read_call_end end_of_batch(enum endpoint_service service,
                                       const struct service_error *error)
{
    if (strcmp(error->code, "UnknownOperationException") == 0 ||
        (error->class == SERVICE_DENIED && service != ENDPOINT_SSM)) {
        return READ_CALL_FORBIDDEN;
    }
    return error->class == SERVICE_DENIED || error->class == SERVICE_REQUEST ||
                   error->class == SERVICE_NOT_FOUND
               ? READ_CALL_SPOILT
               : READ_CALL_ENDED;
}

/* GetSecretValue allows a hundred times what BatchGetSecretValue does; GetParameter and
 * GetParameters share one quota, and ten calls instead of one would only be throttled as well
 * (aws.md §3.4, §4). */
static bool is_for_singles(enum endpoint_service service, enum read_call_end end,
                           const struct service_error *error, const struct err *err)
{
    return end != READ_CALL_ENDED || err->kind == ERR_TOO_BIG ||
           (error->class == SERVICE_THROTTLE && service != ENDPOINT_SSM);
}

static enum read_call_end make_batch(const struct read_call *call, const struct reader_calls *calls,
                                     enum endpoint_service service,
                                     const struct service_target *target)
{
    struct service_error error = {0};
    struct err err = {0};
    if (calls->batch(calls->context, service, target, call->fetches, call->count, &error, &err)) {
        for (size_t i = 0; i < call->count; i++) {
            end_in_batch(call->fetches[i]);
        }
        return READ_CALL_ENDED;
    }
    bool too_big = err.kind == ERR_TOO_BIG;
    type_error(&error, &err);
    enum read_call_end end = too_big ? READ_CALL_ENDED : end_of_batch(service, &error);
    bool again = is_for_singles(service, end, &error, &err);
    for (size_t i = 0; i < call->count; i++) {
        if (again) {
            ask_again(call->fetches[i]);
        } else {
            fail(call->fetches[i], &error, &err);
            err_wrap(&call->fetches[i]->err, "\"%.*s\"", SV_ARG(call->fetches[i]->key));
        }
    }
    return end;
}

enum read_call_end read_call_make(const struct read_call *call, const struct reader_calls *calls,
                                  enum endpoint_service service,
                                  const struct service_target *target)
{
    for (size_t i = 0; i < call->count; i++) {
        clear_error(call->fetches[i]);
        call->fetches[i]->again = false;
    }
    if (call->count > 1) {
        return make_batch(call, calls, service, target);
    }
    make_single(calls, service, target, call->fetches[0]);
    return READ_CALL_ENDED;
}
