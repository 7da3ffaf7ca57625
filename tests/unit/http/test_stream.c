/* SPDX-License-Identifier: Apache-2.0 */
#include "http/stream.h"

#include "check_main.h"
#include "http/curl_transport.h"
#include "loopback_server.h"

/* What one stream told. */
struct told {
    unsigned status;
    unsigned headers_calls;
    char body[4096];
    size_t len;
    unsigned ends;
    bool clean;
    struct err err;
    size_t refuse_at; /* data is refused once so much has come */
    struct stream *stream;
    bool cancel_in_data;
    bool cancel_in_headers;
    struct told *start_in_end;
};

static struct loopback server;
static struct stream_loop *loop;
static char url[256];
/* Bodies are sent up to this many bytes of the script; the test raises it. */
static atomic_size_t release;

static void on_headers(void *context, unsigned status, struct str_view headers)
{
    struct told *told = context;
    told->status = status;
    told->headers_calls++;
    ck_assert_ptr_nonnull(http_header_find(headers, "X-Test").data);
    if (told->cancel_in_headers) {
        stream_cancel(loop, told->stream);
    }
}

static bool on_data(void *context, char *data, size_t len)
{
    struct told *told = context;
    ck_assert_uint_lt(told->len + len, sizeof told->body);
    memcpy(told->body + told->len, data, len);
    told->len += len;
    told->body[told->len] = '\0';
    /* The owner may scribble. */
    memset(data, 'X', len);
    if (told->cancel_in_data) {
        stream_cancel(loop, told->stream);
    }
    return told->refuse_at == 0 || told->len < told->refuse_at;
}

static void on_end(void *context, const struct err *err);

static const struct stream_handlers handlers = {
    .headers = on_headers, .data = on_data, .end = on_end};

static struct stream *start(struct told *told, int64_t idle_ms)
{
    const struct http_request request = {.method = "GET", .url = url, .no_proxy = true};
    told->stream = stream_start(loop, &request, idle_ms, &handlers, told);
    return told->stream;
}

static void on_end(void *context, const struct err *err)
{
    struct told *told = context;
    told->ends++;
    told->clean = err == NULL;
    if (err) {
        told->err = *err;
    }
    if (told->start_in_end) {
        (void)start(told->start_in_end, 0);
    }
}

/* Sends "0123456789" again and again, as far as `release` allows, until the peer has gone. */
static bool serve_released(struct loopback_connection *connection,
                           const struct loopback_request *request)
{
    (void)request;
    size_t sent = 0;
    bool open = loopback_say(connection, "HTTP/1.1 200 OK\r\nX-Test: 1\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n");
    while (open && !atomic_load(&connection->server->stopping)) {
        struct pollfd pause = {.fd = connection->fd, .events = POLLIN};
        size_t allowed = atomic_load(&release);
        if (allowed == SIZE_MAX) {
            return loopback_say(connection, "0\r\n\r\n");
        }
        for (; open && sent + 10 <= allowed; sent += 10) {
            open = loopback_say(connection, "a\r\n0123456789\r\n");
        }
        /* Readable means gone: a stream sends nothing. */
        open = open && poll(&pause, 1, 5) == 0;
    }
    return false;
}

static bool serve_silence(struct loopback_connection *connection,
                          const struct loopback_request *request)
{
    (void)request;
    loopback_hang(connection);
    return false;
}

