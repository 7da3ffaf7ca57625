/* SPDX-License-Identifier: Apache-2.0 */
/* What a reconciliation meets: a source with one value for every key, and a sink that stores one
 * Secret and answers as an API server does. Both can be told to fail at any call, and somebody else
 * may be told to write first. */
#ifndef SCRIPTED_WORLD_H
#define SCRIPTED_WORLD_H

#include <check.h>

#include "base/limits.h"
#include "externalsecret/reconcile.h"

enum {
    DEADLINE_MS = 5000,
    SINCE_MS = 60,
};

static const struct hmac_key digest_key = {.bytes = {7}};

static struct {
    char *stored; /* the Secret as the API server has it; NULL: none */
    unsigned version;
    char manager[200];
    /* Calls so far, by kind and together. */
    unsigned reads, creates, replaces, removals, fetches, finds, calls;
    unsigned fail_at; /* the how manieth call fails; 0: none */
    enum err_kind failure;
    /* What somebody else writes just before our next write; NULL: nobody. */
    const char *rival;
    const char *secret_string; /* what the source answers; NULL: ERR_MISSING */
    size_t last_fetch_count;
    bool waiting;
    const char *config_map; /* value of each key of every object of templateFrom; NULL: none */
} world;

static bool failing(struct err *err)
{
    world.calls++;
    if (world.calls == world.fail_at) {
        return !err_set(err, world.failure, "call %u failed", world.calls);
    }
    return false;
}

static void store_text(const char *text)
{
    free(world.stored);
    world.stored = text ? str_dup(text) : NULL;
    for (char *at = world.stored; at && *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
}

static char *replace_once(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "%s in %s", from, text);
    CLEANUP(buf_done) struct buf out = {0};
    buf_init(&out, 65536);
    buf_append(&out, text, (size_t)(at - text));
    buf_add_str(&out, to);
    buf_add_str(&out, at + strlen(from));
    return buf_take(&out);
}

static void answer(struct live_secret *ret)
{
    struct secret_buf body = {0};
    struct err err = {0};
    secret_buf_init(&body, LIMIT_KUBE_ANSWER_BYTES);
    secret_buf_add(&body, sv_of(world.stored));
    ck_assert_msg(live_secret_read(&body, &digest_key, ret, &err), "%s", err.message);
}

static void answer_record(struct secret **ret)
{
    CLEANUP(live_secret_done) struct live_secret live = {0};
    answer(&live);
    *ret = live.record;
    live.record = NULL;
}

static bool sink_read(void *context, struct str_view namespace, struct str_view name,
                      int64_t deadline_ms, struct live_secret *ret, struct err *err)
{
    (void)context;
    world.reads++;
    ck_assert(sv_is(namespace, "prod") && sv_is(name, "db"));
    ck_assert_int_eq(deadline_ms, DEADLINE_MS);
    if (failing(err)) {
        return false;
    }
    if (world.stored) {
        answer(ret);
    }
    return true;
}

static void rival_writes(void)
{
    if (world.rival) {
        store_text(world.rival[0] ? world.rival : NULL);
        world.rival = NULL;
    }
}

static void keep_manager(struct str_view manager)
{
    (void)snprintf(world.manager, sizeof world.manager, "%.*s", SV_ARG(manager));
}

static bool sink_create(void *context, struct str_view namespace, struct str_view field_manager,
                        const struct secret_buf *manifest, int64_t deadline_ms, struct secret **ret,
                        struct err *err)
{
    (void)context;
    (void)namespace;
    (void)deadline_ms;
    world.creates++;
    keep_manager(field_manager);
    if (failing(err)) {
        return false;
    }
    rival_writes();
    if (world.stored) {
        return err_set(err, ERR_CONFLICT, "AlreadyExists");
    }
    CLEANUP(mem_free_ptr)
    char *text = replace_once(manifest->bytes.data, "\"metadata\":{",
                              "\"metadata\":{\"uid\":\"s-uid\",\"resourceVersion\":\"rv1\",");
    world.version = 1;
    store_text(text);
    answer_record(ret);
    return true;
}

