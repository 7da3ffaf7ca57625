/* SPDX-License-Identifier: Apache-2.0 */
#include "base/encode.h"

#include "check_main.h"

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const struct {
    struct str_view bytes;
    const char *base64;
    const char *hex;
} ENCODED[] = {
    /* RFC 4648 §10 */
    {BYTES(""), "", ""},
    {BYTES("f"), "Zg==", "66"},
    {BYTES("fo"), "Zm8=", "666f"},
    {BYTES("foo"), "Zm9v", "666f6f"},
    {BYTES("foob"), "Zm9vYg==", "666f6f62"},
    {BYTES("fooba"), "Zm9vYmE=", "666f6f6261"},
    {BYTES("foobar"), "Zm9vYmFy", "666f6f626172"},
    {BYTES("\x00"), "AA==", "00"},
    {BYTES("\xff\xff\xff"), "////", "ffffff"},
    {BYTES("\xfb\xef\xbe"), "++++", "fbefbe"},
    {BYTES("\x00\x01\x80\xfe"), "AAGA/g==", "000180fe"},
    {{NULL, 0}, "", ""},
};

START_TEST(encodes_base64_and_hex)
{
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 1000);
    encode_base64(&out, ENCODED[_i].bytes);
    ck_assert(sv_is(buf_view(&out), ENCODED[_i].base64));
    buf_clear(&out);
    struct err err;
    ck_assert(decode_base64(&out, sv_of(ENCODED[_i].base64), &err));
    ck_assert(sv_equal(buf_view(&out), ENCODED[_i].bytes));
    buf_clear(&out);
    encode_hex(&out, ENCODED[_i].bytes);
    ck_assert(sv_is(buf_view(&out), ENCODED[_i].hex));
}
END_TEST

START_TEST(every_byte_survives_base64)
{
    unsigned char bytes[256 * 3];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    }
    for (size_t len = 0; len <= sizeof bytes; len += 1 + len / 5) {
        CLEANUP(buf_done) struct buf text;
        CLEANUP(buf_done) struct buf back;
        buf_init(&text, 4096);
        buf_init(&back, 4096);
        struct str_view view = sv_make((const char *)bytes, len);
        struct err err;
        encode_base64(&text, view);
        ck_assert_uint_eq(text.len, (len + 2) / 3 * 4);
        ck_assert(decode_base64(&back, buf_view(&text), &err));
        ck_assert(sv_equal(buf_view(&back), view));
    }
}
END_TEST

/* What Go's encoding/base64 StdEncoding answers. */
static const struct {
    const char *text;
    const char *bytes; /* NULL: refused */
} DECODED[] = {
    {"QR==", "A"},         {"QUI=", "AB"},  {"QUJD", "ABC"},
    {"QUJDRA==", "ABCD"},  {"QQ==\n", "A"}, {"\nQQ==", "A"},
    {"Q\r\nQ==", "A"},     {"QQ=\n=", "A"}, {"\n", ""},
    {"QQ=", NULL},         {"QQ", NULL},    {"Q", NULL},
    {"Q===", NULL},        {"=", NULL},     {"====", NULL},
    {"QQ==QQ==", NULL},    {"QQ=Q", NULL},  {"QQ== ", NULL},
    {"Q Q==", NULL},       {"QQ==A", NULL}, {"-_8=", NULL},
    {"QUJDQQ", NULL},      {"QUJD=", NULL}, {"QQ==\t", NULL},
    {"QUJDQ\x80==", NULL},
};

START_TEST(decodes_what_go_decodes)
{
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 100);
    buf_add_str(&out, "front:");
    struct err err = {0};
    bool valid = decode_base64(&out, sv_of(DECODED[_i].text), &err);
    ck_assert_msg(valid == (DECODED[_i].bytes != NULL), "%s", DECODED[_i].text);
    struct str_view added = sv_from(buf_view(&out), sizeof "front:" - 1);
    /* What is refused leaves nothing behind. */
    ck_assert_msg(sv_is(added, valid ? DECODED[_i].bytes : ""), "%s", DECODED[_i].text);
    if (!valid) {
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
}
END_TEST

START_TEST(names_the_offset_and_not_the_bytes)
{
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 100);
    struct err err = {0};
    ck_assert(!decode_base64(&out, SV("cGxhbnRlZA==planted"), &err));
    ck_assert_ptr_nonnull(strstr(err.message, "12"));
    ck_assert_ptr_null(strstr(err.message, "planted"));
    ck_assert_ptr_null(strstr(err.message, "cGxh"));
}
END_TEST

