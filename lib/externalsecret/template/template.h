/* SPDX-License-Identifier: Apache-2.0 */
/* A Go text/template (engine v2), parsed once and rendered with the fetched data as its dot.
 * Grammar of external-secrets.md §6.3: actions, pipelines, variables, if, else, with, range,
 * define, template, block, break, continue, comments, trim markers, all literals. Immutable after
 * parsing; any thread. */
#ifndef EXTERNALSECRET_TEMPLATE_TEMPLATE_H
#define EXTERNALSECRET_TEMPLATE_TEMPLATE_H

#include "externalsecret/data.h"
#include "externalsecret/template/value.h"

struct template;

enum template_verdict {
    TEMPLATE_FINE,
    TEMPLATE_FOREIGN, /* parses in the operator, but not exactly renderable here: left to it */
    TEMPLATE_BROKEN,  /* the operator refuses it as well */
};

/* `*ret` only when FINE. Otherwise ERR_INVALID with "line L, column C: ..." and no text of the
 * template but names of functions and keywords. ERR_TOO_BIG (then BROKEN) over LIMIT_TEMPLATE_TEXT
 * bytes or nesting LIMIT_TEMPLATE_DEPTH. */
enum template_verdict template_parse(struct str_view text, struct template **ret, struct err *err);
/* Accepts NULL. */
void template_free(struct template *template);

/* Renders with dot = map[string]string of `data`, option missingkey=error. Appends to `ret`, which
 * has a ceiling. ERR_INVALID with place and reason, ERR_TOO_BIG over the ceilings of the run, and
 * of `effort`, which it is a part of and may be NULL; no message holds a byte of a value or of what
 * was rendered. `ret` is to be thrown away then. */
MUST_CHECK bool template_render(const struct template *template, const struct data_map *data,
                                struct effort *effort, struct secret_buf *ret, struct err *err);
/* For rewrite.transform: dot = {value: <key>}, missing keys are no error. */
MUST_CHECK bool template_render_key(const struct template *template, struct str_view key,
                                    struct effort *effort, struct secret_buf *ret, struct err *err);

#endif
