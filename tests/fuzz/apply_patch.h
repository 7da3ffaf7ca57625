/* SPDX-License-Identifier: Apache-2.0 */
/* The operations `add` and `remove` of RFC 6902 on a tree that has been read, strictly: what does
 * not apply is a finding. New nodes belong to the patch's document, which must outlive the tree's
 * use. */
#ifndef TESTS_FUZZ_APPLY_PATCH_H
#define TESTS_FUZZ_APPLY_PATCH_H

#include "base/json.h"
#include "fuzz.h"

/* RFC 6901 §4: ~1 is /, ~0 is ~. In place, in the patch's own text, which only shrinks. */
static inline struct str_view unescape_token(struct str_view token)
{
    char *out = (char *)token.data;
    size_t len = 0;
    for (size_t i = 0; i < token.len; i++) {
        char byte = token.data[i];
        if (byte == '~') {
            FUZZ_CHECK(++i < token.len && (token.data[i] == '0' || token.data[i] == '1'));
            byte = token.data[i] == '0' ? '~' : '/';
        }
        out[len++] = byte;
    }
    return sv_make(out, len);
}

static inline void append_child(struct json *parent, struct json *child)
{
    struct json **at = &parent->child;
    while (*at) {
        at = &(*at)->next;
    }
    *at = child;
    parent->len++;
}

static inline void apply_add(struct json *parent, struct str_view name, const struct json *value,
                             struct json_doc *doc)
{
    struct json *node = (struct json *)json_member_sv(parent, name);
    if (!node) {
        node = json_doc_node(doc);
        FUZZ_CHECK(node);
        append_child(parent, node);
        if (json_is(parent, JSON_OBJECT)) {
            node->key = name.data;
            node->key_len = (uint32_t)name.len;
        }
    }
    FUZZ_CHECK(json_is(parent, JSON_OBJECT) || sv_is(name, "-"));
    node->type = value->type;
    node->len = value->len;
    if (value->type == JSON_OBJECT || value->type == JSON_ARRAY) {
        node->child = value->child;
    } else {
        node->text = value->text;
    }
}

static inline void apply_remove(struct json *parent, struct str_view name)
{
    for (struct json **at = &parent->child; *at; at = &(*at)->next) {
        if (sv_equal(json_key(*at), name)) {
            *at = (*at)->next;
            parent->len--;
            return;
        }
    }
    FUZZ_CHECK(false); /* removes what is not there */
}

static inline void apply_patch(struct json *object, const struct json *patch, struct json_doc *doc)
{
    FUZZ_CHECK(json_is(patch, JSON_ARRAY) && patch->len > 0);
    JSON_FOR_EACH (operation, patch) {
        struct str_view rest = json_string(json_member(operation, "path"));
        struct str_view token;
        FUZZ_CHECK(sv_split(&rest, '/', &token) && token.len == 0);
        struct json *parent = object;
        while (sv_split(&rest, '/', &token) && rest.data) {
            parent = (struct json *)json_member_sv(parent, unescape_token(token));
            FUZZ_CHECK(parent);
        }
        FUZZ_CHECK(json_is(parent, JSON_OBJECT) || json_is(parent, JSON_ARRAY));
        if (json_string_is(json_member(operation, "op"), "add")) {
            const struct json *value = json_member(operation, "value");
            FUZZ_CHECK(value);
            apply_add(parent, unescape_token(token), value, doc);
        } else {
            FUZZ_CHECK(json_string_is(json_member(operation, "op"), "remove"));
            apply_remove(parent, unescape_token(token));
        }
    }
}

#endif
