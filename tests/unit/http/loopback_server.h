/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 server on loopback for tests of the client side: real sockets, one thread a
 * connection, and an answer that is exactly the bytes the test says. Included by one test program
 * at a time, so everything is static. */
#ifndef LOOPBACK_SERVER_H
#define LOOPBACK_SERVER_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOPBACK_CONNECTIONS = 64,
    LOOPBACK_REQUEST_BYTES = 4 * 1024 * 1024,
};

struct loopback;

/* One accepted connection. The function pointers are plain read and write, or those of TLS. */
struct loopback_connection {
    struct loopback *server;
    int fd;
    void *tls;
    unsigned served; /* requests on this connection so far */
};

/* A request as received; the text is NUL-terminated. */
struct loopback_request {
    char *text;
    size_t len;
    size_t body_at;
};

struct loopback {
    int listen_fd;
    unsigned port;
    pthread_t acceptor;
    pthread_t threads[LOOPBACK_CONNECTIONS];
    int fds[LOOPBACK_CONNECTIONS];
    atomic_uint connections;
    atomic_uint requests;
    atomic_bool stopping;
    pthread_mutex_t lock;
    char last_request[8192]; /* under the lock; cut */
    /* Answers one request; false closes the connection. */
    bool (*serve)(struct loopback_connection *connection, const struct loopback_request *request);
    void *context;
    /* NULL for plain HTTP. */
    bool (*tls_begin)(struct loopback_connection *connection);
    ssize_t (*tls_read)(struct loopback_connection *connection, void *data, size_t len);
    ssize_t (*tls_write)(struct loopback_connection *connection, const void *data, size_t len);
    void (*tls_end)(struct loopback_connection *connection);
};

static inline int64_t loopback_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the server is being stopped or the peer has closed: a peer that says nothing. */
static inline void loopback_hang(struct loopback_connection *connection)
{
    while (!atomic_load(&connection->server->stopping)) {
        struct pollfd waiting = {.fd = connection->fd, .events = POLLIN};
        char byte;
        if (poll(&waiting, 1, 20) > 0 &&
            recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
            return;
        }
    }
}

static inline ssize_t loopback_read(struct loopback_connection *connection, void *data, size_t len)
{
    return connection->tls ? connection->server->tls_read(connection, data, len)
                           : recv(connection->fd, data, len, 0);
}

/* False when the peer has gone. */
static inline bool loopback_write(struct loopback_connection *connection, const void *data,
                                  size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t sent = connection->tls ? connection->server->tls_write(connection, at, len)
                                       : send(connection->fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

static inline bool loopback_say(struct loopback_connection *connection, const char *text)
{
    return loopback_write(connection, text, strlen(text));
}

static inline size_t loopback_content_length(const char *text)
{
    const char *line = strcasestr(text, "\r\nContent-Length:");
    return line ? (size_t)strtoul(line + 17, NULL, 10) : 0;
}

/* False at the end of the connection. */
static inline bool loopback_receive(struct loopback_connection *connection,
                                    struct loopback_request *request)
{
    request->len = 0;
    for (;;) {
        ssize_t got = loopback_read(connection, request->text + request->len,
                                    LOOPBACK_REQUEST_BYTES - request->len - 1);
        if (got <= 0) {
            return false;
        }
        request->len += (size_t)got;
        request->text[request->len] = '\0';
        char *end = strstr(request->text, "\r\n\r\n");
        if (!end) {
            continue;
        }
        request->body_at = (size_t)(end + 4 - request->text);
        if (request->len >= request->body_at + loopback_content_length(request->text)) {
            return true;
        }
    }
}

static void *loopback_serve_connection(void *argument)
{
    struct loopback_connection *connection = argument;
    struct loopback *server = connection->server;
    struct loopback_request request = {.text = malloc(LOOPBACK_REQUEST_BYTES)};
    bool open = !server->tls_begin || server->tls_begin(connection);
    while (open && !atomic_load(&server->stopping) && loopback_receive(connection, &request)) {
        atomic_fetch_add(&server->requests, 1);
        (void)pthread_mutex_lock(&server->lock);
        (void)snprintf(server->last_request, sizeof server->last_request, "%s", request.text);
        (void)pthread_mutex_unlock(&server->lock);
        open = server->serve(connection, &request);
        connection->served++;
    }
    if (connection->tls) {
        server->tls_end(connection);
    }
    /* The descriptor itself is closed by loopback_stop(), which may still shut it down. */
    (void)shutdown(connection->fd, SHUT_RDWR);
    free(request.text);
    free(connection);
    return NULL;
}

static void *loopback_accept(void *argument)
{
    struct loopback *server = argument;
    for (;;) {
        int fd = accept(server->listen_fd, NULL, NULL);
        if (fd < 0 || atomic_load(&server->stopping)) {
            if (fd >= 0) {
                (void)close(fd);
            }
            return NULL;
        }
        unsigned index = atomic_load(&server->connections);
        ck_assert_uint_lt(index, LOOPBACK_CONNECTIONS);
        struct loopback_connection *connection = calloc(1, sizeof *connection);
        connection->server = server;
        connection->fd = fd;
        server->fds[index] = fd;
        /* Before the connection is served, so that a test that has seen an answer sees it counted.
         */
        atomic_fetch_add(&server->connections, 1);
        ck_assert_int_eq(
            pthread_create(&server->threads[index], NULL, loopback_serve_connection, connection),
            0);
    }
}

/* `server->serve`, the context and the TLS members are set before. */
static inline void loopback_start(struct loopback *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(server->listen_fd, 0);
    ck_assert_int_eq(bind(server->listen_fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(server->listen_fd, 64), 0);
    ck_assert_int_eq(getsockname(server->listen_fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    (void)pthread_mutex_init(&server->lock, NULL);
    ck_assert_int_eq(pthread_create(&server->acceptor, NULL, loopback_accept, server), 0);
}

static inline void loopback_stop(struct loopback *server)
{
    atomic_store(&server->stopping, true);
    (void)shutdown(server->listen_fd, SHUT_RDWR);
    (void)pthread_join(server->acceptor, NULL);
    unsigned count = atomic_load(&server->connections);
    for (unsigned i = 0; i < count; i++) {
        (void)shutdown(server->fds[i], SHUT_RDWR);
        (void)pthread_join(server->threads[i], NULL);
        (void)close(server->fds[i]);
    }
    (void)close(server->listen_fd);
    (void)pthread_mutex_destroy(&server->lock);
}

static inline void loopback_url(const struct loopback *server, const char *scheme, const char *path,
                                char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s://127.0.0.1:%u%s", scheme, server->port, path);
}

/* A copy of the last request's text, for comparing. */
static inline void loopback_last(struct loopback *server, char *ret, size_t size)
{
    (void)pthread_mutex_lock(&server->lock);
    (void)snprintf(ret, size, "%s", server->last_request);
    (void)pthread_mutex_unlock(&server->lock);
}

#endif