START_TEST(decoding_over_the_ceiling_is_too_big)
{
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 5);
    struct err err = {0};
    ck_assert(decode_base64(&out, SV("QUJD"), &err));
    ck_assert(!decode_base64(&out, SV("QUJD"), &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert(sv_is(buf_view(&out), "ABC"));
}
END_TEST

static const struct {
    struct str_view text;
    const char *json;
} STRINGS[] = {
    {BYTES(""), "\"\""},
    {{NULL, 0}, "\"\""},
    {BYTES("plain /text\x7f"), "\"plain /text\x7f\""},
    {BYTES("\"\\"), "\"\\\"\\\\\""},
    {BYTES("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
    {BYTES("\x00\x01\x1f"), "\"\\u0000\\u0001\\u001f\""},
    {BYTES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91\""},
    /* Each byte that is no part of a character becomes U+FFFD. */
    {BYTES("a\x80z"), "\"a\xef\xbf\xbdz\""},
    {BYTES("\xc3"), "\"\xef\xbf\xbd\""},
    {BYTES("\xc3("), "\"\xef\xbf\xbd(\""},
    {BYTES("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xe0\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xed\x9f\xbf"), "\"\xed\x9f\xbf\""},
    {BYTES("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\""},
    {BYTES("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xf0\x8f\xbf\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xff\xfe"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {BYTES("\xf0\x9f\x94"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

START_TEST(writes_json_strings)
{
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 1000);
    encode_json_string(&out, STRINGS[_i].text);
    ck_assert_msg(sv_is(buf_view(&out), STRINGS[_i].json), "%.*s", SV_ARG(buf_view(&out)));
    CLEANUP(buf_done) struct buf chars;
    buf_init(&chars, 1000);
    encode_json_chars(&chars, STRINGS[_i].text);
    ck_assert(sv_equal(buf_view(&chars), sv_first(sv_from(buf_view(&out), 1), out.len - 2)));
}
END_TEST

static const struct {
    struct str_view text;
    const char *percent;
    const char *pointer;
} TOKENS[] = {
    {BYTES(""), "", ""},
    {BYTES("aZ09-._~"), "aZ09-._~", "aZ09-._~0"},
    {BYTES("a/b"), "a%2Fb", "a~1b"},
    {BYTES("~1/~0"), "~1%2F~0", "~01~1~00"},
    {BYTES("a b+c%"), "a%20b%2Bc%25", "a b+c%"},
    {BYTES("\xc3\xa4"), "%C3%A4", "\xc3\xa4"},
    {BYTES("../?x=&#"), "..%2F%3Fx%3D%26%23", "..~1?x=&#"},
    {BYTES("\x00\n"), "%00%0A", NULL},
};

START_TEST(writes_url_and_pointer_tokens)
{
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 1000);
    encode_percent(&out, TOKENS[_i].text);
    ck_assert(sv_is(buf_view(&out), TOKENS[_i].percent));
    if (TOKENS[_i].pointer) {
        buf_clear(&out);
        encode_pointer_token(&out, TOKENS[_i].text);
        ck_assert(sv_is(buf_view(&out), TOKENS[_i].pointer));
    }
}
END_TEST

START_TEST(every_encoder_stops_at_the_ceiling)
{
    void (*const encoders[])(struct buf *, struct str_view) = {
        encode_base64,     encode_hex,     encode_json_string,
        encode_json_chars, encode_percent, encode_pointer_token,
    };
    for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
        for (size_t ceiling = 0; ceiling < 8; ceiling++) {
            CLEANUP(buf_done) struct buf out;
            buf_init(&out, ceiling);
            encoders[i](&out, SV("/\"~/\"~/\"~"));
            ck_assert(out.failed);
            ck_assert_uint_le(out.len, ceiling);
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("encode");
    TCase *tcase = tcase_create("encode");
    tcase_add_loop_test(tcase, encodes_base64_and_hex, 0, (int)ARRAY_LEN(ENCODED));
    tcase_add_test(tcase, every_byte_survives_base64);
    tcase_add_loop_test(tcase, decodes_what_go_decodes, 0, (int)ARRAY_LEN(DECODED));
    tcase_add_test(tcase, names_the_offset_and_not_the_bytes);
    tcase_add_test(tcase, decoding_over_the_ceiling_is_too_big);
    tcase_add_loop_test(tcase, writes_json_strings, 0, (int)ARRAY_LEN(STRINGS));
    tcase_add_loop_test(tcase, writes_url_and_pointer_tokens, 0, (int)ARRAY_LEN(TOKENS));
    tcase_add_test(tcase, every_encoder_stops_at_the_ceiling);
    suite_add_tcase(suite, tcase);
    return suite;
}
