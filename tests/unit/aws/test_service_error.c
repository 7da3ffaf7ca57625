/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_error.h"

#include "bytes.h"
#include "check_main.h"

#define JSON_ERROR(code) BYTES("{\"__type\":\"" code "\",\"message\":\"hunter2\"}")

#define XML_ERROR(code)                                                                            \
    BYTES("<?xml version=\"1.0\"?>\n<ErrorResponse "                                               \
          "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    "                  \
          "<Type>Sender</Type>\n    <Code>" code "</Code>\n    <Message>hunter2</Message>\n"       \
          "  </Error>\n  <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>\n"            \
          "</ErrorResponse>\n")

/* The table of what Secrets Manager and the front door of every service answer. */
static const struct {
    unsigned status;
    const char *headers;
    struct str_view body;
    enum service_error_class class;
    enum err_kind kind;
    const char *code;
} answers[] = {
    {400, "", JSON_ERROR("ResourceNotFoundException"), SERVICE_NOT_FOUND, ERR_MISSING,
     "ResourceNotFoundException"},
    {404, "", JSON_ERROR("ResourceNotFoundException"), SERVICE_NOT_FOUND, ERR_MISSING,
     "ResourceNotFoundException"},
    {400, "", JSON_ERROR("InvalidParameterException"), SERVICE_REQUEST, ERR_INVALID,
     "InvalidParameterException"},
    {400, "", JSON_ERROR("InvalidRequestException"), SERVICE_REQUEST, ERR_INVALID,
     "InvalidRequestException"},
    {400, "",
     BYTES("{\"__type\":\"InvalidRequestException\",\"Message\":\"You can't perform this operation "
           "on "
           "the secret because it was marked for deletion.\"}"),
     SERVICE_NOT_FOUND, ERR_MISSING, "InvalidRequestException"},
    {400, "",
     BYTES(
         "{\"__type\":\"InvalidRequestException\",\"message\":\"An error occurred when calling the "
         "GetSecretValue operation: You tried to perform the operation on a secret that's "
         "currently "
         "marked deleted.\"}"),
     SERVICE_NOT_FOUND, ERR_MISSING, "InvalidRequestException"},
    {400, "",
     BYTES("{\"__type\":\"InvalidParameterException\",\"Message\":\"it was marked for deletion\"}"),
     SERVICE_NOT_FOUND, ERR_MISSING, "InvalidParameterException"},
    {400, "",
     BYTES("{\"__type\":\"AccessDeniedException\",\"Message\":\"arn:x/marked for deletion\"}"),
     SERVICE_DENIED, ERR_DENIED, "AccessDeniedException"},
    {400, "", JSON_ERROR("DecryptionFailure"), SERVICE_DENIED, ERR_DENIED, "DecryptionFailure"},
    {403, "", JSON_ERROR("OptInRequired"), SERVICE_DENIED, ERR_DENIED, "OptInRequired"},
    {500, "", JSON_ERROR("InternalServiceError"), SERVICE_TRANSIENT, ERR_UNAVAILABLE,
     "InternalServiceError"},
    {503, "", JSON_ERROR("ServiceUnavailable"), SERVICE_TRANSIENT, ERR_UNAVAILABLE,
     "ServiceUnavailable"},
    {400, "", JSON_ERROR("ThrottlingException"), SERVICE_THROTTLE, ERR_BUSY, "ThrottlingException"},
    {400, "", JSON_ERROR("Throttling"), SERVICE_THROTTLE, ERR_BUSY, "Throttling"},
    {400, "", JSON_ERROR("TooManyRequestsException"), SERVICE_THROTTLE, ERR_BUSY,
     "TooManyRequestsException"},
    {400, "", JSON_ERROR("RequestLimitExceeded"), SERVICE_THROTTLE, ERR_BUSY,
     "RequestLimitExceeded"},
    {400, "", JSON_ERROR("LimitExceededException"), SERVICE_THROTTLE, ERR_BUSY,
     "LimitExceededException"},
    {429, "", BYTES(""), SERVICE_THROTTLE, ERR_BUSY, ""},
    {400, "", JSON_ERROR("ExpiredTokenException"), SERVICE_CREDENTIAL, ERR_DENIED,
     "ExpiredTokenException"},
    {400, "", JSON_ERROR("UnrecognizedClientException"), SERVICE_CREDENTIAL, ERR_DENIED,
     "UnrecognizedClientException"},
    {403, "", JSON_ERROR("InvalidClientTokenId"), SERVICE_CREDENTIAL, ERR_DENIED,
     "InvalidClientTokenId"},
    {400, "", JSON_ERROR("InvalidSignatureException"), SERVICE_CLOCK, ERR_DENIED,
     "InvalidSignatureException"},
    {403, "", JSON_ERROR("SignatureDoesNotMatch"), SERVICE_CLOCK, ERR_DENIED,
     "SignatureDoesNotMatch"},
    {400, "", JSON_ERROR("RequestExpired"), SERVICE_CLOCK, ERR_DENIED, "RequestExpired"},
    {400, "", JSON_ERROR("RequestTimeTooSkewed"), SERVICE_CLOCK, ERR_DENIED,
     "RequestTimeTooSkewed"},
    {400, "", JSON_ERROR("ValidationException"), SERVICE_REQUEST, ERR_INVALID,
     "ValidationException"},
    {400, "", JSON_ERROR("SerializationException"), SERVICE_REQUEST, ERR_INVALID,
     "SerializationException"},
    {404, "", JSON_ERROR("UnknownOperationException"), SERVICE_REQUEST, ERR_INVALID,
     "UnknownOperationException"},
    {400, "", JSON_ERROR("SomethingNewException"), SERVICE_REQUEST, ERR_INVALID,
     "SomethingNewException"},
    /* The code decides, the status does not. */
    {500, "", JSON_ERROR("InvalidNextTokenException"), SERVICE_REQUEST, ERR_INVALID,
     "InvalidNextTokenException"},
    {404, "", JSON_ERROR("ThrottlingException"), SERVICE_THROTTLE, ERR_BUSY, "ThrottlingException"},
    {404, "", BYTES(""), SERVICE_REQUEST, ERR_INVALID, ""},
    {400, "", JSON_ERROR("InternalServerError"), SERVICE_TRANSIENT, ERR_UNAVAILABLE,
     "InternalServerError"},
    {500, "", JSON_ERROR("AccessDeniedException"), SERVICE_DENIED, ERR_DENIED,
     "AccessDeniedException"},
    {400, "",
     BYTES("{\"__type\":\"InvalidParameterException\",\"message\":\"secret was scheduled for "
           "deletion\"}"),
     SERVICE_NOT_FOUND, ERR_MISSING, "InvalidParameterException"},
    {400, "",
     BYTES("{\"__type\":\"InvalidRequestException\",\"message\":\"hunter2\",\"Message\":\"it is "
           "scheduled for deletion\"}"),
     SERVICE_NOT_FOUND, ERR_MISSING, "InvalidRequestException"},
    {400, "", JSON_ERROR("ParameterNotFound"), SERVICE_NOT_FOUND, ERR_MISSING, "ParameterNotFound"},
    {400, "", JSON_ERROR("ParameterVersionNotFound"), SERVICE_NOT_FOUND, ERR_MISSING,
     "ParameterVersionNotFound"},
    {400, "", JSON_ERROR("InvalidKeyId"), SERVICE_DENIED, ERR_DENIED, "InvalidKeyId"},
    {400, "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n",
     JSON_ERROR("com.amazonaws.sqs#QueueDoesNotExist"), SERVICE_NOT_FOUND, ERR_MISSING,
     "QueueDoesNotExist"},
    {400, "", JSON_ERROR("com.amazonaws.sqs#KmsThrottled"), SERVICE_THROTTLE, ERR_BUSY,
     "KmsThrottled"},
    {400, "", JSON_ERROR("RequestInTheFuture"), SERVICE_CLOCK, ERR_DENIED, "RequestInTheFuture"},
    {400, "", JSON_ERROR("AuthFailure"), SERVICE_CLOCK, ERR_DENIED, "AuthFailure"},
    {400, "", JSON_ERROR("IncompleteSignature"), SERVICE_DENIED, ERR_DENIED, "IncompleteSignature"},
    {400, "", JSON_ERROR("MissingAuthenticationToken"), SERVICE_DENIED, ERR_DENIED,
     "MissingAuthenticationToken"},
    {400, "", JSON_ERROR("NotAuthorized"), SERVICE_DENIED, ERR_DENIED, "NotAuthorized"},
    /* STS */
    {400, "", XML_ERROR("ExpiredTokenException"), SERVICE_CREDENTIAL, ERR_DENIED,
     "ExpiredTokenException"},
    {403, "", XML_ERROR("ExpiredToken"), SERVICE_CREDENTIAL, ERR_DENIED, "ExpiredToken"},
    {400, "", XML_ERROR("InvalidIdentityToken"), SERVICE_CREDENTIAL, ERR_DENIED,
     "InvalidIdentityToken"},
    {400, "", XML_ERROR("IDPCommunicationError"), SERVICE_TRANSIENT, ERR_UNAVAILABLE,
     "IDPCommunicationError"},
    {403, "", XML_ERROR("IDPRejectedClaim"), SERVICE_DENIED, ERR_DENIED, "IDPRejectedClaim"},
    {400, "", XML_ERROR("MalformedPolicyDocument"), SERVICE_REQUEST, ERR_INVALID,
     "MalformedPolicyDocument"},
    {400, "", XML_ERROR("PackedPolicyTooLarge"), SERVICE_REQUEST, ERR_INVALID,
     "PackedPolicyTooLarge"},
    {403, "", XML_ERROR("RegionDisabledException"), SERVICE_DENIED, ERR_DENIED,
     "RegionDisabledException"},
    {403, "", XML_ERROR("AccessDenied"), SERVICE_DENIED, ERR_DENIED, "AccessDenied"},
    {403, "", XML_ERROR("InvalidClientTokenId"), SERVICE_CREDENTIAL, ERR_DENIED,
     "InvalidClientTokenId"},
    {403, "", XML_ERROR("SignatureDoesNotMatch"), SERVICE_CLOCK, ERR_DENIED,
     "SignatureDoesNotMatch"},
    {400, "", XML_ERROR("ValidationError"), SERVICE_REQUEST, ERR_INVALID, "ValidationError"},
    {400, "", XML_ERROR("Throttling"), SERVICE_THROTTLE, ERR_BUSY, "Throttling"},
    {503, "", XML_ERROR("ServiceUnavailable"), SERVICE_TRANSIENT, ERR_UNAVAILABLE,
     "ServiceUnavailable"},
    /* XML that is no error of STS. */
    {403, "", BYTES("<ErrorResponse><Code>Throttling</Code></ErrorResponse>"), SERVICE_DENIED,
     ERR_DENIED, ""},
    {403, "", BYTES("<Error><Code>Throttling</Code></Error>"), SERVICE_DENIED, ERR_DENIED, ""},
    {403, "",
     BYTES("<ErrorResponse><Error><Message><Code>Throttling</Code></Message></Error>"
           "</ErrorResponse>"),
     SERVICE_DENIED, ERR_DENIED, ""},
    {403, "", BYTES("<ErrorResponse><Error><Code>Throttling"), SERVICE_DENIED, ERR_DENIED, ""},
    {403, "", BYTES("<ErrorResponse><Error><Code/></Error></ErrorResponse>"), SERVICE_DENIED,
     ERR_DENIED, ""},
    {403, "",
     BYTES("<!DOCTYPE a><ErrorResponse><Error><Code>Throttling</Code></Error>"
           "</ErrorResponse>"),
     SERVICE_DENIED, ERR_DENIED, ""},
    {403, "",
     BYTES("<ErrorResponse><Error><!-- --/><Code>Throttling</Code></Error></ErrorResponse>"),
     SERVICE_DENIED, ERR_DENIED, ""},
    {400, "", BYTES("<ErrorResponse><Error><Code>&lt;hunter2&gt;</Code></Error></ErrorResponse>"),
     SERVICE_REQUEST, ERR_INVALID, ""},
    {502, "", JSON_ERROR("SomethingNewException"), SERVICE_TRANSIENT, ERR_UNAVAILABLE,
     "SomethingNewException"},
    /* Where the code stands, and what stands around it. */
    {400, "", JSON_ERROR("com.amazonaws.secretsmanager#ResourceNotFoundException"),
     SERVICE_NOT_FOUND, ERR_MISSING, "ResourceNotFoundException"},
    {400, "", JSON_ERROR("a#b#AccessDeniedException:http://internal.example/x"), SERVICE_DENIED,
     ERR_DENIED, "AccessDeniedException"},
    {400, "x-amzn-errortype: ThrottlingException:http://internal.example/\r\n", BYTES("{}"),
     SERVICE_THROTTLE, ERR_BUSY, "ThrottlingException"},
    {400, "X-Amzn-ErrorType: ThrottlingException\r\n", JSON_ERROR("AccessDeniedException"),
     SERVICE_DENIED, ERR_DENIED, "AccessDeniedException"},
    /* Not from the service at all. */
    {503, "Content-Type: text/html\r\n", BYTES("<html><h1>503 hunter2</h1></html>"),
     SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {502, "", BYTES(""), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {504, "", BYTES("{\"__type\":\"Resource"), SERVICE_TRANSIENT, ERR_UNAVAILABLE, ""},
    {403, "", BYTES("<html>hunter2</html>"), SERVICE_DENIED, ERR_DENIED, ""},
    {407, "", BYTES("<html>hunter2</html>"), SERVICE_REQUEST, ERR_INVALID, ""},
    {404, "", BYTES("not found"), SERVICE_REQUEST, ERR_INVALID, ""},
    {301, "Location: https://evil.example/\r\n", BYTES(""), SERVICE_REQUEST, ERR_INVALID, ""},
    {204, "", BYTES(""), SERVICE_REQUEST, ERR_INVALID, ""},
    {400, "", BYTES("[1]"), SERVICE_REQUEST, ERR_INVALID, ""},
    {400, "", BYTES("{\"__type\":7}"), SERVICE_REQUEST, ERR_INVALID, ""},
    {500, "", BYTES("{\"__type\":\"A\",\"__type\":\"AccessDeniedException\"}"), SERVICE_TRANSIENT,
     ERR_UNAVAILABLE, ""},
    /* A code that is no code is not repeated. */
    {400, "", JSON_ERROR("hunter2 with spaces"), SERVICE_REQUEST, ERR_INVALID, ""},
    {400, "", JSON_ERROR("<b>hunter2</b>"), SERVICE_REQUEST, ERR_INVALID, ""},
    {400, "",
     JSON_ERROR("hunter2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     SERVICE_REQUEST, ERR_INVALID, ""},
};

static struct http_response response_of(unsigned status, const char *headers, struct str_view body)
{
    struct http_response response = {.status = status};
    buf_init(&response.headers, 4096);
    buf_add_str(&response.headers, headers);
    secret_buf_init(&response.body, 4096);
    secret_buf_add(&response.body, body);
    return response;
}

START_TEST(types_every_answer)
{
    CLEANUP(http_response_done)
    struct http_response response =
        response_of(answers[_i].status, answers[_i].headers, answers[_i].body);
    struct service_error error = service_error_read(&response);
    ck_assert_str_eq(service_error_class_name(error.class),
                     service_error_class_name(answers[_i].class));
    ck_assert_str_eq(error.code, answers[_i].code);
    ck_assert_uint_eq(error.status, answers[_i].status);
    struct err err = {0};
    ck_assert(!service_error_report(&error, &err));
    ck_assert_str_eq(err_kind_name(err.kind), err_kind_name(answers[_i].kind));
    ck_assert(err.retryable ==
              (answers[_i].kind == ERR_BUSY || answers[_i].kind == ERR_UNAVAILABLE));
    ck_assert(error.retryable == err.retryable);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

START_TEST(names_code_and_request_id)
{
    CLEANUP(http_response_done)
    struct http_response response =
        response_of(400, "x-amzn-RequestId: 5d0a1c3e-1111-2222-3333-444455556666\r\n",
                    SV("{\"__type\":\"AccessDeniedException\"}"));
    struct service_error error = service_error_read(&response);
    ck_assert_str_eq(error.request_id, "5d0a1c3e-1111-2222-3333-444455556666");
    struct err err = {0};
    ck_assert(!service_error_report(&error, &err));
    ck_assert_str_eq(err.message, "AccessDeniedException (request id "
                                  "5d0a1c3e-1111-2222-3333-444455556666)");
}
END_TEST

START_TEST(reads_the_request_id_of_a_document)
{
    CLEANUP(http_response_done)
    struct http_response response =
        response_of(400, "", (struct str_view)XML_ERROR("InvalidIdentityToken"));
    struct service_error error = service_error_read(&response);
    ck_assert_str_eq(error.request_id, "c6104cbe-af31-11e0-8154-cbc7ccf896c7");
    struct err err = {0};
    ck_assert(!service_error_report(&error, &err));
    ck_assert_str_eq(err.message, "InvalidIdentityToken (request id "
                                  "c6104cbe-af31-11e0-8154-cbc7ccf896c7)");
}
END_TEST

START_TEST(shows_no_request_id_that_is_none)
{
    CLEANUP(http_response_done)
    struct http_response response =
        response_of(503, "x-amzn-RequestId: <script>\r\n", SV("<html>"));
    struct service_error error = service_error_read(&response);
    struct err err = {0};
    ck_assert(!service_error_report(&error, &err));
    ck_assert_str_eq(err.message, "HTTP status 503 (request id unknown)");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("service_error");
    TCase *tcase = tcase_create("service_error");
    tcase_add_loop_test(tcase, types_every_answer, 0, ARRAY_LEN(answers));
    tcase_add_test(tcase, names_code_and_request_id);
    tcase_add_test(tcase, reads_the_request_id_of_a_document);
    tcase_add_test(tcase, shows_no_request_id_that_is_none);
    suite_add_tcase(suite, tcase);
    return suite;
}
