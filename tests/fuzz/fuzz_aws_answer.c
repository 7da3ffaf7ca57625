/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of Secrets Manager, or of whatever stands in front of it: the first byte is the status,
 * headers follow up to an empty line, then the body. */
#include "aws/secretsmanager.h"
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

static void read_value(struct str_view body, bool prefer_binary)
{
    struct secret_buf answer = {0};
    struct secret_buf value = {0};
    struct err err = {0};
    secret_buf_init(&answer, LIMIT_AWS_ANSWER_BYTES);
    secret_buf_add(&answer, body);
    secret_buf_init(&value, LIMIT_AWS_VALUE_BYTES);
    if (sm_answer_read(&answer, prefer_binary, &value, &err)) {
        FUZZ_CHECK(value.bytes.len <= body.len);
    } else {
        FUZZ_CHECK(err.kind == ERR_UNAVAILABLE || err.kind == ERR_MISSING ||
                   err.kind == ERR_TOO_BIG);
    }
    secret_buf_done(&answer);
    secret_buf_done(&value);
}

static void read_error(unsigned status, struct str_view headers, struct str_view body)
{
    struct http_response response = {.status = status};
    buf_init(&response.headers, LIMIT_HEADER_BYTES);
    buf_add(&response.headers, headers);
    secret_buf_init(&response.body, LIMIT_AWS_ANSWER_BYTES);
    secret_buf_add(&response.body, body);
    struct service_error error = service_error_read(&response);
    FUZZ_CHECK(error.class != SERVICE_OK && error.status == status);
    check_token(error.code, sizeof error.code);
    check_token(error.request_id, sizeof error.request_id);
    struct err err = {0};
    FUZZ_CHECK(!service_error_report(&error, &err));
    FUZZ_CHECK(err.kind != ERR_NONE && err.kind != ERR_INTERNAL && err.message[0] != '\0');
    http_response_done(&response);
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
    struct str_view body = sv_from(rest, end + 2);
    read_value(body, data[0] & 1);
    read_error(300 + data[0], sv_first(rest, end), body);
    return 0;
}
