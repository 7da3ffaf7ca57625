/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/property_run.h"

#include "base/limits.h"

void property_run_done(struct property_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        secret_buf_done(&run->texts[i]);
    }
    free(run->texts);
    *run = (struct property_run){0};
}

void property_run_open(const struct property_run *run, struct secret_buf *ret)
{
    secret_buf_init(ret, LIMIT_PROPERTY_MEMORY - run->bytes);
}

struct str_view property_run_keep(struct property_run *run, struct secret_buf *text)
{
    run->exhausted = run->exhausted || text->bytes.failed;
    run->bytes += text->bytes.len;
    if (run->count == run->capacity) {
        run->capacity = run->capacity ? run->capacity * 2 : 8;
        run->texts = mem_resize_array(run->texts, run->capacity, sizeof *run->texts);
    }
    struct secret_buf *kept = &run->texts[run->count++];
    *kept = (struct secret_buf){0};
    secret_buf_move(kept, text);
    return secret_buf_view(kept);
}

bool property_run_spend(struct property_run *run, size_t steps)
{
    if (steps > LIMIT_PROPERTY_STEPS - run->steps) {
        run->exhausted = true;
        return false;
    }
    run->steps += steps;
    return !run->exhausted;
}

bool property_run_enter(struct property_run *run)
{
    run->exhausted = run->exhausted || run->depth >= LIMIT_PROPERTY_DEPTH;
    run->depth++;
    return !run->exhausted;
}

void property_run_leave(struct property_run *run)
{
    run->depth--;
}
