/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/plan.h"

#include "base/limits.h"
#include "base/table.h"
#include "externalsecret/property.h"

enum {
    SHOWN_BYTES = 80, /* of a name in a message: the cause stands behind it */
};

void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->read_count; i++) {
        secret_buf_done(&plan->reads[i].value);
    }
    free(plan->reads);
    free(plan->read_of);
    *plan = (struct plan){0};
}

/* What the API server takes for a key of a Secret's data. */
static bool is_data_key(struct str_view key)
{
    if (key.len == 0 || key.len > LIMIT_KEY_BYTES || sv_is(key, ".") ||
        sv_starts_with(key, SV(".."))) {
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        char byte = key.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && byte != '-' && byte != '_' && byte != '.') {
            return false;
        }
    }
    return true;
}

static bool check_entry(const struct external_secret_data *data, size_t index, struct err *err)
{
    if (!is_data_key(data->secret_key)) {
        return err_set(err, ERR_INVALID, "spec.data[%zu].secretKey is no key of a Secret", index);
    }
    if (data->remote_key.len == 0) {
        return err_set(err, ERR_INVALID, "spec.data[%zu].remoteRef.key is empty", index);
    }
    if (data->property.len > 0 && !property_check(data->property, err)) {
        return err_wrap(err, "spec.data[%zu].remoteRef.property", index);
    }
    return true;
}

bool plan_check_supported(const struct external_secret *external_secret, struct err *err)
{
    if (external_secret->unsupported.len > 0) {
        return err_set(err, ERR_INVALID, "%.*s is not supported",
                       SV_ARG(external_secret->unsupported));
    }
    for (size_t i = 0; i < external_secret->data_count; i++) {
        if (!check_entry(&external_secret->data[i], i, err)) {
            return false;
        }
    }
    return true;
}

/* Key and version with a NUL between them, which neither can hold. */
static void name_read(const struct external_secret_data *data, struct buf *ret)
{
    buf_clear(ret);
    buf_add(ret, data->remote_key);
    buf_add_byte(ret, '\0');
    buf_add(ret, data->version);
}

void plan_make(const struct external_secret *external_secret, struct plan *ret)
{
    size_t count = external_secret->data_count;
    struct table known;
    CLEANUP(buf_done) struct buf name = {0};
    table_init(&known, NULL);
    buf_init(&name, LIMIT_ELEMENT_BYTES);
    *ret = (struct plan){
        .reads = mem_alloc_array(count, sizeof *ret->reads),
        .read_of = mem_alloc_array(count, sizeof *ret->read_of),
    };
    for (size_t i = 0; i < count; i++) {
        const struct external_secret_data *data = &external_secret->data[i];
        name_read(data, &name);
        struct remote_read *read = table_get(&known, buf_view(&name));
        if (!read) {
            read = &ret->reads[ret->read_count++];
            *read = (struct remote_read){
                .key = data->remote_key, .version = data->version, .prefer_binary = true};
            table_put(&known, buf_view(&name), read);
        }
        read->prefer_binary = read->prefer_binary && data->property.len > 0;
        ret->read_of[i] = (size_t)(read - ret->reads);
    }
    table_done(&known);
}

static bool collect_entry(const struct external_secret_data *data, const struct remote_read *read,
                          struct data_map *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    if (data->property.len == 0) {
        secret_buf_add(&value, secret_buf_view(&read->value));
    } else if (!property_read(secret_buf_view(&read->value), data->property, &value, err)) {
        return err_wrap(err, "property %.*s of remote secret %.*s",
                        SV_ARG(sv_first(data->property, SHOWN_BYTES)),
                        SV_ARG(sv_first(data->remote_key, SHOWN_BYTES)));
    }
    if (!secret_buf_check(&value, "the value", err)) {
        return err_wrap(err, "remote secret %.*s", SV_ARG(sv_first(data->remote_key, SHOWN_BYTES)));
    }
    data_map_put(ret, data->secret_key, &value);
    return true;
}

bool plan_collect(const struct external_secret *external_secret, const struct plan *plan,
                  struct data_map *ret, struct err *err)
{
    for (size_t i = 0; i < external_secret->data_count; i++) {
        const struct external_secret_data *data = &external_secret->data[i];
        if (!collect_entry(data, &plan->reads[plan->read_of[i]], ret, err)) {
            return err_wrap(err, "data key %.*s", SV_ARG(sv_first(data->secret_key, SHOWN_BYTES)));
        }
    }
    return data_map_check_size(ret, err);
}
