/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/service_attempt.h"

enum {
    CONNECT_MS = 1000,   /* resolving, TCP and TLS; about what the SDKs allow in their own region */
    ADMISSION_MS = 2500, /* one try as a whole */
    BACKGROUND_MS = 5000,
};

static struct str_view content_type(enum service_protocol protocol)
{
    switch (protocol) {
    case SERVICE_JSON_1_1:
        return SV("application/x-amz-json-1.1");
    case SERVICE_JSON_1_0:
        return SV("application/x-amz-json-1.0");
    case SERVICE_QUERY:
        break;
    }
    return SV("application/x-www-form-urlencoded; charset=utf-8");
}

static void add(struct service_attempt *attempt, const char *name, struct str_view value)
{
    attempt->headers[attempt->header_count++] = (struct http_header){name, value};
}

/* What a signature covers. */
static void add_content(struct service_attempt *attempt)
{
    const struct service_attempt_input *in = &attempt->in;
    add(attempt, "Host", sv_of(in->endpoint->host));
    add(attempt, "Content-Type", content_type(in->request->protocol));
    if (in->request->target) {
        add(attempt, "X-Amz-Target", sv_of(in->request->target));
    }
}

static bool sign(struct service_attempt *attempt, struct err *err)
{
    const struct service_attempt_input *in = &attempt->in;
    sigv4_date(clock_wall_ms(in->thread->clock), in->clock_offset_ms, attempt->date);
    add(attempt, "X-Amz-Date", sv_of(attempt->date));
    struct str_view token = secret_buf_view(&in->credentials->session_token);
    if (token.len > 0) {
        add(attempt, "X-Amz-Security-Token", token);
    }
    struct sigv4_request signing = {
        .method = SV("POST"),
        .path = SV("/"),
        .headers = attempt->headers,
        .header_count = attempt->header_count,
        .body = in->request->body,
        .region = sv_of(in->endpoint->region),
        .service = sv_of(in->endpoint->signing_name),
    };
    memcpy(signing.amz_date, attempt->date, sizeof signing.amz_date);
    secret_buf_init(&attempt->authorization, LIMIT_SIGV4_BYTES);
    if (!sigv4_sign(&signing, in->credentials, &attempt->authorization, err)) {
        return false;
    }
    add(attempt, "Authorization", secret_buf_view(&attempt->authorization));
    return true;
}

/* What no signature covers: proxies may change it. */
static void add_unsigned(struct service_attempt *attempt)
{
    const struct service_attempt_input *in = &attempt->in;
    (void)snprintf(attempt->number, sizeof attempt->number, "attempt=%u; max=%u", in->number,
                   in->max_number);
    add(attempt, "User-Agent", SV("keyturn/" KEYTURN_VERSION));
    add(attempt, "amz-sdk-invocation-id", sv_of(in->invocation_id));
    add(attempt, "amz-sdk-request", sv_of(attempt->number));
}

bool service_attempt_prepare(struct service_attempt *attempt,
                             const struct service_attempt_input *input, struct err *err)
{
    attempt->in = *input;
    add_content(attempt);
    if (input->credentials && !sign(attempt, err)) {
        return false;
    }
    add_unsigned(attempt);
    return true;
}

static int64_t deadline_ms(const struct service_attempt *attempt)
{
    const struct service_request *request = attempt->in.request;
    int64_t try_ms = request->urgency == SERVICE_ADMISSION ? ADMISSION_MS : BACKGROUND_MS;
    int64_t latest = clock_monotonic_ms(attempt->in.thread->clock) + try_ms + request->long_poll_ms;
    return latest < request->deadline_ms ? latest : request->deadline_ms;
}

bool service_attempt_send(struct service_attempt *attempt, struct http_response *ret,
                          struct err *err)
{
    const struct service_attempt_input *in = &attempt->in;
    const struct http_request request = {
        .method = "POST",
        .url = in->endpoint->url,
        .headers = attempt->headers,
        .header_count = attempt->header_count,
        .body = in->request->body,
        .tls = {.ca_file = in->thread->ca_file},
        .fresh_connection = in->fresh_connection,
        .deadline_ms = deadline_ms(attempt),
        .connect_timeout_ms = CONNECT_MS,
        .max_answer = in->request->max_answer,
    };
    attempt->sent_at_ms = clock_wall_ms(in->thread->clock);
    bool answered = http_send(in->thread->transport, &request, ret, err);
    attempt->answered_at_ms = clock_wall_ms(in->thread->clock);
    return answered;
}

void service_attempt_done(struct service_attempt *attempt)
{
    secret_buf_done(&attempt->authorization);
    *attempt = (struct service_attempt){0};
}
