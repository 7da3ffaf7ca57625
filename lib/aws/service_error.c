/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_error.h"

#include "base/json.h"

static const struct {
    const char *code;
    enum service_error_class class;
} CODES[] = {
    {"ResourceNotFoundException", SERVICE_NOT_FOUND},
    {"AccessDeniedException", SERVICE_DENIED},
    {"AccessDenied", SERVICE_DENIED},
    {"DecryptionFailure", SERVICE_DENIED},
    {"NotAuthorized", SERVICE_DENIED},
    {"OptInRequired", SERVICE_DENIED},
    {"MissingAuthenticationToken", SERVICE_DENIED},
    {"MissingAuthenticationTokenException", SERVICE_DENIED},
    {"IncompleteSignature", SERVICE_DENIED},
    {"IncompleteSignatureException", SERVICE_DENIED},
    {"ExpiredToken", SERVICE_CREDENTIAL},
    {"ExpiredTokenException", SERVICE_CREDENTIAL},
    {"UnrecognizedClientException", SERVICE_CREDENTIAL},
    {"InvalidClientTokenId", SERVICE_CREDENTIAL},
    {"TokenRefreshRequired", SERVICE_CREDENTIAL},
    {"AuthFailure", SERVICE_CLOCK},
    {"InvalidSignatureException", SERVICE_CLOCK},
    {"SignatureDoesNotMatch", SERVICE_CLOCK},
    {"RequestExpired", SERVICE_CLOCK},
    {"RequestInTheFuture", SERVICE_CLOCK},
    {"RequestTimeTooSkewed", SERVICE_CLOCK},
    {"Throttling", SERVICE_THROTTLE},
    {"ThrottlingException", SERVICE_THROTTLE},
    {"ThrottledException", SERVICE_THROTTLE},
    {"RequestThrottled", SERVICE_THROTTLE},
    {"RequestThrottledException", SERVICE_THROTTLE},
    {"TooManyRequestsException", SERVICE_THROTTLE},
    {"ProvisionedThroughputExceededException", SERVICE_THROTTLE},
    {"RequestLimitExceeded", SERVICE_THROTTLE},
    {"BandwidthLimitExceeded", SERVICE_THROTTLE},
    {"LimitExceededException", SERVICE_THROTTLE},
    {"SlowDown", SERVICE_THROTTLE},
    {"InternalServiceError", SERVICE_TRANSIENT},
    {"InternalServerError", SERVICE_TRANSIENT},
    {"InternalFailure", SERVICE_TRANSIENT},
    {"ServiceUnavailable", SERVICE_TRANSIENT},
    {"ServiceUnavailableException", SERVICE_TRANSIENT},
    {"RequestTimeout", SERVICE_TRANSIENT},
    {"RequestTimeoutException", SERVICE_TRANSIENT},
    {"PriorRequestNotComplete", SERVICE_TRANSIENT},
};

/* Into a fixed field, when it is made of what codes and ids are made of and fits; else left empty.
 */
static void copy_token(struct str_view text, char *ret, size_t size)
{
    if (text.len >= size) {
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && byte != '-' && byte != '_' && byte != '.') {
            return;
        }
    }
    if (text.len > 0) {
        memcpy(ret, text.data, text.len);
        ret[text.len] = '\0';
    }
}

/* "com.amazon.coral.service#AccessDeniedException:http://internal/" is AccessDeniedException. */
static struct str_view bare_code(struct str_view text)
{
    size_t hash = sv_find_last(text, '#');
    struct str_view code = hash < text.len ? sv_from(text, hash + 1) : text;
    return sv_first(code, sv_find(code, ':'));
}

/* Two services and an emulator have three ways to say it. */
static bool says_deleted(struct str_view message)
{
    return sv_contains(message, SV("marked for deletion")) ||
           sv_contains(message, SV("marked deleted")) ||
           sv_contains(message, SV("scheduled for deletion"));
}

