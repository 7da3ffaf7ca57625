/* SPDX-License-Identifier: Apache-2.0 */
/* When the credentials of one identity are fetched, and who waits for it: the rules of aws.md §2.6
 * without locks or threads. The owner guards it. */
#ifndef AWS_CREDENTIALS_REFRESH_H
#define AWS_CREDENTIALS_REFRESH_H

#include "aws/credentials.h"

enum {
    CREDENTIALS_WAIT_MS = 60 * 1000,   /* with more than this left nobody waits for a refresh */
    CREDENTIALS_MARGIN_MS = 30 * 1000, /* with no more than this left they are not handed out */
    CREDENTIALS_FORCED_MS = 60 * 1000, /* between two fetches of what was refused */
};

/* Zeroed: nothing has been fetched. */
struct credentials_state {
    struct credentials *current; /* NULL: none */
    int64_t refresh_ms;          /* when `current` is due */
    int64_t retry_ms;            /* not before this, after a failure; 0: none */
    int64_t forced_ms;           /* the last fetch that a refusal made; 0: none */
    unsigned failures;           /* in a row */
    struct err failure;          /* the last of them */
};

enum credentials_step {
    CREDENTIALS_SERVE,  /* `current` */
    CREDENTIALS_FETCH,  /* now, by whoever asked; `current` if that fails and it still will do */
    CREDENTIALS_REFUSE, /* `err` says why */
};

/* What becomes of a request, if no fetch is under way. */
enum credentials_step credentials_state_step(const struct credentials_state *state,
                                             const struct credentials_request *request,
                                             int64_t now_ms, struct err *err);
/* `current` may be handed to whoever asks like this. */
bool credentials_state_serves(const struct credentials_state *state,
                              const struct credentials_request *request, int64_t now_ms);
/* So may it without waiting for a fetch that is under way. */
bool credentials_state_is_ample(const struct credentials_state *state,
                                const struct credentials_request *request, int64_t now_ms);
/* When it is due in the background: INT64_MAX when it never is, because there is nothing that could
 * be refreshed ahead (nothing fetched, nothing that expires, nothing that has not expired yet). */
int64_t credentials_state_due_ms(const struct credentials_state *state, int64_t now_ms);

/* A fetch succeeded, which was made because of a refusal (`forced`) or not. Takes `fetched`;
 * answers what it replaces, to be released, or NULL. */
struct credentials *credentials_state_succeed(struct credentials_state *state,
                                              struct credentials *fetched, bool forced,
                                              int64_t now_ms, uint32_t random);
/* A fetch failed. */
void credentials_state_fail(struct credentials_state *state, const struct err *err, int64_t now_ms,
                            uint32_t random);

#endif
