/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "fake_endpoint.h"

#include "aws/credential_endpoint.h"

/* Names: "local.test" is loopback twice, "mixed.test" also something else, "far.test" not at all,
 * "agent.test" the agent, "lost.test" nothing. */
static bool resolve(const char *name, struct host_addresses *ret, struct err *err)
{
    static const struct {
        const char *name;
        const char *addresses[3];
    } names[] = {
        {"local.test", {"::1", "127.0.0.1"}},
        {"127.evil.example", {"203.0.113.7"}},
        {"mixed.test", {"127.0.0.1", "203.0.113.7"}},
        {"mixed6.test", {"fe80::1", "::1"}},
        {"far.test", {"203.0.113.7"}},
        {"agent.test", {"169.254.170.23"}},
        {"metadata.test", {"169.254.169.254"}},
        {"nothing.test", {NULL}},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            *ret = (struct host_addresses){0};
            for (; names[i].addresses[ret->count]; ret->count++) {
                ck_assert(host_address_parse(sv_of(names[i].addresses[ret->count]),
                                             &ret->items[ret->count]));
            }
            return true;
        }
    }
    return err_set(err, ERR_UNAVAILABLE, "%s: does not resolve", name);
}

static const struct {
    const char *url;
    const char *pins[2];
} allowed[] = {
    {"http://169.254.170.2/v2/credentials/a-b", {NULL}},
    {"http://169.254.170.23/v1/credentials", {NULL}},
    {"http://[fd00:ec2::23]/v1/credentials", {NULL}},
    {"http://[FD00:EC2:0::0:23]:80/v1/credentials", {NULL}},
    {"http://127.0.0.1:51679/x", {NULL}},
    {"http://127.255.255.254/x", {NULL}},
    {"http://[::1]/x", {NULL}},
    {"https://anything.example/x?y=z", {NULL}},
    {"https://203.0.113.7:8443/x", {NULL}},
    {"HTTPS://lost.test/x", {NULL}},
    {"http://local.test/x", {"[::1]:80", "127.0.0.1:80"}},
    {"HTTP://local.test:1338/x", {"[::1]:1338", "127.0.0.1:1338"}},
    {"http://agent.test/x", {"169.254.170.23:80"}},
};

START_TEST(asks_where_credentials_may_be_asked_for)
{
    struct err err = {0};
    CLEANUP(credential_endpoint_done) struct credential_endpoint endpoint = {0};
    ck_assert_msg(credential_endpoint_init(&endpoint, sv_of(allowed[_i].url),
                                           CREDENTIALS_OF_CONTAINER, resolve, &err),
                  "%s", err.message);
    ck_assert_str_eq(endpoint.url, allowed[_i].url);
    size_t count = 0;
    for (; count < 2 && allowed[_i].pins[count]; count++) {
        ck_assert_str_eq(endpoint.pins[count], allowed[_i].pins[count]);
    }
    ck_assert_uint_eq(endpoint.pin_count, count);
}
END_TEST

static const struct {
    const char *url;
    const char *says;
} refused[] = {
    {"http://169.254.170.200/x", "169.254.170.200"},
    {"http://169.254.170.20/x", "169.254.170.20"},
    {"http://169.254.170.3/x", "169.254.170.3"},
    {"http://169.254.169.254/latest", "169.254.169.254"},
    {"http://127.evil.example/x", "127.evil.example"},
    {"http://localhost.evil.example/x", "does not resolve"},
    {"http://[fe80::1]/x", "fe80::1"},
    {"http://[fe80::]/x", "fe80::"},
    {"http://[fd00:ec2::24]/x", "fd00:ec2::24"},
    {"http://[fd00:ec2::231]/x", "fd00:ec2::231"},
    {"http://[::1:1]/x", "::1:1"},
    {"http://[2001:db8::1]/x", "2001:db8::1"},
    {"http://[::ffff:127.0.0.1]/x", "::ffff:127.0.0.1"},
    {"http://[::ffff:169.254.170.2]/x", "::ffff:169.254.170.2"},
    {"http://0.0.0.0/x", "0.0.0.0"},
    {"http://10.0.0.1/x", "10.0.0.1"},
    {"http://mixed.test/x", "mixed.test"},
    {"http://mixed6.test/x", "mixed6.test"},
    {"http://far.test/x", "far.test"},
    {"http://metadata.test/x", "metadata.test"},
    {"http://lost.test/x", "does not resolve"},
    {"http://nothing.test/x", "no address"},
    {"http://127.0.0.1@evil.example/x", "not an URL"},
    {"http://user:hunter2@127.0.0.1/x", "not an URL"},
    {"https://user:hunter2@host.example/x", "not an URL"},
    {"http://127.1/x", "not an URL"},
    {"http://2130706433/x", "not an URL"},
    {"http://127.0.0.1\\@evil.example/x", "not an URL"},
    {"httpx://127.0.0.1/x", "not an URL"},
    {"httpsx://127.0.0.1/x", "not an URL"},
    {"127.0.0.1/x", "not an URL"},
    {"/v1/credentials", "not an URL"},
    {"file:///etc/passwd", "not an URL"},
    {"", "not an URL"},
};

