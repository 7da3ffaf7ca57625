/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/xml.h"

#include "bytes.h"
#include "check_main.h"

static struct secret_buf text;
static struct err err;

static void setup(void)
{
    secret_buf_init(&text, 100);
    err = (struct err){0};
}

static void teardown(void)
{
    secret_buf_done(&text);
}

static const char answer[] =
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
    "  <AssumeRoleResult>\n"
    "    <AssumedRoleUser>\n"
    "      <Arn>arn:aws:sts::123456789012:assumed-role/x/keyturn</Arn>\n"
    "    </AssumedRoleUser>\n"
    "    <Credentials>\n"
    "      <AccessKeyId>ASIAEXAMPLE</AccessKeyId>\n"
    "      <SessionToken>AQoDYXdz/+==</SessionToken>\n"
    "      <Expiration>2026-11-23T13:36:00Z</Expiration>\n"
    "    </Credentials>\n"
    "  </AssumeRoleResult>\n"
    "  <ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata>\n"
    "</AssumeRoleResponse>\n";

static const struct {
    const char *path, *text;
} in_answer[] = {
    {"AssumeRoleResponse/AssumeRoleResult/Credentials/AccessKeyId", "ASIAEXAMPLE"},
    {"AssumeRoleResponse/AssumeRoleResult/Credentials/SessionToken", "AQoDYXdz/+=="},
    {"AssumeRoleResponse/AssumeRoleResult/Credentials/Expiration", "2026-11-23T13:36:00Z"},
    {"AssumeRoleResponse/ResponseMetadata/RequestId", "c6104cbe"},
};

START_TEST(finds_text_by_its_whole_path)
{
    ck_assert(xml_text(sv_of(answer), in_answer[_i].path, &text, &err));
    ck_assert(sv_is(secret_buf_view(&text), in_answer[_i].text));
    ck_assert_int_eq(err.kind, ERR_NONE);
}
END_TEST

static const char *const not_in_answer[] = {
    "AccessKeyId",
    "Credentials/AccessKeyId",
    "AssumeRoleResponse/Credentials/AccessKeyId",
    "AssumeRoleResponse/AssumeRoleResult/AccessKeyId",
    "AssumeRoleResponse/ResponseMetadata/Credentials/AccessKeyId",
    "AssumeRoleResponse/AssumeRoleResult/Credentials/AccessKey",
    "AssumeRoleResponse/AssumeRoleResult/Credentials/AccessKeyId/",
    "assumeroleresponse/AssumeRoleResult/Credentials/AccessKeyId",
};

START_TEST(finds_it_nowhere_else)
{
    ck_assert(!xml_text(sv_of(answer), not_in_answer[_i], &text, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, not_in_answer[_i]));
    ck_assert_uint_eq(text.bytes.len, 0);
}
END_TEST

