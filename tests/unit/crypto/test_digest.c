/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include "check_main.h"

/* FIPS 180-4's examples, by coreutils. */
static const struct {
    enum digest digest;
    const char *text;
    const char *hex;
} digests[] = {
    {DIGEST_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {DIGEST_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
};

START_TEST(is_lower_case_hex)
{
    char hex[DIGEST_HEX_BYTES];
    digest_hex(digests[_i].digest, sv_of(digests[_i].text), hex);
    ck_assert_str_eq(hex, digests[_i].hex);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("crypto/digest");
    TCase *tcase = tcase_create("digest");
    tcase_add_loop_test(tcase, is_lower_case_hex, 0, (int)ARRAY_LEN(digests));
    suite_add_tcase(suite, tcase);
    return suite;
}
