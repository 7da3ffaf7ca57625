/* SPDX-License-Identifier: Apache-2.0 */
/* Reads remote values for everybody, with as few calls as that takes (aws.md §7.2, §7.3).
 *
 * Asked for several values at once, it answers what the cache has, joins what is on its way
 * already, and fetches the rest. Per identity, region and service: an idle queue sends at once, one
 * value by its own call, several as one batch; while a call is under way what arrives is gathered,
 * and leaves when the call returns, when a batch is full, or after 20 ms, a request after 5 ms, so
 * that a slow call holds back nobody. The calls are made on the threads that ask, without a lock.
 * Who waits for another's call leaves at his own deadline, while the call goes on for the others
 * and for the cache; who makes a call returns when it has ended, at the latest when all who wait
 * for it must have left.
 *
 * Batches go out at 5 a second (bursts of 10). Beyond it requests ask singly; background work
 * waits, and so does everybody in Parameter Store, where single calls come out of the same quota. A
 * batch of Secrets Manager that is throttled is asked for singly as well, and so is, of either
 * service, what IAM does not allow the batch action for (remembered for ten minutes), what spoils a
 * batch (likewise), and what failed in one in passing.
 *
 * Over `max_callers` threads in one queue: ERR_BUSY at once, so that a silent endpoint cannot hold
 * every thread. Any thread. */
#ifndef AWS_READER_H
#define AWS_READER_H

#include "aws/credentials.h"
#include "aws/identity.h"
#include "aws/ssm.h"
#include "aws/value_cache.h"

struct reader_options {
    const struct clock *clock;
    struct value_cache *cache;
    unsigned max_callers; /* of one queue, waiting or calling */
};

struct reader;

struct reader *reader_new(const struct reader_options *options);
/* Nobody reads. Accepts NULL. */
void reader_free(struct reader *reader);

/* Called once, when nothing that was asked for remains to be asked: all has its answer or is on its
 * way. Whoever asks for any of it from then on joins, and makes calls that are due. Called with a
 * lock held: must not call the reader. */
struct reader_notice {
    void (*asked)(void *context);
    void *context;
};

/* Who asks, where and how. Everything is borrowed. */
struct reader_request {
    const struct service_thread *thread;
    enum endpoint_service service; /* Secrets Manager or SSM */
    struct service_endpoint *endpoint;
    struct identity_key identity;
    const struct credentials_source *credentials;
    struct str_view namespace; /* whose share of the cache it is */
    enum service_urgency urgency;
    int64_t deadline_ms; /* absolute, monotonic */
    /* A cached value, or a call under way, that was asked for then or later (monotonic) will do; 0:
     * ask, or wait for a call under way. */
    int64_t since_ms;
    /* An older one will do when the service (or what gives us credentials) fails for a while, or
     * the queue is full. */
    bool accept_stale;
    const struct reader_notice *notice; /* NULL: nobody wants to know */
};

/* One value that is wanted. */
struct reader_item {
    struct str_view key;
    struct str_view version;
    struct str_view namespace; /* where it is not the request's: whose share of the cache it is */
    /* Answer; what was there before is overwritten. `error.class` SERVICE_OK: the value is there,
     * `age_ms` old. */
    struct remote_value value;
    struct service_error error;
    struct err err;
    int64_t age_ms;
    /* It took a call, which the breaker may have refused: it was not in the cache, and the queue
     * was not full. */
    bool asked;
    /* The service has answered that call, or who calls has been refused: what came is above, or an
     * older value that stands in for it. */
    bool answered;
};

/* Fills every item or its error, typed; true when all values are there, otherwise `err` is the
 * first item's that has none. Equal items are asked for once. The values are the caller's, whatever
 * is answered. Kinds as for sm_get_secret_value(), ERR_TIMEOUT (SERVICE_TRANSPORT) for what is
 * still being fetched, ERR_BUSY (SERVICE_THROTTLE) for a full queue. */
MUST_CHECK bool reader_read(struct reader *reader, const struct reader_request *request,
                            struct reader_item *items, size_t count, struct err *err);

/* Waits, at most until the request's deadline, for those of the items that are on their way, and
 * makes calls that are due meanwhile. Asks for nothing, and hands out nothing: what comes is in the
 * cache. */
void reader_join(struct reader *reader, const struct reader_request *request,
                 const struct reader_item *items, size_t count);

struct reader_numbers {
    uint64_t asked;   /* items */
    uint64_t joined;  /* of them, what was on its way already */
    uint64_t batches; /* calls that asked for several */
    uint64_t batched; /* values in them */
    uint64_t singles; /* calls for one */
    uint64_t refused; /* items turned away because the queue was full */
};
struct reader_numbers reader_numbers(struct reader *reader);

#endif
