/* SPDX-License-Identifier: Apache-2.0 */
/* Every review recorded from a kube-apiserver 1.36, as it came and as 1.31 would have sent it. */
#include "admission/decide.h"
#include "admission/response.h"
#include "check_main.h"
#include "facts_text.h"

struct recorded_case {
    const char *file;
    enum workload_kind kind;
    enum operation operation;
    const char *sub_resource;
    const char *name;
    const char *generate_name;
    bool dry_run;
    const char *decision;
};

static const struct recorded_case RECORDED[] = {
    {"configmap-create", KIND_NONE, OPERATION_CREATE, "", "settings", "", false, "skip"},
    {"configmap-deletecollection", KIND_NONE, OPERATION_DELETE, "", "kube-root-ca.crt", "", false,
     "skip"},
    {"configmap-update", KIND_NONE, OPERATION_UPDATE, "", "settings", "", false, "skip"},
    {"cronjob-create", KIND_CRON_JOB, OPERATION_CREATE, "", "cron", "", false, "allow"},
    {"cronjob-update", KIND_CRON_JOB, OPERATION_UPDATE, "", "cron", "", false, "allow"},
    {"daemonset-create", KIND_DAEMON_SET, OPERATION_CREATE, "", "ds", "", false, "allow"},
    {"deployment-create-kubectl-apply", KIND_DEPLOYMENT, OPERATION_CREATE, "", "dep-apply", "",
     false, "allow"},
    {"deployment-create-server-side-apply", KIND_DEPLOYMENT, OPERATION_CREATE, "", "dep-ssa", "",
     false, "allow"},
    {"deployment-delete", KIND_DEPLOYMENT, OPERATION_DELETE, "", "dep-ssa", "", false, "skip"},
    {"deployment-rollout-restart", KIND_DEPLOYMENT, OPERATION_UPDATE, "", "dep-apply", "", false,
     "allow"},
    {"deployment-scale-update", KIND_NONE, OPERATION_UPDATE, "scale", "dep-apply", "", false,
     "skip"},
    {"deployment-update-dryrun-server", KIND_DEPLOYMENT, OPERATION_UPDATE, "", "dep-apply", "",
     true, "allow"},
    {"deployment-update-kubectl-apply", KIND_DEPLOYMENT, OPERATION_UPDATE, "", "dep-apply", "",
     false, "allow"},
    {"deployment-update-server-side-apply-noop", KIND_DEPLOYMENT, OPERATION_UPDATE, "", "dep-ssa",
     "", false, "allow"},
    {"deployment-update-server-side-apply", KIND_DEPLOYMENT, OPERATION_UPDATE, "", "dep-ssa", "",
     false, "allow"},
    {"externalsecret-v1-create-server-side-apply", KIND_NONE, OPERATION_CREATE, "", "es-ssa-v1", "",
     false, "skip"},
    {"externalsecret-v1-create", KIND_NONE, OPERATION_CREATE, "", "es-v1", "", false, "skip"},
    {"externalsecret-v1-delete", KIND_NONE, OPERATION_DELETE, "", "es-v1", "", false, "skip"},
    {"externalsecret-v1-server-side-apply", KIND_NONE, OPERATION_UPDATE, "", "es-v1", "", false,
     "skip"},
    {"externalsecret-v1-update", KIND_NONE, OPERATION_UPDATE, "", "es-v1", "", false, "skip"},
    {"externalsecret-v1beta1-create-server-side-apply", KIND_NONE, OPERATION_CREATE, "",
     "es-ssa-v1beta1", "", false, "skip"},
    {"externalsecret-v1beta1-create", KIND_NONE, OPERATION_CREATE, "", "es-v1beta1", "", false,
     "skip"},
    {"externalsecret-v1beta1-request-seen-as-v1-equivalent", KIND_NONE, OPERATION_CREATE, "",
     "es-equiv", "", false, "skip"},
    {"externalsecret-v1beta1-server-side-apply", KIND_NONE, OPERATION_UPDATE, "", "es-v1beta1", "",
     false, "skip"},
    {"externalsecret-v1beta1-update", KIND_NONE, OPERATION_UPDATE, "", "es-v1beta1", "", false,
     "skip"},
    {"job-create-by-cronjob", KIND_JOB, OPERATION_CREATE, "", "cron-29926186", "", false, "skip"},
    {"job-create", KIND_JOB, OPERATION_CREATE, "", "job", "", false, "allow"},
    {"pod-binding-create", KIND_NONE, OPERATION_CREATE, "binding", "web-alice", "", false, "skip"},
    {"pod-create-by-cronjob-job", KIND_POD, OPERATION_CREATE, "", "", "cron-29926186-", false,
     "allow"},
    {"pod-create-by-daemonset", KIND_POD, OPERATION_CREATE, "", "", "ds-", false, "allow"},
    {"pod-create-by-job", KIND_POD, OPERATION_CREATE, "", "", "job-", false, "allow"},
    {"pod-create-by-replicaset", KIND_POD, OPERATION_CREATE, "", "", "dep-apply-6d68685469-", false,
     "allow"},
    {"pod-create-by-statefulset", KIND_POD, OPERATION_CREATE, "", "sts-0", "sts-", false, "allow"},
    {"pod-create-direct", KIND_POD, OPERATION_CREATE, "", "web-direct", "", false, "allow"},
    {"pod-create-dryrun-server", KIND_POD, OPERATION_CREATE, "", "web-direct", "", true, "allow"},
    {"pod-create-generatename", KIND_POD, OPERATION_CREATE, "", "", "gen-", false, "allow"},
    {"pod-create-impersonated-user", KIND_POD, OPERATION_CREATE, "", "web-alice", "", false,
     "allow"},
    {"pod-create-ssa", KIND_POD, OPERATION_CREATE, "", "web-ssa", "", false, "allow"},
    {"pod-delete-collection-item", KIND_POD, OPERATION_DELETE, "", "dep-apply-59d4c595cd-h5mkc",
     "dep-apply-59d4c595cd-", false, "skip"},
    {"pod-delete", KIND_POD, OPERATION_DELETE, "", "web-direct", "", false, "skip"},
    {"pod-ephemeralcontainers-update", KIND_POD, OPERATION_UPDATE, "ephemeralcontainers",
     "web-direct", "", false, "allow"},
    {"pod-eviction-create", KIND_NONE, OPERATION_CREATE, "eviction", "web-ssa", "", false, "skip"},
    {"pod-exec-connect", KIND_NONE, OPERATION_CONNECT, "exec", "web-alice", "", false, "skip"},
    {"pod-resize-update", KIND_POD, OPERATION_UPDATE, "resize", "web-direct", "", false, "skip"},
    {"pod-update-labels", KIND_POD, OPERATION_UPDATE, "", "web-direct", "", false, "allow"},
    {"replicaset-create-by-deployment", KIND_REPLICA_SET, OPERATION_CREATE, "",
     "dep-apply-6d68685469", "", false, "skip"},
    {"secret-create", KIND_NONE, OPERATION_CREATE, "", "dummy", "", false, "skip"},
    {"secret-update", KIND_NONE, OPERATION_UPDATE, "", "dummy", "", false, "skip"},
    {"statefulset-create", KIND_STATEFUL_SET, OPERATION_CREATE, "", "sts", "", false, "allow"},
};

