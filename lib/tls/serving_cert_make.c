/* SPDX-License-Identifier: Apache-2.0 */
/* Making the CA and the leaf.
 *
 * ECDSA P-256: a handshake costs a fifth of what RSA-2048 costs, and API servers do not resume
 * sessions. Key usages and identifiers as RFC 5280 §4.2.1 asks of a CA and of a server. */
#include "tls/serving_cert.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "crypto/random.h"

enum {
    BACKDATE_S = 3600,
    CA_DAYS = 5 * 365,
    LEAF_DAYS = 90,
    DAY_S = 24 * 3600,
    SERIAL_BYTES = 16,
    KEY_ID_BYTES = 20,
};

static void crt_done(gnutls_x509_crt_t *crt)
{
    if (*crt) {
        gnutls_x509_crt_deinit(*crt);
    }
}

static void key_done(gnutls_x509_privkey_t *key)
{
    if (*key) {
        gnutls_x509_privkey_deinit(*key);
    }
}

/* Exported keys come in memory of GnuTLS. */
static void secret_datum_done(gnutls_datum_t *datum)
{
    if (datum->data) {
        gnutls_memset(datum->data, 0, datum->size);
        gnutls_free(datum->data);
    }
}

static bool gnutls_failed(int rc, const char *what, struct err *err)
{
    return rc < 0 && !err_set(err, ERR_INTERNAL, "%s: %s", what, gnutls_strerror(rc));
}

static bool key_make(gnutls_x509_privkey_t *ret, struct err *err)
{
    int rc = gnutls_x509_privkey_init(ret);
    if (rc >= 0) {
        rc = gnutls_x509_privkey_generate(*ret, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    }
    return !gnutls_failed(rc, "make a P-256 key", err);
}

/* What CA and leaf have in common. The serial is positive and has no leading zero byte
 * (RFC 5280 §4.1.2.2). */
static int crt_begin(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name,
                     int64_t now_ms, int64_t days)
{
    unsigned char serial[SERIAL_BYTES];
    random_bytes(serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
    unsigned char key_id[KEY_ID_BYTES];
    size_t key_id_len = sizeof key_id;
    time_t now = (time_t)(now_ms / 1000);
    int rc = gnutls_x509_crt_set_version(crt, 3);
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_activation_time(crt, now - BACKDATE_S);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_expiration_time(crt, now + (time_t)(days * DAY_S));
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                           (unsigned)strlen(name));
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_key(crt, key);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_get_key_id(crt, 0, key_id, &key_id_len);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_subject_key_id(crt, key_id, key_id_len);
    }
    return rc;
}

static int crt_begin_ca(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, int64_t now_ms)
{
    int rc = crt_begin(crt, key, "keyturn-ca", now_ms, CA_DAYS);
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    }
    return rc;
}

static int add_name(gnutls_x509_crt_t crt, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    unsigned len = 0;
    if (inet_pton(AF_INET, name, address) == 1) {
        len = sizeof(struct in_addr);
    } else if (inet_pton(AF_INET6, name, address) == 1) {
        len = sizeof(struct in6_addr);
    }
    if (len) {
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, len,
                                                    GNUTLS_FSAN_APPEND);
    }
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int crt_begin_leaf(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, gnutls_x509_crt_t ca,
                          int64_t now_ms)
{
    unsigned char ca_key_id[KEY_ID_BYTES * 2];
    size_t ca_key_id_len = sizeof ca_key_id;
    int rc = crt_begin(crt, key, "keyturn", now_ms, LEAF_DAYS);
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_get_subject_key_id(ca, ca_key_id, &ca_key_id_len, NULL);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_authority_key_id(crt, ca_key_id, ca_key_id_len);
    }
    return rc;
}

static bool crt_export(gnutls_x509_crt_t crt, struct buf *out, struct err *err)
{
    gnutls_datum_t pem = {0};
    if (gnutls_failed(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem),
                      "write a certificate", err)) {
        return false;
    }
    buf_append(out, pem.data, pem.size);
    gnutls_free(pem.data);
    return buf_check(out, "certificate", err);
}

static bool key_export(gnutls_x509_privkey_t key, struct secret_buf *out, struct err *err)
{
    CLEANUP(secret_datum_done) gnutls_datum_t pem = {0};
    if (gnutls_failed(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                                        GNUTLS_PKCS_PLAIN, &pem),
                      "write a private key", err)) {
        return false;
    }
    secret_buf_append(out, pem.data, pem.size);
    return secret_buf_check(out, "private key", err);
}

