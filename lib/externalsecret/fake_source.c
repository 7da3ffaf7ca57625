/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/fake_source.h"

#include "base/limits.h"
#include "base/table.h"
#include "externalsecret/keys.h"

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
        reads[i].fake = true;
        if (!value && reads[i].may_miss) {
            reads[i].missing = true;
            continue;
        }
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

/* Of several versions of one key the one that sorts last, and of several of that the last. */
static void keep_latest(struct table *latest, const struct store_fake_value *value)
{
    const struct store_fake_value *other = table_get(latest, value->key);
    if (value->key.len > 0 && (!other || sv_compare(other->version, value->version) <= 0)) {
        table_put(latest, value->key, (void *)value);
    }
}

static bool put_matching(const struct regex *name, const struct store_fake_value *value,
                         struct data_map *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf copy = {0};
    bool matches = false;
    if (!regex_matches(name, value->key, NULL, &matches, err)) {
        return false;
    }
    if (!matches) {
        return true;
    }
    secret_buf_init(&copy, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&copy, secret_buf_view(&value->value));
    data_map_put(ret, value->key, &copy);
    return true;
}

static bool find_all(void *context, const struct remote_request *request,
                     const struct remote_find *wanted, struct data_map *ret, struct err *err)
{
    const struct store *store = request->store;
    CLEANUP(table_done) struct table latest = {0};
    CLEANUP(data_map_done) struct data_map found = {0};
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    (void)context;
    if (!wanted->name) {
        return err_set(err, ERR_INVALID, "store %.*s finds remote secrets by name only",
                       SV_ARG(store->name));
    }
    table_init_borrowing(&latest, NULL);
    for (size_t i = 0; i < store->fake_count; i++) {
        keep_latest(&latest, &store->fake[i]);
    }
    while (table_next(&latest, &position, &key, &value)) {
        if (!put_matching(wanted->name, value, &found, err)) {
            return false;
        }
    }
    if (!keys_convert(wanted->conversion, &found, err)) {
        return false;
    }
    data_map_merge(ret, &found);
    return true;
}

struct secret_source fake_source(void)
{
    return (struct secret_source){.read = read_all, .find = find_all};
}
