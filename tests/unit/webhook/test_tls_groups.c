/* SPDX-License-Identifier: Apache-2.0 */
/* Linked as the program is: webhook/tls_groups.c is an object of this executable. */
#include "../http/loopback_tls.h"
#include "base/limits.h"
#include "check_main.h"
#include "http/curl_transport.h"

enum {
    RECORD_HEADER = 5,
    HANDSHAKE_HEADER = 4,
    SUPPORTED_GROUPS = 10, /* RFC 8446 section 4.2 */
    KEY_SHARE = 51,
    X25519 = 0x001d,
    P256 = 0x0017,
    X25519_BYTES = 32,
    HELLO_BYTES = 4096,
};

/* ---- what a session says first ---- */

static unsigned char hello[HELLO_BYTES];
static size_t hello_len;
static unsigned char groups[64];
static unsigned char shares[512];
static size_t groups_len;
static size_t shares_len;

static ssize_t keep_hello(gnutls_transport_ptr_t transport, const void *data, size_t len)
{
    (void)transport;
    ck_assert_uint_le(hello_len + len, sizeof hello);
    memcpy(hello + hello_len, data, len);
    hello_len += len;
    return (ssize_t)len;
}

static ssize_t no_answer(gnutls_transport_ptr_t transport, void *data, size_t len)
{
    (void)transport;
    (void)data;
    (void)len;
    errno = ECONNRESET;
    return -1;
}

static int read_extension(void *context, unsigned type, const unsigned char *data, unsigned len)
{
    (void)context;
    if (type == SUPPORTED_GROUPS) {
        ck_assert_uint_le(len, sizeof groups);
        memcpy(groups, data, len);
        groups_len = len;
    } else if (type == KEY_SHARE) {
        ck_assert_uint_le(len, sizeof shares);
        memcpy(shares, data, len);
        shares_len = len;
    }
    return 0;
}

static unsigned number_at(const unsigned char *data)
{
    return (unsigned)data[0] << 8 | data[1];
}

