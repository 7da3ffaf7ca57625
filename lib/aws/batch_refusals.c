/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/batch_refusals.h"

static void forget(struct batch_spoiler *spoiler)
{
    free(spoiler->id);
    *spoiler = (struct batch_spoiler){0};
}

void batch_refusals_done(struct batch_refusals *refusals)
{
    for (size_t i = 0; i < BATCH_SPOILERS_MAX; i++) {
        forget(&refusals->spoilers[i]);
    }
    *refusals = (struct batch_refusals){0};
}

void batch_refusals_forbid(struct batch_refusals *refusals, int64_t now_ms)
{
    refusals->forbidden_until_ms = now_ms + BATCH_REFUSALS_MS;
}

bool batch_refusals_forbids(const struct batch_refusals *refusals, int64_t now_ms)
{
    return now_ms < refusals->forbidden_until_ms;
}

static bool is(const struct batch_spoiler *spoiler, struct str_view id)
{
    return spoiler->id && sv_equal(sv_make(spoiler->id, spoiler->len), id);
}

void batch_refusals_blame(struct batch_refusals *refusals, struct str_view id, int64_t now_ms)
{
    batch_refusals_acquit(refusals, id);
    struct batch_spoiler *spoiler = &refusals->spoilers[refusals->next];
    refusals->next = (refusals->next + 1) % BATCH_SPOILERS_MAX;
    forget(spoiler);
    *spoiler = (struct batch_spoiler){
        .id = sv_dup(id), .len = id.len, .until_ms = now_ms + BATCH_REFUSALS_MS};
    refusals->forbidden_until_ms = 0;
}

bool batch_refusals_blames(const struct batch_refusals *refusals, struct str_view id,
                           int64_t now_ms)
{
    for (size_t i = 0; i < BATCH_SPOILERS_MAX; i++) {
        const struct batch_spoiler *spoiler = &refusals->spoilers[i];
        if (is(spoiler, id) && now_ms < spoiler->until_ms) {
            return true;
        }
    }
    return false;
}

void batch_refusals_acquit(struct batch_refusals *refusals, struct str_view id)
{
    for (size_t i = 0; i < BATCH_SPOILERS_MAX; i++) {
        if (is(&refusals->spoilers[i], id)) {
            forget(&refusals->spoilers[i]);
        }
    }
}

bool batch_refusals_empty(const struct batch_refusals *refusals, int64_t now_ms)
{
    for (size_t i = 0; i < BATCH_SPOILERS_MAX; i++) {
        if (now_ms < refusals->spoilers[i].until_ms) {
            return false;
        }
    }
    return !batch_refusals_forbids(refusals, now_ms);
}
