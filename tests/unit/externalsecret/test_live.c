/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/live.h"

#include "base/limits.h"
#include "check_main.h"

static void body_of(const char *text, struct secret_buf *ret)
{
    secret_buf_init(ret, LIMIT_KUBE_ANSWER_BYTES);
    secret_buf_add(ret, sv_of(text));
}

START_TEST(keeps_the_object_and_its_record)
{
    struct secret_buf body = {0};
    body_of("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"db\","
            "\"namespace\":\"prod\",\"uid\":\"u\",\"resourceVersion\":\"7\"},"
            "\"data\":{\"a\":\"aHVudGVyMg==\"},\"type\":\"Opaque\"}",
            &body);
    const struct hmac_key key = {.bytes = {1}};
    CLEANUP(live_secret_done) struct live_secret live = {0};
    struct err err = {0};
    ck_assert_msg(live_secret_read(&body, &key, &live, &err), "%s", err.message);
    ck_assert_ptr_null(body.bytes.data);
    ck_assert(sv_is(json_string(json_path(live.object, "data", "a", NULL)), "aHVudGVyMg=="));
    ck_assert(sv_is(live.record->resource_version, "7"));
    unsigned char wanted[SHA256_BYTES];
    hmac_sha256(sv_make((const char *)key.bytes, sizeof key.bytes), SV("hunter2"), wanted);
    ck_assert_mem_eq(secret_find_key(live.record, SV("a"))->digest, wanted, sizeof wanted);
}
END_TEST

static const char *const answers[] = {
    "",
    "hunter2",
    "{\"metadata\":{\"name\":\"hunter2\"",
    "{\"data\":{\"a\":\"hunter2!\"}}",
    "{\"metadata\":{\"name\":\"db\",\"namespace\":\"prod\",\"uid\":\"u\",\"resourceVersion\":\"7\"}"
    ","
    "\"data\":{\"a\":\"hunter2!\"}}",
};

START_TEST(refuses_an_answer_that_is_no_secret)
{
    struct secret_buf body = {0};
    body_of(answers[_i], &body);
    const struct hmac_key key = {.bytes = {1}};
    struct live_secret live = {0};
    struct err err = {0};
    ck_assert(!live_secret_read(&body, &key, &live, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_ptr_null(live.object);
    ck_assert_ptr_null(body.bytes.data);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("live");
    TCase *tcase = tcase_create("live");
    tcase_add_test(tcase, keeps_the_object_and_its_record);
    tcase_add_loop_test(tcase, refuses_an_answer_that_is_no_secret, 0, ARRAY_LEN(answers));
    suite_add_tcase(suite, tcase);
    return suite;
}
