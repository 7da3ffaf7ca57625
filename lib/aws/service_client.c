/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_client.h"

#include "aws/service_attempt.h"
#include "crypto/random.h"
#include "http/retry.h"

enum {
    TRIES = 3,
    WORTH_TRYING_MS = 300,    /* less time than this is not enough for an answer */
    MAX_HONOURED_MS = 5000,   /* of x-amz-retry-after the SDKs honour as much */
    MAX_ROUND_TRIP_MS = 5000, /* a slower answer says too little about the time */
};

static const struct retry_policy FAILED = {
    .base_ms = 50, .max_ms = 100, .max_honoured_ms = MAX_HONOURED_MS};
static const struct retry_policy THROTTLED = {
    .base_ms = 500, .max_ms = 1000, .max_honoured_ms = MAX_HONOURED_MS};

struct call {
    const struct service_thread *thread;
    struct service_endpoint *endpoint;
    const struct credentials_source *source; /* NULL: unsigned */
    const struct service_request *request;
    struct service_attempt attempt;  /* the present one, or the last */
    struct credentials *credentials; /* of the attempt and the next one */
    char invocation_id[INVOCATION_ID_BYTES];
    struct service_error error; /* how the last attempt ended */
    unsigned sent;
    unsigned throttled;  /* of those sent */
    unsigned retries;    /* those that took from the quota */
    bool last_throttled; /* the last of the retries came after throttling */
    bool clock_corrected;
    bool renewed;
};

static void call_done(struct call *call)
{
    service_attempt_done(&call->attempt);
    credentials_release(call->credentials);
}

static int64_t now_ms(const struct call *call)
{
    return clock_monotonic_ms(call->thread->clock);
}

static int64_t left_ms(const struct call *call)
{
    return clock_left_ms(call->thread->clock, call->request->deadline_ms);
}

/* A random UUID (RFC 9562 §5.4), for AWS's support. */
static void draw_invocation_id(char ret[INVOCATION_ID_BYTES])
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    char *at = ret;
    for (size_t i = 0; i < sizeof bytes; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        at += snprintf(at, (size_t)(ret + INVOCATION_ID_BYTES - at), "%s%02x", dash, bytes[i]);
    }
}

static bool get_credentials(struct call *call, struct credentials **ret, struct err *err)
{
    const struct credentials_request request = {
        .thread = call->thread,
        .urgency = call->request->urgency,
        .deadline_ms = call->request->deadline_ms,
        .refused = call->credentials,
    };
    return call->source->get(call->source->context, &request, ret, err);
}

/* Signs anew, and asks the breaker last: its probe has to be sent. */
static bool begin_attempt(struct call *call, struct err *err)
{
    const struct endpoint *address = service_endpoint_address(call->endpoint);
    const struct service_attempt_input input = {
        .thread = call->thread,
        .endpoint = address,
        .request = call->request,
        .credentials = call->credentials,
        .invocation_id = call->invocation_id,
        .number = call->retries + 1,
        .max_number = TRIES,
        .clock_offset_ms = service_endpoint_clock_offset_ms(call->endpoint),
        /* Where a kept connection leads nowhere, another kept one may as well. */
        .fresh_connection = call->error.class == SERVICE_TRANSPORT,
    };
    if (left_ms(call) < WORTH_TRYING_MS) {
        return err_set(err, ERR_TIMEOUT, "no time left to ask %s", address->host);
    }
    service_attempt_done(&call->attempt);
    return service_attempt_prepare(&call->attempt, &input, err) &&
           service_endpoint_may_ask(call->endpoint, now_ms(call), err);
}

/* Only these two failures say that the endpoint does not answer: an answer may be too big. */
static void note_transport(struct call *call, bool answered, const struct err *err)
{
    const struct service_thread *thread = call->thread;
    bool silent = !answered && (err->kind == ERR_TIMEOUT || err->kind == ERR_UNAVAILABLE);
    uint32_t random = silent ? thread->random(thread->context) : 0;
    service_endpoint_note_transport(call->endpoint, !silent, now_ms(call), random);
}

/* Sends what has begun, and says what the answer means. */
static bool end_attempt(struct call *call, struct http_response *ret, struct err *err)
{
    call->sent++;
    bool answered = service_attempt_send(&call->attempt, ret, err);
    note_transport(call, answered, err);
    if (!answered) {
        call->error =
            (struct service_error){.class = SERVICE_TRANSPORT, .retryable = err->retryable};
        return false;
    }
    if (ret->status == 200) {
        call->error = (struct service_error){.class = SERVICE_OK, .status = 200};
        return true;
    }
    call->error = service_error_read(ret);
    call->throttled += call->error.class == SERVICE_THROTTLE;
    return service_error_report(&call->error, err);
}

/* The Date is to be trusted: an endpoint is https, or http to a loopback address (endpoint.h). The
 * offset comes from raw wall time, never from an already corrected one. */
