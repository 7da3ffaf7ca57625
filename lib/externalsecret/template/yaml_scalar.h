/* SPDX-License-Identifier: Apache-2.0 */
/* One scalar in the form that go-yaml v2 chooses for it, and where the text that is being written
 * stands. Any thread. Source: emitterc.go of sigs.k8s.io/yaml/goyaml.v2. */
#ifndef EXTERNALSECRET_TEMPLATE_YAML_SCALAR_H
#define EXTERNALSECRET_TEMPLATE_YAML_SCALAR_H

#include "base/secret_buf.h"

enum {
    YAML_INDENT = 2,
};

/* Begins with column 0, whitespace and indention set, indent -1. */
struct yaml_place {
    struct buf *out;
    int column; /* in characters */
    int indent; /* columns of the level; -1 outside of all */
    bool whitespace;
    bool indention; /* nothing but indentation and "-", "?", ":" on this line */
};

/* Ends the line unless it is empty so far, and indents the next. */
void yaml_break_line(struct yaml_place *place);
/* "-", "?", ":", brackets and quotation marks; `spaced` when white space must stand before it. */
void yaml_indicator(struct yaml_place *place, const char *mark, bool spaced, bool keeps_indention);
/* true, null and numbers. */
void yaml_word(struct yaml_place *place, struct str_view word);
/* `text` is UTF-8. A key that stands before a colon on one line is never broken into lines. */
void yaml_text(struct yaml_place *place, struct str_view text, bool simple_key);
/* On one line and of at most 128 bytes: no "?" is needed before such a key. */
bool yaml_is_simple_key(struct str_view text);

#endif
