/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_client.h"

#include "aws/sigv4.h"
#include "base/encode.h"
#include "crypto/random.h"
#include "http/retry.h"

enum {
    TRIES = 2,
    CONNECT_MS = 1000, /* resolving, TCP and TLS; about what the SDKs allow in their own region */
    TRY_MS = 2500,     /* one try as a whole */
    WORTH_TRYING_MS = 300, /* less time than this is not enough for an answer */
    MAX_HONOURED_MS = 5000,
    /* The services accept five minutes; less than this is not what made them refuse. */
    SKEW_MS = 240 * 1000,
    MAX_ROUND_TRIP_MS = 5000, /* a slower answer says too little about the time */
    INVOCATION_ID_BYTES = 37,
    MAX_HEADERS = 9,
};

static const struct retry_policy FAILURE = {
    .base_ms = 50, .max_ms = 50, .max_honoured_ms = MAX_HONOURED_MS};
static const struct retry_policy THROTTLED = {
    .base_ms = 500, .max_ms = 500, .max_honoured_ms = MAX_HONOURED_MS};

struct call {
    struct service_client *client;
    const struct service_request *request;
    struct credentials *credentials;
    char invocation_id[INVOCATION_ID_BYTES];
    unsigned sent;    /* requests so far */
    unsigned retries; /* those after a failure that may pass */
    bool clock_set;
    bool renewed;
    int64_t sent_at_ms; /* wall, of the last request and its answer */
    int64_t answered_at_ms;
};

static void call_done(struct call *call)
{
    credentials_release(call->credentials);
}

/* A random UUID (RFC 9562 §5.4): the same over all tries, for AWS's support. */
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

/* Signs the headers there are and appends what travels unsigned. `authorization` and `sequence`
 * hold the values and outlive the headers. */
static bool sign(struct call *call, struct http_header *headers, size_t *count,
                 const char date[SIGV4_DATE_BYTES], struct secret_buf *authorization,
                 struct buf *sequence, struct err *err)
{
    const struct service_client *client = call->client;
    struct sigv4_request signing = {
        .method = SV("POST"),
        .path = SV("/"),
        .headers = headers,
        .header_count = *count,
        .body = call->request->body,
        .region = sv_of(client->endpoint.region),
        .service = sv_of(client->endpoint.signing_name),
    };
    memcpy(signing.amz_date, date, SIGV4_DATE_BYTES);
    if (!sigv4_sign(&signing, call->credentials, authorization, err)) {
        return false;
    }
    buf_printf(sequence, "attempt=%u; max=%d", call->sent, TRIES);
    headers[(*count)++] = (struct http_header){"Authorization", secret_buf_view(authorization)};
    headers[(*count)++] = (struct http_header){"User-Agent", SV("keyturn/" KEYTURN_VERSION)};
    headers[(*count)++] = (struct http_header){"amz-sdk-invocation-id", sv_of(call->invocation_id)};
    headers[(*count)++] = (struct http_header){"amz-sdk-request", buf_view(sequence)};
    return true;
}

static int64_t try_deadline(const struct call *call)
{
    int64_t latest = clock_monotonic_ms(call->client->clock) + TRY_MS;
    return latest < call->request->deadline_ms ? latest : call->request->deadline_ms;
}

/* Builds, signs and sends one request; an answer of any status is a success. */
static bool send_once(struct call *call, struct http_response *ret, struct err *err)
{
    const struct service_client *client = call->client;
    struct http_header headers[MAX_HEADERS];
    size_t count = 0;
    char date[SIGV4_DATE_BYTES];
    call->sent++;
    call->sent_at_ms = clock_wall_ms(client->clock);
    sigv4_date(call->sent_at_ms, client->clock_offset_ms, date);
    headers[count++] = (struct http_header){"Host", sv_of(client->endpoint.host)};
    headers[count++] = (struct http_header){"Content-Type", SV("application/x-amz-json-1.1")};
    headers[count++] = (struct http_header){"X-Amz-Target", sv_of(call->request->target)};
    headers[count++] = (struct http_header){"X-Amz-Date", sv_of(date)};
    struct str_view token = secret_buf_view(&call->credentials->session_token);
    if (token.len) {
        headers[count++] = (struct http_header){"X-Amz-Security-Token", token};
    }
    CLEANUP(secret_buf_done) struct secret_buf authorization = {0};
    CLEANUP(buf_done) struct buf sequence = {0};
    secret_buf_init(&authorization, LIMIT_SIGV4_BYTES);
    buf_init(&sequence, 64);
    if (!sign(call, headers, &count, date, &authorization, &sequence, err)) {
        return false;
    }
    const struct http_request request = {
        .method = "POST",
        .url = client->endpoint.url,
        .headers = headers,
        .header_count = count,
        .body = call->request->body,
        .tls = {.ca_file = client->ca_file},
        .deadline_ms = try_deadline(call),
        .connect_timeout_ms = CONNECT_MS,
        .max_answer = call->request->max_answer,
    };
    bool answered = http_send(client->transport, &request, ret, err);
    call->answered_at_ms = clock_wall_ms(client->clock);
    return answered;
}

