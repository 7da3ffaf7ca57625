/* SPDX-License-Identifier: Apache-2.0 */
/* The serving certificate: make a CA and a leaf, read them back, hold the current one.
 *
 * Leaf: ECDSA P-256, 90 days, EKU serverAuth, SANs as asked; CA: ECDSA P-256, 5 years. Backdated
 * one hour for clocks that are behind. Wall clock decides validity (RFC 5280 §4.1.2.5). */
#ifndef TLS_SERVING_CERT_H
#define TLS_SERVING_CERT_H

#include <stdint.h>

#include "base/err.h"
#include "base/secret_buf.h"

/* Immutable and reference-counted; any thread. */
struct serving_cert;

/* A new CA, appended as PEM; the key is PKCS #8. The buffers' ceilings apply (LIMIT_PEM_BYTES). */
MUST_CHECK bool cert_authority_make(int64_t now_ms, struct buf *ca_pem,
                                    struct secret_buf *ca_key_pem, struct err *err);
/* A new leaf for `dns_names` (at least one), signed by that CA. "127.0.0.1"-like names become IP
 * SANs. ERR_INVALID when the CA's PEM is unreadable or its key belongs to another certificate. */
MUST_CHECK bool serving_cert_make(struct str_view ca_pem, struct str_view ca_key_pem,
                                  const char *const *dns_names, size_t dns_count, int64_t now_ms,
                                  struct buf *cert_pem, struct secret_buf *key_pem,
                                  struct err *err);

/* ERR_INVALID when the PEM is unreadable or key and certificate do not belong together. */
MUST_CHECK bool serving_cert_parse(struct str_view cert_pem, struct str_view key_pem,
                                   struct serving_cert **ret, struct err *err);
struct serving_cert *serving_cert_retain(struct serving_cert *cert);
void serving_cert_release(struct serving_cert *cert);
/* The leaf's end, milliseconds since 1970. */
int64_t serving_cert_not_after_ms(const struct serving_cert *cert);
/* Whether a client that connects to `name` accepts the leaf's SANs (RFC 6125). */
bool serving_cert_covers(const struct serving_cert *cert, const char *name);
/* The gnutls_certificate_credentials_t, for server.c; lives as long as `cert`. */
void *serving_cert_credentials(const struct serving_cert *cert);

/* The one in force; swapped while connections of the old one live on. Any thread. */
struct cert_holder;
struct cert_holder *cert_holder_new(void);
/* Drops the holder's reference; connections keep theirs. */
void cert_holder_free(struct cert_holder *holder);
/* Takes its own reference; NULL takes the present one away. */
void cert_holder_set(struct cert_holder *holder, struct serving_cert *cert);
/* A reference for the caller, or NULL when there is none yet. */
struct serving_cert *cert_holder_get(struct cert_holder *holder);

#endif
