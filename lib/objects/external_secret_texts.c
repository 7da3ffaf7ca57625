/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/external_secret_parts.h"
#include "objects/schema.h"

struct string_pair *string_pairs_decode(const struct json *object, const char *path,
                                        size_t *ret_count, struct buf *unsupported)
{
    bool is_object = json_is(object, JSON_OBJECT);
    struct string_pair *pairs = mem_alloc_array(is_object ? object->len : 0, sizeof *pairs);
    size_t count = 0;
    if (!is_object && !json_is_absent(object)) {
        schema_note(unsupported, "%s", path);
    }
    JSON_FOR_EACH (member, is_object ? object : NULL) {
        if (!json_is(member, JSON_STRING)) {
            schema_note(unsupported, "%s", path);
        }
        pairs[count++] = (struct string_pair){json_key(member), json_string(member)};
    }
    *ret_count = count;
    return pairs;
}

void string_pairs_take_text(struct string_pair *pairs, size_t count, struct text_pool *pool)
{
    for (size_t i = 0; i < count; i++) {
        text_pool_take(pool, &pairs[i].key);
        text_pool_take(pool, &pairs[i].value);
    }
}

struct str_view *texts_decode(const struct json *array, const char *path, size_t *ret_count,
                              struct buf *unsupported)
{
    const struct json *elements = schema_array(array, path, unsupported);
    struct str_view *texts = mem_alloc_array(elements ? elements->len : 0, sizeof *texts);
    size_t count = 0;
    JSON_FOR_EACH (element, elements) {
        if (!json_is(element, JSON_STRING)) {
            schema_note(unsupported, "%s[%zu]", path, count);
        }
        texts[count++] = json_string(element);
    }
    *ret_count = count;
    return texts;
}

void texts_take_text(struct str_view *texts, size_t count, struct text_pool *pool)
{
    for (size_t i = 0; i < count; i++) {
        text_pool_take(pool, &texts[i]);
    }
}
