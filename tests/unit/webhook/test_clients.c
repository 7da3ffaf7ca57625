/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/clients.h"

#include "check_main.h"

/* Nobody listens there. */
static const char KUBECONFIG[] = "current-context: x\n"
                                 "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                                 "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
                                 "users: [{name: u, user: {token: test-token}}]\n";

static struct kube_config *config;
static struct err err;

static void setup(void)
{
    ck_assert(http_global_init(&err));
    ck_assert_msg(kube_config_parse(sv_of(KUBECONFIG), "/", clock_system(), &config, &err), "%s",
                  err.message);
}

static void teardown(void)
{
    kube_config_free(config);
    http_global_done();
}

static bool look(const struct clients *clients)
{
    struct kube_response response = {0};
    const struct kube_target target = {
        .resource = &kube_secrets, .namespace = SV("n"), .name = SV("x")};
    bool found = kube_get(&clients->kube, &target, clock_monotonic_ms(clock_system()) + 10000,
                          &response, &err);
    kube_response_done(&response);
    return found;
}

START_TEST(a_thread_that_stops_calls_nobody)
{
    atomic_bool stopping = false;
    struct clients_options options = {
        .config = config, .clock = clock_system(), .stopping = &stopping};
    struct clients *clients = clients_start(&options);
    ck_assert_ptr_eq(clients->options, &options);
    ck_assert(!look(clients));
    ck_assert_ptr_null(strstr(err.message, "stopping"));
    ck_assert(err.retryable);
    atomic_store(&stopping, true);
    ck_assert(!look(clients));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.message, "stopping"));
    ck_assert(!err.retryable);
    clients_stop(clients);
}
END_TEST

START_TEST(a_thread_may_not_know_of_stopping)
{
    struct clients_options options = {.config = config, .clock = clock_system()};
    struct clients *clients = clients_start(&options);
    ck_assert(!look(clients));
    ck_assert_ptr_null(strstr(err.message, "stopping"));
    clients_stop(clients);
    clients_stop(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/clients");
    TCase *tcase = tcase_create("clients");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_thread_that_stops_calls_nobody);
    tcase_add_test(tcase, a_thread_may_not_know_of_stopping);
    suite_add_tcase(suite, tcase);
    return suite;
}