START_TEST(asks_nowhere_else)
{
    struct err err = {0};
    struct credential_endpoint endpoint = {.pin_count = 7};
    ck_assert_msg(!credential_endpoint_init(&endpoint, sv_of(refused[_i].url),
                                            CREDENTIALS_OF_CONTAINER, resolve, &err),
                  "%s", refused[_i].url);
    bool unresolved = strstr(err.message, "resolve") || strstr(err.message, "no address");
    ck_assert_int_eq(err.kind, unresolved ? ERR_UNAVAILABLE : ERR_INVALID);
    ck_assert_msg(strstr(err.message, refused[_i].says), "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_uint_eq(endpoint.pin_count, 7);
}
END_TEST

static const struct {
    const char *url;
    bool may;
} of_instance[] = {
    {"http://169.254.169.254", true},   {"http://[fd00:ec2::254]", true},
    {"http://127.0.0.1:1338", true},    {"https://metadata.example", true},
    {"http://169.254.170.2", false},    {"http://169.254.170.23", false},
    {"http://[fd00:ec2::23]", false},   {"http://169.254.169.25", false},
    {"http://metadata.example", false}, {"http://metadata.test", true},
};

START_TEST(keeps_the_kinds_apart)
{
    struct err err = {0};
    CLEANUP(credential_endpoint_done) struct credential_endpoint endpoint = {0};
    ck_assert_int_eq(credential_endpoint_init(&endpoint, sv_of(of_instance[_i].url),
                                              CREDENTIALS_OF_INSTANCE, resolve, &err),
                     of_instance[_i].may);
}
END_TEST

START_TEST(refuses_a_url_that_is_too_long)
{
    struct err err = {0};
    struct credential_endpoint endpoint;
    CLEANUP(buf_done) struct buf url = {0};
    buf_init(&url, 8192);
    buf_add_str(&url, "http://127.0.0.1/");
    memset(buf_extend(&url, 4096 - url.len), 'a', 4096 - strlen("http://127.0.0.1/"));
    ck_assert(credential_endpoint_init(&endpoint, buf_view(&url), CREDENTIALS_OF_CONTAINER, resolve,
                                       &err));
    credential_endpoint_done(&endpoint);
    ck_assert_ptr_null(endpoint.url);
    buf_add_byte(&url, 'a');
    ck_assert(!credential_endpoint_init(&endpoint, buf_view(&url), CREDENTIALS_OF_CONTAINER,
                                        resolve, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(resolves_localhost_with_the_system)
{
    struct err err = {0};
    struct host_addresses addresses = {0};
    ck_assert_msg(host_resolve("localhost", &addresses, &err), "%s", err.message);
    ck_assert_uint_ge(addresses.count, 1);
    for (size_t i = 0; i < addresses.count; i++) {
        ck_assert(host_address_is_loopback(&addresses.items[i]));
    }
}
END_TEST

/* Calls */

static bool call(struct fake_endpoint *fake, const char *url, bool silence_is_final,
                 int64_t deadline_ms, struct http_response *ret, struct err *err)
{
    CLEANUP(credential_endpoint_done) struct credential_endpoint endpoint = {0};
    ck_assert(
        credential_endpoint_init(&endpoint, sv_of(url), CREDENTIALS_OF_CONTAINER, resolve, err));
    const struct credential_call what = {
        .method = "GET",
        .url = endpoint.url,
        .header = {"Authorization", SV("token")},
        .accept_json = true,
        .silence_is_final = silence_is_final,
    };
    struct credentials_request request = fake_request(fake);
    request.deadline_ms = deadline_ms;
    return credential_endpoint_call(&endpoint, &what, &request, ret, err);
}

START_TEST(asks_without_a_proxy_and_with_little_time)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {{.status = 200, .body = "x"}}};
    CLEANUP(http_response_done) struct http_response response = {0};
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(call(&fake, "http://127.0.0.1:1/a?b", false, FAKE_DEADLINE_MS, &response, &err));
    ck_assert_uint_eq(response.status, 200);
    ck_assert_str_eq(response.body.bytes.data, "x");
    const struct fake_call *sent = &fake.calls[0];
    ck_assert_uint_eq(fake.count, 1);
    ck_assert_str_eq(sent->method, "GET");
    ck_assert_str_eq(sent->url, "http://127.0.0.1:1/a?b");
    ck_assert_str_eq(fake_header(sent, "Authorization"), "token");
    ck_assert_str_eq(fake_header(sent, "Accept"), "application/json");
    ck_assert_uint_eq(sent->header_count, 2);
    ck_assert(sent->no_proxy);
    ck_assert_int_eq(sent->connect_timeout_ms, 250);
    ck_assert_int_eq(sent->deadline_ms, FAKE_MONOTONIC_MS + 1000);
    ck_assert_uint_eq(sent->max_answer, 65536);
    ck_assert_str_eq(sent->ca_file, "/ca.pem");
    ck_assert_ptr_null(sent->connect_to);
}
END_TEST

static const struct fake_answer passing[] = {
    {.status = 500}, {.status = 503},          {.status = 429},
    {.status = 408}, {.failure = ERR_TIMEOUT}, {.failure = ERR_UNAVAILABLE},
};
static const enum err_kind passing_kinds[] = {ERR_UNAVAILABLE, ERR_UNAVAILABLE, ERR_BUSY,
                                              ERR_UNAVAILABLE, ERR_TIMEOUT,     ERR_UNAVAILABLE};

START_TEST(tries_three_times)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {passing[_i], passing[_i], {.status = 200, .body = "third"}},
        .random_bits = UINT32_MAX,
    };
    CLEANUP(http_response_done) struct http_response response = {0};
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(call(&fake, "http://127.0.0.1/", false, FAKE_DEADLINE_MS, &response, &err));
    ck_assert_str_eq(response.body.bytes.data, "third");
    ck_assert_uint_eq(fake.count, 3);
    ck_assert_uint_eq(fake.pauses, 2);
    ck_assert_int_eq(fake.pauses_ms[0], 400);
    ck_assert_int_eq(fake.pauses_ms[1], 400);
}
END_TEST

