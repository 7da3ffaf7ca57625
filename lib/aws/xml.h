/* SPDX-License-Identifier: Apache-2.0 */
/* Text out of the small XML documents with which AWS's query protocol answers (XML 1.0, fifth
 * edition), as far as such answers go.
 *
 * The whole document is read each time, strictly: it is well-formed or refused, and no byte of it
 * is taken for a tag because it looks like one. The declaration, comments, attributes, self-closing
 * elements, character references and the five predefined entities are understood. Refused as well:
 * DTDs, processing instructions, CDATA sections, other entities, other encodings than UTF-8, a byte
 * order mark. Names are compared as they are written, with their prefix; namespace declarations are
 * attributes like others, and those are read over. Any thread. */
#ifndef AWS_XML_H
#define AWS_XML_H

#include "base/secret_buf.h"

enum {
    /* Three times the longest session token there is room for (LIMIT_CREDENTIAL_BYTES), and the
     * elements around it. */
    LIMIT_XML_BYTES = 64 * 1024,
    LIMIT_XML_DEPTH = 16, /* answers nest to four */
};

/* Appends the text of the one element at `path` ("AssumeRoleResponse/AssumeRoleResult/...", from
 * the root on), decoded, to `ret`, whose ceiling applies. The text may be empty. ERR_MISSING: no
 * such element. ERR_INVALID: not such a document, or two of that element, or elements in it; with
 * the byte offset, never the bytes. ERR_TOO_BIG: over a ceiling. On failure nothing is appended. */
MUST_CHECK bool xml_text(struct str_view document, const char *path, struct secret_buf *ret,
                         struct err *err);

#endif
