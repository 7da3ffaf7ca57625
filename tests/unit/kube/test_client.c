/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client.h"

#include "check_main.h"
#include "fake_transport.h"

static struct fake_transport fake;
static struct kube_client client;
static struct kube_response response;
static struct err err;

static const struct kube_target secret = {
    .resource = &kube_secrets, .namespace = {"team", 4}, .name = {"db", 2}};

static void script(const struct fake_answer *answers, size_t count)
{
    client = fake_client(&fake, answers, count);
    response = (struct kube_response){0};
    err = (struct err){0};
}

static void done(void)
{
    kube_response_done(&response);
    kube_config_free(client.config);
}

#define SCRIPT(...)                                                                                \
    static const struct fake_answer answers[] = {__VA_ARGS__};                                     \
    script(answers, ARRAY_LEN(answers))

START_TEST(gets_one_object)
{
    SCRIPT({200, "Date: Mon, 23 Nov 2026 12:36:00 GMT\r\n", "{\"kind\":\"Secret\"}"});
    ck_assert_msg(kube_get(&client, &secret, 107000, &response, &err), "%s", err.message);
    ck_assert_str_eq(fake.calls[0].method, "GET");
    ck_assert_str_eq(fake.calls[0].url, "https://api.example/api/v1/namespaces/team/secrets/db");
    ck_assert_str_eq(fake.calls[0].headers,
                     "Accept: application/json\nAuthorization: Bearer test-token\n");
    ck_assert_int_eq(fake.calls[0].deadline_ms, 107000);
    ck_assert_uint_eq(fake.calls[0].max_answer, LIMIT_KUBE_ANSWER_BYTES);
    ck_assert_uint_eq(response.status, 200);
    ck_assert_int_eq(response.server_date_ms, fake_wall_ms);
    ck_assert_int_eq(response.retry_after_ms, -1);
    ck_assert(sv_is(secret_buf_view(&response.body), "{\"kind\":\"Secret\"}"));
    ck_assert(response.body.bytes.wipe);
    done();
}
END_TEST

START_TEST(creates_in_the_collection)
{
    SCRIPT({201, "", "{}"});
    const struct kube_target all = {.resource = &kube_secrets, .namespace = SV("team")};
    ck_assert(kube_create(&client, &all, SV("keyturn x"), SV("{\"a\":1}"), 1, &response, &err));
    ck_assert_str_eq(fake.calls[0].method, "POST");
    ck_assert_str_eq(fake.calls[0].url, "https://api.example/api/v1/namespaces/team/secrets"
                                        "?fieldManager=keyturn%20x");
    ck_assert_ptr_nonnull(strstr(fake.calls[0].headers, "Content-Type: application/json\n"));
    ck_assert_str_eq(fake.calls[0].body, "{\"a\":1}");
    done();
}
END_TEST

START_TEST(replaces_one_object)
{
    SCRIPT({200, "", "{}"});
    ck_assert(kube_replace(&client, &secret, SV("keyturn"), SV("{}"), 1, &response, &err));
    ck_assert_str_eq(fake.calls[0].method, "PUT");
    ck_assert_str_eq(fake.calls[0].url, "https://api.example/api/v1/namespaces/team/secrets/db"
                                        "?fieldManager=keyturn");
    done();
}
END_TEST

static const struct {
    enum kube_patch_type type;
    const char *content_type;
    const char *query;
} patches[] = {
    {KUBE_PATCH_JSON, "application/json-patch+json", "?fieldManager=keyturn"},
    {KUBE_PATCH_MERGE, "application/merge-patch+json", "?fieldManager=keyturn"},
    {KUBE_PATCH_STRATEGIC, "application/strategic-merge-patch+json", "?fieldManager=keyturn"},
    {KUBE_PATCH_APPLY, "application/apply-patch+yaml", "?fieldManager=keyturn&force=true"},
};

