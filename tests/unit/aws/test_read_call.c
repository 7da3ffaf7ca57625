/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include "aws/read_call.h"

enum {
    FETCHES = 3,
};

/* How the service answers, and what it was asked. */
static struct {
    bool works; /* the call as a whole */
    struct service_error error;
    enum err_kind kind;
    /* Of each of a batch. */
    struct service_error errors[FETCHES];
    bool there[FETCHES];
    size_t singles;
    size_t batches;
} answer;

static struct read_fetch *fetches[FETCHES];
static struct read_call call;
static const struct service_target target = {.deadline_ms = 7};

static void give(struct read_fetch *fetch)
{
    secret_buf_init(&fetch->value.string, 16);
    secret_buf_add(&fetch->value.string, SV("planted"));
    fetch->value.has_string = true;
}

static bool fake_single(void *context, enum endpoint_service service,
                        const struct service_target *at, struct read_fetch *fetch)
{
    (void)context;
    (void)service;
    ck_assert_ptr_eq(at, &target);
    answer.singles++;
    give(fetch);
    fetch->error = answer.error;
    fetch->err = (struct err){.kind = answer.kind, .message = "said so"};
    return answer.works;
}

static bool fake_batch(void *context, enum endpoint_service service,
                       const struct service_target *at, struct read_fetch *const *asked,
                       size_t count, struct service_error *error, struct err *err)
{
    (void)context;
    (void)service;
    ck_assert_ptr_eq(at, &target);
    ck_assert_uint_eq(count, FETCHES);
    answer.batches++;
    *error = answer.error;
    if (answer.kind != ERR_NONE) {
        err_set(err, answer.kind, "said so");
    }
    for (size_t i = 0; i < count && answer.works; i++) {
        asked[i]->error = answer.errors[i];
        asked[i]->err = (struct err){.kind = ERR_MISSING, .message = "of one"};
        if (answer.there[i]) {
            give(asked[i]);
        }
    }
    return answer.works;
}

static const struct reader_calls calls = {fake_single, fake_batch, NULL, NULL};

static void setup(void)
{
    memset(&answer, 0, sizeof answer);
    call = (struct read_call){.count = 0};
    for (size_t i = 0; i < FETCHES; i++) {
        char key[] = {'k', (char)('0' + i), '\0'};
        fetches[i] = read_fetch_new(sv_of(key), SV(""), SV("shop"));
        fetches[i]->urgency = SERVICE_BACKGROUND;
    }
}

static void teardown(void)
{
    for (size_t i = 0; i < FETCHES; i++) {
        read_fetch_free(fetches[i]);
    }
}

static enum read_call_end make(enum endpoint_service service, size_t count)
{
    call = (struct read_call){.count = 0};
    for (size_t i = 0; i < count; i++) {
        read_call_add(&call, fetches[i]);
    }
    return read_call_make(&call, &calls, service, &target);
}

static void ck_there(const struct read_fetch *fetch)
{
    ck_assert(!fetch->again);
    ck_assert_int_eq(fetch->error.class, SERVICE_OK);
    ck_assert_int_eq(fetch->err.kind, ERR_NONE);
    ck_assert(sv_is(secret_buf_view(&fetch->value.string), "planted"));
}

static void ck_failed(const struct read_fetch *fetch, enum service_error_class class,
                      enum err_kind kind)
{
    ck_assert(!fetch->again);
    ck_assert_str_eq(service_error_class_name(fetch->error.class), service_error_class_name(class));
    ck_assert_str_eq(err_kind_name(fetch->err.kind), err_kind_name(kind));
    ck_assert(!fetch->value.has_string);
    ck_assert_uint_eq(secret_buf_view(&fetch->value.string).len, 0);
}

static void ck_again(const struct read_fetch *fetch)
{
    ck_assert(fetch->again);
    ck_assert_int_eq(fetch->error.class, SERVICE_OK);
    ck_assert(!fetch->value.has_string);
}

START_TEST(is_as_urgent_as_its_most_urgent_and_as_long_as_its_latest)
{
    fetches[0]->deadline_ms = 500;
    fetches[1]->deadline_ms = 900;
    fetches[1]->urgency = SERVICE_ADMISSION;
    fetches[2]->deadline_ms = 700;
    read_call_add(&call, fetches[0]);
    ck_assert_int_eq(call.urgency, SERVICE_BACKGROUND);
    ck_assert_int_eq(call.deadline_ms, 500);
    read_call_add(&call, fetches[1]);
    read_call_add(&call, fetches[2]);
    ck_assert_uint_eq(call.count, 3);
    ck_assert_int_eq(call.urgency, SERVICE_ADMISSION);
    ck_assert_int_eq(call.deadline_ms, 900);
}
END_TEST

