/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/leading_sink.h"

static bool may_write(const struct leading_sink *leading, struct err *err)
{
    return leader_leads(leading->leader) ||
           err_set(err, ERR_BUSY, "another replica has become the leader meanwhile");
}

static bool leading_read(void *context, struct str_view namespace, struct str_view name,
                         int64_t deadline_ms, struct live_secret *ret, struct err *err)
{
    const struct leading_sink *leading = context;
    return leading->sink.read(leading->sink.context, namespace, name, deadline_ms, ret, err);
}

static bool leading_create(void *context, struct str_view namespace, struct str_view field_manager,
                           const struct secret_buf *manifest, int64_t deadline_ms,
                           struct secret **ret, struct err *err)
{
    const struct leading_sink *leading = context;
    return may_write(leading, err) &&
           leading->sink.create(leading->sink.context, namespace, field_manager, manifest,
                                deadline_ms, ret, err);
}

static bool leading_replace(void *context, struct str_view namespace, struct str_view name,
                            struct str_view field_manager, const struct secret_buf *manifest,
                            int64_t deadline_ms, struct secret **ret, struct err *err)
{
    const struct leading_sink *leading = context;
    return may_write(leading, err) &&
           leading->sink.replace(leading->sink.context, namespace, name, field_manager, manifest,
                                 deadline_ms, ret, err);
}

static bool leading_remove(void *context, struct str_view namespace, struct str_view name,
                           struct str_view uid, struct str_view resource_version,
                           int64_t deadline_ms, struct err *err)
{
    const struct leading_sink *leading = context;
    return may_write(leading, err) && leading->sink.remove(leading->sink.context, namespace, name,
                                                           uid, resource_version, deadline_ms, err);
}

struct secret_sink leading_sink(struct leading_sink *leading)
{
    return (struct secret_sink){.read = leading_read,
                                .create = leading_create,
                                .replace = leading_replace,
                                .remove = leading_remove,
                                .context = leading};
}