/* The review as text, and what it was decoded to. */
struct recorded {
    char *text;
    struct json_doc doc;
    struct review review;
};

static void recorded_done(struct recorded *recorded)
{
    json_doc_done(&recorded->doc);
    free(recorded->text);
}

/* Takes over `text`. */
static void recorded_init(struct recorded *ret, char *text, size_t len)
{
    *ret = (struct recorded){.text = text};
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    const struct json *document = NULL;
    struct err err = {0};
    ck_assert_msg(json_parse(&ret->doc, text, len, &limits, &document, &err), "%s", err.message);
    ck_assert_msg(review_decode(document, &ret->review, &err), "%s", err.message);
}

static char *recorded_text(size_t index, size_t *ret_len)
{
    char path[256];
    (void)snprintf(path, sizeof path, "admission/reviews/%s.json", RECORDED[index].file);
    return test_data(path, ret_len);
}

START_TEST(decodes_recorded_reviews)
{
    const struct recorded_case *row = &RECORDED[_i];
    size_t len = 0;
    char *text = recorded_text((size_t)_i, &len);
    CLEANUP(recorded_done) struct recorded recorded;
    recorded_init(&recorded, text, len);
    const struct review *review = &recorded.review;
    ck_assert_ptr_eq(review->kind, row->kind == KIND_NONE ? NULL : kind_of(row->kind));
    ck_assert_int_eq(review->operation, row->operation);
    ck_assert(sv_is(review->sub_resource, row->sub_resource));
    ck_assert(sv_is(review->namespace, "shop"));
    ck_assert(sv_is(review->name, row->name));
    ck_assert(sv_is(review->generate_name, row->generate_name));
    ck_assert_int_eq(review->dry_run, row->dry_run);
    ck_assert_int_eq(review->old_object != NULL,
                     row->operation == OPERATION_UPDATE || row->operation == OPERATION_DELETE);
    ck_assert_uint_eq(review->uid.len, 36);
    ck_assert_uint_gt(review->user.len, 0);
}
END_TEST

