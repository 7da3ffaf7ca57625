/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/config.h"

#include "check_main.h"

enum {
    MAX_WORDS = 5,
};

/* What a process would find; each case sets it. */
static struct {
    const char *name;
    const char *value;
} environment[MAX_WORDS];

static const char *environment_get(const char *name)
{
    for (size_t i = 0; i < MAX_WORDS; i++) {
        if (environment[i].name && strcmp(environment[i].name, name) == 0) {
            return environment[i].value;
        }
    }
    return NULL;
}

static bool host_is_named(char *ret, size_t size)
{
    (void)snprintf(ret, size, "keyturn-7d9f-abcde");
    return true;
}

static const struct config_sources sources = {
    .environment = environment_get,
    .namespace_file = "/nonexistent/namespace",
    .hostname = host_is_named,
};

static bool load(const char *const *words, struct config *config, struct err *err)
{
    char *argv[MAX_WORDS] = {0};
    int argc = 0;
    while (argc < MAX_WORDS && words[argc]) {
        argv[argc] = str_dup(words[argc]);
        argc++;
    }
    bool help = true;
    bool loaded = config_load_serve(argc, argv, &sources, config, &help, err);
    ck_assert(!loaded || !help);
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    return loaded;
}

static void clear_environment(void)
{
    memset(environment, 0, sizeof environment);
}

START_TEST(defaults_are_those_of_the_documentation)
{
    struct config config;
    struct err err = {0};
    const char *const words[MAX_WORDS] = {"--namespace", "keyturn-system"};
    ck_assert_msg(load(words, &config, &err), "%s", err.message);
    ck_assert_str_eq(config.listen, "0.0.0.0:8443");
    ck_assert_str_eq(config.metrics_listen, "0.0.0.0:8080");
    ck_assert_str_eq(config.service_address, "keyturn.keyturn-system.svc:443");
    ck_assert_str_eq(config.webhook_configuration, "keyturn");
    ck_assert_str_eq(config.certificate_secret, "keyturn-certificate");
    ck_assert_str_eq(config.installation_key_secret, "keyturn-installation-key");
    ck_assert_str_eq(config.lease, "keyturn");
    ck_assert_str_eq(config.excluded_namespaces, "kube-system,kube-node-lease,kube-public");
    ck_assert_str_eq(config.identity, "keyturn-7d9f-abcde");
    ck_assert_ptr_null(config.kubeconfig);
    ck_assert_int_eq(config.external_secrets_controller, CONTROLLER_OFF);
    ck_assert_uint_eq(config.io_threads, 2);
    ck_assert_uint_eq(config.connection_limit, 2048);
    ck_assert_int_eq(config.webhook_timeout_ms, 3000);
    ck_assert_int_eq(config.admission_budget_ms, 250);
    ck_assert_int_eq(config.debounce_ms, 5000);
    ck_assert_int_eq(config.max_wait_ms, 60000);
    ck_assert_int_eq(config.hold_described_ms, 300000);
    ck_assert_int_eq(config.hold_undescribed_ms, 60000);
    ck_assert_int_eq(config.drain_delay_ms, 5000);
    ck_assert(!config.aws_allow_imds);
    ck_assert(!config.aws_insecure_endpoint);
    ck_assert_ptr_null(config.aws_rotation_queue);
    config_done(&config);
}
END_TEST

START_TEST(command_line_wins_over_environment_over_default)
{
    struct config config;
    struct err err = {0};
    environment[0].name = "KEYTURN_NAMESPACE";
    environment[0].value = "from-environment";
    environment[1].name = "KEYTURN_IO_THREADS";
    environment[1].value = "7";
    environment[2].name = "KEYTURN_LEASE";
    environment[2].value = ""; /* as good as not set */
    environment[3].name = "KEYTURN_SERVICE_HOST";
    environment[3].value = "10.0.0.1"; /* Kubernetes sets it; no option of ours */
    const char *const words[MAX_WORDS] = {"--io-threads=3", "--debounce", "1m30s", "--max-wait=2m"};
    ck_assert_msg(load(words, &config, &err), "%s", err.message);
    ck_assert_str_eq(config.namespace, "from-environment");
    ck_assert_uint_eq(config.io_threads, 3);
    ck_assert_str_eq(config.lease, "keyturn");
    ck_assert_int_eq(config.debounce_ms, 90000);
    ck_assert_int_eq(config.max_wait_ms, 120000);
    config_done(&config);
    clear_environment();
}
END_TEST

