/* SPDX-License-Identifier: Apache-2.0 */
/* How much of what one ExternalSecret asks for is in memory at once. */
#include "check_main.h"

#include "base/limits.h"
#include "quoted_json.h"
#include "webhook/aws_reading.h"
#include "webhook/sources.h"

enum {
    MANY = 1000,
    VALUE_BYTES = 64 * 1024,
};

static struct store *store;
static struct clients clients;
static struct remote_read reads[MANY];
static struct err err;
static size_t largest; /* values asked for together */
static size_t asked;   /* in all */
static size_t fails_at;
static size_t value_bytes;

/* These stand in for webhook/aws_reading.c. */
bool aws_reading_identity(struct clients *with, const struct store *of, struct str_view namespace,
                          int64_t deadline_ms, struct store_identity *ret, struct err *ret_err)
{
    (void)with;
    (void)of;
    (void)namespace;
    (void)deadline_ms;
    (void)ret;
    (void)ret_err;
    return true;
}

char *aws_reading_key(const struct store *of, struct str_view key)
{
    (void)of;
    return sv_dup(key);
}

bool aws_reading_read(struct clients *with, const struct remote_request *request,
                      const struct store_identity *identity, struct reader_item *items,
                      size_t count, const struct reader_notice *notice, struct err *ret_err)
{
    static char bytes[VALUE_BYTES];
    (void)with;
    (void)request;
    (void)identity;
    (void)notice;
    largest = count > largest ? count : largest;
    for (size_t i = 0; i < count; i++) {
        ck_assert(sv_equal(items[i].key, reads[asked].key));
        items[i].asked = true;
        if (asked++ == fails_at) {
            items[i].error = (struct service_error){.class = SERVICE_TRANSPORT};
            return err_set(ret_err, ERR_TIMEOUT, "no answer");
        }
        items[i].answered = true;
        items[i].value.has_string = true;
        secret_buf_init(&items[i].value.string, value_bytes);
        secret_buf_add(&items[i].value.string, sv_make(bytes, value_bytes));
    }
    return true;
}

static bool read_many(size_t count)
{
    const struct remote_request request = {.store = store, .namespace = SV("n")};
    struct secret_source source = sources_for(&clients);
    err = (struct err){0};
    return source.read(source.context, &request, reads, count, &err);
}

static void setup(void)
{
    static char names[MANY][8];
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'store','uid':'u','resourceVersion':'1'},'spec':"
        "{'provider':{'aws':{'service':'SecretsManager','region':'eu-central-1'}}}}");
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    json_text_done(&json);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "k%zu", i);
        reads[i] = (struct remote_read){.key = sv_of(names[i])};
    }
    largest = 0;
    asked = 0;
    fails_at = SIZE_MAX;
    value_bytes = 100;
}

static void teardown(void)
{
    for (size_t i = 0; i < MANY; i++) {
        secret_buf_done(&reads[i].value);
    }
    store_release(store);
}

START_TEST(many_are_read_a_hundred_at_a_time)
{
    ck_assert_msg(read_many(MANY), "%s", err.message);
    ck_assert_uint_eq(asked, MANY);
    ck_assert_uint_eq(largest, 100);
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_uint_eq(reads[i].value.bytes.len, 100);
    }
}
END_TEST

START_TEST(all_together_have_a_limit)
{
    value_bytes = VALUE_BYTES;
    size_t most = LIMIT_REMOTE_BYTES / VALUE_BYTES;
    ck_assert_msg(read_many(most), "%s", err.message);
    asked = 0;
    ck_assert(!read_many(MANY));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_uint_le(asked, most + 100);
}
END_TEST

START_TEST(a_store_that_answered_before_is_not_silent)
{
    fails_at = 150;
    ck_assert(!read_many(MANY));
    ck_assert_int_eq(err.kind, ERR_BUSY);
    ck_assert_uint_eq(asked, 151);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sources_bounds");
    TCase *tcase = tcase_create("sources_bounds");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, many_are_read_a_hundred_at_a_time);
    tcase_add_test(tcase, all_together_have_a_limit);
    tcase_add_test(tcase, a_store_that_answered_before_is_not_silent);
    suite_add_tcase(suite, tcase);
    return suite;
}
