/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_refresh.h"

#include "http/retry.h"

enum {
    SOONEST_MS = 1000,         /* whatever a source says of the lifetime */
    AHEAD_MS = 10 * 60 * 1000, /* at least so long before the end */
    SHORT_MS = 15 * 60 * 1000, /* what lives shorter has half of its life */
};

static const struct retry_policy AGAIN = {.base_ms = 1000, .max_ms = 60 * 1000};

static bool never_expires(const struct credentials *credentials)
{
    return credentials->expires_ms == INT64_MAX;
}

static int64_t left_ms(const struct credentials *credentials, int64_t now_ms)
{
    return never_expires(credentials) ? INT64_MAX : credentials->expires_ms - now_ms;
}

/* Somebody else's new credentials are as good as those that would be fetched now. */
static bool is_refused(const struct credentials_state *state,
                       const struct credentials_request *request)
{
    return request->refused && state->current &&
           (state->current == request->refused ||
            credentials_equal(state->current, request->refused));
}

bool credentials_state_serves(const struct credentials_state *state,
                              const struct credentials_request *request, int64_t now_ms)
{
    return state->current && !is_refused(state, request) &&
           left_ms(state->current, now_ms) > CREDENTIALS_MARGIN_MS;
}

bool credentials_state_is_ample(const struct credentials_state *state,
                                const struct credentials_request *request, int64_t now_ms)
{
    return credentials_state_serves(state, request, now_ms) &&
           left_ms(state->current, now_ms) > CREDENTIALS_WAIT_MS;
}

static bool was_forced(const struct credentials_state *state, int64_t now_ms)
{
    return state->forced_ms && now_ms - state->forced_ms < CREDENTIALS_FORCED_MS;
}

enum credentials_step credentials_state_step(const struct credentials_state *state,
                                             const struct credentials_request *request,
                                             int64_t now_ms, struct err *err)
{
    bool serves = credentials_state_serves(state, request, now_ms);
    if (serves) {
        bool due = now_ms >= state->refresh_ms && now_ms >= state->retry_ms;
        bool waits = request->urgency == SERVICE_BACKGROUND ||
                     !credentials_state_is_ample(state, request, now_ms);
        return due && waits ? CREDENTIALS_FETCH : CREDENTIALS_SERVE;
    }
    if (now_ms < state->retry_ms) {
        *err = state->failure;
        return CREDENTIALS_REFUSE;
    }
    if (is_refused(state, request) && was_forced(state, now_ms)) {
        (void)err_set(err, ERR_DENIED,
                      "AWS does not accept these credentials, which were fetched anew "
                      "less than %d s ago",
                      CREDENTIALS_FORCED_MS / 1000);
        return CREDENTIALS_REFUSE;
    }
    return CREDENTIALS_FETCH;
}

int64_t credentials_state_due_ms(const struct credentials_state *state, int64_t now_ms)
{
    if (!state->current || never_expires(state->current)) {
        return INT64_MAX;
    }
    int64_t due_ms = state->refresh_ms > state->retry_ms ? state->refresh_ms : state->retry_ms;
    int64_t last_ms = state->current->expires_ms - CREDENTIALS_MARGIN_MS;
    return due_ms < last_ms && now_ms < last_ms ? due_ms : INT64_MAX;
}

/* Times 0.9 to 1.1. */
static int64_t jittered(int64_t ms, uint32_t random)
{
    return ms * 9 / 10 + (int64_t)(((uint64_t)(ms / 5 + 1) * random) >> 32);
}

struct credentials *credentials_state_succeed(struct credentials_state *state,
                                              struct credentials *fetched, bool forced,
                                              int64_t now_ms, uint32_t random)
{
    struct credentials *replaced = state->current;
    state->current = fetched;
    state->forced_ms = forced ? now_ms : state->forced_ms;
    state->failures = 0;
    state->retry_ms = 0;
    state->refresh_ms = INT64_MAX;
    if (!never_expires(fetched)) {
        int64_t lifetime_ms = fetched->expires_ms - fetched->fetched_ms;
        int64_t ahead_ms = lifetime_ms / 4 > AHEAD_MS ? lifetime_ms / 4 : AHEAD_MS;
        ahead_ms = lifetime_ms < SHORT_MS ? lifetime_ms / 2 : ahead_ms;
        int64_t due_ms = fetched->expires_ms - jittered(ahead_ms, random);
        state->refresh_ms = due_ms > now_ms + SOONEST_MS ? due_ms : now_ms + SOONEST_MS;
    }
    return replaced;
}

void credentials_state_fail(struct credentials_state *state, const struct err *err, int64_t now_ms,
                            uint32_t random)
{
    int64_t delay_ms = retry_delay_ms(&AGAIN, state->failures, random, -1);
    state->failures++;
    state->failure = *err;
    /* At least a moment, so that no background task fails twice at the same time. */
    state->retry_ms = now_ms + (delay_ms > 0 ? delay_ms : 1);
}
