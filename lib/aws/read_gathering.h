/* SPDX-License-Identifier: Apache-2.0 */
/* What a queue has gathered, and which call is due (aws.md §7.3). A call is due
 *
 *   - for what has to be asked for singly: at once, to be made by one who wants it;
 *   - for the rest, to be made by one who wants a part of it: when no call is under way, when a
 * batch is full, or 20 ms after the oldest of it came, 5 ms for a request, so that a slow call
 * holds back nobody; for a request at once where the rate has no batch by then.
 *
 * A batch takes what requests wait for before background work, whoever makes it, and of either what
 * its caller wants first: no batch is spent on background work while a request waits for one, and
 * no request is delayed by others before its own is under way. Background work may so have to make
 * calls in which there is nothing of its own. Where the rate of batches is spent, a request asks
 * singly; background work waits for the rate, and so does everybody in Parameter Store, whose
 * single calls come out of the same quota (aws.md §4).
 *
 * Told the time, monotonic. No locking: the queue guards it. */
#ifndef AWS_READ_GATHERING_H
#define AWS_READ_GATHERING_H

#include "aws/batch_rate.h"
#include "aws/batch_refusals.h"
#include "aws/read_call.h"

enum {
    READ_WINDOW_MS = 20,
    READ_HURRIED_WINDOW_MS = 5, /* of a request: a fiftieth of its budget */
};

struct read_gathering {
    enum endpoint_service service;
    struct read_fetch **fetches; /* borrowed, in the order in which they came */
    size_t count;
    size_t capacity;
    unsigned calls; /* under way */
    struct batch_rate rate;
    struct batch_refusals refusals;
};

void read_gathering_init(struct read_gathering *gathering, enum endpoint_service service);
/* Nothing is gathered. */
void read_gathering_done(struct read_gathering *gathering);
/* `fetch` came at fetch->gathered_ms, for the first time or again. */
void read_gathering_add(struct read_gathering *gathering, struct read_fetch *fetch);
void read_gathering_remove(struct read_gathering *gathering, struct read_fetch *fetch);

/* Who could make a call: what he waits for, gathered or not, and until when. */
struct read_party {
    struct read_fetch **fetches;
    size_t count;
    int64_t deadline_ms;
};

/* Moves what the party is to ask for now from the gathering into `call`, which is then under way.
 * False: nothing, and not before `*wake_ms` unless a call ends. */
MUST_CHECK bool read_gathering_next(struct read_gathering *gathering,
                                    const struct read_party *party, int64_t now_ms,
                                    struct read_call *call, int64_t *wake_ms);
/* The call is no longer under way. Remembers what it says about batches, and marks its fetches for
 * when they are gathered again. */
void read_gathering_end(struct read_gathering *gathering, const struct read_call *call,
                        enum read_call_end end, int64_t now_ms);

/* Nothing is remembered that a new one would not know. */
bool read_gathering_fresh(const struct read_gathering *gathering, int64_t now_ms);

#endif
