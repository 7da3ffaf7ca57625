/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/namespace.h"

#include "check_main.h"
#include "quoted_json.h"

static const char *const REFUSED[] = {
    "{}",
    "{'metadata':{'name':'../x'}}",
    "{'metadata':{'name':'shop','labels':['a']}}",
    "{'metadata':{'name':'shop','labels':{'a':1}}}",
    "{'metadata':{'name':'shop','labels':{'a':null}}}",
};

START_TEST(reads_name_and_labels)
{
    struct json_text json = quoted_json("{'metadata':{'name':'shop','labels':{'a':'1','b':''}}}");
    struct namespace *namespace = NULL;
    struct err err = {0};
    ck_assert(namespace_decode(json.root, &namespace, &err));
    size_t len = strlen(json.text);
    memset(json.text, 'X', len);
    json_text_done(&json);
    ck_assert(sv_is(namespace->name, "shop"));
    ck_assert_uint_eq(namespace->scope.len, 0);
    ck_assert_uint_eq(namespace->label_count, 2);
    ck_assert(sv_is(namespace->labels[0].key, "a"));
    ck_assert(sv_is(namespace->labels[0].value, "1"));
    ck_assert(sv_is(namespace->labels[1].key, "b"));
    ck_assert_uint_eq(namespace->labels[1].value.len, 0);
    ck_assert_ptr_eq(namespace_retain(namespace), namespace);
    namespace_release(namespace);
    ck_assert(sv_is(namespace->name, "shop"));
    namespace_release(namespace);
    namespace_release(NULL);
}
END_TEST

START_TEST(refuses_what_it_cannot_read_whole)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", REFUSED[_i]);
    struct namespace *namespace = NULL;
    struct err err = {0};
    ck_assert(!namespace_decode(json.root, &namespace, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(namespace);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("namespace");
    TCase *tcase = tcase_create("namespace");
    tcase_add_test(tcase, reads_name_and_labels);
    tcase_add_loop_test(tcase, refuses_what_it_cannot_read_whole, 0, (int)ARRAY_LEN(REFUSED));
    suite_add_tcase(suite, tcase);
    return suite;
}
