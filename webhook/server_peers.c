/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: which phase each is in, how long that may last, and which one goes when there are
 * too many.
 *
 * libmicrohttpd's own timeout counts inactivity only, so one byte a second holds a connection for
 * ever; and it reports nothing between the end of one request and the end of the next one's header.
 * So phases are followed here, and a reaper thread shuts down the sockets of those over their
 * deadline; libmicrohttpd then reads the end of the stream and closes. That a header has begun is
 * seen by the kernel's count of bytes received (TCP_INFO), which has grown since the connection
 * became idle.
 *
 * Slots are never released while the server runs, and each has its own mutex, so that neither the
 * reaper nor a search for somebody to shed holds up the I/O threads. */
#include "webhook/server_internal.h"

/* The kernel's header, not netinet/tcp.h: glibc's struct tcp_info ends before the byte counts. */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
    /* Above the mark a handshake gets no longer than this: honest ones take milliseconds. */
    PRESSED_HANDSHAKE_MS = 2000,
    /* While stopping: who is younger than this and has not been used is about to be. */
    NEWCOMER_MS = 1000,
    /* Candidates for shedding that turn out to have just begun a request. */
    SHED_TRIES = 8,
};

void peers_init(struct peers *peers, unsigned limit, const struct clock *clock)
{
    if (pthread_mutex_init(&peers->mutex, NULL) != 0) {
        abort();
    }
    peers->clock = clock;
    peers->limit = limit;
    peers->mark = limit - limit / 4;
    peers->slots = mem_alloc_array(limit, sizeof peers->slots[0]);
    peers->unused = mem_alloc_array(limit, sizeof peers->unused[0]);
    peers->unused_count = limit;
    for (unsigned i = 0; i < limit; i++) {
        peers->unused[i] = limit - 1 - i;
    }
}

void peers_done(struct peers *peers)
{
    for (unsigned i = 0; i < peers->high; i++) {
        (void)pthread_mutex_destroy(&peers->slots[i].mutex);
    }
    (void)pthread_mutex_destroy(&peers->mutex);
    free(peers->slots);
    free(peers->unused);
}

static void lock(struct peer *peer)
{
    (void)pthread_mutex_lock(&peer->mutex);
}

static void unlock(struct peer *peer)
{
    (void)pthread_mutex_unlock(&peer->mutex);
}

static unsigned slots_used(struct peers *peers)
{
    (void)pthread_mutex_lock(&peers->mutex);
    unsigned high = peers->high;
    (void)pthread_mutex_unlock(&peers->mutex);
    return high;
}

/* Connections that count: those cut are as good as gone. */
static unsigned present(struct peers *peers)
{
    unsigned live = atomic_load(&peers->live);
    unsigned shut = atomic_load(&peers->shut);
    return live > shut ? live - shut : 0;
}

static uint64_t bytes_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        return 0;
    }
    return info.tcpi_bytes_received;
}

static uint64_t bytes_unread(int fd)
{
    int unread = 0;
    return ioctl(fd, SIOCINQ, &unread) == 0 && unread > 0 ? (uint64_t)unread : 0;
}

/* These four with the peer locked. */
static void enter(struct peer *peer, enum peer_phase phase, int64_t now_ms)
{
    peer->phase = phase;
    peer->since_ms = now_ms;
}

static void cut(struct peer *peer)
{
    peer->cut = true;
    atomic_fetch_add(&peer->peers->shut, 1);
    (void)shutdown(peer->fd, SHUT_RDWR);
}

/* An idle peer that has sent something has begun a header. */
static bool header_begun(struct peer *peer, int64_t now_ms)
{
    if (bytes_received(peer->fd) == peer->received) {
        return false;
    }
    enter(peer, PEER_HEADER, now_ms);
    return true;
}

static bool is_idle(const struct peer *peer)
{
    return peer->phase == PEER_IDLE && !peer->cut;
}

/* The idle peer to lose first: never used before used, then the one idle for longest. */
static struct peer *shed_candidate(struct peers *peers)
{
    struct peer *best = NULL;
    bool best_used = true;
    int64_t best_since = INT64_MAX;
    unsigned high = slots_used(peers);
    for (unsigned i = 0; i < high; i++) {
        struct peer *peer = &peers->slots[i];
        lock(peer);
        if (is_idle(peer) &&
            (peer->used < best_used || (peer->used == best_used && peer->since_ms < best_since))) {
            best = peer;
            best_used = peer->used;
            best_since = peer->since_ms;
        }
        unlock(peer);
    }
    return best;
}

static void shed_one(struct peers *peers)
{
    for (int i = 0; i < SHED_TRIES; i++) {
        struct peer *peer = shed_candidate(peers);
        if (!peer) {
            return;
        }
        lock(peer);
        bool shed = is_idle(peer) && !header_begun(peer, clock_monotonic_ms(peers->clock));
        if (shed) {
            atomic_fetch_add(&peers->sheds, 1);
            cut(peer);
        }
        unlock(peer);
        if (shed) {
            return;
        }
    }
}

