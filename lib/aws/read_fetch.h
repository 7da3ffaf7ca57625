/* SPDX-License-Identifier: Apache-2.0 */
/* One value on its way: asked for once, for everybody who wants it.
 *
 * Belongs to a queue (aws/read_queue.h). What is asked for never changes. The answer is written by
 * the thread that makes the call, without a lock, while the state is READ_FETCH_CALLED, and is
 * read by others once it is READ_FETCH_ANSWERED; everything else is guarded by the queue. */
#ifndef AWS_READ_FETCH_H
#define AWS_READ_FETCH_H

#include "aws/remote_value.h"
#include "aws/service_error.h"
#include "aws/service_thread.h"

enum read_fetch_state {
    READ_FETCH_GATHERED, /* waits to be part of a call */
    READ_FETCH_CALLED,   /* a thread is making the call */
    READ_FETCH_ANSWERED, /* for good; no longer on its way */
};

struct read_fetch {
    struct str_view id; /* key and version, so that no two pairs meet; never empty */
    struct str_view key;
    struct str_view version;
    struct str_view namespace; /* of who asked first: whose share of the cache it is */

    enum read_fetch_state state;
    size_t waiters; /* items; nobody waits for one that is gathered: it is dropped */
    enum service_urgency urgency;
    int64_t deadline_ms; /* the latest of those who wait */
    int64_t gathered_ms; /* since when it waits */
    int64_t called_ms;   /* when its latest call began */
    bool alone;          /* to be asked for singly */
    bool suspect;        /* was part of a batch that was refused as a whole */

    /* Answer. Not `again`: the value if `error.class` is SERVICE_OK, or why not. */
    bool again; /* nothing is known yet: to be asked for singly */
    struct remote_value value;
    struct service_error error;
    struct err err;
};

/* Copies what it is given. */
struct read_fetch *read_fetch_new(struct str_view key, struct str_view version,
                                  struct str_view namespace);
void read_fetch_free(struct read_fetch *fetch);

/* Whether the same question may well be answered in a while: the service, or what gives us
 * credentials, has failed rather than refused. */
bool read_error_passes(const struct service_error *error);

#endif
