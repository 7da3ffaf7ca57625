/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_operation.h"

#include "aws/answer.h"
#include "base/limits.h"

enum {
    SHOWN_KEY_BYTES = 120, /* leaves room for the cause behind it */
};

bool service_operation_call(const struct service_target *target,
                            const struct service_operation *operation, struct str_view body,
                            int64_t long_poll_ms, struct http_response *ret,
                            struct service_error *error, struct err *err)
{
    const struct service_request request = {
        .protocol = operation->protocol,
        .target = operation->target,
        .operation = operation->name,
        .body = body,
        .urgency = target->urgency,
        .deadline_ms = target->deadline_ms,
        .max_answer = operation->max_answer,
        .long_poll_ms = long_poll_ms,
    };
    return service_call(target->thread, target->endpoint, target->credentials, &request, ret, error,
                        err);
}

static bool read_page(const struct service_target *target, const struct service_pages *pages,
                      struct buf *token, bool *enough, struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(http_response_done) struct http_response page = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!pages->compose(pages->context, buf_view(token), &body, err) ||
        !buf_check(&body, "request", err) ||
        !service_operation_call(target, pages->operation, buf_view(&body), 0, &page, error, err)) {
        return false;
    }
    buf_clear(token);
    if (!pages->read(pages->context, &page, token, enough, err)) {
        answer_type_error(err, error);
        return false;
    }
    return true;
}

static bool read_pages(const struct service_target *target, const struct service_pages *pages,
                       bool *ret_refused, struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf token = {0};
    buf_init(&token, ANSWER_TOKEN_BYTES);
    for (unsigned i = 0; i < pages->max_pages; i++) {
        bool enough = false;
        if (!read_page(target, pages, &token, &enough, error, err)) {
            *ret_refused = i > 0 && strcmp(error->code, pages->token_refused) == 0;
            return false;
        }
        if (enough || token.len == 0) {
            return true;
        }
    }
    *error = (struct service_error){.class = SERVICE_REQUEST, .status = 200};
    return err_set(err, ERR_TOO_BIG, "%s has more than %u pages", pages->operation->name,
                   pages->max_pages);
}

bool service_pages_read(const struct service_target *target, const struct service_pages *pages,
                        struct service_error *error, struct err *err)
{
    bool refused = false;
    if (read_pages(target, pages, &refused, error, err)) {
        return true;
    }
    if (!refused) {
        return false;
    }
    pages->restart(pages->context);
    return read_pages(target, pages, &refused, error, err);
}

bool service_target_wrap(const struct service_target *target, const char *what, struct str_view key,
                         struct err *err)
{
    struct str_view shown = sv_first(key, SHOWN_KEY_BYTES);
    return err_wrap(err, "%s%s%.*s%s in %s", what, key.len > 0 ? " " : "", SV_ARG(shown),
                    shown.len < key.len ? "..." : "",
                    service_endpoint_address(target->endpoint)->region);
}
