/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/resource.h"

#include "base/limits.h"
#include "check_main.h"

static const struct kube_resource odd_group = {"a/b", "v1", "things", false};
static const struct kube_resource odd_plural = {"example.com", "v1", "things?x", false};

static const struct {
    const struct kube_resource *resource;
    const char *namespace;
    const char *name; /* NULL: the collection */
    const char *subresource;
    const char *path; /* NULL: refused */
} paths[] = {
    {&kube_secrets, "a", "b", NULL, "/api/v1/namespaces/a/secrets/b"},
    {&kube_secrets, "a", NULL, NULL, "/api/v1/namespaces/a/secrets"},
    {&kube_secrets, "", NULL, NULL, "/api/v1/secrets"},
    {&kube_deployments, "a", "b.c-1", "scale",
     "/apis/apps/v1/namespaces/a/deployments/b.c-1/scale"},
    {&kube_namespaces, "", "a", NULL, "/api/v1/namespaces/a"},
    {&kube_namespaces, "", NULL, NULL, "/api/v1/namespaces"},
    {&kube_external_secrets_v1beta1, "", NULL, NULL,
     "/apis/external-secrets.io/v1beta1/externalsecrets"},
    {&kube_cluster_secret_stores, "", "aws", "status",
     "/apis/external-secrets.io/v1/clustersecretstores/aws/status"},
    {&kube_secrets, "a", "system:x", NULL, "/api/v1/namespaces/a/secrets/system:x"},
    {&kube_secrets, "a", "", NULL, NULL},
    {&kube_secrets, "", "b", NULL, NULL},
    {&kube_namespaces, "a", "b", NULL, NULL},
    {&kube_secrets, "a", "../../kube-system/secrets/x", NULL, NULL},
    {&kube_secrets, "a", "..", NULL, NULL},
    {&kube_secrets, "a", ".", NULL, NULL},
    {&kube_secrets, "a", "b..c", NULL, NULL},
    {&kube_secrets, "a", ".b", NULL, NULL},
    {&kube_secrets, "a", "b.", NULL, NULL},
    {&kube_secrets, "a", "-b", NULL, NULL},
    {&kube_secrets, "a", "b-", NULL, NULL},
    {&kube_secrets, "a", "B", NULL, NULL},
    {&kube_secrets, "a", "b/c", NULL, NULL},
    {&kube_secrets, "a", "b%2fc", NULL, NULL},
    {&kube_secrets, "a", "b?c", NULL, NULL},
    {&kube_secrets, "a", "b#c", NULL, NULL},
    {&kube_secrets, "a", "b c", NULL, NULL},
    {&kube_secrets, "a", "b\r\nc", NULL, NULL},
    {&kube_secrets, "a", "b\xc3\xa9", NULL, NULL},
    {&kube_secrets, "a/b", "c", NULL, NULL},
    {&kube_secrets, "a:b", "c", NULL, NULL},
    {&kube_secrets, "..", NULL, NULL, NULL},
    {&kube_secrets, "a", NULL, "status", NULL},
    {&kube_secrets, "a", "b", "st/atus", NULL},
    {&odd_group, "a", "b", NULL, NULL},
    {&odd_plural, "a", "b", NULL, NULL},
};

START_TEST(builds_only_safe_paths)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct err err = {0};
    const struct kube_target target = {
        .resource = paths[_i].resource,
        .namespace = sv_of(paths[_i].namespace),
        .name = sv_of(paths[_i].name),
        .subresource = paths[_i].subresource,
    };
    buf_init(&out, LIMIT_URL_BYTES);
    bool ok = kube_path(&out, &target, &err);
    if (paths[_i].path) {
        ck_assert_msg(ok, "%s: %s", paths[_i].path, err.message);
        ck_assert_str_eq(out.data, paths[_i].path);
    } else {
        ck_assert_msg(!ok, "%s", out.data);
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
}
END_TEST

START_TEST(refuses_nul_and_overlong_names)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct err err = {0};
    char name[LIMIT_NAME_BYTES + 1];
    memset(name, 'a', sizeof name);
    struct kube_target target = {.resource = &kube_secrets, .namespace = SV("n")};
    buf_init(&out, LIMIT_URL_BYTES);
    target.name = sv_make("a\0b", 3);
    ck_assert(!kube_path(&out, &target, &err));
    target.name = sv_make(name, LIMIT_NAME_BYTES + 1);
    ck_assert(!kube_path(&out, &target, &err));
    target.name = sv_make(name, LIMIT_NAME_BYTES);
    ck_assert(kube_path(&out, &target, &err));
}
END_TEST

START_TEST(encodes_query)
{
    CLEANUP(buf_done) struct buf out = {0};
    const struct kube_param params[] = {
        {"limit", SV("500")},
        {"empty", SV("")},
        {"fieldSelector", SV("type!=helm.sh/release.v1")},
        {"continue", SV("eyJ2+/=&x")},
    };
    buf_init(&out, LIMIT_URL_BYTES);
    kube_query(&out, params, ARRAY_LEN(params));
    ck_assert_str_eq(out.data, "?limit=500&fieldSelector=type%21%3Dhelm.sh%2Frelease.v1"
                               "&continue=eyJ2%2B%2F%3D%26x");
    buf_clear(&out);
    kube_query(&out, &params[1], 1);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

static const struct {
    struct kube_target target;
    const char *text;
} descriptions[] = {
    {{.resource = &kube_secrets, .namespace = {"a", 1}, .name = {"b", 1}}, "secrets a/b"},
    {{.resource = &kube_secrets, .namespace = {"a", 1}}, "secrets in a"},
    {{.resource = &kube_secrets}, "secrets"},
    {{.resource = &kube_namespaces, .name = {"b", 1}}, "namespaces b"},
    {{.resource = &kube_pods, .namespace = {"a", 1}, .name = {"b", 1}, .subresource = "status"},
     "pods/status a/b"},
};

START_TEST(describes_target)
{
    char text[64];
    kube_target_describe(&descriptions[_i].target, text, sizeof text);
    ck_assert_str_eq(text, descriptions[_i].text);
    kube_target_describe(&descriptions[_i].target, text, 5);
    ck_assert_uint_eq(strlen(text), 4);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kube/resource");
    TCase *t = tcase_create("resource");
    tcase_add_loop_test(t, builds_only_safe_paths, 0, ARRAY_LEN(paths));
    tcase_add_test(t, refuses_nul_and_overlong_names);
    tcase_add_test(t, encodes_query);
    tcase_add_loop_test(t, describes_target, 0, ARRAY_LEN(descriptions));
    suite_add_tcase(s, t);
    return s;
}
