/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a gjson path, taken apart. Views into the path, or kept by the run. Any thread. */
#ifndef EXTERNALSECRET_PROPERTY_PART_H
#define EXTERNALSECRET_PROPERTY_PART_H

#include "externalsecret/property_run.h"

/* #(path op value) or #(...)#. */
struct property_query {
    bool on;
    bool all;
    struct str_view path;
    struct str_view op; /* empty: whether the path exists */
    struct str_view value;
};

/* The first part of a path, as the container where it is looked up reads it. */
struct property_part {
    struct str_view text; /* for an object without its backslashes */
    struct str_view rest; /* when `more` */
    struct str_view pipe; /* when `piped`: what is asked of the value found */
    bool more;
    bool piped;
    bool wild;   /* object: "*" or "?" in it */
    bool counts; /* array: a "#" in it, so that it is no index */
    bool each;   /* array: "#." and then `each_path` of every element */
    struct str_view each_path;
    struct property_query query;
};

struct property_part property_object_part(struct property_run *run, struct str_view path);
struct property_part property_array_part(struct property_run *run, struct str_view path);
/* Splits at the first "|" that is none of a query's or a selector's; false when there is none. */
bool property_split_pipe(struct str_view path, struct str_view *ret_left,
                         struct str_view *ret_right);
/* From an opening bracket, or whatever byte stands there, to its closing one, or the end. A text
 * that starts with a quote ends with its string. */
struct str_view property_squash(struct str_view text);

enum property_modifier {
    MODIFIER_NONE,
    MODIFIER_THIS,
    MODIFIER_REVERSE,
    MODIFIER_UGLY,
    MODIFIER_PRETTY,
    MODIFIER_VALID,
    MODIFIER_FLATTEN,
    MODIFIER_JOIN,
    MODIFIER_KEYS,
    MODIFIER_VALUES,
    MODIFIER_TOSTR,
    MODIFIER_FROMSTR,
    MODIFIER_GROUP,
    MODIFIER_DIG,
};

enum property_modifier property_modifier_of(struct str_view name);

#endif
