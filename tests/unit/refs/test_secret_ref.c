/* SPDX-License-Identifier: Apache-2.0 */
#include "refs/secret_ref.h"

#include "base/limits.h"
#include "check_main.h"
#include "json_text.h"

static const char *const PLACES[] = {
    "env",   "envFrom", "volume", "projected", "pull", "csi",     "azureFile",
    "iscsi", "flex",    "cinder", "cephfs",    "rbd",  "scaleIO", "storageos",
};

/* One line a reference: "place where-kind where secret#key flags", key * for the whole Secret;
 * flags o(ptional), r(equired), R(olls), c(si may sync). */
static void dump(const struct secret_ref_list *list, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct secret_ref *ref = &list->items[i];
        buf_printf(out, "%s %s %.*s %.*s#", PLACES[ref->place], secret_ref_where_kind(ref),
                   SV_ARG(ref->where), SV_ARG(ref->secret));
        buf_add(out, ref->key.data ? ref->key : SV("*"));
        buf_add_str(out, " ");
        buf_add_str(out, ref->optional ? "o" : "");
        buf_add_str(out, ref->required ? "r" : "");
        buf_add_str(out, ref->rolls ? "R" : "");
        buf_add_str(out, ref->csi_may_sync ? "c" : "");
        buf_add_str(out, "\n");
    }
}

static void check_refs(const char *pod_spec, const char *expected)
{
    CLEANUP(json_text_done) struct json_text json = json_text_of(pod_spec);
    CLEANUP(secret_refs_done) struct secret_ref_list list = {0};
    struct err err = {0};
    ck_assert_msg(secret_refs_collect(json.root, &list, &err), "%s", err.message);
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "");
    dump(&list, &text);
    ck_assert_msg(sv_is(buf_view(&text), expected), "%s\ngave:\n%.*s\nwanted:\n%s", pod_spec,
                  SV_ARG(buf_view(&text)), expected);
}

struct refs_case {
    const char *pod_spec;
    const char *expected;
};

/* The rows that stand in a container, once in each of the three lists. */
#define IN_ALL_LISTS(container)                                                                    \
    "{'initContainers':[" container "],'containers':[" container                                   \
    "],'ephemeralContainers':[" container "]}"

static const struct refs_case CONTAINER_ROWS[] = {
    {IN_ALL_LISTS("{'name':'c','env':[{'name':'A','valueFrom':{'secretKeyRef':"
                  "{'name':'db','key':'PW'}}}]}"),
     "env init container c db#PW rR\n"
     "env container c db#PW rR\n"
     "env ephemeral container c db#PW \n"},
    {IN_ALL_LISTS("{'name':'c','env':[{'name':'A','valueFrom':{'secretKeyRef':"
                  "{'name':'db','key':'PW','optional':true}}}]}"),
     "env init container c db#PW oR\n"
     "env container c db#PW oR\n"
     "env ephemeral container c db#PW o\n"},
    {IN_ALL_LISTS("{'name':'c','envFrom':[{'prefix':'P_','secretRef':"
                  "{'name':'db'}}]}"),
     "envFrom init container c db#* rR\n"
     "envFrom container c db#* rR\n"
     "envFrom ephemeral container c db#* \n"},
    {IN_ALL_LISTS("{'name':'c','envFrom':[{'secretRef':"
                  "{'name':'db','optional':true}}]}"),
     "envFrom init container c db#* oR\n"
     "envFrom container c db#* oR\n"
     "envFrom ephemeral container c db#* o\n"},
};

START_TEST(finds_container_rows_in_every_list)
{
    check_refs(CONTAINER_ROWS[_i].pod_spec, CONTAINER_ROWS[_i].expected);
}
END_TEST

#define VOLUME(text) "{'volumes':[{'name':'v'," text "}]}"

