/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/progress.h"

#include "base/lock.h"
#include "externalsecret/status.h"
#include "objects/object_key.h"

enum {
    FORCE_EVERY_MS = 10000,
    WATCH_LAG_MS = 10000,
    /* A target that stays as it should for so long after it may be repaired again is at peace. */
    PEACE_MS = 30000,
};

/* On both clocks. */
struct moment {
    int64_t wall_ms;
    int64_t now_ms;
};

/* Of one ExternalSecret. */
struct record {
    char *basis; /* what was carried out, or tried; NULL: nothing yet */
    char version[EXTERNAL_SECRET_VERSION_BYTES]; /* of the object then */
    struct moment refreshed; /* when it last went well; 0: not in this process */
    struct moment told;      /* what its status says of that, since it was first seen */
    bool left_absent;
    bool kept;
    bool hurried;
    bool begun;
    bool departing;        /* what was carried out is its departure */
    bool gone;             /* while it is begun: to be forgotten when it ends */
    bool target_changed;   /* likewise: what it comes to may be because of what was there before */
    bool faulty;           /* when its turn was last asked for its target was not as it should be */
    unsigned repairs;      /* of such a target, in a row */
    uint64_t done_version; /* resourceVersion of the Secret when it last went well; 0: none */
    uint64_t target_version; /* resourceVersion of the Secret then; 0: there is none to wait for */
    char *target_uid;        /* likewise */
    bool target_hidden;      /* it was there when the watch should have told of it and had not */
    int64_t noted_ms;
    int64_t forced_ms; /* when it last made us ask past the cache */
    int64_t retry_ms;  /* after a failure; INT64_MAX: only when something changes */
    unsigned failures; /* in a row */
};

static void record_free(void *value)
{
    struct record *record = value;
    free(record->basis);
    free(record->target_uid);
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

/* Holds the mutex. NULL: never carried out. */
static struct record *find(const struct progress *progress, struct str_view namespace,
                           struct str_view name)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, namespace, name);
    return table_get(&progress->records, buf_view(&key));
}

static struct record *find_of(const struct progress *progress,
                              const struct external_secret *external_secret)
{
    return find(progress, external_secret->namespace, external_secret->name);
}

/* Holds the mutex. */
static struct record *make(struct progress *progress, struct str_view namespace,
                           struct str_view name)
{
    CLEANUP(buf_done) struct buf key;
    struct record *record = mem_alloc(sizeof *record);
    record->forced_ms = INT64_MIN / 2;
    object_key_write(&key, namespace, name);
    table_put(&progress->records, buf_view(&key), record);
    return record;
}

/* Holds the mutex. For what is there: not forgotten with a predecessor. */
static struct record *find_or_make(struct progress *progress, struct str_view namespace,
                                   struct str_view name)
{
    struct record *record = find(progress, namespace, name);
    if (!record) {
        return make(progress, namespace, name);
    }
    record->gone = false;
    return record;
}

/* A basis begins with the uid of what it is of: a predecessor of the same name is another. */
static bool is_known(const struct record *record, const struct external_secret *external_secret)
{
    struct str_view basis = record ? sv_of(record->basis) : SV("");
    struct str_view uid = external_secret->uid;
    return sv_starts_with(basis, uid) && basis.len > uid.len && basis.data[uid.len] == '/';
}

static bool is_departing(const struct record *record, const struct external_secret *external_secret)
{
    return is_known(record, external_secret) && record->departing;
}

static bool has_failed(const struct record *record, const struct external_secret *external_secret)
{
    return is_known(record, external_secret) && record->failures > 0;
}

/* The newer of what this process remembers and what the status says. A status of the future was
 * written before the wall clock was set back, and may be what the watch still tells of. */
static bool counts(const struct record *record, const struct progress_question *question)
{
    int64_t told_ms = question->external_secret->status.refresh_ms;
    return is_known(record, question->external_secret) && record->refreshed.wall_ms != 0 &&
           (record->refreshed.wall_ms >= told_ms || told_ms > question->wall_ms);
}

