/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/property.h"

#include "base/json.h"
#include "base/limits.h"
#include "vectors.h"

static const char payload[] =
    "{\"a\":\"x\",\"b\":1.10,\"c\":1e3,\"d\":12345678901234567890,\"e\":null,"
    "\"g\":{\"h\" : [1, 2,{\"k\":\"v\"}]},\"i.j\":\"dot\",\"i\":{\"j\":\"nested\"},\"dup\":1,"
    "\"dup\":2,\"neg\":-0.0,\"big\":1e400,\"arr\":[\"p\",\"q\"],\"st*r\":\"lit\",\"@at\":\"at\","
    "\"!b\":\"bang\",\"a|b\":\"pipe\",\"0\":\"zero\"}";

/* A value, or NULL for a property that is missing. */
static const struct {
    const char *payload;
    const char *property;
    const char *value;
} cases[] = {
    {payload, "a", "x"},
    {payload, "b", "1.1"},
    {payload, "c", "1000"},
    {payload, "d", "12345678901234567890"},
    {payload, "e", ""},
    {payload, "i.j", "dot"},
    {payload, "neg", "-0"},
    {payload, "big", "+Inf"},
    {payload, "dup", "1"},
    {payload, "0", "zero"},
    {payload, "g.h", "[1, 2,{\"k\":\"v\"}]"},
    {payload, "g", "{\"h\" : [1, 2,{\"k\":\"v\"}]}"},
    {payload, "g.h.2.k", "v"},
    {payload, "g.h.2", "{\"k\":\"v\"}"},
    {payload, "g.h.#", "3"},
    {payload, "arr.1", "q"},
    {payload, "arr.-1", NULL},
    {payload, "arr.9", NULL},
    {payload, "arr.#", "2"},
    {payload, "arr.01", "q"},
    {payload, "a.", NULL},
    {payload, ".", NULL},
    {payload, "A", NULL},
    {payload, "g.h.k", NULL},
    {payload, "e.x", NULL},
    {payload, "st\\r", NULL},
    {payload, "i\\.j", "dot"},
    /* Dots: the whole property as one key first, then the path; a mixture only as a path. */
    {"{\"i\":{\"j\":\"nested\"}}", "i.j", "nested"},
    {"{\"x\":{\"y.z\":\"mixed\"}}", "x.y\\.z", "mixed"},
    {"{\"x\":{\"y.z\":\"mixed\"}}", "x.y.z", NULL},
    {"{\"a.b\":null,\"a\":{\"b\":1}}", "a.b", ""},
    {"{\"\":{\"\":\"deep\"}}", ".", "deep"},
    /* A first member that leads nowhere does not hide a second one. */
    {"{\"a\":1,\"a\":{\"b\":2}}", "a.b", "2"},
    {"{\"a\":{\"c\":1},\"a\":{\"b\":2}}", "a.b", "2"},
    /* Nothing is validated. */
    {"{\"a\":\"x\"", "a", "x"},
    {"{\"a\":\"x\"} and more", "a", "x"},
    {"\xef\xbb\xbf{\"a\":\"x\"}", "a", "x"},
    {"text before {\"a\":\"x\"}", "a", "x"},
    {"[{\"x\":1},{\"a\":\"y\"}]", "1.a", "y"},
    {"[1,2,3", "#", "3"},
    {"[]", "#", "0"},
    {"plain text", "a", NULL},
    {"", "a", NULL},
    {"{\"a\":\"no end", "a", NULL},
    {"{\"a", "a", NULL},
    {"{\"a\"", "a", NULL},
    {"{\"a\":\"line\nbreak\"}", "a", "line\nbreak"},
    {"{\"a\":tru", "a", "true"},
    {"{\"#\":\"key\"}", "#", "key"},
    {"{\"a#b\":\"key\"}", "a#b", "key"},
    {"[1]", "a#b", NULL},
    /* Escapes in values and in keys. */
    {"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\udd11\"}", "a",
     "\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x94\x91"},
    {"{\"a\":\"\\ud800z\"}", "a", "\xef\xbf\xbdz"},
    {"{\"a\":\"\\udc00\\ud800z\"}", "a", "\xef\xbf\xbdz"},
    {"{\"\\u0061\\\"b\":\"x\"}", "a\"b", "x"},
    {"{\"a\\\\\":\"x\",\"b\":\"y\"}", "b", "y"},
};