static bool serve_cut(struct loopback_connection *connection,
                      const struct loopback_request *request)
{
    (void)request;
    (void)loopback_say(connection, "HTTP/1.1 200 OK\r\nX-Test: 1\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    return false;
}

static void begin(bool (*serve)(struct loopback_connection *, const struct loopback_request *))
{
    server = (struct loopback){.serve = serve};
    loopback_start(&server);
    loopback_url(&server, "http", "/watch", url, sizeof url);
}

static void setup(void)
{
    struct err err = {0};
    ck_assert(http_global_init(&err));
    loop = stream_loop_new(clock_system());
    atomic_store(&release, 0);
}

static void teardown(void)
{
    stream_loop_free(loop);
    loopback_stop(&server);
    http_global_done();
}

/* Polls until the condition holds; a case that never gets there fails by its own deadline. */
#define POLL_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int64_t deadline = loopback_now_ms() + 20000;                                              \
        while (!(condition)) {                                                                     \
            ck_assert_msg(loopback_now_ms() < deadline, "never: %s", #condition);                  \
            stream_loop_poll(loop, 50);                                                            \
        }                                                                                          \
    } while (0)

START_TEST(hands_out_bytes_as_they_come)
{
    struct told told = {0};
    begin(serve_released);
    (void)start(&told, 0);
    POLL_UNTIL(told.headers_calls == 1);
    ck_assert_uint_eq(told.status, 200);
    ck_assert_uint_eq(told.len, 0);
    atomic_store(&release, 10);
    POLL_UNTIL(told.len == 10);
    atomic_store(&release, 30);
    POLL_UNTIL(told.len == 30);
    ck_assert_str_eq(told.body, "012345678901234567890123456789");
    ck_assert_uint_eq(told.ends, 0);
    ck_assert_uint_eq(stream_loop_count(loop), 1);
    atomic_store(&release, SIZE_MAX);
    POLL_UNTIL(told.ends == 1);
    ck_assert(told.clean);
    ck_assert_uint_eq(stream_loop_count(loop), 0);
}
END_TEST

START_TEST(runs_many_streams_side_by_side)
{
    enum { STREAMS = 20 };
    struct told told[STREAMS] = {0};
    begin(serve_released);
    for (size_t i = 0; i < STREAMS; i++) {
        (void)start(&told[i], 0);
    }
    atomic_store(&release, 100);
    for (size_t i = 0; i < STREAMS; i++) {
        POLL_UNTIL(told[i].len == 100);
    }
    ck_assert_uint_eq(atomic_load(&server.connections), STREAMS);
    ck_assert_uint_eq(stream_loop_count(loop), STREAMS);
}
END_TEST

START_TEST(tells_cut_connection)
{
    struct told told = {0};
    begin(serve_cut);
    (void)start(&told, 0);
    POLL_UNTIL(told.ends == 1);
    ck_assert_str_eq(told.body, "hello");
    ck_assert(!told.clean);
    ck_assert_int_eq(told.err.kind, ERR_UNAVAILABLE);
    ck_assert(told.err.retryable);
}
END_TEST

START_TEST(cuts_stream_without_a_byte)
{
    struct told told = {0};
    begin(serve_silence);
    int64_t begun = loopback_now_ms();
    (void)start(&told, 150);
    POLL_UNTIL(told.ends == 1);
    ck_assert_int_eq(told.err.kind, ERR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(told.err.message, "no byte for 150 ms"));
    ck_assert_int_ge(loopback_now_ms() - begun, 150);
}
END_TEST

static int64_t told_ms = 1000;

static int64_t read_told(void *context)
{
    (void)context;
    return told_ms;
}

static const struct clock told_clock = {.wall_ms = read_told, .monotonic_ms = read_told};

START_TEST(counts_idleness_from_the_last_byte)
{
    struct told told = {0};
    stream_loop_free(loop);
    loop = stream_loop_new(&told_clock);
    begin(serve_released);
    (void)start(&told, 1500);
    for (size_t i = 1; i <= 8; i++) {
        atomic_store(&release, i * 10);
        POLL_UNTIL(told.len == i * 10);
        told_ms += 1499;
        stream_loop_poll(loop, 0);
        ck_assert_uint_eq(told.ends, 0);
    }
    told_ms += 1;
    POLL_UNTIL(told.ends == 1);
    ck_assert_int_eq(told.err.kind, ERR_TIMEOUT);
}
END_TEST

START_TEST(refused_data_ends_the_stream)
{
    struct told told = {.refuse_at = 20};
    begin(serve_released);
    atomic_store(&release, 1000);
    (void)start(&told, 0);
    POLL_UNTIL(told.ends == 1);
    ck_assert_int_eq(told.err.kind, ERR_INVALID);
    ck_assert_uint_eq(stream_loop_count(loop), 0);
}
END_TEST

START_TEST(cancelled_stream_tells_nothing_more)
{
    struct told from_outside = {0};
    struct told from_data = {.cancel_in_data = true};
    struct told from_headers = {.cancel_in_headers = true};
    struct told other = {0};
    begin(serve_released);
    (void)start(&from_outside, 0);
    (void)start(&from_data, 0);
    (void)start(&from_headers, 0);
    (void)start(&other, 0);
    POLL_UNTIL(from_outside.headers_calls == 1);
    stream_cancel(loop, from_outside.stream);
    atomic_store(&release, 1000);
    POLL_UNTIL(other.len == 1000 && from_data.len > 0 && from_headers.headers_calls == 1);
    atomic_store(&release, SIZE_MAX);
    POLL_UNTIL(other.ends == 1);
    ck_assert_uint_eq(from_outside.ends + from_data.ends + from_headers.ends, 0);
    ck_assert_uint_eq(from_outside.len, 0);
    ck_assert_uint_eq(from_headers.len, 0);
    ck_assert_uint_eq(from_data.len, 10);
    ck_assert_uint_eq(stream_loop_count(loop), 0);
}
END_TEST

START_TEST(end_may_start_the_next)
{
    struct told second = {0};
    struct told first = {.start_in_end = &second};
    begin(serve_cut);
    (void)start(&first, 0);
    POLL_UNTIL(second.ends == 1);
    ck_assert_str_eq(second.body, "hello");
    ck_assert_uint_eq(first.ends, 1);
}
END_TEST

START_TEST(bad_request_arrives_as_end)
{
    struct told told = {0};
    begin(serve_silence);
    const struct http_request request = {.method = "GET", .url = "file:///etc/hostname"};
    (void)stream_start(loop, &request, 0, &handlers, &told);
    ck_assert_uint_eq(told.ends, 0);
    POLL_UNTIL(told.ends == 1);
    ck_assert_int_eq(told.err.kind, ERR_INVALID);
}
END_TEST

START_TEST(refuses_to_send_a_body)
{
    struct told told = {0};
    begin(serve_silence);
    const struct http_request request = {.method = "POST", .url = url, .body = SV("x")};
    (void)stream_start(loop, &request, 0, &handlers, &told);
    POLL_UNTIL(told.ends == 1);
    ck_assert_int_eq(told.err.kind, ERR_INVALID);
    ck_assert_uint_eq(atomic_load(&server.connections), 0);
}
END_TEST

static void *wake_from_elsewhere(void *argument)
{
    stream_loop_wake(argument);
    return NULL;
}

START_TEST(wake_ends_a_long_wait)
{
    pthread_t thread;
    begin(serve_silence);
    int64_t begun = loopback_now_ms();
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_from_elsewhere, loop), 0);
    stream_loop_poll(loop, 30000);
    ck_assert_int_lt(loopback_now_ms() - begun, 20000);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(free_cancels_what_runs)
{
    struct told told = {0};
    begin(serve_released);
    (void)start(&told, 0);
    POLL_UNTIL(told.headers_calls == 1);
    (void)start(&told, 0);
    stream_loop_free(loop);
    loop = NULL;
    ck_assert_uint_eq(told.ends, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("http/stream");
    TCase *t = tcase_create("stream");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, hands_out_bytes_as_they_come);
    tcase_add_test(t, runs_many_streams_side_by_side);
    tcase_add_test(t, tells_cut_connection);
    tcase_add_test(t, cuts_stream_without_a_byte);
    tcase_add_test(t, counts_idleness_from_the_last_byte);
    tcase_add_test(t, refused_data_ends_the_stream);
    tcase_add_test(t, cancelled_stream_tells_nothing_more);
    tcase_add_test(t, end_may_start_the_next);
    tcase_add_test(t, bad_request_arrives_as_end);
    tcase_add_test(t, refuses_to_send_a_body);
    tcase_add_test(t, wake_ends_a_long_wait);
    tcase_add_test(t, free_cancels_what_runs);
    suite_add_tcase(s, t);
    return s;
}
