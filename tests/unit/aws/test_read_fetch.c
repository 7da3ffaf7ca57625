/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "aws/read_fetch.h"

START_TEST(copies_what_it_is_given)
{
    char key[] = "key";
    char version[] = "version";
    char namespace[] = "shop";
    struct read_fetch *fetch = read_fetch_new(sv_of(key), sv_of(version), sv_of(namespace));
    memset(key, 'x', 3);
    memset(version, 'x', 7);
    memset(namespace, 'x', 4);
    ck_assert(sv_is(fetch->key, "key"));
    ck_assert(sv_is(fetch->version, "version"));
    ck_assert(sv_is(fetch->namespace, "shop"));
    read_fetch_free(fetch);
}
END_TEST

START_TEST(has_an_id_that_only_the_same_key_and_version_have)
{
    const struct str_view pairs[][2] = {
        {{"ab", 2}, {"c", 1}},   {{"a", 1}, {"bc", 2}},   {{"abc", 3}, {NULL, 0}},
        {{"a\0b", 3}, {"c", 1}}, {{"a", 1}, {"\0bc", 3}}, {{NULL, 0}, {"abc", 3}},
    };
    struct read_fetch *fetches[ARRAY_LEN(pairs)];
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        fetches[i] = read_fetch_new(pairs[i][0], pairs[i][1], SV("shop"));
        ck_assert(sv_equal(fetches[i]->key, pairs[i][0]));
        ck_assert(sv_equal(fetches[i]->version, pairs[i][1]));
    }
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        for (size_t j = 0; j < ARRAY_LEN(pairs); j++) {
            ck_assert(sv_equal(fetches[i]->id, fetches[j]->id) == (i == j));
        }
        struct read_fetch *same = read_fetch_new(pairs[i][0], pairs[i][1], SV("other"));
        ck_assert(sv_equal(fetches[i]->id, same->id));
        read_fetch_free(same);
    }
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        read_fetch_free(fetches[i]);
    }
}
END_TEST

START_TEST(knows_which_errors_pass)
{
    static const bool passes[] = {
        [SERVICE_OK] = false,      [SERVICE_NOT_FOUND] = false,  [SERVICE_DENIED] = false,
        [SERVICE_REQUEST] = false, [SERVICE_CREDENTIAL] = false, [SERVICE_CLOCK] = false,
        [SERVICE_THROTTLE] = true, [SERVICE_TRANSIENT] = true,   [SERVICE_TRANSPORT] = true,
    };
    for (size_t i = 0; i < ARRAY_LEN(passes); i++) {
        const struct service_error error = {.class = (enum service_error_class)i};
        ck_assert_msg(read_error_passes(&error) == passes[i], "%zu", i);
    }
    /* Nobody has refused them: they could not be had. */
    const struct service_error no_credentials = {.class = SERVICE_CREDENTIAL, .retryable = true};
    ck_assert(read_error_passes(&no_credentials));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/read_fetch");
    TCase *tcase = tcase_create("fetch");
    tcase_add_test(tcase, copies_what_it_is_given);
    tcase_add_test(tcase, has_an_id_that_only_the_same_key_and_version_have);
    tcase_add_test(tcase, knows_which_errors_pass);
    suite_add_tcase(suite, tcase);
    return suite;
}
