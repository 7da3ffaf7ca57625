/* SPDX-License-Identifier: Apache-2.0 */
/* The raw text of a JSON document by the rules of Go's encoding/json: its grammar is RFC 8259's,
 * but bytes that are no UTF-8, lone surrogates and equal member names are no errors. base/json
 * refuses those and does not keep the text of a value. Any thread. */
#ifndef EXTERNALSECRET_JSON_TEXT_H
#define EXTERNALSECRET_JSON_TEXT_H

#include "base/secret_buf.h"

enum {
    /* encoding/json refuses what is deeper. */
    JSON_TEXT_DEPTH = 10000,
};

/* One value with nothing but white space around it, its containers nested at most `most_depth`
 * deep. Otherwise false, and `*ret_offset` is the byte where it stops being one. */
bool json_text_is_valid(struct str_view text, size_t most_depth, size_t *ret_offset);

/* A walk through the members of an object or the elements of an array, of a valid text. */
struct json_text_walk {
    struct str_view rest;
    bool object;
};

/* Without white space around. */
struct str_view json_text_trim(struct str_view text);
/* `container` starts with its bracket. */
struct json_text_walk json_text_walk(struct str_view container);
/* The next one; false at the end. `*ret_key` is between its quotes, still escaped; `*ret_value` the
 * text of the value. */
bool json_text_next(struct json_text_walk *walk, struct str_view *ret_key,
                    struct str_view *ret_value);

/* What stands between the quotes of a valid string, unescaped: a lone surrogate or a byte that is
 * no UTF-8 becomes U+FFFD. Appends at most three times the length. */
void json_text_unescape(struct str_view quoted, struct buf *out);

#endif