static const struct refs_case POD_ROWS[] = {
    {VOLUME("'secret':{'secretName':'db'}"), "volume volume v db#* r\n"},
    {VOLUME("'secret':{'secretName':'db','items':[]}"), "volume volume v db#* r\n"},
    {VOLUME("'secret':{'secretName':'db','optional':true}"), "volume volume v db#* o\n"},
    {VOLUME("'secret':{'secretName':'db','items':[{'key':'b','path':'x'},"
            "{'key':'a','path':'y'}]}"),
     "volume volume v db#a r\nvolume volume v db#b r\n"},
    {VOLUME("'projected':{'sources':[{'secret':{'name':'db'}},{'secret':{'name':"
            "'tls','optional':true,'items':[{'key':'k','path':'p'}]}},"
            "{'configMap':{'name':'cm'}},{'serviceAccountToken':{'path':'t'}}]}"),
     "projected volume v db#* r\nprojected volume v tls#k o\n"},
    {"{'imagePullSecrets':[{'name':'reg'},{'name':''},{}]}", "pull imagePullSecrets  reg#* \n"},
    {VOLUME("'csi':{'driver':'d','nodePublishSecretRef':{'name':'db'}}"), "csi volume v db#* r\n"},
    {VOLUME("'azureFile':{'secretName':'db','shareName':'s'}"), "azureFile volume v db#* r\n"},
    {VOLUME("'iscsi':{'secretRef':{'name':'db'}}"), "iscsi volume v db#* o\n"},
    {VOLUME("'iscsi':{'chapAuthSession':true,'secretRef':{'name':'db'}}"),
     "iscsi volume v db#* r\n"},
    {VOLUME("'iscsi':{'chapAuthDiscovery':true,'secretRef':{'name':'db'}}"),
     "iscsi volume v db#* r\n"},
    {VOLUME("'flexVolume':{'driver':'d','secretRef':{'name':'db'}}"), "flex volume v db#* r\n"},
    {VOLUME("'cinder':{'secretRef':{'name':'db'}}"), "cinder volume v db#* r\n"},
    {VOLUME("'cephfs':{'secretRef':{'name':'db'}}"), "cephfs volume v db#* \n"},
    {VOLUME("'rbd':{'secretRef':{'name':'db'}}"), "rbd volume v db#* \n"},
    {VOLUME("'scaleIO':{'secretRef':{'name':'db'}}"), "scaleIO volume v db#* \n"},
    {VOLUME("'storageos':{'secretRef':{'name':'db'}}"), "storageos volume v db#* \n"},
    /* Not direct references. */
    {VOLUME("'persistentVolumeClaim':{'claimName':'db'}"), ""},
    {VOLUME("'csi':{'driver':'d','volumeAttributes':{'secretProviderClass':'db'}}"), ""},
    {"{'containers':[{'env':[{'valueFrom':{'fileKeyRef':{'volumeName':'v','key':"
     "'k'}}},{'valueFrom':{'configMapKeyRef':{'name':'c','key':'k'}}},"
     "{'value':'x'}]}],'serviceAccountName':'sa'}",
     ""},
};

START_TEST(finds_rows_of_the_pod)
{
    check_refs(POD_ROWS[_i].pod_spec, POD_ROWS[_i].expected);
}
END_TEST

#define MOUNTED(volume, mounts)                                                                    \
    "{'volumes':[{'name':'v'," volume "}],'containers':[{'name':'c',"                              \
    "'volumeMounts':[" mounts "]}]}"
#define PLAIN "{'name':'v','mountPath':'/m'}"
#define SUB(path) "{'name':'v','mountPath':'/m','subPath':'" path "'}"
#define SUB_EXPR "{'name':'v','mountPath':'/m','subPathExpr':'$(HOST)'}"
#define WHOLE "'secret':{'secretName':'db'}"
#define TWO_ITEMS                                                                                  \
    "'secret':{'secretName':'db','items':[{'key':'a','path':'d/x'},"                               \
    "{'key':'b','path':'d/y'}]}"

