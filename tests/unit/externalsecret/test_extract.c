/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/extract.h"

#include "vectors.h"

START_TEST(agrees_with_encoding_json)
{
    CLEANUP(vectors_done)
    struct vectors vectors = vectors_load("externalsecret/vectors/extract.json");
    size_t count = 0;
    JSON_FOR_EACH (row, vectors.rows) {
        CLEANUP(secret_buf_done) struct secret_buf payload = vector_bytes(row, "payload");
        CLEANUP(data_map_done) struct data_map want = vector_map(row, "map");
        CLEANUP(data_map_done) struct data_map got = {0};
        struct err err = {0};
        bool taken = extract_object(secret_buf_view(&payload), &got, &err);
        ck_assert_msg(taken == !json_is_true(json_member(row, "error")), "row %zu", count);
        ck_assert_msg(taken || err.kind == ERR_INVALID, "row %zu", count);
        assert_same_map(&got, &want, count);
        count++;
    }
    ck_assert_uint_ge(count, 80);
}
END_TEST

START_TEST(leaves_the_payload_as_it_is)
{
    char payload[] = "{\"a\":\"x\\u0041\\n\",\"a\":{\"b\" : 1.10 }}";
    CLEANUP(mem_free_ptr) char *before = str_dup(payload);
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    ck_assert(extract_object(sv_of(payload), &map, &err));
    ck_assert_str_eq(payload, before);
    ck_assert_uint_eq(map.count, 1);
    ck_assert_str_eq(map.entries[0].value.bytes.data, "{\"b\" : 1.10 }");
}
END_TEST

START_TEST(says_where_and_shows_nothing)
{
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    ck_assert(!extract_object(SV("{\"a\":\"hunter2\",}"), &map, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "byte 15"));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert(!extract_object(SV("\"hunter2\""), &map, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "no object"));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_uint_eq(map.count, 0);
}
END_TEST

/* "[" * depth + "]" * depth as the value of a member. */
static char *nested(size_t depth, size_t *ret_len)
{
    char *text = mem_alloc(2 * depth + 8);
    size_t len = 0;
    memcpy(text, "{\"a\":", 5);
    len = 5;
    memset(text + len, '[', depth);
    memset(text + len + depth, ']', depth);
    len += 2 * depth;
    text[len++] = '}';
    *ret_len = len;
    return text;
}

START_TEST(takes_the_depth_that_go_takes)
{
    for (size_t depth = 9999; depth <= 10000; depth++) {
        size_t len = 0;
        CLEANUP(mem_free_ptr) char *text = nested(depth, &len);
        CLEANUP(data_map_done) struct data_map map = {0};
        struct err err = {0};
        ck_assert_int_eq(extract_object(sv_make(text, len), &map, &err), depth == 9999);
    }
}
END_TEST

/* In the worst order for the map, which must not cost the square of the number. */
START_TEST(takes_as_many_keys_as_a_remote_secret_holds)
{
    for (int more = 0; more <= 1; more++) {
        CLEANUP(buf_done) struct buf text = {0};
        buf_init(&text, 1024UL * 1024);
        buf_add_byte(&text, '{');
        for (int i = LIMIT_EXTRACT_KEYS + more; i > 0; i--) {
            buf_printf(&text, "\"%05d\":%d%s", i, i, i > 1 ? "," : "}");
        }
        CLEANUP(data_map_done) struct data_map map = {0};
        struct err err = {0};
        if (more) {
            ck_assert(!extract_object(buf_view(&text), &map, &err));
            ck_assert_int_eq(err.kind, ERR_TOO_BIG);
            continue;
        }
        ck_assert(extract_object(buf_view(&text), &map, &err));
        ck_assert_uint_eq(map.count, LIMIT_EXTRACT_KEYS);
        ck_assert(sv_is(map.entries[0].key, "00001"));
        ck_assert_str_eq(map.entries[0].value.bytes.data, "1");
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("extract");
    TCase *tcase = tcase_create("extract");
    tcase_add_test(tcase, agrees_with_encoding_json);
    tcase_add_test(tcase, leaves_the_payload_as_it_is);
    tcase_add_test(tcase, says_where_and_shows_nothing);
    tcase_add_test(tcase, takes_the_depth_that_go_takes);
    tcase_add_test(tcase, takes_as_many_keys_as_a_remote_secret_holds);
    suite_add_tcase(suite, tcase);
    return suite;
}