static enum service_error_class class_of_code(const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
        if (strcmp(CODES[i].code, code) == 0) {
            return CODES[i].class;
        }
    }
    return SERVICE_OK;
}

static enum service_error_class class_of_status(unsigned status)
{
    if (status == 429) {
        return SERVICE_THROTTLE;
    }
    if (status == 401 || status == 403) {
        return SERVICE_DENIED;
    }
    return status >= 500 || status == 408 ? SERVICE_TRANSIENT : SERVICE_REQUEST;
}

/* A code we do not know says less than the status of a throttled or failed request. */
static enum service_error_class classify(const struct service_error *error, bool deleted)
{
    bool about_state = strcmp(error->code, "InvalidRequestException") == 0 ||
                       strcmp(error->code, "InvalidParameterException") == 0;
    if (about_state && deleted) {
        return SERVICE_NOT_FOUND;
    }
    enum service_error_class class = class_of_code(error->code);
    return class != SERVICE_OK ? class : class_of_status(error->status);
}

struct service_error service_error_read(struct http_response *response)
{
    struct service_error error = {.status = response->status};
    struct str_view headers = buf_view(&response->headers);
    struct str_view code = bare_code(http_header_find(headers, "x-amzn-ErrorType"));
    bool deleted = false;
    const struct json_limits limits = {.max_nodes = 256, .max_depth = 16};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *body = NULL;
    struct err ignored;
    if (response->body.bytes.len > 0 &&
        json_parse(&doc, response->body.bytes.data, response->body.bytes.len, &limits, &body,
                   &ignored)) {
        struct str_view type = json_string(json_member(body, "__type"));
        code = type.len ? bare_code(type) : code;
        deleted = says_deleted(json_string(json_member(body, "message"))) ||
                  says_deleted(json_string(json_member(body, "Message")));
    }
    copy_token(code, error.code, sizeof error.code);
    copy_token(http_header_find(headers, "x-amzn-RequestId"), error.request_id,
               sizeof error.request_id);
    error.class = classify(&error, deleted);
    return error;
}

static enum err_kind kind_of(enum service_error_class class)
{
    switch (class) {
    case SERVICE_OK:
        return ERR_INTERNAL;
    case SERVICE_NOT_FOUND:
        return ERR_MISSING;
    case SERVICE_DENIED:
    case SERVICE_CREDENTIAL:
    case SERVICE_CLOCK:
        return ERR_DENIED;
    case SERVICE_REQUEST:
        return ERR_INVALID;
    case SERVICE_THROTTLE:
        return ERR_BUSY;
    case SERVICE_TRANSIENT:
    case SERVICE_TRANSPORT:
        return ERR_UNAVAILABLE;
    }
    return ERR_INTERNAL;
}

bool service_error_report(const struct service_error *error, struct err *err)
{
    char what[SERVICE_CODE_BYTES + 16];
    if (error->code[0]) {
        (void)snprintf(what, sizeof what, "%s", error->code);
    } else {
        (void)snprintf(what, sizeof what, "HTTP status %u", error->status);
    }
    return err_set(err, kind_of(error->class), "%s (request id %s)", what,
                   error->request_id[0] ? error->request_id : "unknown");
}

const char *service_error_class_name(enum service_error_class class)
{
    switch (class) {
    case SERVICE_OK:
        return "OK";
    case SERVICE_NOT_FOUND:
        return "NOT_FOUND";
    case SERVICE_DENIED:
        return "DENIED";
    case SERVICE_REQUEST:
        return "REQUEST";
    case SERVICE_CREDENTIAL:
        return "CREDENTIAL";
    case SERVICE_CLOCK:
        return "CLOCK";
    case SERVICE_THROTTLE:
        return "THROTTLE";
    case SERVICE_TRANSIENT:
        return "TRANSIENT";
    case SERVICE_TRANSPORT:
        return "TRANSPORT";
    }
    return "REQUEST";
}
