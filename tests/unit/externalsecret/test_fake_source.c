/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/fake_source.h"

#include "check_main.h"
#include "external_secret_text.h"

static const char values[] = "'provider':{'fake':{'data':["
                             "{'key':'db','value':'hunter2'},"
                             "{'key':'db','value':'older','version':'v1'},"
                             "{'key':'twice','value':'first'},"
                             "{'key':'twice','value':'last'},"
                             "{'key':'empty','value':''}]}}";

static bool read_one(const struct store *store, const char *key, const char *version,
                     struct remote_read *read, struct err *err)
{
    const struct secret_source source = fake_source();
    *read = (struct remote_read){.key = sv_of(key), .version = sv_of(version)};
    const struct remote_request request = {.store = store};
    return source.read(source.context, &request, read, 1, err);
}

START_TEST(finds_by_key_and_version)
{
    static const char *const cases[][3] = {
        {"db", "", "hunter2"}, {"db", "v1", "older"}, {"twice", "", "last"}, {"empty", "", ""}};
    CLEANUP(store_release_ptr) struct store *store = store_of(values);
    struct remote_read read;
    struct err err = {0};
    ck_assert_msg(read_one(store, cases[_i][0], cases[_i][1], &read, &err), "%s", err.message);
    ck_assert(sv_is(secret_buf_view(&read.value), cases[_i][2]));
    ck_assert(read.fake);
    secret_buf_done(&read.value);
}
END_TEST

START_TEST(names_the_key_that_is_missing)
{
    static const char *const cases[][3] = {
        {"typo", "", "store store has no remote secret typo"},
        {"db", "v2", "store store has no remote secret db of version v2"},
        {"DB", "", "store store has no remote secret DB"}};
    CLEANUP(store_release_ptr) struct store *store = store_of(values);
    struct remote_read read;
    struct err err = {0};
    ck_assert(!read_one(store, cases[_i][0], cases[_i][1], &read, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_str_eq(err.message, cases[_i][2]);
}
END_TEST

START_TEST(fails_as_a_whole)
{
    CLEANUP(store_release_ptr) struct store *store = store_of(values);
    const struct secret_source source = fake_source();
    struct remote_read reads[] = {{.key = SV("db")}, {.key = SV("typo")}};
    struct err err = {0};
    const struct remote_request request = {.store = store};
    ck_assert(!source.read(source.context, &request, reads, 2, &err));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    secret_buf_done(&reads[0].value);
    secret_buf_done(&reads[1].value);
}
END_TEST

static const char paths[] = "'provider':{'fake':{'data':[{'key':'db/a','value':'1'},"
                            "{'key':'db/b','value':'2'},{'key':'db_b','value':'3'}]}}";

static bool find(const char *pattern, enum conversion_strategy conversion, struct data_map *ret,
                 struct err *err)
{
    CLEANUP(store_release_ptr) struct store *store = store_of(paths);
    const struct secret_source source = fake_source();
    struct regex *name = NULL;
    ck_assert_msg(regex_compile(sv_of(pattern), NULL, &name, err), "%s", err->message);
    const struct remote_request request = {.store = store};
    const struct remote_find wanted = {.name = name, .conversion = conversion};
    bool found = source.find(source.context, &request, &wanted, ret, err);
    regex_free(name);
    return found;
}

START_TEST(names_what_it_finds_by_converted_keys)
{
    static const struct {
        enum conversion_strategy conversion;
        const char *key;
    } cases[] = {{CONVERSION_DEFAULT, "db_a"}, {CONVERSION_UNICODE, "db_U002f_a"}};
    CLEANUP(data_map_done) struct data_map found = {0};
    struct err err = {0};
    ck_assert_msg(find("/a$", cases[_i].conversion, &found, &err), "%s", err.message);
    ck_assert_uint_eq(found.count, 1);
    const struct data_entry *entry = data_map_get(&found, sv_of(cases[_i].key));
    ck_assert_ptr_nonnull(entry);
    ck_assert(sv_is(secret_buf_view(&entry->value), "1"));
}
END_TEST

START_TEST(refuses_keys_that_become_one)
{
    CLEANUP(data_map_done) struct data_map found = {0};
    struct err err = {0};
    ck_assert(!find("b$", CONVERSION_DEFAULT, &found, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("fake_source");
    TCase *tcase = tcase_create("fake_source");
    tcase_add_loop_test(tcase, finds_by_key_and_version, 0, 4);
    tcase_add_loop_test(tcase, names_the_key_that_is_missing, 0, 3);
    tcase_add_test(tcase, fails_as_a_whole);
    tcase_add_loop_test(tcase, names_what_it_finds_by_converted_keys, 0, 2);
    tcase_add_test(tcase, refuses_keys_that_become_one);
    suite_add_tcase(suite, tcase);
    return suite;
}
