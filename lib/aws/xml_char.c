/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/xml_char.h"

bool xml_is_char(uint32_t code)
{
    return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code < 0xd800) ||
           (code > 0xdfff && code < 0xfffe) || (code > 0xffff && code <= 0x10ffff);
}

size_t xml_char_read(struct str_view from, uint32_t *ret)
{
    const unsigned char *bytes = (const unsigned char *)from.data;
    size_t len = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    static const unsigned char masks[] = {0x7f, 0x1f, 0x0f, 0x07};
    if (from.len < len || (bytes[0] & 0xc0) == 0x80 || bytes[0] > 0xf4) {
        return 0;
    }
    uint32_t code = bytes[0] & masks[len - 1];
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (bytes[i] & 0x3f);
    }
    *ret = code;
    return code >= least[len - 1] ? len : 0;
}

void xml_char_add(uint32_t code, struct secret_buf *ret)
{
    char utf8[4];
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        utf8[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    utf8[0] = (char)(leads[len - 1] | code);
    secret_buf_append(ret, utf8, len);
    explicit_bzero(utf8, sizeof utf8);
}
