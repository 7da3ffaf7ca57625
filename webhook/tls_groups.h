/* SPDX-License-Identifier: Apache-2.0 */
/* Which groups libcurl's TLS connections exchange keys in: X25519 first, and a key share for that
 * group alone.
 *
 * libcurl 7.88 with GnuTLS has no option for it, and leaves it to GnuTLS, which makes keys for two
 * groups and then uses P-256: an eighth of the CPU that a new connection to AWS costs. A server
 * that has no X25519 asks for another group (HelloRetryRequest, RFC 8446 section 4.1.4), which is a
 * round trip more.
 *
 * A function defined in the executable takes precedence for every library in the process, but only
 * while it stands in the executable's dynamic table; so the file is linked as an object, as
 * webhook/wipe.c is. Clients of any library have one key share, and the groups are ours where
 * priorities are set by a text that names none and is not the administrator's (@SYSTEM): in this
 * process libcurl's alone. Our server sets its priorities otherwise. Finite-field groups, X448 and
 * what a newer GnuTLS has of its own are not offered. */
#ifndef WEBHOOK_TLS_GROUPS_H
#define WEBHOOK_TLS_GROUPS_H

#include <gnutls/gnutls.h>

/* GnuTLS's own, for clients with one key share. */
int gnutls_init(gnutls_session_t *session, unsigned int flags);
/* GnuTLS's own, with our groups behind what is asked for. What was asked for last is kept ready for
 * who asks for the same: libcurl always does. Any thread. */
int gnutls_priority_set_direct(gnutls_session_t session, const char *priorities,
                               const char **error_at);

#endif