#define QUEUE "https://sqs.eu-north-1.amazonaws.com/111122223333/rotations"

START_TEST(what_aws_may_be_used_for_is_said)
{
    struct config config;
    struct err err = {0};
    const char *const words[MAX_WORDS] = {"--namespace=a", "--aws-allow-imds",
                                          "--aws-insecure-endpoint", "--aws-rotation-queue", QUEUE};
    ck_assert_msg(load(words, &config, &err), "%s", err.message);
    ck_assert(config.aws_allow_imds);
    ck_assert(config.aws_insecure_endpoint);
    ck_assert_str_eq(config.aws_rotation_queue, QUEUE);
    config_done(&config);
    environment[0].name = "KEYTURN_AWS_ROTATION_QUEUE";
    environment[0].value = "http://127.0.0.1:4566/000000000000/rotations";
    const char *const none[MAX_WORDS] = {"--namespace=a"};
    ck_assert_msg(load(none, &config, &err), "%s", err.message);
    ck_assert_str_eq(config.aws_rotation_queue, environment[0].value);
    config_done(&config);
    clear_environment();
}
END_TEST

START_TEST(namespace_comes_from_the_service_account)
{
    char path[] = "/tmp/keyturn-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "team-a\n", 7), 7);
    (void)close(fd);
    const struct config_sources in_pod = {
        .environment = environment_get, .namespace_file = path, .hostname = host_is_named};
    struct config config;
    struct err err = {0};
    bool help = false;
    bool loaded = config_load_serve(0, NULL, &in_pod, &config, &help, &err);
    (void)unlink(path);
    ck_assert_msg(loaded, "%s", err.message);
    ck_assert_str_eq(config.namespace, "team-a");
    config_done(&config);
}
END_TEST

/* Each says what, where and what to do. */
static const struct {
    const char *words[MAX_WORDS];
    const char *variable;
    const char *value;
    const char *says[2];
} mistakes[] = {
    {{"--nonsense", "1"}, NULL, NULL, {"\"--nonsense\"", "keyturn serve --help"}},
    {{"serve"}, NULL, NULL, {"\"serve\"", "--help"}},
    {{"-listen=:1"}, NULL, NULL, {"\"-listen=:1\"", "--help"}},
    {{"--debounce"}, NULL, NULL, {"--debounce needs a value", "--debounce DURATION"}},
    {{"--debounce", "5"}, NULL, NULL, {"--debounce \"5\"", "write it like 5s"}},
    {{"--debounce", "2h"}, NULL, NULL, {"out of range", "0s to 1h"}},
    {{"--drain-delay", "-1s"}, NULL, NULL, {"out of range", "0s to 5m"}},
    {{"--io-threads", "0"}, NULL, NULL, {"--io-threads \"0\"", "1 to 64"}},
    {{"--io-threads", "two"}, NULL, NULL, {"--io-threads \"two\"", "1 to 64"}},
    {{"--connection-limit", "99999999999999999999"}, NULL, NULL, {"--connection-limit", "64 to"}},
    {{"--listen", "8443"}, NULL, NULL, {"--listen \"8443\"", "write host:port"}},
    {{"--service", "Key_Turn"}, NULL, NULL, {"--service \"Key_Turn\"", "lower-case"}},
    {{"--lease="}, NULL, NULL, {"--lease \"\"", "leave the option out"}},
    {{"--external-secrets-controller", "on"}, NULL, NULL, {"not known", "off, keyturn, eso"}},
    {{"--head-start", "6m"}, NULL, NULL, {"--head-start", "0s to 5m"}},
    {{"--excluded-namespaces", "argocd,"}, NULL, NULL, {"--excluded-namespaces", "''"}},
    {{"--excluded-namespaces", "a,B"}, NULL, NULL, {"'B'", "no namespace"}},
    {{"--max-wait=1s", "--namespace=a"}, NULL, NULL, {"--max-wait", "--debounce"}},
    {{"--admission-budget=1s", "--webhook-timeout=1s", "--namespace=a"},
     NULL,
     NULL,
     {"--admission-budget", "--webhook-timeout"}},
    {{"--aws-rotation-queue", "rotations", "--namespace=a"},
     NULL,
     NULL,
     {"--aws-rotation-queue \"rotations\"", "https://"}},
    {{"--aws-rotation-queue", "arn:aws:sqs:eu-north-1:111122223333:rotations", "--namespace=a"},
     NULL,
     NULL,
     {"--aws-rotation-queue", "no URL of a queue"}},
    {{NULL}, NULL, NULL, {"--namespace is missing", "/nonexistent/namespace"}},
    {{NULL}, "KEYTURN_DEBOUNCE", "soon", {"KEYTURN_DEBOUNCE \"soon\"", "write it like"}},
    {{NULL}, "KEYTURN_NAMESPACE", "a/b", {"KEYTURN_NAMESPACE \"a/b\"", "no namespace"}},
};

