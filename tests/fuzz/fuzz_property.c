/* SPDX-License-Identifier: Apache-2.0 */
/* remoteRef.property in any bytes at all: the first line is the property, the rest the value. Where
 * the strict reader takes the value too, a plain key leads both to the same member. */
#include "base/json.h"
#include "base/limits.h"
#include "externalsecret/property.h"
#include "fuzz.h"

static bool is_plain(struct str_view property)
{
    for (size_t i = 0; i < property.len; i++) {
        if (strchr(".|\\*?", property.data[i])) {
            return false;
        }
    }
    return property.len > 0 && !strchr("@![{", property.data[0]);
}

static struct str_view wanted_text(const struct json *member)
{
    if (json_is(member, JSON_TRUE)) {
        return SV("true");
    }
    return json_is(member, JSON_FALSE) ? SV("false") : json_string(member);
}

static void compare(struct str_view payload, struct str_view property, bool found,
                    const struct secret_buf *value, const struct err *err)
{
    char *text = mem_dup(payload.data, payload.len);
    struct json_doc doc = {0};
    const struct json *root = NULL;
    struct err ignored = {0};
    const struct json_limits limits = {.max_nodes = 10000, .max_depth = LIMIT_JSON_DEPTH};
    if (json_parse(&doc, text, payload.len, &limits, &root, &ignored) &&
        json_is(root, JSON_OBJECT)) {
        const struct json *member = json_member_sv(root, property);
        FUZZ_CHECK(found == (member != NULL) || err->kind == ERR_TOO_BIG);
        if (found && !json_is(member, JSON_NUMBER) && !json_is(member, JSON_OBJECT) &&
            !json_is(member, JSON_ARRAY)) {
            FUZZ_CHECK(sv_equal(secret_buf_view(value), wanted_text(member)));
        }
    }
    json_doc_done(&doc);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str_view input = sv_make((const char *)data, size);
    size_t line = size ? sv_find(input, '\n') : 0;
    struct str_view property = sv_first(input, line);
    struct str_view payload = sv_from(input, line + 1);
    struct err err = {0};
    if (!property_check(property, &err)) {
        FUZZ_CHECK(err.kind == ERR_INVALID || err.kind == ERR_TOO_BIG);
        return 0;
    }
    struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_AWS_VALUE_BYTES);
    bool found = property_read(payload, property, NULL, &value, &err);
    FUZZ_CHECK(found || err.kind == ERR_MISSING || err.kind == ERR_INVALID ||
               err.kind == ERR_TOO_BIG);
    if (is_plain(property)) {
        compare(payload, property, found, &value, &err);
    }
    secret_buf_done(&value);
    return 0;
}
