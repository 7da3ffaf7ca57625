/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/property_modifier.h"

#include "base/unicode.h"
#include "base/utf8.h"
#include "externalsecret/json_text.h"
#include "externalsecret/property_path.h"
#include "externalsecret/template/json_write.h"

/* The last member of this name in an argument {"name":true}. */
static bool option_of(struct property_run *run, struct str_view argument, const char *name)
{
    struct property_value options = property_parse(run, argument);
    struct property_each each = property_each(run, &options);
    struct property_value key;
    struct property_value value;
    bool ret = false;
    while (property_each_next(&each, &key, &value)) {
        if (key.type == PROPERTY_STRING && sv_is(key.str, name)) {
            ret = property_value_is_true(&value);
        }
    }
    return ret;
}

static bool is_valid(struct property_run *run, struct str_view json)
{
    size_t offset = 0;
    return property_run_spend(run, json.len) && json_text_is_valid(json, json.len, &offset);
}

/* In text order the parts lie; they are written from the last to the first. */
static struct str_view reverse(struct property_run *run, struct str_view json)
{
    struct property_value whole = property_parse(run, json);
    bool object = property_value_is_object(&whole);
    if (!object && !property_value_is_array(&whole)) {
        return json;
    }
    CLEANUP(secret_buf_done) struct secret_buf back = {0};
    struct secret_buf out = {0};
    property_run_open(run, &back);
    property_run_open(run, &out);
    struct property_each each = property_each(run, &whole);
    struct property_value key;
    struct property_value value;
    size_t total = 0;
    while (property_each_next(&each, &key, &value)) {
        total += key.raw.len + value.raw.len + 2;
    }
    char *start = buf_extend(&out.bytes, total ? total + 1 : 2);
    if (!start) {
        return property_run_keep(run, &out);
    }
    char *at = start + (total ? total : 1);
    *at = object ? '}' : ']';
    /* Each part is put in front of those before it. */
    each = property_each(run, &whole);
    bool first = true;
    while (property_each_next(&each, &key, &value)) {
        if (!first) {
            *--at = ',';
        }
        first = false;
        at -= value.raw.len;
        memcpy(at, value.raw.data, value.raw.len);
        if (object) {
            *--at = ':';
            at -= key.raw.len;
            memcpy(at, key.raw.data, key.raw.len);
        }
    }
    *--at = object ? '{' : '[';
    buf_drop_front(&out.bytes, (size_t)(at - start));
    return property_run_keep(run, &out);
}

/* Without the bytes up to U+0020 that are in no string. */
static struct str_view ugly(struct property_run *run, struct str_view json)
{
    struct secret_buf out = {0};
    property_run_open(run, &out);
    for (size_t i = 0; i < json.len; i++) {
        if ((unsigned char)json.data[i] <= ' ') {
            continue;
        }
        size_t start = i;
        if (json.data[i] == '"') {
            for (i++; i < json.len && json.data[i] != '"'; i++) {
                i += json.data[i] == '\\' ? 1 : 0;
            }
        }
        secret_buf_append(&out, json.data + start, (i < json.len ? i + 1 : json.len) - start);
    }
    return property_run_keep(run, &out);
}

static struct str_view trim_space(struct str_view text)
{
    size_t bytes = 0;
    while (text.len && unicode_is_space(utf8_first(text, &bytes))) {
        text = sv_from(text, bytes);
    }
    while (text.len && unicode_is_space(utf8_last(text, &bytes))) {
        text.len -= bytes;
    }
    return text;
}

/* Without the first and the last byte, whatever that is. */
static struct str_view unwrap(struct str_view json)
{
    while (json.len && (unsigned char)json.data[0] <= ' ') {
        json = sv_from(json, 1);
    }
    while (json.len && (unsigned char)json.data[json.len - 1] <= ' ') {
        json.len--;
    }
    bool wrapped = json.len >= 2 && (json.data[0] == '[' || json.data[0] == '{');
    return wrapped ? sv_make(json.data + 1, json.len - 2) : json;
}

static struct str_view flatten(struct property_run *run, struct str_view json, bool deep)
{
    struct property_value whole = property_parse(run, json);
    if (!property_value_is_array(&whole)) {
        return json;
    }
    struct secret_buf out = {0};
    property_run_open(run, &out);
    buf_add_byte(&out.bytes, '[');
    if (property_run_enter(run)) {
        struct property_each each = property_each(run, &whole);
        struct property_value key;
        struct property_value value;
        while (property_each_next(&each, &key, &value)) {
            struct str_view text = value.raw;
            if (property_value_is_array(&value)) {
                text = unwrap(deep ? flatten(run, text, true) : text);
            }
            text = trim_space(text);
            secret_buf_add(&out, text.len && out.bytes.len > 1 ? SV(",") : SV(""));
            secret_buf_add(&out, text);
        }
    }
    property_run_leave(run);
    buf_add_byte(&out.bytes, ']');
    return property_run_keep(run, &out);
}

