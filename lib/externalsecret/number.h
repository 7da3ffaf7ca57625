/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON number as the External Secrets Operator prints one that is not a plain integer: through a
 * binary64 and back, in the shortest decimal form that reads as the same value, without an exponent
 * (Go strconv.FormatFloat with 'f', -1). So 1.10 is "1.1" and 1e3 is "1000". Any thread. */
#ifndef EXTERNALSECRET_NUMBER_H
#define EXTERNALSECRET_NUMBER_H

#include "base/secret_buf.h"

/* Appends the text of `token` to `ret`. "inf" and "nan" are numbers here, and what is over the
 * range is infinite ("+Inf"). ERR_INVALID when `token` is no decimal number; the message does not
 * hold it. */
MUST_CHECK bool number_print(struct str_view token, struct secret_buf *ret, struct err *err);

/* The value of `token` as Go's strconv.ParseFloat has it, hexadecimal too; 0 when it is no number.
 */
double number_value(struct str_view token);
/* Appends `value` as number_print() does. */
void number_print_value(double value, struct secret_buf *ret);

#endif
