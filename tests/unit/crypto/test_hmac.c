/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hmac.h"

#include "check_main.h"

static void assert_hex(const unsigned char digest[SHA256_BYTES], const char *expected)
{
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    ck_assert_str_eq(hex, expected);
}

/* `count` times `byte`, or `text` where it is given. */
struct bytes {
    const char *text;
    char byte;
    size_t count;
};

static char *make(struct bytes bytes, struct str_view *ret)
{
    char *memory = bytes.text ? str_dup(bytes.text) : mem_alloc(bytes.count + 1);
    size_t len = bytes.text ? strlen(bytes.text) : bytes.count;
    if (!bytes.text) {
        memset(memory, bytes.byte, len);
    }
    *ret = sv_make(memory, len);
    return memory;
}

/* FIPS 180-4 example values. */
static const struct {
    struct bytes data;
    const char *digest;
} HASHES[] = {
    {{"", 0, 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {{"abc", 0, 0}, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 0, 0},
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {{NULL, 'a', 1000000}, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

START_TEST(hashes_as_fips_180_4)
{
    struct str_view data;
    char *memory = make(HASHES[_i].data, &data);
    unsigned char digest[SHA256_BYTES];
    sha256(data, digest);
    assert_hex(digest, HASHES[_i].digest);
    free(memory);
}
END_TEST

/* RFC 4231 §4 (cases 1, 2, 3, 6, 7), then empty and block-sized keys. */
static const struct {
    struct bytes key;
    struct bytes data;
    const char *digest;
} MACS[] = {
    {{NULL, 0x0b, 20},
     {"Hi There", 0, 0},
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {{"Jefe", 0, 0},
     {"what do ya want for nothing?", 0, 0},
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {{NULL, (char)0xaa, 20},
     {NULL, (char)0xdd, 50},
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {{NULL, (char)0xaa, 131},
     {"Test Using Larger Than Block-Size Key - Hash Key First", 0, 0},
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {{NULL, (char)0xaa, 131},
     {"This is a test using a larger than block-size key and a larger than block-size data. The "
      "key needs to be hashed before being used by the HMAC algorithm.",
      0, 0},
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    {{"", 0, 0}, {"", 0, 0}, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    {{"key", 0, 0}, {"", 0, 0}, "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0"},
    {{"", 0, 0},
     {"data", 0, 0},
     "e528c4d99e6177f5841f712a143b90843299a4aa181a06501422d9ca862bd2a5"},
    {{NULL, 'k', 64},
     {"d", 0, 0},
     "4ad458bc38a391d72ea559af4da228247f7de81972fd936182b5a85f81e45ac2"},
    {{NULL, 'k', 65},
     {"d", 0, 0},
     "d5fe0b5d8fb05bd4bd11e39f5eaf091ba3c8aee22e1a7abb1a31edb7fe21e13e"},
};

START_TEST(authenticates_as_rfc_4231)
{
    struct str_view key;
    struct str_view data;
    char *key_memory = make(MACS[_i].key, &key);
    char *data_memory = make(MACS[_i].data, &data);
    unsigned char digest[SHA256_BYTES];
    hmac_sha256(key, data, digest);
    assert_hex(digest, MACS[_i].digest);
    /* The same in pieces of every size. */
    for (size_t piece = 1; piece <= data.len + 1; piece += 1 + piece / 3) {
        struct hmac *hmac = hmac_new(key);
        for (size_t at = 0; at < data.len; at += piece) {
            struct str_view part = sv_first(sv_from(data, at), piece);
            hmac_update(hmac, part.data, part.len);
        }
        hmac_update(hmac, NULL, 0);
        hmac_finish(hmac, digest);
        assert_hex(digest, MACS[_i].digest);
    }
    free(key_memory);
    free(data_memory);
}
END_TEST

/* Small pieces are gathered: whatever their sizes, the sum is the same. */
START_TEST(pieces_of_any_size_are_one_message)
{
    static const size_t sizes[] = {1, 511, 1, 512, 513, 0, 1024, 3, 2000, 435};
    enum {
        TOTAL = 5000,
    };
    char message[TOTAL];
    for (size_t i = 0; i < TOTAL; i++) {
        message[i] = (char)(i * 31 % 251);
    }
    unsigned char whole[SHA256_BYTES];
    unsigned char pieces[SHA256_BYTES];
    hmac_sha256(SV("key"), sv_make(message, TOTAL), whole);
    struct hmac *hmac = hmac_new(SV("key"));
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        hmac_update(hmac, message + at, sizes[i]);
        at += sizes[i];
    }
    ck_assert_uint_eq(at, TOTAL);
    hmac_finish(hmac, pieces);
    ck_assert_mem_eq(pieces, whole, sizeof whole);
}
END_TEST

START_TEST(a_view_of_nothing_is_empty)
{
    const struct str_view none = {0};
    unsigned char digest[SHA256_BYTES];
    sha256(none, digest);
    assert_hex(digest, HASHES[0].digest);
    hmac_sha256(none, none, digest);
    assert_hex(digest, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    struct hmac *hmac = hmac_new(none);
    hmac_finish(hmac, digest);
    assert_hex(digest, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
END_TEST

START_TEST(a_key_may_be_replaced_by_its_own_mac)
{
    /* AWS Signature Version 4: each derived key is the key of the next step. */
    unsigned char key[SHA256_BYTES];
    unsigned char apart[SHA256_BYTES];
    sha256(SV("start"), key);
    struct str_view view = sv_make((const char *)key, sizeof key);
    hmac_sha256(view, SV("20260101"), apart);
    hmac_sha256(view, SV("20260101"), key);
    ck_assert_mem_eq(key, apart, sizeof key);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("hmac");
    TCase *tcase = tcase_create("hmac");
    tcase_add_test(tcase, pieces_of_any_size_are_one_message);
    tcase_add_loop_test(tcase, hashes_as_fips_180_4, 0, (int)ARRAY_LEN(HASHES));
    tcase_add_loop_test(tcase, authenticates_as_rfc_4231, 0, (int)ARRAY_LEN(MACS));
    tcase_add_test(tcase, a_view_of_nothing_is_empty);
    tcase_add_test(tcase, a_key_may_be_replaced_by_its_own_mac);
    suite_add_tcase(suite, tcase);
    return suite;
}
