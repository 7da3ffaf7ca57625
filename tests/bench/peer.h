/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to a server under load, and the request that is under way on it: HTTP/1.1 over
 * TLS. One thread at a time. */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <gnutls/gnutls.h>

#include "base/err.h"
#include "base/str_view.h"

enum {
    PEER_ANSWER_BYTES = 256 * 1024,
    PEER_PATIENCE_S = 10,
};

struct peer {
    gnutls_session_t session; /* NULL: to be dialled */
    int fd;
    size_t len;
    size_t wanted; /* header and body; 0 until the header is there */
    bool closes;   /* the answer says so */
    char bytes[PEER_ANSWER_BYTES];
};

/* Blocks until the handshake is done. `credentials` say whom to trust. */
MUST_CHECK bool peer_dial(struct peer *peer, uint16_t port,
                          gnutls_certificate_credentials_t credentials, struct err *err);
MUST_CHECK bool peer_send(struct peer *peer, struct str_view request, struct err *err);
/* Takes what has come. False when the connection is no good, or the status is not 200. */
MUST_CHECK bool peer_receive(struct peer *peer, struct err *err);
bool peer_is_answered(const struct peer *peer);
void peer_hang_up(struct peer *peer);

#endif
