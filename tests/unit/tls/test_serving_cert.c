/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/serving_cert.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>

#include "base/limits.h"
#include "check_main.h"

static const int64_t NOW_MS = INT64_C(1790000000000); /* 2026-09-21 */
static const char *const NAMES[] = {"keyturn.keyturn-system.svc", "127.0.0.1", "::1"};

struct pair {
    struct buf cert;
    struct secret_buf key;
};

static void pair_init(struct pair *pair)
{
    buf_init(&pair->cert, LIMIT_PEM_BYTES);
    secret_buf_init(&pair->key, LIMIT_PEM_BYTES);
}

static void pair_done(struct pair *pair)
{
    buf_done(&pair->cert);
    secret_buf_done(&pair->key);
}

static void make_ca(struct pair *ca)
{
    struct err err = {0};
    pair_init(ca);
    ck_assert_msg(cert_authority_make(NOW_MS, &ca->cert, &ca->key, &err), "%s", err.message);
}

static void make_leaf(const struct pair *ca, struct pair *leaf)
{
    struct err err = {0};
    pair_init(leaf);
    ck_assert_msg(serving_cert_make(buf_view(&ca->cert), secret_buf_view(&ca->key), NAMES,
                                    ARRAY_LEN(NAMES), NOW_MS, &leaf->cert, &leaf->key, &err),
                  "%s", err.message);
}

static gnutls_x509_crt_t import(const struct buf *pem)
{
    gnutls_x509_crt_t crt = NULL;
    gnutls_datum_t datum = {.data = (unsigned char *)pem->data, .size = (unsigned)pem->len};
    ck_assert_int_eq(gnutls_x509_crt_init(&crt), 0);
    ck_assert_int_eq(gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM), 0);
    return crt;
}

static void assert_p256(gnutls_x509_crt_t crt)
{
    unsigned bits = 0;
    ck_assert_int_eq(gnutls_x509_crt_get_pk_algorithm(crt, &bits), GNUTLS_PK_ECDSA);
    ck_assert_uint_eq(bits, 256);
}

START_TEST(authority_may_sign_certificates_and_nothing_else)
{
    struct pair ca;
    make_ca(&ca);
    gnutls_x509_crt_t crt = import(&ca.cert);
    unsigned critical = 0;
    unsigned is_ca = 0;
    int path_length = -1;
    unsigned usage = 0;
    ck_assert_int_gt(gnutls_x509_crt_get_basic_constraints(crt, &critical, &is_ca, &path_length),
                     0);
    ck_assert_uint_eq(is_ca, 1);
    ck_assert_int_eq(path_length, 0);
    ck_assert_int_eq(gnutls_x509_crt_get_key_usage(crt, &usage, &critical), 0);
    ck_assert_uint_eq(usage, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    assert_p256(crt);
    ck_assert_int_eq(gnutls_x509_crt_get_activation_time(crt), NOW_MS / 1000 - 3600);
    ck_assert_int_eq(gnutls_x509_crt_get_expiration_time(crt),
                     NOW_MS / 1000 + (time_t)5 * 365 * 24 * 3600);
    gnutls_x509_crt_deinit(crt);
    pair_done(&ca);
}
END_TEST

START_TEST(leaf_serves_its_names_for_ninety_days)
{
    struct pair ca;
    struct pair leaf;
    make_ca(&ca);
    make_leaf(&ca, &leaf);
    gnutls_x509_crt_t crt = import(&leaf.cert);
    unsigned critical = 0;
    char purpose[64];
    size_t purpose_len = sizeof purpose;
    ck_assert_int_eq(gnutls_x509_crt_get_key_purpose_oid(crt, 0, purpose, &purpose_len, &critical),
                     0);
    ck_assert_str_eq(purpose, GNUTLS_KP_TLS_WWW_SERVER);
    ck_assert_int_eq(gnutls_x509_crt_get_ca_status(crt, &critical), 0);
    assert_p256(crt);
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        ck_assert_msg(gnutls_x509_crt_check_hostname(crt, NAMES[i]) != 0, "%s", NAMES[i]);
    }
    ck_assert_uint_eq(gnutls_x509_crt_check_hostname(crt, "keyturn.other.svc"), 0);
    ck_assert_int_eq(gnutls_x509_crt_get_activation_time(crt), NOW_MS / 1000 - 3600);
    ck_assert_int_eq(gnutls_x509_crt_get_expiration_time(crt),
                     NOW_MS / 1000 + (time_t)90 * 24 * 3600);
    gnutls_x509_crt_deinit(crt);
    pair_done(&leaf);
    pair_done(&ca);
}
END_TEST