/* Holds the mutex. The wall clock may be set back while what is told is waited for. */
static void see_status(struct record *record, const struct progress_question *question)
{
    int64_t told_ms = question->external_secret->status.refresh_ms;
    if (record->told.wall_ms != told_ms) {
        record->told = (struct moment){.wall_ms = told_ms,
                                       .now_ms = question->now_ms - (question->wall_ms - told_ms)};
    }
}

/* By the present wall clock, which may have been set back since then and would stretch the
 * interval: the longer of what either clock says has passed counts. What lies in the future stays
 * there, and is due (externalsecret/due.h). */
static int64_t wall_ms_of(const struct moment *moment, const struct progress_question *question)
{
    int64_t by_monotonic_ms = question->wall_ms - (question->now_ms - moment->now_ms);
    return moment->wall_ms > question->wall_ms || moment->wall_ms < by_monotonic_ms
               ? moment->wall_ms
               : by_monotonic_ms;
}

/* What its own run left is no fault, though an admission webhook may have made something else of it
 * than was written: another run would come to the same. */
static bool is_as_left(const struct record *record, const struct secret *target)
{
    uint64_t version = 0;
    return target && sv_to_u64(target->resource_version, &version) &&
           version == record->done_version;
}

/* Holds the mutex. */
static struct due_last last_of(struct record *record, const struct progress_question *question)
{
    const struct external_secret_status *status = &question->external_secret->status;
    see_status(record, question);
    if (counts(record, question)) {
        return (struct due_last){.version = sv_of(record->version),
                                 .refresh_ms = wall_ms_of(&record->refreshed, question),
                                 .left_absent = record->left_absent,
                                 .kept = record->kept || is_as_left(record, question->target)};
    }
    bool absent = sv_is(status->reason, status_reason(STATUS_DELETED)) ||
                  sv_is(status->reason, status_reason(STATUS_TARGET_MISSING));
    return (struct due_last){.version = status->synced_version,
                             .refresh_ms =
                                 status->refresh_ms ? wall_ms_of(&record->told, question) : 0,
                             .left_absent = absent};
}

static int64_t left_of(int64_t at_ms, int64_t now_ms)
{
    if (at_ms == INT64_MAX) {
        return INT64_MAX;
    }
    return at_ms > now_ms ? at_ms - now_ms : 0;
}

/* Holds the mutex. The watch tells of the target as it was left, or of what has become of it. */
static void see_target(struct record *record, const struct progress_question *question)
{
    uint64_t version = 0;
    if (question->target && sv_to_u64(question->target->resource_version, &version) &&
        version >= record->target_version) {
        record->target_version = 0;
        record->target_hidden = false;
    }
}

/* For so long what the watch knows of the target says nothing: it is older than what was done. 0:
 * it is as new; INT64_MAX: the watch does not tell of this one. */
static int64_t lag_ms(const struct record *record, const struct progress_question *question)
{
    if (!is_known(record, question->external_secret) || record->target_version == 0) {
        return 0;
    }
    return record->target_hidden ? INT64_MAX
                                 : left_of(record->noted_ms + WATCH_LAG_MS, question->now_ms);
}

/* Of one that is being deleted. When it has departed the watch may not have told of that yet. */
static int64_t departure_ms(const struct record *record, const struct progress_question *question,
                            bool changed)
{
    if (!is_departing(record, question->external_secret) || changed) {
        return 0;
    }
    return record->failures > 0 ? left_of(record->retry_ms, question->now_ms) : INT64_MAX;
}

/* Somebody undoes what is done, or keeps what was deleted: the repairs move apart, and the
 * refreshInterval goes on. */
static int64_t repair_ms(const struct record *record, const struct due_input *input,
                         const struct progress_question *question)
{
    struct due_input otherwise = *input;
    otherwise.target_known = false;
    int64_t due = due_in_ms(&otherwise);
    int64_t pause = left_of(record->noted_ms + due_backoff_ms(record->repairs), question->now_ms);
    return pause < due && !(pause > 0 && question->to_go_along) ? pause : due;
}

