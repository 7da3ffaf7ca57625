/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/remote_value.h"

#include "check_main.h"

static void fill(struct remote_value *value)
{
    secret_buf_init(&value->string, 16);
    secret_buf_add(&value->string, SV("a\0b"));
    secret_buf_init(&value->binary, 16);
    secret_buf_add(&value->binary, SV("\xff\0"));
    value->has_string = true;
    value->has_binary = true;
    memcpy(value->version, "v1", sizeof "v1");
    value->name = str_dup("db");
    value->arn = str_dup("arn:db");
}

static void check_filled(const struct remote_value *value)
{
    ck_assert(sv_equal(secret_buf_view(&value->string), SV("a\0b")));
    ck_assert(sv_equal(secret_buf_view(&value->binary), SV("\xff\0")));
    ck_assert(value->has_string);
    ck_assert(value->has_binary);
    ck_assert_str_eq(value->version, "v1");
    ck_assert_str_eq(value->name, "db");
    ck_assert_str_eq(value->arn, "arn:db");
}

static void check_empty(const struct remote_value *value)
{
    ck_assert_uint_eq(value->string.bytes.len, 0);
    ck_assert_ptr_null(value->string.bytes.data);
    ck_assert_ptr_null(value->binary.bytes.data);
    ck_assert(!value->has_string);
    ck_assert(!value->has_binary);
    ck_assert_str_eq(value->version, "");
    ck_assert_ptr_null(value->name);
    ck_assert_ptr_null(value->arn);
}

START_TEST(moves_all_of_it_and_leaves_nothing)
{
    struct remote_value from = {0};
    struct remote_value to = {0};
    fill(&from);
    fill(&to); /* is released first */
    remote_value_move(&to, &from);
    check_filled(&to);
    check_empty(&from);
    remote_value_done(&to);
    check_empty(&to);
    remote_value_done(&from);
}
END_TEST

START_TEST(copies_all_of_it_into_memory_of_its_own)
{
    struct remote_value from = {0};
    struct remote_value to = {0};
    fill(&from);
    fill(&to);
    remote_value_copy(&to, &from);
    check_filled(&from);
    ck_assert_ptr_ne(to.string.bytes.data, from.string.bytes.data);
    ck_assert_ptr_ne(to.binary.bytes.data, from.binary.bytes.data);
    ck_assert(to.string.bytes.wipe);
    ck_assert(to.binary.bytes.wipe);
    remote_value_done(&from);
    check_filled(&to);
    remote_value_done(&to);
}
END_TEST

START_TEST(copies_what_is_empty)
{
    const struct remote_value from = {0};
    struct remote_value to = {0};
    fill(&to);
    remote_value_copy(&to, &from);
    ck_assert_uint_eq(to.string.bytes.len, 0);
    ck_assert_uint_eq(to.binary.bytes.len, 0);
    ck_assert(!to.has_string);
    ck_assert(!to.has_binary);
    ck_assert_ptr_null(to.name);
    ck_assert_ptr_null(to.arn);
    remote_value_done(&to);
}
END_TEST

START_TEST(an_empty_string_stays_one)
{
    struct remote_value from = {.has_string = true};
    struct remote_value to = {0};
    remote_value_copy(&to, &from);
    ck_assert(to.has_string);
    ck_assert_uint_eq(to.string.bytes.len, 0);
    remote_value_done(&to);
    remote_value_done(&from);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("remote_value");
    TCase *tcase = tcase_create("values");
    tcase_add_test(tcase, moves_all_of_it_and_leaves_nothing);
    tcase_add_test(tcase, copies_all_of_it_into_memory_of_its_own);
    tcase_add_test(tcase, copies_what_is_empty);
    tcase_add_test(tcase, an_empty_string_stays_one);
    suite_add_tcase(suite, tcase);
    return suite;
}
