/* SPDX-License-Identifier: Apache-2.0 */
/* Learns from an SQS queue which secrets have changed in AWS, and refreshes what is made of them at
 * once instead of at the refreshInterval (aws.md §7.5).
 *
 * The leader polls one queue (20 s each), while it knows what there is (applier_is_ready()). A
 * message is deleted when what it names is done with: looked at for everybody who asks for it, and
 * there, or looked at in vain as often as said below; earlier where 200 wait for that. So a leader
 * that ends before, or leads no more, leaves it to whoever leads then. What was taken waits here as
 * well, and is looked at if this replica comes to lead again: then it may be looked at twice, which
 * does no harm. One that comes up again before it is done with, as soon as the queue's visibility
 * timeout is over, is known by its MessageId and tells nothing new.
 *
 * A message is anybody's word: it names a secret to look at, and only through ExternalSecrets that
 * ask for that secret and as whom their stores read; what nobody asks for is dropped without a
 * call. Who asks by a pattern (dataFrom.find) asks for every secret whose name fits it; an event
 * tells no tags, so those always fit. One secret is looked at once in ten seconds, however many
 * messages come, and read once for each identity, however many ask for it. Where the message names
 * a version, the value is read again, after 0.5, 1, 2 and 4 s, until it is that version: right
 * after a rotation AWS may still answer with the old one. */
#ifndef WEBHOOK_ROTATION_H
#define WEBHOOK_ROTATION_H

#include "webhook/applier.h"
#include "webhook/clients.h"
#include "webhook/metrics.h"
#include "world/world.h"

struct rotation;

struct rotation_options {
    const struct clock *clock;
    const struct log *log;
    struct metrics *metrics;
    struct world *world;
    struct applier *applier;
    const struct clients_options *clients;
    const char *queue_url; /* NULL: no queue, nothing is done */
};

struct rotation *rotation_new(const struct rotation_options *options);
void rotation_start(struct rotation *rotation);
/* Ends the thread; `clients->stopping` is true by now, or it takes a poll's time. Accepts NULL. */
void rotation_free(struct rotation *rotation);

#endif
