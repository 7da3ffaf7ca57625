/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/request_rules.h"

#include "check_main.h"

enum {
    CEILING = 1000,
};

static const struct {
    struct request_framing framing;
    unsigned status;
    size_t length;
} framings[] = {
    {{.content_lengths = 1, .content_length = {"10", 2}, .expects_body = true}, 0, 10},
    {{.content_lengths = 1, .content_length = {"0", 1}, .expects_body = true}, 0, 0},
    {{.content_lengths = 1, .content_length = {"1000", 4}, .expects_body = true}, 0, 1000},
    {{.content_lengths = 1, .content_length = {"1001", 4}, .expects_body = true}, 413, 0},
    {{.content_lengths = 1, .content_length = {"99999999999999999999", 20}}, 400, 0},
    {{.content_lengths = 1, .content_length = {"+5", 2}}, 400, 0},
    {{.content_lengths = 1, .content_length = {"-1", 2}}, 400, 0},
    {{.content_lengths = 1, .content_length = {"5, 5", 4}}, 400, 0},
    {{.content_lengths = 1, .content_length = {"", 0}}, 400, 0},
    {{.content_lengths = 2, .content_length = {"5", 1}, .expects_body = true}, 400, 0},
    {{.transfer_encodings = 1, .expects_body = true}, 411, 0},
    {{.transfer_encodings = 1, .content_lengths = 1, .content_length = {"5", 1}}, 400, 0},
    {{.transfer_encodings = 2}, 411, 0},
    {{.expects_body = true}, 411, 0},
    {{.expects_body = false}, 0, 0},
};

START_TEST(frames_a_body_by_one_length_only)
{
    size_t length = 77;
    unsigned status = request_framing_check(&framings[_i].framing, CEILING, &length);
    ck_assert_uint_eq(status, framings[_i].status);
    ck_assert_uint_eq(length, status ? 77 : framings[_i].length);
}
END_TEST

static const struct {
    const char *value;
    bool json;
} media_types[] = {
    {"application/json", true},
    {"Application/JSON; charset=utf-8", true},
    {" application/json ;charset=utf-8", true},
    {"application/json-patch+json", false},
    {"application/jso", false},
    {"text/plain", false},
    {"", false},
    {";application/json", false},
};

START_TEST(knows_json_by_its_media_type)
{
    ck_assert_int_eq(request_is_json(sv_of(media_types[_i].value)), media_types[_i].json);
}
END_TEST

static const struct {
    const char *text;
    int64_t configured_ms;
    int64_t timeout_ms;
} timeouts[] = {
    {"3s", 3000, 3000},   /* not shortened */
    {"10s", 3000, 10000}, /* a chart value this process does not know of */
    {"2s", 3000, 1000},   /* anything from just over 1 s is rounded up to 2 s */
    {"1s", 3000, 1},      /* next to nothing may be left, and that is not "absent" */
    {"1s", 1000, 1000},   /* configured so */
    {"1m30s", 120000, 89000}, {"", 3000, 0},  {"0s", 3000, 0},
    {"-1s", 3000, 0},         {"3", 3000, 0}, {"soon", 3000, 0},
};

START_TEST(reads_the_timeout_as_less_than_it_says)
{
    ck_assert_int_eq(request_timeout_ms(sv_of(timeouts[_i].text), timeouts[_i].configured_ms),
                     timeouts[_i].timeout_ms);
}
END_TEST

static const struct {
    const char *text;
    const char *host; /* NULL: refused */
    unsigned port;
} addresses[] = {
    {"0.0.0.0:8443", "0.0.0.0", 8443},
    {"127.0.0.1:0", "127.0.0.1", 0},
    {":8443", "", 8443},
    {"[::1]:8443", "::1", 8443},
    {"[::]:65535", "::", 65535},
    {"::1:8443", NULL, 0},
    {"0.0.0.0", NULL, 0},
    {"0.0.0.0:", NULL, 0},
    {"0.0.0.0:65536", NULL, 0},
    {"0.0.0.0:http", NULL, 0},
    {"", NULL, 0},
};

START_TEST(splits_listen_addresses)
{
    struct str_view host = {0};
    uint16_t port = 0;
    struct err err = {0};
    bool split = listen_address_split(sv_of(addresses[_i].text), &host, &port, &err);
    ck_assert_int_eq(split, addresses[_i].host != NULL);
    if (split) {
        ck_assert(sv_is(host, addresses[_i].host));
        ck_assert_uint_eq(port, addresses[_i].port);
    } else {
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, "write host:port"));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("request_rules");
    TCase *rules = tcase_create("rules");
    tcase_add_loop_test(rules, frames_a_body_by_one_length_only, 0, ARRAY_LEN(framings));
    tcase_add_loop_test(rules, knows_json_by_its_media_type, 0, ARRAY_LEN(media_types));
    tcase_add_loop_test(rules, reads_the_timeout_as_less_than_it_says, 0, ARRAY_LEN(timeouts));
    tcase_add_loop_test(rules, splits_listen_addresses, 0, ARRAY_LEN(addresses));
    suite_add_tcase(s, rules);
    return s;
}