START_TEST(gives_up_after_three)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {passing[_i], passing[_i], passing[_i]}};
    CLEANUP(http_response_done) struct http_response response = {0};
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(!call(&fake, "http://127.0.0.1/", false, FAKE_DEADLINE_MS, &response, &err));
    ck_assert_int_eq(err.kind, passing_kinds[_i]);
    ck_assert(err.retryable);
    ck_assert_uint_eq(fake.count, 3);
    ck_assert_uint_eq(fake.pauses, 2);
    ck_assert_int_eq(fake.pauses_ms[0], 100);
}
END_TEST

static const struct fake_answer final[] = {
    {.status = 200}, {.status = 204}, {.status = 301}, {.status = 400},
    {.status = 401}, {.status = 404}, {.status = 499},
};

START_TEST(takes_any_other_status_for_an_answer)
{
    CLEANUP(fake_endpoint_done) struct fake_endpoint fake = {.answers = {final[_i]}};
    CLEANUP(http_response_done) struct http_response response = {0};
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(call(&fake, "http://127.0.0.1/", false, FAKE_DEADLINE_MS, &response, &err));
    ck_assert_uint_eq(response.status, final[_i].status);
    ck_assert_uint_eq(fake.count, 1);
}
END_TEST

static const struct fake_answer hopeless[] = {
    {.failure = ERR_UNAVAILABLE, .permanent = true},
    {.failure = ERR_TOO_BIG},
    {.failure = ERR_INVALID},
};

START_TEST(does_not_repeat_what_cannot_help)
{
    CLEANUP(fake_endpoint_done) struct fake_endpoint fake = {.answers = {hopeless[_i]}};
    CLEANUP(http_response_done) struct http_response response = {0};
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(!call(&fake, "http://127.0.0.1/", false, FAKE_DEADLINE_MS, &response, &err));
    ck_assert_int_eq(err.kind, hopeless[_i].failure);
    ck_assert_uint_eq(fake.count, 1);
}
END_TEST

