/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/namespace.h"

#include "objects/external_secret_parts.h"
#include "objects/metadata.h"
#include "objects/schema.h"

static void take_text(struct namespace *namespace, struct text_pool *pool)
{
    text_pool_take_names(pool, &namespace->scope, &namespace->name);
    string_pairs_take_text(namespace->labels, namespace->label_count, pool);
}

bool namespace_decode(const struct json *object, struct namespace **ret, struct err *err)
{
    struct metadata metadata;
    CLEANUP(buf_done) struct buf wrong;
    buf_init(&wrong, SCHEMA_PATH_BYTES);
    if (!metadata_decode(object, false, &metadata, err)) {
        return false;
    }
    struct namespace *namespace = mem_alloc(sizeof *namespace);
    atomic_init(&namespace->references, 1);
    namespace->name = metadata.name;
    namespace->labels = string_pairs_decode(json_member(metadata.json, "labels"), "metadata.labels",
                                            &namespace->label_count, &wrong);
    struct text_pool counted = {0};
    take_text(namespace, &counted);
    namespace->storage = mem_alloc(counted.size);
    struct text_pool pool = {.at = namespace->storage};
    take_text(namespace, &pool);
    /* A condition must not be taken for met because of a label that nobody could read. */
    if (wrong.len > 0) {
        namespace_release(namespace);
        return err_set(err, ERR_INVALID, "metadata.labels is no map of texts");
    }
    *ret = namespace;
    return true;
}

struct namespace *namespace_retain(struct namespace *namespace)
{
    atomic_fetch_add_explicit(&namespace->references, 1, memory_order_relaxed);
    return namespace;
}

void namespace_release(struct namespace *namespace)
{
    if (namespace &&
        atomic_fetch_sub_explicit(&namespace->references, 1, memory_order_acq_rel) == 1) {
        free(namespace->labels);
        free(namespace->storage);
        free(namespace);
    }
}
