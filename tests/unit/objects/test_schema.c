/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/schema.h"

#include "check_main.h"
#include "quoted_json.h"

static const struct schema_field FIELDS[] = {
    {"any", NULL},
    {"policy", "Owner"},
    {"never", ""},
};

static const struct {
    const char *object;
    const char *noted;
} CASES[] = {
    {"null", ""},
    {"{}", ""},
    {"{'any':{'what':'ever'}}", ""},
    {"{'policy':'Owner','never':''}", ""},
    {"{'policy':null,'never':null,'unknown':null}", ""},
    {"{'policy':'','never':[]}", ""},
    {"{'policy':'None'}", "at.policy"},
    {"{'policy':true}", "at.policy"},
    {"{'policy':{}}", "at.policy"},
    {"{'never':'x'}", "at.never"},
    {"{'never':['x']}", "at.never"},
    {"{'never':{}}", "at.never"},
    {"{'never':false}", "at.never"},
    {"{'unknown':''}", "at.unknown"},
    {"{'Any':1}", "at.Any"},
    {"{'any':1,'policy':'None','unknown':1}", "at.policy"},
    {"[]", "at"},
    {"'x'", "at"},
};

START_TEST(notes_the_first_member_that_changes_something)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", CASES[_i].object);
    CLEANUP(buf_done) struct buf noted;
    buf_init(&noted, SCHEMA_PATH_BYTES);
    schema_check(json.root, "at", FIELDS, ARRAY_LEN(FIELDS), &noted);
    ck_assert_msg(sv_is(buf_view(&noted), CASES[_i].noted), "%s: %.*s", CASES[_i].object,
                  SV_ARG(buf_view(&noted)));
}
END_TEST

START_TEST(has_nothing_to_note_of_an_absent_object)
{
    CLEANUP(buf_done) struct buf noted;
    buf_init(&noted, SCHEMA_PATH_BYTES);
    schema_check(NULL, "at", FIELDS, ARRAY_LEN(FIELDS), &noted);
    ck_assert_ptr_null(schema_array(NULL, "at", &noted));
    ck_assert_uint_eq(schema_text(NULL, "at", "name", &noted).len, 0);
    ck_assert_uint_eq(noted.len, 0);
}
END_TEST

START_TEST(keeps_the_first_note)
{
    CLEANUP(buf_done) struct buf noted;
    buf_init(&noted, SCHEMA_PATH_BYTES);
    schema_note(&noted, "spec.data[%d]", 3);
    schema_note(&noted, "spec.other");
    ck_assert(sv_is(buf_view(&noted), "spec.data[3]"));
}
END_TEST

START_TEST(cuts_what_does_not_fit)
{
    char name[1000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CLEANUP(buf_done) struct buf noted;
    buf_init(&noted, SCHEMA_PATH_BYTES);
    schema_note(&noted, "spec.%s", name);
    ck_assert_uint_eq(noted.len, SCHEMA_PATH_BYTES - 1);
    ck_assert(!noted.failed);
    CLEANUP(json_text_done) struct json_text json = quoted_json("{'%s':1}", name);
    CLEANUP(buf_done) struct buf member;
    buf_init(&member, SCHEMA_PATH_BYTES);
    schema_check(json.root, "at", FIELDS, ARRAY_LEN(FIELDS), &member);
    ck_assert_uint_eq(member.len, sizeof "at." - 1 + 64);
}
END_TEST

START_TEST(reads_arrays_and_text_of_the_right_type_only)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("{'a':[1],'t':'x','n':7}");
    CLEANUP(buf_done) struct buf noted;
    buf_init(&noted, SCHEMA_PATH_BYTES);
    ck_assert_ptr_nonnull(schema_array(json_member(json.root, "a"), "at.a", &noted));
    ck_assert(sv_is(schema_text(json.root, "at", "t", &noted), "x"));
    ck_assert_uint_eq(noted.len, 0);
    ck_assert_uint_eq(schema_text(json.root, "at", "n", &noted).len, 0);
    ck_assert(sv_is(buf_view(&noted), "at.n"));
    buf_clear(&noted);
    ck_assert_ptr_null(schema_array(json_member(json.root, "t"), "at.t", &noted));
    ck_assert(sv_is(buf_view(&noted), "at.t"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("schema");
    TCase *tcase = tcase_create("schema");
    tcase_add_loop_test(tcase, notes_the_first_member_that_changes_something, 0,
                        (int)ARRAY_LEN(CASES));
    tcase_add_test(tcase, has_nothing_to_note_of_an_absent_object);
    tcase_add_test(tcase, keeps_the_first_note);
    tcase_add_test(tcase, cuts_what_does_not_fit);
    tcase_add_test(tcase, reads_arrays_and_text_of_the_right_type_only);
    suite_add_tcase(suite, tcase);
    return suite;
}
