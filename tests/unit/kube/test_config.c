/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/config.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "check_main.h"

/* A clock that stands until it is moved. */
static int64_t now_ms;

static int64_t tell(void *context)
{
    (void)context;
    return now_ms;
}

static const struct clock test_clock = {.wall_ms = tell, .monotonic_ms = tell};

static char directory[64];
static struct kube_config *config;
static struct err err;

static void path_in(char *ret, size_t size, const char *name)
{
    (void)snprintf(ret, size, "%s/%s", directory, name);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    path_in(path, sizeof path, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void remove_file(const char *name)
{
    char path[128];
    path_in(path, sizeof path, name);
    (void)unlink(path);
}

static void setup(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/keyturn-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    now_ms = 1000000;
    config = NULL;
    err = (struct err){0};
}

static void teardown(void)
{
    static const char *const names[] = {"token", "ca.crt", "namespace", "kubeconfig"};
    kube_config_free(config);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        remove_file(names[i]);
    }
    (void)rmdir(directory);
}

static void authorization_is(const char *expected)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_TOKEN_BYTES + 16);
    ck_assert_msg(kube_config_authorization(config, &value, &err), "%s", err.message);
    ck_assert_msg(sv_is(secret_buf_view(&value), expected), "%s",
                  value.bytes.data ? value.bytes.data : "");
}

static bool in_cluster(const char *host, const char *port)
{
    const struct kube_in_cluster place = {.host = host, .port = port, .directory = directory};
    return kube_config_in_cluster(&place, &test_clock, &config, &err);
}

static void service_account(void)
{
    write_file("token", "first-token\n");
    write_file("ca.crt", "-----BEGIN CERTIFICATE-----\n");
    write_file("namespace", "keyturn-system");
}

START_TEST(reads_service_account)
{
    char path[128];
    service_account();
    ck_assert_msg(in_cluster("10.96.0.1", "443"), "%s", err.message);
    ck_assert_str_eq(kube_config_server(config), "https://10.96.0.1:443");
    ck_assert_str_eq(kube_config_namespace(config), "keyturn-system");
    ck_assert_ptr_null(kube_config_connect_to(config));
    struct http_tls tls = kube_config_tls(config);
    path_in(path, sizeof path, "ca.crt");
    ck_assert_str_eq(tls.ca_file, path);
    ck_assert_ptr_null(tls.cert_file);
    authorization_is("Bearer first-token");
}
END_TEST

START_TEST(puts_ipv6_address_in_brackets)
{
    service_account();
    ck_assert_msg(in_cluster("fd00::1", "6443"), "%s", err.message);
    ck_assert_str_eq(kube_config_server(config), "https://[fd00::1]:6443");
}
END_TEST

START_TEST(says_what_is_missing_in_cluster)
{
    static const char *const files[] = {"token", "ca.crt", "namespace"};
    service_account();
    ck_assert(!in_cluster(NULL, "443"));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert(!in_cluster("10.96.0.1", ""));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    remove_file(files[_i]);
    ck_assert(!in_cluster("10.96.0.1", "443"));
    ck_assert_msg(err.kind == ERR_MISSING, "%s", err.message);
    ck_assert_msg(strstr(err.message, files[_i]) != NULL, "%s", err.message);
}
END_TEST

static const char *const odd_hosts[] = {"a b", "a/b", "user@host", "a?b", "a#b"};

