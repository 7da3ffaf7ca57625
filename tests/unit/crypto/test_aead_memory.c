/* SPDX-License-Identifier: Apache-2.0 */
/* Where the key lies between two calls. The program's own free() wipes, this one's does not. */
#include "crypto/aead_internal.h"
#include "memory_search.h"

static struct aead *new_with_marker(void)
{
    unsigned char key[AEAD_KEY_BYTES] = {0};
    marker_write(key);
    struct aead *aead = aead_new_with(key, 0);
    explicit_bzero(key, sizeof key);
    return aead;
}

/* The key is the first part of what GnuTLS expands it to. */
static void seal_and_open(struct aead *aead)
{
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    CLEANUP(secret_buf_done) struct secret_buf opened;
    secret_buf_init(&opened, 100);
    struct err err = {0};
    aead_seal(aead, SV("a"), SV("value"), &sealed);
    ck_assert(aead_open(aead, SV("a"), &sealed, &opened, &err));
    sealed.bytes[0] ^= 1;
    ck_assert(!aead_open(aead, SV("a"), &sealed, &opened, &err));
}

START_TEST(the_key_is_in_its_page_only)
{
    ck_assert_uint_eq(search_count(), 0);
    struct aead *aead = new_with_marker();
    /* Secret memory cannot be read by way of the kernel, so not even the key itself is seen. */
    size_t in_page = search_count();
    ck_assert_uint_le(in_page, 1);
    for (int i = 0; i < 3; i++) {
        seal_and_open(aead);
        ck_assert_uint_eq(search_count(), in_page);
    }
    aead_free(aead);
    ck_assert_uint_eq(search_count(), 0);
}
END_TEST

START_TEST(the_search_finds_a_key_that_lies_open)
{
    unsigned char key[AEAD_KEY_BYTES];
    marker_write(key);
    ck_assert_uint_eq(search_count(), 1);
    explicit_bzero(key, sizeof key);
    ck_assert_uint_eq(search_count(), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aead_memory");
    TCase *tcase = tcase_create("aead_memory");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_key_is_in_its_page_only);
    tcase_add_test(tcase, the_search_finds_a_key_that_lies_open);
    suite_add_tcase(suite, tcase);
    return suite;
}