static const struct refs_case SUB_PATHS[] = {
    {MOUNTED(WHOLE, PLAIN), "volume volume v db#* r\n"},
    {MOUNTED(WHOLE, "{'name':'other','subPath':'tls.crt'}"), "volume volume v db#* r\n"},
    {MOUNTED(WHOLE, SUB("tls.crt")), "volume volume v db#* r\nvolume volume v db#tls.crt rR\n"},
    {MOUNTED(WHOLE, SUB("a") "," SUB("b") "," SUB("a")),
     "volume volume v db#* r\nvolume volume v db#a rR\nvolume volume v db#b rR\n"},
    {MOUNTED(WHOLE, SUB("a") "," PLAIN), "volume volume v db#* rR\n"},
    {MOUNTED(WHOLE, SUB_EXPR), "volume volume v db#* rR\n"},
    {MOUNTED(WHOLE, SUB("a") "," SUB_EXPR), "volume volume v db#* rR\n"},
    /* No key has such a name, so it is a directory or a mistake. */
    {MOUNTED(WHOLE, SUB("dir/file")), "volume volume v db#* rR\n"},
    {MOUNTED(TWO_ITEMS, PLAIN), "volume volume v db#a r\nvolume volume v db#b r\n"},
    {MOUNTED(TWO_ITEMS, SUB("d/x")), "volume volume v db#a rR\nvolume volume v db#b r\n"},
    {MOUNTED(TWO_ITEMS, SUB("d/x") "," SUB("d/y")),
     "volume volume v db#a rR\nvolume volume v db#b rR\n"},
    {MOUNTED(TWO_ITEMS, SUB("d")), "volume volume v db#a rR\nvolume volume v db#b rR\n"},
    {MOUNTED(TWO_ITEMS, SUB("d/x") "," PLAIN),
     "volume volume v db#a rR\nvolume volume v db#b rR\n"},
    {MOUNTED(TWO_ITEMS, SUB_EXPR), "volume volume v db#a rR\nvolume volume v db#b rR\n"},
    /* Projected: the file is looked for in each source. */
    {MOUNTED("'projected':{'sources':[{'secret':{'name':'db'}}]}", SUB("a")),
     "projected volume v db#* r\nprojected volume v db#a rR\n"},
    {MOUNTED("'projected':{'sources':[{'secret':{'name':'db','items':[{'key':'a',"
             "'path':'x'},{'key':'b','path':'y'}]}},{'configMap':{'name':'cm'}}]}",
             SUB("y")),
     "projected volume v db#a r\nprojected volume v db#b rR\n"},
    {MOUNTED("'projected':{'sources':[{'secret':{'name':'db'}},"
             "{'serviceAccountToken':{'path':'token'}}]}",
             SUB("token")),
     "projected volume v db#* r\n"},
    {MOUNTED("'projected':{'sources':[{'secret':{'name':'db'}},{'downwardAPI':"
             "{'items':[{'path':'labels'}]}}]}",
             SUB("labels") "," SUB("a")),
     "projected volume v db#* r\nprojected volume v db#a rR\n"},
    {MOUNTED("'projected':{'sources':[{'secret':{'name':'db'}},"
             "{'configMap':{'name':'cm'}}]}",
             SUB("a")),
     "projected volume v db#* rR\n"},
    {MOUNTED("'projected':{'sources':[{'secret':{'name':'db'}},"
             "{'secret':{'name':'tls'}}]}",
             SUB("a")),
     "projected volume v db#* rR\nprojected volume v tls#* rR\n"},
    {MOUNTED("'projected':{'sources':[{'secret':{'name':'db'}},{'secret':{'name':'tls','items':"
             "[{'key':'k','path':'p'}]}}]}",
             SUB("a")),
     "projected volume v db#* r\nprojected volume v db#a rR\nprojected volume v tls#k r\n"},
    /* One key under two paths rolls when one of them is mounted. */
    {MOUNTED("'secret':{'secretName':'db','items':[{'key':'a','path':'x'},{'key':'a','path':'y'}]}",
             SUB("x")),
     "volume volume v db#a rR\n"},
    /* The mounts of every container count, init containers included. */
    {"{'volumes':[{'name':'v'," WHOLE "}],'initContainers':[{'volumeMounts':[" SUB(
         "a") "]}],'containers':[{'volumeMounts':[" PLAIN "]}]}",
     "volume volume v db#* rR\n"},
    {"{'volumes':[{'name':'v'," WHOLE "},{'name':'w'," WHOLE
     "}],'containers':[{'volumeMounts':[" SUB("a") "]}]}",
     "volume volume v db#* r\nvolume volume v db#a rR\nvolume volume w db#* r\n"},
};

