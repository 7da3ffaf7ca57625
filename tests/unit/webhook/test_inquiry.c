/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/inquiry.h"

#include "aws_scene.h"
#include "aws_values.h"
#include "check_main.h"
#include "webhook/sources.h"

static struct store_health health;
static struct store_health reviews;
static struct inquiry *inquiry;
static atomic_int_fast64_t ahead_ms; /* of the time at which AWS is asked */

static int64_t monotonic_ms(void *context)
{
    (void)context;
    return clock_monotonic_ms(clock_system()) + atomic_load(&ahead_ms);
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return clock_wall_ms(clock_system());
}

static const struct clock ahead = {.wall_ms = wall_ms, .monotonic_ms = monotonic_ms};

static void setup(void)
{
    atomic_store(&ahead_ms, 0);
    aws_scene_begin_at(&ahead, aws_scene_variables);
    store_health_init(&health);
    store_health_init(&reviews);
    world_set_synced(scene.world, WORLD_STORES, true);
}

static void teardown(void)
{
    inquiry_release(inquiry);
    store_health_done(&health);
    store_health_done(&reviews);
    aws_scene_end();
}

static void put_store(const char *members)
{
    world_put_store(scene.world, aws_scene_store(false, "store", "SecretsManager", members));
}

static void answer(const char *part, unsigned status, const char *body)
{
    pthread_mutex_lock(&api.mutex);
    api_set("POST", part, status, "%s", body);
    pthread_mutex_unlock(&api.mutex);
}

/* As the review of an ExternalSecret with these elements of data would. */
static void inquire_at(bool creates, const char *data, int64_t budget_ms)
{
    const struct inquiry_options options = {.clock = &ahead,
                                            .stores = &health,
                                            .reviews = &reviews,
                                            .creates = creates,
                                            .deadline_ms = clock_monotonic_ms(&ahead) + budget_ms};
    struct existence existence;
    struct external_secret *external_secret = aws_scene_external_secret("n", "es", "store", data);
    inquiry_release(inquiry);
    ck_assert(existence_begin(scene.world, external_secret, true, &existence));
    external_secret_release(external_secret);
    inquiry = inquiry_new(&options, &existence);
    const struct flight_question question = inquiry_question(inquiry);
    question.ask(question.context, scene.clients);
    question.release(question.context);
}

static void inquire(const char *data, int64_t budget_ms)
{
    inquire_at(false, data, budget_ms);
}

#define ONE "{'secretKey':'k','remoteRef':{'key':'a'}}"
#define PROPERTY "{'secretKey':'k','remoteRef':{'key':'a','property':'p'}}"

static bool finds(const char *part)
{
    const struct problem_list *found = inquiry_found(inquiry);
    return found->count == 1 && sv_contains(sv_of(found->items[0].text), sv_of(part));
}

START_TEST(what_is_missing_is_found_by_one_call)
{
    put_store("");
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    inquire(ONE, API_PATIENCE_MS);
    ck_assert(finds("spec.data[0]: no secret a in AWS Secrets Manager"));
    ck_assert_uint_eq(api_total(), 1);
    ck_assert_ptr_null(inquiry_failure(inquiry));
}
END_TEST

