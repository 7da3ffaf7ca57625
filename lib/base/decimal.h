/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point numbers as the shortest decimal that reads as the same value (Go's
 * strconv.FormatFloat with precision -1). Any thread. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/buf.h"

/* [-+]? digits [. digits] ([eE] [-+]? digits)?, digits on at least one side of the point. */
bool decimal_is_number(struct str_view text);

/* Plain while the decimal exponent is in [plain_from, plain_below), else as "1.5e+06"; "NaN",
 * "+Inf", "-Inf". Go's %v has -4 and 21, its 'g' -4 and 6, encoding/json -6 and 21. */
void decimal_add_double(struct buf *out, double value, int plain_from, int plain_below);
/* The shortest that reads as the same binary32. */
void decimal_add_float(struct buf *out, float value, int plain_from, int plain_below);

#endif