START_TEST(rolls_what_is_mounted_by_sub_path)
{
    check_refs(SUB_PATHS[_i].pod_spec, SUB_PATHS[_i].expected);
}
END_TEST

#define ENV(secret, key, more)                                                                     \
    "{'valueFrom':{'secretKeyRef':{'name':'" secret "','key':'" key "'" more "}}}"

static const struct refs_case MERGED[] = {
    {"{'containers':[{'name':'c','env':[" ENV("db", "b", "") "," ENV("db", "a", "") "," ENV(
         "db", "b", "") "]}]}",
     "env container c db#a rR\nenv container c db#b rR\n"},
    {"{'containers':[{'name':'c','env':[" ENV("db", "a", ",'optional':true") "," ENV("db", "a",
                                                                                     "") "]}]}",
     "env container c db#a rR\n"},
    {"{'containers':[{'name':'c','env':[" ENV("db", "a", ",'optional':true") "," ENV(
         "db", "a", ",'optional':true") "]}]}",
     "env container c db#a oR\n"},
    {"{'containers':[{'name':'c','env':[" ENV("db", "a", "") "]},{'name':'b','env':"
                                                             "[" ENV("db", "a", "") "]}]}",
     "env container b db#a rR\nenv container c db#a rR\n"},
    /* One key and the whole of a Secret are two references. */
    {"{'containers':[{'name':'c','env':[" ENV("db", "a",
                                              "") "],'envFrom':[{'secretRef':{'name':'db'}}]}]}",
     "env container c db#a rR\nenvFrom container c db#* rR\n"},
};

START_TEST(keeps_equal_references_once)
{
    check_refs(MERGED[_i].pod_spec, MERGED[_i].expected);
}
END_TEST

START_TEST(marks_what_the_pods_own_csi_volume_may_sync)
{
    check_refs("{'volumes':[{'name':'s','csi':{'driver':'secrets-store.csi.k8s.io',"
               "'nodePublishSecretRef':{'name':'creds'}}},{'name':'o','csi':"
               "{'driver':'other','nodePublishSecretRef':{'name':'creds'}}},{'name':"
               "'v'," WHOLE "}],'containers':[{'name':'c','env':[" ENV(
                   "db", "a", "") "]}],'imagePullSecrets':[{'name':'reg'}]}",
               "env container c db#a rRc\nvolume volume v db#* rc\n"
               "pull imagePullSecrets  reg#* c\n"
               "csi volume o creds#* rc\ncsi volume s creds#* r\n");
}
END_TEST

START_TEST(keeps_hostile_names_as_written)
{
    check_refs(
        "{'containers':[{'name':'c','env':[" ENV("../../kube-system/secrets/x", "a/b", "") "]}]}",
        "env container c ../../kube-system/secrets/x#a/b rR\n");
}
END_TEST

static const struct refs_case NOTHING[] = {
    {"{}", ""},
    {"null", ""},
    {"[]", ""},
    {"{'containers':null,'volumes':null,'imagePullSecrets':null}", ""},
    {"{'containers':{'a':{'env':[" ENV("db", "a", "") "]}}}", ""},
    {"{'containers':[null,1,'x',{'env':{'a':" ENV("db", "a", "") "}}]}", ""},
    {"{'containers':[{'env':[" ENV("", "a", "") "," ENV("db", "", "") "]}]}", ""},
    {"{'containers':[{'env':[{'valueFrom':{'secretKeyRef':{'name':'db'}}},"
     "{'valueFrom':{'secretKeyRef':{'name':5,'key':'a'}}}]}]}",
     ""},
    {"{'containers':[{'envFrom':[{'secretRef':{'name':''}},{'secretRef':null},"
     "{'configMapRef':{'name':'x'}}]}]}",
     ""},
    {VOLUME("'secret':null"), ""},
    {VOLUME("'secret':{'secretName':''}"), ""},
    {VOLUME("'secret':{'secretName':'db','items':[{'path':'x'},{'key':''}]}"), ""},
    {VOLUME("'projected':null"), ""},
    {VOLUME("'azureFile':{'secretName':null}"), ""},
};

