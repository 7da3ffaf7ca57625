/* SPDX-License-Identifier: Apache-2.0 */
/* Which failures of a read say that the store does not answer: those make others wait for it. */
#include "check_main.h"

#include "quoted_json.h"
#include "webhook/aws_reading.h"
#include "webhook/sources.h"

enum {
    READS = 3,
};

static struct store *store;
static struct clients clients;
static enum err_kind identity_failure;
static struct reader_item answers[READS];
static enum remote_contact contact;

/* These stand in for webhook/aws_reading.c. */
bool aws_reading_identity(struct clients *with, const struct store *of, struct str_view namespace,
                          int64_t deadline_ms, struct store_identity *ret, struct err *err)
{
    (void)with;
    (void)of;
    (void)namespace;
    (void)deadline_ms;
    (void)ret;
    return identity_failure == ERR_NONE || err_set(err, identity_failure, "the API server");
}

char *aws_reading_key(const struct store *of, struct str_view key)
{
    (void)of;
    return sv_dup(key);
}

bool aws_reading_read(struct clients *with, const struct remote_request *request,
                      const struct store_identity *identity, struct reader_item *items,
                      size_t count, const struct reader_notice *notice, struct err *err)
{
    (void)with;
    (void)request;
    (void)identity;
    (void)notice;
    ck_assert_uint_eq(count, READS);
    for (size_t i = 0; i < count; i++) {
        items[i].error = answers[i].error;
        items[i].err = answers[i].err;
        items[i].age_ms = answers[i].age_ms;
        items[i].asked = answers[i].asked;
        items[i].answered = answers[i].answered;
        items[i].value.has_string = answers[i].error.class == SERVICE_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].error.class != SERVICE_OK) {
            *err = items[i].err;
            return false;
        }
    }
    return true;
}

/* Without a kind it is there. */
static void answer(size_t i, enum service_error_class class, enum err_kind kind)
{
    bool answered = class != SERVICE_TRANSPORT;
    answers[i] =
        (struct reader_item){.error = {.class = class}, .asked = true, .answered = answered};
    if (kind != ERR_NONE) {
        (void)err_set(&answers[i].err, kind, "as told");
    }
}

/* No call was made for it. */
static void remember(size_t i, enum service_error_class class, enum err_kind kind)
{
    answer(i, class, kind);
    answers[i].asked = false;
    answers[i].answered = false;
    answers[i].age_ms = 500;
}

/* It was asked for in vain, and an older value was there. */
static void stand_in(size_t i)
{
    answer(i, SERVICE_OK, ERR_NONE);
    answers[i].answered = false;
    answers[i].age_ms = 3600000;
}

static enum err_kind read_all(void)
{
    struct remote_read reads[READS] = {{.key = SV("a")}, {.key = SV("b")}, {.key = SV("c")}};
    const struct remote_request request = {
        .store = store, .namespace = SV("n"), .contact = &contact};
    struct err err = {0};
    struct secret_source source = sources_for(&clients);
    contact = REMOTE_NOT_ASKED;
    bool read = source.read(source.context, &request, reads, READS, &err);
    for (size_t i = 0; i < READS; i++) {
        secret_buf_done(&reads[i].value);
    }
    ck_assert_int_eq(read, err.kind == ERR_NONE);
    return err.kind;
}

static void setup(void)
{
    struct err err = {0};
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'n','name':'store','uid':'u','resourceVersion':'1'},'spec':"
        "{'provider':{'aws':{'service':'SecretsManager','region':'eu-central-1'}}}}");
    ck_assert_msg(store_decode(json.root, false, &store, &err), "%s", err.message);
    json_text_done(&json);
    identity_failure = ERR_NONE;
    memset(answers, 0, sizeof answers);
}

static void teardown(void)
{
    store_release(store);
}

START_TEST(a_store_that_says_nothing_at_all_has_timed_out)
{
    for (size_t i = 0; i < READS; i++) {
        answer(i, SERVICE_TRANSPORT, ERR_TIMEOUT);
    }
    ck_assert_int_eq(read_all(), ERR_TIMEOUT);
    ck_assert_int_eq(contact, REMOTE_ASKED);
}
END_TEST

