/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/template/json_write.h"

#include "bytes.h"
#include "check_main.h"

/* As encoding/json of Go 1.24 writes them. */
static const struct {
    struct str_view text;
    const char *json;
} rows[] = {
    {BYTES(""), "\"\""},
    {BYTES("plain \xc3\xa9"), "\"plain \xc3\xa9\""},
    {BYTES("<a href='x'>&\"\\</a>"), "\"\\u003ca href='x'\\u003e\\u0026\\\"\\\\\\u003c/a\\u003e\""},
    {BYTES("\b\f\n\r\t\x01\x7f\0"), "\"\\b\\f\\n\\r\\t\\u0001\x7f\\u0000\""},
    {BYTES("a\xff\xed\xa0\x80z"), "\"a\\ufffd\\ufffd\\ufffd\\ufffdz\""},
    {BYTES("\xe2\x80\xa8|\xe2\x80\xa9|\xe2\x80\xa7"), "\"\\u2028|\\u2029|\xe2\x80\xa7\""},
    {BYTES("\xef\xbf\xbd"), "\"\xef\xbf\xbd\""},
};

START_TEST(writes_a_string_as_go_does)
{
    CLEANUP(secret_buf_done) struct secret_buf json = {0};
    secret_buf_init(&json, 1024);
    json_write_text(rows[_i].text, JSON_COMPACT, &json.bytes);
    ck_assert(sv_is(secret_buf_view(&json), rows[_i].json));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("externalsecret/template/json_write");
    TCase *tcase = tcase_create("strings");
    tcase_add_loop_test(tcase, writes_a_string_as_go_does, 0, ARRAY_LEN(rows));
    suite_add_tcase(suite, tcase);
    return suite;
}