bool cert_authority_make(int64_t now_ms, struct buf *ca_pem, struct secret_buf *ca_key_pem,
                         struct err *err)
{
    CLEANUP(key_done) gnutls_x509_privkey_t key = NULL;
    CLEANUP(crt_done) gnutls_x509_crt_t crt = NULL;
    if (!key_make(&key, err)) {
        return false;
    }
    int rc = gnutls_x509_crt_init(&crt);
    if (rc >= 0) {
        rc = crt_begin_ca(crt, key, now_ms);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
    }
    if (gnutls_failed(rc, "make the CA certificate", err)) {
        return false;
    }
    return crt_export(crt, ca_pem, err) && key_export(key, ca_key_pem, err);
}

static gnutls_datum_t datum_of(struct str_view view)
{
    return (gnutls_datum_t){.data = (unsigned char *)view.data, .size = (unsigned)view.len};
}

/* A CA that was mixed from two Secrets would sign leaves nobody trusts: refused here. */
static bool ca_keys_match(gnutls_x509_crt_t ca, gnutls_x509_privkey_t key, struct err *err)
{
    unsigned char of_crt[KEY_ID_BYTES * 2];
    unsigned char of_key[KEY_ID_BYTES * 2];
    size_t crt_len = sizeof of_crt;
    size_t key_len = sizeof of_key;
    if (gnutls_x509_crt_get_key_id(ca, 0, of_crt, &crt_len) < 0 ||
        gnutls_x509_privkey_get_key_id(key, 0, of_key, &key_len) < 0 || crt_len != key_len ||
        memcmp(of_crt, of_key, crt_len) != 0) {
        return err_set(err, ERR_INVALID, "CA key does not belong to the CA certificate");
    }
    return true;
}

static bool ca_import(struct str_view ca_pem, struct str_view ca_key_pem, gnutls_x509_crt_t *crt,
                      gnutls_x509_privkey_t *key, struct err *err)
{
    gnutls_datum_t crt_datum = datum_of(ca_pem);
    gnutls_datum_t key_datum = datum_of(ca_key_pem);
    int rc = gnutls_x509_crt_init(crt);
    if (rc >= 0) {
        rc = gnutls_x509_crt_import(*crt, &crt_datum, GNUTLS_X509_FMT_PEM);
    }
    if (rc < 0) {
        return err_set(err, ERR_INVALID, "CA certificate is no readable PEM: %s",
                       gnutls_strerror(rc));
    }
    rc = gnutls_x509_privkey_init(key);
    if (rc >= 0) {
        rc = gnutls_x509_privkey_import2(*key, &key_datum, GNUTLS_X509_FMT_PEM, NULL,
                                         GNUTLS_PKCS_PLAIN);
    }
    if (rc < 0) {
        return err_set(err, ERR_INVALID, "CA key is no readable PEM: %s", gnutls_strerror(rc));
    }
    return ca_keys_match(*crt, *key, err);
}

bool serving_cert_make(struct str_view ca_pem, struct str_view ca_key_pem,
                       const char *const *dns_names, size_t dns_count, int64_t now_ms,
                       struct buf *cert_pem, struct secret_buf *key_pem, struct err *err)
{
    CLEANUP(crt_done) gnutls_x509_crt_t ca = NULL;
    CLEANUP(key_done) gnutls_x509_privkey_t ca_key = NULL;
    CLEANUP(crt_done) gnutls_x509_crt_t crt = NULL;
    CLEANUP(key_done) gnutls_x509_privkey_t key = NULL;
    if (!ca_import(ca_pem, ca_key_pem, &ca, &ca_key, err) || !key_make(&key, err)) {
        return false;
    }
    int rc = gnutls_x509_crt_init(&crt);
    if (rc >= 0) {
        rc = crt_begin_leaf(crt, key, ca, now_ms);
    }
    for (size_t i = 0; rc >= 0 && i < dns_count; i++) {
        rc = add_name(crt, dns_names[i]);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_sign2(crt, ca, ca_key, GNUTLS_DIG_SHA256, 0);
    }
    if (gnutls_failed(rc, "make the serving certificate", err)) {
        return false;
    }
    return crt_export(crt, cert_pem, err) && key_export(key, key_pem, err);
}