/* One member of the objects that are joined. */
struct joined {
    struct property_value key;
    struct str_view value;
};

struct joined_list {
    struct joined *all;
    size_t count;
    size_t capacity;
};

static void joined_list_done(struct joined_list *list)
{
    free(list->all);
}

static void join_member(struct property_run *run, struct joined_list *list,
                        const struct property_value *key, struct str_view value)
{
    (void)property_run_spend(run, list->count);
    for (size_t i = 0; i < list->count && !run->exhausted; i++) {
        if (sv_equal(list->all[i].key.str, key->str)) {
            list->all[i].value = value;
            return;
        }
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->all = mem_resize_array(list->all, list->capacity, sizeof *list->all);
    }
    list->all[list->count++] = (struct joined){.key = *key, .value = value};
}

static void join_object(struct property_run *run, const struct property_value *object,
                        struct joined_list *list)
{
    struct property_each each = property_each(run, object);
    struct property_value key;
    struct property_value value;
    while (!run->exhausted && property_each_next(&each, &key, &value)) {
        join_member(run, list, &key, value.raw);
    }
}

static void add_member(struct str_view key, struct str_view value, struct secret_buf *out)
{
    secret_buf_add(out, key);
    buf_add_byte(&out->bytes, ':');
    secret_buf_add(out, value);
}

/* Of equal keys the first one's place and the last one's value, unless all are preserved. */
static struct str_view join(struct property_run *run, struct str_view json, bool preserve)
{
    struct property_value whole = property_parse(run, json);
    if (!property_value_is_array(&whole)) {
        return json;
    }
    CLEANUP(joined_list_done) struct joined_list list = {0};
    struct secret_buf out = {0};
    property_run_open(run, &out);
    buf_add_byte(&out.bytes, '{');
    struct property_each each = property_each(run, &whole);
    struct property_value key;
    struct property_value value;
    size_t objects = 0;
    while (!run->exhausted && property_each_next(&each, &key, &value)) {
        if (!property_value_is_object(&value)) {
            continue;
        }
        if (preserve) {
            secret_buf_add(&out, objects++ ? SV(",") : SV(""));
            secret_buf_add(&out, unwrap(value.raw));
        } else {
            join_object(run, &value, &list);
        }
    }
    for (size_t i = 0; i < list.count; i++) {
        secret_buf_add(&out, i ? SV(",") : SV(""));
        add_member(list.all[i].key.raw, list.all[i].value, &out);
    }
    buf_add_byte(&out.bytes, '}');
    return property_run_keep(run, &out);
}

/* The keys, or else the values; an array's keys are null. */
static struct str_view list_parts(struct property_run *run, struct str_view json, bool keys)
{
    struct property_value whole = property_parse(run, json);
    if (!keys && property_value_is_array(&whole)) {
        return json;
    }
    struct secret_buf out = {0};
    property_run_open(run, &out);
    buf_add_byte(&out.bytes, '[');
    struct property_each each = property_each(run, &whole);
    struct property_value key;
    struct property_value value;
    bool first = true;
    while (property_each_next(&each, &key, &value)) {
        secret_buf_add(&out, first ? SV("") : SV(","));
        first = false;
        secret_buf_add(&out, !keys                              ? value.raw
                             : property_value_is_object(&whole) ? key.raw
                                                                : SV("null"));
    }
    buf_add_byte(&out.bytes, ']');
    return property_run_keep(run, &out);
}

static struct str_view to_string(struct property_run *run, struct str_view json)
{
    struct secret_buf out = {0};
    property_run_open(run, &out);
    json_write_text(json, JSON_COMPACT, &out.bytes);
    return property_run_keep(run, &out);
}

static struct str_view from_string(struct property_run *run, struct str_view json)
{
    if (!is_valid(run, json)) {
        return (struct str_view){0};
    }
    struct property_value value = property_parse(run, json);
    struct secret_buf out = {0};
    property_run_open(run, &out);
    property_value_print(&value, &out);
    return property_run_keep(run, &out);
}

/* One object of the result of @group, from its first key on. */
struct groups {
    struct secret_buf *all;
    size_t count;
    size_t capacity;
};

