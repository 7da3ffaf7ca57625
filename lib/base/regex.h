/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions with the meaning of Go's regexp package (RE2 syntax, leftmost-first),
 * executed by PCRE2.
 *
 * What Go refuses is refused here (look-around, back-references, possessive quantifiers, repeats
 * over 1,000, ...) and what means something else in PCRE2 is translated (`$` only at the very end,
 * \pN one letter, \z, flags, classes, what a group holds after an empty turn of a loop). Text is
 * UTF-8; a byte that is no UTF-8 matches as U+FFFD does in Go. The names of Unicode classes are
 * those of Go 1.24; which characters are in one is PCRE2's Unicode (14 in Debian 12, 15 in Go).
 *
 * Three things that Go takes are ERR_INVALID: a loop over what prefers to match nothing ((|a)*),
 * \p{Lu}, \p{Ll} and \p{Lt} under (?i), and the names that Go 1.25 added.
 *
 * A match costs bounded time and memory: beyond LIMIT_REGEX_STEPS, and sixteen steps for each byte
 * of the text, or of the `effort` that it is a part of (NULL: of none), it is ERR_TOO_BIG and
 * nobody's "no". What PCRE2 keeps of a text is wiped. Source:
 * https://github.com/google/re2/wiki/Syntax, external-secrets.md §12.
 * A compiled one may be used by many threads. */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include "base/effort.h"
#include "base/secret_buf.h"

struct regex;

/* ERR_INVALID with the column (from 1, in bytes) and what is wrong there; ERR_TOO_BIG over
 * LIMIT_REGEX_BYTES, what is left of `effort` (NULL: no matter), a hundred groups inside each
 * other, or what PCRE2 can hold, and for what Go takes and PCRE2 cannot be made to mean: no mistake
 * of whoever wrote it. No message has any text of the pattern. */
MUST_CHECK bool regex_compile(struct str_view pattern, struct effort *effort, struct regex **ret,
                              struct err *err);
/* Accepts NULL. */
void regex_free(struct regex *regex);

/* Anywhere in `text`, as Go's MatchString. ERR_TOO_BIG. */
MUST_CHECK bool regex_matches(const struct regex *regex, struct str_view text,
                              struct effort *effort, bool *ret, struct err *err);
/* The leftmost match, as Go's FindString; `*ret` without data when there is none. ERR_TOO_BIG. */
MUST_CHECK bool regex_find(const struct regex *regex, struct str_view text, struct effort *effort,
                           struct str_view *ret, struct err *err);
/* Go's ReplaceAllString: $1, ${1}, $name, ${name}, $$ ("$1_x" is the group named 1_x, empty when
 * there is none). Appends to `ret`, which has a ceiling. ERR_TOO_BIG. */
MUST_CHECK bool regex_replace_all(const struct regex *regex, struct str_view text,
                                  struct str_view replacement, struct effort *effort,
                                  struct secret_buf *ret, struct err *err);
/* Go's ReplaceAllLiteralString. */
MUST_CHECK bool regex_replace_all_literal(const struct regex *regex, struct str_view text,
                                          struct str_view replacement, struct effort *effort,
                                          struct secret_buf *ret, struct err *err);

#endif