static bool read_property(struct str_view text, const char *property, struct secret_buf *ret,
                          struct err *err)
{
    secret_buf_init(ret, LIMIT_AWS_VALUE_BYTES);
    ck_assert_msg(property_check(sv_of(property), err), "%s: %s", property, err->message);
    return property_read(text, sv_of(property), NULL, ret, err);
}

START_TEST(reads_as_gjson_does)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    struct err err = {0};
    bool found = read_property(sv_of(cases[_i].payload), cases[_i].property, &value, &err);
    if (cases[_i].value) {
        ck_assert_msg(found, "%s: %s", cases[_i].property, err.message);
        ck_assert_msg(sv_is(secret_buf_view(&value), cases[_i].value), "%s", cases[_i].property);
    } else {
        ck_assert_msg(!found, "%s", cases[_i].property);
        ck_assert_int_eq(err.kind, ERR_MISSING);
        ck_assert_uint_eq(value.bytes.len, 0);
    }
}
END_TEST

START_TEST(agrees_with_recorded_answers)
{
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("externalsecret/property.json", &len);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = 16};
    const struct json *root = NULL;
    struct err err = {0};
    ck_assert_msg(json_parse(&doc, data, len, &limits, &root, &err), "%s", err.message);
    size_t count = 0;
    JSON_FOR_EACH (row, json_member(root, "vectors")) {
        struct str_view text = json_string(json_member(row, "payload"));
        struct str_view property = json_string(json_member(row, "property"));
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        secret_buf_init(&value, LIMIT_AWS_VALUE_BYTES);
        ck_assert(property_check(property, &err));
        bool found = property_read(text, property, NULL, &value, &err);
        ck_assert_msg(found == !json_member(row, "missing"), "%.*s in %.*s", SV_ARG(property),
                      SV_ARG(text));
        ck_assert_msg(!found ||
                          sv_equal(secret_buf_view(&value), json_string(json_member(row, "value"))),
                      "%.*s in %.*s", SV_ARG(property), SV_ARG(text));
        count++;
    }
    ck_assert_uint_ge(count, 200);
}
END_TEST

START_TEST(keeps_a_nul_byte)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    struct err err = {0};
    ck_assert(read_property(SV("{\"a\":\"p\\u0000q\",\"b\":\"r\0s\"}"), "a", &value, &err));
    ck_assert(sv_equal(secret_buf_view(&value), SV("p\0q")));
    secret_buf_done(&value);
    ck_assert(read_property(SV("{\"a\":\"p\\u0000q\",\"b\":\"r\0s\"}"), "b", &value, &err));
    ck_assert(sv_equal(secret_buf_view(&value), SV("r\0s")));
}
END_TEST

START_TEST(agrees_with_gjson)
{
    CLEANUP(vectors_done)
    struct vectors vectors = vectors_load("externalsecret/vectors/property.json");
    size_t count = 0;
    JSON_FOR_EACH (row, vectors.rows) {
        CLEANUP(secret_buf_done) struct secret_buf text = vector_bytes(row, "payload");
        CLEANUP(secret_buf_done) struct secret_buf want = vector_bytes(row, "value");
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        struct str_view property = json_string(json_member(row, "property"));
        struct err err = {0};
        secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
        ck_assert_msg(property_check(property, &err), "row %zu: %s", count, err.message);
        bool found = property_read(secret_buf_view(&text), property, NULL, &value, &err);
        ck_assert_msg(found == !json_is_true(json_member(row, "missing")), "row %zu", count);
        ck_assert_msg(sv_equal(secret_buf_view(&value), secret_buf_view(&want)), "row %zu", count);
        count++;
    }
    ck_assert_uint_ge(count, 250);
}
END_TEST