START_TEST(refuses_odd_host)
{
    service_account();
    ck_assert_msg(!in_cluster(odd_hosts[_i], "443"), "%s", odd_hosts[_i]);
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(reads_token_again_after_a_minute)
{
    service_account();
    ck_assert(in_cluster("10.96.0.1", "443"));
    write_file("token", "second-token");
    now_ms += 59999;
    authorization_is("Bearer first-token");
    now_ms += 1;
    authorization_is("Bearer second-token");
    write_file("token", "third-token");
    authorization_is("Bearer second-token");
}
END_TEST

START_TEST(reads_token_at_once_when_it_was_rejected)
{
    service_account();
    ck_assert(in_cluster("10.96.0.1", "443"));
    write_file("token", "second-token");
    ck_assert(kube_config_token_rejected(config));
    authorization_is("Bearer second-token");
}
END_TEST

START_TEST(keeps_token_while_the_file_is_away)
{
    service_account();
    ck_assert(in_cluster("10.96.0.1", "443"));
    remove_file("token");
    now_ms += 120000;
    authorization_is("Bearer first-token");
    write_file("token", "\n");
    authorization_is("Bearer first-token");
    write_file("token", "second-token");
    authorization_is("Bearer second-token");
}
END_TEST

#define KUBECONFIG(cluster, user)                                                                  \
    "apiVersion: v1\n"                                                                             \
    "kind: Config\n"                                                                               \
    "current-context: here\n"                                                                      \
    "contexts:\n"                                                                                  \
    "- {name: other, context: {cluster: none, user: none}}\n"                                      \
    "- {name: here, context: {cluster: c, user: u, namespace: team-a}}\n"                          \
    "clusters:\n"                                                                                  \
    "- {name: c, cluster: {" cluster "}}\n"                                                        \
    "users:\n"                                                                                     \
    "- {name: u, user: {" user "}}\n"

static bool parse(const char *text)
{
    return kube_config_parse(sv_of(text), directory, &test_clock, &config, &err);
}

START_TEST(reads_current_context)
{
    ck_assert_msg(parse(KUBECONFIG("server: 'https://10.0.0.1:6443/'", "token: abc")), "%s",
                  err.message);
    ck_assert_str_eq(kube_config_server(config), "https://10.0.0.1:6443");
    ck_assert_str_eq(kube_config_namespace(config), "team-a");
    ck_assert_ptr_null(kube_config_tls(config).ca_file);
    authorization_is("Bearer abc");
    ck_assert(!kube_config_token_rejected(config));
}
END_TEST

START_TEST(reads_json_kubeconfig)
{
    ck_assert_msg(
        parse("{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":"
              "\"c\",\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"
              "\"https://a\"}}],\"users\":[{\"name\":\"u\",\"user\":{}}]}"),
        "%s", err.message);
    ck_assert_str_eq(kube_config_namespace(config), "");
    authorization_is("");
}
END_TEST

START_TEST(token_file_wins_and_is_read_again)
{
    write_file("token", "from-file");
    ck_assert_msg(parse(KUBECONFIG("server: 'https://a'", "token: inline, tokenFile: token")), "%s",
                  err.message);
    authorization_is("Bearer from-file");
    write_file("token", "rotated");
    ck_assert(kube_config_token_rejected(config));
    authorization_is("Bearer rotated");
}
END_TEST

static void file_is(const char *path, const char *expected)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 4096);
    ck_assert_msg(file_read(path, &text, &err), "%s", err.message);
    ck_assert_str_eq(text.data, expected);
}

START_TEST(puts_inline_data_into_memory_files)
{
    ck_assert_msg(parse(KUBECONFIG("server: 'https://a', certificate-authority: ignored, "
                                   "certificate-authority-data: Y2EtYnl0ZXM=",
                                   "client-certificate-data: Y2VydA==, client-key-data: a2V5")),
                  "%s", err.message);
    struct http_tls tls = kube_config_tls(config);
    file_is(tls.ca_file, "ca-bytes");
    file_is(tls.cert_file, "cert");
    file_is(tls.key_file, "key");
    /* Read from the start each time it is opened. */
    file_is(tls.key_file, "key");
    ck_assert_int_eq(strncmp(tls.key_file, "/proc/self/fd/", 14), 0);
}
END_TEST

START_TEST(resolves_paths_against_the_kubeconfig)
{
    char path[128];
    char expected[256];
    write_file("kubeconfig", KUBECONFIG("server: 'https://a', certificate-authority: pki/ca.crt",
                                        "client-certificate: /etc/x.crt, client-key: x.key"));
    path_in(path, sizeof path, "kubeconfig");
    ck_assert_msg(kube_config_load(path, &test_clock, &config, &err), "%s", err.message);
    struct http_tls tls = kube_config_tls(config);
    (void)snprintf(expected, sizeof expected, "%s/pki/ca.crt", directory);
    ck_assert_str_eq(tls.ca_file, expected);
    ck_assert_str_eq(tls.cert_file, "/etc/x.crt");
    (void)snprintf(expected, sizeof expected, "%s/x.key", directory);
    ck_assert_str_eq(tls.key_file, expected);
}
END_TEST

static const struct {
    const char *server;
    const char *url;
    const char *connect_to;
} tls_names[] = {
    {"https://10.0.0.1:6443", "https://api.example:6443", "10.0.0.1:6443"},
    {"https://10.0.0.1", "https://api.example:443", "10.0.0.1:443"},
    {"https://[fd00::1]/k8s/c-1/", "https://api.example:443/k8s/c-1", "[fd00::1]:443"},
    {"https://[fd00::1]:8443", "https://api.example:8443", "[fd00::1]:8443"},
};

START_TEST(connects_elsewhere_for_tls_server_name)
{
    char text[1024];
    (void)snprintf(text, sizeof text,
                   KUBECONFIG("server: '%s', tls-server-name: api.example", "token: abc"),
                   tls_names[_i].server);
    ck_assert_msg(parse(text), "%s", err.message);
    ck_assert_str_eq(kube_config_server(config), tls_names[_i].url);
    ck_assert_str_eq(kube_config_connect_to(config), tls_names[_i].connect_to);
}
END_TEST

