/* SPDX-License-Identifier: Apache-2.0 */
#include "http/curl_transport.h"

#include "base/limits.h"
#include "check_main.h"
#include "loopback_server.h"

/* One server and one transport for each case; `script` says what the server answers. */
static struct loopback server;
static struct curl_transport *transport;
static struct http_transport http;
static struct http_response response;
static struct err err;
static char url[256];

static bool serve_text(struct loopback_connection *connection,
                       const struct loopback_request *request)
{
    (void)request;
    return loopback_say(connection, connection->server->context);
}

static bool serve_silence(struct loopback_connection *connection,
                          const struct loopback_request *request)
{
    (void)request;
    loopback_hang(connection);
    return false;
}

static void begin(bool (*serve)(struct loopback_connection *, const struct loopback_request *),
                  const char *script)
{
    server = (struct loopback){.serve = serve};
    server.context = (void *)(uintptr_t)script;
    loopback_start(&server);
    loopback_url(&server, "http", "/", url, sizeof url);
}

static void setup(void)
{
    ck_assert(http_global_init(&err));
    transport = curl_transport_new(clock_system());
    http = curl_transport_interface(transport);
    response = (struct http_response){0};
    err = (struct err){0};
}

static void teardown(void)
{
    http_response_done(&response);
    curl_transport_free(transport);
    loopback_stop(&server);
    http_global_done();
}

static struct http_request get(void)
{
    return (struct http_request){
        .method = "GET",
        .url = url,
        .no_proxy = true,
        .deadline_ms = clock_monotonic_ms(clock_system()) + 10000,
        .max_answer = 1024,
    };
}

static bool body_is(const char *text)
{
    return sv_is(secret_buf_view(&response.body), text);
}

START_TEST(returns_status_headers_and_body)
{
    begin(serve_text, "HTTP/1.1 403 Forbidden\r\nX-Reason: no\r\nContent-Length: 5\r\n\r\nhello");
    struct http_request request = get();
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    ck_assert_uint_eq(response.status, 403);
    ck_assert(sv_is(http_header_find(buf_view(&response.headers), "x-reason"), "no"));
    ck_assert(body_is("hello"));
    ck_assert(response.body.bytes.wipe);
}
END_TEST