/* Holds the mutex. */
static int64_t turn_ms(struct record *record, const struct progress_question *question)
{
    const struct external_secret *external_secret = question->external_secret;
    bool changed = is_known(record, external_secret) && strcmp(record->basis, question->basis) != 0;
    see_target(record, question);
    if (record->begun) {
        return question->to_go_along ? 0 : INT64_MAX;
    }
    if (external_secret->deleting) {
        return departure_ms(record, question, changed);
    }
    if (record->hurried) {
        return 0;
    }
    if (has_failed(record, external_secret)) {
        return changed ? 0 : left_of(record->retry_ms, question->now_ms);
    }
    int64_t lag = lag_ms(record, question);
    const struct due_input input = {
        .external_secret = external_secret,
        .last = last_of(record, question),
        .target_known = question->target_known && lag == 0,
        .target = question->target,
        .now_ms = question->wall_ms,
    };
    record->faulty = !due_target_is_valid(&input);
    bool again = record->faulty && record->repairs > 0 && is_known(record, external_secret);
    int64_t due = again ? repair_ms(record, &input, question) : due_in_ms(&input);
    if (changed && due != INT64_MAX) {
        return 0;
    }
    bool looks = lag > 0 && !question->to_go_along;
    return looks && lag < due ? lag : due;
}

int64_t progress_turn_ms(struct progress *progress, const struct progress_question *question)
{
    const struct external_secret *external_secret = question->external_secret;
    pthread_mutex_lock(&progress->mutex);
    struct record *record = find_of(progress, external_secret);
    if (!record) {
        record = make(progress, external_secret->namespace, external_secret->name);
    }
    int64_t turn = turn_ms(record, question);
    pthread_mutex_unlock(&progress->mutex);
    return turn;
}

void progress_hurry(struct progress *progress, struct str_view namespace, struct str_view name)
{
    pthread_mutex_lock(&progress->mutex);
    find_or_make(progress, namespace, name)->hurried = true;
    pthread_mutex_unlock(&progress->mutex);
}

void progress_bring_forward(struct progress *progress, struct str_view namespace,
                            struct str_view name)
{
    pthread_mutex_lock(&progress->mutex);
    struct record *record = find_or_make(progress, namespace, name);
    record->hurried |= !record->begun;
    pthread_mutex_unlock(&progress->mutex);
}

bool progress_is_hurried(struct progress *progress, const struct external_secret *external_secret)
{
    pthread_mutex_lock(&progress->mutex);
    const struct record *record = find_of(progress, external_secret);
    bool hurried = record && record->hurried;
    pthread_mutex_unlock(&progress->mutex);
    return hurried;
}

void progress_target_changed(struct progress *progress, struct str_view namespace,
                             struct str_view name)
{
    pthread_mutex_lock(&progress->mutex);
    struct record *record = find(progress, namespace, name);
    if (record && record->failures > 0 && record->retry_ms == INT64_MAX) {
        record->retry_ms = 0;
    }
    if (record && record->begun) {
        record->target_changed = true;
    }
    pthread_mutex_unlock(&progress->mutex);
}

bool progress_begin(struct progress *progress, struct str_view namespace, struct str_view name)
{
    pthread_mutex_lock(&progress->mutex);
    struct record *record = find_or_make(progress, namespace, name);
    bool hurried = record->hurried;
    record->begun = true;
    record->hurried = false;
    record->target_changed = false;
    pthread_mutex_unlock(&progress->mutex);
    return hurried;
}

/* Holds the mutex. */
static void forget(struct progress *progress, struct str_view namespace, struct str_view name)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, namespace, name);
    (void)table_erase(&progress->records, buf_view(&key));
}

void progress_end(struct progress *progress, struct str_view namespace, struct str_view name)
{
    pthread_mutex_lock(&progress->mutex);
    struct record *record = find(progress, namespace, name);
    if (record && record->gone) {
        forget(progress, namespace, name);
    } else if (record) {
        record->begun = false;
    }
    pthread_mutex_unlock(&progress->mutex);
}

/* Nothing but labels and annotations is another than at `before`. Earlier releases of the operator
 * made a shorter digest, by which nothing can be told. */
static bool is_annotated(const struct external_secret *external_secret, struct str_view before)
{
    const char *version = external_secret->version;
    return before.len == strlen(version) && !sv_is(before, version) &&
           due_version_generation(before) == external_secret->generation;
}

