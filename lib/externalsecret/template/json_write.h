/* SPDX-License-Identifier: Apache-2.0 */
/* A value as Go's encoding/json writes it. Any thread. */
#ifndef EXTERNALSECRET_TEMPLATE_JSON_WRITE_H
#define EXTERNALSECRET_TEMPLATE_JSON_WRITE_H

#include "externalsecret/template/value.h"

enum json_style {
    JSON_COMPACT, /* json.Marshal */
    JSON_RAW,     /* without \u003c for <, > and & */
    JSON_PRETTY,  /* json.MarshalIndent with two spaces */
};

/* Appends. `*ret_possible` is false for a float that is infinite or no number: encoding/json
 * refuses it, and `ret` is then to be cleared. ERR_TOO_BIG nested deeper than LIMIT_JSON_DEPTH and
 * over the ceiling of `ret`. */
MUST_CHECK bool json_write(const struct value *value, enum json_style style, struct secret_buf *ret,
                           bool *ret_possible, struct err *err);

/* Appends a string with its quotes; <, >, &, U+2028 and U+2029 escaped (the first three but for
 * JSON_RAW), and every byte that is no UTF-8 as the escape of U+FFFD. */
void json_write_text(struct str_view text, enum json_style style, struct buf *out);

#endif
