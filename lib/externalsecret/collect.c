/* SPDX-License-Identifier: Apache-2.0 */
/* plan_collect(): from what was read to the data map. */
#include "base/limits.h"
#include "externalsecret/decode.h"
#include "externalsecret/extract.h"
#include "externalsecret/keys.h"
#include "externalsecret/plan.h"
#include "externalsecret/property.h"
#include "externalsecret/rewrite.h"

enum {
    SHOWN_BYTES = 80, /* of a name in a message: the cause stands behind it */
    /* Of the effort: bytes that extract reads, and entries that are moved for a new one. */
    BYTES_A_STEP = 16,
    MOVES_A_STEP = 64,
};

/* What an entry takes out of its remote secret. */
static bool take_value(const struct remote_read *read, struct str_view property,
                       struct effort *effort, struct secret_buf *ret, struct err *err)
{
    bool (*const read_property)(struct str_view, struct str_view, struct effort *,
                                struct secret_buf *, struct err *) =
        read->fake ? property_read_path : property_read;
    secret_buf_init(ret, LIMIT_SECRET_DATA_BYTES);
    if (property.len == 0) {
        secret_buf_add(ret, secret_buf_view(&read->value));
    } else if (!read_property(secret_buf_view(&read->value), property, effort, ret, err)) {
        return err_wrap(err, "property %.*s of remote secret %.*s",
                        SV_ARG(sv_first(property, SHOWN_BYTES)),
                        SV_ARG(sv_first(read->key, SHOWN_BYTES)));
    }
    return secret_buf_check(ret, "the value", err) ||
           err_wrap(err, "remote secret %.*s", SV_ARG(sv_first(read->key, SHOWN_BYTES)));
}

/* Of one entry of data, whose key is known, or of one key of a map. */
static bool finish_value(enum decoding_strategy decoding, bool null_bytes_fail,
                         struct secret_buf *value, struct err *err)
{
    return decode_value(decoding, value, err) &&
           decode_check_null_bytes(null_bytes_fail, secret_buf_view(value), err);
}

static bool finish_map(const struct external_secret_data_from *from, struct data_map *map,
                       struct err *err)
{
    for (size_t i = 0; i < map->count; i++) {
        struct data_entry *entry = &map->entries[i];
        if (!finish_value(from->decoding, from->null_bytes_fail, &entry->value, err)) {
            return data_map_wrap(map, i, err);
        }
    }
    return true;
}

/* From the keys that came to those that are wanted. Rewriting takes the place of conversion. */
static bool shape_map(const struct external_secret_data_from *from, struct effort *effort,
                      struct data_map *map, struct err *err)
{
    bool named = from->rewrite_count > 0
                     ? rewrite_apply(from->rewrites, from->rewrite_count, effort, map, err) ||
                           err_wrap(err, "rewrite")
                     : keys_convert(from->conversion, map, err);
    return named && keys_validate(map, err) && finish_map(from, map, err);
}

static void note_missing(struct plan *plan, bool data_from, size_t entry,
                         struct str_view remote_key)
{
    plan->missing[plan->missing_count++] =
        (struct plan_missing){.data_from = data_from, .entry = entry, .remote_key = remote_key};
}

/* After a failure: no such property, which to that provider is no such remote secret. */
static bool is_missing(const struct remote_read *read, const struct err *err)
{
    return read->fake && read->may_miss && err->kind == ERR_MISSING;
}

static bool collect_extract(const struct external_secret_data_from *from,
                            const struct remote_read *read, struct effort *effort,
                            struct data_map *ret, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf payload = {0};
    if (!effort_spend(effort, 1 + read->value.bytes.len / BYTES_A_STEP, err)) {
        return false;
    }
    if (from->property.len == 0) {
        return extract_object(secret_buf_view(&read->value), ret, err) ||
               err_wrap(err, "remote secret %.*s", SV_ARG(sv_first(read->key, SHOWN_BYTES)));
    }
    return take_value(read, from->property, effort, &payload, err) &&
           (extract_object(secret_buf_view(&payload), ret, err) ||
            err_wrap(err, "property %.*s of remote secret %.*s",
                     SV_ARG(sv_first(from->property, SHOWN_BYTES)),
                     SV_ARG(sv_first(read->key, SHOWN_BYTES))));
}

