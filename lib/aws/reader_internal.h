/* SPDX-License-Identifier: Apache-2.0 */
/* For the reader's own files and its tests. */
#ifndef AWS_READER_INTERNAL_H
#define AWS_READER_INTERNAL_H

#include <stdatomic.h>

#include "aws/reader.h"
#include "aws/reader_calls.h"

/* As reader_new(), with other calls, which are copied. */
struct reader *reader_new_with_calls(const struct reader_options *options,
                                     const struct reader_calls *calls);
/* Queues there are, with their memories. */
size_t reader_queues(struct reader *reader);

/* struct reader_numbers, as all queues count them, and what they tell the reader besides. */
struct reader_counts {
    atomic_uint_fast64_t asked;
    atomic_uint_fast64_t joined;
    atomic_uint_fast64_t batches;
    atomic_uint_fast64_t batched;
    atomic_uint_fast64_t singles;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t ended; /* calls whose answers are in the cache */
};

/* The version as it is joined and kept: "AWSCURRENT" is what comes without one. */
struct str_view reader_version(enum endpoint_service service, struct str_view version);

/* False: what the cache has of it, if anything, is older than the request takes. */
bool reader_recall(struct value_cache *cache, const struct reader_request *request,
                   struct reader_item *item);

/* Tells who wants to know that all is asked for. */
static inline void reader_notify(const struct reader_request *request)
{
    if (request->notice) {
        request->notice->asked(request->notice->context);
    }
}

#endif
