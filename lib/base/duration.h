/* SPDX-License-Identifier: Apache-2.0 */
/* Go duration strings ("1h30m", "250ms", "-1s", "0"), as time.ParseDuration reads them.
 *
 * Milliseconds; what is finer is cut towards zero. Any thread. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include "base/err.h"
#include "base/str_view.h"

/* ERR_INVALID for anything Go refuses, which is also what does not fit 64 bits of nanoseconds. */
MUST_CHECK bool duration_parse(struct str_view text, int64_t *ret_ms, struct err *err);

#endif
