/* SPDX-License-Identifier: Apache-2.0 */
#include "refs/mounts.h"

#include "base/buf.h"
#include "base/limits.h"
#include "check_main.h"
#include "json_text.h"

static const char POD_SPEC[] =
    "{'initContainers':[{'volumeMounts':[{'name':'b','subPath':'z'}]}],"
    "'containers':[{'volumeMounts':[{'name':'b'},{'name':'a','subPathExpr':'$(X)'},"
    "{'name':'b','subPath':'k'}]},{},{'volumeMounts':{'name':'a'}},"
    "{'volumeMounts':[{'name':'b','subPath':'k'}]}],"
    "'ephemeralContainers':[{'volumeMounts':[{'name':'a'}]}]}";

START_TEST(sorts_the_mounts_of_each_volume)
{
    CLEANUP(json_text_done) struct json_text json = json_text_of(POD_SPEC);
    CLEANUP(mounts_done) struct mounts mounts = {0};
    struct err err = {0};
    ck_assert(mounts_collect(json.root, &mounts, &err));
    ck_assert_uint_eq(mounts.count, 5);
    const struct mounts a = mounts_of(&mounts, SV("a"));
    ck_assert_uint_eq(a.count, 1);
    ck_assert(a.items[0].by_expression);
    const struct mounts b = mounts_of(&mounts, SV("b"));
    ck_assert_uint_eq(b.count, 4);
    ck_assert_uint_eq(b.items[0].sub_path.len, 0);
    ck_assert(sv_is(b.items[1].sub_path, "k"));
    ck_assert(sv_is(b.items[2].sub_path, "k"));
    ck_assert(sv_is(b.items[3].sub_path, "z"));
    ck_assert_uint_eq(mounts_of(&mounts, SV("c")).count, 0);
    ck_assert_uint_eq(mounts_of(&mounts, SV("")).count, 0);
}
END_TEST

START_TEST(resolves_every_mount_of_a_file)
{
    CLEANUP(json_text_done) struct json_text json = json_text_of(POD_SPEC);
    CLEANUP(mounts_done) struct mounts mounts = {0};
    struct err err = {0};
    ck_assert(mounts_collect(json.root, &mounts, &err));
    const struct mounts b = mounts_of(&mounts, SV("b"));
    ck_assert(mounts_resolve(&b, SV("k")));
    ck_assert(!mounts_resolve(&b, SV("nothing")));
    ck_assert(!b.items[0].resolved);
    ck_assert(b.items[1].resolved);
    ck_assert(b.items[2].resolved);
    ck_assert(!b.items[3].resolved);
    const struct mounts none = mounts_of(&mounts, SV("c"));
    ck_assert(!mounts_resolve(&none, SV("k")));
}
END_TEST

START_TEST(refuses_more_mounts_than_the_limit)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "{'containers':[{'volumeMounts':[{}");
    for (int i = 1; i < LIMIT_POD_REFS; i++) {
        buf_add_str(&text, ",{}");
    }
    size_t full = text.len;
    buf_add_str(&text, "]}]}");
    struct err err = {0};
    CLEANUP(json_text_done) struct json_text fits = json_text_of(text.data);
    CLEANUP(mounts_done) struct mounts mounts = {0};
    ck_assert(mounts_collect(fits.root, &mounts, &err));
    ck_assert_uint_eq(mounts.count, LIMIT_POD_REFS);

    buf_truncate(&text, full);
    buf_add_str(&text, ",{}]}]}");
    CLEANUP(json_text_done) struct json_text one_more = json_text_of(text.data);
    struct mounts untouched = {0};
    ck_assert(!mounts_collect(one_more.root, &untouched, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_null(untouched.items);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("refs/mounts");
    TCase *mounts = tcase_create("mounts");
    tcase_add_test(mounts, sorts_the_mounts_of_each_volume);
    tcase_add_test(mounts, resolves_every_mount_of_a_file);
    tcase_add_test(mounts, refuses_more_mounts_than_the_limit);
    suite_add_tcase(suite, mounts);
    return suite;
}
