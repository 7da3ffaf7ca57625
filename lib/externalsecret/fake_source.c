/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/fake_source.h"

#include "base/limits.h"

enum {
    SHOWN_BYTES = 80,
};

static const struct store_fake_value *find(const struct store *store,
                                           const struct remote_read *read)
{
    for (size_t i = store->fake_count; i > 0; i--) {
        const struct store_fake_value *value = &store->fake[i - 1];
        if (sv_equal(value->key, read->key) && sv_equal(value->version, read->version)) {
            return value;
        }
    }
    return NULL;
}

static bool read_all(void *context, const struct remote_request *request, struct remote_read *reads,
                     size_t count, struct err *err)
{
    const struct store *store = request->store;
    (void)context;
    for (size_t i = 0; i < count; i++) {
        const struct store_fake_value *value = find(store, &reads[i]);
        if (!value) {
            return err_set(err, ERR_MISSING, "store %.*s has no remote secret %.*s%s%.*s",
                           SV_ARG(store->name), SV_ARG(sv_first(reads[i].key, SHOWN_BYTES)),
                           reads[i].version.len ? " of version " : "",
                           SV_ARG(sv_first(reads[i].version, SHOWN_BYTES)));
        }
        secret_buf_init(&reads[i].value, LIMIT_SECRET_DATA_BYTES);
        secret_buf_add(&reads[i].value, secret_buf_view(&value->value));
        if (!secret_buf_check(&reads[i].value, "remote secret", err)) {
            return false;
        }
    }
    return true;
}

struct secret_source fake_source(void)
{
    return (struct secret_source){.read = read_all};
}
