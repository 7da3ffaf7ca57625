/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/fields.h"

#include "check_main.h"
#include "json_text.h"

static const char object[] =
    "{'metadata':{'managedFields':["
    "{'manager':'me','fieldsV1':{'f:data':{'.':{},'f:b':{},'k:x':{}},'f:type':{},"
    "'f:metadata':{'f:labels':{'f:l':{}}}}},"
    "{'manager':'me','fieldsV1':{'f:data':{'f:a':{},'f:':{}}}},"
    "{'manager':'you','fieldsV1':{'f:data':{'f:c':{}},'f:immutable':{}}},"
    "{'manager':'me'},{}]}}";

START_TEST(gathers_the_names_of_one_manager)
{
    CLEANUP(json_text_done) struct json_text json = json_text_of(object);
    CLEANUP(field_names_done) struct field_names names = {0};
    field_names_collect(json.root, "me", "data", NULL, &names);
    ck_assert_uint_eq(names.count, 3);
    ck_assert(field_names_have(&names, SV("a")) && field_names_have(&names, SV("b")));
    ck_assert(field_names_have(&names, SV("")));
    ck_assert(!field_names_have(&names, SV("c")) && !field_names_have(&names, SV(".")));
}
END_TEST

START_TEST(goes_a_level_deeper)
{
    CLEANUP(json_text_done) struct json_text json = json_text_of(object);
    CLEANUP(field_names_done) struct field_names names = {0};
    field_names_collect(json.root, "me", "metadata", "labels", &names);
    ck_assert_uint_eq(names.count, 1);
    ck_assert(field_names_have(&names, SV("l")));
}
END_TEST

START_TEST(finds_nothing_where_there_is_nothing)
{
    CLEANUP(json_text_done) struct json_text json = json_text_of("{'metadata':{}}");
    CLEANUP(field_names_done) struct field_names names = {0};
    field_names_collect(json.root, "me", "data", NULL, &names);
    field_names_collect(NULL, "me", "data", NULL, &names);
    ck_assert_uint_eq(names.count, 0);
    ck_assert(!field_names_have(&names, SV("a")));
    ck_assert(!fields_owns(NULL, "me", "type"));
}
END_TEST

START_TEST(tells_who_owns_a_field)
{
    CLEANUP(json_text_done) struct json_text json = json_text_of(object);
    ck_assert(fields_owns(json.root, "me", "type"));
    ck_assert(!fields_owns(json.root, "you", "type"));
    ck_assert(fields_owns(json.root, "you", "immutable"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("fields");
    TCase *tcase = tcase_create("fields");
    tcase_add_test(tcase, gathers_the_names_of_one_manager);
    tcase_add_test(tcase, goes_a_level_deeper);
    tcase_add_test(tcase, finds_nothing_where_there_is_nothing);
    tcase_add_test(tcase, tells_who_owns_a_field);
    suite_add_tcase(suite, tcase);
    return suite;
}
