/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "aws/configured_url.h"

static const struct {
    const char *url;
    bool tls;
    const char *host;
    bool is_name;
    uint16_t port;
    const char *rest;
} urls[] = {
    {"https://host.example", true, "host.example", true, 443, ""},
    {"HTTPS://Host.Example/", true, "Host.Example", true, 443, "/"},
    {"http://localhost:8080/a/b?c=d/e", false, "localhost", true, 8080, "/a/b?c=d/e"},
    {"http://host.example?x/y", false, "host.example", true, 80, "?x/y"},
    {"http://169.254.170.23/v1/credentials", false, "169.254.170.23", false, 80, "/v1/credentials"},
    {"http://[fd00:ec2::23]/v1", false, "fd00:ec2::23", false, 80, "/v1"},
    {"http://[::1]:65535", false, "::1", false, 65535, ""},
    {"https://10.1.2.3:1/", true, "10.1.2.3", false, 1, "/"},
    {"http://host.example/user@other:1", false, "host.example", true, 80, "/user@other:1"},
    {"https://a-1.b2.c3", true, "a-1.b2.c3", true, 443, ""},
};

START_TEST(takes_a_url_apart)
{
    struct configured_url url;
    ck_assert(configured_url_parse(sv_of(urls[_i].url), &url));
    ck_assert_int_eq(url.tls, urls[_i].tls);
    ck_assert_msg(sv_is(url.host, urls[_i].host), "%.*s", SV_ARG(url.host));
    ck_assert_int_eq(url.is_name, urls[_i].is_name);
    ck_assert_uint_eq(url.port, urls[_i].port);
    ck_assert_msg(sv_is(url.rest, urls[_i].rest), "%.*s", SV_ARG(url.rest));
}
END_TEST

static const char *const refused[] = {
    "",
    "host.example",
    "//host.example",
    "http",
    "http:",
    "http:/host.example",
    "http:host.example",
    "ftp://host.example",
    "httpx://host.example",
    "http://",
    "http:///path",
    "http://?query",
    "http://:80",
    "http://user@host.example",
    "http://user:password@host.example/",
    "http://127.0.0.1@evil.example/",
    "http://127.0.0.1\\@evil.example/",
    "http://host.example#x",
    "http://host.example/#x",
    "http://host.example.",
    "http://.host.example",
    "http://host..example",
    "http://host_name.example",
    "http://host%2eexample",
    "http://ho st.example",
    "http://h\xc3\xb6st.example",
    "http://host.example\r\nX-Y: z",
    "http://host.example/\x7f",
    "http://host.example:",
    "http://host.example:0",
    "http://host.example:65536",
    "http://host.example:+80",
    "http://host.example: 80",
    "http://host.example:1:2",
    "http://127.1",
    "http://127.0.1",
    "http://127.0.0.1.1",
    "http://127.0.0.01",
    "http://0177.0.0.1",
    "http://0x7f.0.0.1",
    "http://0x7f000001",
    "http://2130706433",
    "http://127.0.0.256",
    "http://127.0.0.1.",
    "http://host.1example",
    "http://::1",
    "http://::1/",
    "http://[::1",
    "http://::1]",
    "http://[::1]x",
    "http://[::1]:",
    "http://[::1%25eth0]",
    "http://[fe80::1%eth0]",
    "http://[127.0.0.1]",
    "http://[]",
    "http://[",
    "http://]",
    "http://[::::]",
    "http://[localhost]",
};

START_TEST(refuses_what_two_readers_may_read_differently)
{
    struct configured_url url = {.port = 7};
    ck_assert_msg(!configured_url_parse(sv_of(refused[_i]), &url), "%s", refused[_i]);
    ck_assert_uint_eq(url.port, 7);
}
END_TEST

START_TEST(refuses_a_nul_and_a_name_that_is_too_long)
{
    struct configured_url url;
    ck_assert(!configured_url_parse(SV("http://127.0.0.1\0.evil.example"), &url));
    char text[7 + HOST_NAME_MAX_BYTES + 2] = "http://";
    memset(text + 7, 'a', HOST_NAME_MAX_BYTES + 1);
    ck_assert(configured_url_parse(sv_make(text, 7 + HOST_NAME_MAX_BYTES), &url));
    ck_assert_uint_eq(url.host.len, HOST_NAME_MAX_BYTES);
    ck_assert(!configured_url_parse(sv_make(text, 7 + HOST_NAME_MAX_BYTES + 1), &url));
}
END_TEST

static const struct {
    const char *text;
    bool loopback;
} addresses[] = {
    {"127.0.0.1", true},         {"127.255.255.254", true}, {"::1", true},
    {"0:0:0:0:0:0:0:1", true},   {"128.0.0.1", false},      {"169.254.170.2", false},
    {"::ffff:127.0.0.1", false}, {"::127.0.0.1", false},    {"::", false},
    {"fe80::1", false},          {"0.0.0.0", false},        {"::1:1", false},
    {"7f00::1", false},
};

START_TEST(knows_loopback)
{
    struct host_address address;
    ck_assert(host_address_parse(sv_of(addresses[_i].text), &address));
    ck_assert_int_eq(host_address_is_loopback(&address), addresses[_i].loopback);
}
END_TEST

START_TEST(compares_addresses_and_not_texts)
{
    struct host_address a;
    struct host_address b;
    ck_assert(host_address_parse(SV("fd00:ec2::23"), &a));
    ck_assert(host_address_parse(SV("FD00:0EC2:0:0::0.0.0.35"), &b));
    ck_assert(host_address_equal(&a, &b));
    ck_assert(host_address_parse(SV("fd00:ec2::24"), &b));
    ck_assert(!host_address_equal(&a, &b));
    ck_assert(host_address_parse(SV("127.0.0.1"), &a));
    ck_assert(host_address_parse(SV("7f00:1::"), &b));
    ck_assert_int_eq(memcmp(a.bytes, b.bytes, sizeof a.bytes), 0);
    ck_assert(!host_address_equal(&a, &b));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("configured_url");
    TCase *tcase = tcase_create("configured_url");
    tcase_add_loop_test(tcase, takes_a_url_apart, 0, ARRAY_LEN(urls));
    tcase_add_loop_test(tcase, refuses_what_two_readers_may_read_differently, 0,
                        ARRAY_LEN(refused));
    tcase_add_test(tcase, refuses_a_nul_and_a_name_that_is_too_long);
    tcase_add_loop_test(tcase, knows_loopback, 0, ARRAY_LEN(addresses));
    tcase_add_test(tcase, compares_addresses_and_not_texts);
    suite_add_tcase(suite, tcase);
    return suite;
}