START_TEST(refuses_what_it_does_not_print_exactly)
{
    struct err err = {0};
    ck_assert(!property_check(SV("a.@pretty"), &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, "not supported"));
}
END_TEST

/* Doubles the text, tries every place for every star, goes as deep as the text does. */
static const char *const hostile[] = {
    "[@this,@this]|[@this,@this]|[@this,@this]|[@this,@this]|[@this,@this]|[@this,@this]|"
    "[@this,@this]|[@this,@this]|[@this,@this]|[@this,@this]|[@this,@this]|[@this,@this]",
    "*a*a*a*a*a*a*c*",
    "@dig:x",
};

START_TEST(gives_up_what_costs_too_much)
{
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    struct err err = {0};
    buf_init(&text, LIMIT_AWS_VALUE_BYTES);
    buf_add_str(&text, "{\"");
    for (int i = 0; i < 3000; i++) {
        buf_add_str(&text, "aaaaaaaa");
    }
    buf_add_str(&text, "\":[");
    for (int i = 0; i < 3000; i++) {
        buf_add_str(&text, "[");
    }
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    ck_assert(property_check(sv_of(hostile[_i]), &err));
    ck_assert(!property_read(buf_view(&text), sv_of(hostile[_i]), NULL, &value, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_null(strstr(err.message, "aaaa"));
}
END_TEST

START_TEST(bounds_the_property)
{
    char property[LIMIT_PROPERTY_BYTES + 1];
    struct err err = {0};
    memset(property, 'a', sizeof property);
    ck_assert(property_check(sv_make(property, LIMIT_PROPERTY_BYTES), &err));
    ck_assert(!property_check(sv_make(property, LIMIT_PROPERTY_BYTES + 1), &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    memset(property, '.', LIMIT_PROPERTY_PARTS + 1);
    property[0] = 'a';
    ck_assert(property_check(sv_make(property, LIMIT_PROPERTY_PARTS), &err));
    ck_assert(!property_check(sv_make(property, LIMIT_PROPERTY_PARTS + 1), &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert(!property_check(SV("a\0b"), &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(tells_a_key_with_dots_from_a_path)
{
    static const char both[] = "{\"x\":{\"y\":\"path\"},\"x.y\":\"key\",\"u.v\":\"key\"}";
    CLEANUP(secret_buf_done) struct secret_buf key = {0};
    CLEANUP(secret_buf_done) struct secret_buf path = {0};
    struct err err = {0};
    secret_buf_init(&key, LIMIT_SECRET_DATA_BYTES);
    secret_buf_init(&path, LIMIT_SECRET_DATA_BYTES);
    ck_assert(property_read(sv_of(both), SV("x.y"), NULL, &key, &err));
    ck_assert(sv_is(secret_buf_view(&key), "key"));
    ck_assert(property_read_path(sv_of(both), SV("x.y"), NULL, &path, &err));
    ck_assert(sv_is(secret_buf_view(&path), "path"));
    ck_assert(!property_read_path(sv_of(both), SV("u.v"), NULL, &path, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
}
END_TEST

START_TEST(keeps_the_ceiling_of_the_buffer)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, 3);
    struct err err = {0};
    ck_assert(!property_read(SV("{\"a\":\"four\"}"), SV("a"), NULL, &value, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("property");
    TCase *tcase = tcase_create("property");
    tcase_add_loop_test(tcase, reads_as_gjson_does, 0, ARRAY_LEN(cases));
    tcase_add_test(tcase, agrees_with_recorded_answers);
    tcase_add_test(tcase, keeps_a_nul_byte);
    tcase_add_test(tcase, agrees_with_gjson);
    tcase_add_test(tcase, refuses_what_it_does_not_print_exactly);
    tcase_add_loop_test(tcase, gives_up_what_costs_too_much, 0, ARRAY_LEN(hostile));
    tcase_add_test(tcase, bounds_the_property);
    tcase_add_test(tcase, tells_a_key_with_dots_from_a_path);
    tcase_add_test(tcase, keeps_the_ceiling_of_the_buffer);
    suite_add_tcase(suite, tcase);
    return suite;
}
