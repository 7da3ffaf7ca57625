/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text and back: base64, hex, JSON strings, percent-encoding.
 *
 * Every encoder appends to a struct buf, whose ceiling bounds it; for secrets pass `&secret->bytes`
 * so that the result is wiped too. Any thread. */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/buf.h"

/* RFC 4648 §4 with padding. */
void encode_base64(struct buf *out, struct str_view bytes);
/* Strict RFC 4648 §4: padding required, nothing else but CR and LF skipped (as Go's decoder does).
 * ERR_INVALID with the offset, never the bytes; ERR_TOO_BIG. Nothing is appended then. */
MUST_CHECK bool decode_base64(struct buf *out, struct str_view text, struct err *err);
/* Lower case. */
void encode_hex(struct buf *out, struct str_view bytes);
/* The same into 2 * `len` + 1 bytes, with a NUL. */
void encode_hex_text(const unsigned char *bytes, size_t len, char *ret);
/* With quotes; control characters, quote and backslash escaped, invalid UTF-8 as U+FFFD
 * (RFC 8259 §7). */
void encode_json_string(struct buf *out, struct str_view text);
/* The content of encode_json_string() without the quotes around it. */
void encode_json_chars(struct buf *out, struct str_view text);
/* Everything but unreserved characters (RFC 3986 §2.3) as %XX. */
void encode_percent(struct buf *out, struct str_view text);
/* A reference token of a JSON Pointer: ~ as ~0, / as ~1 (RFC 6901 §3). */
void encode_pointer_token(struct buf *out, struct str_view token);

#endif