static struct peer *slot_take(struct peers *peers)
{
    struct peer *peer = NULL;
    (void)pthread_mutex_lock(&peers->mutex);
    if (peers->unused_count > 0) {
        unsigned index = peers->unused[--peers->unused_count];
        peer = &peers->slots[index];
        if (!peer->initialised) {
            if (pthread_mutex_init(&peer->mutex, NULL) != 0) {
                abort();
            }
            peer->initialised = true;
            peer->peers = peers;
            peers->high = index + 1;
        }
        atomic_fetch_add(&peers->live, 1);
    }
    (void)pthread_mutex_unlock(&peers->mutex);
    return peer;
}

struct peer *peers_open(struct peers *peers, int fd, enum peer_phase phase)
{
    struct peer *peer = slot_take(peers);
    if (!peer) {
        return NULL;
    }
    lock(peer);
    peer->fd = fd;
    peer->used = false;
    peer->cut = false;
    peer->received = 0;
    enter(peer, phase, clock_monotonic_ms(peers->clock));
    unlock(peer);
    atomic_fetch_add(&peers->accepted, 1);
    if (present(peers) > peers->mark) {
        shed_one(peers);
    }
    return peer;
}

void peer_close(struct peer *peer)
{
    struct peers *peers = peer->peers;
    lock(peer);
    bool was_cut = peer->cut;
    if (peer->phase == PEER_HANDSHAKE && !was_cut) {
        atomic_fetch_add(&peers->failed_handshakes, 1);
    }
    peer->phase = PEER_NONE;
    peer->fd = -1;
    unlock(peer);

    (void)pthread_mutex_lock(&peers->mutex);
    if (was_cut) {
        atomic_fetch_sub(&peers->shut, 1);
    }
    atomic_fetch_sub(&peers->live, 1);
    peers->unused[peers->unused_count++] = (unsigned)(peer - peers->slots);
    (void)pthread_mutex_unlock(&peers->mutex);
}

void peer_enter(struct peer *peer, enum peer_phase phase)
{
    int64_t now_ms = clock_monotonic_ms(peer->peers->clock);
    lock(peer);
    enter(peer, phase, now_ms);
    unlock(peer);
}

void peer_rest(struct peer *peer, bool unread)
{
    int64_t now_ms = clock_monotonic_ms(peer->peers->clock);
    /* This order: what arrives in between must look like growth, never be missed. */
    uint64_t received = bytes_received(peer->fd);
    uint64_t waiting = unread ? bytes_unread(peer->fd) : 0;
    lock(peer);
    peer->used = peer->phase != PEER_HANDSHAKE;
    peer->received = received - (waiting < received ? waiting : received);
    enter(peer, PEER_IDLE, now_ms);
    unlock(peer);
}

static void reap(struct peer *peer, int64_t now_ms, bool pressed)
{
    struct peers *peers = peer->peers;
    lock(peer);
    enum peer_phase phase = peer->phase;
    if (!peer->cut && phase != PEER_NONE && !(phase == PEER_IDLE && header_begun(peer, now_ms))) {
        int64_t limit_ms = peers->deadline_ms[phase];
        if (pressed && phase == PEER_HANDSHAKE && limit_ms > PRESSED_HANDSHAKE_MS) {
            limit_ms = PRESSED_HANDSHAKE_MS;
        }
        if (limit_ms > 0 && now_ms - peer->since_ms >= limit_ms) {
            atomic_fetch_add(&peers->cuts[phase], 1);
            cut(peer);
        }
    }
    unlock(peer);
}

void peers_reap(struct peers *peers)
{
    int64_t now_ms = clock_monotonic_ms(peers->clock);
    bool pressed = present(peers) > peers->mark;
    unsigned high = slots_used(peers);
    for (unsigned i = 0; i < high; i++) {
        reap(&peers->slots[i], now_ms, pressed);
    }
}

static bool is_busy(struct peer *peer, int64_t now_ms)
{
    switch (peer->phase) {
    case PEER_NONE:
    case PEER_PHASES:
        return false;
    case PEER_HANDSHAKE:
        return now_ms - peer->since_ms < NEWCOMER_MS;
    case PEER_IDLE:
        return header_begun(peer, now_ms) || (!peer->used && now_ms - peer->since_ms < NEWCOMER_MS);
    case PEER_HEADER:
    case PEER_BODY:
    case PEER_BUSY:
    case PEER_ANSWER:
        return true;
    }
    return false;
}

bool peers_busy(struct peers *peers)
{
    int64_t now_ms = clock_monotonic_ms(peers->clock);
    unsigned high = slots_used(peers);
    bool busy = false;
    for (unsigned i = 0; i < high && !busy; i++) {
        struct peer *peer = &peers->slots[i];
        lock(peer);
        busy = !peer->cut && is_busy(peer, now_ms);
        unlock(peer);
    }
    return busy;
}

void peers_cut_all(struct peers *peers)
{
    unsigned high = slots_used(peers);
    for (unsigned i = 0; i < high; i++) {
        struct peer *peer = &peers->slots[i];
        lock(peer);
        if (peer->phase != PEER_NONE && !peer->cut) {
            cut(peer);
        }
        unlock(peer);
    }
}
