/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/event.h"

#include <pthread.h>

#include "check_main.h"
#include "fake_transport.h"

static struct fake_transport fake;
static struct kube_client client;
static struct kube_events *events;
static struct err err;

static const struct kube_event on_pod = {
    .api_version = "v1",
    .kind = "Pod",
    .namespace = {"team", 4},
    .name = {"app-1", 5},
    .uid = {"u-1", 3},
    .resource_version = {"7", 1},
    .reason = "SecretMissing",
    .message = {"waits for \"db\"", 14},
};

static void begin(const struct fake_answer *script, size_t count)
{
    fake_now_ms = 100000;
    fake_wall_ms = INT64_C(1795437360000);
    client = fake_client(&fake, script, count);
    events = kube_events_new("keyturn", "keyturn-abc");
    err = (struct err){0};
}

static void done(void)
{
    ck_assert_uint_eq(fake.count, fake.script_len);
    kube_events_free(events);
    kube_config_free(client.config);
}

#define SCRIPT(...)                                                                                \
    static const struct fake_answer script[] = {__VA_ARGS__};                                      \
    begin(script, ARRAY_LEN(script))

static void post(const struct kube_event *event)
{
    ck_assert_msg(kube_events_post(events, &client, event, 105000, &err), "%s", err.message);
}

/* A member of a recorded body, read by the strict reader. */
static void body_has(size_t call, const char *object, const char *member, const char *expected)
{
    static const struct json_limits limits = {.max_nodes = 100, .max_depth = 4};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    char *text = str_dup(fake.calls[call].body);
    ck_assert_msg(json_parse(&doc, text, strlen(text), &limits, &root, &err), "%s", err.message);
    const struct json *value = json_member(object ? json_member(root, object) : root, member);
    ck_assert_msg(value && sv_is(sv_make(value->text, value->len), expected), "%s is %.*s", member,
                  value ? (int)value->len : 0, value ? value->text : "");
    free(text);
}

START_TEST(posts_event_about_its_object)
{
    SCRIPT({201, "", "{}"});
    post(&on_pod);
    ck_assert_str_eq(fake.calls[0].method, "POST");
    ck_assert_str_eq(fake.calls[0].url,
                     "https://api.example/api/v1/namespaces/team/events?fieldManager=keyturn");
    ck_assert_int_eq(fake.calls[0].deadline_ms, 105000);
    body_has(0, NULL, "kind", "Event");
    body_has(0, "metadata", "namespace", "team");
    body_has(0, "involvedObject", "apiVersion", "v1");
    body_has(0, "involvedObject", "kind", "Pod");
    body_has(0, "involvedObject", "namespace", "team");
    body_has(0, "involvedObject", "name", "app-1");
    body_has(0, "involvedObject", "uid", "u-1");
    body_has(0, "involvedObject", "resourceVersion", "7");
    body_has(0, NULL, "type", "Normal");
    body_has(0, NULL, "reason", "SecretMissing");
    body_has(0, NULL, "message", "waits for \"db\"");
    body_has(0, "source", "component", "keyturn");
    body_has(0, NULL, "reportingComponent", "keyturn");
    body_has(0, NULL, "reportingInstance", "keyturn-abc");
    body_has(0, NULL, "firstTimestamp", "2026-11-23T12:36:00Z");
    body_has(0, NULL, "lastTimestamp", "2026-11-23T12:36:00Z");
    body_has(0, NULL, "count", "1");
    done();
}
END_TEST

/* The name of the Event in a recorded POST. */
static void event_name(size_t call, char *ret, size_t size)
{
    const char *start = strstr(fake.calls[call].body, "\"name\":\"");
    ck_assert_ptr_nonnull(start);
    start += 8;
    (void)snprintf(ret, size, "%.*s", (int)strcspn(start, "\""), start);
}

