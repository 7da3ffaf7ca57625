/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/number.h"

#include "base/json.h"
#include "check_main.h"

static const struct {
    const char *token;
    const char *text;
} numbers[] = {
    {"1.10", "1.1"},
    {"1e3", "1000"},
    {"-0.0", "-0"},
    {"1e400", "+Inf"},
    {"-1e400", "-Inf"},
    {"1e-400", "0"},
    {"0.1", "0.1"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"1E-7", "0.0000001"},
    {"1e21", "1000000000000000000000"},
    {"123456789.125e-3", "123456.789125"},
    {"9007199254740993.0", "9007199254740992"},
    {"+1", "1"},
    {"1.", "1"},
    {"nan", "NaN"},
    {"Infinity", "+Inf"},
    {"-inf", "-Inf"},
    /* Powers of two, where the nearest decimal of the shortest length does not read back. */
    {"5.684341886080802e-14", "0.00000000000005684341886080802"},
    {"9.007199254740992e15", "9007199254740992"},
};

START_TEST(prints_the_shortest_decimal_without_exponent)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 1024);
    struct err err = {0};
    ck_assert(number_print(sv_of(numbers[_i].token), &text, &err));
    ck_assert_str_eq(text.bytes.data, numbers[_i].text);
}
END_TEST

/* Every printed number reads back as the value it was printed from. */
START_TEST(reads_back_at_every_power_of_two)
{
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        double value = 1;
        for (int i = 0; i < (exponent < 0 ? -exponent : exponent); i++) {
            value = exponent < 0 ? value / 2 : value * 2;
        }
        char token[40];
        (void)snprintf(token, sizeof token, "%.17e", value);
        CLEANUP(secret_buf_done) struct secret_buf text = {0};
        secret_buf_init(&text, 2048);
        struct err err = {0};
        ck_assert(number_print(sv_of(token), &text, &err));
        ck_assert_ptr_null(strchr(text.bytes.data, 'e'));
        ck_assert_double_eq(strtod(text.bytes.data, NULL), value);
    }
}
END_TEST

START_TEST(agrees_with_go)
{
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("externalsecret/property.json", &len);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = 16};
    const struct json *root = NULL;
    struct err err = {0};
    ck_assert_msg(json_parse(&doc, data, len, &limits, &root, &err), "%s", err.message);
    size_t count = 0;
    JSON_FOR_EACH (row, json_member(root, "numbers")) {
        struct str_view token = json_string(json_first(row));
        struct str_view wanted = json_string(json_first(row)->next);
        CLEANUP(secret_buf_done) struct secret_buf text = {0};
        secret_buf_init(&text, 1024);
        ck_assert(number_print(token, &text, &err));
        ck_assert_msg(sv_equal(secret_buf_view(&text), wanted), "%.*s: %s", SV_ARG(token),
                      text.bytes.data);
        count++;
    }
    ck_assert_uint_ge(count, 50);
}
END_TEST

static const char *const refused[] = {
    "",     "-",     "+",     ".",  "e5", "1e",  "1e+",  "1.5e",
    "12ab", "0x1p3", "1_000", "1 ", " 1", "--1", "+nan",
};

START_TEST(refuses_what_is_no_decimal_number)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 1024);
    struct err err = {0};
    ck_assert(!number_print(sv_of(refused[_i]), &text, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_uint_eq(text.bytes.len, 0);
}
END_TEST

START_TEST(keeps_the_ceiling_of_the_buffer)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, 300);
    struct err err = {0};
    ck_assert(!number_print(SV("1e308"), &text, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("number");
    TCase *tcase = tcase_create("number");
    tcase_add_loop_test(tcase, prints_the_shortest_decimal_without_exponent, 0, ARRAY_LEN(numbers));
    tcase_add_test(tcase, reads_back_at_every_power_of_two);
    tcase_add_test(tcase, agrees_with_go);
    tcase_add_loop_test(tcase, refuses_what_is_no_decimal_number, 0, ARRAY_LEN(refused));
    tcase_add_test(tcase, keeps_the_ceiling_of_the_buffer);
    suite_add_tcase(suite, tcase);
    return suite;
}