START_TEST(mistakes_are_one_line_that_helps)
{
    struct config config;
    struct err err = {0};
    environment[0].name = mistakes[_i].variable;
    environment[0].value = mistakes[_i].value;
    ck_assert(!load(mistakes[_i].words, &config, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(strchr(err.message, '\n'));
    for (size_t i = 0; i < 2; i++) {
        ck_assert_msg(strstr(err.message, mistakes[_i].says[i]) != NULL, "%s", err.message);
    }
    config_done(&config);
    clear_environment();
}
END_TEST

START_TEST(help_explains_every_option)
{
    static const char *const options[] = {
        "--listen",
        "--metrics-listen",
        "--namespace",
        "--service",
        "--service-address",
        "--webhook-configuration",
        "--kubeconfig",
        "--certificate-secret",
        "--installation-key-secret",
        "--lease",
        "--identity",
        "--external-secrets-controller",
        "--io-threads",
        "--connection-limit",
        "--admission-budget",
        "--webhook-timeout",
        "--debounce",
        "--max-wait",
        "--hold-described",
        "--hold-undescribed",
        "--drain-delay",
        "--aws-allow-imds",
        "--aws-insecure-endpoint",
        "--aws-rotation-queue",
    };
    struct buf text;
    buf_init(&text, 65536);
    config_help_serve(&text);
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        ck_assert_msg(sv_contains(buf_view(&text), sv_of(options[i])), "%s", options[i]);
    }
    ck_assert(sv_contains(buf_view(&text), SV("off, keyturn, eso (default off)")));
    buf_done(&text);
}
END_TEST

START_TEST(asking_for_help_reads_nothing_else)
{
    char nonsense[] = "--nonsense";
    char ask[] = "-h";
    char *const argv[] = {nonsense, ask};
    struct config config;
    struct err err = {0};
    bool help = false;
    ck_assert(config_load_serve(2, argv, &sources, &config, &help, &err));
    ck_assert(help);
    config_done(&config);
}
END_TEST

START_TEST(release_wants_all_or_a_namespace)
{
    char all[] = "--all";
    char named[] = "--namespace=team-a";
    const struct {
        int argc;
        char *const *argv;
        bool loads;
        bool all;
    } cases[] = {
        {1, (char *const[]){all}, true, true},
        {1, (char *const[]){named}, true, false},
        {0, NULL, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config config;
        struct err err = {0};
        bool help = false;
        ck_assert_int_eq(
            config_load_release(cases[i].argc, cases[i].argv, &sources, &config, &help, &err),
            cases[i].loads);
        ck_assert_int_eq(config.all, cases[i].all);
        if (cases[i].loads) {
            ck_assert_str_eq(config.webhook_configuration, "keyturn");
        }
        config_done(&config);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("config");
    TCase *serve = tcase_create("serve");
    tcase_add_test(serve, defaults_are_those_of_the_documentation);
    tcase_add_test(serve, command_line_wins_over_environment_over_default);
    tcase_add_test(serve, what_aws_may_be_used_for_is_said);
    tcase_add_test(serve, namespace_comes_from_the_service_account);
    tcase_add_loop_test(serve, mistakes_are_one_line_that_helps, 0, ARRAY_LEN(mistakes));
    tcase_add_test(serve, help_explains_every_option);
    tcase_add_test(serve, asking_for_help_reads_nothing_else);
    suite_add_tcase(s, serve);
    TCase *release = tcase_create("release");
    tcase_add_test(release, release_wants_all_or_a_namespace);
    suite_add_tcase(s, release);
    return s;
}