/* One request and what its answer means. */
static bool try_once(struct call *call, struct http_response *ret, struct service_error *error,
                     struct err *err)
{
    *error = (struct service_error){.class = SERVICE_TRANSPORT};
    if (clock_left_ms(call->client->clock, call->request->deadline_ms) == 0) {
        return err_set(err, ERR_TIMEOUT, "no time left to ask %s", call->client->endpoint.host);
    }
    if (!send_once(call, ret, err)) {
        return false;
    }
    if (ret->status == 200) {
        *error = (struct service_error){.class = SERVICE_OK, .status = 200};
        return true;
    }
    *error = service_error_read(ret);
    return service_error_report(error, err);
}

/* The offset comes from raw wall time, never from an already corrected one. */
static bool set_clock(struct call *call, const struct http_response *answer)
{
    int64_t date_ms = http_date_ms(buf_view(&answer->headers));
    int64_t round_trip_ms = call->answered_at_ms - call->sent_at_ms;
    if (call->clock_set || date_ms == 0 || round_trip_ms < 0 || round_trip_ms > MAX_ROUND_TRIP_MS) {
        return false;
    }
    int64_t offset_ms = date_ms - (call->sent_at_ms + round_trip_ms / 2);
    int64_t change_ms = offset_ms - call->client->clock_offset_ms;
    if (change_ms < SKEW_MS && change_ms > -SKEW_MS) {
        return false;
    }
    call->client->clock_offset_ms = offset_ms;
    call->clock_set = true;
    return true;
}

static bool renew_credentials(struct call *call)
{
    struct credentials *others = NULL;
    struct err ignored;
    struct credentials_source source = call->client->credentials;
    if (call->renewed || !source.get(source.context, call->credentials, call->request->deadline_ms,
                                     &others, &ignored)) {
        return false;
    }
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
    return http_retry_after_ms(headers, call->answered_at_ms);
}

static bool wait_for_retry(struct call *call, const struct http_response *answer,
                           const struct retry_policy *policy)
{
    const struct service_client *client = call->client;
    if (call->retries + 1 >= TRIES) {
        return false;
    }
    int64_t delay_ms = retry_delay_ms(policy, call->retries, client->random(client->context),
                                      asked_delay_ms(call, answer));
    if (clock_left_ms(client->clock, call->request->deadline_ms) < delay_ms + WORTH_TRYING_MS) {
        return false;
    }
    call->retries++;
    client->pause(client->context, delay_ms);
    return true;
}

/* What can be done about `error` has been done, and another try makes sense. */
static bool can_try_again(struct call *call, const struct http_response *answer,
                          const struct service_error *error, const struct err *err)
{
    switch (error->class) {
    case SERVICE_CLOCK:
        return set_clock(call, answer);
    case SERVICE_CREDENTIAL:
        return renew_credentials(call);
    case SERVICE_THROTTLE:
        return wait_for_retry(call, answer, &THROTTLED);
    case SERVICE_TRANSIENT:
        return wait_for_retry(call, answer, &FAILURE);
    case SERVICE_TRANSPORT:
        return err->retryable && wait_for_retry(call, answer, &FAILURE);
    case SERVICE_OK:
    case SERVICE_NOT_FOUND:
    case SERVICE_DENIED:
    case SERVICE_REQUEST:
        return false;
    }
    return false;
}

bool service_call(struct service_client *client, const struct service_request *request,
                  struct http_response *ret, struct service_error *error, struct err *err)
{
    CLEANUP(call_done) struct call call = {.client = client, .request = request};
    struct credentials_source source = client->credentials;
    *error = (struct service_error){.class = SERVICE_CREDENTIAL};
    if (!source.get(source.context, NULL, request->deadline_ms, &call.credentials, err)) {
        return false;
    }
    draw_invocation_id(call.invocation_id);
    while (!try_once(&call, ret, error, err)) {
        if (!can_try_again(&call, ret, error, err)) {
            return false;
        }
        http_response_done(ret);
    }
    return true;
}