START_TEST(what_the_cache_had_is_no_answer_of_the_store)
{
    answer(0, SERVICE_TRANSPORT, ERR_TIMEOUT);
    remember(1, SERVICE_OK, ERR_NONE);
    answer(2, SERVICE_TRANSPORT, ERR_TIMEOUT);
    ck_assert_int_eq(read_all(), ERR_TIMEOUT);
    ck_assert_int_eq(contact, REMOTE_ASKED);
}
END_TEST

START_TEST(a_refusal_that_is_remembered_is_no_answer_of_the_store)
{
    answer(0, SERVICE_TRANSPORT, ERR_TIMEOUT);
    answer(1, SERVICE_TRANSPORT, ERR_TIMEOUT);
    remember(2, SERVICE_DENIED, ERR_DENIED);
    ck_assert_int_eq(read_all(), ERR_TIMEOUT);
    ck_assert_int_eq(contact, REMOTE_ASKED);
}
END_TEST

START_TEST(old_values_that_stand_in_are_no_answer_of_the_store)
{
    for (size_t i = 0; i < READS; i++) {
        stand_in(i);
    }
    ck_assert_int_eq(read_all(), ERR_NONE);
    ck_assert_int_eq(contact, REMOTE_ASKED);
}
END_TEST

START_TEST(a_store_whose_values_are_all_remembered_was_not_asked)
{
    for (size_t i = 0; i < READS; i++) {
        remember(i, SERVICE_OK, ERR_NONE);
    }
    ck_assert_int_eq(read_all(), ERR_NONE);
    ck_assert_int_eq(contact, REMOTE_NOT_ASKED);
}
END_TEST

START_TEST(one_value_that_comes_among_remembered_ones_is_an_answer)
{
    remember(0, SERVICE_OK, ERR_NONE);
    answer(1, SERVICE_OK, ERR_NONE);
    stand_in(2);
    ck_assert_int_eq(read_all(), ERR_NONE);
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
}
END_TEST

static const enum service_error_class ANSWERED[] = {
    SERVICE_OK,         SERVICE_NOT_FOUND, SERVICE_DENIED,    SERVICE_REQUEST,
    SERVICE_CREDENTIAL, SERVICE_THROTTLE,  SERVICE_TRANSIENT,
};

/* Whoever asks for more than the time allows does not make the store silent for others. */
START_TEST(a_store_that_answers_for_one_has_answered)
{
    answer(0, SERVICE_TRANSPORT, ERR_TIMEOUT);
    answer(1, SERVICE_TRANSPORT, ERR_TIMEOUT);
    answer(2, ANSWERED[_i], ANSWERED[_i] == SERVICE_OK ? ERR_NONE : ERR_DENIED);
    ck_assert_int_eq(read_all(), ERR_BUSY);
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
}
END_TEST

START_TEST(that_the_api_server_says_nothing_is_no_fault_of_the_store)
{
    identity_failure = ERR_TIMEOUT;
    ck_assert_int_eq(read_all(), ERR_UNAVAILABLE);
    ck_assert_int_eq(contact, REMOTE_NOT_ASKED);
    identity_failure = ERR_MISSING;
    ck_assert_int_eq(read_all(), ERR_MISSING);
}
END_TEST

START_TEST(another_failure_stays_what_it_is)
{
    answer(1, SERVICE_DENIED, ERR_DENIED);
    ck_assert_int_eq(read_all(), ERR_DENIED);
    ck_assert_int_eq(contact, REMOTE_ANSWERED);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sources_silence");
    TCase *tcase = tcase_create("sources_silence");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_store_that_says_nothing_at_all_has_timed_out);
    tcase_add_test(tcase, what_the_cache_had_is_no_answer_of_the_store);
    tcase_add_test(tcase, a_refusal_that_is_remembered_is_no_answer_of_the_store);
    tcase_add_test(tcase, old_values_that_stand_in_are_no_answer_of_the_store);
    tcase_add_test(tcase, a_store_whose_values_are_all_remembered_was_not_asked);
    tcase_add_test(tcase, one_value_that_comes_among_remembered_ones_is_an_answer);
    tcase_add_loop_test(tcase, a_store_that_answers_for_one_has_answered, 0,
                        (int)ARRAY_LEN(ANSWERED));
    tcase_add_test(tcase, that_the_api_server_says_nothing_is_no_fault_of_the_store);
    tcase_add_test(tcase, another_failure_stays_what_it_is);
    suite_add_tcase(suite, tcase);
    return suite;
}