#define SERVER "server: 'https://a'"

static const struct {
    const char *text;
    const char *why;
} refused[] = {
    {KUBECONFIG(SERVER ", insecure-skip-tls-verify: true", ""), "insecure-skip-tls-verify"},
    {KUBECONFIG(SERVER ", proxy-url: 'http://p'", ""), "proxy-url"},
    {KUBECONFIG(SERVER, "exec: {command: aws}"), "exec"},
    {KUBECONFIG(SERVER, "auth-provider: {name: gcp}"), "auth-provider"},
    {KUBECONFIG(SERVER, "username: a, password: planted-value"), "username"},
    {KUBECONFIG(SERVER, "token: planted-value, as: admin"), "impersonation"},
    {KUBECONFIG(SERVER, "client-certificate-data: Y2VydA=="), "go together"},
    {KUBECONFIG(SERVER, "client-key: x"), "go together"},
    {KUBECONFIG(SERVER ", certificate-authority-data: 'planted-value!'", ""),
     "certificate-authority-data"},
    {KUBECONFIG("server: 'http://10.0.0.1'", ""), "loopback"},
    {KUBECONFIG("server: 'ftp://10.0.0.1'", ""), "server"},
    {KUBECONFIG("server: 'https://user:planted-value@host'", ""), "server"},
    {KUBECONFIG("server: 'https://host/?a=b'", ""), "server"},
    {KUBECONFIG("server: \"https://host/a\\r\\nb\"", ""), "server"},
    {KUBECONFIG("server: 'https://host/a b'", ""), "server"},
    {KUBECONFIG("server: \"https://host/\\0\"", ""), "server"},
    {KUBECONFIG("server: 'https://host#x'", ""), "server"},
    {KUBECONFIG("server: ''", ""), "server"},
    {KUBECONFIG("server: 12", ""), "server"},
    {KUBECONFIG(SERVER ", tls-server-name: 'a/b'", ""), "tls-server-name"},
    {"current-context: x", "contexts has none named \"x\""},
    {"contexts: []", "current-context is not set"},
    {"current-context: x\ncontexts: [{name: x, context: {cluster: c}}]",
     "clusters has none named \"c\""},
    {"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
     "clusters: [{name: c, cluster: {}}]",
     "users has none named \"u\""},
    {"a: [", "line"},
    {"[]", "current-context"},
};

START_TEST(refuses_plainly)
{
    ck_assert_msg(!parse(refused[_i].text), "%s", refused[_i].text);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, refused[_i].why) != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, "planted-value") == NULL, "%s", err.message);
    ck_assert_ptr_null(config);
}
END_TEST

START_TEST(accepts_what_is_switched_off)
{
    ck_assert_msg(parse(KUBECONFIG("server: 'http://127.0.0.1:8080', "
                                   "insecure-skip-tls-verify: false, proxy-url: ''",
                                   "username: '', exec: null")),
                  "%s", err.message);
    ck_assert_str_eq(kube_config_server(config), "http://127.0.0.1:8080");
}
END_TEST

START_TEST(says_that_the_file_is_not_there)
{
    ck_assert(!kube_config_load("/nonexistent/kubeconfig", &test_clock, &config, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/kubeconfig"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kube/config");
    TCase *t = tcase_create("config");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, reads_service_account);
    tcase_add_test(t, puts_ipv6_address_in_brackets);
    tcase_add_loop_test(t, says_what_is_missing_in_cluster, 0, 3);
    tcase_add_loop_test(t, refuses_odd_host, 0, ARRAY_LEN(odd_hosts));
    tcase_add_test(t, reads_token_again_after_a_minute);
    tcase_add_test(t, reads_token_at_once_when_it_was_rejected);
    tcase_add_test(t, keeps_token_while_the_file_is_away);
    tcase_add_test(t, reads_current_context);
    tcase_add_test(t, reads_json_kubeconfig);
    tcase_add_test(t, token_file_wins_and_is_read_again);
    tcase_add_test(t, puts_inline_data_into_memory_files);
    tcase_add_test(t, resolves_paths_against_the_kubeconfig);
    tcase_add_loop_test(t, connects_elsewhere_for_tls_server_name, 0, ARRAY_LEN(tls_names));
    tcase_add_loop_test(t, refuses_plainly, 0, ARRAY_LEN(refused));
    tcase_add_test(t, accepts_what_is_switched_off);
    tcase_add_test(t, says_that_the_file_is_not_there);
    suite_add_tcase(s, t);
    return s;
}
