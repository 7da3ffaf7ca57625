/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/head_start.h"

#include "base/lock.h"
#include "objects/object_key.h"
#include "webhook/owned_object.h"

/* One ExternalSecret. */
struct seen {
    char *uid;
    int64_t first_ms;
    int64_t wanted_ms;
};

static void seen_free(void *value)
{
    struct seen *seen = value;
    free(seen->uid);
    free(seen);
}

void head_start_init(struct head_start *head_start, int64_t length_ms)
{
    head_start->length_ms = length_ms;
    mutex_init(&head_start->mutex);
    table_init(&head_start->seen, seen_free);
}

void head_start_done(struct head_start *head_start)
{
    table_done(&head_start->seen);
    pthread_mutex_destroy(&head_start->mutex);
}

/* Holds the mutex. A successor of the same name is another. */
static struct seen *find_or_make(struct head_start *head_start,
                                 const struct external_secret *external_secret, int64_t now_ms)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, external_secret->namespace, external_secret->name);
    struct seen *seen = table_get(&head_start->seen, buf_view(&key));
    if (seen && !sv_is(external_secret->uid, seen->uid)) {
        (void)table_erase(&head_start->seen, buf_view(&key));
        seen = NULL;
    }
    if (!seen) {
        seen = mem_alloc(sizeof *seen);
        *seen = (struct seen){.uid = sv_dup(external_secret->uid),
                              .first_ms = now_ms,
                              .wanted_ms = now_ms - HEAD_START_WANTED_MS};
        table_put(&head_start->seen, buf_view(&key), seen);
    }
    return seen;
}

void head_start_note(struct head_start *head_start, const struct external_secret *external_secret,
                     int64_t now_ms)
{
    pthread_mutex_lock(&head_start->mutex);
    (void)find_or_make(head_start, external_secret, now_ms);
    pthread_mutex_unlock(&head_start->mutex);
}

void head_start_forget(struct head_start *head_start, struct str_view namespace,
                       struct str_view name)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, namespace, name);
    pthread_mutex_lock(&head_start->mutex);
    (void)table_erase(&head_start->seen, buf_view(&key));
    pthread_mutex_unlock(&head_start->mutex);
}

void head_start_want(struct head_start *head_start, const struct external_secret *external_secret,
                     int64_t now_ms)
{
    pthread_mutex_lock(&head_start->mutex);
    find_or_make(head_start, external_secret, now_ms)->wanted_ms = now_ms;
    pthread_mutex_unlock(&head_start->mutex);
}

static bool is_wanted(struct head_start *head_start, const struct external_secret *external_secret,
                      int64_t now_ms)
{
    pthread_mutex_lock(&head_start->mutex);
    bool wanted = now_ms - find_or_make(head_start, external_secret, now_ms)->wanted_ms <
                  HEAD_START_WANTED_MS;
    pthread_mutex_unlock(&head_start->mutex);
    return wanted;
}

static int64_t end_ms(struct head_start *head_start, const struct external_secret *external_secret,
                      int64_t now_ms)
{
    pthread_mutex_lock(&head_start->mutex);
    int64_t first_ms = find_or_make(head_start, external_secret, now_ms)->first_ms;
    pthread_mutex_unlock(&head_start->mutex);
    return first_ms + head_start->length_ms;
}

int64_t head_start_left_ms(struct head_start *head_start,
                           const struct external_secret *external_secret, int64_t now_ms)
{
    if (external_secret->has_status) {
        return INT64_MAX;
    }
    int64_t left = end_ms(head_start, external_secret, now_ms) - now_ms;
    return left > 0 ? left : 0;
}

int64_t head_start_max_age_ms(struct head_start *head_start,
                              const struct external_secret *external_secret, int64_t now_ms,
                              int64_t max_age_ms)
{
    if (external_secret->has_status) {
        return max_age_ms;
    }
    int64_t over = now_ms - end_ms(head_start, external_secret, now_ms);
    over = over > 0 ? over : 0;
    return over < max_age_ms ? over : max_age_ms;
}

int64_t head_start_wait_ms(struct head_start *head_start,
                           const struct external_secret *external_secret, bool changed,
                           int64_t now_ms)
{
    if (changed && external_secret->status.ready) {
        return 0;
    }
    return is_wanted(head_start, external_secret, now_ms)
               ? head_start_left_ms(head_start, external_secret, now_ms)
               : INT64_MAX;
}

/* ---- the sink ---- */

static bool has_been_begun(const struct json *object)
{
    const struct json *status = json_member(object, "status");
    return json_first(json_member(status, "conditions")) != NULL ||
           !json_is_absent(json_member(status, "refreshTime"));
}

/* `unless_begun`: only while the operator has not come to it. */
static bool may_write(const struct yielding_sink *yielding, bool unless_begun, int64_t deadline_ms,
                      struct err *err)
{
    const struct external_secret *external_secret = yielding->external_secret;
    CLEANUP(owned_object_done) struct owned_object object = {0};
    const struct owned_target target = owned_external_secret(external_secret);
    if (!owned_object_get(yielding->client, &target, deadline_ms, &object, err)) {
        err->kind = err->kind == ERR_MISSING ? ERR_BUSY : err->kind;
        return false;
    }
    if (!owned_object_is_generation(&object, external_secret->generation) ||
        owned_object_is_deleting(&object)) {
        return err_set(err, ERR_BUSY, "it has changed meanwhile");
    }
    return !unless_begun || !has_been_begun(object.json) ||
           err_set(err, ERR_BUSY, "the External Secrets Operator has come to it");
}

static bool yielding_read(void *context, struct str_view namespace, struct str_view name,
                          int64_t deadline_ms, struct live_secret *ret, struct err *err)
{
    const struct yielding_sink *yielding = context;
    return yielding->sink.read(yielding->sink.context, namespace, name, deadline_ms, ret, err);
}

static bool yielding_create(void *context, struct str_view namespace, struct str_view field_manager,
                            const struct secret_buf *manifest, int64_t deadline_ms,
                            struct secret **ret, struct err *err)
{
    const struct yielding_sink *yielding = context;
    return may_write(yielding, true, deadline_ms, err) &&
           yielding->sink.create(yielding->sink.context, namespace, field_manager, manifest,
                                 deadline_ms, ret, err);
}

static bool yielding_replace(void *context, struct str_view namespace, struct str_view name,
                             struct str_view field_manager, const struct secret_buf *manifest,
                             int64_t deadline_ms, struct secret **ret, struct err *err)
{
    const struct yielding_sink *yielding = context;
    return may_write(yielding, !yielding->external_secret->has_status, deadline_ms, err) &&
           yielding->sink.replace(yielding->sink.context, namespace, name, field_manager, manifest,
                                  deadline_ms, ret, err);
}

static bool yielding_remove(void *context, struct str_view namespace, struct str_view name,
                            struct str_view uid, struct str_view resource_version,
                            int64_t deadline_ms, struct err *err)
{
    (void)context;
    (void)uid;
    (void)resource_version;
    (void)deadline_ms;
    return err_set(err, ERR_BUSY, "Secret %.*s/%.*s is the External Secrets Operator's to delete",
                   SV_ARG(namespace), SV_ARG(name));
}

struct secret_sink yielding_sink(struct yielding_sink *yielding)
{
    return (struct secret_sink){.read = yielding_read,
                                .create = yielding_create,
                                .replace = yielding_replace,
                                .remove = yielding_remove,
                                .context = yielding};
}