START_TEST(asks_for_as_many_as_the_service_allows)
{
    ck_assert_uint_eq(read_call_max(ENDPOINT_SECRETS_MANAGER), 20);
    ck_assert_uint_eq(read_call_max(ENDPOINT_SSM), 10);
}
END_TEST

START_TEST(one_is_asked_for_singly)
{
    answer.works = true;
    fetches[0]->again = true;
    fetches[0]->error.class = SERVICE_TRANSIENT;
    ck_assert_int_eq(make(ENDPOINT_SECRETS_MANAGER, 1), READ_CALL_ENDED);
    ck_there(fetches[0]);
    ck_assert_uint_eq(answer.singles, 1);
    ck_assert_uint_eq(answer.batches, 0);
}
END_TEST

START_TEST(a_failed_single_call_leaves_no_value)
{
    answer.error = (struct service_error){.class = SERVICE_DENIED, .status = 400};
    answer.kind = ERR_DENIED;
    ck_assert_int_eq(make(ENDPOINT_SSM, 1), READ_CALL_ENDED);
    ck_failed(fetches[0], SERVICE_DENIED, ERR_DENIED);
    ck_assert_str_eq(fetches[0]->err.message, "said so");
    ck_assert_uint_eq(fetches[0]->error.status, 400);
}
END_TEST

START_TEST(a_failure_without_class_or_kind_gets_one)
{
    static const struct {
        enum err_kind kind;
        enum service_error_class class;
        bool retryable;
    } cases[] = {
        {ERR_INVALID, SERVICE_REQUEST, false},      {ERR_TOO_BIG, SERVICE_REQUEST, false},
        {ERR_DENIED, SERVICE_CREDENTIAL, false},    {ERR_MISSING, SERVICE_NOT_FOUND, false},
        {ERR_BUSY, SERVICE_TRANSPORT, true},        {ERR_TIMEOUT, SERVICE_TRANSPORT, true},
        {ERR_UNAVAILABLE, SERVICE_TRANSIENT, true}, {ERR_INTERNAL, SERVICE_TRANSIENT, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        answer.kind = cases[i].kind;
        (void)make(ENDPOINT_SECRETS_MANAGER, 1);
        ck_failed(fetches[0], cases[i].class, cases[i].kind);
        ck_assert(fetches[0]->error.retryable == cases[i].retryable);
    }
    answer.kind = ERR_NONE;
    answer.error.class = SERVICE_THROTTLE;
    (void)make(ENDPOINT_SECRETS_MANAGER, 1);
    ck_failed(fetches[0], SERVICE_THROTTLE, ERR_BUSY);
}
END_TEST

START_TEST(each_of_a_batch_has_what_came_for_it)
{
    answer.works = true;
    answer.there[0] = true;
    answer.errors[1].class = SERVICE_NOT_FOUND;
    answer.errors[2].class = SERVICE_DENIED;
    ck_assert_int_eq(make(ENDPOINT_SECRETS_MANAGER, 3), READ_CALL_ENDED);
    ck_there(fetches[0]);
    ck_failed(fetches[1], SERVICE_NOT_FOUND, ERR_MISSING);
    ck_failed(fetches[2], SERVICE_DENIED, ERR_MISSING);
    ck_assert_uint_eq(answer.batches, 1);
    ck_assert_uint_eq(answer.singles, 0);
}
END_TEST

START_TEST(what_a_batch_forgot_or_failed_for_in_passing_is_asked_again)
{
    static const enum service_error_class classes[] = {SERVICE_OK, SERVICE_THROTTLE,
                                                       SERVICE_TRANSIENT, SERVICE_TRANSPORT};
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        answer.works = true;
        answer.there[0] = true;
        answer.there[2] = true;
        answer.errors[1].class = classes[i];
        ck_assert_int_eq(make(ENDPOINT_SSM, 3), READ_CALL_ENDED);
        ck_there(fetches[0]);
        ck_again(fetches[1]);
        ck_there(fetches[2]);
        remote_value_done(&fetches[0]->value);
        remote_value_done(&fetches[2]->value);
    }
}
END_TEST