static bool sink_replace(void *context, struct str_view namespace, struct str_view name,
                         struct str_view field_manager, const struct secret_buf *manifest,
                         int64_t deadline_ms, struct secret **ret, struct err *err)
{
    (void)context;
    (void)namespace;
    (void)name;
    (void)deadline_ms;
    world.replaces++;
    keep_manager(field_manager);
    if (failing(err)) {
        return false;
    }
    rival_writes();
    if (!world.stored) {
        return err_set(err, ERR_MISSING, "NotFound");
    }
    char was[40];
    char becomes[40];
    (void)snprintf(was, sizeof was, "\"resourceVersion\":\"rv%u\"", world.version);
    (void)snprintf(becomes, sizeof becomes, "\"resourceVersion\":\"rv%u\"", world.version + 1);
    if (!strstr(world.stored, was) || !strstr(manifest->bytes.data, was)) {
        return err_set(err, ERR_CONFLICT, "Conflict");
    }
    CLEANUP(mem_free_ptr) char *text = replace_once(manifest->bytes.data, was, becomes);
    world.version++;
    store_text(text);
    answer_record(ret);
    return true;
}

static bool source_read(void *context, const struct remote_request *request,
                        struct remote_read *reads, size_t count, struct err *err)
{
    (void)context;
    world.fetches++;
    world.last_fetch_count = count;
    ck_assert(sv_is(request->store->aws.region, "eu-west-1"));
    ck_assert(sv_is(request->namespace, "prod"));
    ck_assert(request->waiting == world.waiting);
    ck_assert_int_eq(request->since_ms, SINCE_MS);
    ck_assert_int_eq(request->deadline_ms, DEADLINE_MS);
    if (failing(err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        reads[i].missing = !world.secret_string && reads[i].may_miss;
        if (reads[i].missing) {
            continue;
        }
        if (!world.secret_string) {
            return err_set(err, ERR_MISSING, "secret %.*s: ResourceNotFoundException",
                           SV_ARG(reads[i].key));
        }
        secret_buf_init(&reads[i].value, LIMIT_AWS_VALUE_BYTES);
        secret_buf_add(&reads[i].value, sv_of(world.secret_string));
    }
    return true;
}

static bool source_find(void *context, const struct remote_request *request,
                        const struct remote_find *find, struct data_map *ret, struct err *err)
{
    (void)context;
    (void)find;
    world.finds++;
    ck_assert(!request->waiting);
    if (failing(err)) {
        return false;
    }
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, SV("found"));
    if (world.secret_string) {
        data_map_put(ret, SV("by-name"), &value);
    }
    return true;
}

static bool sink_remove(void *context, struct str_view namespace, struct str_view name,
                        struct str_view uid, struct str_view resource_version, int64_t deadline_ms,
                        struct err *err)
{
    (void)context;
    (void)deadline_ms;
    world.removals++;
    ck_assert(sv_is(namespace, "prod") && sv_is(name, "db") && uid.len > 0);
    if (failing(err)) {
        return false;
    }
    rival_writes();
    if (!world.stored) {
        return err_set(err, ERR_MISSING, "NotFound");
    }
    char version[40];
    (void)snprintf(version, sizeof version, "\"%.*s\"", SV_ARG(resource_version));
    if (!strstr(world.stored, version)) {
        return err_set(err, ERR_CONFLICT, "Conflict");
    }
    store_text(NULL);
    return true;
}

static bool templates_read(void *context, enum template_from_kind kind, struct str_view namespace,
                           struct str_view name, int64_t deadline_ms, struct data_map *ret,
                           struct err *err)
{
    (void)context;
    (void)kind;
    ck_assert(sv_is(namespace, "prod"));
    ck_assert_int_eq(deadline_ms, DEADLINE_MS);
    if (failing(err)) {
        return false;
    }
    if (!world.config_map) {
        return err_set(err, ERR_MISSING, "%.*s: NotFound", SV_ARG(name));
    }
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, sv_of(world.config_map));
    data_map_put(ret, SV("key"), &value);
    return true;
}

/* Whatever is asked for is the one store of the test. */
static struct store *find_store(void *context, const struct external_secret *external_secret,
                                const struct store_ref *ref, struct err *err)
{
    struct store **store = context;
    (void)external_secret;
    if (!*store) {
        (void)err_set(err, ERR_MISSING, "SecretStore %.*s does not exist", SV_ARG(ref->name));
        return NULL;
    }
    return store_retain(*store);
}

#endif
