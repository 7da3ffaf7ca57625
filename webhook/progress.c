/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/progress.h"

#include "base/limits.h"
#include "base/lock.h"

enum {
    REFRESH_FLOOR_MS = 1000,
    RETRY_MS = 1000,
    RETRY_MAX_MS = 60000,
    RETRY_MAX_DOUBLINGS = 6,
    FORCE_EVERY_MS = 10000,
};

/* Of one ExternalSecret. */
struct record {
    char *basis;       /* what was carried out, or tried */
    char *force_sync;  /* the annotation's value then */
    int64_t forced_ms; /* when it last made us ask past the cache */
    int64_t due_ms;
    unsigned failures; /* in a row */
};

static void record_free(void *value)
{
    struct record *record = value;
    free(record->basis);
    free(record->force_sync);
    free(record);
}

void progress_init(struct progress *progress)
{
    mutex_init(&progress->mutex);
    table_init(&progress->records, record_free);
}

void progress_done(struct progress *progress)
{
    table_done(&progress->records);
    pthread_mutex_destroy(&progress->mutex);
}

static void write_key(struct buf *key, struct str_view namespace, struct str_view name)
{
    buf_init(key, 2 * LIMIT_NAME_BYTES + 2);
    buf_printf(key, "%.*s/%.*s", SV_ARG(namespace), SV_ARG(name));
}

/* Holds the mutex. NULL: never carried out. */
static struct record *find(const struct progress *progress,
                           const struct external_secret *external_secret)
{
    CLEANUP(buf_done) struct buf key;
    write_key(&key, external_secret->namespace, external_secret->name);
    return table_get(&progress->records, buf_view(&key));
}

/* Holds the mutex. */
static struct record *find_or_make(struct progress *progress,
                                   const struct external_secret *external_secret, int64_t now_ms)
{
    CLEANUP(buf_done) struct buf key = {0};
    struct record *record = find(progress, external_secret);
    if (!record) {
        record = mem_alloc(sizeof *record);
        record->forced_ms = now_ms - FORCE_EVERY_MS;
        write_key(&key, external_secret->namespace, external_secret->name);
        table_put(&progress->records, buf_view(&key), record);
        return record;
    }
    free(record->basis);
    free(record->force_sync);
    return record;
}

struct str_view progress_force_sync(const struct external_secret *external_secret)
{
    for (size_t i = 0; i < external_secret->annotation_count; i++) {
        if (sv_is(external_secret->annotations[i].key, "force-sync")) {
            return sv_first(external_secret->annotations[i].value, LIMIT_NAME_BYTES);
        }
    }
    return SV("");
}

bool progress_is_new(struct progress *progress, const struct external_secret *external_secret,
                     const char *basis, int64_t *ret_due_ms)
{
    pthread_mutex_lock(&progress->mutex);
    const struct record *record = find(progress, external_secret);
    bool is_new = !record || strcmp(record->basis, basis) != 0;
    *ret_due_ms = record ? record->due_ms : 0;
    pthread_mutex_unlock(&progress->mutex);
    return is_new;
}

bool progress_is_forced(struct progress *progress, const struct external_secret *external_secret,
                        int64_t now_ms, int64_t *ret_wait_ms)
{
    pthread_mutex_lock(&progress->mutex);
    const struct record *record = find(progress, external_secret);
    bool forced = record && !sv_is(progress_force_sync(external_secret), record->force_sync);
    *ret_wait_ms = forced ? record->forced_ms + FORCE_EVERY_MS - now_ms : 0;
    pthread_mutex_unlock(&progress->mutex);
    return forced;
}

bool progress_has_failed(struct progress *progress, const struct external_secret *external_secret)
{
    pthread_mutex_lock(&progress->mutex);
    const struct record *record = find(progress, external_secret);
    bool failed = record && record->failures > 0;
    pthread_mutex_unlock(&progress->mutex);
    return failed;
}

static int64_t next_turn_ms(const struct external_secret *external_secret,
                            enum reconcile_outcome outcome, unsigned failures)
{
    if (outcome == RECONCILE_UNSUPPORTED) {
        return INT64_MAX;
    }
    if (failures) {
        unsigned doublings =
            failures - 1 < RETRY_MAX_DOUBLINGS ? failures - 1 : RETRY_MAX_DOUBLINGS;
        int64_t delay = (int64_t)RETRY_MS << doublings;
        return delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS;
    }
    int64_t interval = external_secret->refresh_interval_ms;
    if (interval <= 0) {
        return INT64_MAX;
    }
    return interval > REFRESH_FLOOR_MS ? interval : REFRESH_FLOOR_MS;
}

int64_t progress_note(struct progress *progress, const struct external_secret *external_secret,
                      const char *basis, bool forced, enum reconcile_outcome outcome,
                      int64_t now_ms)
{
    pthread_mutex_lock(&progress->mutex);
    struct record *record = find_or_make(progress, external_secret, now_ms);
    record->basis = str_dup(basis);
    record->force_sync = sv_dup(progress_force_sync(external_secret));
    record->forced_ms = forced ? now_ms : record->forced_ms;
    record->failures = reconcile_succeeded(outcome) ? 0 : record->failures + 1;
    int64_t delay = next_turn_ms(external_secret, outcome, record->failures);
    record->due_ms = delay == INT64_MAX ? INT64_MAX : now_ms + delay;
    pthread_mutex_unlock(&progress->mutex);
    return delay;
}

void progress_forget(struct progress *progress, struct str_view namespace, struct str_view name)
{
    CLEANUP(buf_done) struct buf key;
    write_key(&key, namespace, name);
    pthread_mutex_lock(&progress->mutex);
    (void)table_erase(&progress->records, buf_view(&key));
    pthread_mutex_unlock(&progress->mutex);
}
