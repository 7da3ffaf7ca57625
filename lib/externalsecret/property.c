/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/property.h"

#include "base/limits.h"
#include "externalsecret/property_path.h"

enum {
    BYTES_A_STEP = 64,
};

/* The property as one key: every dot with a backslash in front. */
static struct str_view escape_dots(struct property_run *run, struct str_view property)
{
    struct secret_buf out = {0};
    property_run_open(run, &out);
    for (size_t i = 0; i < property.len; i++) {
        if (property.data[i] == '.') {
            buf_add_byte(&out.bytes, '\\');
        }
        buf_add_byte(&out.bytes, property.data[i]);
    }
    return property_run_keep(run, &out);
}

typedef struct property_value look_up(struct property_run *run, struct str_view payload,
                                      struct str_view property);

static struct property_value look_up_key_or_path(struct property_run *run, struct str_view payload,
                                                 struct str_view property)
{
    if (sv_find(property, '.') < property.len) {
        struct property_value value = property_path_get(run, payload, escape_dots(run, property));
        if (property_value_exists(&value)) {
            return value;
        }
    }
    return property_path_get(run, payload, property);
}

static bool read_by(look_up *way, struct str_view payload, struct str_view property,
                    struct effort *effort, struct secret_buf *ret, struct err *err)
{
    CLEANUP(property_run_done) struct property_run run = {0};
    struct property_value value = way(&run, payload, property);
    if (!effort_spend(effort, 1 + run.steps / BYTES_A_STEP, err)) {
        return false;
    }
    if (run.exhausted) {
        return err_set(err, ERR_TOO_BIG,
                       "the property takes too much work in this value: name it without "
                       "wildcards, queries and modifiers");
    }
    if (!property_value_exists(&value)) {
        return err_set(err, ERR_MISSING, "no such property in the value");
    }
    property_value_print(&value, ret);
    return secret_buf_check(ret, "the value", err);
}

bool property_read(struct str_view payload, struct str_view property, struct effort *effort,
                   struct secret_buf *ret, struct err *err)
{
    return read_by(look_up_key_or_path, payload, property, effort, ret, err);
}

bool property_read_path(struct str_view payload, struct str_view property, struct effort *effort,
                        struct secret_buf *ret, struct err *err)
{
    return read_by(property_path_get, payload, property, effort, ret, err);
}

/* Each of these may cost a stack frame. */
static bool nests(char byte)
{
    return byte && strchr(".|*([{", byte);
}

bool property_check(struct str_view property, struct err *err)
{
    if (property.len > LIMIT_PROPERTY_BYTES) {
        return err_set(err, ERR_TOO_BIG, "a property is over its limit of %d bytes",
                       LIMIT_PROPERTY_BYTES);
    }
    size_t parts = 1;
    for (size_t i = 0; i < property.len; i++) {
        if (property.data[i] == '\0') {
            return err_set(err, ERR_INVALID, "U+0000 in a property is not supported");
        }
        if (sv_starts_with(sv_from(property, i), SV("@pretty"))) {
            return err_set(err, ERR_INVALID, "\"@pretty\" in a property is not supported");
        }
        parts += nests(property.data[i]) ? 1 : 0;
    }
    if (parts > LIMIT_PROPERTY_PARTS) {
        return err_set(err, ERR_TOO_BIG, "a property has more than %d parts", LIMIT_PROPERTY_PARTS);
    }
    return true;
}