START_TEST(reads_chunked_body)
{
    begin(serve_text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: late\r\n\r\n");
    struct http_request request = get();
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    ck_assert(body_is("abcdefg"));
    ck_assert_ptr_null(http_header_find(buf_view(&response.headers), "X-Trailer").data);
}
END_TEST

START_TEST(leaves_interim_answers_out)
{
    begin(serve_text, "HTTP/1.1 103 Early Hints\r\nX-Reason: early\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nX-Reason: final\r\nContent-Length: 0\r\n\r\n");
    struct http_request request = get();
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    ck_assert_uint_eq(response.status, 200);
    ck_assert(sv_is(http_header_find(buf_view(&response.headers), "X-Reason"), "final"));
    ck_assert(!sv_contains(buf_view(&response.headers), SV("early")));
}
END_TEST

START_TEST(keeps_connection_between_calls)
{
    begin(serve_text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (int i = 0; i < 5; i++) {
        struct http_request request = get();
        ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
        ck_assert(body_is("ok"));
        http_response_done(&response);
    }
    ck_assert_uint_eq(atomic_load(&server.requests), 5);
    ck_assert_uint_eq(atomic_load(&server.connections), 1);
}
END_TEST

START_TEST(takes_a_fresh_connection_where_asked_and_keeps_it)
{
    static const bool fresh[] = {false, false, true, false};
    static const unsigned connections[] = {1, 1, 2, 2};
    begin(serve_text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (size_t i = 0; i < ARRAY_LEN(fresh); i++) {
        struct http_request request = get();
        request.fresh_connection = fresh[i];
        ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
        ck_assert(body_is("ok"));
        http_response_done(&response);
        ck_assert_uint_eq(atomic_load(&server.connections), connections[i]);
    }
}
END_TEST

static bool serve_once_then_close(struct loopback_connection *connection,
                                  const struct loopback_request *request)
{
    (void)request;
    return loopback_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") && false;
}

START_TEST(connects_again_when_peer_closed_meanwhile)
{
    begin(serve_once_then_close, NULL);
    for (int i = 0; i < 3; i++) {
        struct http_request request = get();
        ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
        ck_assert(body_is("ok"));
        http_response_done(&response);
    }
    ck_assert_uint_eq(atomic_load(&server.connections), 3);
}
END_TEST

START_TEST(deadline_cuts_silent_server)
{
    begin(serve_silence, NULL);
    struct http_request request = get();
    int64_t start = clock_monotonic_ms(clock_system());
    request.deadline_ms = start + 1000;
    ck_assert(!http_send(http, &request, &response, &err));
    int64_t took = clock_monotonic_ms(clock_system()) - start;
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert(err.retryable);
    ck_assert_int_ge(took, 990);
    ck_assert_int_lt(took, 5000);
    ck_assert_uint_eq(atomic_load(&server.requests), 1);
}
END_TEST

static bool serve_drip(struct loopback_connection *connection,
                       const struct loopback_request *request)
{
    (void)request;
    bool open = loopback_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (open && !atomic_load(&connection->server->stopping)) {
        open = loopback_say(connection, ".");
        struct pollfd pause = {.fd = connection->fd, .events = 0};
        (void)poll(&pause, 1, 20);
        open = open && !(pause.revents & (POLLHUP | POLLERR));
    }
    return false;
}

START_TEST(deadline_cuts_dripping_server)
{
    begin(serve_drip, NULL);
    struct http_request request = get();
    int64_t start = clock_monotonic_ms(clock_system());
    request.deadline_ms = start + 300;
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_int_lt(clock_monotonic_ms(clock_system()) - start, 5000);
    ck_assert_ptr_null(response.body.bytes.data);
}
END_TEST

START_TEST(deadline_in_the_past_connects_nowhere)
{
    begin(serve_silence, NULL);
    struct http_request request = get();
    request.deadline_ms = clock_monotonic_ms(clock_system()) - 1;
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_uint_eq(atomic_load(&server.connections), 0);
}
END_TEST

static const struct {
    const char *script;
    size_t max_answer;
    bool fits;
} ceilings[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 5, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 4, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 5,
     true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 4,
     false},
};

START_TEST(keeps_body_ceiling)
{
    begin(serve_text, ceilings[_i].script);
    struct http_request request = get();
    request.max_answer = ceilings[_i].max_answer;
    bool done = http_send(http, &request, &response, &err);
    ck_assert(done == ceilings[_i].fits);
    if (done) {
        ck_assert(body_is("hello"));
    } else {
        ck_assert_int_eq(err.kind, ERR_TOO_BIG);
        ck_assert(!err.retryable);
        ck_assert_ptr_null(response.body.bytes.data);
    }
}
END_TEST

static bool serve_endless_headers(struct loopback_connection *connection,
                                  const struct loopback_request *request)
{
    (void)request;
    bool open = loopback_say(connection, "HTTP/1.1 200 OK\r\n");
    char line[1026];
    memset(line, 'x', sizeof line);
    memcpy(line, "X-Long: ", 8);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    while (open) {
        open = loopback_write(connection, line, sizeof line);
    }
    return false;
}

START_TEST(keeps_header_ceiling)
{
    begin(serve_endless_headers, NULL);
    struct http_request request = get();
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, "headers"));
}
END_TEST

