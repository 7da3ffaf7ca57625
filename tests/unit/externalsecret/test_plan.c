/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/plan.h"

#include "check_main.h"
#include "external_secret_text.h"

static void fill(struct remote_read *read, struct str_view value)
{
    secret_buf_init(&read->value, LIMIT_SECRET_DATA_BYTES + 1);
    secret_buf_add(&read->value, value);
}

static const char many[] =
    ",'data':["
    "{'secretKey':'user','remoteRef':{'key':'db','property':'user'}},"
    "{'secretKey':'whole','remoteRef':{'key':'other'}},"
    "{'secretKey':'pass','remoteRef':{'key':'db','property':'pass'}},"
    "{'secretKey':'old','remoteRef':{'key':'db','version':'AWSPREVIOUS','property':'pass'}},"
    "{'secretKey':'part','remoteRef':{'key':'other','property':'x'}}]";

START_TEST(reads_each_key_and_version_once)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", many);
    CLEANUP(plan_done) struct plan plan = {0};
    struct err err = {0};
    ck_assert_msg(plan_check_supported(external_secret, &err), "%s", err.message);
    plan_make(external_secret, &plan);
    ck_assert_uint_eq(plan.read_count, 3);
    ck_assert(sv_is(plan.reads[0].key, "db"));
    ck_assert_uint_eq(plan.reads[0].version.len, 0);
    ck_assert(sv_is(plan.reads[1].key, "other"));
    ck_assert(sv_is(plan.reads[2].key, "db"));
    ck_assert(sv_is(plan.reads[2].version, "AWSPREVIOUS"));
    const size_t wanted[] = {0, 1, 0, 2, 1};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        ck_assert_uint_eq(plan.read_of[i], wanted[i]);
    }
    /* The binary value first where only properties are wanted. */
    ck_assert(plan.reads[0].prefer_binary);
    ck_assert(!plan.reads[1].prefer_binary);
    ck_assert(plan.reads[2].prefer_binary);
}
END_TEST

START_TEST(tells_key_and_version_apart)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of("", ",'data':[{'secretKey':'a','remoteRef':{'key':'k','version':'v'}},"
                               "{'secretKey':'b','remoteRef':{'key':'kv'}},"
                               "{'secretKey':'c','remoteRef':{'key':'k','version':'v'}}]");
    CLEANUP(plan_done) struct plan plan = {0};
    plan_make(external_secret, &plan);
    ck_assert_uint_eq(plan.read_count, 2);
    ck_assert_uint_eq(plan.read_of[2], 0);
}
END_TEST

START_TEST(collects_every_value)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", many);
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[0], SV("{\"user\":\"u\",\"pass\":\"p\\u0000q\"}"));
    fill(&plan.reads[1], SV("{\"x\": [1, 2]}"));
    fill(&plan.reads[2], SV("{\"pass\":1.10}"));
    ck_assert_msg(plan_collect(external_secret, &plan, &data, &err), "%s", err.message);
    static const char *const keys[] = {"old", "part", "pass", "user", "whole"};
    const struct str_view values[] = {SV("1.1"), SV("[1, 2]"), SV("p\0q"), SV("u"),
                                      SV("{\"x\": [1, 2]}")};
    ck_assert_uint_eq(data.count, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert(sv_is(data.entries[i].key, keys[i]));
        ck_assert(sv_equal(secret_buf_view(&data.entries[i].value), values[i]));
    }
}
END_TEST

