/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/object_key.h"

#include "base/limits.h"
#include "check_main.h"

static const struct {
    const char *namespace;
    const char *name;
    const char *key;
} KEYS[] = {
    {"team-a", "orders", "team-a/orders"},
    {"", "aws", "/aws"},
    {"team-a", "", "team-a/"},
};

START_TEST(a_key_is_the_namespace_and_the_name)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, sv_of(KEYS[_i].namespace), sv_of(KEYS[_i].name));
    ck_assert(sv_is(buf_view(&key), KEYS[_i].key));
}
END_TEST

START_TEST(a_key_is_read_as_it_was_written)
{
    struct str_view namespace = {0};
    struct str_view name = {0};
    ck_assert(object_key_read(sv_of(KEYS[_i].key), &namespace, &name));
    ck_assert(sv_is(namespace, KEYS[_i].namespace));
    ck_assert(sv_is(name, KEYS[_i].name));
}
END_TEST

START_TEST(what_has_no_slash_is_no_key)
{
    struct str_view namespace = {0};
    struct str_view name = {0};
    ck_assert(!object_key_read(SV("everything"), &namespace, &name));
}
END_TEST

START_TEST(the_longest_names_fit)
{
    CLEANUP(buf_done) struct buf key;
    struct err err = {0};
    char longest[LIMIT_NAME_BYTES];
    memset(longest, 'a', sizeof longest);
    struct str_view view = sv_make(longest, sizeof longest);
    object_key_write(&key, view, view);
    ck_assert(buf_check(&key, "the key", &err));
    ck_assert_uint_eq(key.len, 2 * LIMIT_NAME_BYTES + 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("object_key");
    TCase *tcase = tcase_create("object_key");
    tcase_add_loop_test(tcase, a_key_is_the_namespace_and_the_name, 0, (int)ARRAY_LEN(KEYS));
    tcase_add_loop_test(tcase, a_key_is_read_as_it_was_written, 0, (int)ARRAY_LEN(KEYS));
    tcase_add_test(tcase, what_has_no_slash_is_no_key);
    tcase_add_test(tcase, the_longest_names_fit);
    suite_add_tcase(suite, tcase);
    return suite;
}
