/* SPDX-License-Identifier: Apache-2.0 */
/* Go's package fmt for the values of a template: Sprint, Sprintln, Sprintf. Any thread. */
#ifndef EXTERNALSECRET_TEMPLATE_FORMAT_H
#define EXTERNALSECRET_TEMPLATE_FORMAT_H

#include "externalsecret/template/value.h"

/* These append to `ret`, which is failed when it goes over its ceiling or a value is nested deeper
 * than LIMIT_JSON_DEPTH. */
void format_print(const struct value *args, size_t count, struct secret_buf *ret);
void format_println(const struct value *args, size_t count, struct secret_buf *ret);
/* With what Go writes for mistakes too: %!d(string=x), %!s(MISSING), %!(EXTRA int=1). ERR_INVALID
 * for %p of a list or map, which prints an address. */
MUST_CHECK bool format_printf(struct str_view format, const struct value *args, size_t count,
                              struct secret_buf *ret, struct err *err);
/* A Go string literal in double quotes (strconv.Quote); beyond ASCII everything escaped if
 * `ascii`. */
void format_quote(struct str_view text, bool ascii, struct secret_buf *ret);

#endif
