/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sha3.h"

#include "check_main.h"

/* FIPS 202 with messages around its block of 144 bytes, and what the External Secrets Operator
 * hashes: the text of empty data, an owner, a long name. */
static const struct {
    const char *text; /* NULL: `count` times 'a' */
    size_t count;
    const char *digest;
} HASHES[] = {
    {"", 0, "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7"},
    {"abc", 0, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
    {NULL, 143, "73b1b22b54f515f626a6abdde6af25cd4801dc6e9dc7fa3f77e1c122"},
    {NULL, 144, "f9019111996dcf160e284e320fd6d8825cabcd41a5ffdc4c5e9d64b6"},
    {NULL, 145, "7f0521c84aeacc8a46aba17171acbdd22522509a71c663257fbdee0e"},
    {NULL, 1000000, "d69335b93325192e516a912e6d19a15cb51c6ed5c15243e7a7fd653c"},
    {"map[]", 0, "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b"},
    {"map[foo:[98 97 114]]", 0, "f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36"},
    {"default/foo", 0, "5634524f81ffd28d5559acdfea844235c0d3fc2499aca5a96810d10e"},
    {NULL, 28, "52a6f48b37cd3535ef771a530c08d9cc4b78350ccdd33f2405e22ebb"},
};

START_TEST(hashes_whole_and_in_pieces)
{
    size_t len = HASHES[_i].text ? strlen(HASHES[_i].text) : HASHES[_i].count;
    char *memory = HASHES[_i].text ? str_dup(HASHES[_i].text) : mem_alloc(len + 1);
    if (!HASHES[_i].text) {
        memset(memory, 'a', len);
    }
    char hex[SHA3_224_HEX_BYTES];
    sha3_224_hex(sv_make(memory, len), hex);
    ck_assert_str_eq(hex, HASHES[_i].digest);
    static const size_t pieces[] = {1, 7, 143, 144, 145, 100000};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        size_t step = len / 1000 > pieces[i] ? len / 1000 : pieces[i];
        struct sha3_224 *hash = sha3_224_new();
        for (size_t at = 0; at < len; at += step) {
            sha3_224_update(hash, memory + at, len - at < step ? len - at : step);
        }
        sha3_224_update(hash, NULL, 0);
        sha3_224_finish(hash, hex);
        ck_assert_str_eq(hex, HASHES[_i].digest);
    }
    free(memory);
}
END_TEST

START_TEST(a_view_of_nothing_is_empty)
{
    char hex[SHA3_224_HEX_BYTES];
    sha3_224_hex((struct str_view){0}, hex);
    ck_assert_str_eq(hex, HASHES[0].digest);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sha3");
    TCase *tcase = tcase_create("sha3");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, hashes_whole_and_in_pieces, 0, (int)ARRAY_LEN(HASHES));
    tcase_add_test(tcase, a_view_of_nothing_is_empty);
    suite_add_tcase(suite, tcase);
    return suite;
}
