/* SPDX-License-Identifier: Apache-2.0 */
/* Where the position stands afterwards; what is accepted and refused in a document: test_xml.c. */
#include "aws/xml_scan.h"

#include "check_main.h"

static struct err err;

static struct xml_scan scan_of(const char *document)
{
    err = (struct err){0};
    return (struct xml_scan){.document = sv_of(document), .err = &err};
}

START_TEST(goes_behind_what_it_read)
{
    struct xml_scan scan = scan_of(" \t\r\nname.1-x rest");
    struct str_view name;
    xml_scan_space(&scan);
    ck_assert_uint_eq(scan.at, 4);
    ck_assert(xml_scan_name(&scan, &name));
    ck_assert(sv_is(name, "name.1-x"));
    ck_assert_uint_eq(scan.at, 12);
    ck_assert(!xml_scan_skip(&scan, SV("rest")));
    ck_assert_uint_eq(scan.at, 12);
    ck_assert(xml_scan_skip(&scan, SV(" rest")));
    ck_assert_uint_eq(xml_scan_rest(&scan).len, 0);
    xml_scan_space(&scan);
    ck_assert(!xml_scan_name(&scan, &name));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.message, "XML: no name at byte 17");
}
END_TEST

static const struct {
    const char *text;
    uint32_t code;
    size_t at;
} references[] = {
    {"&amp;x", '&', 5},        {"&lt;", '<', 4},        {"&gt;", '>', 4},
    {"&quot;", '"', 6},        {"&apos;;", '\'', 6},    {"&#65;", 'A', 5},
    {"&#x1F511;", 0x1f511, 9}, {"&#xd7ff;", 0xd7ff, 8}, {"&#1114111;", 0x10ffff, 10},
};

START_TEST(reads_references)
{
    struct xml_scan scan = scan_of(references[_i].text);
    uint32_t code = 0;
    ck_assert(xml_scan_reference(&scan, &code));
    ck_assert_uint_eq(code, references[_i].code);
    ck_assert_uint_eq(scan.at, references[_i].at);
}
END_TEST

START_TEST(reads_attributes_up_to_the_end_of_the_tag)
{
    struct xml_scan scan = scan_of("  a=\"1>\" b = '/&gt;' />");
    ck_assert(xml_scan_attributes(&scan));
    ck_assert(sv_is(xml_scan_rest(&scan), "/>"));
    scan = scan_of(">");
    ck_assert(xml_scan_attributes(&scan));
    ck_assert_uint_eq(scan.at, 0);
    scan = scan_of(" a='1' b=\"");
    ck_assert(!xml_scan_attributes(&scan));
    ck_assert_str_eq(err.message, "XML: an attribute without an end at byte 9");
}
END_TEST

START_TEST(reads_a_declaration_where_there_is_one)
{
    struct xml_scan scan = scan_of("<?xml version='1.0' encoding=\"utf-8\"?><a/>");
    ck_assert(xml_scan_declaration(&scan));
    ck_assert(sv_is(xml_scan_rest(&scan), "<a/>"));
    scan = scan_of("<a/>");
    ck_assert(xml_scan_declaration(&scan));
    ck_assert_uint_eq(scan.at, 0);
}
END_TEST

START_TEST(reads_comments_to_their_end)
{
    struct xml_scan scan = scan_of(" <a> - -->-->");
    ck_assert(xml_scan_comment(&scan));
    ck_assert(sv_is(xml_scan_rest(&scan), "-->"));
}
END_TEST

START_TEST(checks_characters_and_stays)
{
    struct xml_scan scan = scan_of("<a>\xe2\x82\xac</a>");
    ck_assert(xml_scan_characters(&scan));
    ck_assert_uint_eq(scan.at, 0);
    scan = scan_of("<a>\xe2\x82</a>");
    ck_assert(!xml_scan_characters(&scan));
    ck_assert_str_eq(err.message, "XML: no character at byte 3");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("xml_scan");
    TCase *tcase = tcase_create("xml_scan");
    tcase_add_test(tcase, goes_behind_what_it_read);
    tcase_add_loop_test(tcase, reads_references, 0, ARRAY_LEN(references));
    tcase_add_test(tcase, reads_attributes_up_to_the_end_of_the_tag);
    tcase_add_test(tcase, reads_a_declaration_where_there_is_one);
    tcase_add_test(tcase, reads_comments_to_their_end);
    tcase_add_test(tcase, checks_characters_and_stays);
    suite_add_tcase(suite, tcase);
    return suite;
}