static const struct {
    struct str_view document;
    const char *text; /* of a/b */
} accepted[] = {
    {BYTES("<a><b>x</b></a>"), "x"},
    {BYTES("<a><b></b></a>"), ""},
    {BYTES("<a><b/></a>"), ""},
    {BYTES("<a><b /></a>"), ""},
    {BYTES("<a ><b\n>x</b\t></a >\r\n"), "x"},
    {BYTES("\n <!-- <a><b>no</b></a> --><a><b>x</b></a><!----> "), "x"},
    {BYTES("<a><b>x<!-- - - -->y</b></a>"), "xy"},
    {BYTES("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a><b>x</b></a>"), "x"},
    {BYTES("<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n<a><b>x</b></a>"), "x"},
    {BYTES("<a xmlns=\"urn:x\" c = '>/&lt;&#62;'><b d=\"'\" e='\"'>x</b></a>"), "x"},
    {BYTES("<a><b>&amp;&lt;&gt;&quot;&apos;</b></a>"), "&<>\"'"},
    {BYTES("<a><b>&#65;&#x42;&#x4a;&#00075;&#x4c;</b></a>"), "ABJKL"},
    {BYTES("<a><b>&#9;&#10;&#13;</b></a>"), "\t\n\r"},
    {BYTES("<a><b>&#233;&#x20ac;&#x1f511;</b></a>"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"},
    {BYTES("<a><b>\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91</b></a>"),
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"},
    {BYTES("<a><b>&amp;lt;&amp;#65;</b></a>"), "&lt;&#65;"},
    {BYTES("<a><b>1\r\n2\r3\n4</b></a>"), "1\n2\n3\n4"},
    {BYTES("<a><b>>/ ]] \"'=</b></a>"), ">/ ]] \"'="},
    {BYTES("<a>text<c>no<b>no</b></c>&amp;<b>x</b>text<a><b>no</b></a></a>"), "x"},
    {BYTES("<a><p:b>no</p:b><b.c>no</b.c><b-->no</b--><bb>no</bb><b>x</b></a>"), "x"},
    {BYTES("<a><_b>no</_b><\xc3\xa9>no</\xc3\xa9><b>x</b></a>"), "x"},
};

START_TEST(understands_what_answers_are_made_of)
{
    ck_assert_msg(xml_text(accepted[_i].document, "a/b", &text, &err), "%s", err.message);
    ck_assert(sv_is(secret_buf_view(&text), accepted[_i].text));
}
END_TEST

static const struct {
    struct str_view document;
    const char *message;
} refused[] = {
    {BYTES(""), "XML: no end at byte 0"},
    {BYTES(" \n"), "XML: no end at byte 2"},
    {BYTES("x"), "text outside of the root element at byte 0"},
    {BYTES("<"), "no name at byte 1"},
    {BYTES("<a>"), "no end at byte 3"},
    {BYTES("<a><b>hunter2</b>"), "no end at byte 17"},
    {BYTES("<a><b>hunter2</b></a>x"), "text outside of the root element at byte 21"},
    {BYTES("<a><b>hunter2</b></a>&amp;"), "text outside of the root element at byte 21"},
    {BYTES("<a><b>hunter2</b></a><a/>"), "a second root element"},
    {BYTES("<a/><a><b>hunter2</b></a>"), "a second root element"},
    {BYTES("<a><b>hunter2</a></b>"), "the end of what is not open"},
    {BYTES("<a><b>hunter2</b></a></a>"), "the end of what is not open"},
    {BYTES("<a><b>hunter2</B></a>"), "the end of what is not open"},
    {BYTES("</a>"), "the end of what is not open"},
    {BYTES("<a></ a>"), "no name"},
    {BYTES("<a></a b>"), "a tag without an end"},
    {BYTES("<a></a"), "a tag without an end"},
    {BYTES("< a></a>"), "no name"},
    {BYTES("<1a></1a>"), "no name"},
    {BYTES("<-a></-a>"), "no name"},
    {BYTES("<a"), "a tag without an end"},
    {BYTES("<a/"), "a tag without an end"},
    {BYTES("<a / >"), "a tag without an end"},
    {BYTES("<a b></a>"), "an attribute without a value"},
    {BYTES("<a b=></a>"), "an attribute without a value"},
    {BYTES("<a b=c></a>"), "an attribute without a value"},
    {BYTES("<a b="), "an attribute without a value"},
    {BYTES("<a b=\"c></a>"), "an attribute without an end"},
    {BYTES("<a b=\"c'></a>"), "an attribute without an end"},
    {BYTES("<a b=\"<\"></a>"), "'<' in an attribute"},
    {BYTES("<a b=\"&x;\"></a>"), "an entity that is not predefined"},
    {BYTES("<a b=\"&amp\" c=\";\"></a>"), "an entity that is not predefined"},
    {BYTES("<a b=\"c\"d=\"e\"></a>"), "a tag without an end"},
    {BYTES("<a ='c'></a>"), "no name"},
    {BYTES("<a><b>hunter2</b><b>hunter3</b></a>"), "the element once more"},
    {BYTES("<a><b>hunter2</b><b/></a>"), "the element once more"},
    {BYTES("<a><b>hunter2<c/></b></a>"), "an element where there should be text"},
    {BYTES("<a><b>hunter2<c d='&#65;'/></b></a>"), "an element where there should be text"},
    {BYTES("<a><b><b>hunter2</b></b></a>"), "an element where there should be text"},
    {BYTES("<a><b>hunter2&nbsp;</b></a>"), "an entity that is not predefined at byte 13"},
    {BYTES("<a><b>hunter2&AMP;</b></a>"), "an entity that is not predefined"},
    {BYTES("<a><b>hunter2& </b></a>"), "a reference without an end at byte 13"},
    {BYTES("<a><b>hunter2&;</b></a>"), "an entity that is not predefined"},
    {BYTES("<a><b>hunter2&#;</b></a>"), "a reference to no character"},
    {BYTES("<a><b>hunter2&#x;</b></a>"), "a reference to no character"},
    {BYTES("<a><b>hunter2&#0;</b></a>"), "a reference to no character"},
    {BYTES("<a><b>hunter2&#8;</b></a>"), "a reference to no character"},
    {BYTES("<a><b>hunter2&#xd800;</b></a>"), "a reference to no character"},
    {BYTES("<a><b>hunter2&#xdfff;</b></a>"), "a reference to no character"},
    {BYTES("<a><b>hunter2&#xffff;</b></a>"), "a reference to no character"},
    {BYTES("<a><b>hunter2&#x110000;</b></a>"), "a reference to no character"},
    {BYTES("<a><b>hunter2&#x100000041;</b></a>"), "not a character reference"},
    {BYTES("<a><b>hunter2&#4294967361;</b></a>"), "not a character reference"},
    {BYTES("<a><b>hunter2&#6a;</b></a>"), "not a character reference"},
    {BYTES("<a><b>hunter2&#-65;</b></a>"), "not a character reference"},
    {BYTES("<a><b>hunter2&#x6g;</b></a>"), "not a character reference"},
    {BYTES("<a><b>hunter2]]></b></a>"), "\"]]>\" in text"},
    {BYTES("<a><b><![CDATA[hunter2]]></b></a>"), "a declaration or instruction"},
    {BYTES("<!DOCTYPE a [<!ENTITY x 'y'>]><a><b>hunter2</b></a>"), "a declaration or instruction"},
    {BYTES("<a><?php x ?><b>hunter2</b></a>"), "a declaration or instruction"},
    {BYTES("\n<?xml version='1.0'?><a/>"), "a declaration or instruction"},
    {BYTES("<?xml-stylesheet href='x'?><a/>"), "a declaration or instruction"},
    {BYTES("<?xml version='1.1'?><a/>"), "a declaration that is not of XML 1.0"},
    {BYTES("<?xml encoding='UTF-8'?><a/>"), "a declaration that is not of XML 1.0"},
    {BYTES("<?xml version='1.0' encoding='UTF-16'?><a/>"), "a declaration that is not of XML 1.0"},
    {BYTES("<?xml version='1.0' x='y'?><a/>"), "a declaration that is not of XML 1.0"},
    {BYTES("<?xml ?><a/>"), "no name at byte 6"},
    {BYTES("<?xml version='1.0'"), "no name"},
    {BYTES("<a><!-- <b>hunter2</b></a>"), "a comment without an end"},
    {BYTES("<a><!-- -- --></a>"), "a comment without an end"},
    {BYTES("<a><!--> </a>"), "a comment without an end"},
    {BYTES("<a><!- x --></a>"), "a declaration or instruction"},
    {BYTES("\xef\xbb\xbf<a><b>hunter2</b></a>"), "text outside of the root element at byte 0"},
    {BYTES("<a><b>hunter2\0</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\x1b</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\x80</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\xc0\x80</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\xe0\x80\x80</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\xed\xa0\x80</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\xef\xbf\xbf</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\xf5\x80\x80\x80</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\xf4\x90\x80\x80</b></a>"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\xe2\x82"), "no character at byte 13"},
    {BYTES("<a><b>hunter2\xe2<b></b></a>"), "no character at byte 13"},
    {BYTES("<a><b>x<!-- - -- -->y</b></a>"), "a comment without an end"},
    {BYTES("<a><b>hunter2&#X43;</b></a>"), "not a character reference"},
    {BYTES("{\"a\":{\"b\":\"hunter2\"}}"), "text outside of the root element at byte 0"},
};

START_TEST(refuses_what_is_no_such_document)
{
    ck_assert(!xml_text(refused[_i].document, "a/b", &text, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, refused[_i].message), "%s, not %s", err.message,
                  refused[_i].message);
    ck_assert_ptr_null(strstr(err.message, "hunter"));
    ck_assert_uint_eq(text.bytes.len, 0);
}
END_TEST

/* `depth` elements "a", the text in the innermost. */
static char *nested(size_t depth)
{
    CLEANUP(buf_done) struct buf document = {0};
    buf_init(&document, 10000);
    for (size_t i = 0; i < depth; i++) {
        buf_add_str(&document, "<a>");
    }
    buf_add_str(&document, "x");
    for (size_t i = 0; i < depth; i++) {
        buf_add_str(&document, "</a>");
    }
    return buf_take(&document);
}

START_TEST(bounds_the_depth)
{
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(mem_free_ptr) char *most = nested(LIMIT_XML_DEPTH);
    CLEANUP(mem_free_ptr) char *over = nested(LIMIT_XML_DEPTH + 1);
    buf_init(&path, 100);
    for (int i = 0; i < LIMIT_XML_DEPTH; i++) {
        buf_add_str(&path, i ? "/a" : "a");
    }
    ck_assert(xml_text(sv_of(most), path.data, &text, &err));
    ck_assert(sv_is(secret_buf_view(&text), "x"));
    ck_assert(!xml_text(sv_of(over), "a", &text, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!xml_text(sv_of(over), "b", &text, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert(sv_is(secret_buf_view(&text), "x"));
}
END_TEST

START_TEST(bounds_the_document)
{
    CLEANUP(mem_free_ptr) char *document = mem_alloc(LIMIT_XML_BYTES + 1);
    static const char content[] = "<a><b>x</b></a>";
    memset(document, ' ', LIMIT_XML_BYTES + 1);
    memcpy(document, content, sizeof content - 1);
    ck_assert(xml_text(sv_make(document, LIMIT_XML_BYTES), "a/b", &text, &err));
    ck_assert(!xml_text(sv_make(document, LIMIT_XML_BYTES + 1), "a/b", &text, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(bounds_the_text)
{
    CLEANUP(secret_buf_done) struct secret_buf small = {0};
    secret_buf_init(&small, 4);
    secret_buf_add(&small, SV("-"));
    ck_assert(xml_text(SV("<a><b>&#x20ac;</b></a>"), "a/b", &small, &err));
    ck_assert(sv_is(secret_buf_view(&small), "-\xe2\x82\xac"));
    ck_assert(!xml_text(SV("<a><b>1</b></a>"), "a/b", &small, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert(sv_is(secret_buf_view(&small), "-\xe2\x82\xac"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("xml");
    TCase *tcase = tcase_create("xml");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, finds_text_by_its_whole_path, 0, ARRAY_LEN(in_answer));
    tcase_add_loop_test(tcase, finds_it_nowhere_else, 0, ARRAY_LEN(not_in_answer));
    tcase_add_loop_test(tcase, understands_what_answers_are_made_of, 0, ARRAY_LEN(accepted));
    tcase_add_loop_test(tcase, refuses_what_is_no_such_document, 0, ARRAY_LEN(refused));
    tcase_add_test(tcase, bounds_the_depth);
    tcase_add_test(tcase, bounds_the_document);
    tcase_add_test(tcase, bounds_the_text);
    suite_add_tcase(suite, tcase);
    return suite;
}
