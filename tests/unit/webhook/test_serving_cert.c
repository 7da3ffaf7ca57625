/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include <fcntl.h>

#include "neighbours.h"
#include "webhook/serving_cert.h"

enum {
    /* Behind the system's clock, so that a wait for a time in the near future ends at once: tests
     * say when it has come. */
    BEHIND_MS = 90 * 1000,
};

static const char SECRET[] = "/secrets/keyturn-certificate";
static const char SECRETS[] = "/namespaces/keyturn-system/secrets";
static const char CONFIGURATION[] = "/mutatingwebhookconfigurations/keyturn";

static atomic_int_least64_t skew_ms;
static struct kube_config *config;
static struct cert_holder *holder;
static struct cert_keeper *keeper;
static struct log quiet;

static int64_t skewed_monotonic(void *context)
{
    (void)context;
    return clock_monotonic_ms(clock_system()) - BEHIND_MS + atomic_load(&skew_ms);
}

static int64_t system_wall(void *context)
{
    (void)context;
    return clock_wall_ms(clock_system());
}

static const struct clock skewed_clock = {.wall_ms = system_wall, .monotonic_ms = skewed_monotonic};

/* What is created is there from now on. */
static void take_created(struct api_route *route)
{
    if (strcmp(route->method, "POST") == 0) {
        api_set("POST", SECRETS, 201, "%s", route->asked);
        api_set("GET", SECRET, 200, "%s", route->asked);
    }
}

static void setup(void)
{
    api_begin();
    api.asked = take_created;
    api_set("GET", SECRET, 404, "{}");
    api_set("POST", SECRETS, 201, "{}");
    api_set("GET", "/healthz", 200, "alive");
    api_set("GET", CONFIGURATION, 200, "{'metadata':{'resourceVersion':'1'},'webhooks':[]}");
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = &skewed_clock};
    config = api_config();
    holder = cert_holder_new();
    keeper = cert_keeper_new(&(struct cert_keeper_options){.config = config,
                                                           .clock = &skewed_clock,
                                                           .log = &quiet,
                                                           .namespace = "keyturn-system",
                                                           .service = "keyturn",
                                                           .service_address = "127.0.0.1:1",
                                                           .secret = "keyturn-certificate",
                                                           .configuration = "keyturn",
                                                           .holder = holder});
    cert_keeper_start(keeper);
}

static void teardown(void)
{
    cert_keeper_free(keeper);
    cert_holder_free(holder);
    kube_config_free(config);
    close(quiet.fd);
    api_end();
}

static void await_published(void)
{
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    while (!cert_keeper_is_published(keeper)) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        sched_yield();
    }
}

START_TEST(makes_the_secret_and_publishes_it)
{
    await_published();
    ck_assert_uint_eq(api_count("POST", SECRETS), 1);
    struct serving_cert *cert = cert_holder_get(holder);
    ck_assert_ptr_nonnull(cert);
    serving_cert_release(cert);
}
END_TEST

START_TEST(adopts_the_secret_that_is_there)
{
    await_published();
    for (unsigned i = 0; i < 3; i++) {
        unsigned looks = api_count("GET", SECRET);
        cert_keeper_secret_changed(keeper);
        api_await("GET", SECRET, looks + 1);
    }
    ck_assert_uint_eq(api_count("POST", SECRETS), 1);
}
END_TEST

START_TEST(a_secret_that_went_while_nobody_watched_is_made_again)
{
    await_published();
    pthread_mutex_lock(&api.mutex);
    api_set("GET", SECRET, 404, "{}");
    pthread_mutex_unlock(&api.mutex);
    int64_t deadline = clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
    while (api_count("POST", SECRETS) < 2) {
        ck_assert_int_lt(clock_monotonic_ms(clock_system()), deadline);
        atomic_fetch_add(&skew_ms, 1000);
        (void)usleep(1000);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/serving_cert");
    TCase *tcase = tcase_create("serving_cert");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, makes_the_secret_and_publishes_it);
    tcase_add_test(tcase, adopts_the_secret_that_is_there);
    tcase_add_test(tcase, a_secret_that_went_while_nobody_watched_is_made_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
