/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that counts what comes through one that stands before it, and does nothing. */
#ifndef TESTS_WEBHOOK_COUNTING_SINK_H
#define TESTS_WEBHOOK_COUNTING_SINK_H

#include "externalsecret/sink.h"

static struct {
    unsigned reads;
    unsigned creates;
    unsigned replaces;
    unsigned removes;
} came;

static inline bool count_read(void *context, struct str_view namespace, struct str_view name,
                              int64_t deadline_ms, struct live_secret *ret, struct err *err)
{
    (void)context;
    (void)namespace;
    (void)name;
    (void)deadline_ms;
    (void)ret;
    (void)err;
    came.reads++;
    return true;
}

static inline bool count_create(void *context, struct str_view namespace,
                                struct str_view field_manager, const struct secret_buf *manifest,
                                int64_t deadline_ms, struct secret **ret, struct err *err)
{
    (void)context;
    (void)namespace;
    (void)field_manager;
    (void)manifest;
    (void)deadline_ms;
    (void)ret;
    (void)err;
    came.creates++;
    return true;
}

static inline bool count_replace(void *context, struct str_view namespace, struct str_view name,
                                 struct str_view field_manager, const struct secret_buf *manifest,
                                 int64_t deadline_ms, struct secret **ret, struct err *err)
{
    (void)context;
    (void)namespace;
    (void)name;
    (void)field_manager;
    (void)manifest;
    (void)deadline_ms;
    (void)ret;
    (void)err;
    came.replaces++;
    return true;
}

static inline bool count_remove(void *context, struct str_view namespace, struct str_view name,
                                struct str_view uid, struct str_view resource_version,
                                int64_t deadline_ms, struct err *err)
{
    (void)context;
    (void)namespace;
    (void)name;
    (void)uid;
    (void)resource_version;
    (void)deadline_ms;
    (void)err;
    came.removes++;
    return true;
}

#define COUNTING_SINK                                                                              \
    {                                                                                              \
        .read = count_read, .create = count_create, .replace = count_replace,                      \
        .remove = count_remove                                                                     \
    }

#endif
