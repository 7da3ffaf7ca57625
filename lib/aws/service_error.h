/* SPDX-License-Identifier: Apache-2.0 */
/* What an AWS service said instead of an answer: a code, a request id, and what to do about it.
 *
 * Of an error body nothing is kept but the code; the message is only searched for one phrase,
 * because services quote what they were sent. Any thread. */
#ifndef AWS_SERVICE_ERROR_H
#define AWS_SERVICE_ERROR_H

#include "base/err.h"
#include "http/message.h"

enum {
    SERVICE_CODE_BYTES = 65, /* "ResourceNotFoundException" and the like, with the NUL */
    SERVICE_REQUEST_ID_BYTES = 65,
};

enum service_error_class {
    SERVICE_OK = 0,
    SERVICE_NOT_FOUND,  /* does not exist, or is marked for deletion */
    SERVICE_DENIED,     /* IAM, KMS, the account */
    SERVICE_REQUEST,    /* what we asked for is wrong; the same request fails again */
    SERVICE_CREDENTIAL, /* these credentials are not accepted (any more) */
    SERVICE_CLOCK,      /* the signature: our clock is off, or the secret key is wrong */
    SERVICE_THROTTLE,   /* too many requests */
    SERVICE_TRANSIENT,  /* the service failed */
    SERVICE_TRANSPORT,  /* no answer at all */
};

struct service_error {
    enum service_error_class class;
    bool retryable;  /* the same call may succeed later: THROTTLE, TRANSIENT; TRANSPORT if the
                        network failed rather than a certificate, a file or a ceiling */
    unsigned status; /* HTTP; 0: no answer */
    char code[SERVICE_CODE_BYTES];             /* "": none that can be shown */
    char request_id[SERVICE_REQUEST_ID_BYTES]; /* as above */
};

/* Reads an answer other than 200: JSON, or the XML of STS (ErrorResponse). The body is overwritten.
 * A code that is known decides whatever the status is; anything else (a proxy's page, a load
 * balancer's) leaves the status to decide. */
struct service_error service_error_read(struct http_response *response);

/* Puts it into words and a kind: NOT_FOUND is ERR_MISSING; DENIED, CREDENTIAL and CLOCK are
 * ERR_DENIED; REQUEST ERR_INVALID; THROTTLE ERR_BUSY; TRANSIENT ERR_UNAVAILABLE. Answers false. */
bool service_error_report(const struct service_error *error, struct err *err);

/* "OK", "NOT_FOUND", ... for logs and metrics. */
const char *service_error_class_name(enum service_error_class class);

#endif
