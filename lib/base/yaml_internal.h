/* SPDX-License-Identifier: Apache-2.0 */
/* What the two readers of YAML (base/yaml.h, base/yaml11.h) share: libyaml's events, and the memory
 * of texts. Not for others. */
#ifndef BASE_YAML_INTERNAL_H
#define BASE_YAML_INTERNAL_H

#include <yaml.h>

#include "base/err.h"
#include "base/str_view.h"

/* A block of texts, which stay where they are; a list of them, the newest first. */
struct yaml_text {
    struct yaml_text *next;
    size_t used;
    size_t size;
    char data[];
};

/* A place for `len` bytes and a NUL. */
char *yaml_text_new(struct yaml_text **list, size_t len);
/* A copy with a NUL behind it. */
struct str_view yaml_text_copy(struct yaml_text **list, struct str_view view);
/* Wipes and releases all. */
void yaml_text_done(struct yaml_text **list);

/* "line L, column C: what"; false. */
bool yaml_fail_at(struct err *err, const yaml_mark_t *mark, enum err_kind kind, const char *what);

/* Starts to read `text`, which is UTF-8 and must outlive the parser; yaml_parser_delete() ends. */
void yaml_events_start(yaml_parser_t *parser, struct str_view text);
/* ERR_INVALID in libyaml's words, none of which are the text's. `*ret` is deleted by the caller. */
MUST_CHECK bool yaml_events_next(yaml_parser_t *parser, struct str_view text, yaml_event_t *ret,
                                 struct err *err);

#endif
