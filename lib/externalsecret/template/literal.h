/* SPDX-License-Identifier: Apache-2.0 */
/* Literals of a template, as Go's strconv reads them (Unquote, UnquoteChar, ParseInt with base 0,
 * ParseFloat). Any thread. */
#ifndef EXTERNALSECRET_TEMPLATE_LITERAL_H
#define EXTERNALSECRET_TEMPLATE_LITERAL_H

#include "externalsecret/template/value.h"

enum literal {
    LITERAL_FINE,
    LITERAL_TOO_LARGE, /* fits uint64 only: no value, but no mistake until it is evaluated */
    LITERAL_COMPLEX,   /* imaginary: no value of ours */
    LITERAL_BROKEN,
};

/* An int or a float64, whichever Go takes where nothing asks for a type. */
enum literal literal_number(struct str_view text, struct value *ret);
/* A character in single quotes is the int of its code point. */
MUST_CHECK bool literal_char(struct str_view quoted, struct value *ret);
enum {
    LITERAL_GROWTH = 3, /* a byte that is no UTF-8 becomes U+FFFD */
};
/* The content of a string in double or back quotes, at most LITERAL_GROWTH times `quoted`. */
MUST_CHECK bool literal_string(struct str_view quoted, char *ret, size_t *ret_len);

#endif
