/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/decode.h"

#include "base/encode.h"

/* The URL alphabet differs in two digits, and does not have the two that it replaces. */
static bool to_standard_alphabet(struct str_view text, struct secret_buf *ret)
{
    secret_buf_init(ret, text.len);
    char *to = buf_extend(&ret->bytes, text.len);
    for (size_t i = 0; to && i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '+' || byte == '/') {
            return false;
        }
        to[i] = byte == '-' ? '+' : byte == '_' ? '/' : byte;
    }
    return true;
}

/* False leaves `value` as it is. */
static bool decode_standard(struct str_view text, struct secret_buf *value)
{
    CLEANUP(secret_buf_done) struct secret_buf decoded = {0};
    struct err ignored = {0};
    secret_buf_init(&decoded, value->bytes.ceiling);
    if (!decode_base64(&decoded.bytes, text, &ignored)) {
        return false;
    }
    secret_buf_move(value, &decoded);
    return true;
}

static bool decode_url(struct secret_buf *value)
{
    CLEANUP(secret_buf_done) struct secret_buf standard = {0};
    return to_standard_alphabet(secret_buf_view(value), &standard) &&
           decode_standard(secret_buf_view(&standard), value);
}

bool decode_value(enum decoding_strategy strategy, struct secret_buf *value, struct err *err)
{
    switch (strategy) {
    case DECODING_NONE:
        break;
    case DECODING_BASE64:
        return decode_standard(secret_buf_view(value), value) ||
               err_set(err, ERR_INVALID,
                       "the value is no base64 (RFC 4648 §4, with padding), as decodingStrategy "
                       "Base64 asks for");
    case DECODING_BASE64URL:
        return decode_url(value) ||
               err_set(err, ERR_INVALID,
                       "the value is no base64url (RFC 4648 §5, with padding), as "
                       "decodingStrategy Base64URL asks for");
    case DECODING_AUTO:
        if (!decode_standard(secret_buf_view(value), value)) {
            (void)decode_url(value);
        }
        break;
    }
    return true;
}

bool decode_check_null_bytes(bool fail, struct str_view value, struct err *err)
{
    if (fail && value.len && memchr(value.data, '\0', value.len)) {
        return err_set(err, ERR_INVALID,
                       "the value has a null byte in it, which nullBytePolicy Fail forbids");
    }
    return true;
}