START_TEST(counts_the_same_event_instead_of_repeating_it)
{
    SCRIPT({201, "", "{}"}, {200, "", "{}"}, {200, "", "{}"});
    char name[300];
    char url[512];
    post(&on_pod);
    event_name(0, name, sizeof name);
    ck_assert_int_eq(strncmp(name, "app-1.", 6), 0);
    ck_assert_uint_eq(strlen(name), 6 + 16);
    fake_now_ms += 599999;
    fake_wall_ms += 599999;
    post(&on_pod);
    (void)snprintf(url, sizeof url,
                   "https://api.example/api/v1/namespaces/team/events/%s?fieldManager=keyturn",
                   name);
    ck_assert_str_eq(fake.calls[1].method, "PATCH");
    ck_assert_str_eq(fake.calls[1].url, url);
    ck_assert_str_eq(fake.calls[1].body,
                     "{\"count\":2,\"lastTimestamp\":\"2026-11-23T12:45:59Z\"}");
    post(&on_pod);
    ck_assert_ptr_nonnull(strstr(fake.calls[2].body, "\"count\":3"));
    done();
}
END_TEST

START_TEST(repeats_event_after_the_window)
{
    SCRIPT({201, "", "{}"}, {201, "", "{}"});
    char first[300];
    char second[300];
    post(&on_pod);
    fake_now_ms += KUBE_EVENT_WINDOW_MS;
    post(&on_pod);
    ck_assert_str_eq(fake.calls[1].method, "POST");
    event_name(0, first, sizeof first);
    event_name(1, second, sizeof second);
    ck_assert_str_ne(first, second);
    body_has(1, NULL, "count", "1");
    done();
}
END_TEST

START_TEST(tells_events_apart_by_object_reason_and_message)
{
    SCRIPT({201, "", "{}"}, {201, "", "{}"}, {201, "", "{}"}, {201, "", "{}"}, {201, "", "{}"},
           {201, "", "{}"});
    struct kube_event other = on_pod;
    post(&on_pod);
    other.name = SV("app-2");
    post(&other);
    other = on_pod;
    other.uid = SV("u-2");
    post(&other);
    other = on_pod;
    other.reason = "SecretThere";
    post(&other);
    other = on_pod;
    other.message = SV("something else");
    post(&other);
    other = on_pod;
    other.namespace = SV("tea");
    other.name = SV("mapp-1");
    post(&other);
    done();
}
END_TEST

START_TEST(posts_anew_when_the_api_server_has_dropped_it)
{
    SCRIPT({201, "", "{}"}, {404, "", ""}, {201, "", "{}"}, {200, "", "{}"});
    char name[300];
    post(&on_pod);
    post(&on_pod);
    ck_assert_str_eq(fake.calls[2].method, "POST");
    body_has(2, NULL, "count", "2");
    event_name(2, name, sizeof name);
    post(&on_pod);
    ck_assert_ptr_nonnull(strstr(fake.calls[3].url, name));
    ck_assert_ptr_nonnull(strstr(fake.calls[3].body, "\"count\":3"));
    done();
}
END_TEST

