/* SPDX-License-Identifier: Apache-2.0 */
/* A resolver that does not answer: deadlines hold all the same, and other streams go on. This
 * program defines getaddrinfo() itself, so libcurl's resolver threads end up here. */
#include <netdb.h>

#include "check_main.h"
#include "http/curl_transport.h"
#include "http/stream.h"
#include "loopback_server.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned waiting;
static bool answering;
static atomic_bool name_waits; /* true once a name waits */

/* Every name waits until the test is over, and then does not exist. */
int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict res)
{
    (void)node;
    (void)service;
    (void)hints;
    (void)res;
    (void)pthread_mutex_lock(&lock);
    waiting++;
    atomic_store(&name_waits, true);
    while (!answering) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    waiting--;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    return EAI_NONAME;
}

static unsigned resolvers_waiting(void)
{
    (void)pthread_mutex_lock(&lock);
    unsigned count = waiting;
    (void)pthread_mutex_unlock(&lock);
    return count;
}

static struct loopback server;
static char url[256];
static struct err err;

static bool serve_ok(struct loopback_connection *connection, const struct loopback_request *request)
{
    (void)request;
    return loopback_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void setup(void)
{
    ck_assert(http_global_init(&err));
    server = (struct loopback){.serve = serve_ok};
    loopback_start(&server);
    loopback_url(&server, "http", "/", url, sizeof url);
    answering = false;
    atomic_store(&name_waits, false);
}

/* Each has a thread, which may be late. */
static void await_resolvers(size_t count)
{
    int64_t deadline = loopback_now_ms() + 20000;
    while (resolvers_waiting() != count) {
        ck_assert_int_lt(loopback_now_ms(), deadline);
        sched_yield();
    }
}

static void teardown(void)
{
    (void)pthread_mutex_lock(&lock);
    answering = true;
    (void)pthread_cond_broadcast(&changed);
    while (waiting > 0) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
    loopback_stop(&server);
}

static struct http_request request_to(const char *where, int64_t within_ms)
{
    return (struct http_request){
        .method = "GET",
        .url = where,
        .no_proxy = true,
        .deadline_ms = within_ms ? clock_monotonic_ms(clock_system()) + within_ms : 0,
        .max_answer = 16,
    };
}

START_TEST(deadline_holds_while_a_name_is_being_resolved)
{
    struct curl_transport *transport = curl_transport_new(clock_system());
    struct http_transport http = curl_transport_interface(transport);
    struct http_response response = {0};
    struct http_request slow = request_to("http://slow.example/", 1000);
    int64_t begun = loopback_now_ms();
    ck_assert(!http_send(http, &slow, &response, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_int_lt(loopback_now_ms() - begun, 5000);
    await_resolvers(1);
    /* The handle is as good as new. */
    struct http_request quick = request_to(url, 10000);
    ck_assert_msg(http_send(http, &quick, &response, &err), "%s", err.message);
    http_response_done(&response);
    curl_transport_free(transport);
    ck_assert_int_lt(loopback_now_ms() - begun, 15000);
    await_resolvers(1);
}
END_TEST

/* The name still waits when the call has ended: it was not the resolver that ended it. */
START_TEST(connect_timeout_holds_while_a_name_is_being_resolved)
{
    struct curl_transport *transport = curl_transport_new(clock_system());
    struct http_response response = {0};
    struct http_request slow = request_to("http://slow.example/", 60000);
    slow.connect_timeout_ms = 1000;
    int64_t begun = loopback_now_ms();
    ck_assert(!http_send(curl_transport_interface(transport), &slow, &response, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_int_ge(loopback_now_ms() - begun, 990);
    ck_assert_int_lt(loopback_now_ms() - begun, 5000);
    await_resolvers(1);
    curl_transport_free(transport);
}
END_TEST

START_TEST(cancelling_does_not_wait_for_a_name)
{
    struct curl_transport *transport = curl_transport_new(clock_system());
    struct http_response response = {0};
    struct http_request slow = request_to("http://slow.example/", 60000);
    int64_t begun = loopback_now_ms();
    curl_transport_cancel_with(transport, &name_waits);
    ck_assert(!http_send(curl_transport_interface(transport), &slow, &response, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_str_eq(err.message, "stopping");
    curl_transport_free(transport);
    ck_assert_int_lt(loopback_now_ms() - begun, 5000);
    await_resolvers(1);
}
END_TEST

struct told {
    size_t bytes;
    unsigned ends;
    enum err_kind kind;
};

static bool on_data(void *context, char *data, size_t len)
{
    struct told *told = context;
    (void)data;
    told->bytes += len;
    return true;
}

static void on_end(void *context, const struct err *end_err)
{
    struct told *told = context;
    told->ends++;
    told->kind = end_err ? end_err->kind : ERR_NONE;
}

static const struct stream_handlers handlers = {NULL, on_data, on_end};

static void poll_until_ended(struct stream_loop *loop, const struct told *told)
{
    int64_t deadline = loopback_now_ms() + 20000;
    while (told->ends == 0) {
        ck_assert_int_lt(loopback_now_ms(), deadline);
        stream_loop_poll(loop, 50);
    }
}

START_TEST(other_streams_go_on_while_a_name_is_being_resolved)
{
    struct stream_loop *loop = stream_loop_new(clock_system());
    struct told slow = {0};
    struct told idle = {0};
    struct told quick = {0};
    struct http_request to_slow = request_to("http://slow.example/", 0);
    struct http_request to_idle = request_to("http://slower.example/", 0);
    struct http_request to_quick = request_to(url, 0);
    struct stream *cancelled = stream_start(loop, &to_slow, 0, &handlers, &slow);
    (void)stream_start(loop, &to_idle, 1000, &handlers, &idle);
    (void)stream_start(loop, &to_quick, 0, &handlers, &quick);
    poll_until_ended(loop, &quick);
    ck_assert_uint_eq(quick.bytes, 2);
    ck_assert_int_eq(quick.kind, ERR_NONE);
    poll_until_ended(loop, &idle);
    ck_assert_int_eq(idle.kind, ERR_TIMEOUT);
    ck_assert_uint_eq(slow.ends, 0);
    await_resolvers(2);
    /* Neither cancelling nor ending waits for the resolver. */
    int64_t begun = loopback_now_ms();
    stream_cancel(loop, cancelled);
    stream_loop_poll(loop, 0);
    stream_loop_free(loop);
    ck_assert_int_lt(loopback_now_ms() - begun, 5000);
    await_resolvers(2);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("http/slow_resolver");
    TCase *t = tcase_create("slow_resolver");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, deadline_holds_while_a_name_is_being_resolved);
    tcase_add_test(t, connect_timeout_holds_while_a_name_is_being_resolved);
    tcase_add_test(t, cancelling_does_not_wait_for_a_name);
    tcase_add_test(t, other_streams_go_on_while_a_name_is_being_resolved);
    suite_add_tcase(s, t);
    return s;
}
