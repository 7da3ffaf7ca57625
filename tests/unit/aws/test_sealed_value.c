/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sealed_value.h"

#include "cached_values.h"

static struct aead *aead;

static void set_up(void)
{
    bool locked = false;
    aead = aead_new(&locked);
}

static void tear_down(void)
{
    aead_free(aead);
}

struct part {
    bool there;
    struct str_view bytes;
};

#define PART(literal)                                                                              \
    {                                                                                              \
        true,                                                                                      \
        {                                                                                          \
            literal, sizeof(literal) - 1                                                           \
        }                                                                                          \
    }

static const struct {
    struct part string;
    struct part binary;
} VALUES[] = {
    {PART("text"), {false}},      {{false}, PART("\x00\x01\xff\xfe")},
    {PART("a\0b\0"), PART("\0")}, {PART(""), {false}},
    {{false}, PART("")},          {PART(""), PART("")},
    {{false}, {false}},           {PART("same"), PART("same")},
};

static void add_part(struct secret_buf *to, bool *has, const struct part *part)
{
    *has = part->there;
    if (part->there) {
        secret_buf_init(to, part->bytes.len);
        secret_buf_add(to, part->bytes);
    }
}

static struct remote_value make(int i)
{
    struct remote_value value = {
        .version = "v1",
        .name = str_dup("shop/db"),
        .arn = str_dup(ARN_OF("shop/db-AbCdEf")),
    };
    add_part(&value.string, &value.has_string, &VALUES[i].string);
    add_part(&value.binary, &value.has_binary, &VALUES[i].binary);
    return value;
}

START_TEST(opens_to_the_same_bytes)
{
    CLEANUP(remote_value_done) struct remote_value value = make(_i);
    CLEANUP(sealed_value_done) struct sealed_value sealed = {0};
    sealed_value_make(aead, SV("context"), &value, &sealed);
    /* What is not there is not sealed; what is empty is. */
    ck_assert_uint_eq(sealed.string.len,
                      VALUES[_i].string.there ? VALUES[_i].string.bytes.len + AEAD_TAG_BYTES : 0);
    ck_assert_uint_eq(sealed.binary.len,
                      VALUES[_i].binary.there ? VALUES[_i].binary.bytes.len + AEAD_TAG_BYTES : 0);

    CLEANUP(remote_value_done) struct remote_value opened = {0};
    struct err err = {0};
    ck_assert_msg(sealed_value_open(aead, SV("context"), &sealed, &opened, &err), "%s",
                  err.message);
    ck_assert_int_eq(opened.has_string, VALUES[_i].string.there);
    ck_assert_int_eq(opened.has_binary, VALUES[_i].binary.there);
    ck_assert(sv_equal(secret_buf_view(&opened.string), VALUES[_i].string.bytes));
    ck_assert(sv_equal(secret_buf_view(&opened.binary), VALUES[_i].binary.bytes));
    ck_assert_str_eq(opened.version, "v1");
    ck_assert_str_eq(opened.name, "shop/db");
    ck_assert_str_eq(opened.arn, ARN_OF("shop/db-AbCdEf"));
    ck_assert(opened.string.bytes.data == NULL || opened.string.bytes.wipe);
    ck_assert(opened.binary.bytes.data == NULL || opened.binary.bytes.wipe);
}
END_TEST

START_TEST(names_that_were_not_told_stay_untold)
{
    CLEANUP(remote_value_done) struct remote_value value = value_of(SV("x"), "", NULL, NULL);
    CLEANUP(remote_value_done) struct remote_value opened = value_of(SV("old"), "v0", "old", "old");
    CLEANUP(sealed_value_done) struct sealed_value sealed = {0};
    struct err err = {0};
    sealed_value_make(aead, SV("context"), &value, &sealed);
    ck_assert(sealed_value_open(aead, SV("context"), &sealed, &opened, &err));
    ck_assert_ptr_null(opened.name);
    ck_assert_ptr_null(opened.arn);
    ck_assert_str_eq(opened.version, "");
    ck_assert(sv_is(secret_buf_view(&opened.string), "x"));
}
END_TEST

static void assert_closed(struct str_view context, const struct sealed_value *sealed)
{
    CLEANUP(remote_value_done) struct remote_value opened = value_of(SV("kept"), "v0", NULL, NULL);
    struct err err = {0};
    ck_assert(!sealed_value_open(aead, context, sealed, &opened, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    ck_assert(sv_is(secret_buf_view(&opened.string), "kept"));
    ck_assert_str_eq(opened.version, "v0");
}

START_TEST(stays_closed_in_another_context_or_version)
{
    CLEANUP(remote_value_done) struct remote_value value = make(0);
    CLEANUP(sealed_value_done) struct sealed_value sealed = {0};
    sealed_value_make(aead, SV("context"), &value, &sealed);
    assert_closed(SV("contexu"), &sealed);
    assert_closed(SV("contex"), &sealed);
    assert_closed(SV(""), &sealed);
    /* The same bytes in all, another boundary. */
    memcpy(sealed.version, "1", sizeof "1");
    assert_closed(SV("contextv"), &sealed);
    memcpy(sealed.version, "tv1", sizeof "tv1");
    assert_closed(SV("contex"), &sealed);
    memcpy(sealed.version, "v2", sizeof "v2");
    assert_closed(SV("context"), &sealed);
}
END_TEST

START_TEST(a_part_does_not_pass_for_the_other)
{
    CLEANUP(remote_value_done) struct remote_value value = make(7);
    CLEANUP(sealed_value_done) struct sealed_value sealed = {0};
    sealed_value_make(aead, SV("context"), &value, &sealed);
    struct aead_sealed string = sealed.string;
    sealed.string = sealed.binary;
    sealed.binary = string;
    assert_closed(SV("context"), &sealed);
}
END_TEST

START_TEST(a_broken_binary_leaves_no_string_behind)
{
    CLEANUP(remote_value_done) struct remote_value value = make(2);
    CLEANUP(sealed_value_done) struct sealed_value sealed = {0};
    sealed_value_make(aead, SV("context"), &value, &sealed);
    sealed.binary.bytes[0] ^= 1;
    assert_closed(SV("context"), &sealed);
    sealed.binary.bytes[0] ^= 1;
    sealed.string.bytes[0] ^= 1;
    assert_closed(SV("context"), &sealed);
}
END_TEST

START_TEST(counts_what_it_holds)
{
    CLEANUP(remote_value_done) struct remote_value value = make(2);
    CLEANUP(sealed_value_done) struct sealed_value sealed = {0};
    ck_assert_uint_eq(sealed_value_bytes(&sealed), 0);
    sealed_value_make(aead, SV("context"), &value, &sealed);
    ck_assert_uint_eq(sealed_value_bytes(&sealed), 4 + AEAD_TAG_BYTES + 1 + AEAD_TAG_BYTES +
                                                       sizeof "shop/db" +
                                                       sizeof ARN_OF("shop/db-AbCdEf"));
    sealed_value_done(&sealed);
    ck_assert_uint_eq(sealed_value_bytes(&sealed), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sealed_value");
    TCase *tcase = tcase_create("sealed_value");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, opens_to_the_same_bytes, 0, ARRAY_LEN(VALUES));
    tcase_add_test(tcase, names_that_were_not_told_stay_untold);
    tcase_add_test(tcase, stays_closed_in_another_context_or_version);
    tcase_add_test(tcase, a_part_does_not_pass_for_the_other);
    tcase_add_test(tcase, a_broken_binary_leaves_no_string_behind);
    tcase_add_test(tcase, counts_what_it_holds);
    suite_add_tcase(suite, tcase);
    return suite;
}
