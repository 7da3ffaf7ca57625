/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool dial_tcp(struct peer *peer, uint16_t port, struct err *err)
{
    static const int on = 1;
    static const struct timeval patience = {.tv_sec = PEER_PATIENCE_S};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (peer->fd >= 0 &&
        connect(peer->fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        return true;
    }
    err_set(err, ERR_UNAVAILABLE, "connect: %s", strerror(errno));
    if (peer->fd >= 0) {
        (void)close(peer->fd);
    }
    return false;
}

static bool shake_hands(struct peer *peer, gnutls_certificate_credentials_t credentials,
                        struct err *err)
{
    gnutls_session_t session = NULL;
    if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0 ||
        gnutls_set_default_priority(session) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) < 0) {
        abort();
    }
    gnutls_session_set_verify_cert(session, "localhost", 0);
    gnutls_transport_set_int(session, peer->fd);
    int rc = 0;
    do {
        rc = gnutls_handshake(session);
    } while (rc < 0 && !gnutls_error_is_fatal(rc));
    peer->session = session;
    return (rc >= 0 && fcntl(peer->fd, F_SETFL, O_NONBLOCK) == 0) ||
           err_set(err, ERR_UNAVAILABLE, "handshake: %s", gnutls_strerror(rc));
}

bool peer_dial(struct peer *peer, uint16_t port, gnutls_certificate_credentials_t credentials,
               struct err *err)
{
    if (!dial_tcp(peer, port, err)) {
        return false;
    }
    if (!shake_hands(peer, credentials, err)) {
        peer_hang_up(peer);
        return false;
    }
    return true;
}

void peer_hang_up(struct peer *peer)
{
    gnutls_deinit(peer->session);
    (void)close(peer->fd);
    peer->session = NULL;
}

/* 11 KB go into the socket's buffer at once; where they do not, waiting costs nobody anything. */
bool peer_send(struct peer *peer, struct str_view request, struct err *err)
{
    peer->len = 0;
    peer->wanted = 0;
    peer->closes = false;
    while (request.len > 0) {
        ssize_t rc = gnutls_record_send(peer->session, request.data, request.len);
        if (rc == GNUTLS_E_AGAIN) {
            struct pollfd room = {.fd = peer->fd, .events = POLLOUT};
            (void)poll(&room, 1, PEER_PATIENCE_S * 1000);
        } else if (rc < 0 && rc != GNUTLS_E_INTERRUPTED) {
            return err_set(err, ERR_UNAVAILABLE, "send: %s", gnutls_strerror((int)rc));
        }
        request = sv_from(request, rc > 0 ? (size_t)rc : 0);
    }
    return true;
}

/* The value of a header field; its name in the case that both servers write it in. */
static struct str_view field_of(struct str_view header, struct str_view name)
{
    while (header.len > 0) {
        struct str_view line = sv_first(header, sv_find(header, '\n'));
        if (sv_equal_ignoring_case(sv_first(line, name.len), name)) {
            return sv_trim(sv_from(line, name.len));
        }
        header = sv_from(header, line.len + 1);
    }
    return (struct str_view){0};
}

static bool read_header(struct peer *peer, struct err *err)
{
    const char *end = memmem(peer->bytes, peer->len, "\r\n\r\n", 4);
    if (!end) {
        return true;
    }
    struct str_view header = sv_make(peer->bytes, (size_t)(end - peer->bytes) + 2);
    uint64_t length = 0;
    if (!sv_starts_with(header, SV("HTTP/1.1 200 "))) {
        struct str_view line = sv_first(header, sv_find(header, '\r'));
        return err_set(err, ERR_UNAVAILABLE, "answer: %.*s", SV_ARG(line));
    }
    if (!sv_to_u64(field_of(header, SV("content-length:")), &length)) {
        return err_set(err, ERR_UNAVAILABLE, "answer: no Content-Length");
    }
    peer->closes = sv_is(field_of(header, SV("connection:")), "close");
    peer->wanted = header.len + 2 + length;
    return true;
}

bool peer_is_answered(const struct peer *peer)
{
    return peer->wanted > 0 && peer->len >= peer->wanted;
}

bool peer_receive(struct peer *peer, struct err *err)
{
    while (!peer_is_answered(peer)) {
        ssize_t rc = gnutls_record_recv(peer->session, peer->bytes + peer->len,
                                        sizeof peer->bytes - peer->len);
        if (rc < 0 && !gnutls_error_is_fatal((int)rc)) {
            return true;
        }
        if (rc <= 0) {
            return err_set(err, ERR_UNAVAILABLE, "receive: %s",
                           rc == 0 ? "end of stream" : gnutls_strerror((int)rc));
        }
        peer->len += (size_t)rc;
        if (peer->wanted == 0 && !read_header(peer, err)) {
            return false;
        }
    }
    return true;
}