static void answer(const struct review *review, struct verdict *verdict, struct buf *out)
{
    CLEANUP(secret_refs_done) struct secret_ref_list refs = {0};
    struct err err = {0};
    ck_assert(secret_refs_collect(review_pod_spec(review), &refs, &err));
    CLEANUP(facts_done) struct facts facts;
    facts_init(&facts, review->namespace);
    facts_from_json(NULL, &refs, NULL, &facts);
    const struct policy policy = policy_builtin();
    const struct policy_rules rules = policy_for(&policy, review->namespace);
    admit_decide(
        &(struct admit_input){
            .review = review,
            .refs = &refs,
            .rules = &rules,
            .facts = &facts,
            .gates_supported = true,
        },
        verdict);
    response_write(review, verdict, out);
}

/* None of them refers to a Secret, so none is changed and nobody is asked about anything. */
START_TEST(answers_recorded_reviews)
{
    size_t len = 0;
    char *text = recorded_text((size_t)_i, &len);
    CLEANUP(recorded_done) struct recorded recorded;
    recorded_init(&recorded, text, len);
    struct verdict verdict;
    CLEANUP(buf_done) struct buf out = {0};
    buf_init(&out, LIMIT_RESPONSE_BYTES);
    answer(&recorded.review, &verdict, &out);
    ck_assert_str_eq(verdict.decision, RECORDED[_i].decision);
    char expected[512];
    (void)snprintf(expected, sizeof expected,
                   "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                   "\"response\":{\"uid\":\"%.*s\",\"allowed\":true,\"auditAnnotations\":"
                   "{\"decision\":\"%s\"}}}\n",
                   SV_ARG(recorded.review.uid), RECORDED[_i].decision);
    ck_assert_str_eq(out.data, expected);
}
END_TEST

/* Whether the object that begins at `at` has that member itself. */
static bool has_own_member(const char *at, const char *member)
{
    size_t len = strlen(member);
    int depth = 0;
    do {
        if (*at == '"') {
            if (depth == 1 && strncmp(at, member, len) == 0) {
                return true;
            }
            for (at++; *at != '"'; at++) {
                at += *at == '\\';
            }
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
    } while (depth > 0);
    return false;
}

/* "creationTimestamp": null in every metadata that has none; answers how many. */
static size_t add_null_timestamps(const char *text, struct buf *out)
{
    static const char metadata[] = "\"metadata\": {";
    size_t added = 0;
    for (const char *at = text; *at;) {
        if (strncmp(at, metadata, sizeof metadata - 1) != 0) {
            buf_add_byte(out, *at++);
            continue;
        }
        at += sizeof metadata - 1;
        buf_add_str(out, metadata);
        if (!has_own_member(at - 1, "\"creationTimestamp\"")) {
            buf_add_str(out, "\"creationTimestamp\": null");
            buf_add_str(out, *at == '}' ? "" : ",");
            added++;
        }
    }
    return added;
}

START_TEST(answers_alike_with_null_timestamps)
{
    size_t len = 0;
    char *text = recorded_text((size_t)_i, &len);
    CLEANUP(buf_done) struct buf with_nulls = {0};
    buf_init(&with_nulls, LIMIT_REVIEW_BYTES);
    size_t added = add_null_timestamps(text, &with_nulls);
    bool has_template = RECORDED[_i].operation == OPERATION_CREATE ||
                        (RECORDED[_i].kind != KIND_NONE && RECORDED[_i].kind != KIND_POD);
    ck_assert_msg(added > 0 || !has_template || RECORDED[_i].sub_resource[0], "nothing added");

    CLEANUP(recorded_done) struct recorded before;
    recorded_init(&before, text, len);
    CLEANUP(recorded_done) struct recorded after;
    size_t nulls_len = with_nulls.len;
    recorded_init(&after, buf_take(&with_nulls), nulls_len);
    struct verdict verdict;
    struct buf answers[2] = {{0}, {0}};
    buf_init(&answers[0], LIMIT_RESPONSE_BYTES);
    buf_init(&answers[1], LIMIT_RESPONSE_BYTES);
    answer(&before.review, &verdict, &answers[0]);
    answer(&after.review, &verdict, &answers[1]);
    ck_assert_str_eq(answers[0].data, answers[1].data);
    buf_done(&answers[0]);
    buf_done(&answers[1]);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("admission/recorded");
    TCase *recorded = tcase_create("recorded");
    tcase_add_loop_test(recorded, decodes_recorded_reviews, 0, ARRAY_LEN(RECORDED));
    tcase_add_loop_test(recorded, answers_recorded_reviews, 0, ARRAY_LEN(RECORDED));
    tcase_add_loop_test(recorded, answers_alike_with_null_timestamps, 0, ARRAY_LEN(RECORDED));
    suite_add_tcase(suite, recorded);
    return suite;
}