START_TEST(passes_over_what_is_no_reference)
{
    check_refs(NOTHING[_i].pod_spec, NOTHING[_i].expected);
}
END_TEST

START_TEST(has_no_references_without_a_pod_spec)
{
    CLEANUP(secret_refs_done) struct secret_ref_list list = {0};
    struct err err = {0};
    ck_assert(secret_refs_collect(NULL, &list, &err));
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

/* A Pod with `count` references to keys k0, k1, ...; with `distinct` 1 all to k0. */
static void many_refs(struct buf *out, unsigned count, unsigned distinct)
{
    buf_add_str(out, "{'containers':[{'name':'c','env':[");
    for (unsigned i = 0; i < count; i++) {
        buf_printf(out, "%s" ENV("db", "k%u", ""), i ? "," : "", distinct == 1 ? 0 : i);
    }
    buf_add_str(out, "]}]}");
}

START_TEST(stops_at_the_limit)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 4 << 20);
    struct err err = {0};
    many_refs(&text, LIMIT_POD_REFS, LIMIT_POD_REFS);
    CLEANUP(json_text_done) struct json_text fits = json_text_of(text.data);
    CLEANUP(secret_refs_done) struct secret_ref_list list = {0};
    ck_assert(secret_refs_collect(fits.root, &list, &err));
    ck_assert_uint_eq(list.count, LIMIT_POD_REFS);

    buf_clear(&text);
    many_refs(&text, LIMIT_POD_REFS + 1, LIMIT_POD_REFS);
    CLEANUP(json_text_done) struct json_text more = json_text_of(text.data);
    struct secret_ref_list untouched = {0};
    ck_assert(!secret_refs_collect(more.root, &untouched, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_str_eq(err.message, "the Pod has 4097 references to Secrets, limit 4096");
    ck_assert_ptr_null(untouched.items);

    buf_clear(&text);
    many_refs(&text, LIMIT_POD_REFS, 1);
    CLEANUP(json_text_done) struct json_text equal = json_text_of(text.data);
    CLEANUP(secret_refs_done) struct secret_ref_list one = {0};
    ck_assert(secret_refs_collect(equal.root, &one, &err));
    ck_assert_uint_eq(one.count, 1);
}
END_TEST

START_TEST(refuses_more_mounts_than_the_limit)
{
    static const char *const volumes[] = {
        "'secret':{'secretName':'db'}",
        "'projected':{'sources':[{'secret':{'name':'db'}}]}",
        "'projected':{'sources':[{'configMap':{'name':'cm'}}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(volumes); i++) {
        CLEANUP(buf_done) struct buf text = {0};
        buf_init(&text, 1 << 20);
        buf_printf(&text, VOLUME("%s"), volumes[i]);
        buf_truncate(&text, text.len - 1);
        buf_add_str(&text, ",'containers':[{'volumeMounts':[{}");
        for (int mount = 0; mount < LIMIT_POD_REFS; mount++) {
            buf_add_str(&text, ",{}");
        }
        buf_add_str(&text, "]}]}");
        CLEANUP(json_text_done) struct json_text json = json_text_of(text.data);
        CLEANUP(secret_refs_done) struct secret_ref_list list = {0};
        struct err err = {0};
        /* Mounts of volumes without Secrets are nobody's business. */
        ck_assert_int_eq(secret_refs_collect(json.root, &list, &err), i == 2);
        ck_assert_int_eq(err.kind, i == 2 ? ERR_NONE : ERR_TOO_BIG);
    }
}
END_TEST

START_TEST(copies_outlive_the_document)
{
    struct json_text json = json_text_of("{'containers':[{'name':'c','env':[" ENV(
        "db", "a", "") "],'envFrom':[{'secretRef':{'name':'all'}}]}],"
                       "'imagePullSecrets':[{'name':'reg'}]}");
    CLEANUP(secret_refs_done) struct secret_ref_list list = {0};
    struct err err = {0};
    ck_assert(secret_refs_collect(json.root, &list, &err));
    CLEANUP(secret_refs_done) struct secret_ref_list copy = {0};
    secret_refs_dup(&list, &copy);
    memset(json.text, 'x', strlen(json.text));
    json_text_done(&json);
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 4096);
    dump(&copy, &text);
    ck_assert_str_eq(text.data, "env container c db#a rR\nenvFrom container c all#* rR\n"
                                "pull imagePullSecrets  reg#* \n");
    ck_assert_ptr_null(copy.items[1].key.data);

    CLEANUP(secret_refs_done) struct secret_ref_list empty = {0};
    secret_refs_dup(&(struct secret_ref_list){0}, &empty);
    ck_assert_uint_eq(empty.count, 0);
}
END_TEST

