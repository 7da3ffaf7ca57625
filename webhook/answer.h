/* SPDX-License-Identifier: Apache-2.0 */
/* One admission request from body to answer: decode, look up, decide, wait once if that may help,
 * decide again, respond, log one line. Called by the server's I/O threads; nothing here blocks. */
#ifndef WEBHOOK_ANSWER_H
#define WEBHOOK_ANSWER_H

#include "policy/policy.h"
#include "webhook/flights.h"
#include "webhook/metrics.h"
#include "webhook/server.h"
#include "world/world.h"

struct answerer_options {
    struct world *world;
    struct flights *flights;     /* NULL: nobody waits */
    struct store_health *stores; /* which of them are silent */
    const struct policy *policy;
    struct budget *budget; /* for JSON nodes; bodies are the server's */
    const struct clock *clock;
    const struct log *log;
    struct metrics *metrics;
    bool materialises; /* ExternalSecrets are ours to carry out */
    bool alone;        /* no operator is there to leave ExternalSecrets to */
};

struct answerer;

struct answerer *answerer_new(const struct answerer_options *options);
void answerer_free(struct answerer *answerer);
/* Any thread: the API server is 1.30 or later. Until it is known, nobody is held. */
void answerer_set_gates_supported(struct answerer *answerer, bool supported);
/* POST /mutate/<segment>: answers or suspends; called again once the request has been resumed. */
void answer_review(struct answerer *answerer, struct server_request *request);
/* POST /validate/<segment>, of ExternalSecrets. Likewise; without a dry run one that is right so
 * far asks AWS whether what it names exists, within the namespace's budget. */
void answer_validation(struct answerer *answerer, struct server_request *request);
/* The request is over: releases what either of them attached. */
void answer_done(struct server_request *request);

#endif
