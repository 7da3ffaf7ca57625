/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a certificate back, and holding the current one.
 *
 * GnuTLS keeps pointers into the credentials for as long as a handshake lasts, so credentials that
 * are replaced must live on until their last connection has gone: hence the reference count. */
#include "tls/serving_cert.h"

#include <gnutls/x509.h>
#include <stdatomic.h>

#include "base/lock.h"

struct serving_cert {
    atomic_uint references;
    gnutls_certificate_credentials_t credentials;
    gnutls_x509_crt_t leaf;
    int64_t not_after_ms;
};

struct cert_holder {
    pthread_mutex_t mutex;
    struct serving_cert *current;
};

static void serving_cert_free(struct serving_cert *cert)
{
    if (cert->leaf) {
        gnutls_x509_crt_deinit(cert->leaf);
    }
    if (cert->credentials) {
        gnutls_certificate_free_credentials(cert->credentials);
    }
    free(cert);
}

static void serving_cert_free_ptr(struct serving_cert **cert)
{
    if (*cert) {
        serving_cert_free(*cert);
    }
}

/* The first certificate is the leaf; the rest is its chain. */
static bool read_leaf(struct serving_cert *cert, const gnutls_datum_t *pem, struct err *err)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    int rc = gnutls_x509_crt_list_import2(&list, &count, pem, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0 || count == 0) {
        return err_set(err, ERR_INVALID, "certificate is no readable PEM: %s", gnutls_strerror(rc));
    }
    cert->leaf = list[0];
    for (unsigned i = 1; i < count; i++) {
        gnutls_x509_crt_deinit(list[i]);
    }
    gnutls_free(list);
    time_t not_after = gnutls_x509_crt_get_expiration_time(cert->leaf);
    if (not_after == (time_t)-1) {
        return err_set(err, ERR_INVALID, "certificate has no end of validity");
    }
    cert->not_after_ms = (int64_t)not_after * 1000;
    return true;
}

static gnutls_datum_t datum_of(struct str_view view)
{
    return (gnutls_datum_t){.data = (unsigned char *)view.data, .size = (unsigned)view.len};
}

bool serving_cert_parse(struct str_view cert_pem, struct str_view key_pem,
                        struct serving_cert **ret, struct err *err)
{
    CLEANUP(serving_cert_free_ptr) struct serving_cert *cert = mem_alloc(sizeof *cert);
    atomic_init(&cert->references, 1);
    if (gnutls_certificate_allocate_credentials(&cert->credentials) < 0) {
        return err_set(err, ERR_INTERNAL, "GnuTLS allocates no credentials");
    }
    gnutls_datum_t chain = datum_of(cert_pem);
    gnutls_datum_t key = datum_of(key_pem);
    if (!read_leaf(cert, &chain, err)) {
        return false;
    }
    int rc = gnutls_certificate_set_x509_key_mem2(cert->credentials, &chain, &key,
                                                  GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
        return err_set(err, ERR_INVALID, "private key does not belong to the certificate");
    }
    if (rc < 0) {
        return err_set(err, ERR_INVALID, "certificate and key are not usable: %s",
                       gnutls_strerror(rc));
    }
    *ret = cert;
    cert = NULL;
    return true;
}

struct serving_cert *serving_cert_retain(struct serving_cert *cert)
{
    /* Whoever retains holds a reference already, so nothing needs ordering here. */
    atomic_fetch_add_explicit(&cert->references, 1, memory_order_relaxed);
    return cert;
}

void serving_cert_release(struct serving_cert *cert)
{
    if (cert && atomic_fetch_sub_explicit(&cert->references, 1, memory_order_acq_rel) == 1) {
        serving_cert_free(cert);
    }
}

int64_t serving_cert_not_after_ms(const struct serving_cert *cert)
{
    return cert->not_after_ms;
}

bool serving_cert_covers(const struct serving_cert *cert, const char *name)
{
    return gnutls_x509_crt_check_hostname(cert->leaf, name) != 0;
}

void *serving_cert_credentials(const struct serving_cert *cert)
{
    return cert->credentials;
}

struct cert_holder *cert_holder_new(void)
{
    struct cert_holder *holder = mem_alloc(sizeof *holder);
    mutex_init(&holder->mutex);
    return holder;
}

void cert_holder_free(struct cert_holder *holder)
{
    if (holder) {
        serving_cert_release(holder->current);
        (void)pthread_mutex_destroy(&holder->mutex);
        free(holder);
    }
}

void cert_holder_set(struct cert_holder *holder, struct serving_cert *cert)
{
    if (cert) {
        (void)serving_cert_retain(cert);
    }
    (void)pthread_mutex_lock(&holder->mutex);
    struct serving_cert *old = holder->current;
    holder->current = cert;
    (void)pthread_mutex_unlock(&holder->mutex);
    serving_cert_release(old);
}

struct serving_cert *cert_holder_get(struct cert_holder *holder)
{
    (void)pthread_mutex_lock(&holder->mutex);
    struct serving_cert *cert = holder->current;
    if (cert) {
        (void)serving_cert_retain(cert);
    }
    (void)pthread_mutex_unlock(&holder->mutex);
    return cert;
}
