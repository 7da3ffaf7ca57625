/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_providers.h"

#include "check_main.h"

static struct credentials *keys;
static struct credentials_provider *provider;
static struct err err;

static struct credentials *made(struct str_view id, struct str_view secret, struct str_view token)
{
    struct credentials *credentials = NULL;
    ck_assert(credentials_new(id, secret, token, &credentials, &err));
    return credentials;
}

static void setup(void)
{
    keys = made(SV("AKIDEXAMPLE"), SV("hunter2"), SV("hunter3"));
    provider = credentials_static(keys);
}

static void teardown(void)
{
    credentials_provider_release(provider);
    ck_assert_uint_eq(keys->references, 1);
    credentials_release(keys);
}

START_TEST(hands_out_the_keys_it_was_given)
{
    const struct credentials_request request = {0};
    struct credentials *got = NULL;
    ck_assert_uint_eq(keys->references, 2);
    ck_assert(provider->fetch(provider, &request, &got, &err));
    ck_assert_ptr_eq(got, keys);
    ck_assert_int_eq(got->expires_ms, INT64_MAX);
    ck_assert_str_eq(provider->name, "static keys");
    credentials_release(got);
}
END_TEST

START_TEST(has_no_others)
{
    struct credentials *same = made(SV("AKIDEXAMPLE"), SV("hunter2"), SV("hunter3"));
    const struct credentials_request request = {.refused = same};
    struct credentials *got = NULL;
    ck_assert(!provider->fetch(provider, &request, &got, &err));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_ptr_null(strstr(err.message, "hunter"));
    ck_assert_ptr_null(got);
    credentials_release(same);
}
END_TEST

START_TEST(is_another_when_the_keys_have_changed)
{
    struct credentials *olds[] = {made(SV("AKIDOLD"), SV("hunter2"), SV("hunter3")),
                                  made(SV("AKIDEXAMPLE"), SV("hunter1"), SV("hunter3")),
                                  made(SV("AKIDEXAMPLE"), SV("hunter2"), SV(""))};
    for (size_t i = 0; i < ARRAY_LEN(olds); i++) {
        const struct credentials_request request = {.refused = olds[i]};
        struct credentials *got = NULL;
        ck_assert(provider->fetch(provider, &request, &got, &err));
        ck_assert_ptr_eq(got, keys);
        credentials_release(got);
        credentials_release(olds[i]);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_static");
    TCase *tcase = tcase_create("credentials_static");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, hands_out_the_keys_it_was_given);
    tcase_add_test(tcase, has_no_others);
    tcase_add_test(tcase, is_another_when_the_keys_have_changed);
    suite_add_tcase(suite, tcase);
    return suite;
}