START_TEST(leaf_verifies_against_its_authority_and_no_other)
{
    struct pair ca;
    struct pair other;
    struct pair leaf;
    make_ca(&ca);
    make_ca(&other);
    make_leaf(&ca, &leaf);
    gnutls_x509_crt_t leaf_crt = import(&leaf.cert);
    const struct {
        const struct pair *authority;
        bool verifies;
    } cases[] = {{&ca, true}, {&other, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        gnutls_x509_crt_t ca_crt = import(&cases[i].authority->cert);
        unsigned status = 0;
        ck_assert_int_eq(gnutls_x509_crt_list_verify(&leaf_crt, 1, &ca_crt, 1, NULL, 0,
                                                     GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status),
                         0);
        ck_assert_int_eq(status == 0, cases[i].verifies);
        gnutls_x509_crt_deinit(ca_crt);
    }
    gnutls_x509_crt_deinit(leaf_crt);
    pair_done(&leaf);
    pair_done(&other);
    pair_done(&ca);
}
END_TEST

START_TEST(serials_differ_and_are_positive)
{
    struct pair ca;
    struct pair leaves[2];
    unsigned char serials[2][32];
    size_t lens[2] = {sizeof serials[0], sizeof serials[1]};
    make_ca(&ca);
    for (size_t i = 0; i < 2; i++) {
        make_leaf(&ca, &leaves[i]);
        gnutls_x509_crt_t crt = import(&leaves[i].cert);
        ck_assert_int_eq(gnutls_x509_crt_get_serial(crt, serials[i], &lens[i]), 0);
        ck_assert_uint_eq(lens[i], 16);
        ck_assert_uint_lt(serials[i][0], 0x80);
        gnutls_x509_crt_deinit(crt);
        pair_done(&leaves[i]);
    }
    ck_assert_int_ne(memcmp(serials[0], serials[1], lens[0]), 0);
    pair_done(&ca);
}
END_TEST

START_TEST(parses_what_it_made)
{
    struct pair ca;
    struct pair leaf;
    struct serving_cert *cert = NULL;
    struct err err = {0};
    make_ca(&ca);
    make_leaf(&ca, &leaf);
    ck_assert_msg(serving_cert_parse(buf_view(&leaf.cert), secret_buf_view(&leaf.key), &cert, &err),
                  "%s", err.message);
    ck_assert_int_eq(serving_cert_not_after_ms(cert),
                     NOW_MS / 1000 * 1000 + INT64_C(90) * 24 * 3600 * 1000);
    ck_assert(serving_cert_covers(cert, "keyturn.keyturn-system.svc"));
    ck_assert(serving_cert_covers(cert, "127.0.0.1"));
    ck_assert(!serving_cert_covers(cert, "keyturn.other.svc"));
    ck_assert_ptr_nonnull(serving_cert_credentials(cert));
    serving_cert_release(cert);
    pair_done(&leaf);
    pair_done(&ca);
}
END_TEST

START_TEST(refuses_what_cannot_serve)
{
    struct pair ca;
    struct pair leaf;
    struct pair other;
    make_ca(&ca);
    make_leaf(&ca, &leaf);
    make_leaf(&ca, &other);
    struct str_view torn = sv_first(buf_view(&leaf.cert), leaf.cert.len / 2);
    const struct {
        struct str_view cert;
        struct str_view key;
        const char *says;
    } cases[] = {
        {buf_view(&leaf.cert), secret_buf_view(&other.key), "does not belong"},
        {torn, secret_buf_view(&leaf.key), "no readable PEM"},
        {SV(""), secret_buf_view(&leaf.key), "no readable PEM"},
        {buf_view(&leaf.cert), SV(""), "not usable"},
        {buf_view(&leaf.cert), SV("-----BEGIN PRIVATE KEY-----\nAAAA\n"), "not usable"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct serving_cert *cert = NULL;
        struct err err = {0};
        ck_assert_msg(!serving_cert_parse(cases[i].cert, cases[i].key, &cert, &err), "case %zu", i);
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_msg(strstr(err.message, cases[i].says) != NULL, "case %zu: %s", i, err.message);
        ck_assert_ptr_null(cert);
    }
    pair_done(&other);
    pair_done(&leaf);
    pair_done(&ca);
}
END_TEST

START_TEST(refuses_an_authority_mixed_from_two)
{
    struct pair ca;
    struct pair other;
    struct pair leaf;
    struct err err = {0};
    make_ca(&ca);
    make_ca(&other);
    pair_init(&leaf);
    ck_assert(!serving_cert_make(buf_view(&ca.cert), secret_buf_view(&other.key), NAMES, 1, NOW_MS,
                                 &leaf.cert, &leaf.key, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_uint_eq(leaf.cert.len, 0);
    ck_assert_uint_eq(secret_buf_view(&leaf.key).len, 0);
    pair_done(&leaf);
    pair_done(&other);
    pair_done(&ca);
}
END_TEST

static struct serving_cert *make_cert(const struct pair *ca)
{
    struct pair leaf;
    struct serving_cert *cert = NULL;
    struct err err = {0};
    make_leaf(ca, &leaf);
    ck_assert_msg(serving_cert_parse(buf_view(&leaf.cert), secret_buf_view(&leaf.key), &cert, &err),
                  "%s", err.message);
    pair_done(&leaf);
    return cert;
}

/* A connection that holds the old one goes on after the swap: sanitizers see it otherwise. */
START_TEST(holder_swaps_under_those_who_hold_the_old)
{
    struct pair ca;
    make_ca(&ca);
    struct cert_holder *holder = cert_holder_new();
    ck_assert_ptr_null(cert_holder_get(holder));
    struct serving_cert *first = make_cert(&ca);
    struct serving_cert *second = make_cert(&ca);
    cert_holder_set(holder, first);
    serving_cert_release(first);
    struct serving_cert *held = cert_holder_get(holder);
    ck_assert_ptr_eq(held, first);
    cert_holder_set(holder, second);
    ck_assert(serving_cert_covers(held, NAMES[0]));
    serving_cert_release(held);
    struct serving_cert *now = cert_holder_get(holder);
    ck_assert_ptr_eq(now, second);
    serving_cert_release(now);
    cert_holder_set(holder, NULL);
    ck_assert_ptr_null(cert_holder_get(holder));
    serving_cert_release(second);
    cert_holder_free(holder);
    pair_done(&ca);
}
END_TEST

enum {
    SWAP_ROUNDS = 20000,
};

static void *take_and_drop(void *context)
{
    struct cert_holder *holder = context;
    for (int i = 0; i < SWAP_ROUNDS; i++) {
        struct serving_cert *cert = cert_holder_get(holder);
        ck_assert_ptr_nonnull(serving_cert_credentials(cert));
        serving_cert_release(cert);
    }
    return NULL;
}

START_TEST(holder_is_safe_from_many_threads)
{
    struct pair ca;
    make_ca(&ca);
    struct serving_cert *certs[2] = {make_cert(&ca), make_cert(&ca)};
    struct cert_holder *holder = cert_holder_new();
    cert_holder_set(holder, certs[0]);
    pthread_t threads[2];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_drop, holder), 0);
    }
    for (int i = 0; i < SWAP_ROUNDS; i++) {
        cert_holder_set(holder, certs[i % 2]);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    cert_holder_free(holder);
    serving_cert_release(certs[0]);
    serving_cert_release(certs[1]);
    pair_done(&ca);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("serving_cert");
    TCase *make = tcase_create("make");
    tcase_add_test(make, authority_may_sign_certificates_and_nothing_else);
    tcase_add_test(make, leaf_serves_its_names_for_ninety_days);
    tcase_add_test(make, leaf_verifies_against_its_authority_and_no_other);
    tcase_add_test(make, serials_differ_and_are_positive);
    tcase_add_test(make, refuses_an_authority_mixed_from_two);
    suite_add_tcase(s, make);
    TCase *parse = tcase_create("parse");
    tcase_add_test(parse, parses_what_it_made);
    tcase_add_test(parse, refuses_what_cannot_serve);
    suite_add_tcase(s, parse);
    TCase *hold = tcase_create("hold");
    tcase_add_test(hold, holder_swaps_under_those_who_hold_the_old);
    tcase_add_test(hold, holder_is_safe_from_many_threads);
    suite_add_tcase(s, hold);
    return s;
}
