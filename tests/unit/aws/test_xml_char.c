/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/xml_char.h"

#include "bytes.h"
#include "check_main.h"

static const struct {
    uint32_t code;
    struct str_view utf8;
    bool allowed;
} characters[] = {
    {0x0, BYTES("\0"), false},
    {0x8, BYTES("\x08"), false},
    {0x9, BYTES("\t"), true},
    {0xa, BYTES("\n"), true},
    {0xb, BYTES("\x0b"), false},
    {0xd, BYTES("\r"), true},
    {0x1f, BYTES("\x1f"), false},
    {0x20, BYTES(" "), true},
    {0x7f, BYTES("\x7f"), true},
    {0x80, BYTES("\xc2\x80"), true},
    {0x7ff, BYTES("\xdf\xbf"), true},
    {0x800, BYTES("\xe0\xa0\x80"), true},
    {0xd7ff, BYTES("\xed\x9f\xbf"), true},
    {0xd800, BYTES("\xed\xa0\x80"), false},
    {0xdfff, BYTES("\xed\xbf\xbf"), false},
    {0xe000, BYTES("\xee\x80\x80"), true},
    {0xfffd, BYTES("\xef\xbf\xbd"), true},
    {0xfffe, BYTES("\xef\xbf\xbe"), false},
    {0xffff, BYTES("\xef\xbf\xbf"), false},
    {0x10000, BYTES("\xf0\x90\x80\x80"), true},
    {0x10ffff, BYTES("\xf4\x8f\xbf\xbf"), true},
    {0x110000, BYTES("\xf4\x90\x80\x80"), false},
};

START_TEST(knows_what_may_stand_in_a_document)
{
    ck_assert_int_eq(xml_is_char(characters[_i].code), characters[_i].allowed);
}
END_TEST

START_TEST(writes_and_reads_utf8)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    uint32_t code = 1;
    secret_buf_init(&text, 8);
    xml_char_add(characters[_i].code, &text);
    ck_assert(sv_equal(secret_buf_view(&text), characters[_i].utf8));
    buf_add_byte(&text.bytes, 'x');
    ck_assert_uint_eq(xml_char_read(secret_buf_view(&text), &code), characters[_i].utf8.len);
    ck_assert_uint_eq(code, characters[_i].code);
}
END_TEST

static const struct str_view malformed[] = {
    BYTES("\x80"),
    BYTES("\xbf"),
    BYTES("\xc0\x80"),
    BYTES("\xc1\xbf"),
    BYTES("\xe0\x80\x80"),
    BYTES("\xe0\x9f\xbf"),
    BYTES("\xf0\x80\x80\x80"),
    BYTES("\xc3"),
    BYTES("\xe2\x82"),
    BYTES("\xf0\x90\x80"),
    BYTES("\xc3("),
    BYTES("\xe2\x28\x82"),
    BYTES("\xe2\x82("),
    BYTES("\xf5\x80\x80\x80"),
    BYTES("\xff"),
};

START_TEST(refuses_what_is_no_utf8)
{
    uint32_t code = 0;
    ck_assert_uint_eq(xml_char_read(malformed[_i], &code), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("xml_char");
    TCase *tcase = tcase_create("xml_char");
    tcase_add_loop_test(tcase, knows_what_may_stand_in_a_document, 0, ARRAY_LEN(characters));
    tcase_add_loop_test(tcase, writes_and_reads_utf8, 0, ARRAY_LEN(characters));
    tcase_add_loop_test(tcase, refuses_what_is_no_utf8, 0, ARRAY_LEN(malformed));
    suite_add_tcase(suite, tcase);
    return suite;
}
