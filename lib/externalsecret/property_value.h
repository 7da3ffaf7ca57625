/* SPDX-License-Identifier: Apache-2.0 */
/* A value inside a JSON text that nobody has validated, as gjson sees it: where it starts, by its
 * first byte what it is, and where it ends. Positions are byte offsets, and one behind the end by
 * one byte is possible: a container with a string that has no end. Not for other use than
 * property's. Any thread. */
#ifndef EXTERNALSECRET_PROPERTY_VALUE_H
#define EXTERNALSECRET_PROPERTY_VALUE_H

#include "externalsecret/property_run.h"

enum property_type {
    PROPERTY_NULL, /* without a text: no value at all */
    PROPERTY_FALSE,
    PROPERTY_NUMBER,
    PROPERTY_STRING,
    PROPERTY_TRUE,
    PROPERTY_JSON, /* an object or an array */
};

struct property_value {
    enum property_type type;
    struct str_view raw; /* its text */
    struct str_view str; /* of a string: unescaped */
};

bool property_value_exists(const struct property_value *value);
bool property_value_is_object(const struct property_value *value);
bool property_value_is_array(const struct property_value *value);
/* What it counts as where a modifier's argument wants true or false. */
bool property_value_is_true(const struct property_value *value);
double property_value_number(const struct property_value *value);
/* strconv.ParseBool of the text in lower case; false when it is neither. */
bool property_text_to_bool(struct str_view text, bool *ret);
/* Appends what the value is printed as. */
void property_value_print(const struct property_value *value, struct secret_buf *ret);

/* A number by its first byte: "nan" is one, "null" is not. */
bool property_starts_number(struct str_view json, size_t at);
/* `at` is behind the opening quote; `ret` with both quotes. False when it has no end. */
bool property_take_string(struct property_run *run, struct str_view json, size_t *at,
                          struct property_value *ret);
/* A key: only its text and whether it is escaped. */
bool property_take_quoted(struct str_view json, size_t *at, struct str_view *ret,
                          bool *ret_escaped);
void property_take_number(struct str_view json, size_t *at, struct property_value *ret);
/* true, false, null, or any word that starts like one. */
void property_take_word(struct str_view json, size_t *at, struct property_value *ret);
/* At a bracket, or at any byte that is then taken for one; to its closing bracket, of any kind. */
struct str_view property_take_container(struct str_view json, size_t *at);
/* The next value, whatever stands before it. */
bool property_take_any(struct property_run *run, struct str_view json, size_t *at,
                       struct property_value *ret);
/* The value that a text starts with; everything behind a bracket belongs to it. */
struct property_value property_parse(struct property_run *run, struct str_view json);
/* Until an escape is none or a control character comes. */
struct str_view property_unescape(struct property_run *run, struct str_view quoted);

/* The members of an object, the elements of an array, or any other value itself. */
struct property_each {
    struct property_run *run;
    struct property_value whole;
    size_t at;
    bool object;
    bool done;
};

struct property_each property_each(struct property_run *run, const struct property_value *value);
bool property_each_next(struct property_each *each, struct property_value *ret_key,
                        struct property_value *ret_value);

#endif