static void say_hello(const char *priorities)
{
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    hello_len = groups_len = shares_len = 0;
    ck_assert_int_eq(gnutls_certificate_allocate_credentials(&credentials), 0);
    ck_assert_int_eq(gnutls_init(&session, GNUTLS_CLIENT), 0);
    ck_assert_int_eq(gnutls_priority_set_direct(session, priorities, NULL), 0);
    ck_assert_int_eq(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
    gnutls_transport_set_push_function(session, keep_hello);
    gnutls_transport_set_pull_function(session, no_answer);
    ck_assert_int_lt(gnutls_handshake(session), 0);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    ck_assert_uint_gt(hello_len, RECORD_HEADER + HANDSHAKE_HEADER);
    const gnutls_datum_t body = {.data = hello + RECORD_HEADER + HANDSHAKE_HEADER,
                                 .size = number_at(hello + 3) - HANDSHAKE_HEADER};
    ck_assert_int_eq(
        gnutls_ext_raw_parse(NULL, read_extension, &body, GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO), 0);
}

START_TEST(offers_x25519_first_and_a_key_share_for_it_alone)
{
    say_hello("NORMAL");
    ck_assert_uint_gt(groups_len, 4);
    ck_assert_uint_eq(number_at(groups + 2), X25519);
    ck_assert_uint_eq(number_at(groups + 4), P256);
    ck_assert_uint_eq(number_at(shares), 4 + X25519_BYTES);
    ck_assert_uint_eq(number_at(shares + 2), X25519);
}
END_TEST

START_TEST(keeps_what_else_is_asked_for)
{
    say_hello("NORMAL:-VERS-ALL:+VERS-TLS1.2");
    ck_assert_uint_eq(shares_len, 0);
    ck_assert_uint_eq(number_at(groups + 2), X25519);
    say_hello("NORMAL");
    ck_assert_uint_gt(shares_len, 0);
}
END_TEST

START_TEST(leaves_alone_who_names_groups)
{
    say_hello("NORMAL:-GROUP-ALL:+GROUP-SECP256R1");
    ck_assert_uint_eq(groups_len, 2 + 2);
    ck_assert_uint_eq(number_at(groups + 2), P256);
}
END_TEST

START_TEST(says_where_priorities_are_wrong)
{
    gnutls_session_t session;
    static const char wrong[] = "NORMAL:+NO-SUCH-THING";
    const char *at = NULL;
    ck_assert_int_eq(gnutls_init(&session, GNUTLS_CLIENT), 0);
    ck_assert_int_eq(gnutls_priority_set_direct(session, wrong, &at), GNUTLS_E_INVALID_REQUEST);
    ck_assert_ptr_eq(at, strstr(wrong, "+NO-SUCH"));
    gnutls_deinit(session);
}
END_TEST

/* ---- libcurl's ---- */

static char directory[] = "/tmp/keyturn-groups-XXXXXX";
static struct tls_identity ca;
static struct tls_identity leaf;
static struct tls_options options;
static struct loopback server;
static gnutls_group_t group;

static bool serve_group(struct loopback_connection *connection,
                        const struct loopback_request *request)
{
    (void)request;
    group = gnutls_group_get(connection->tls);
    return loopback_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

/* The group that a call of libcurl's to such a server ends up with. */
static gnutls_group_t group_with(const char *priority)
{
    char url[256];
    struct err err = {0};
    CLEANUP(http_response_done) struct http_response response = {0};
    options = (struct tls_options){.identity = &leaf, .priority = priority};
    server = (struct loopback){.serve = serve_group};
    group = GNUTLS_GROUP_INVALID;
    ck_assert(http_global_init(&err));
    loopback_start_tls(&server, &options);
    loopback_url(&server, "https", "/", url, sizeof url);
    struct curl_transport *transport = curl_transport_new(clock_system());
    const struct http_request request = {
        .method = "GET",
        .url = url,
        .tls = {.ca_file = ca.cert_file},
        .no_proxy = true,
        .deadline_ms = clock_monotonic_ms(clock_system()) + 20000,
        .max_answer = 16,
    };
    bool sent = http_send(curl_transport_interface(transport), &request, &response, &err);
    curl_transport_free(transport);
    loopback_stop_tls(&server, &options);
    http_global_done();
    ck_assert_msg(sent, "%s", err.message);
    return group;
}

static void make_identities(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    tls_identity_make(&ca, NULL, directory, "ca", NULL, 0);
    tls_identity_make(&leaf, &ca, directory, "leaf", NULL, 0);
}

static void remove_identities(void)
{
    tls_identity_done(&ca);
    tls_identity_done(&leaf);
    (void)rmdir(directory);
}

START_TEST(libcurl_exchanges_keys_in_x25519)
{
    ck_assert_int_eq(group_with("NORMAL:-GROUP-ALL:+GROUP-SECP256R1:+GROUP-X25519"),
                     GNUTLS_GROUP_X25519);
}
END_TEST

START_TEST(libcurl_reaches_a_server_that_has_p256_alone)
{
    ck_assert_int_eq(group_with("NORMAL:-GROUP-ALL:+GROUP-SECP256R1"), GNUTLS_GROUP_SECP256R1);
}
END_TEST

START_TEST(libcurl_reaches_a_server_without_tls_1_3)
{
    ck_assert_int_eq(group_with("NORMAL:-VERS-ALL:+VERS-TLS1.2:-GROUP-ALL:+GROUP-SECP384R1"),
                     GNUTLS_GROUP_SECP384R1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("webhook/tls_groups");
    TCase *t = tcase_create("sessions");
    tcase_add_test(t, offers_x25519_first_and_a_key_share_for_it_alone);
    tcase_add_test(t, keeps_what_else_is_asked_for);
    tcase_add_test(t, leaves_alone_who_names_groups);
    tcase_add_test(t, says_where_priorities_are_wrong);
    suite_add_tcase(s, t);
    t = tcase_create("libcurl");
    tcase_add_checked_fixture(t, make_identities, remove_identities);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, libcurl_exchanges_keys_in_x25519);
    tcase_add_test(t, libcurl_reaches_a_server_that_has_p256_alone);
    tcase_add_test(t, libcurl_reaches_a_server_without_tls_1_3);
    suite_add_tcase(s, t);
    return s;
}
