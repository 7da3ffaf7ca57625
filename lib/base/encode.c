/* SPDX-License-Identifier: Apache-2.0 */
#include "base/encode.h"

#include "base/utf8.h"

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char HEX[] = "0123456789abcdef";

void encode_base64(struct buf *out, struct str_view bytes)
{
    char *to = buf_extend(out, (bytes.len + 2) / 3 * 4);
    if (!to) {
        return;
    }
    const unsigned char *from = (const unsigned char *)bytes.data;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, from += 3, to += 4) {
        to[0] = BASE64[from[0] >> 2];
        to[1] = BASE64[(from[0] & 3) << 4 | from[1] >> 4];
        to[2] = BASE64[(from[1] & 15) << 2 | from[2] >> 6];
        to[3] = BASE64[from[2] & 63];
    }
    if (left) {
        unsigned second = left == 2 ? from[1] : 0;
        to[0] = BASE64[from[0] >> 2];
        to[1] = BASE64[(from[0] & 3U) << 4 | second >> 4];
        to[2] = left == 2 ? BASE64[(second & 15) << 2] : '=';
        to[3] = '=';
    }
}

static int base64_value(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return byte - 'A';
    }
    if (byte >= 'a' && byte <= 'z') {
        return byte - 'a' + 26;
    }
    if (byte >= '0' && byte <= '9') {
        return byte - '0' + 52;
    }
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

static bool bad_base64(struct buf *out, size_t before, size_t offset, struct err *err)
{
    buf_truncate(out, before);
    return err_set(err, ERR_INVALID, "invalid base64 at byte %zu", offset);
}

bool decode_base64(struct buf *out, struct str_view text, struct err *err)
{
    uint32_t group = 0;
    int digits = 0;
    int padding = 0;
    size_t before = out->len;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '\r' || byte == '\n') {
            continue;
        }
        int value = base64_value(byte);
        if (byte == '=' && digits >= 2 && padding < 2) {
            padding++;
            value = 0;
        } else if (value < 0 || padding) {
            return bad_base64(out, before, i, err);
        }
        group = group << 6 | (uint32_t)value;
        if (++digits < 4) {
            continue;
        }
        char bytes[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
        buf_append(out, bytes, 3 - (size_t)padding);
        explicit_bzero(bytes, sizeof bytes);
        group = 0;
        digits = 0;
        if (padding) {
            /* Padding ends the text: only line breaks may follow. */
            for (i++; i < text.len; i++) {
                if (text.data[i] != '\r' && text.data[i] != '\n') {
                    return bad_base64(out, before, i, err);
                }
            }
        }
    }
    if (digits) {
        return bad_base64(out, before, text.len, err);
    }
    if (out->failed) {
        buf_truncate(out, before);
    }
    return buf_check(out, "decoded base64", err);
}

void encode_hex_text(const unsigned char *bytes, size_t len, char *ret)
{
    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = HEX[bytes[i] >> 4];
        ret[2 * i + 1] = HEX[bytes[i] & 15];
    }
    ret[2 * len] = '\0';
}

void encode_hex(struct buf *out, struct str_view bytes)
{
    /* The NUL behind the bytes of a buffer is there already. */
    char *to = buf_extend(out, bytes.len * 2);
    if (to) {
        encode_hex_text((const unsigned char *)bytes.data, bytes.len, to);
    }
}

static void json_escape_byte(struct buf *out, unsigned char byte)
{
    static const char named[] = "\b\f\n\r\t";
    static const char letters[] = "bfnrt";
    const char *hit = byte ? strchr(named, byte) : NULL;
    if (byte == '"' || byte == '\\') {
        const char pair[2] = {'\\', (char)byte};
        buf_append(out, pair, 2);
    } else if (hit) {
        const char pair[2] = {'\\', letters[hit - named]};
        buf_append(out, pair, 2);
    } else {
        const char escape[6] = {'\\', 'u', '0', '0', HEX[byte >> 4], HEX[byte & 15]};
        buf_append(out, escape, 6);
    }
}

void encode_json_chars(struct buf *out, struct str_view text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t start = 0;
    size_t i = 0;
    while (i < text.len) {
        unsigned char byte = bytes[i];
        if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
            i++;
            continue;
        }
        size_t sequence = 0;
        (void)utf8_first(sv_from(text, i), &sequence);
        if (sequence > 1) {
            i += sequence;
            continue;
        }
        buf_append(out, text.data + start, i - start);
        if (byte >= 0x80) {
            buf_add_str(out, "\xef\xbf\xbd");
        } else {
            json_escape_byte(out, byte);
        }
        start = ++i;
    }
    if (text.len > start) {
        buf_append(out, text.data + start, text.len - start);
    }
}

void encode_json_string(struct buf *out, struct str_view text)
{
    buf_add_byte(out, '"');
    encode_json_chars(out, text);
    buf_add_byte(out, '"');
}

static bool is_unreserved(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void encode_percent(struct buf *out, struct str_view text)
{
    static const char upper[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (is_unreserved(text.data[i])) {
            buf_add_byte(out, text.data[i]);
        } else {
            const char escape[3] = {'%', upper[byte >> 4], upper[byte & 15]};
            buf_append(out, escape, 3);
        }
    }
}

void encode_pointer_token(struct buf *out, struct str_view token)
{
    size_t start = 0;
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] == '~' || token.data[i] == '/') {
            buf_append(out, token.data + start, i - start);
            buf_add_str(out, token.data[i] == '~' ? "~0" : "~1");
            start = i + 1;
        }
    }
    if (token.len > start) {
        buf_append(out, token.data + start, token.len - start);
    }
}
