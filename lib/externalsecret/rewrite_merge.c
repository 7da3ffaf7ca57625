/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/rewrite_merge.h"

#include <math.h>

#include "base/limits.h"
#include "externalsecret/number.h"
#include "externalsecret/template/json_read.h"
#include "externalsecret/template/json_write.h"

enum {
    SHOWN_KEY_BYTES = 128, /* of the list, which stands in the ExternalSecret */
    /* Bytes of a value that cost as much as a member: a list that names one key again and again
     * reads it each time. */
    BYTES_PER_STEP = 16,
    /* Members that are moved for a new one at the cost of a step. */
    MOVES_PER_STEP = 64,
};

struct merge {
    const struct external_secret_rewrite *rule;
    struct template_arena *arena;
    struct value members; /* a VALUE_DICT: of all objects so far */
};

static void merge_done(struct merge *merge)
{
    template_arena_free(merge->arena);
}

/* The arena speaks of templates, unless it is the whole effort that is over. */
static bool too_big(const struct merge *merge, struct err *err)
{
    return effort_left(template_arena_effort(merge->arena)) > 0 &&
           err_set(err, ERR_TOO_BIG,
                   "the value is too large to be merged, or nested deeper than %d",
                   LIMIT_JSON_DEPTH);
}

/* Where the string that begins at `at` ends, behind its quote. */
static size_t behind_string(struct str_view json, size_t at)
{
    for (at++; at < json.len && json.data[at] != '"'; at++) {
        at += json.data[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

static size_t number_length(struct str_view text)
{
    size_t len = 0;
    while (len < text.len && text.data[len] != '\0' && strchr("+-.0123456789eE", text.data[len])) {
        len++;
    }
    return len;
}

/* encoding/json goes on behind such a number, as json_read() does, but fails in the end. `json` is
 * valid. */
static bool has_number_over_range(struct str_view json)
{
    for (size_t at = 0; at < json.len;) {
        char byte = json.data[at];
        if (byte == '"') {
            at = behind_string(json, at);
        } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
            size_t len = number_length(sv_from(json, at));
            if (isinf(number_value(sv_first(sv_from(json, at), len)))) {
                return true;
            }
            at += len;
        } else {
            at++;
        }
    }
    return false;
}

static bool read_object(const struct merge *merge, const struct data_entry *entry,
                        struct value *ret, struct err *err)
{
    struct str_view text = secret_buf_view(&entry->value);
    bool valid = false;
    if (!template_arena_step(merge->arena, text.len / BYTES_PER_STEP, err) ||
        !json_read(merge->arena, text, ret, &valid, err)) {
        return too_big(merge, err);
    }
    if (!valid) {
        return err_set(err, ERR_INVALID, "the value is no JSON: only objects merge");
    }
    if (has_number_over_range(text)) {
        return err_set(err, ERR_INVALID,
                       "the value has a number over the range of float64: make it a string");
    }
    if (ret->kind != VALUE_DICT && ret->kind != VALUE_NIL) {
        return err_set(err, ERR_INVALID, "the value is JSON but no object: only objects merge");
    }
    return true;
}

static bool add_member(struct merge *merge, const struct value_member *member, struct err *err)
{
    struct value_dict *members = merge->members.dict;
    if (!merge->rule->conflict_ignored && value_dict_get(members, member->key)) {
        return err_set(err, ERR_INVALID,
                       "a member of the value is in an earlier value too: rename one, or set "
                       "conflictPolicy: Ignore");
    }
    if (!template_arena_step(merge->arena, 1 + members->count / MOVES_PER_STEP, err) ||
        !value_dict_put(merge->arena, members, member->key, member->value, err)) {
        return too_big(merge, err);
    }
    return true;
}

static bool add_members(struct merge *merge, const struct data_entry *entry, struct err *err)
{
    struct value object = {0};
    if (!read_object(merge, entry, &object, err)) {
        return false;
    }
    size_t count = object.kind == VALUE_DICT ? object.dict->count : 0;
    for (size_t i = 0; i < count; i++) {
        if (!add_member(merge, &object.dict->members[i], err)) {
            return false;
        }
    }
    return true;
}

static bool add_object(struct merge *merge, const struct data_map *map,
                       const struct data_entry *entry, struct err *err)
{
    return add_members(merge, entry, err) ||
           data_map_wrap(map, (size_t)(entry - map->entries), err);
}

static bool add_others(struct merge *merge, const struct data_map *map, struct err *err)
{
    const struct external_secret_rewrite *rule = merge->rule;
    CLEANUP(mem_free_ptr) char *has_priority = mem_alloc(map->count + 1);
    for (size_t i = 0; i < rule->priority_count; i++) {
        const struct data_entry *entry = data_map_get(map, rule->priority[i]);
        if (entry) {
            has_priority[entry - map->entries] = 1;
        }
    }
    for (size_t i = 0; i < map->count; i++) {
        if (!has_priority[i] && !add_object(merge, map, &map->entries[i], err)) {
            return false;
        }
    }
    return true;
}

static bool add_priority(struct merge *merge, const struct data_map *map, struct err *err)
{
    const struct external_secret_rewrite *rule = merge->rule;
    for (size_t i = 0; i < rule->priority_count; i++) {
        const struct data_entry *entry = data_map_get(map, rule->priority[i]);
        if (!entry && !rule->priority_may_miss) {
            return err_set(err, ERR_INVALID,
                           "priority[%zu]: there is no key \"%.*s\": correct it, or set "
                           "priorityPolicy: IgnoreNotFound",
                           i, SV_ARG(sv_first(rule->priority[i], SHOWN_KEY_BYTES)));
        }
        if (entry && !add_object(merge, map, entry, err)) {
            return false;
        }
    }
    return true;
}

static bool write_json(const struct value *value, enum json_style style, struct secret_buf *ret,
                       struct err *err)
{
    bool possible = false;
    return json_write(value, style, ret, &possible, err) &&
           (possible || err_set(err, ERR_INTERNAL, "a number that JSON cannot hold"));
}

/* The member as a value of a Secret. */
static bool write_member(const struct value *value, struct secret_buf *ret, struct err *err)
{
    if (value->kind == VALUE_STRING) {
        secret_buf_add(ret, value->text);
    } else if (value->kind == VALUE_FLOAT) {
        number_print_value(value->real, ret);
    } else if (value->kind != VALUE_NIL) {
        return write_json(value, JSON_COMPACT, ret, err);
    }
    return secret_buf_check(ret, "a member", err);
}

static bool extract_members(const struct merge *merge, struct data_map *map, struct err *err)
{
    CLEANUP(data_map_done) struct data_map extracted = {0};
    const struct value_dict *members = merge->members.dict;
    for (size_t i = 0; i < members->count; i++) {
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
        if (!write_member(&members->members[i].value, &value, err)) {
            return false;
        }
        data_map_put(&extracted, members->members[i].key, &value);
    }
    data_map_done(map);
    *map = extracted;
    extracted = (struct data_map){0};
    return true;
}

static bool put_json(const struct merge *merge, struct data_map *map, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf json = {0};
    secret_buf_init(&json, LIMIT_SECRET_DATA_BYTES);
    if (!write_json(&merge->members, JSON_RAW, &json, err)) {
        return false;
    }
    data_map_put(map, merge->rule->into, &json);
    return true;
}

bool rewrite_merge(const struct external_secret_rewrite *rule, struct effort *effort,
                   struct data_map *map, struct err *err)
{
    CLEANUP(merge_done)
    struct merge merge = {.rule = rule, .arena = template_arena_new(effort)};
    if (!value_dict_make(merge.arena, VALUE_DICT, 0, &merge.members, err) ||
        !add_others(&merge, map, err) || !add_priority(&merge, map, err)) {
        return false;
    }
    return rule->json ? put_json(&merge, map, err) : extract_members(&merge, map, err);
}
