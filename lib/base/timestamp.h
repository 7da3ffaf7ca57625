/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as text: RFC 3339 (Kubernetes), HTTP dates, and AWS's basic ISO 8601.
 *
 * Milliseconds since 1970, UTC, years 1970 to 9999: readers refuse what lies outside, writers write
 * the nearer end. Any thread. */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include "base/err.h"
#include "base/str_view.h"

enum {
    TIMESTAMP_BYTES = 40, /* room for each form below and its NUL */
};

/* "2026-11-23T12:36:00Z", fraction and offset allowed (RFC 3339 §5.6). */
MUST_CHECK bool timestamp_parse(struct str_view text, int64_t *ret_ms, struct err *err);
/* "Mon, 23 Nov 2026 12:36:00 GMT" (RFC 9110 §5.6.7, IMF-fixdate only). */
MUST_CHECK bool timestamp_parse_http(struct str_view text, int64_t *ret_ms, struct err *err);
/* "2026-11-23T12:36:00Z": metav1.Time has seconds. */
void timestamp_format(int64_t ms, char out[TIMESTAMP_BYTES]);
/* "2026-11-23T12:36:00.123Z" */
void timestamp_format_ms(int64_t ms, char out[TIMESTAMP_BYTES]);
/* "2026-11-23T12:36:00.123000Z": metav1.MicroTime, as in a Lease. */
void timestamp_format_micro(int64_t ms, char out[TIMESTAMP_BYTES]);
/* "20261123T123600Z" (SigV4 X-Amz-Date). */
void timestamp_format_basic(int64_t ms, char out[TIMESTAMP_BYTES]);

#endif
