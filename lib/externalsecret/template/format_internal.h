/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of format.c share: one directive's flags, and how they are obeyed. */
#ifndef EXTERNALSECRET_TEMPLATE_FORMAT_INTERNAL_H
#define EXTERNALSECRET_TEMPLATE_FORMAT_INTERNAL_H

#include "externalsecret/template/value.h"

struct directive {
    struct buf *out;
    bool minus;
    bool plus;
    bool sharp;
    bool space;
    bool zero;
    bool go_syntax; /* %#v */
    bool has_width;
    bool has_precision;
    int width;
    int precision;
};

void format_repeat(struct buf *out, char byte, size_t count);
/* `len` code points short of the width: so much padding, zeros if asked for. */
void directive_pad(const struct directive *directive, size_t len);
/* `text` padded to the width on the side the flags say. */
void directive_put(const struct directive *directive, struct str_view text);
/* The same, padded with spaces whatever the flags say. */
void directive_put_plain(const struct directive *directive, struct str_view text);

/* %s %v %q %x %X of a text. */
void format_string(const struct directive *directive, struct str_view text);
void format_quoted(const struct directive *directive, struct str_view text);
void format_hex(const struct directive *directive, struct str_view text, bool upper);
/* %c, and quoted %q. */
void format_character(const struct directive *directive, uint64_t code, bool quoted);
/* %U: U+0041, with '#' the character behind it. */
void format_unicode(const struct directive *directive, uint64_t code);

/* %d %b %o %O %x %X: `magnitude` with `negative`. */
void format_integer(const struct directive *directive, uint64_t magnitude, bool negative, int base,
                    char verb);
/* %e %E %f %g %G %b %x %X, the verb as strconv.FormatFloat knows it; `precision` -1 is the shortest
 * form, and is overruled by the directive's. */
void format_float(const struct directive *directive, double real, char verb, int precision);

#endif
