/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of one identity at one service in one region: who waits for what, who makes which call.
 *
 * There is no thread of the queue's own. Whoever asks adds what is not on its way yet to what is
 * gathered, and then, until all he wants has an answer or his time is over, makes the calls that
 * are due (aws/read_gathering.h) or waits for those of others. A call ends when the last of those
 * who wait for it must have left; who makes it may therefore return late. Any thread; no lock is
 * held over a call. */
#ifndef AWS_READ_QUEUE_H
#define AWS_READ_QUEUE_H

#include "aws/reader_internal.h"

struct read_queue_options {
    const struct clock *clock;
    struct value_cache *cache;
    const struct reader_calls *calls;
    struct reader_counts *counts;
    enum endpoint_service service;
    struct identity_key identity;
    char region[REGION_BYTES];
};

struct read_queue;

/* Copies the options, not what they point at. */
struct read_queue *read_queue_new(const struct read_queue_options *options);
/* Nobody is in it. */
void read_queue_free(struct read_queue *queue);
/* Nobody is in it. It remembers nothing that a new one would not know. */
bool read_queue_fresh(const struct read_queue *queue, int64_t now_ms);

/* Fills every item, value or error. What came is put into the cache, refusals too. The items were
 * not in the cache after `ended` calls (struct reader_counts): what has come since is taken from
 * there, and the others count as missed by it. */
void read_queue_read(struct read_queue *queue, const struct reader_request *request, uint64_t ended,
                     struct reader_item *const *items, size_t count);

/* Waits for those of the items that are on their way, and makes calls that are due. */
void read_queue_join(struct read_queue *queue, const struct reader_request *request,
                     const struct reader_item *items, size_t count);

#endif
