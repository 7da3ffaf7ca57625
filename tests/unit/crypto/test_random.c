/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/random.h"

#include "check_main.h"

enum {
    KEY_BYTES = 32,
    DRAWS = 200,
};

START_TEST(no_two_draws_are_alike)
{
    unsigned char drawn[DRAWS][KEY_BYTES];
    for (size_t i = 0; i < DRAWS; i++) {
        random_bytes(drawn[i], KEY_BYTES);
        for (size_t j = 0; j < i; j++) {
            ck_assert_mem_ne(drawn[i], drawn[j], KEY_BYTES);
        }
    }
}
END_TEST

START_TEST(every_byte_is_filled_and_none_behind)
{
    unsigned char seen[KEY_BYTES] = {0};
    for (size_t i = 0; i < DRAWS; i++) {
        unsigned char bytes[KEY_BYTES + 1] = {0};
        bytes[KEY_BYTES] = 0x5a;
        random_bytes(bytes, KEY_BYTES);
        ck_assert_int_eq(bytes[KEY_BYTES], 0x5a);
        for (size_t j = 0; j < KEY_BYTES; j++) {
            seen[j] |= bytes[j];
        }
    }
    /* A byte that 200 draws leave zero was never written. */
    for (size_t j = 0; j < KEY_BYTES; j++) {
        ck_assert_int_ne(seen[j], 0);
    }
}
END_TEST

START_TEST(nothing_may_be_drawn)
{
    unsigned char byte = 0x5a;
    random_bytes(&byte, 0);
    ck_assert_int_eq(byte, 0x5a);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("random");
    tcase_add_test(tcase, no_two_draws_are_alike);
    tcase_add_test(tcase, every_byte_is_filled_and_none_behind);
    tcase_add_test(tcase, nothing_may_be_drawn);
    suite_add_tcase(suite, tcase);
    return suite;
}