START_TEST(tells_whether_a_list_has_a_reference)
{
    CLEANUP(json_text_done)
    struct json_text json = json_text_of("{'containers':[{'name':'c','env':[" ENV(
        "db", "a", "") "," ENV("db", "b", "") "," ENV("tls", "a", "") "]}]}");
    CLEANUP(secret_refs_done) struct secret_ref_list list = {0};
    struct err err = {0};
    ck_assert(secret_refs_collect(json.root, &list, &err));
    for (size_t i = 0; i < list.count; i++) {
        ck_assert(secret_refs_contain(&list, &list.items[i]));
    }
    struct secret_ref other = list.items[0];
    other.key = SV("c");
    ck_assert(!secret_refs_contain(&list, &other));
    other = list.items[0];
    other.container = REF_EPHEMERAL_CONTAINER;
    ck_assert(!secret_refs_contain(&list, &other));
    ck_assert(!secret_refs_contain(&(struct secret_ref_list){0}, &list.items[0]));
}
END_TEST

START_TEST(describes_where_a_reference_stands)
{
    const struct {
        struct secret_ref ref;
        const char *text;
    } cases[] = {
        {{.place = REF_ENV, .container = REF_CONTAINER, .where = SV("app")}, "container app"},
        {{.place = REF_ENV, .container = REF_INIT_CONTAINER, .where = SV("x")}, "init container x"},
        {{.place = REF_ENV_FROM, .container = REF_EPHEMERAL_CONTAINER, .where = SV("x")},
         "ephemeral container x"},
        {{.place = REF_VOLUME, .where = SV("creds")}, "volume creds"},
        {{.place = REF_RBD}, "volume"},
        {{.place = REF_IMAGE_PULL}, "imagePullSecrets"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf text = {0};
        buf_init(&text, 100);
        secret_ref_describe(&cases[i].ref, &text);
        ck_assert_str_eq(text.data, cases[i].text);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("refs/secret_ref");
    TCase *refs = tcase_create("secret_ref");
    tcase_add_loop_test(refs, finds_container_rows_in_every_list, 0, ARRAY_LEN(CONTAINER_ROWS));
    tcase_add_loop_test(refs, finds_rows_of_the_pod, 0, ARRAY_LEN(POD_ROWS));
    tcase_add_loop_test(refs, rolls_what_is_mounted_by_sub_path, 0, ARRAY_LEN(SUB_PATHS));
    tcase_add_loop_test(refs, keeps_equal_references_once, 0, ARRAY_LEN(MERGED));
    tcase_add_test(refs, marks_what_the_pods_own_csi_volume_may_sync);
    tcase_add_test(refs, keeps_hostile_names_as_written);
    tcase_add_loop_test(refs, passes_over_what_is_no_reference, 0, ARRAY_LEN(NOTHING));
    tcase_add_test(refs, has_no_references_without_a_pod_spec);
    tcase_add_test(refs, stops_at_the_limit);
    tcase_add_test(refs, refuses_more_mounts_than_the_limit);
    tcase_add_test(refs, copies_outlive_the_document);
    tcase_add_test(refs, tells_whether_a_list_has_a_reference);
    tcase_add_test(refs, describes_where_a_reference_stands);
    suite_add_tcase(suite, refs);
    return suite;
}