START_TEST(repeats_no_silence_that_is_final)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {.answers = {{.status = 500}, {.failure = ERR_TIMEOUT}}};
    CLEANUP(http_response_done) struct http_response response = {0};
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(!call(&fake, "http://127.0.0.1/", true, FAKE_DEADLINE_MS, &response, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_uint_eq(fake.count, 2);
}
END_TEST

START_TEST(connects_to_each_address_of_a_name_in_turn)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {{.failure = ERR_UNAVAILABLE}, {.status = 500}, {.status = 200}}};
    CLEANUP(http_response_done) struct http_response response = {0};
    struct err err = {0};
    fake_endpoint_init(&fake);
    ck_assert(call(&fake, "http://local.test:1338/", false, FAKE_DEADLINE_MS, &response, &err));
    ck_assert_str_eq(fake.calls[0].connect_to, "[::1]:1338");
    ck_assert_str_eq(fake.calls[1].connect_to, "127.0.0.1:1338");
    ck_assert_str_eq(fake.calls[2].connect_to, "[::1]:1338");
}
END_TEST

START_TEST(keeps_the_deadline_of_who_asks)
{
    CLEANUP(fake_endpoint_done)
    struct fake_endpoint fake = {
        .answers = {{.status = 500, .takes_ms = 300}, {.status = 500, .takes_ms = 300}}};
    CLEANUP(http_response_done) struct http_response response = {0};
    struct err err = {0};
    fake_endpoint_init(&fake);
    /* After 300 + 100 + 300 ms, 100 ms of pause and a try no longer fit. */
    ck_assert(!call(&fake, "http://127.0.0.1/", false, FAKE_MONOTONIC_MS + 800, &response, &err));
    ck_assert_uint_eq(fake.count, 2);
    ck_assert_int_eq(fake.calls[0].deadline_ms, FAKE_MONOTONIC_MS + 800);
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    http_response_done(&response);
    ck_assert(!call(&fake, "http://127.0.0.1/", false, fake.monotonic_ms + 20, &response, &err));
    ck_assert_int_eq(err.kind, ERR_TIMEOUT);
    ck_assert_uint_eq(fake.count, 2);
}
END_TEST

static const struct {
    unsigned status;
    enum err_kind kind;
    bool retryable;
} statuses[] = {
    {301, ERR_UNAVAILABLE, false}, {400, ERR_INVALID, false},    {401, ERR_DENIED, false},
    {403, ERR_DENIED, false},      {404, ERR_DENIED, false},     {405, ERR_DENIED, false},
    {408, ERR_UNAVAILABLE, true},  {429, ERR_BUSY, true},        {500, ERR_UNAVAILABLE, true},
    {204, ERR_UNAVAILABLE, false}, {503, ERR_UNAVAILABLE, true},
};

START_TEST(says_what_a_status_means)
{
    CLEANUP(http_response_done)
    struct http_response response = {.status = statuses[_i].status};
    struct err err = {0};
    char text[32];
    secret_buf_init(&response.body, 64);
    secret_buf_add(&response.body, SV("hunter2"));
    ck_assert(!credential_endpoint_refused(&response, &err));
    ck_assert_int_eq(err.kind, statuses[_i].kind);
    ck_assert_int_eq(err.retryable, statuses[_i].retryable);
    (void)snprintf(text, sizeof text, "HTTP status %u", statuses[_i].status);
    ck_assert_str_eq(err.message, text);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credential_endpoint");
    TCase *tcase = tcase_create("credential_endpoint");
    tcase_add_loop_test(tcase, asks_where_credentials_may_be_asked_for, 0, ARRAY_LEN(allowed));
    tcase_add_loop_test(tcase, asks_nowhere_else, 0, ARRAY_LEN(refused));
    tcase_add_loop_test(tcase, keeps_the_kinds_apart, 0, ARRAY_LEN(of_instance));
    tcase_add_test(tcase, refuses_a_url_that_is_too_long);
    tcase_add_test(tcase, resolves_localhost_with_the_system);
    tcase_add_test(tcase, asks_without_a_proxy_and_with_little_time);
    tcase_add_loop_test(tcase, tries_three_times, 0, ARRAY_LEN(passing));
    tcase_add_loop_test(tcase, gives_up_after_three, 0, ARRAY_LEN(passing));
    tcase_add_loop_test(tcase, takes_any_other_status_for_an_answer, 0, ARRAY_LEN(final));
    tcase_add_loop_test(tcase, does_not_repeat_what_cannot_help, 0, ARRAY_LEN(hopeless));
    tcase_add_test(tcase, repeats_no_silence_that_is_final);
    tcase_add_test(tcase, connects_to_each_address_of_a_name_in_turn);
    tcase_add_test(tcase, keeps_the_deadline_of_who_asks);
    tcase_add_loop_test(tcase, says_what_a_status_means, 0, ARRAY_LEN(statuses));
    suite_add_tcase(suite, tcase);
    return suite;
}
