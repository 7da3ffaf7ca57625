/* SPDX-License-Identifier: Apache-2.0 */
/* What lib/http promises about TLS, against a GnuTLS server with certificates made here. */
#include "check_main.h"
#include "http/curl_transport.h"
#include "http/stream.h"
#include "loopback_tls.h"

static char directory[] = "/tmp/keyturn-tls-XXXXXX";
static struct tls_identity ca;
static struct tls_identity other_ca;
static struct tls_identity leaf;
static struct tls_options options;
static struct loopback server;
static struct curl_transport *transport;
static struct http_response response;
static struct err err;
static char url[256];

static bool serve_ok(struct loopback_connection *connection, const struct loopback_request *request)
{
    (void)request;
    return loopback_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void setup(void)
{
    ck_assert(http_global_init(&err));
    ck_assert_ptr_nonnull(mkdtemp(directory));
    tls_identity_make(&ca, NULL, directory, "ca", NULL, 0);
    tls_identity_make(&other_ca, NULL, directory, "other-ca", NULL, 0);
    tls_identity_make(&leaf, &ca, directory, "leaf", NULL, 0);
    transport = curl_transport_new(clock_system());
    options = (struct tls_options){.identity = &leaf};
    server = (struct loopback){.serve = serve_ok};
}

static void teardown(void)
{
    http_response_done(&response);
    curl_transport_free(transport);
    loopback_stop_tls(&server, &options);
    tls_identity_done(&ca);
    tls_identity_done(&other_ca);
    tls_identity_done(&leaf);
    (void)rmdir(directory);
    http_global_done();
}

static bool call(const char *ca_file, const struct tls_identity *client, const char *connect_to)
{
    struct http_request request = {
        .method = "GET",
        .url = url,
        .tls = {.ca_file = ca_file,
                .cert_file = client ? client->cert_file : NULL,
                .key_file = client ? client->key_file : NULL},
        .connect_to = connect_to,
        .no_proxy = true,
        .deadline_ms = clock_monotonic_ms(clock_system()) + 20000,
        .max_answer = 16,
    };
    return http_send(curl_transport_interface(transport), &request, &response, &err);
}

static void begin(void)
{
    loopback_start_tls(&server, &options);
    loopback_url(&server, "https", "/", url, sizeof url);
}

static void refused_for_good(void)
{
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_msg(!err.retryable, "%s", err.message);
    ck_assert_uint_eq(atomic_load(&server.requests), 0);
}

START_TEST(accepts_certificate_of_given_ca_and_keeps_the_connection)
{
    begin();
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(call(ca.cert_file, NULL, NULL), "%s", err.message);
        ck_assert_uint_eq(response.status, 200);
        http_response_done(&response);
    }
    ck_assert_uint_eq(atomic_load(&server.connections), 1);
}
END_TEST

START_TEST(refuses_certificate_of_another_ca)
{
    begin();
    ck_assert(!call(other_ca.cert_file, NULL, NULL));
    refused_for_good();
}
END_TEST

/* The certificate stands in no store of the system. */
START_TEST(trusts_system_store_only_without_ca_file)
{
    begin();
    ck_assert(!call(NULL, NULL, NULL));
    refused_for_good();
}
END_TEST

START_TEST(refuses_expired_certificate)
{
    struct tls_identity expired;
    tls_identity_make(&expired, &ca, directory, "expired", NULL, 60);
    options.identity = &expired;
    begin();
    ck_assert(!call(ca.cert_file, NULL, NULL));
    refused_for_good();
    tls_identity_done(&expired);
}
END_TEST

START_TEST(refuses_certificate_of_another_name)
{
    struct tls_identity named;
    tls_identity_make(&named, &ca, directory, "named", "elsewhere.example", 0);
    options.identity = &named;
    begin();
    ck_assert(!call(ca.cert_file, NULL, NULL));
    refused_for_good();
    tls_identity_done(&named);
}
END_TEST

START_TEST(verifies_name_of_url_when_connecting_elsewhere)
{
    struct tls_identity named;
    char place[64];
    tls_identity_make(&named, &ca, directory, "named", "kubernetes.default.svc", 0);
    options.identity = &named;
    begin();
    (void)snprintf(place, sizeof place, "127.0.0.1:%u", server.port);
    (void)snprintf(url, sizeof url, "https://kubernetes.default.svc:6443/");
    ck_assert_msg(call(ca.cert_file, NULL, place), "%s", err.message);
    ck_assert_str_eq(options.server_name, "kubernetes.default.svc");
    tls_identity_done(&named);
}
END_TEST

