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

START_TEST(a_choice_is_one_of_those_known)
{
    static const char *const choices[] = {"None", "One", "Two"};
    static const struct {
        const char *object;
        const char *noted;
        size_t index;
    } cases[] = {{"{}", "", 0},           {"{'a':null}", "", 0},       {"{'a':''}", "", 0},
                 {"{'a':'None'}", "", 0}, {"{'a':'Two'}", "", 2},      {"{'a':'two'}", "at.a", 0},
                 {"{'a':2}", "at.a", 0},  {"{'a':['One']}", "at.a", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(json_text_done) struct json_text json = quoted_json("%s", cases[i].object);
        CLEANUP(buf_done) struct buf noted;
        buf_init(&noted, SCHEMA_PATH_BYTES);
        ck_assert_uint_eq(schema_choice(json.root, "at", "a", choices, ARRAY_LEN(choices), &noted),
                          cases[i].index);
        ck_assert_msg(sv_is(buf_view(&noted), cases[i].noted), "%s", cases[i].object);
    }
}
END_TEST

START_TEST(a_switch_is_true_or_false)
{
    static const struct {
        const char *object;
        const char *noted;
        bool on;
    } cases[] = {
        {"{}", "", false},        {"{'a':null}", "", false},       {"{'a':false}", "", false},
        {"{'a':true}", "", true}, {"{'a':'true'}", "at.a", false}, {"{'a':1}", "at.a", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(json_text_done) struct json_text json = quoted_json("%s", cases[i].object);
        CLEANUP(buf_done) struct buf noted;
        buf_init(&noted, SCHEMA_PATH_BYTES);
        ck_assert_int_eq(schema_bool(json.root, "at", "a", &noted), cases[i].on);
        ck_assert_msg(sv_is(buf_view(&noted), cases[i].noted), "%s", cases[i].object);
    }
}
END_TEST

START_TEST(a_path_that_is_too_long_is_cut)
{
    struct schema_path path = schema_path("spec.data[%zu].%0300d", (size_t)7, 1);
    ck_assert_uint_eq(strlen(path.text), SCHEMA_PATH_BYTES - 1);
    ck_assert(sv_starts_with(sv_of(path.text), SV("spec.data[7].0")));
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
    tcase_add_test(tcase, a_choice_is_one_of_those_known);
    tcase_add_test(tcase, a_switch_is_true_or_false);
    tcase_add_test(tcase, a_path_that_is_too_long_is_cut);
    suite_add_tcase(suite, tcase);
    return suite;
}