/* One remote value may be asked for by as many entries as an ExternalSecret has room for, and all
 * of them are held until the last is there. */
static bool count_bytes(size_t more, size_t *bytes, struct err *err)
{
    *bytes += more;
    return *bytes <= LIMIT_REMOTE_BYTES ||
           err_set(err, ERR_TOO_BIG, "its values have more than %d bytes together",
                   LIMIT_REMOTE_BYTES);
}

/* `*find` is the find of this entry or of a later one. */
static bool collect_from(const struct external_secret *external_secret, struct plan *plan,
                         size_t entry, struct plan_find **find, struct data_map *ret, size_t *bytes,
                         struct err *err)
{
    const struct external_secret_data_from *from = &external_secret->data_from[entry];
    CLEANUP(data_map_done) struct data_map map = {0};
    if (from->kind == DATA_FROM_FIND) {
        data_map_merge(&map, &(*find)++->found);
    } else if (from->kind == DATA_FROM_EXTRACT) {
        const struct remote_read *read = &plan->reads[plan->read_of_extract[entry]];
        if (read->missing) {
            note_missing(plan, true, entry, from->remote_key);
            return true;
        }
        if (!collect_extract(from, read, &plan->effort, &map, err)) {
            bool missing = is_missing(read, err);
            if (missing) {
                note_missing(plan, true, entry, from->remote_key);
            }
            return missing;
        }
    }
    if (!shape_map(from, &plan->effort, &map, err) ||
        !count_bytes(data_map_bytes(&map), bytes, err)) {
        return false;
    }
    data_map_merge(ret, &map);
    return true;
}

static bool collect_data(const struct external_secret *external_secret, struct plan *plan,
                         size_t entry, struct data_map *ret, size_t *bytes, struct err *err)
{
    const struct external_secret_data *data = &external_secret->data[entry];
    const struct remote_read *read = &plan->reads[plan->read_of_data[entry]];
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    if (read->missing) {
        note_missing(plan, false, entry, data->remote_key);
        return true;
    }
    bool taken = effort_spend(&plan->effort, 1 + ret->count / MOVES_A_STEP, err) &&
                 take_value(read, data->property, &plan->effort, &value, err);
    if (!taken && is_missing(read, err)) {
        note_missing(plan, false, entry, data->remote_key);
        return true;
    }
    if (!taken || !finish_value(data->decoding, data->null_bytes_fail, &value, err)) {
        return err_wrap(err, "data key %.*s", SV_ARG(sv_first(data->secret_key, SHOWN_BYTES)));
    }
    if (!count_bytes(data->secret_key.len + value.bytes.len, bytes, err)) {
        return false;
    }
    data_map_put(ret, data->secret_key, &value);
    return true;
}

bool plan_collect(const struct external_secret *external_secret, struct plan *plan,
                  struct data_map *ret, struct err *err)
{
    struct plan_find *find = plan->finds;
    size_t bytes = 0;
    plan->effort = effort_of(LIMIT_EFFORT_STEPS);
    free(plan->missing);
    plan->missing_count = 0;
    plan->missing = mem_alloc_array(external_secret->data_from_count + external_secret->data_count,
                                    sizeof *plan->missing);
    for (size_t i = 0; i < external_secret->data_from_count; i++) {
        if (!collect_from(external_secret, plan, i, &find, ret, &bytes, err)) {
            return err_wrap(err, "spec.dataFrom[%zu]", i);
        }
    }
    for (size_t i = 0; i < external_secret->data_count; i++) {
        if (!collect_data(external_secret, plan, i, ret, &bytes, err)) {
            return err_wrap(err, "spec.data[%zu]", i);
        }
    }
    return data_map_check_size(ret, err);
}
