/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/due.h"

enum {
    BACKOFF_MAX_DOUBLINGS = 9, /* 512 s, over the maximum already */
};

int64_t due_version_generation(struct str_view version)
{
    uint64_t generation = 0;
    size_t end = sv_find(version, '-');
    bool is_version = end < version.len && sv_to_u64(sv_first(version, end), &generation) &&
                      generation <= INT64_MAX;
    return is_version ? (int64_t)generation : -1;
}

/* Merge waits for a Secret that somebody else makes, None for nothing. */
static bool makes_secret(const struct external_secret *external_secret)
{
    return external_secret->creation_policy != CREATION_MERGE &&
           external_secret->creation_policy != CREATION_NONE;
}

bool due_target_is_valid(const struct due_input *input)
{
    const struct external_secret *external_secret = input->external_secret;
    if (!input->target_known || external_secret->creation_policy == CREATION_ORPHAN ||
        external_secret->creation_policy == CREATION_NONE) {
        return true;
    }
    if (!input->target) {
        return !makes_secret(external_secret) || input->last.left_absent;
    }
    return input->last.kept || (input->target->managed && input->target->data_hash_valid);
}

static bool was_carried_out(const struct due_input *input)
{
    return input->last.version.len > 0 && input->last.refresh_ms != 0;
}

static int64_t periodic_in_ms(const struct due_input *input)
{
    int64_t interval = input->external_secret->refresh_interval_ms;
    /* Also when something has changed: once is once. */
    if (interval <= 0 && input->last.version.len > 0) {
        return INT64_MAX;
    }
    if (!sv_is(input->last.version, input->external_secret->version) ||
        input->last.refresh_ms == 0 || input->last.refresh_ms > input->now_ms) {
        return 0;
    }
    interval = interval > DUE_REFRESH_FLOOR_MS ? interval : DUE_REFRESH_FLOOR_MS;
    int64_t since = input->now_ms - input->last.refresh_ms;
    return interval > since ? interval - since : 0;
}

int64_t due_in_ms(const struct due_input *input)
{
    if (!due_target_is_valid(input)) {
        return 0;
    }
    switch (input->external_secret->refresh_policy) {
    case REFRESH_CREATED_ONCE:
        return was_carried_out(input) ? INT64_MAX : 0;
    case REFRESH_ON_CHANGE:
        return was_carried_out(input) && sv_is(input->last.version, input->external_secret->version)
                   ? INT64_MAX
                   : 0;
    case REFRESH_PERIODIC:
        break;
    }
    return periodic_in_ms(input);
}

int64_t due_backoff_ms(unsigned failures)
{
    unsigned doublings =
        failures - 1 < BACKOFF_MAX_DOUBLINGS ? failures - 1 : BACKOFF_MAX_DOUBLINGS;
    int64_t delay = (int64_t)DUE_BACKOFF_MS << doublings;
    return delay < DUE_BACKOFF_MAX_MS ? delay : DUE_BACKOFF_MAX_MS;
}