START_TEST(refuses_tls_1_1)
{
    options.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT";
    begin();
    ck_assert(!call(ca.cert_file, NULL, NULL));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_uint_eq(atomic_load(&options.handshakes), 0);
}
END_TEST

START_TEST(shows_client_certificate)
{
    struct tls_identity client;
    tls_identity_make(&client, &ca, directory, "client", NULL, 0);
    options.client_ca = &ca;
    begin();
    ck_assert_msg(call(ca.cert_file, &client, NULL), "%s", err.message);
    ck_assert_str_eq(options.client, "client");
    tls_identity_done(&client);
}
END_TEST

START_TEST(says_for_good_that_a_file_is_not_there)
{
    begin();
    ck_assert(!call("/nonexistent/ca.crt", NULL, NULL));
    refused_for_good();
    ck_assert_msg(strstr(err.message, "/nonexistent/ca.crt") != NULL, "%s", err.message);
}
END_TEST

/* One transport, two trust stores: a connection made under one is not used under the other. */
START_TEST(keeps_connections_of_different_trust_apart)
{
    begin();
    ck_assert_msg(call(ca.cert_file, NULL, NULL), "%s", err.message);
    http_response_done(&response);
    ck_assert(!call(other_ca.cert_file, NULL, NULL));
    ck_assert(!err.retryable);
    ck_assert_uint_eq(atomic_load(&server.requests), 1);
}
END_TEST

/* The bytes that nobody asks for would stay decrypted in the idle connection, with the whole record
 * that they came in. */
static bool serve_longer_than_said(struct loopback_connection *connection,
                                   const struct loopback_request *request)
{
    (void)request;
    return loopback_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") &&
           loopback_say(connection, "ok\n");
}

START_TEST(closes_a_connection_that_holds_more_than_the_content_length)
{
    server.serve = serve_longer_than_said;
    begin();
    for (unsigned i = 1; i <= 2; i++) {
        ck_assert_msg(call(ca.cert_file, NULL, NULL), "%s", err.message);
        ck_assert(sv_is(secret_buf_view(&response.body), "ok"));
        ck_assert_uint_eq(atomic_load(&server.connections), i);
        http_response_done(&response);
    }
}
END_TEST

static bool take_all(void *context, char *data, size_t len)
{
    (void)context;
    (void)data;
    (void)len;
    return true;
}

static void note_end(void *context, const struct err *failure)
{
    bool *clean = context;
    *clean = failure == NULL;
}

START_TEST(a_stream_closes_it_as_well)
{
    static const struct stream_handlers handlers = {.data = take_all, .end = note_end};
    const struct http_request request = {
        .method = "GET", .url = url, .no_proxy = true, .tls = {.ca_file = ca.cert_file}};
    server.serve = serve_longer_than_said;
    begin();
    struct stream_loop *loop = stream_loop_new(clock_system());
    for (unsigned i = 1; i <= 2; i++) {
        bool clean = false;
        (void)stream_start(loop, &request, 0, &handlers, &clean);
        while (stream_loop_count(loop) > 0) {
            stream_loop_poll(loop, 1000);
        }
        ck_assert(clean);
        ck_assert_uint_eq(atomic_load(&server.connections), i);
    }
    stream_loop_free(loop);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("http/curl_tls");
    TCase *t = tcase_create("curl_tls");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, accepts_certificate_of_given_ca_and_keeps_the_connection);
    tcase_add_test(t, refuses_certificate_of_another_ca);
    tcase_add_test(t, trusts_system_store_only_without_ca_file);
    tcase_add_test(t, refuses_expired_certificate);
    tcase_add_test(t, refuses_certificate_of_another_name);
    tcase_add_test(t, verifies_name_of_url_when_connecting_elsewhere);
    tcase_add_test(t, refuses_tls_1_1);
    tcase_add_test(t, shows_client_certificate);
    tcase_add_test(t, says_for_good_that_a_file_is_not_there);
    tcase_add_test(t, keeps_connections_of_different_trust_apart);
    tcase_add_test(t, closes_a_connection_that_holds_more_than_the_content_length);
    tcase_add_test(t, a_stream_closes_it_as_well);
    suite_add_tcase(s, t);
    return s;
}
