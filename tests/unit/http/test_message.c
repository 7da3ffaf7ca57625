/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

#include "check_main.h"

static const char block[] = "HTTP-Version: none\r\n"
                            "content-TYPE:application/json\r\n"
                            "X-Empty:\r\n"
                            "X-Twice:  first \t\r\n"
                            "X-Twice: second\r\n"
                            "no colon here\r\n"
                            "Date: Mon, 23 Nov 2026 12:36:00 GMT\r\n";

static const struct {
    const char *name;
    const char *value; /* NULL: absent */
} finds[] = {
    {"Content-Type", "application/json"},
    {"x-empty", ""},
    {"X-Twice", "first"},
    {"X-Twic", NULL},
    {"no colon here", NULL},
    {"Date", "Mon, 23 Nov 2026 12:36:00 GMT"},
};

START_TEST(finds_first_header_whatever_its_case)
{
    struct str_view value = http_header_find(sv_of(block), finds[_i].name);
    if (!finds[_i].value) {
        ck_assert_ptr_null(value.data);
    } else {
        ck_assert_ptr_nonnull(value.data);
        ck_assert_msg(sv_is(value, finds[_i].value), "%s: %.*s", finds[_i].name, SV_ARG(value));
    }
}
END_TEST

START_TEST(reads_date)
{
    ck_assert_int_eq(http_date_ms(sv_of(block)), INT64_C(1795437360000));
    ck_assert_int_eq(http_date_ms(SV("Date: yesterday\r\n")), 0);
    ck_assert_int_eq(http_date_ms(SV("")), 0);
}
END_TEST

static const struct {
    const char *headers;
    int64_t ms;
} retry_after[] = {
    {"Retry-After: 3\r\n", 3000},
    {"Retry-After: 0\r\n", 0},
    {"retry-after: 86400\r\n", 86400000},
    {"Retry-After: 99999999999999999999\r\n", -1},
    {"Retry-After: 9999999999\r\n", 86400000},
    {"Retry-After: -1\r\n", -1},
    {"Retry-After: soon\r\n", -1},
    {"Retry-After: Mon, 23 Nov 2026 12:36:10 GMT\r\n", 10000},
    {"Retry-After: Mon, 23 Nov 2026 12:35:00 GMT\r\n", 0},
    {"Server: x\r\n", -1},
};

START_TEST(reads_retry_after)
{
    ck_assert_int_eq(http_retry_after_ms(sv_of(retry_after[_i].headers), INT64_C(1795437360000)),
                     retry_after[_i].ms);
}
END_TEST

static const struct {
    const char *url;
    const char *authority;
    bool plain_loopback;
} urls[] = {
    {"https://10.96.0.1:443/api?x=y", "10.96.0.1:443", false},
    {"https://user:password@host.example/", "host.example", false},
    {"https://host.example?a@b", "host.example", false},
    {"http://127.0.0.1:8080/", "127.0.0.1:8080", true},
    {"http://127.0.0.53", "127.0.0.53", true},
    {"http://localhost:1/x", "localhost:1", true},
    {"http://[::1]:9/x", "[::1]:9", true},
    {"http://[::2]:9/x", "[::2]:9", false},
    {"https://127.0.0.1/", "127.0.0.1", false},
    {"http://127.evil.example/", "127.evil.example", false},
    {"http://localhost.evil.example/", "localhost.evil.example", false},
    {"http://127.0.0.1@evil.example/", "evil.example", false},
    {"http://[::1", "[::1", false},
    {"nonsense", "nonsense", false},
};

START_TEST(names_authority_without_credentials)
{
    struct str_view authority = http_url_authority(urls[_i].url);
    ck_assert_msg(sv_is(authority, urls[_i].authority), "%s: %.*s", urls[_i].url,
                  SV_ARG(authority));
}
END_TEST

START_TEST(tells_plain_loopback)
{
    ck_assert_msg(http_url_is_plain_loopback(urls[_i].url) == urls[_i].plain_loopback, "%s",
                  urls[_i].url);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("http/message");
    TCase *t = tcase_create("message");
    tcase_add_loop_test(t, finds_first_header_whatever_its_case, 0, ARRAY_LEN(finds));
    tcase_add_test(t, reads_date);
    tcase_add_loop_test(t, reads_retry_after, 0, ARRAY_LEN(retry_after));
    tcase_add_loop_test(t, names_authority_without_credentials, 0, ARRAY_LEN(urls));
    tcase_add_loop_test(t, tells_plain_loopback, 0, ARRAY_LEN(urls));
    suite_add_tcase(s, t);
    return s;
}
