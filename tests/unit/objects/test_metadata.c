/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/metadata.h"

#include "check_main.h"
#include "quoted_json.h"

START_TEST(reads_what_every_record_needs)
{
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'metadata':{'name':'a.b','namespace':'shop','uid':'u','resourceVersion':'7',"
                    "'generation':3,'creationTimestamp':'1970-01-01T00:00:02Z',"
                    "'deletionTimestamp':'1970-01-01T00:00:03Z',"
                    "'labels':{'l':'1'},'annotations':{'l':'2','empty':''}}}");
    struct metadata metadata;
    struct err err;
    ck_assert(metadata_decode(json.root, true, &metadata, &err));
    ck_assert(sv_is(metadata.namespace, "shop"));
    ck_assert(sv_is(metadata.name, "a.b"));
    ck_assert(sv_is(metadata.uid, "u"));
    ck_assert(sv_is(metadata.resource_version, "7"));
    ck_assert_int_eq(metadata.generation, 3);
    ck_assert_int_eq(metadata.created_ms, 2000);
    ck_assert(metadata.deleting);
    ck_assert(sv_is(metadata_label(&metadata, "l"), "1"));
    ck_assert(sv_is(metadata_annotation(&metadata, "l"), "2"));
    ck_assert_ptr_nonnull(metadata_annotation(&metadata, "empty").data);
    ck_assert_ptr_null(metadata_annotation(&metadata, "none").data);
}
END_TEST

static const char *const NOTHING_MORE[] = {
    "",
    ",'creationTimestamp':null,'deletionTimestamp':null,'generation':null,'labels':null",
};

START_TEST(absent_and_null_are_one_thing)
{
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'metadata':{'name':'a','namespace':'shop'%s}}", NOTHING_MORE[_i]);
    struct metadata metadata;
    struct err err;
    ck_assert(metadata_decode(json.root, true, &metadata, &err));
    ck_assert(!metadata.deleting);
    ck_assert_int_eq(metadata.generation, 0);
    ck_assert_int_eq(metadata.created_ms, 0);
    ck_assert_ptr_null(metadata_label(&metadata, "l").data);
    ck_assert_int_eq(metadata_last_write_ms(&metadata), 0);
}
END_TEST

START_TEST(a_cluster_scoped_object_has_no_namespace)
{
    CLEANUP(json_text_done)
    struct json_text json = quoted_json("{'metadata':{'name':'a','namespace':'strange'}}");
    struct metadata metadata;
    struct err err;
    ck_assert(metadata_decode(json.root, false, &metadata, &err));
    ck_assert_uint_eq(metadata.namespace.len, 0);
}
END_TEST

static const char *const NO_NAMES[] = {
    "{'namespace':'shop'}",
    "{'name':'','namespace':'shop'}",
    "{'name':'../x','namespace':'shop'}",
    "{'name':'a/b','namespace':'shop'}",
    "{'name':'A','namespace':'shop'}",
    "{'name':7,'namespace':'shop'}",
    "{'name':'a'}",
    "{'name':'a','namespace':''}",
    "{'name':'a','namespace':'sh/op'}",
    "{'name':'a','namespace':'shop.x'}",
    "'a'",
    "null",
};

START_TEST(refuses_what_is_no_name)
{
    CLEANUP(json_text_done)
    struct json_text json = quoted_json("{'metadata':%s}", NO_NAMES[_i]);
    struct metadata unused;
    struct err err = {0};
    ck_assert(!metadata_decode(json.root, true, &unused, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "metadata.name"));
}
END_TEST

static const struct {
    const char *managed;
    int64_t seconds;
} WRITES[] = {
    {"[]", 1},
    {"[{'time':'1970-01-01T00:00:05Z'},{'time':'1970-01-01T00:00:09Z'},"
     "{'time':'1970-01-01T00:00:07Z'}]",
     9},
    {"[{'time':'1970-01-01T00:00:05Z'},{'time':'1970-01-01T00:00:09Z','subresource':'status'}]", 5},
    {"[{'time':'1970-01-01T00:00:05Z','subresource':''}]", 5},
    {"[{'time':'1970-01-01T00:00:09Z','subresource':'status'}]", 1},
    {"[{'time':'soon'},{}]", 1},
};

START_TEST(last_write_is_the_newest_that_is_no_subresource)
{
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'metadata':{'name':'a','namespace':'shop','creationTimestamp':"
                    "'1970-01-01T00:00:01Z','managedFields':%s}}",
                    WRITES[_i].managed);
    struct metadata metadata;
    struct err err;
    ck_assert(metadata_decode(json.root, true, &metadata, &err));
    ck_assert_int_eq(metadata_last_write_ms(&metadata), WRITES[_i].seconds * 1000);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("metadata");
    TCase *tcase = tcase_create("metadata");
    tcase_add_test(tcase, reads_what_every_record_needs);
    tcase_add_loop_test(tcase, absent_and_null_are_one_thing, 0, (int)ARRAY_LEN(NOTHING_MORE));
    tcase_add_test(tcase, a_cluster_scoped_object_has_no_namespace);
    tcase_add_loop_test(tcase, refuses_what_is_no_name, 0, (int)ARRAY_LEN(NO_NAMES));
    tcase_add_loop_test(tcase, last_write_is_the_newest_that_is_no_subresource, 0,
                        (int)ARRAY_LEN(WRITES));
    suite_add_tcase(suite, tcase);
    return suite;
}
