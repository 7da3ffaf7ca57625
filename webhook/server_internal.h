/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the server share; nobody else includes this.
 *
 * server.c           start, drain, stop; the two daemons and their hooks
 * server_listen.c    listening sockets
 * server_exchange.c  one request and its answer
 * server_peers.c     connections: phases, deadlines, shedding */
#ifndef WEBHOOK_SERVER_INTERNAL_H
#define WEBHOOK_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "webhook/server.h"

struct server_port;

enum {
    /* Per connection: header and one read of the body. More buys nothing (16 KiB is the knee for a
     * 47 KiB body), and libmicrohttpd clears it all for every request. */
    POOL_BYTES = 16 * 1024,
};

/* One request and its answer. HTTP/1.1 has one at a time per connection, so it lives in the peer
 * and is used again. Belongs to the connection's I/O thread; while suspended nobody looks at it. */
struct exchange {
    struct server_request request; /* first: the callbacks' view of it */
    struct server_port *port;
    struct MHD_Connection *connection;
    struct MHD_Response *response; /* what `handle` answered, until it is queued */
    size_t expected;               /* Content-Length */
    size_t taken;                  /* from the budget */
    unsigned refusal;              /* status to answer once the body has been read away */
    bool complete;                 /* the body is there */
    bool suspended;                /* by the present call of `handle` */
};

enum peer_phase {
    PEER_NONE,      /* free slot */
    PEER_HANDSHAKE, /* TLS handshake not finished */
    PEER_IDLE,      /* before the first request or between two */
    PEER_HEADER,    /* a header has begun */
    PEER_BODY,      /* header read, body not complete */
    PEER_BUSY,      /* with `handle`, or suspended: its owner's deadline, not ours */
    PEER_ANSWER,    /* answer queued, not written */
    PEER_PHASES,
};

/* A connection. The mutex guards phase, since_ms, received, used and cut, and that `fd` is still
 * this connection's: libmicrohttpd closes it only after peer_close(). */
struct peer {
    pthread_mutex_t mutex;
    struct peers *peers;
    enum peer_phase phase;
    bool initialised; /* the mutex is */
    bool used;        /* has had a request */
    bool cut;         /* shut down by us; libmicrohttpd will close it */
    int fd;
    int64_t since_ms;                 /* when the phase began */
    uint64_t received;                /* TCP's count of bytes received when it became idle */
    struct serving_cert *certificate; /* the one its TLS session uses */
    struct exchange exchange;
};

/* The connections of one port. */
struct peers {
    pthread_mutex_t mutex; /* guards unused, unused_count, high; taken before a peer's, if both */
    const struct clock *clock;
    struct peer *slots;
    unsigned *unused; /* indices of free slots */
    unsigned unused_count;
    unsigned limit;
    unsigned mark;                    /* connections above which idle ones are shed */
    unsigned high;                    /* slots ever used */
    int64_t deadline_ms[PEER_PHASES]; /* how long each phase may last; 0: for ever */
    atomic_uint live;
    atomic_uint shut; /* live and cut */
    atomic_ullong accepted;
    atomic_ullong cuts[PEER_PHASES]; /* by the phase that took too long */
    atomic_ullong sheds;
    atomic_ullong failed_handshakes;
};

void peers_init(struct peers *peers, unsigned limit, const struct clock *clock);
void peers_done(struct peers *peers);
/* A new connection in its first phase; sheds an idle one above the mark. NULL: no slot. */
struct peer *peers_open(struct peers *peers, int fd, enum peer_phase phase);
/* Just before `fd` is closed. */
void peer_close(struct peer *peer);
void peer_enter(struct peer *peer, enum peer_phase phase);
/* PEER_IDLE, remembering how much had been received. With `unread`, bytes the TLS session has not
 * read yet count as a header's beginning. */
void peer_rest(struct peer *peer, bool unread);
/* Cuts who is over its deadline; idle peers that have sent something are in PEER_HEADER from now.
 */
void peers_reap(struct peers *peers);
/* Whether anybody has a request under way or is so new that one is to be expected. */
bool peers_busy(struct peers *peers);
void peers_cut_all(struct peers *peers);

struct server_port {
    struct server *server;
    struct MHD_Daemon *daemon;
    int listen_fd; /* -1: none */
    uint16_t number;
    bool tls;
    struct peers peers;
    unsigned (*check)(void *context, struct server_request *request);
    void (*handle)(void *context, struct server_request *request);
    void (*done)(void *context, struct server_request *request);
    void *context;
    struct budget *budget; /* NULL: none */
    size_t body_ceiling;
    atomic_uint in_flight;
    atomic_uint suspended;
    atomic_ullong requests;
    atomic_ullong refused_framing;
    atomic_ullong refused_too_big;
    atomic_ullong refused_budget;
    atomic_ullong refused_check;
};

struct server {
    struct server_options options;
    struct server_port admission;
    struct server_port metrics;
    pthread_t reaper;
    bool reaper_started;
    int64_t reap_every_ms;
    pthread_mutex_t reaper_mutex; /* guards stopping */
    pthread_cond_t reaper_wake;
    bool stopping;
    atomic_bool draining;
    /* libmicrohttpd's messages: at most one line a second. */
    atomic_llong log_after_ms;
    atomic_uint log_suppressed;
};

/* A listening socket for "host:port", non-blocking. `what` names the option in the message. */
MUST_CHECK bool listen_open(struct str_view address, const char *what, int *ret_fd,
                            uint16_t *ret_port, struct err *err);

/* libmicrohttpd's callbacks; `context` is the port. */
enum MHD_Result exchange_access(void *context, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload_data,
                                size_t *upload_data_size, void **state);
void exchange_completed(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode how);

static inline struct peer *exchange_peer(struct exchange *exchange)
{
    return (struct peer *)((char *)exchange - offsetof(struct peer, exchange));
}

#endif