START_TEST(sends_exactly_what_it_was_given)
{
    begin(serve_text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct http_request request = get();
    const struct http_header headers[] = {
        {"Authorization", SV("Bearer token")},
        {"X-Empty", SV("")},
        {"Content-Type", SV("application/merge-patch+json")},
    };
    char full[300];
    char expected[1024];
    (void)snprintf(full, sizeof full, "%sa/../b//c?x=%%2F", url);
    request.url = full;
    request.method = "PATCH";
    request.headers = headers;
    request.header_count = ARRAY_LEN(headers);
    request.body = SV("{\"a\":1}");
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    (void)snprintf(expected, sizeof expected,
                   "PATCH /a/../b//c?x=%%2F HTTP/1.1\r\n"
                   "Host: 127.0.0.1:%u\r\n"
                   "User-Agent: keyturn/" KEYTURN_VERSION "\r\n"
                   "Accept: */*\r\n"
                   "Authorization: Bearer token\r\n"
                   "X-Empty:\r\n"
                   "Content-Type: application/merge-patch+json\r\n"
                   "Content-Length: 7\r\n"
                   "\r\n"
                   "{\"a\":1}",
                   server.port);
    char last[8192];
    loopback_last(&server, last, sizeof last);
    ck_assert_str_eq(last, expected);
}
END_TEST

static const struct {
    const char *method;
    bool says_length;
} empty_bodies[] = {
    {"GET", false}, {"DELETE", false}, {"POST", true}, {"PUT", true}, {"PATCH", true},
};

START_TEST(says_length_of_empty_body_where_one_is_expected)
{
    begin(serve_text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct http_request request = get();
    request.method = empty_bodies[_i].method;
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    char last[8192];
    loopback_last(&server, last, sizeof last);
    ck_assert(sv_starts_with(sv_of(last), sv_of(request.method)));
    ck_assert((strstr(last, "\r\nContent-Length: 0\r\n") != NULL) == empty_bodies[_i].says_length);
    ck_assert_ptr_null(strstr(last, "Content-Type"));
}
END_TEST

static bool serve_body_length(struct loopback_connection *connection,
                              const struct loopback_request *request)
{
    char answer[128];
    size_t wrong = 0;
    for (size_t i = request->body_at; i < request->len; i++) {
        wrong += request->text[i] != (char)((i - request->body_at) % 251);
    }
    int len = snprintf(answer, sizeof answer, "%zu %zu %d", request->len - request->body_at, wrong,
                       strcasestr(request->text, "\r\nExpect:") != NULL);
    char head[128];
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len);
    return loopback_say(connection, head) && loopback_say(connection, answer);
}

START_TEST(sends_large_binary_body_without_expecting_to_continue)
{
    enum { BODY = 2 * 1024 * 1024 };
    begin(serve_body_length, NULL);
    char *body = malloc(BODY);
    ck_assert_ptr_nonnull(body);
    for (size_t i = 0; i < BODY; i++) {
        body[i] = (char)(i % 251);
    }
    struct http_request request = get();
    request.method = "POST";
    request.body = sv_make(body, BODY);
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    ck_assert_msg(body_is("2097152 0 0"), "%s", response.body.bytes.data);
    free(body);
}
END_TEST

static const struct {
    const char *name;
    const char *value;
    size_t len;
} bad_headers[] = {
    {"X-A", "a\r\nX-B: b", 9}, {"X-A", "a\nb", 3}, {"X-A", "a\0b", 3}, {"X-A", "a\rb", 3},
    {"X A", "a", 1},           {"X-A:", "a", 1},   {"", "a", 1},       {"X-A\r\nX-B", "a", 1},
};

START_TEST(refuses_header_that_could_begin_another)
{
    begin(serve_silence, NULL);
    const struct http_header header = {
        .name = bad_headers[_i].name,
        .value = sv_make(bad_headers[_i].value, bad_headers[_i].len),
    };
    struct http_request request = get();
    request.headers = &header;
    request.header_count = 1;
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_uint_eq(atomic_load(&server.connections), 0);
}
END_TEST

START_TEST(follows_no_redirect)
{
    begin(serve_text, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    struct http_request request = get();
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    ck_assert_uint_eq(response.status, 302);
    ck_assert_uint_eq(atomic_load(&server.requests), 1);
}
END_TEST

static const char *const bad_urls[] = {
    "file:///etc/hostname",
    "ftp://127.0.0.1/",
    "http://",
    "https://[::1",
};

START_TEST(refuses_other_urls)
{
    begin(serve_silence, NULL);
    struct http_request request = get();
    request.url = bad_urls[_i];
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_msg(err.kind == ERR_INVALID, "%s: %s", bad_urls[_i], err.message);
    ck_assert(!err.retryable);
}
END_TEST

START_TEST(refuses_url_over_limit)
{
    begin(serve_silence, NULL);
    char *long_url = mem_alloc(LIMIT_URL_BYTES + 2);
    memset(long_url, 'a', LIMIT_URL_BYTES + 1);
    memcpy(long_url, url, strlen(url));
    struct http_request request = get();
    request.url = long_url;
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    free(long_url);
}
END_TEST

START_TEST(tells_unreachable_from_slow)
{
    begin(serve_silence, NULL);
    struct http_request request = get();
    /* A port that was free a moment ago and that nobody listens on. */
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/secret-path?token=x",
                   ntohs(address.sin_port));
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert(err.retryable);
    ck_assert_ptr_null(strstr(err.message, "secret-path"));
    ck_assert_ptr_null(strstr(err.message, "token"));
    (void)close(fd);
}
END_TEST

static const char *const broken[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
    "HTTP/1.1 200",
    "no HTTP at all, only words",
};

static bool serve_text_and_close(struct loopback_connection *connection,
                                 const struct loopback_request *request)
{
    (void)serve_text(connection, request);
    return false;
}

START_TEST(refuses_broken_answer)
{
    begin(serve_text_and_close, broken[_i]);
    struct http_request request = get();
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_msg(err.kind == ERR_UNAVAILABLE || err.kind == ERR_INVALID, "%s", err.message);
    ck_assert_ptr_null(response.body.bytes.data);
}
END_TEST

START_TEST(connects_elsewhere_and_keeps_the_name)
{
    begin(serve_text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    struct http_request request = get();
    char place[64];
    (void)snprintf(place, sizeof place, "127.0.0.1:%u", server.port);
    request.url = "http://kubernetes.default.svc/version";
    request.connect_to = place;
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    char last[8192];
    loopback_last(&server, last, sizeof last);
    ck_assert_ptr_nonnull(strstr(last, "\r\nHost: kubernetes.default.svc\r\n"));
}
END_TEST

START_TEST(leaves_proxy_of_the_environment_alone_where_asked)
{
    begin(serve_text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    /* Port 1: nobody there. */
    ck_assert_int_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    struct http_request request = get();
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    request.no_proxy = false;
    http_response_done(&response);
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
}
END_TEST

static atomic_bool cancelled;

/* By the time the request has come, nobody wants its answer any more. */
static bool serve_whom_nobody_waits_for(struct loopback_connection *connection,
                                        const struct loopback_request *request)
{
    atomic_store(&cancelled, true);
    return serve_silence(connection, request);
}

/* The answer has begun, and goes on a byte at a time. */
static bool serve_a_trickle(struct loopback_connection *connection,
                            const struct loopback_request *request)
{
    (void)request;
    bool open = loopback_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    atomic_store(&cancelled, true);
    while (open && !atomic_load(&connection->server->stopping)) {
        struct pollfd waiting = {.fd = connection->fd, .events = POLLIN};
        open = poll(&waiting, 1, 20) == 0 && loopback_say(connection, "x");
    }
    return false;
}

static bool (*const unwanted[])(struct loopback_connection *, const struct loopback_request *) = {
    serve_whom_nobody_waits_for, serve_a_trickle};

START_TEST(a_call_under_way_ends_when_it_is_cancelled)
{
    atomic_store(&cancelled, false);
    begin(unwanted[_i], NULL);
    curl_transport_cancel_with(transport, &cancelled);
    struct http_request request = get();
    int64_t begun = loopback_now_ms();
    ck_assert(!http_send(http, &request, &response, &err));
    /* A second, and what a slow machine takes. */
    ck_assert_int_lt(loopback_now_ms() - begun, 4000);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert(!err.retryable);
    ck_assert_str_eq(err.message, "stopping");
    ck_assert_uint_eq(response.body.bytes.len, 0);
    ck_assert_uint_eq(atomic_load(&server.requests), 1);
}
END_TEST

/* One that has begun, and is let go on. */
static bool serve_the_rest_when_cancelled(struct loopback_connection *connection,
                                          const struct loopback_request *request)
{
    (void)request;
    atomic_store(&cancelled, true);
    /* libcurl looks about once a second. */
    int64_t begun = loopback_now_ms();
    bool open = loopback_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    while (open && loopback_now_ms() < begun + 1500) {
        struct pollfd waiting = {.fd = connection->fd, .events = POLLIN};
        open = poll(&waiting, 1, 20) == 0;
    }
    return open && loopback_say(connection, "ok");
}

START_TEST(a_call_that_is_to_go_on_is_not_cancelled)
{
    atomic_store(&cancelled, false);
    begin(serve_the_rest_when_cancelled, NULL);
    curl_transport_cancel_with(transport, &cancelled);
    struct http_request request = get();
    request.to_the_end = true;
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    ck_assert(body_is("ok"));
}
END_TEST

START_TEST(no_call_begins_while_it_is_cancelled)
{
    begin(serve_text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    atomic_store(&cancelled, true);
    curl_transport_cancel_with(transport, &cancelled);
    struct http_request request = get();
    ck_assert(!http_send(http, &request, &response, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert(!err.retryable);
    ck_assert_uint_eq(atomic_load(&server.connections), 0);
    request.to_the_end = true;
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    http_response_done(&response);
    request.to_the_end = false;
    /* It is the flag that counts, and whom it belongs to. */
    atomic_store(&cancelled, false);
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    ck_assert(body_is("ok"));
    http_response_done(&response);
    atomic_store(&cancelled, true);
    curl_transport_cancel_with(transport, NULL);
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
}
END_TEST

START_TEST(works_on_after_failure)
{
    begin(serve_text, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    struct http_request request = get();
    request.max_answer = 1;
    ck_assert(!http_send(http, &request, &response, &err));
    request.max_answer = 5;
    ck_assert_msg(http_send(http, &request, &response, &err), "%s", err.message);
    ck_assert(body_is("hello"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("http/curl_transport");
    TCase *t = tcase_create("curl_transport");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, returns_status_headers_and_body);
    tcase_add_test(t, reads_chunked_body);
    tcase_add_test(t, leaves_interim_answers_out);
    tcase_add_test(t, keeps_connection_between_calls);
    tcase_add_test(t, takes_a_fresh_connection_where_asked_and_keeps_it);
    tcase_add_test(t, connects_again_when_peer_closed_meanwhile);
    tcase_add_test(t, deadline_cuts_silent_server);
    tcase_add_test(t, deadline_cuts_dripping_server);
    tcase_add_test(t, deadline_in_the_past_connects_nowhere);
    tcase_add_loop_test(t, keeps_body_ceiling, 0, ARRAY_LEN(ceilings));
    tcase_add_test(t, keeps_header_ceiling);
    tcase_add_test(t, sends_exactly_what_it_was_given);
    tcase_add_loop_test(t, says_length_of_empty_body_where_one_is_expected, 0,
                        ARRAY_LEN(empty_bodies));
    tcase_add_test(t, sends_large_binary_body_without_expecting_to_continue);
    tcase_add_loop_test(t, refuses_header_that_could_begin_another, 0, ARRAY_LEN(bad_headers));
    tcase_add_test(t, follows_no_redirect);
    tcase_add_loop_test(t, refuses_other_urls, 0, ARRAY_LEN(bad_urls));
    tcase_add_test(t, refuses_url_over_limit);
    tcase_add_test(t, tells_unreachable_from_slow);
    tcase_add_loop_test(t, refuses_broken_answer, 0, ARRAY_LEN(broken));
    tcase_add_test(t, connects_elsewhere_and_keeps_the_name);
    tcase_add_test(t, leaves_proxy_of_the_environment_alone_where_asked);
    tcase_add_loop_test(t, a_call_under_way_ends_when_it_is_cancelled, 0, ARRAY_LEN(unwanted));
    tcase_add_test(t, a_call_that_is_to_go_on_is_not_cancelled);
    tcase_add_test(t, no_call_begins_while_it_is_cancelled);
    tcase_add_test(t, works_on_after_failure);
    suite_add_tcase(s, t);
    return s;
}