static bool correct_clock(struct call *call, const struct http_response *answer)
{
    const struct service_attempt *attempt = &call->attempt;
    int64_t date_ms = http_date_ms(buf_view(&answer->headers));
    int64_t round_trip_ms = attempt->answered_at_ms - attempt->sent_at_ms;
    if (!call->credentials || call->clock_corrected || date_ms == 0 || round_trip_ms < 0 ||
        round_trip_ms > MAX_ROUND_TRIP_MS) {
        return false;
    }
    int64_t offset_ms = date_ms - (attempt->sent_at_ms + round_trip_ms / 2);
    call->clock_corrected =
        service_endpoint_set_clock(call->endpoint, offset_ms) ||
        /* Another thread has, since this attempt was signed. */
        service_endpoint_clock_offset_ms(call->endpoint) != attempt->in.clock_offset_ms;
    return call->clock_corrected;
}

static bool renew_credentials(struct call *call)
{
    struct credentials *others = NULL;
    struct err ignored;
    if (!call->credentials || call->renewed || !get_credentials(call, &others, &ignored)) {
        return false;
    }
    service_attempt_done(&call->attempt);
    credentials_release(call->credentials);
    call->credentials = others;
    call->renewed = true;
    return true;
}

/* x-amz-retry-after has milliseconds. */
static int64_t asked_delay_ms(const struct call *call, const struct http_response *answer)
{
    struct str_view headers = buf_view(&answer->headers);
    uint64_t ms = 0;
    if (sv_to_u64(http_header_find(headers, "x-amz-retry-after"), &ms)) {
        return ms < MAX_HONOURED_MS ? (int64_t)ms : MAX_HONOURED_MS;
    }
    return http_retry_after_ms(headers, call->attempt.answered_at_ms);
}

static bool wait_for_retry(struct call *call, const struct http_response *answer, bool throttled)
{
    const struct service_thread *thread = call->thread;
    if (call->retries + 1 >= TRIES) {
        return false;
    }
    int64_t delay_ms =
        retry_delay_ms(throttled ? &THROTTLED : &FAILED, call->retries,
                       thread->random(thread->context), asked_delay_ms(call, answer));
    if (left_ms(call) < delay_ms + WORTH_TRYING_MS ||
        !service_endpoint_take_retry(call->endpoint, call->request->urgency, throttled)) {
        return false;
    }
    call->retries++;
    call->last_throttled = throttled;
    thread->pause(thread->context, delay_ms);
    return true;
}

/* What can be done about the error has been done, and another attempt makes sense. */
static bool can_try_again(struct call *call, const struct http_response *answer)
{
    switch (call->error.class) {
    case SERVICE_CLOCK:
        return correct_clock(call, answer);
    case SERVICE_CREDENTIAL:
        return renew_credentials(call);
    case SERVICE_THROTTLE:
        return wait_for_retry(call, answer, true);
    case SERVICE_TRANSIENT:
    case SERVICE_TRANSPORT:
        return call->error.retryable && wait_for_retry(call, answer, false);
    case SERVICE_OK:
    case SERVICE_NOT_FOUND:
    case SERVICE_DENIED:
    case SERVICE_REQUEST:
        return false;
    }
    return false;
}

static bool ask(struct call *call, struct http_response *ret, struct err *err)
{
    if (!begin_attempt(call, err)) {
        call->error =
            (struct service_error){.class = SERVICE_TRANSPORT, .retryable = err->retryable};
        return false;
    }
    while (!end_attempt(call, ret, err)) {
        /* How an attempt ended says more than why none follows. */
        struct err ignored;
        bool again = can_try_again(call, ret) && begin_attempt(call, &ignored);
        http_response_done(ret);
        if (!again) {
            return false;
        }
    }
    service_endpoint_give_back(call->endpoint, call->request->urgency, call->retries,
                               call->last_throttled);
    return true;
}

static bool authenticate(struct call *call, struct err *err)
{
    if (call->source && !get_credentials(call, &call->credentials, err)) {
        call->error =
            (struct service_error){.class = SERVICE_CREDENTIAL, .retryable = err->retryable};
        return false;
    }
    return true;
}

static void report(const struct call *call, int64_t begun_ms)
{
    const struct service_report report = {
        .endpoint = service_endpoint_address(call->endpoint),
        .operation = call->request->operation,
        .urgency = call->request->urgency,
        .error = &call->error,
        .sent = call->sent,
        .throttled = call->throttled,
        .took_ms = now_ms(call) - begun_ms,
    };
    service_endpoint_report(call->endpoint, &report);
}

bool service_call(const struct service_thread *thread, struct service_endpoint *endpoint,
                  const struct credentials_source *credentials,
                  const struct service_request *request, struct http_response *ret,
                  struct service_error *error, struct err *err)
{
    CLEANUP(call_done)
    struct call call = {
        .thread = thread, .endpoint = endpoint, .source = credentials, .request = request};
    int64_t begun_ms = now_ms(&call);
    draw_invocation_id(call.invocation_id);
    bool succeeded = authenticate(&call, err) && ask(&call, ret, err);
    report(&call, begun_ms);
    *error = call.error;
    return succeeded;
}