START_TEST(patches_with_the_right_content_type)
{
    SCRIPT({200, "", "{}"});
    char header[128];
    char url[128];
    ck_assert(kube_patch(&client, &secret, patches[_i].type, SV("keyturn"), SV("{}"), 1, &response,
                         &err));
    (void)snprintf(header, sizeof header, "Content-Type: %s\n", patches[_i].content_type);
    (void)snprintf(url, sizeof url, "https://api.example/api/v1/namespaces/team/secrets/db%s",
                   patches[_i].query);
    ck_assert_str_eq(fake.calls[0].method, "PATCH");
    ck_assert_ptr_nonnull(strstr(fake.calls[0].headers, header));
    ck_assert_str_eq(fake.calls[0].url, url);
    done();
}
END_TEST

static const struct {
    const char *uid;
    const char *version;
    const char *body;
} deletes[] = {
    {"", "", "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\"}"},
    {"u-1", "",
     "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":{\"uid\":\"u-1\"}}"},
    {"", "7",
     "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
     "\"preconditions\":{\"resourceVersion\":\"7\"}}"},
    {"u-1", "7",
     "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
     "\"preconditions\":{\"uid\":\"u-1\",\"resourceVersion\":\"7\"}}"},
};

START_TEST(deletes_under_preconditions)
{
    SCRIPT({200, "", "{}"});
    ck_assert(kube_delete(&client, &secret, sv_of(deletes[_i].uid), sv_of(deletes[_i].version), 1,
                          &response, &err));
    ck_assert_str_eq(fake.calls[0].method, "DELETE");
    ck_assert_str_eq(fake.calls[0].body, deletes[_i].body);
    done();
}
END_TEST

START_TEST(never_acts_on_a_collection_by_mistake)
{
    const struct kube_target nameless[] = {
        {.resource = &kube_secrets, .namespace = SV("team")},
        {.resource = &kube_secrets, .namespace = SV("team"), .name = SV("")},
    };
    script(NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(nameless); i++) {
        ck_assert(!kube_delete(&client, &nameless[i], SV(""), SV(""), 1, &response, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert(!kube_patch(&client, &nameless[i], KUBE_PATCH_MERGE, SV("k"), SV("{}"), 1,
                              &response, &err));
        ck_assert(!kube_replace(&client, &nameless[i], SV("k"), SV("{}"), 1, &response, &err));
        ck_assert(!kube_get(&client, &nameless[i], 1, &response, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
    ck_assert_uint_eq(fake.count, 0);
    done();
}
END_TEST

START_TEST(builds_no_request_for_a_hostile_name)
{
    script(NULL, 0);
    const struct kube_target hostile = {.resource = &kube_secrets,
                                        .namespace = SV("team"),
                                        .name = SV("../../kube-system/secrets/x")};
    ck_assert(!kube_get(&client, &hostile, 1, &response, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    done();
}
END_TEST

#define STATUS(reason, message)                                                                    \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","           \
    "\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":0}"

static const struct {
    struct fake_answer answer;
    enum err_kind kind;
    bool retryable;
    const char *reason;
    int64_t retry_after_ms;
    const char *message;
} failures[] = {
    {{400, "", STATUS("BadRequest", "no")},
     ERR_INVALID,
     false,
     "BadRequest",
     -1,
     "GET pods team/a: BadRequest: no"},
    {{401, "", STATUS("Unauthorized", "Unauthorized")},
     ERR_DENIED,
     false,
     "Unauthorized",
     -1,
     "GET pods team/a: Unauthorized: Unauthorized"},
    {{403, "", STATUS("Forbidden", "pods is forbidden")},
     ERR_DENIED,
     false,
     "Forbidden",
     -1,
     "GET pods team/a: Forbidden: pods is forbidden"},
    {{404, "", STATUS("NotFound", "pods \\\"a\\\" not found")},
     ERR_MISSING,
     false,
     "NotFound",
     -1,
     "GET pods team/a: NotFound: pods \"a\" not found"},
    {{409, "", STATUS("AlreadyExists", "x")}, ERR_CONFLICT, true, "AlreadyExists", -1, NULL},
    {{409, "", STATUS("Conflict", "x")}, ERR_CONFLICT, true, "Conflict", -1, NULL},
    {{410, "", STATUS("Expired", "x")}, ERR_CONFLICT, true, "Expired", -1, NULL},
    {{413, "", ""}, ERR_TOO_BIG, false, "", -1, "GET pods team/a: status 413"},
    {{415, "", ""}, ERR_INVALID, false, "", -1, NULL},
    {{418, "", "not JSON"}, ERR_INVALID, false, "", -1, "GET pods team/a: status 418"},
    {{422, "", STATUS("Invalid", "spec: x")},
     ERR_INVALID,
     false,
     "Invalid",
     -1,
     "GET pods team/a: Invalid: spec: x"},
    {{429, "Retry-After: 7\r\n", STATUS("TooManyRequests", "x")},
     ERR_BUSY,
     true,
     "TooManyRequests",
     7000,
     NULL},
    {{429, "", "{\"reason\":\"TooManyRequests\",\"details\":{\"retryAfterSeconds\":3}}"},
     ERR_BUSY,
     true,
     "TooManyRequests",
     3000,
     NULL},
    {{500, "", STATUS("InternalError", "x")}, ERR_UNAVAILABLE, true, "InternalError", -1, NULL},
    {{503, "", "upstream connect error"}, ERR_UNAVAILABLE, true, "", -1, NULL},
    {{504, "", STATUS("Timeout", "x")}, ERR_UNAVAILABLE, true, "Timeout", -1, NULL},
    {{302, "Location: https://elsewhere/\r\n", ""}, ERR_INTERNAL, false, "", -1, NULL},
    {{0, NULL, NULL, ERR_TIMEOUT}, ERR_TIMEOUT, true, "", -1, "GET pods team/a: scripted failure"},
};

START_TEST(tells_failures_apart)
{
    const struct kube_target pod = {
        .resource = &kube_pods, .namespace = SV("team"), .name = SV("a")};
    script(&failures[_i].answer, 1);
    ck_assert(!kube_get(&client, &pod, 1, &response, &err));
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert(err.retryable == failures[_i].retryable);
    ck_assert_uint_eq(response.status, failures[_i].answer.status);
    ck_assert_str_eq(response.reason, failures[_i].reason);
    ck_assert_int_eq(response.retry_after_ms, failures[_i].retry_after_ms);
    ck_assert_uint_eq(response.body.bytes.len, 0);
    if (failures[_i].message) {
        ck_assert_str_eq(err.message, failures[_i].message);
    }
    done();
}
END_TEST

static const struct fake_answer quoting[] = {
    {422, "", STATUS("Invalid", "data[x]: Invalid value: \\\"planted-value\\\"")},
    {400, "", STATUS("BadRequest", "error found in #10 byte of ...|planted-value|...")},
    {500, "", STATUS("InternalError", "planted-value")},
    {406, "", "planted-value"},
};

START_TEST(repeats_no_message_that_may_quote_a_secret)
{
    script(&quoting[_i], 1);
    ck_assert(!kube_replace(&client, &secret, SV("k"), SV("{}"), 1, &response, &err));
    ck_assert_msg(strstr(err.message, "planted") == NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, "PUT secrets team/db: ") == err.message, "%s", err.message);
    done();
}
END_TEST

static char token_file[64];

static void rotate_token(struct fake_transport *transport)
{
    if (transport->count == 0) {
        FILE *file = fopen(token_file, "w");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs("rotated-token", file), 0);
        ck_assert_int_eq(fclose(file), 0);
    }
}

static void use_token_file(void)
{
    char text[512];
    kube_config_free(client.config);
    (void)snprintf(token_file, sizeof token_file, "/tmp/keyturn-token-XXXXXX");
    int fd = mkstemp(token_file);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "first-token", 11), 11);
    ck_assert_int_eq(close(fd), 0);
    (void)snprintf(text, sizeof text,
                   "current-context: x\n"
                   "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                   "clusters: [{name: c, cluster: {server: 'https://api.example'}}]\n"
                   "users: [{name: u, user: {tokenFile: %s}}]\n",
                   token_file);
    ck_assert_msg(kube_config_parse(sv_of(text), "/", &fake_clock, &client.config, &err), "%s",
                  err.message);
}

START_TEST(reads_token_again_after_401_and_repeats_once)
{
    SCRIPT({401, "", STATUS("Unauthorized", "x")}, {200, "", "{}"});
    use_token_file();
    fake.before = rotate_token;
    ck_assert_msg(kube_get(&client, &secret, 1, &response, &err), "%s", err.message);
    ck_assert_uint_eq(fake.count, 2);
    ck_assert_ptr_nonnull(strstr(fake.calls[0].headers, "Bearer first-token\n"));
    ck_assert_ptr_nonnull(strstr(fake.calls[1].headers, "Bearer rotated-token\n"));
    (void)unlink(token_file);
    done();
}
END_TEST

START_TEST(gives_up_after_a_second_401)
{
    SCRIPT({401, "", STATUS("Unauthorized", "x")}, {401, "", STATUS("Unauthorized", "x")});
    use_token_file();
    ck_assert(!kube_get(&client, &secret, 1, &response, &err));
    ck_assert_int_eq(err.kind, ERR_DENIED);
    ck_assert_uint_eq(fake.count, 2);
    (void)unlink(token_file);
    done();
}
END_TEST

/* Names of what kube_list() handed out, with spaces between. */
static char listed[256];
static size_t listed_stop;

static bool note(void *context, const struct json *object)
{
    size_t *count = context;
    struct str_view name = json_string(json_path(object, "metadata", "name", NULL));
    size_t used = strlen(listed);
    (void)snprintf(listed + used, sizeof listed - used, "%.*s ", SV_ARG(name));
    return ++*count != listed_stop;
}

static bool list(const struct kube_list_options *options, struct buf *version)
{
    const struct kube_target pods = {.resource = &kube_pods, .namespace = SV("team")};
    size_t count = 0;
    listed[0] = '\0';
    return kube_list(&client, &pods, options, 1, note, &count, version, &err);
}

#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\"}}"
#define LIST(version, next, items)                                                                 \
    "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" next    \
    "\"},\"items\":[" items "]}"

START_TEST(lists_page_by_page)
{
    SCRIPT({200, "", LIST("5", "a/b=", ITEM("p1") "," ITEM("p2"))},
           {200, "", LIST("5", "c", ITEM("p3"))}, {200, "", LIST("5", "", "")});
    CLEANUP(buf_done) struct buf version = {0};
    const struct kube_list_options options = {
        .label_selector = "app=x", .metadata_only = true, .page = 2};
    buf_init(&version, 64);
    listed_stop = 0;
    ck_assert_msg(list(&options, &version), "%s", err.message);
    ck_assert_str_eq(listed, "p1 p2 p3 ");
    ck_assert_str_eq(version.data, "5");
    ck_assert_str_eq(fake.calls[0].url, "https://api.example/api/v1/namespaces/team/pods"
                                        "?limit=2&labelSelector=app%3Dx");
    ck_assert_str_eq(fake.calls[1].url, "https://api.example/api/v1/namespaces/team/pods"
                                        "?limit=2&continue=a%2Fb%3D&labelSelector=app%3Dx");
    ck_assert_ptr_nonnull(strstr(fake.calls[0].headers, "as=PartialObjectMetadataList"));
    done();
}
END_TEST

START_TEST(stops_listing_when_told)
{
    SCRIPT({200, "", LIST("5", "more", ITEM("p1") "," ITEM("p2"))});
    const struct kube_list_options options = {0};
    listed_stop = 1;
    ck_assert(list(&options, NULL));
    ck_assert_str_eq(listed, "p1 ");
    done();
}
END_TEST

START_TEST(halves_pages_that_are_too_big)
{
    SCRIPT({0, NULL, NULL, ERR_TOO_BIG}, {0, NULL, NULL, ERR_TOO_BIG},
           {200, "", LIST("5", "x", ITEM("p1"))}, {200, "", LIST("5", "", ITEM("p2"))});
    const struct kube_list_options options = {.page = 8};
    listed_stop = 0;
    ck_assert(list(&options, NULL));
    ck_assert_str_eq(listed, "p1 p2 ");
    ck_assert_ptr_nonnull(strstr(fake.calls[0].url, "limit=8"));
    ck_assert_ptr_nonnull(strstr(fake.calls[1].url, "limit=4"));
    ck_assert_ptr_nonnull(strstr(fake.calls[2].url, "limit=2"));
    ck_assert_ptr_nonnull(strstr(fake.calls[3].url, "limit=2&continue=x"));
    ck_assert_int_eq(err.kind, ERR_NONE);
    done();
}
END_TEST

static const struct {
    struct fake_answer answer;
    enum err_kind kind;
} list_failures[] = {
    {{200, "", "{}"}, ERR_INVALID},
    {{200, "", "[]"}, ERR_INVALID},
    {{200, "", "{\"metadata\":{},\"items\":{}}"}, ERR_INVALID},
    {{200, "", ""}, ERR_INVALID},
    {{200, "", "{\"metadata\":{},\"items\":[}"}, ERR_INVALID},
    {{410, "", STATUS("Expired", "x")}, ERR_CONFLICT},
    {{403, "", STATUS("Forbidden", "x")}, ERR_DENIED},
    {{0, NULL, NULL, ERR_UNAVAILABLE}, ERR_UNAVAILABLE},
};

START_TEST(tells_why_a_list_failed)
{
    const struct kube_list_options options = {0};
    script(&list_failures[_i].answer, 1);
    listed_stop = 0;
    ck_assert(!list(&options, NULL));
    ck_assert_msg(err.kind == list_failures[_i].kind, "%s", err.message);
    done();
}
END_TEST

START_TEST(accepts_list_without_items)
{
    SCRIPT({200, "", "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}"});
    const struct kube_list_options options = {0};
    ck_assert_msg(list(&options, NULL), "%s", err.message);
    ck_assert_str_eq(listed, "");
    done();
}
END_TEST

static const struct {
    const char *body;
    bool ok;
    unsigned minor;
} versions[] = {
    {"{\"major\":\"1\",\"minor\":\"36\",\"gitVersion\":\"v1.36.3\"}", true, 36},
    {"{\"major\":\"1\",\"minor\":\"30+\"}", true, 30},
    {"{\"major\":\"1\",\"minor\":\"\"}", false, 0},
    {"{\"major\":\"1\"}", false, 0},
    {"{\"major\":1,\"minor\":30}", false, 0},
    {"<html>", false, 0},
};

START_TEST(reads_server_version)
{
    const struct fake_answer answer = {200, "", versions[_i].body};
    unsigned major = 0;
    unsigned minor = 0;
    script(&answer, 1);
    bool ok = kube_server_version(&client, 1, &major, &minor, &err);
    ck_assert(ok == versions[_i].ok);
    ck_assert_uint_eq(minor, versions[_i].minor);
    ck_assert_str_eq(fake.calls[0].url, "https://api.example/version");
    if (!ok) {
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
    done();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kube/client");
    TCase *t = tcase_create("client");
    tcase_add_test(t, gets_one_object);
    tcase_add_test(t, creates_in_the_collection);
    tcase_add_test(t, replaces_one_object);
    tcase_add_loop_test(t, patches_with_the_right_content_type, 0, ARRAY_LEN(patches));
    tcase_add_loop_test(t, deletes_under_preconditions, 0, ARRAY_LEN(deletes));
    tcase_add_test(t, never_acts_on_a_collection_by_mistake);
    tcase_add_test(t, builds_no_request_for_a_hostile_name);
    tcase_add_loop_test(t, tells_failures_apart, 0, ARRAY_LEN(failures));
    tcase_add_loop_test(t, repeats_no_message_that_may_quote_a_secret, 0, ARRAY_LEN(quoting));
    tcase_add_test(t, reads_token_again_after_401_and_repeats_once);
    tcase_add_test(t, gives_up_after_a_second_401);
    tcase_add_test(t, lists_page_by_page);
    tcase_add_test(t, stops_listing_when_told);
    tcase_add_test(t, halves_pages_that_are_too_big);
    tcase_add_loop_test(t, tells_why_a_list_failed, 0, ARRAY_LEN(list_failures));
    tcase_add_test(t, accepts_list_without_items);
    tcase_add_loop_test(t, reads_server_version, 0, ARRAY_LEN(versions));
    suite_add_tcase(s, t);
    return s;
}
