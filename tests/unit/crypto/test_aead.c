/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/aead_internal.h"

#include <pthread.h>
#include <signal.h>

#include "check_main.h"

enum {
    LARGE_BYTES = 65536,
    CEILING = 100000,
};

static size_t from_hex(const char *hex, unsigned char *ret)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        char *end = NULL;
        ret[i] = (unsigned char)strtoul(digits, &end, 16);
        ck_assert_ptr_eq(end, digits + 2);
    }
    return len;
}

static void assert_hex(const unsigned char *bytes, size_t len, const char *expected)
{
    unsigned char wanted[256];
    ck_assert_uint_eq(from_hex(expected, wanted), len);
    ck_assert_mem_eq(bytes, wanted, len);
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", Appendix B, test cases 13 to 16 (256
 * bits of key, 96 of nonce), which NIST took over. */
#define ZEROS16 "00000000000000000000000000000000"
#define KEY15 "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define PLAIN15                                                                                    \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                             \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED15                                                                                   \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                             \
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
static const struct {
    const char *key;
    const char *nonce;
    const char *context;
    const char *plain;
    const char *sealed;
} VECTORS[] = {
    {ZEROS16 ZEROS16, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {ZEROS16 ZEROS16, "000000000000000000000000", "", ZEROS16,
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {KEY15, "cafebabefacedbaddecaf888", "", PLAIN15 "1aafd255",
     SEALED15 "898015adb094dac5d93471bdec1a502270e3cc6c"},
    {KEY15, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", PLAIN15,
     SEALED15 "76fc6ece0f4e1768cddf8853bb2d551b"},
};

START_TEST(agrees_with_the_published_vectors)
{
    unsigned char key[AEAD_KEY_BYTES];
    unsigned char nonce[AEAD_NONCE_BYTES];
    unsigned char context[64];
    unsigned char plain[64];
    ck_assert_uint_eq(from_hex(VECTORS[_i].key, key), sizeof key);
    ck_assert_uint_eq(from_hex(VECTORS[_i].nonce, nonce), sizeof nonce);
    struct str_view with = sv_make((const char *)context, from_hex(VECTORS[_i].context, context));
    struct str_view text = sv_make((const char *)plain, from_hex(VECTORS[_i].plain, plain));

    unsigned char sealed[sizeof plain + AEAD_TAG_BYTES];
    aead_encrypt(key, nonce, with, text, sealed);
    assert_hex(sealed, text.len + AEAD_TAG_BYTES, VECTORS[_i].sealed);

    unsigned char opened[sizeof plain];
    ck_assert(aead_decrypt(key, nonce, with,
                           sv_make((const char *)sealed, text.len + AEAD_TAG_BYTES), opened));
    if (text.len) {
        ck_assert_mem_eq(opened, plain, text.len);
    }
}
END_TEST

static struct aead *known(uint64_t next_nonce)
{
    unsigned char key[AEAD_KEY_BYTES];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (unsigned char)i;
    }
    return aead_new_with(key, next_nonce);
}

/* Made with another implementation (pyca/cryptography 48, OpenSSL 3): the key is 00 to 1f, the
 * nonce a big-endian number of 96 bits. */
static const struct {
    uint64_t nonce;
    const char *sealed;
} COUNTED[] = {
    {0, "7dd9d4b2d048109e0f8a3c142d7ebee955900dd52324"},
    {0x0102030405060708, "77340462b885bcb2c73b8e5c2a5be90542a68aa9a96e"},
};

START_TEST(the_nonce_is_the_counter_in_big_endian)
{
    struct aead *aead = known(COUNTED[_i].nonce);
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    aead_seal(aead, SV("context"), SV("sealed"), &sealed);
    ck_assert_uint_eq(sealed.nonce, COUNTED[_i].nonce);
    assert_hex(sealed.bytes, sealed.len, COUNTED[_i].sealed);
    aead_free(aead);
}
END_TEST

static const size_t SIZES[] = {0, 1, 15, 16, 17, 256, 4096, LARGE_BYTES};

START_TEST(opens_what_it_sealed)
{
    bool locked = false;
    struct aead *aead = aead_new(&locked);
    size_t len = SIZES[_i];
    char *plain = mem_alloc(len);
    for (size_t i = 0; i < len; i++) {
        plain[i] = (char)(i * 7);
    }
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    CLEANUP(secret_buf_done) struct secret_buf opened;
    secret_buf_init(&opened, CEILING);
    struct err err = {0};
    aead_seal(aead, SV("a"), sv_make(plain, len), &sealed);
    ck_assert_uint_eq(sealed.len, len + AEAD_TAG_BYTES);
    if (len >= 16) {
        ck_assert_mem_ne(sealed.bytes, plain, 16);
    }
    ck_assert_msg(aead_open(aead, SV("a"), &sealed, &opened, &err), "%s", err.message);
    ck_assert(sv_equal(secret_buf_view(&opened), sv_make(plain, len)));
    aead_free(aead);
    free(plain);
}
END_TEST

START_TEST(nothing_sealed_in_an_empty_context_opens_in_it)
{
    bool locked = false;
    struct aead *aead = aead_new(&locked);
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    CLEANUP(secret_buf_done) struct secret_buf opened;
    secret_buf_init(&opened, CEILING);
    struct err err = {0};
    aead_seal(aead, (struct str_view){0}, (struct str_view){0}, &sealed);
    ck_assert_uint_eq(sealed.len, AEAD_TAG_BYTES);
    ck_assert(aead_open(aead, SV(""), &sealed, &opened, &err));
    ck_assert_uint_eq(secret_buf_view(&opened).len, 0);
    ck_assert(!aead_open(aead, SV("a"), &sealed, &opened, &err));
    aead_free(aead);
}
END_TEST

START_TEST(appends_to_what_is_there)
{
    struct aead *aead = known(0);
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    CLEANUP(secret_buf_done) struct secret_buf opened;
    secret_buf_init(&opened, CEILING);
    secret_buf_add(&opened, SV("before "));
    struct err err = {0};
    aead_seal(aead, SV("a"), SV("after"), &sealed);
    ck_assert(aead_open(aead, SV("a"), &sealed, &opened, &err));
    ck_assert(sv_is(secret_buf_view(&opened), "before after"));
    aead_free(aead);
}
END_TEST

static void assert_refused(struct aead *aead, struct str_view context,
                           const struct aead_sealed *sealed)
{
    CLEANUP(secret_buf_done) struct secret_buf opened;
    secret_buf_init(&opened, CEILING);
    secret_buf_add(&opened, SV("kept"));
    struct err err = {0};
    ck_assert(!aead_open(aead, context, sealed, &opened, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    /* Not even the bytes that the cipher left behind the end. */
    ck_assert(sv_is(secret_buf_view(&opened), "kept"));
    for (size_t i = opened.bytes.len; i < opened.bytes.capacity; i++) {
        ck_assert_int_eq(opened.bytes.data[i], 0);
    }
}

START_TEST(every_changed_bit_is_noticed)
{
    struct aead *aead = known(0);
    char context[] = "identity, key, version";
    struct str_view with = sv_of(context);
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    aead_seal(aead, with, SV("a value of some length, over one block"), &sealed);
    /* Ciphertext and tag. */
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_refused(aead, with, &sealed);
        sealed.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * with.len; bit++) {
        context[bit / 8] = (char)(context[bit / 8] ^ (1 << bit % 8));
        assert_refused(aead, with, &sealed);
        context[bit / 8] = (char)(context[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t bit = 0; bit < 64; bit++) {
        sealed.nonce ^= UINT64_C(1) << bit;
        assert_refused(aead, with, &sealed);
        sealed.nonce ^= UINT64_C(1) << bit;
    }
    /* And put back together it opens. */
    CLEANUP(secret_buf_done) struct secret_buf opened;
    secret_buf_init(&opened, CEILING);
    struct err err = {0};
    ck_assert(aead_open(aead, with, &sealed, &opened, &err));
    aead_free(aead);
}
END_TEST

START_TEST(what_was_cut_or_lengthened_is_noticed)
{
    struct aead *aead = known(0);
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    aead_seal(aead, SV("ab"), SV("twenty bytes of text"), &sealed);
    size_t len = sealed.len;
    for (sealed.len = 0; sealed.len < len; sealed.len++) {
        assert_refused(aead, SV("ab"), &sealed);
    }
    assert_refused(aead, SV("a"), &sealed);
    assert_refused(aead, SV("abc"), &sealed);
    assert_refused(aead, SV(""), &sealed);
    sealed.bytes = mem_resize_array(sealed.bytes, len + 1, 1);
    sealed.bytes[len] = 0;
    sealed.len = len + 1;
    assert_refused(aead, SV("ab"), &sealed);
    aead_free(aead);
}
END_TEST

START_TEST(another_key_opens_nothing)
{
    bool locked = false;
    struct aead *first = aead_new(&locked);
    struct aead *second = aead_new(&locked);
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    aead_seal(first, SV("a"), SV("value"), &sealed);
    assert_refused(second, SV("a"), &sealed);
    aead_free(first);
    aead_free(second);
    aead_free(NULL);
}
END_TEST

START_TEST(over_the_ceiling_is_too_big)
{
    struct aead *aead = known(0);
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    CLEANUP(secret_buf_done) struct secret_buf opened;
    secret_buf_init(&opened, 4);
    struct err err = {0};
    aead_seal(aead, SV("a"), SV("value"), &sealed);
    ck_assert(!aead_open(aead, SV("a"), &sealed, &opened, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_uint_eq(secret_buf_view(&opened).len, 0);
    aead_free(aead);
}
END_TEST

START_TEST(equal_values_are_sealed_differently)
{
    struct aead *aead = known(0);
    struct aead_sealed sealed[2];
    aead_seal(aead, SV("a"), SV("value"), &sealed[0]);
    aead_seal(aead, SV("a"), SV("value"), &sealed[1]);
    ck_assert_uint_eq(sealed[0].nonce, 0);
    ck_assert_uint_eq(sealed[1].nonce, 1);
    ck_assert_mem_ne(sealed[0].bytes, sealed[1].bytes, sealed[0].len);
    aead_sealed_done(&sealed[0]);
    aead_sealed_done(&sealed[1]);
    ck_assert_ptr_null(sealed[0].bytes);
    aead_free(aead);
}
END_TEST

START_TEST(the_last_nonce_but_one_is_used)
{
    struct aead *aead = known(UINT64_MAX - 1);
    CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
    aead_seal(aead, SV("a"), SV("value"), &sealed);
    ck_assert_uint_eq(sealed.nonce, UINT64_MAX - 1);
    aead_free(aead);
}
END_TEST

START_TEST(aborts_before_the_counter_turns_over)
{
    struct aead *aead = known(UINT64_MAX - 1);
    CLEANUP(aead_sealed_done) struct aead_sealed last = {0};
    CLEANUP(aead_sealed_done) struct aead_sealed never = {0};
    aead_seal(aead, SV("a"), SV("value"), &last);
    aead_seal(aead, SV("a"), SV("value"), &never);
    aead_free(aead);
}
END_TEST

enum {
    THREADS = 4,
    ROUNDS = 500,
};

struct sealer {
    struct aead *aead;
    pthread_t thread;
    int number;
    bool failed;
    bool nonces[THREADS * ROUNDS];
};

static void *seal_and_open(void *context)
{
    struct sealer *sealer = context;
    for (int round = 0; round < ROUNDS; round++) {
        char plain[32];
        (void)snprintf(plain, sizeof plain, "value %d of %d", round, sealer->number);
        CLEANUP(aead_sealed_done) struct aead_sealed sealed = {0};
        CLEANUP(secret_buf_done) struct secret_buf opened;
        secret_buf_init(&opened, CEILING);
        struct err err = {0};
        aead_seal(sealer->aead, SV("a"), sv_of(plain), &sealed);
        if (!aead_open(sealer->aead, SV("a"), &sealed, &opened, &err) ||
            !sv_is(secret_buf_view(&opened), plain) || sealed.nonce >= THREADS * ROUNDS) {
            sealer->failed = true;
            return NULL;
        }
        sealer->nonces[sealed.nonce] = true;
    }
    return NULL;
}

START_TEST(threads_seal_and_open_at_once_and_share_no_nonce)
{
    static struct sealer sealers[THREADS];
    struct aead *aead = known(0);
    for (int i = 0; i < THREADS; i++) {
        sealers[i] = (struct sealer){.aead = aead, .number = i};
        ck_assert_int_eq(pthread_create(&sealers[i].thread, NULL, seal_and_open, &sealers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(sealers[i].thread, NULL), 0);
        ck_assert(!sealers[i].failed);
    }
    /* As many nonces as messages, each with one thread. */
    for (size_t nonce = 0; nonce < (size_t)THREADS * ROUNDS; nonce++) {
        int users = 0;
        for (int i = 0; i < THREADS; i++) {
            users += sealers[i].nonces[nonce];
        }
        ck_assert_int_eq(users, 1);
    }
    aead_free(aead);
}
END_TEST

/* A sanitizer turns the signal into a report of its own; the case wants the signal. */
static void give_back_signals(void)
{
    (void)signal(SIGABRT, SIG_DFL);
}

Suite *suite(void)
{
    Suite *suite = suite_create("aead");
    TCase *tcase = tcase_create("aead");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, agrees_with_the_published_vectors, 0, ARRAY_LEN(VECTORS));
    tcase_add_loop_test(tcase, the_nonce_is_the_counter_in_big_endian, 0, ARRAY_LEN(COUNTED));
    tcase_add_loop_test(tcase, opens_what_it_sealed, 0, ARRAY_LEN(SIZES));
    tcase_add_test(tcase, nothing_sealed_in_an_empty_context_opens_in_it);
    tcase_add_test(tcase, appends_to_what_is_there);
    tcase_add_test(tcase, every_changed_bit_is_noticed);
    tcase_add_test(tcase, what_was_cut_or_lengthened_is_noticed);
    tcase_add_test(tcase, another_key_opens_nothing);
    tcase_add_test(tcase, over_the_ceiling_is_too_big);
    tcase_add_test(tcase, equal_values_are_sealed_differently);
    tcase_add_test(tcase, the_last_nonce_but_one_is_used);
    tcase_add_test(tcase, threads_seal_and_open_at_once_and_share_no_nonce);
    suite_add_tcase(suite, tcase);

    TCase *exhausted = tcase_create("exhausted");
    tcase_add_checked_fixture(exhausted, give_back_signals, NULL);
    tcase_add_test_raise_signal(exhausted, aborts_before_the_counter_turns_over, SIGABRT);
    suite_add_tcase(suite, exhausted);
    return suite;
}
