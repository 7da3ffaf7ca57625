/* SPDX-License-Identifier: Apache-2.0 */
/* What one thread brings to a call to AWS, and how much hurry the call is in.
 *
 * A plain value; everything it points at belongs to that thread. */
#ifndef AWS_SERVICE_THREAD_H
#define AWS_SERVICE_THREAD_H

#include "base/clock.h"
#include "http/transport.h"

/* Each has a retry quota of its own, so that a sweep cannot starve what a request waits for. */
enum service_urgency {
    SERVICE_ADMISSION,  /* a request or a held Pod waits: tries of 2.5 s */
    SERVICE_BACKGROUND, /* refresh: tries of 5 s */
    SERVICE_URGENCIES,
};

struct service_thread {
    struct http_transport transport;
    const struct clock *clock;
    const char *ca_file;               /* PEM bundle; NULL: the system's */
    uint32_t (*random)(void *context); /* 32 random bits, for jitter only */
    /* Waits between two tries; may return early. */
    void (*pause)(void *context, int64_t ms);
    void *context; /* of `random` and `pause` */
};

#endif