START_TEST(what_is_there_is_not)
{
    put_store("");
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'{\\\"p\\\":1}'"));
    inquire(PROPERTY, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_uint_eq(api_total(), 1);
}
END_TEST

/* Somebody else's read, some time ago. */
static void read_before(void)
{
    const struct secret_source source = sources_for(scene.clients);
    struct store_ref ref = {.name = SV("store")};
    struct store *store = NULL;
    struct err err;
    struct external_secret *external_secret = aws_scene_external_secret("n", "other", "store", ONE);
    ck_assert_int_eq(world_store_for(scene.world, external_secret, &ref, &store, &err),
                     STORE_GRANTED);
    const struct remote_request request = {
        .store = store, .namespace = SV("n"), .deadline_ms = aws_scene_deadline()};
    struct remote_read read = {.key = SV("a"), .may_miss = true};
    ck_assert(source.read(source.context, &request, &read, 1, &err));
    secret_buf_done(&read.value);
    store_release(store);
    external_secret_release(external_secret);
    int64_t read_ms = clock_monotonic_ms(clock_system());
    while (clock_monotonic_ms(clock_system()) < read_ms + 5) {
        continue;
    }
}

START_TEST(that_it_was_missing_before_is_asked_for_again)
{
    put_store("");
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    read_before();
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'x'"));
    inquire(ONE, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_uint_eq(api_total(), 2);
}
END_TEST

START_TEST(that_a_property_was_missing_before_is_asked_for_again)
{
    put_store("");
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'{}'"));
    read_before();
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v2", "'SecretString':'{\\\"p\\\":1}'"));
    inquire(PROPERTY, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_uint_eq(api_total(), 2);
}
END_TEST

/* Not even by what it has read before, which may be out of date. */
START_TEST(aws_that_fails_says_nothing)
{
    put_store("");
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'{}'"));
    read_before();
    answer("GetSecretValue", 400, AWS_REFUSAL("AccessDeniedException"));
    inquire(PROPERTY, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
}
END_TEST

START_TEST(what_is_there_by_what_was_read_before_is_not_asked_for)
{
    put_store("");
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'{\\\"p\\\":1}'"));
    read_before();
    inquire(PROPERTY, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_uint_eq(api_total(), 1);
}
END_TEST

START_TEST(a_silent_store_is_not_asked)
{
    const struct store_outcome silence = {.contact = REMOTE_ASKED, .in_vain = true};
    struct store *store = aws_scene_store(false, "store", "SecretsManager", "");
    store_health_note(&health, store, clock_monotonic_ms(clock_system()), &silence);
    world_put_store(scene.world, store);
    inquire(ONE, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_uint_eq(api_total(), 0);
}
END_TEST

START_TEST(no_store_is_held_for_silent_by_it)
{
    struct store *store = aws_scene_store(false, "store", "SecretsManager", "");
    world_put_store(scene.world, store_retain(store));
    answer("GetSecretValue", 0, "");
    inquire(ONE, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_uint_gt(api_total(), 0);
    ck_assert(!store_health_is_silent(&health, store));
    store_release(store);
}
END_TEST

static void take_a_second(struct api_route *route)
{
    (void)route;
    atomic_fetch_add(&ahead_ms, 1000);
}

START_TEST(a_store_that_was_silent_to_a_review_is_asked_by_no_other_for_ten_seconds)
{
    put_store("");
    api.asked = take_a_second;
    answer("GetSecretValue", 0, "");
    inquire(ONE, API_PATIENCE_MS);
    unsigned asked = api_total();
    ck_assert_uint_gt(asked, 0);
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    inquire(ONE, API_PATIENCE_MS);
    ck_assert_uint_eq(api_total(), asked);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_ptr_nonnull(strstr(inquiry_failure(inquiry), "store store did not answer"));
    atomic_fetch_add(&ahead_ms, STORE_PROBE_MS);
    inquire(ONE, API_PATIENCE_MS);
    ck_assert_uint_eq(api_total(), asked + 1);
    ck_assert(finds("no secret a"));
    inquire("{'secretKey':'k','remoteRef':{'key':'b'}}", API_PATIENCE_MS);
    ck_assert_uint_eq(api_total(), asked + 2);
    ck_assert(finds("no secret b"));
}
END_TEST

START_TEST(what_is_remembered_does_not_end_the_silence_of_a_store)
{
    const struct store_outcome silence = {.contact = REMOTE_ASKED, .in_vain = true};
    struct store *store = aws_scene_store(false, "store", "SecretsManager", "");
    world_put_store(scene.world, store_retain(store));
    answer("GetSecretValue", 200, SECRET_ANSWER("a", "v1", "'SecretString':'x'"));
    read_before();
    store_health_note(&reviews, store, clock_monotonic_ms(&ahead) - STORE_PROBE_MS, &silence);
    inquire(ONE, API_PATIENCE_MS);
    ck_assert_uint_eq(api_total(), 1);
    ck_assert_ptr_null(inquiry_failure(inquiry));
    ck_assert(store_health_is_silent(&reviews, store));
    /* The probe is left for who needs it. */
    inquire("{'secretKey':'k','remoteRef':{'key':'b'}}", API_PATIENCE_MS);
    ck_assert_uint_eq(api_total(), 2);
    ck_assert(!store_health_is_silent(&reviews, store));
    store_release(store);
}
END_TEST

START_TEST(a_store_that_takes_its_time_is_not_silent)
{
    put_store("");
    api.asked = take_a_second;
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    inquire(ONE, API_PATIENCE_MS);
    inquire("{'secretKey':'k','remoteRef':{'key':'b'}}", API_PATIENCE_MS);
    ck_assert_uint_eq(api_total(), 2);
    ck_assert(finds("no secret b"));
}
END_TEST

START_TEST(a_store_that_takes_its_time_to_refuse_is_not_silent)
{
    put_store("");
    api.asked = take_a_second;
    answer("GetSecretValue", 400, AWS_REFUSAL("AccessDeniedException"));
    inquire(ONE, API_PATIENCE_MS);
    unsigned asked = api_total();
    ck_assert_uint_gt(asked, 0);
    inquire("{'secretKey':'k','remoteRef':{'key':'b'}}", API_PATIENCE_MS);
    ck_assert_uint_gt(api_total(), asked);
}
END_TEST

START_TEST(a_store_that_fails_at_once_is_not_silent)
{
    put_store("");
    answer("GetSecretValue", 0, "");
    inquire(ONE, API_PATIENCE_MS);
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    inquire(ONE, API_PATIENCE_MS);
    ck_assert(finds("no secret a"));
}
END_TEST

START_TEST(nothing_is_asked_for_who_has_left)
{
    put_store("");
    inquire(ONE, 0);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_uint_eq(api_total(), 0);
}
END_TEST

#define KEYS                                                                                       \
    ",'auth':{'secretRef':{'accessKeyIDSecretRef':{'name':'keys','key':'id'},"                     \
    "'secretAccessKeySecretRef':{'name':'keys','key':'key'}}}"

START_TEST(an_api_server_that_takes_its_time_is_no_silence_of_the_store)
{
    struct store *store = aws_scene_store(false, "store", "SecretsManager", KEYS);
    world_put_store(scene.world, store_retain(store));
    pthread_mutex_lock(&api.mutex);
    api.asked = take_a_second;
    api_set("GET", "/secrets/keys", 404, "{'kind':'Status','code':404}");
    pthread_mutex_unlock(&api.mutex);
    inquire(ONE, API_PATIENCE_MS);
    ck_assert_ptr_nonnull(inquiry_failure(inquiry));
    ck_assert(!store_health_is_silent(&reviews, store));
    store_release(store);
}
END_TEST

START_TEST(credentials_that_do_not_come_are_a_cause_and_no_warning)
{
    put_store(KEYS);
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/keys", 404, "{'kind':'Status','code':404}");
    pthread_mutex_unlock(&api.mutex);
    inquire(ONE, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, 0);
    ck_assert_ptr_nonnull(inquiry_failure(inquiry));
    ck_assert_ptr_nonnull(strstr(inquiry_failure(inquiry), "store store"));
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), 0);
}
END_TEST

static void answer_quotas(unsigned status, const char *hard)
{
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/resourcequotas", status,
            "{'kind':'ResourceQuotaList','metadata':{'resourceVersion':'1'},'items':[{'metadata':{"
            "'name':'q'},'spec':{'hard':{'%s':'5'}}}]}",
            hard);
    pthread_mutex_unlock(&api.mutex);
}

static const struct {
    bool creates;
    unsigned status;
    const char *hard;
    bool asked;
} QUOTAS[] = {
    {true, 200, "pods", true},
    {true, 200, "count/externalsecrets.external-secrets.io", false},
    {true, 403, "pods", false},
    {false, 200, "count/externalsecrets.external-secrets.io", true},
};

START_TEST(what_a_quota_may_refuse_is_not_asked_for)
{
    put_store("");
    answer("GetSecretValue", 400, AWS_REFUSAL("ResourceNotFoundException"));
    answer_quotas(QUOTAS[_i].status, QUOTAS[_i].hard);
    inquire_at(QUOTAS[_i].creates, ONE, API_PATIENCE_MS);
    ck_assert_uint_eq(inquiry_found(inquiry)->count, QUOTAS[_i].asked);
    ck_assert_uint_eq(api_count("POST", "GetSecretValue"), QUOTAS[_i].asked);
    ck_assert((inquiry_failure(inquiry) != NULL) == (QUOTAS[_i].status == 403));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/inquiry");
    TCase *tcase = tcase_create("inquiry");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_missing_is_found_by_one_call);
    tcase_add_test(tcase, what_is_there_is_not);
    tcase_add_test(tcase, that_it_was_missing_before_is_asked_for_again);
    tcase_add_test(tcase, that_a_property_was_missing_before_is_asked_for_again);
    tcase_add_test(tcase, aws_that_fails_says_nothing);
    tcase_add_test(tcase, what_is_there_by_what_was_read_before_is_not_asked_for);
    tcase_add_test(tcase, a_silent_store_is_not_asked);
    tcase_add_test(tcase, no_store_is_held_for_silent_by_it);
    tcase_add_test(tcase, a_store_that_was_silent_to_a_review_is_asked_by_no_other_for_ten_seconds);
    tcase_add_test(tcase, what_is_remembered_does_not_end_the_silence_of_a_store);
    tcase_add_test(tcase, a_store_that_takes_its_time_is_not_silent);
    tcase_add_test(tcase, a_store_that_takes_its_time_to_refuse_is_not_silent);
    tcase_add_test(tcase, a_store_that_fails_at_once_is_not_silent);
    tcase_add_test(tcase, nothing_is_asked_for_who_has_left);
    tcase_add_test(tcase, an_api_server_that_takes_its_time_is_no_silence_of_the_store);
    tcase_add_test(tcase, credentials_that_do_not_come_are_a_cause_and_no_warning);
    tcase_add_loop_test(tcase, what_a_quota_may_refuse_is_not_asked_for, 0, (int)ARRAY_LEN(QUOTAS));
    suite_add_tcase(suite, tcase);
    return suite;
}
