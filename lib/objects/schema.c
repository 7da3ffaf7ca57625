/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/schema.h"

#include <stdarg.h>

enum {
    NAME_SHOWN = 64, /* of a field nobody knows */
};

struct schema_path schema_path(const char *format, ...)
{
    struct schema_path path;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(path.text, sizeof path.text, format, args);
    va_end(args);
    return path;
}

void schema_note(struct buf *unsupported, const char *format, ...)
{
    if (unsupported->len) {
        return;
    }
    char path[SCHEMA_PATH_BYTES];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    size_t len = wanted < (int)sizeof path ? strlen(path) : sizeof path - 1;
    buf_append(unsupported, path, len);
}

static bool changes_nothing(const struct json *value, const struct schema_field *field)
{
    if (!field->harmless || json_is_absent(value)) {
        return true;
    }
    if (json_is(value, JSON_STRING)) {
        return value->len == 0 || json_string_is(value, field->harmless);
    }
    return json_is(value, JSON_ARRAY) && value->len == 0;
}

static const struct schema_field *find_field(struct str_view name,
                                             const struct schema_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sv_is(name, fields[i].name)) {
            return &fields[i];
        }
    }
    return NULL;
}

void schema_check(const struct json *object, const char *path, const struct schema_field *fields,
                  size_t count, struct buf *unsupported)
{
    if (!json_is_absent(object) && !json_is(object, JSON_OBJECT)) {
        schema_note(unsupported, "%s", path);
        return;
    }
    JSON_FOR_EACH (member, object) {
        const struct schema_field *field = find_field(json_key(member), fields, count);
        if (field ? !changes_nothing(member, field) : !json_is_absent(member)) {
            struct str_view name = sv_first(json_key(member), NAME_SHOWN);
            schema_note(unsupported, "%s.%.*s", path, SV_ARG(name));
            return;
        }
    }
}

const struct json *schema_array(const struct json *node, const char *path, struct buf *unsupported)
{
    if (json_is(node, JSON_ARRAY)) {
        return node;
    }
    if (!json_is_absent(node)) {
        schema_note(unsupported, "%s", path);
    }
    return NULL;
}

struct str_view schema_text(const struct json *object, const char *path, const char *name,
                            struct buf *unsupported)
{
    const struct json *value = json_member(object, name);
    if (!json_is_absent(value) && !json_is(value, JSON_STRING)) {
        schema_note(unsupported, "%s.%s", path, name);
    }
    return json_string(value);
}

size_t schema_choice(const struct json *object, const char *path, const char *name,
                     const char *const *choices, size_t count, struct buf *unsupported)
{
    struct str_view text = schema_text(object, path, name, unsupported);
    for (size_t i = 0; i < count; i++) {
        if (sv_is(text, choices[i])) {
            return i;
        }
    }
    if (text.len) {
        schema_note(unsupported, "%s.%s", path, name);
    }
    return 0;
}

bool schema_bool(const struct json *object, const char *path, const char *name,
                 struct buf *unsupported)
{
    const struct json *value = json_member(object, name);
    if (!json_is_absent(value) && !json_is(value, JSON_TRUE) && !json_is(value, JSON_FALSE)) {
        schema_note(unsupported, "%s.%s", path, name);
    }
    return json_is_true(value);
}
