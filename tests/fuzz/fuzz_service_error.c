/* SPDX-License-Identifier: Apache-2.0 */
/* An error answer of an AWS service, or of whatever stands in front of it: the first byte is the
 * status, headers follow up to an empty line, then the body. */
#include "aws/service_error.h"
#include "base/limits.h"
#include "fuzz.h"

static void check_token(const char *text, size_t size)
{
    FUZZ_CHECK(strlen(text) < size);
    for (; *text; text++) {
        FUZZ_CHECK((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                   (*text >= '0' && *text <= '9') || strchr("-_.", *text));
    }
}

static void check_error(const struct service_error *error)
{
    struct err err = {0};
    check_token(error->code, sizeof error->code);
    check_token(error->request_id, sizeof error->request_id);
    FUZZ_CHECK(error->class != SERVICE_OK && error->class != SERVICE_TRANSPORT);
    FUZZ_CHECK(!service_error_report(error, &err));
    FUZZ_CHECK(err.kind != ERR_NONE && err.kind != ERR_INTERNAL && err.message[0] != '\0');
    FUZZ_CHECK(err.retryable == error->retryable);
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
    struct http_response response = {.status = 300U + data[0]};
    buf_init(&response.headers, LIMIT_HEADER_BYTES);
    buf_add(&response.headers, sv_first(rest, end));
    secret_buf_init(&response.body, LIMIT_AWS_ANSWER_BYTES);
    secret_buf_add(&response.body, sv_from(rest, end + 2));
    struct service_error error = service_error_read(&response);
    FUZZ_CHECK(error.status == response.status);
    check_error(&error);
    http_response_done(&response);
    return 0;
}