/* How a batch that failed as a whole ends. */
static const struct {
    enum endpoint_service service;
    enum service_error_class class;
    const char *code;
    enum err_kind kind;
    enum read_call_end end;
    bool again;
} WHOLE[] = {
    {ENDPOINT_SECRETS_MANAGER, SERVICE_DENIED, "AccessDeniedException", ERR_DENIED,
     READ_CALL_FORBIDDEN, true},
    {ENDPOINT_SSM, SERVICE_DENIED, "AccessDeniedException", ERR_DENIED, READ_CALL_SPOILT, true},
    {ENDPOINT_SSM, SERVICE_REQUEST, "InvalidKeyId", ERR_INVALID, READ_CALL_SPOILT, true},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_REQUEST, "ValidationException", ERR_INVALID,
     READ_CALL_SPOILT, true},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_NOT_FOUND, "ResourceNotFoundException", ERR_MISSING,
     READ_CALL_SPOILT, true},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_OK, "", ERR_INVALID, READ_CALL_SPOILT, true},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_REQUEST, "UnknownOperationException", ERR_INVALID,
     READ_CALL_FORBIDDEN, true},
    {ENDPOINT_SSM, SERVICE_REQUEST, "UnknownOperationException", ERR_INVALID, READ_CALL_FORBIDDEN,
     true},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_THROTTLE, "ThrottlingException", ERR_BUSY, READ_CALL_ENDED,
     true},
    {ENDPOINT_SSM, SERVICE_THROTTLE, "ThrottlingException", ERR_BUSY, READ_CALL_ENDED, false},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_TRANSPORT, "", ERR_TOO_BIG, READ_CALL_ENDED, true},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_OK, "", ERR_TOO_BIG, READ_CALL_ENDED, true},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_TRANSIENT, "InternalServiceError", ERR_UNAVAILABLE,
     READ_CALL_ENDED, false},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_TRANSPORT, "", ERR_TIMEOUT, READ_CALL_ENDED, false},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_CREDENTIAL, "ExpiredTokenException", ERR_DENIED,
     READ_CALL_ENDED, false},
    {ENDPOINT_SSM, SERVICE_CREDENTIAL, "", ERR_MISSING, READ_CALL_ENDED, false},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_CLOCK, "SignatureDoesNotMatch", ERR_DENIED, READ_CALL_ENDED,
     false},
    {ENDPOINT_SECRETS_MANAGER, SERVICE_OK, "", ERR_BUSY, READ_CALL_ENDED, false},
};

START_TEST(a_batch_that_failed_as_a_whole)
{
    answer.error.class = WHOLE[_i].class;
    (void)snprintf(answer.error.code, sizeof answer.error.code, "%s", WHOLE[_i].code);
    answer.kind = WHOLE[_i].kind;
    ck_assert_int_eq(make(WHOLE[_i].service, 3), WHOLE[_i].end);
    for (size_t i = 0; i < FETCHES; i++) {
        if (WHOLE[_i].again) {
            ck_again(fetches[i]);
            continue;
        }
        ck_assert_int_ne(fetches[i]->error.class, SERVICE_OK);
        ck_failed(fetches[i], fetches[i]->error.class, WHOLE[_i].kind);
        char message[32];
        (void)snprintf(message, sizeof message, "\"k%zu\": said so", i);
        ck_assert_str_eq(fetches[i]->err.message, message);
    }
    ck_assert_uint_eq(answer.singles, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("aws/read_call");
    TCase *tcase = tcase_create("call");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, is_as_urgent_as_its_most_urgent_and_as_long_as_its_latest);
    tcase_add_test(tcase, asks_for_as_many_as_the_service_allows);
    tcase_add_test(tcase, one_is_asked_for_singly);
    tcase_add_test(tcase, a_failed_single_call_leaves_no_value);
    tcase_add_test(tcase, a_failure_without_class_or_kind_gets_one);
    tcase_add_test(tcase, each_of_a_batch_has_what_came_for_it);
    tcase_add_test(tcase, what_a_batch_forgot_or_failed_for_in_passing_is_asked_again);
    tcase_add_loop_test(tcase, a_batch_that_failed_as_a_whole, 0, (int)ARRAY_LEN(WHOLE));
    suite_add_tcase(suite, tcase);
    return suite;
}
