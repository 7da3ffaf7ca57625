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
 * webhook/wipe.c is. Servers' sessions and programs that set priorities in another way are not
 * touched. */
#ifndef WEBHOOK_TLS_GROUPS_H
#define WEBHOOK_TLS_GROUPS_H

#include <gnutls/gnutls.h>

/* GnuTLS's own, for clients with one key share. */
int gnutls_init(gnutls_session_t *session, unsigned int flags);
/* GnuTLS's own, with our groups behind what is asked for unless that names groups itself. What was
 * asked for last is kept ready for who asks for the same: libcurl always does. Any thread. */
int gnutls_priority_set_direct(gnutls_session_t session, const char *priorities,
                               const char **error_at);

#endif
