/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/fields.h"

enum {
    FIRST_CAPACITY = 16,
    FIELD_BYTES = 32,
};

void field_names_done(struct field_names *names)
{
    free(names->names);
    *names = (struct field_names){0};
}

static void add(struct field_names *names, struct str_view name)
{
    if (names->count == names->capacity) {
        names->capacity = names->capacity ? names->capacity * 2 : FIRST_CAPACITY;
        names->names = mem_resize_array(names->names, names->capacity, sizeof *names->names);
    }
    names->names[names->count++] = name;
}

static int compare(const void *a, const void *b)
{
    return sv_compare(*(const struct str_view *)a, *(const struct str_view *)b);
}

/* "f:<name>" of an entry's fields, if the entry is `manager`'s. */
static const struct json *fields_of(const struct json *entry, const char *manager, const char *name)
{
    char field[FIELD_BYTES];
    if (!json_string_is(json_member(entry, "manager"), manager)) {
        return NULL;
    }
    (void)snprintf(field, sizeof field, "f:%s", name);
    return json_path(entry, "fieldsV1", field, NULL);
}

void field_names_collect(const struct json *object, const char *manager, const char *parent,
                         const char *field, struct field_names *ret)
{
    char below[FIELD_BYTES];
    (void)snprintf(below, sizeof below, "f:%s", field ? field : "");
    JSON_FOR_EACH (entry, json_path(object, "metadata", "managedFields", NULL)) {
        const struct json *fields = fields_of(entry, manager, parent);
        JSON_FOR_EACH (name, field ? json_member(fields, below) : fields) {
            if (sv_starts_with(json_key(name), SV("f:"))) {
                add(ret, sv_from(json_key(name), 2));
            }
        }
    }
    if (ret->count > 0) {
        qsort(ret->names, ret->count, sizeof *ret->names, compare);
    }
}

bool field_names_have(const struct field_names *names, struct str_view name)
{
    return names->count > 0 &&
           bsearch(&name, names->names, names->count, sizeof *names->names, compare);
}

bool fields_owns(const struct json *object, const char *manager, const char *field)
{
    JSON_FOR_EACH (entry, json_path(object, "metadata", "managedFields", NULL)) {
        if (fields_of(entry, manager, field)) {
            return true;
        }
    }
    return false;
}
