/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher over real connections: a small API server on loopback that lists one object and then
 * sends what the test releases. The rules themselves are test_watch.c's. */
#include "kube/watcher.h"

#include "../http/loopback_server.h"
#include "check_main.h"
#include "http/curl_transport.h"

struct told {
    unsigned begins;
    unsigned ends;
    unsigned listed;
    unsigned added;
    enum kube_watch_sync state;
    unsigned state_calls;
};

static struct loopback server;
static struct kube_config *config;
static struct kube_watcher *watcher;
/* Events sent to every open watch so far; raised by the test. */
static atomic_uint released;
static atomic_uint lists;
static atomic_uint watches;
static atomic_uint unauthorized;
static atomic_bool stale_token_refused;

static void on_relist_begin(void *context)
{
    struct told *told = context;
    told->begins++;
}

static void on_object(void *context, enum kube_watch_event event, const struct json *object)
{
    struct told *told = context;
    ck_assert_uint_gt(json_string(json_path(object, "metadata", "name", NULL)).len, 0);
    told->listed += event == KUBE_WATCH_LISTED;
    told->added += event == KUBE_WATCH_ADDED;
}

static void on_unreadable(void *context, enum kube_watch_event event, struct str_view namespace,
                          struct str_view name)
{
    (void)context;
    (void)event;
    ck_abort_msg("unreadable %.*s/%.*s", SV_ARG(namespace), SV_ARG(name));
}

static void on_relist_end(void *context)
{
    struct told *told = context;
    told->ends++;
}

static void on_state(void *context, enum kube_watch_sync state, const char *reason)
{
    struct told *told = context;
    (void)reason;
    told->state = state;
    told->state_calls++;
}

static const struct kube_watch_handlers handlers = {on_relist_begin, on_object, on_unreadable,
                                                    on_relist_end, on_state};

static bool serve_list(struct loopback_connection *connection)
{
    static const char body[] =
        "{\"kind\":\"SecretList\",\"metadata\":{\"resourceVersion\":\"10\"},\"items\":["
        "{\"metadata\":{\"name\":\"first\",\"namespace\":\"team\"}}]}";
    char head[128];
    atomic_fetch_add(&lists, 1);
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                   sizeof body - 1);
    return loopback_say(connection, head) && loopback_say(connection, body);
}

