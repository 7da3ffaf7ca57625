/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pending_hints.h"

#include "base/buf.h"
#include "base/limits.h"

enum {
    FIRST_PAUSE_MS = 500,
};

static void hint_free(void *value)
{
    struct pending_hint *hint = value;
    free(hint->arn);
    free(hint->name);
    free(hint->version);
    receipts_done(&hint->receipts);
    free(hint);
}

void pending_hints_init(struct pending_hints *hints)
{
    table_init(&hints->by_secret, hint_free);
}

void pending_hints_done(struct pending_hints *hints)
{
    table_done(&hints->by_secret);
}

/* What is done with, and may be told of again at once. */
static void make_room(struct pending_hints *hints, int64_t now_ms)
{
    struct table kept;
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    table_init(&kept, hint_free);
    while (table_next(&hints->by_secret, &position, &key, &value)) {
        struct pending_hint *hint = value;
        if (hint->due_ms != INT64_MAX || now_ms - hint->last_ms < HINT_EVERY_MS) {
            struct pending_hint *moved = mem_alloc(sizeof *moved);
            *moved = *hint;
            *hint = (struct pending_hint){0};
            table_put(&kept, key, moved);
        }
    }
    table_done(&hints->by_secret);
    hints->by_secret = kept;
}

static struct pending_hint *make(struct pending_hints *hints, struct str_view key,
                                 const struct rotation_hint *from, int64_t now_ms)
{
    if (hints->by_secret.count >= HINTS_PENDING_MAX) {
        make_room(hints, now_ms);
    }
    if (hints->by_secret.count >= HINTS_PENDING_MAX) {
        return NULL;
    }
    struct pending_hint *hint = mem_alloc(sizeof *hint);
    hint->service = from->service;
    hint->arn = sv_dup(from->arn);
    hint->name = sv_dup(from->name);
    hint->due_ms = INT64_MAX;
    hint->last_ms = now_ms - HINT_EVERY_MS;
    table_put(&hints->by_secret, key, hint);
    return hint;
}

/* What is told of before the last is done with may have come before it. */
static void expect(struct pending_hint *pending, struct str_view version)
{
    bool waiting = pending->due_ms != INT64_MAX;
    pending->several = waiting && (pending->several || !sv_is(version, pending->version));
    free(pending->version);
    pending->version = sv_dup(version);
}

static void write_key(const struct rotation_hint *hint, struct buf *ret)
{
    buf_init(ret, LIMIT_URL_BYTES);
    buf_printf(ret, "%d/%.*s", (int)hint->service, SV_ARG(hint->arn.len ? hint->arn : hint->name));
}

struct pending_hint *pending_hints_find(const struct pending_hints *hints,
                                        const struct rotation_hint *hint)
{
    CLEANUP(buf_done) struct buf key;
    write_key(hint, &key);
    return table_get(&hints->by_secret, buf_view(&key));
}

struct pending_hint *pending_hints_add(struct pending_hints *hints,
                                       const struct rotation_hint *hint, int64_t now_ms)
{
    CLEANUP(buf_done) struct buf key;
    write_key(hint, &key);
    struct pending_hint *pending = table_get(&hints->by_secret, buf_view(&key));
    if (!pending) {
        pending = make(hints, buf_view(&key), hint, now_ms);
    }
    if (!pending) {
        return NULL;
    }
    if (hint->name.len) {
        free(pending->name);
        pending->name = sv_dup(hint->name);
    }
    expect(pending, hint->version);
    pending->tries = 0;
    int64_t earliest_ms = pending->last_ms + HINT_EVERY_MS;
    pending->due_ms = earliest_ms > now_ms ? earliest_ms : now_ms;
    return pending;
}

struct pending_hint *pending_hints_due(struct pending_hints *hints, int64_t now_ms)
{
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    while (table_next(&hints->by_secret, &position, &key, &value)) {
        struct pending_hint *hint = value;
        if (hint->due_ms <= now_ms) {
            return hint;
        }
    }
    return NULL;
}

bool pending_hint_looked(struct pending_hint *hint, bool seen, int64_t now_ms)
{
    if (hint->tries == 0) {
        hint->last_ms = now_ms;
    }
    hint->tries++;
    bool done = (seen && !hint->several) || hint->tries >= HINT_TRIES;
    hint->due_ms = done ? INT64_MAX : now_ms + ((int64_t)FIRST_PAUSE_MS << (hint->tries - 1));
    return done;
}

int64_t pending_hints_next_ms(const struct pending_hints *hints)
{
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    int64_t next_ms = INT64_MAX;
    while (table_next(&hints->by_secret, &position, &key, &value)) {
        const struct pending_hint *hint = value;
        next_ms = hint->due_ms < next_ms ? hint->due_ms : next_ms;
    }
    return next_ms;
}
