/* SPDX-License-Identifier: Apache-2.0 */
/* TLS for loopback_server.h, and a small PKI made for one test: a CA, certificates under it, and
 * the files that libcurl wants. */
#ifndef LOOPBACK_TLS_H
#define LOOPBACK_TLS_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "loopback_server.h"

struct tls_identity {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    char cert_file[128];
    char key_file[128];
};

struct tls_options {
    const struct tls_identity *identity;
    const struct tls_identity *client_ca; /* NULL: no client certificate is asked for */
    const char *priority;
    void *context; /* for serve(), since loopback.context is taken by this */
    gnutls_certificate_credentials_t credentials;
    char client[64];        /* common name of the last client certificate; "" none */
    char server_name[256];  /* SNI of the last client */
    atomic_uint handshakes; /* that came to their end */
};

static inline void tls_write_file(const char *path, const gnutls_datum_t *text)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text->data, 1, text->size, file), text->size);
    (void)fclose(file);
}

static inline void tls_export(struct tls_identity *identity, const char *directory,
                              const char *common_name)
{
    gnutls_datum_t text;
    (void)snprintf(identity->cert_file, sizeof identity->cert_file, "%s/%s.crt", directory,
                   common_name);
    (void)snprintf(identity->key_file, sizeof identity->key_file, "%s/%s.key", directory,
                   common_name);
    ck_assert_int_eq(gnutls_x509_crt_export2(identity->certificate, GNUTLS_X509_FMT_PEM, &text), 0);
    tls_write_file(identity->cert_file, &text);
    gnutls_free(text.data);
    ck_assert_int_eq(gnutls_x509_privkey_export2(identity->key, GNUTLS_X509_FMT_PEM, &text), 0);
    tls_write_file(identity->key_file, &text);
    gnutls_free(text.data);
}

/* `issuer` NULL: a CA of its own. `dns_name` may be NULL; the address 127.0.0.1 is always there
 * unless `dns_name` is given. `age_s` > 0: expired so many seconds ago. */
static inline void tls_identity_make(struct tls_identity *ret, const struct tls_identity *issuer,
                                     const char *directory, const char *common_name,
                                     const char *dns_name, time_t age_s)
{
    static const unsigned char loopback_address[] = {127, 0, 0, 1};
    static unsigned char serial = 1;
    time_t now = time(NULL) - age_s;
    serial++;
    ck_assert_int_eq(gnutls_x509_privkey_init(&ret->key), 0);
    ck_assert_int_eq(gnutls_x509_privkey_generate(ret->key, GNUTLS_PK_ECDSA,
                                                  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                                  0),
                     0);
    ck_assert_int_eq(gnutls_x509_crt_init(&ret->certificate), 0);
    gnutls_x509_crt_t crt = ret->certificate;
    (void)gnutls_x509_crt_set_version(crt, 3);
    (void)gnutls_x509_crt_set_serial(crt, &serial, 1);
    (void)gnutls_x509_crt_set_activation_time(crt, now - 7200);
    (void)gnutls_x509_crt_set_expiration_time(crt, age_s ? now : now + 7200);
    (void)gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
                                        (unsigned)strlen(common_name));
    (void)gnutls_x509_crt_set_key(crt, ret->key);
    (void)gnutls_x509_crt_set_basic_constraints(crt, issuer == NULL, -1);
    (void)gnutls_x509_crt_set_key_usage(crt, issuer ? GNUTLS_KEY_DIGITAL_SIGNATURE
                                                    : GNUTLS_KEY_KEY_CERT_SIGN);
    if (dns_name) {
        (void)gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, dns_name,
                                                   (unsigned)strlen(dns_name), GNUTLS_FSAN_SET);
    } else {
        (void)gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, loopback_address,
                                                   sizeof loopback_address, GNUTLS_FSAN_SET);
    }
    ck_assert_int_eq(gnutls_x509_crt_sign2(crt, issuer ? issuer->certificate : crt,
                                           issuer ? issuer->key : ret->key, GNUTLS_DIG_SHA256, 0),
                     0);
    tls_export(ret, directory, common_name);
}

static inline void tls_identity_done(struct tls_identity *identity)
{
    gnutls_x509_crt_deinit(identity->certificate);
    gnutls_x509_privkey_deinit(identity->key);
    (void)unlink(identity->cert_file);
    (void)unlink(identity->key_file);
}

static inline void tls_note_client(struct tls_options *options, gnutls_session_t session)
{
    unsigned count = 0;
    unsigned type = 0;
    size_t size = sizeof options->server_name - 1;
    const gnutls_datum_t *peer = gnutls_certificate_get_peers(session, &count);
    gnutls_x509_crt_t crt;
    (void)gnutls_server_name_get(session, options->server_name, &size, &type, 0);
    if (!peer || count == 0) {
        return;
    }
    ck_assert_int_eq(gnutls_x509_crt_init(&crt), 0);
    ck_assert_int_eq(gnutls_x509_crt_import(crt, &peer[0], GNUTLS_X509_FMT_DER), 0);
    size = sizeof options->client;
    (void)gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, options->client,
                                        &size);
    gnutls_x509_crt_deinit(crt);
}

static inline bool tls_begin(struct loopback_connection *connection)
{
    struct tls_options *options = connection->server->context;
    gnutls_session_t session;
    int code = gnutls_init(&session, GNUTLS_SERVER);
    ck_assert_int_eq(code, 0);
    connection->tls = session;
    ck_assert_int_eq(gnutls_priority_set_direct(session, options->priority, NULL), 0);
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, options->credentials);
    if (options->client_ca) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(session, NULL, 0);
    }
    gnutls_transport_set_int(session, connection->fd);
    do {
        code = gnutls_handshake(session);
    } while (code < 0 && !gnutls_error_is_fatal(code));
    if (code < 0) {
        return false;
    }
    tls_note_client(options, session);
    atomic_fetch_add(&options->handshakes, 1);
    return true;
}

static inline ssize_t tls_read(struct loopback_connection *connection, void *data, size_t len)
{
    ssize_t got;
    do {
        got = gnutls_record_recv(connection->tls, data, len);
    } while (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
    return got;
}

static inline ssize_t tls_write(struct loopback_connection *connection, const void *data,
                                size_t len)
{
    return gnutls_record_send(connection->tls, data, len);
}

static inline void tls_end(struct loopback_connection *connection)
{
    gnutls_deinit(connection->tls);
}

/* `server->serve` is set before. */
static inline void loopback_start_tls(struct loopback *server, struct tls_options *options)
{
    ck_assert_int_eq(gnutls_certificate_allocate_credentials(&options->credentials), 0);
    ck_assert_int_eq(gnutls_certificate_set_x509_key(
                         options->credentials, &(gnutls_x509_crt_t){options->identity->certificate},
                         1, options->identity->key),
                     0);
    if (options->client_ca) {
        ck_assert_int_eq(
            gnutls_certificate_set_x509_trust(
                options->credentials, &(gnutls_x509_crt_t){options->client_ca->certificate}, 1),
            1);
    }
    options->priority = options->priority ? options->priority : "NORMAL";
    server->context = options;
    server->tls_begin = tls_begin;
    server->tls_read = tls_read;
    server->tls_write = tls_write;
    server->tls_end = tls_end;
    loopback_start(server);
}

static inline void loopback_stop_tls(struct loopback *server, struct tls_options *options)
{
    loopback_stop(server);
    gnutls_certificate_free_credentials(options->credentials);
}

#endif