/* Nothing of a value in a message, and nothing half collected passed off as whole. */
START_TEST(names_the_property_that_is_missing)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", many);
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[0], SV("{\"user\":\"hunter2\",\"Pass\":\"hunter2\"}"));
    fill(&plan.reads[1], SV("hunter2"));
    fill(&plan.reads[2], SV("{\"pass\":\"hunter2\"}"));
    ck_assert(!plan_collect(external_secret, &plan, &data, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_str_eq(err.message, "data key pass: property pass of remote secret db: no such "
                                  "property in the value");
}
END_TEST

START_TEST(bounds_the_data)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of("", ",'data':[{'secretKey':'a','remoteRef':{'key':'k'}},"
                               "{'secretKey':'b','remoteRef':{'key':'k'}}]");
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    CLEANUP(mem_free_ptr) char *bytes = mem_alloc(LIMIT_SECRET_DATA_BYTES + 1);
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[0], sv_make(bytes, LIMIT_SECRET_DATA_BYTES / 2 + 1));
    ck_assert(!plan_collect(external_secret, &plan, &data, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    secret_buf_done(&plan.reads[0].value);
    fill(&plan.reads[0], sv_make(bytes, LIMIT_SECRET_DATA_BYTES + 1));
    ck_assert(!plan_collect(external_secret, &plan, &data, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, "data key a"));
}
END_TEST

/* By the decoder, and by what only the engine knows. */
static const struct {
    const char *spec;
    const char *field;
} unsupported[] = {
    {",'dataFrom':[{'extract':{'key':'k'}}]", "spec.dataFrom"},
    {",'target':{'template':{}},'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]",
     "spec.target.template"},
    {",'data':[{'secretKey':'a','remoteRef':{'key':'k','property':'x|@pretty'}}]",
     "spec.data[0].remoteRef.property"},
    {",'data':[{'secretKey':'a','remoteRef':{'key':'k'}},"
     "{'secretKey':'b','remoteRef':{'key':'k','property':'list.@pretty'}}]",
     "spec.data[1].remoteRef.property"},
};

START_TEST(names_what_it_does_not_render)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", unsupported[_i].spec);
    struct err err = {0};
    ck_assert(!plan_check_supported(external_secret, &err));
    ck_assert_ptr_nonnull(strstr(err.message, unsupported[_i].field));
    ck_assert_ptr_nonnull(strstr(err.message, "not supported"));
}
END_TEST

/* What no API server takes, whoever decoded it. */
START_TEST(refuses_what_cannot_be_a_data_key)
{
    char long_key[LIMIT_KEY_BYTES + 1];
    memset(long_key, 'a', sizeof long_key);
    const struct str_view keys[] = {SV(""),    SV("."),    SV(".."),
                                    SV("..a"), SV("a/b"),  SV("\xc3\xa9"),
                                    SV("a b"), SV("a\0b"), sv_make(long_key, sizeof long_key)};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct external_secret_data data = {.secret_key = keys[i], .remote_key = SV("k")};
        const struct external_secret external_secret = {.data = &data, .data_count = 1};
        struct err err = {0};
        ck_assert(!plan_check_supported(&external_secret, &err));
        ck_assert_ptr_nonnull(strstr(err.message, "spec.data[0].secretKey"));
    }
    struct external_secret_data data = {.secret_key = SV(".a-_B.9"), .remote_key = SV("")};
    const struct external_secret external_secret = {.data = &data, .data_count = 1};
    struct err err = {0};
    ck_assert(!plan_check_supported(&external_secret, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "remoteRef.key"));
    data.remote_key = SV("k");
    ck_assert(plan_check_supported(&external_secret, &err));
}
END_TEST

START_TEST(lets_a_later_entry_overwrite)
{
    struct external_secret_data entries[] = {
        {.secret_key = SV("a"), .remote_key = SV("first")},
        {.secret_key = SV("a"), .remote_key = SV("second")},
    };
    const struct external_secret external_secret = {.data = entries, .data_count = 2};
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(&external_secret, &plan);
    ck_assert_uint_eq(plan.read_count, 2);
    fill(&plan.reads[0], SV("1"));
    fill(&plan.reads[1], SV("2"));
    ck_assert(plan_collect(&external_secret, &plan, &data, &err));
    ck_assert_uint_eq(data.count, 1);
    ck_assert(sv_is(secret_buf_view(&data.entries[0].value), "2"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    tcase_add_test(tcase, reads_each_key_and_version_once);
    tcase_add_test(tcase, tells_key_and_version_apart);
    tcase_add_test(tcase, collects_every_value);
    tcase_add_test(tcase, names_the_property_that_is_missing);
    tcase_add_test(tcase, bounds_the_data);
    tcase_add_loop_test(tcase, names_what_it_does_not_render, 0, ARRAY_LEN(unsupported));
    tcase_add_test(tcase, refuses_what_cannot_be_a_data_key);
    tcase_add_test(tcase, lets_a_later_entry_overwrite);
    suite_add_tcase(suite, tcase);
    return suite;
}