static void groups_done(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        secret_buf_done(&groups->all[i]);
    }
    free(groups->all);
}

static struct secret_buf *group_at(struct property_run *run, struct groups *groups, size_t index)
{
    if (index == groups->count) {
        if (groups->count == groups->capacity) {
            groups->capacity = groups->capacity ? groups->capacity * 2 : 16;
            groups->all = mem_resize_array(groups->all, groups->capacity, sizeof *groups->all);
        }
        groups->all[groups->count] = (struct secret_buf){0};
        property_run_open(run, &groups->all[groups->count++]);
    }
    return &groups->all[index];
}

static void group_array(struct property_run *run, struct str_view key,
                        const struct property_value *array, struct groups *groups)
{
    struct property_each each = property_each(run, array);
    struct property_value ignored;
    struct property_value value;
    for (size_t i = 0; property_each_next(&each, &ignored, &value); i++) {
        struct secret_buf *group = group_at(run, groups, i);
        secret_buf_add(group, group->bytes.len ? SV(",") : SV(""));
        /* A key costs its length in each group. */
        if (property_run_spend(run, key.len)) {
            add_member(key, value.raw, group);
        }
    }
}

static struct str_view group(struct property_run *run, struct str_view json)
{
    struct property_value whole = property_parse(run, json);
    if (!property_value_is_object(&whole)) {
        return (struct str_view){0};
    }
    CLEANUP(groups_done) struct groups groups = {0};
    struct property_each each = property_each(run, &whole);
    struct property_value key;
    struct property_value value;
    while (!run->exhausted && property_each_next(&each, &key, &value)) {
        if (property_value_is_array(&value)) {
            group_array(run, key.raw, &value, &groups);
        }
    }
    struct secret_buf out = {0};
    property_run_open(run, &out);
    buf_add_byte(&out.bytes, '[');
    for (size_t i = 0; i < groups.count; i++) {
        secret_buf_add(&out, i ? SV(",{") : SV("{"));
        secret_buf_add(&out, secret_buf_view(&groups.all[i]));
        buf_add_byte(&out.bytes, '}');
    }
    buf_add_byte(&out.bytes, ']');
    return property_run_keep(run, &out);
}

/* What `path` leads to in `value`, and then in everything below it. */
static void dig_value(struct property_run *run, const struct property_value *value,
                      struct str_view path, bool *first, struct secret_buf *out)
{
    if (!property_run_enter(run)) {
        property_run_leave(run);
        return;
    }
    struct property_value found = property_path_get(run, value->raw, path);
    if (property_value_exists(&found)) {
        secret_buf_add(out, *first ? SV("") : SV(","));
        *first = false;
        secret_buf_add(out, found.raw);
    }
    if (value->type == PROPERTY_JSON) {
        struct property_each each = property_each(run, value);
        struct property_value key;
        struct property_value below;
        while (!run->exhausted && property_each_next(&each, &key, &below)) {
            dig_value(run, &below, path, first, out);
        }
    }
    property_run_leave(run);
}

static struct str_view dig(struct property_run *run, struct str_view json, struct str_view path)
{
    struct property_value whole = property_parse(run, json);
    struct secret_buf out = {0};
    bool first = true;
    property_run_open(run, &out);
    buf_add_byte(&out.bytes, '[');
    dig_value(run, &whole, path, &first, &out);
    buf_add_byte(&out.bytes, ']');
    return property_run_keep(run, &out);
}

struct str_view property_modify(struct property_run *run, enum property_modifier modifier,
                                struct str_view json, struct str_view argument)
{
    switch (modifier) {
    case MODIFIER_REVERSE:
        return reverse(run, json);
    case MODIFIER_UGLY:
        return ugly(run, json);
    case MODIFIER_VALID:
        return is_valid(run, json) ? json : (struct str_view){0};
    case MODIFIER_FLATTEN:
        return flatten(run, json, option_of(run, argument, "deep"));
    case MODIFIER_JOIN:
        return join(run, json, option_of(run, argument, "preserve"));
    case MODIFIER_KEYS:
        return list_parts(run, json, true);
    case MODIFIER_VALUES:
        return list_parts(run, json, false);
    case MODIFIER_TOSTR:
        return to_string(run, json);
    case MODIFIER_FROMSTR:
        return from_string(run, json);
    case MODIFIER_GROUP:
        return group(run, json);
    case MODIFIER_DIG:
        return dig(run, json, argument);
    case MODIFIER_NONE:
    case MODIFIER_THIS:
    case MODIFIER_PRETTY:
        break;
    }
    return json;
}