static bool serve_watch(struct loopback_connection *connection)
{
    unsigned sent = 0;
    bool open = loopback_say(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    atomic_fetch_add(&watches, 1);
    while (open && !atomic_load(&connection->server->stopping)) {
        struct pollfd pause = {.fd = connection->fd, .events = POLLIN};
        for (; open && sent < atomic_load(&released); sent++) {
            char line[256];
            char chunk[300];
            int len = snprintf(line, sizeof line,
                               "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"n%u\","
                               "\"resourceVersion\":\"%u\"}}}\n",
                               sent, sent + 11);
            (void)snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", (unsigned)len, line);
            open = loopback_say(connection, chunk);
        }
        open = open && poll(&pause, 1, 5) == 0;
    }
    return false;
}

static bool serve(struct loopback_connection *connection, const struct loopback_request *request)
{
    if (atomic_load(&stale_token_refused) && strstr(request->text, "Bearer stale\r\n")) {
        atomic_fetch_add(&unauthorized, 1);
        return loopback_say(connection, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    }
    return strstr(request->text, "watch=true") ? serve_watch(connection) : serve_list(connection);
}

static void load_config(const char *user)
{
    char text[512];
    struct err err = {0};
    (void)snprintf(text, sizeof text,
                   "current-context: x\n"
                   "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                   "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%u'}}]\n"
                   "users: [{name: u, user: {%s}}]\n",
                   server.port, user);
    ck_assert_msg(kube_config_parse(sv_of(text), "/", clock_system(), &config, &err), "%s",
                  err.message);
    watcher = kube_watcher_new(config, clock_system());
}

static void setup(void)
{
    struct err err = {0};
    ck_assert(http_global_init(&err));
    server = (struct loopback){.serve = serve};
    loopback_start(&server);
    watcher = NULL;
    config = NULL;
}

static void teardown(void)
{
    kube_watcher_free(watcher);
    kube_config_free(config);
    loopback_stop(&server);
    http_global_done();
}

static struct kube_watch *add(struct told *told, const struct kube_resource *resource)
{
    const struct kube_watch_options options = {
        .target = {.resource = resource, .namespace = SV("team")}};
    return kube_watcher_add(watcher, &options, &handlers, told);
}

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        int64_t deadline = loopback_now_ms() + 20000;                                              \
        while (!(condition)) {                                                                     \
            ck_assert_msg(loopback_now_ms() < deadline, "never: %s", #condition);                  \
            kube_watcher_run_once(watcher, 50);                                                    \
        }                                                                                          \
    } while (0)

START_TEST(follows_several_resources_on_one_thread)
{
    struct told secrets = {0};
    struct told pods = {0};
    load_config("token: t");
    struct kube_watch *watch = add(&secrets, &kube_secrets);
    (void)add(&pods, &kube_pods);
    RUN_UNTIL(secrets.state == KUBE_WATCH_SYNCED && pods.state == KUBE_WATCH_SYNCED);
    ck_assert_uint_eq(secrets.listed, 1);
    ck_assert_uint_eq(pods.ends, 1);
    atomic_store(&released, 3);
    RUN_UNTIL(secrets.added == 3 && pods.added == 3);
    ck_assert_uint_eq(atomic_load(&kube_watch_counters(watch)->events), 4);
    ck_assert_ptr_eq(kube_watcher_at(watcher, 0), watch);
    ck_assert_ptr_nonnull(kube_watcher_at(watcher, 1));
    ck_assert_ptr_null(kube_watcher_at(watcher, 2));
    ck_assert_str_eq(kube_watch_label(watch), "secrets");
}
END_TEST

static void *ask_for_list(void *watch)
{
    kube_watcher_relist(watcher, watch);
    /* Read from here while the other thread runs. */
    (void)kube_watch_state(watch);
    (void)atomic_load(&kube_watch_counters(watch)->bytes);
    return NULL;
}

START_TEST(lists_again_when_another_thread_asks)
{
    struct told told = {0};
    pthread_t thread;
    load_config("token: t");
    struct kube_watch *watch = add(&told, &kube_secrets);
    RUN_UNTIL(atomic_load(&watches) == 1);
    int64_t begun = loopback_now_ms();
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_for_list, watch), 0);
    while (told.ends < 2) {
        kube_watcher_run_once(watcher, 30000);
        ck_assert_int_lt(loopback_now_ms() - begun, 20000);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(told.begins, 2);
    ck_assert_int_eq(told.state, KUBE_WATCH_SYNCED);
}
END_TEST

START_TEST(reads_rotated_token_after_401)
{
    struct told told = {0};
    char path[] = "/tmp/keyturn-watcher-XXXXXX";
    char user[128];
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "stale", 5), 5);
    (void)snprintf(user, sizeof user, "tokenFile: %s", path);
    load_config(user);
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    ck_assert_int_eq(pwrite(fd, "fresh", 5, 0), 5);
    ck_assert_int_eq(close(fd), 0);
    atomic_store(&stale_token_refused, true);
    (void)add(&told, &kube_secrets);
    RUN_UNTIL(told.state == KUBE_WATCH_SYNCED);
    ck_assert_uint_eq(atomic_load(&unauthorized), 1);
    (void)unlink(path);
}
END_TEST

START_TEST(removed_watch_is_silent)
{
    struct told gone = {0};
    struct told kept = {0};
    load_config("token: t");
    struct kube_watch *watch = add(&gone, &kube_secrets);
    (void)add(&kept, &kube_pods);
    RUN_UNTIL(atomic_load(&watches) == 2);
    kube_watcher_remove(watcher, watch);
    atomic_store(&released, 2);
    RUN_UNTIL(kept.added == 2);
    ck_assert_uint_eq(gone.added, 0);
    ck_assert_ptr_null(kube_watcher_at(watcher, 1));
}
END_TEST

START_TEST(target_that_cannot_be_asked_for_is_told)
{
    struct told told = {.state = KUBE_WATCH_SYNCED};
    const struct kube_watch_options options = {
        .target = {.resource = &kube_secrets, .namespace = SV("../x")}};
    load_config("token: t");
    (void)kube_watcher_add(watcher, &options, &handlers, &told);
    RUN_UNTIL(told.state_calls > 0);
    ck_assert_int_eq(told.state, KUBE_WATCH_STARTING);
    ck_assert_uint_eq(atomic_load(&server.requests), 0);
}
END_TEST

START_TEST(survives_server_that_is_not_there)
{
    struct told told = {0};
    load_config("token: t");
    loopback_stop(&server);
    struct kube_watch *watch = add(&told, &kube_secrets);
    RUN_UNTIL(told.begins >= 2);
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_STARTING);
    ck_assert_uint_eq(told.ends, 0);
    /* For the teardown. */
    server = (struct loopback){.serve = serve};
    loopback_start(&server);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kube/watcher");
    TCase *t = tcase_create("watcher");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, follows_several_resources_on_one_thread);
    tcase_add_test(t, lists_again_when_another_thread_asks);
    tcase_add_test(t, reads_rotated_token_after_401);
    tcase_add_test(t, removed_watch_is_silent);
    tcase_add_test(t, target_that_cannot_be_asked_for_is_told);
    tcase_add_test(t, survives_server_that_is_not_there);
    suite_add_tcase(s, t);
    return s;
}
