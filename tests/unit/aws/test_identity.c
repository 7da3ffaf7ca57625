/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/identity.h"

#include "bytes.h"
#include "check_main.h"

enum {
    PARTS = 4,
};

/* The parts end with one that has no data. */
static struct identity_key key_of(const struct str_view *parts)
{
    struct identity_builder builder;
    identity_begin(&builder);
    for (size_t i = 0; i < PARTS && parts[i].data; i++) {
        identity_add(&builder, parts[i]);
    }
    return identity_end(&builder);
}

static const struct str_view lists[][PARTS] = {
    {{NULL, 0}},
    {BYTES("")},
    {BYTES(""), BYTES("")},
    {BYTES("web identity")},
    {BYTES("web identity"), BYTES("arn:aws:iam::123456789012:role/x")},
    {BYTES("web identityarn:aws:iam::123456789012:role/x")},
    {BYTES("web identity"), BYTES("arn:aws:iam::123456789012:role/"), BYTES("x")},
    {BYTES("web identity"), BYTES("x"), BYTES("arn:aws:iam::123456789012:role/")},
    {BYTES("web identity"), BYTES("arn:aws:iam::123456789012:role/y")},
    {BYTES("web identity"), BYTES("arn:aws:iam::123456789012:role/x"), BYTES("")},
    {BYTES("web identity\0arn:aws:iam::123456789012:role/x")},
    {BYTES("\1\0\0\0\0\0\0\0x")},
    {BYTES("x")},
};

START_TEST(equal_parts_make_one_key)
{
    struct identity_key a = key_of(lists[_i]);
    struct identity_key b = key_of(lists[_i]);
    ck_assert(identity_equal(&a, &b));
    ck_assert_uint_eq(identity_view(&a).len, SHA256_BYTES);
}
END_TEST

START_TEST(no_other_parts_make_the_same_key)
{
    struct identity_key a = key_of(lists[_i]);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct identity_key b = key_of(lists[i]);
        ck_assert_int_eq(identity_equal(&a, &b), i == (size_t)_i);
    }
}
END_TEST

/* A SecretStore may hold more than any role accepts. */
START_TEST(takes_parts_of_any_size)
{
    enum { BYTES_EACH = 1024 * 1024 };
    CLEANUP(mem_free_ptr) char *text = mem_alloc(BYTES_EACH);
    struct identity_key keys[2];
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        text[BYTES_EACH - 1] = (char)i;
        const struct str_view parts[PARTS] = {sv_make(text, BYTES_EACH), sv_make(text, BYTES_EACH)};
        keys[i] = key_of(parts);
    }
    ck_assert(!identity_equal(&keys[0], &keys[1]));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("identity");
    TCase *tcase = tcase_create("identity");
    tcase_add_loop_test(tcase, equal_parts_make_one_key, 0, ARRAY_LEN(lists));
    tcase_add_loop_test(tcase, no_other_parts_make_the_same_key, 0, ARRAY_LEN(lists));
    tcase_add_test(tcase, takes_parts_of_any_size);
    suite_add_tcase(suite, tcase);
    return suite;
}
