/* SPDX-License-Identifier: Apache-2.0 */
/* Manners beside the External Secrets Operator: it has a head start for each ExternalSecret, and
 * Keyturn makes only what a Pod waits for and the operator has not come to (DESIGN §4, E11: whoever
 * makes a Secret in the middle of the operator's run makes that run fail).
 *
 * Told the time, monotonic. Any thread. */
#ifndef WEBHOOK_HEAD_START_H
#define WEBHOOK_HEAD_START_H

#include <pthread.h>

#include "base/table.h"
#include "externalsecret/sink.h"
#include "kube/client.h"
#include "objects/external_secret.h"

enum {
    /* How long it is good for that a Pod has waited; while one does it is said again. */
    HEAD_START_WANTED_MS = 5 * 60 * 1000,
};

struct head_start {
    int64_t length_ms;
    pthread_mutex_t mutex;
    struct table seen; /* "namespace/name"; guarded */
};

void head_start_init(struct head_start *head_start, int64_t length_ms);
void head_start_done(struct head_start *head_start);

/* It is there. The first time that is told of this very object is when its head start begins. */
void head_start_note(struct head_start *head_start, const struct external_secret *external_secret,
                     int64_t now_ms);
void head_start_forget(struct head_start *head_start, struct str_view namespace,
                       struct str_view name);
/* A Pod waits for its Secret. */
void head_start_want(struct head_start *head_start, const struct external_secret *external_secret,
                     int64_t now_ms);
/* 0: it is over. INT64_MAX: the operator has been here, and it is its own. */
int64_t head_start_left_ms(struct head_start *head_start,
                           const struct external_secret *external_secret, int64_t now_ms);
/* How old a value may be that is written for it, of `max_age_ms` otherwise: one that was there
 * before its head start was over would make Keyturn quicker than the operator whose run AWS holds
 * up. */
int64_t head_start_max_age_ms(struct head_start *head_start,
                              const struct external_secret *external_secret, int64_t now_ms,
                              int64_t max_age_ms);

/* How long before Keyturn may act in the background; INT64_MAX: not by itself. Made is what a Pod
 * waits for; refreshed, when it is `changed` in AWS, is what the operator says is ready. */
int64_t head_start_wait_ms(struct head_start *head_start,
                           const struct external_secret *external_secret, bool changed,
                           int64_t now_ms);

/* A sink that looks at the ExternalSecret once more before it writes a Secret: ERR_BUSY when it is
 * not what the Secret was rendered from any more (gone, another of its name, being deleted, another
 * generation), or the operator has come to it meanwhile. It deletes nothing. Everything here
 * outlives the interface. */
struct yielding_sink {
    const struct kube_client *client;
    const struct external_secret *external_secret;
    struct secret_sink sink;
};
struct secret_sink yielding_sink(struct yielding_sink *yielding);

#endif