bool progress_is_forced(struct progress *progress, const struct external_secret *external_secret,
                        int64_t now_ms, int64_t *ret_wait_ms)
{
    pthread_mutex_lock(&progress->mutex);
    const struct record *record = find_of(progress, external_secret);
    bool known = is_known(record, external_secret);
    bool forced = is_annotated(external_secret, known ? sv_of(record->version)
                                                      : external_secret->status.synced_version);
    *ret_wait_ms = forced && known ? record->forced_ms + FORCE_EVERY_MS - now_ms : 0;
    pthread_mutex_unlock(&progress->mutex);
    return forced;
}

bool progress_has_failed(struct progress *progress, const struct external_secret *external_secret)
{
    pthread_mutex_lock(&progress->mutex);
    bool failed = has_failed(find_of(progress, external_secret), external_secret);
    pthread_mutex_unlock(&progress->mutex);
    return failed;
}

/* Holds the mutex. The watch has had its time when this one was found, and does not tell of it:
 * some types are left out. One that was made anew meanwhile may be told of yet. */
static void note_target(struct record *record, const struct progress_result *result)
{
    uint64_t version = 0;
    bool there = result->target && sv_to_u64(result->target->resource_version, &version);
    bool missed = record->target_version != 0 &&
                  result->now_ms - record->noted_ms >= WATCH_LAG_MS && there &&
                  sv_is(result->target->uid, record->target_uid);
    record->target_hidden = missed;
    record->target_version = version;
    free(record->target_uid);
    record->target_uid = there ? sv_dup(result->target->uid) : NULL;
}

/* Holds the mutex. `known`: it has been carried out before. */
static void note_success(struct record *record, const struct progress_result *result, bool known)
{
    bool again = record->repairs > 0 &&
                 result->now_ms - record->noted_ms < due_backoff_ms(record->repairs) + PEACE_MS;
    if (!known || !record->faulty) {
        record->repairs = 0;
    } else {
        record->repairs = again ? record->repairs + 1 : 1;
    }
    record->refreshed = (struct moment){result->start_ms, result->start_now_ms};
    record->left_absent = result->left_absent;
    record->kept = result->kept;
    if (!result->target || !sv_to_u64(result->target->resource_version, &record->done_version)) {
        record->done_version = 0;
    }
}

void progress_note(struct progress *progress, const struct external_secret *external_secret,
                   const struct progress_result *result)
{
    pthread_mutex_lock(&progress->mutex);
    struct record *record =
        find_or_make(progress, external_secret->namespace, external_secret->name);
    /* Those of its departure are counted from the first. */
    bool known = is_known(record, external_secret);
    bool same = is_departing(record, external_secret) == external_secret->deleting;
    unsigned failures = same && has_failed(record, external_secret) ? record->failures : 0;
    record->departing = external_secret->deleting;
    free(record->basis);
    record->basis = str_dup(result->basis);
    memcpy(record->version, external_secret->version, sizeof record->version);
    record->forced_ms = result->forced ? result->now_ms : record->forced_ms;
    record->failures = result->failed ? failures + 1 : 0;
    if (result->failed) {
        bool final = result->final && !record->target_changed;
        record->retry_ms = final ? INT64_MAX : result->now_ms + due_backoff_ms(record->failures);
    } else {
        note_success(record, result, known);
    }
    record->faulty = false;
    note_target(record, result);
    record->noted_ms = result->now_ms;
    pthread_mutex_unlock(&progress->mutex);
}

/* What came of it the last time. */
static void clear(struct record *record)
{
    free(record->basis);
    record->basis = NULL;
    record->failures = 0;
    record->retry_ms = 0;
    record->faulty = false;
    record->repairs = 0;
    record->target_version = 0;
    record->target_hidden = false;
    record->refreshed = (struct moment){0};
}

void progress_restart(struct progress *progress)
{
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    pthread_mutex_lock(&progress->mutex);
    while (table_next(&progress->records, &position, &key, &value)) {
        clear(value);
    }
    pthread_mutex_unlock(&progress->mutex);
}

void progress_forget(struct progress *progress, struct str_view namespace, struct str_view name)
{
    pthread_mutex_lock(&progress->mutex);
    struct record *record = find(progress, namespace, name);
    if (record && record->begun) {
        clear(record);
        record->hurried = false;
        record->gone = true;
    } else if (record) {
        forget(progress, namespace, name);
    }
    pthread_mutex_unlock(&progress->mutex);
}