START_TEST(event_that_was_not_posted_is_not_remembered)
{
    SCRIPT({0, NULL, NULL, ERR_UNAVAILABLE}, {201, "", "{}"}, {403, "", ""}, {200, "", "{}"});
    ck_assert(!kube_events_post(events, &client, &on_pod, 1, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    post(&on_pod);
    ck_assert_str_eq(fake.calls[1].method, "POST");
    ck_assert(!kube_events_post(events, &client, &on_pod, 1, &err));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    post(&on_pod);
    ck_assert_str_eq(fake.calls[3].method, "PATCH");
    done();
}
END_TEST

START_TEST(cluster_scoped_object_has_its_events_in_default)
{
    SCRIPT({201, "", "{}"}, {200, "", "{}"});
    struct kube_event event = on_pod;
    event.kind = "ClusterSecretStore";
    event.namespace = SV("");
    event.resource_version = SV("");
    event.warning = true;
    post(&event);
    ck_assert_str_eq(fake.calls[0].url,
                     "https://api.example/api/v1/namespaces/default/events?fieldManager=keyturn");
    body_has(0, "metadata", "namespace", "default");
    body_has(0, NULL, "type", "Warning");
    const char *object = strstr(fake.calls[0].body, "\"involvedObject\":{");
    ck_assert_ptr_nonnull(object);
    ck_assert_int_eq(strncmp(object,
                             "\"involvedObject\":{\"apiVersion\":\"v1\",\"kind\":"
                             "\"ClusterSecretStore\",\"name\":\"app-1\",\"uid\":\"u-1\"}",
                             86),
                     0);
    post(&event);
    ck_assert_ptr_nonnull(strstr(fake.calls[1].url, "/namespaces/default/events/app-1."));
    done();
}
END_TEST

START_TEST(cuts_message_between_characters)
{
    SCRIPT({201, "", "{}"});
    char message[2000];
    struct kube_event event = on_pod;
    /* Two-byte characters at odd places: byte 1024 is in the middle of one. */
    message[0] = 'x';
    for (size_t i = 1; i + 1 < sizeof message; i += 2) {
        memcpy(message + i, "\xc3\xa9", 2);
    }
    event.message = sv_make(message, sizeof message - 1);
    post(&event);
    const char *start = strstr(fake.calls[0].body, "\"message\":\"") + 11;
    ck_assert_uint_eq(strcspn(start, "\""), 1023);
    done();
}
END_TEST

START_TEST(name_of_event_fits_and_stays_valid)
{
    SCRIPT({201, "", "{}"});
    char object[LIMIT_NAME_BYTES];
    char name[300];
    struct kube_event event = on_pod;
    memset(object, 'a', sizeof object);
    object[235] = '-';
    object[234] = '.';
    event.name = sv_make(object, sizeof object);
    post(&event);
    event_name(0, name, sizeof name);
    ck_assert_uint_le(strlen(name), LIMIT_NAME_BYTES);
    ck_assert_int_eq(name[233], 'a');
    ck_assert_int_eq(name[234], '.');
    ck_assert_int_ne(name[235], '.');
    done();
}
END_TEST

static bool accept_everything(void *context, const struct http_request *request,
                              struct http_response *ret, struct err *ret_err)
{
    atomic_uint *posts = context;
    (void)ret_err;
    atomic_fetch_add(posts, strcmp(request->method, "POST") == 0);
    ret->status = 201;
    return true;
}

START_TEST(memory_is_bounded)
{
    enum { MANY = 5000 };
    atomic_uint posts = 0;
    begin(NULL, 0);
    client.transport = (struct http_transport){.send = accept_everything, .context = &posts};
    struct kube_event event = on_pod;
    char name[32];
    for (unsigned i = 0; i < MANY; i++) {
        event.name = sv_make(name, (size_t)snprintf(name, sizeof name, "app-%u", i));
        post(&event);
    }
    ck_assert_uint_eq(atomic_load(&posts), MANY);
    /* The newest ones are still known, those before the last clearing are not. */
    post(&event);
    ck_assert_uint_eq(atomic_load(&posts), MANY);
    event.name = SV("app-0");
    post(&event);
    ck_assert_uint_eq(atomic_load(&posts), MANY + 1);
    done();
}
END_TEST

static void *post_often(void *argument)
{
    struct kube_client *own = argument;
    struct err failure = {0};
    for (unsigned i = 0; i < 200; i++) {
        struct kube_event event = on_pod;
        char name[32];
        event.name = sv_make(name, (size_t)snprintf(name, sizeof name, "app-%u", i % 10));
        if (!kube_events_post(events, own, &event, 1, &failure)) {
            return (void *)1;
        }
    }
    return NULL;
}

START_TEST(several_threads_post_each_event_once)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    atomic_uint posts = 0;
    begin(NULL, 0);
    client.transport = (struct http_transport){.send = accept_everything, .context = &posts};
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_often, &client), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    ck_assert_uint_eq(atomic_load(&posts), 10);
    done();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kube/event");
    TCase *t = tcase_create("event");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, posts_event_about_its_object);
    tcase_add_test(t, counts_the_same_event_instead_of_repeating_it);
    tcase_add_test(t, repeats_event_after_the_window);
    tcase_add_test(t, tells_events_apart_by_object_reason_and_message);
    tcase_add_test(t, posts_anew_when_the_api_server_has_dropped_it);
    tcase_add_test(t, event_that_was_not_posted_is_not_remembered);
    tcase_add_test(t, cluster_scoped_object_has_its_events_in_default);
    tcase_add_test(t, cuts_message_between_characters);
    tcase_add_test(t, name_of_event_fits_and_stays_valid);
    tcase_add_test(t, memory_is_bounded);
    tcase_add_test(t, several_threads_post_each_event_once);
    suite_add_tcase(s, t);
    return s;
}
