/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets are made here rather than by libmicrohttpd: a failure then names the address
 * and the reason, and the descriptor stays ours when the daemon is quiesced. */
#include "webhook/server_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "webhook/request_rules.h"

static bool listen_failed(struct str_view address, const char *what, int error, struct err *err)
{
    enum err_kind kind = error == EACCES ? ERR_DENIED : ERR_UNAVAILABLE;
    return err_set(err, kind, "cannot listen on %.*s: %s; choose another address with %s",
                   SV_ARG(address), strerror(error), what);
}

static int socket_listen(const struct addrinfo *info)
{
    static const int on = 1;
    static const int off = 0;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6) {
        /* [::] serves IPv4 too, as in Go. */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static uint16_t socket_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET6) {
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    }
    /* The analyser does not see that getsockname() has filled it. */
    return ntohs(((struct sockaddr_in *)&address)->sin_port); /* NOLINT(clang-analyzer-core.*) */
}

bool listen_open(struct str_view address, const char *what, int *ret_fd, uint16_t *ret_port,
                 struct err *err)
{
    struct str_view host = {0};
    uint16_t port = 0;
    if (!listen_address_split(address, &host, &port, err)) {
        return err_wrap(err, "%s", what);
    }
    CLEANUP(mem_free_ptr) char *name = host.len ? sv_dup(host) : NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
    };
    struct addrinfo *list = NULL;
    if (getaddrinfo(name, service, &hints, &list) != 0) {
        return err_set(err, ERR_INVALID, "%s: \"%.*s\" is no IP address: a name is not looked up",
                       what, SV_ARG(host));
    }
    int fd = -1;
    int error = EADDRNOTAVAIL;
    for (const struct addrinfo *info = list; info && fd < 0; info = info->ai_next) {
        fd = socket_listen(info);
        error = errno;
    }
    freeaddrinfo(list);
    if (fd < 0) {
        return listen_failed(address, what, error, err);
    }
    *ret_fd = fd;
    *ret_port = socket_port(fd);
    return true;
}
