/* SPDX-License-Identifier: Apache-2.0 */
#include "far_certificate.h"

#include <gnutls/x509.h>
#include <time.h>

#include "crypto/random.h"
#include "die.h"

enum {
    KEY_BITS = 2048,
    SERIAL_BYTES = 16,
    KEY_ID_BYTES = 20,
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
};

struct certificate {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
};

static void certificate_done(struct certificate *certificate)
{
    gnutls_x509_crt_deinit(certificate->crt);
    gnutls_x509_privkey_deinit(certificate->key);
}

static void must(int rc)
{
    if (rc < 0) {
        die("certificate", gnutls_strerror(rc));
    }
}

static void begin(struct certificate *ret, const char *name)
{
    unsigned char serial[SERIAL_BYTES];
    unsigned char key_id[KEY_ID_BYTES];
    size_t key_id_len = sizeof key_id;
    random_bytes(serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
    time_t now = time(NULL);
    must(gnutls_x509_privkey_init(&ret->key));
    must(gnutls_x509_privkey_generate(ret->key, GNUTLS_PK_RSA, KEY_BITS, 0));
    must(gnutls_x509_crt_init(&ret->crt));
    must(gnutls_x509_crt_set_version(ret->crt, 3));
    must(gnutls_x509_crt_set_serial(ret->crt, serial, sizeof serial));
    must(gnutls_x509_crt_set_activation_time(ret->crt, now - HOUR_S));
    must(gnutls_x509_crt_set_expiration_time(ret->crt, now + DAY_S));
    must(gnutls_x509_crt_set_dn_by_oid(ret->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                       (unsigned)strlen(name)));
    must(gnutls_x509_crt_set_key(ret->crt, ret->key));
    must(gnutls_x509_crt_get_key_id(ret->crt, 0, key_id, &key_id_len));
    must(gnutls_x509_crt_set_subject_key_id(ret->crt, key_id, key_id_len));
}

static void sign(struct certificate *certificate, const struct certificate *issuer)
{
    unsigned char key_id[KEY_ID_BYTES];
    size_t key_id_len = sizeof key_id;
    must(gnutls_x509_crt_get_subject_key_id(issuer->crt, key_id, &key_id_len, NULL));
    must(gnutls_x509_crt_set_authority_key_id(certificate->crt, key_id, key_id_len));
    must(gnutls_x509_crt_sign2(certificate->crt, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0));
}

static void make_authority(struct certificate *ret, const char *name,
                           const struct certificate *issuer)
{
    begin(ret, name);
    must(gnutls_x509_crt_set_basic_constraints(ret->crt, 1, -1));
    must(gnutls_x509_crt_set_key_usage(ret->crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
    sign(ret, issuer);
}

static void make_leaf(struct certificate *ret, const struct certificate *issuer)
{
    static const unsigned char loopback[] = {127, 0, 0, 1};
    static const char name[] = "localhost";
    begin(ret, "far AWS");
    must(gnutls_x509_crt_set_basic_constraints(ret->crt, 0, -1));
    must(gnutls_x509_crt_set_key_usage(ret->crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
    must(gnutls_x509_crt_set_key_purpose_oid(ret->crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
    must(gnutls_x509_crt_set_subject_alt_name(ret->crt, GNUTLS_SAN_DNSNAME, name, sizeof name - 1,
                                              GNUTLS_FSAN_SET));
    must(gnutls_x509_crt_set_subject_alt_name(ret->crt, GNUTLS_SAN_IPADDRESS, loopback,
                                              sizeof loopback, GNUTLS_FSAN_APPEND));
    sign(ret, issuer);
}

static void export_certificate(const struct certificate *certificate, struct buf *out)
{
    gnutls_datum_t pem = {0};
    must(gnutls_x509_crt_export2(certificate->crt, GNUTLS_X509_FMT_PEM, &pem));
    buf_append(out, pem.data, pem.size);
    gnutls_free(pem.data);
}

static void export_key(const struct certificate *certificate, struct secret_buf *out)
{
    gnutls_datum_t pem = {0};
    must(gnutls_x509_privkey_export2_pkcs8(certificate->key, GNUTLS_X509_FMT_PEM, NULL,
                                           GNUTLS_PKCS_PLAIN, &pem));
    secret_buf_append(out, pem.data, pem.size);
    gnutls_free(pem.data);
}

void far_certificate_make(struct buf *ca, struct buf *chain, struct secret_buf *key)
{
    CLEANUP(certificate_done) struct certificate root = {0};
    CLEANUP(certificate_done) struct certificate intermediate = {0};
    CLEANUP(certificate_done) struct certificate leaf = {0};
    make_authority(&root, "far AWS root", &root);
    make_authority(&intermediate, "far AWS RSA 2048", &root);
    make_leaf(&leaf, &intermediate);
    export_certificate(&root, ca);
    export_certificate(&leaf, chain);
    export_certificate(&intermediate, chain);
    export_key(&leaf, key);
}
