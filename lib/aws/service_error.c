/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_error.h"

#include "aws/xml.h"
#include "base/json.h"

/* The codes of Secrets Manager, Systems Manager, SQS and STS, those that every AWS service may
 * answer, and those that the AWS SDKs retry (botocore's standard mode). A code says more than the
 * status beside it: 400 and 404 are used for the same thing. */
static const struct {
    const char *code;
    enum service_error_class class;
} CODES[] = {
    {"ResourceNotFoundException", SERVICE_NOT_FOUND},
    {"ParameterNotFound", SERVICE_NOT_FOUND},
    {"ParameterVersionNotFound", SERVICE_NOT_FOUND},
    {"QueueDoesNotExist", SERVICE_NOT_FOUND},

    {"AccessDeniedException", SERVICE_DENIED},
    {"AccessDenied", SERVICE_DENIED},
    {"DecryptionFailure", SERVICE_DENIED},
    {"InvalidKeyId", SERVICE_DENIED},
    {"KmsAccessDenied", SERVICE_DENIED},
    {"KmsDisabled", SERVICE_DENIED},
    {"KmsInvalidKeyUsage", SERVICE_DENIED},
    {"KmsInvalidState", SERVICE_DENIED},
    {"KmsNotFound", SERVICE_DENIED},
    {"KmsOptInRequired", SERVICE_DENIED},
    {"IDPRejectedClaim", SERVICE_DENIED},
    {"RegionDisabledException", SERVICE_DENIED},
    {"NotAuthorized", SERVICE_DENIED},
    {"OptInRequired", SERVICE_DENIED},
    {"MissingAuthenticationToken", SERVICE_DENIED},
    {"MissingAuthenticationTokenException", SERVICE_DENIED},
    {"IncompleteSignature", SERVICE_DENIED},
    {"IncompleteSignatureException", SERVICE_DENIED},

    {"InvalidNextToken", SERVICE_REQUEST},
    {"InvalidNextTokenException", SERVICE_REQUEST},
    {"InvalidParameterException", SERVICE_REQUEST},
    {"InvalidRequestException", SERVICE_REQUEST},
    {"MalformedPolicyDocument", SERVICE_REQUEST},
    {"PackedPolicyTooLarge", SERVICE_REQUEST},
    {"SerializationException", SERVICE_REQUEST},
    {"UnknownOperationException", SERVICE_REQUEST},
    {"ValidationError", SERVICE_REQUEST},
    {"ValidationException", SERVICE_REQUEST},

    {"ExpiredToken", SERVICE_CREDENTIAL},
    {"ExpiredTokenException", SERVICE_CREDENTIAL},
    {"InvalidClientTokenId", SERVICE_CREDENTIAL},
    {"InvalidIdentityToken", SERVICE_CREDENTIAL},
    {"TokenRefreshRequired", SERVICE_CREDENTIAL},
    {"UnrecognizedClientException", SERVICE_CREDENTIAL},

    {"AuthFailure", SERVICE_CLOCK},
    {"InvalidSignatureException", SERVICE_CLOCK},
    {"RequestExpired", SERVICE_CLOCK},
    {"RequestInTheFuture", SERVICE_CLOCK},
    {"RequestTimeTooSkewed", SERVICE_CLOCK},
    {"SignatureDoesNotMatch", SERVICE_CLOCK},

    {"BandwidthLimitExceeded", SERVICE_THROTTLE},
    {"EC2ThrottledException", SERVICE_THROTTLE},
    {"KmsThrottled", SERVICE_THROTTLE},
    {"LimitExceededException", SERVICE_THROTTLE},
    {"OverLimit", SERVICE_THROTTLE},
    {"PriorRequestNotComplete", SERVICE_THROTTLE},
    {"ProvisionedThroughputExceededException", SERVICE_THROTTLE},
    {"RequestLimitExceeded", SERVICE_THROTTLE},
    {"RequestThrottled", SERVICE_THROTTLE},
    {"RequestThrottledException", SERVICE_THROTTLE},
    {"SlowDown", SERVICE_THROTTLE},
    {"ThrottledException", SERVICE_THROTTLE},
    {"Throttling", SERVICE_THROTTLE},
    {"ThrottlingException", SERVICE_THROTTLE},
    {"TooManyRequestsException", SERVICE_THROTTLE},
    {"TransactionInProgressException", SERVICE_THROTTLE},

    {"IDPCommunicationError", SERVICE_TRANSIENT},
    {"InternalFailure", SERVICE_TRANSIENT},
    {"InternalServerError", SERVICE_TRANSIENT},
    {"InternalServiceError", SERVICE_TRANSIENT},
    {"RequestTimeout", SERVICE_TRANSIENT},
    {"RequestTimeoutException", SERVICE_TRANSIENT},
    {"ServiceUnavailable", SERVICE_TRANSIENT},
    {"ServiceUnavailableException", SERVICE_TRANSIENT},
};

/* Into a fixed field, when it is made of what codes and ids are made of and fits; else the field
 * stays as it is. */
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

/* Two services and an emulator have three ways to say it, and no code. */
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

/* Returns whether it says that the secret is deleted. */
static bool read_json(struct secret_buf *body, struct service_error *error)
{
    const struct json_limits limits = {.max_nodes = 256, .max_depth = 16};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    struct err ignored;
    if (!json_parse(&doc, body->bytes.data, body->bytes.len, &limits, &root, &ignored)) {
        return false;
    }
    copy_token(bare_code(json_string(json_member(root, "__type"))), error->code,
               sizeof error->code);
    return says_deleted(json_string(json_member(root, "message"))) ||
           says_deleted(json_string(json_member(root, "Message")));
}

/* The text of the element at "a/b/c", when it is a token. */
static void copy_element(struct str_view document, const char *path, char *ret, size_t size)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    struct err ignored;
    secret_buf_init(&text, size);
    if (xml_text(document, path, &text, &ignored)) {
        copy_token(secret_buf_view(&text), ret, size);
    }
}

/* STS: ErrorResponse/{Error/{Type,Code,Message},RequestId}. */
static void read_xml(struct str_view body, struct service_error *error)
{
    copy_element(body, "ErrorResponse/Error/Code", error->code, sizeof error->code);
    copy_element(body, "ErrorResponse/RequestId", error->request_id, sizeof error->request_id);
}

struct service_error service_error_read(struct http_response *response)
{
    struct service_error error = {.status = response->status};
    struct str_view headers = buf_view(&response->headers);
    struct str_view body = sv_trim(secret_buf_view(&response->body));
    bool deleted = false;
    copy_token(bare_code(http_header_find(headers, "x-amzn-ErrorType")), error.code,
               sizeof error.code);
    copy_token(http_header_find(headers, "x-amzn-RequestId"), error.request_id,
               sizeof error.request_id);
    if (sv_starts_with(body, SV("<"))) {
        read_xml(body, &error);
    } else if (body.len > 0) {
        deleted = read_json(&response->body, &error);
    }
    error.class = classify(&error, deleted);
    error.retryable = error.class == SERVICE_THROTTLE || error.class == SERVICE_TRANSIENT;
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
