/* SPDX-License-Identifier: Apache-2.0 */
/* The characters of XML 1.0 (§2.2) in UTF-8. Any thread. */
#ifndef AWS_XML_CHAR_H
#define AWS_XML_CHAR_H

#include "base/secret_buf.h"

/* Char: what may stand in a document. */
bool xml_is_char(uint32_t code);
/* The code of the sequence that begins `from`, which is not empty, and its length; 0 when it is not
 * well-formed (RFC 3629 §4). */
size_t xml_char_read(struct str_view from, uint32_t *ret);
/* Appends the character in UTF-8, up to four bytes. */
void xml_char_add(uint32_t code, struct secret_buf *ret);

#endif
