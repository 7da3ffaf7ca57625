/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that an XML 1.0 document is written of, without the tree that they make: a position in
 * the document that moves behind what was read.
 *
 * What can be said of single characters (UTF-8, control characters) is checked first, so that the
 * rest deals in ASCII bytes and takes all others for letters. Failures are ERR_INVALID with the
 * byte offset, never the bytes. One thread at a time. */
#ifndef AWS_XML_SCAN_H
#define AWS_XML_SCAN_H

#include "base/err.h"
#include "base/str_view.h"

struct xml_scan {
    struct str_view document;
    size_t at;
    struct err *err;
};

/* Sets the error; answers false. */
bool xml_scan_malformed(const struct xml_scan *scan, const char *what);
struct str_view xml_scan_rest(const struct xml_scan *scan);
/* Goes behind `text` if it stands here. */
bool xml_scan_skip(struct xml_scan *scan, struct str_view text);

/* The whole document is made of characters (§2.2); stays where it is, at the beginning. */
MUST_CHECK bool xml_scan_characters(struct xml_scan *scan);
/* XMLDecl (§2.8), if there is one: only as the first thing in the document. */
MUST_CHECK bool xml_scan_declaration(struct xml_scan *scan);
/* S (§2.3) */
bool xml_is_space(char byte);
void xml_scan_space(struct xml_scan *scan);
/* Name (§2.3) */
MUST_CHECK bool xml_scan_name(struct xml_scan *scan, struct str_view *ret);
/* Attributes (§3.1), each with space before it. */
MUST_CHECK bool xml_scan_attributes(struct xml_scan *scan);
/* At '&': the character that is meant (§4.1, §4.6). */
MUST_CHECK bool xml_scan_reference(struct xml_scan *scan, uint32_t *ret);
/* Behind "<!--" (§2.5). */
MUST_CHECK bool xml_scan_comment(struct xml_scan *scan);

#endif
