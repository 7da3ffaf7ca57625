/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/build.h"

#include "check_main.h"
#include "external_secret_text.h"

/* SHA3-224 of "prod/db" and of "map[password:[112 64 115 115] user:[97]]". */
#define CREATED_BY                                                                                 \
    "'reconcile.external-secrets.io/created-by':"                                                  \
    "'ca5147aab8ae36dd3bb91e8f62e9eceb0e41ca9b7b60ffb5d417160e'"
#define MANAGED "'reconcile.external-secrets.io/managed':'true'"
#define HASH                                                                                       \
    "'reconcile.external-secrets.io/data-hash':"                                                   \
    "'7e10eb663301023e6a6b27d7b133ca2f8876dd471aa3912dbeefc5b8'"
#define OWNER_OF(uid)                                                                              \
    "{'apiVersion':'external-secrets.io/v1','kind':'ExternalSecret','name':'db','uid':'" uid       \
    "','controller':true,'blockOwnerDeletion':true}"
#define DATA "'data':{'password':'cEBzcw==','user':'YQ=='}"

static const char spec[] = ",'data':[{'secretKey':'user','remoteRef':{'key':'k'}},"
                           "{'secretKey':'password','remoteRef':{'key':'k'}}]";
static const char immutable_spec[] =
    ",'target':{'immutable':true},'data':[{'secretKey':'user','remoteRef':{'key':'k'}},"
    "{'secretKey':'password','remoteRef':{'key':'k'}}]";

static void put(struct data_map *map, struct str_view key, struct str_view bytes)
{
    struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, bytes);
    data_map_put(map, key, &value);
}

static void fill(struct data_map *map)
{
    put(map, SV("user"), SV("a"));
    put(map, SV("password"), SV("p@ss"));
}

/* Labels and annotations as they are rendered without a template. */
static struct rendered rendered_of(const struct external_secret *external_secret)
{
    struct rendered rendered = {0};
    for (size_t i = 0; i < external_secret->label_count; i++) {
        put(&rendered.labels, external_secret->labels[i].key, external_secret->labels[i].value);
    }
    for (size_t i = 0; i < external_secret->annotation_count; i++) {
        put(&rendered.annotations, external_secret->annotations[i].key,
            external_secret->annotations[i].value);
    }
    return rendered;
}

static void check_manifest(const struct build_input *input, const char *wanted)
{
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    CLEANUP(mem_free_ptr) char *text = str_dup(wanted);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct err err = {0};
    ck_assert_msg(build_manifest(input, &manifest, &err), "%s", err.message);
    ck_assert_str_eq(manifest.bytes.data, text);
}

START_TEST(makes_the_secret_of_the_operator)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of(",'labels':{'app':'web','argocd.argoproj.io/instance':'x'},"
                           "'annotations':{'note':'a \\n \xc3\xa9','b':''}",
                           spec);
    CLEANUP(data_map_done) struct data_map data = {0};
    fill(&data);
    CLEANUP(rendered_done) struct rendered rendered = rendered_of(external_secret);
    const struct build_input input = {
        .external_secret = external_secret, .data = &data, .rendered = &rendered};
    check_manifest(&input,
                   "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'db','namespace':'prod',"
                   "'labels':{'app':'web','argocd.argoproj.io/instance':'x'," CREATED_BY "," MANAGED
                   "},"
                   "'annotations':{'b':'','note':'a \\n \xc3\xa9'," HASH "},"
                   "'ownerReferences':[" OWNER_OF("es-uid") "]}," DATA "}");
}
END_TEST

START_TEST(names_the_target_and_makes_it_immutable)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of(
        "", ",'target':{'name':'other','immutable':true},'data':[{'secretKey':'user',"
            "'remoteRef':{'key':'k'}}]");
    CLEANUP(data_map_done) struct data_map data = {0};
    fill(&data);
    CLEANUP(rendered_done) struct rendered rendered = rendered_of(external_secret);
    const struct build_input input = {
        .external_secret = external_secret, .data = &data, .rendered = &rendered};
    check_manifest(&input,
                   "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'other',"
                   "'namespace':'prod','labels':{" CREATED_BY "," MANAGED "},"
                   "'annotations':{" HASH "},"
                   "'ownerReferences':[" OWNER_OF("es-uid") "]}," DATA ",'immutable':true}");
}
END_TEST

/* Ours wins over a label of the same name that the ExternalSecret carries. */
START_TEST(does_not_let_labels_of_the_external_secret_lie)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of(",'labels':{'reconcile.external-secrets.io/managed':'false',"
                           "'reconcile.external-secrets.io/created-by':'x'},"
                           "'annotations':{'reconcile.external-secrets.io/data-hash':'x'}",
                           spec);
    CLEANUP(data_map_done) struct data_map data = {0};
    fill(&data);
    CLEANUP(rendered_done) struct rendered rendered = rendered_of(external_secret);
    const struct build_input input = {
        .external_secret = external_secret, .data = &data, .rendered = &rendered};
    check_manifest(&input,
                   "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'db','namespace':'prod',"
                   "'labels':{" CREATED_BY "," MANAGED "},'annotations':{" HASH "},"
                   "'ownerReferences':[" OWNER_OF("es-uid") "]}," DATA "}");
}
END_TEST

/* As an API server sends it: fields of others and of a newer version, our own of an earlier time,
 * an owner with the uid of a predecessor. */
static const char live[] =
    "{'kind':'Secret','apiVersion':'v1','metadata':{'name':'db','namespace':'prod','uid':'s-uid',"
    "'resourceVersion':'41','creationTimestamp':'2026-11-23T12:36:00Z','finalizers':['x/y'],"
    "'future':{'n':12345678901234567890,'f':1.50,'l':[true,false,null]},"
    "'labels':{'app':'old','gone':'x','team':'a','reconcile.external-secrets.io/managed':'true'},"
    "'annotations':{'mine':'kept','stale':'y','reconcile.external-secrets.io/data-hash':'old'},"
    "'ownerReferences':[{'apiVersion':'v1','kind':'ConfigMap','name':'c','uid':'c-uid'},"
    "{'apiVersion':'external-secrets.io/v1beta1','kind':'ExternalSecret','name':'db',"
    "'uid':'old-uid','controller':true}],"
    "'managedFields':[{'manager':'kubectl','operation':'Update','fieldsV1':{'f:metadata':"
    "{'f:labels':{'f:team':{}},'f:annotations':{'f:mine':{}}}}},"
    "{'manager':'externalsecrets.external-secrets.io/db','operation':'Update','fieldsV1':"
    "{'f:metadata':{'f:labels':{'.':{},'f:app':{},'f:gone':{}},"
    "'f:annotations':{'.':{},'f:stale':{}}}}}]},"
    "'data':{'user':'b2xk','extra':'eA=='},'type':'kubernetes.io/basic-auth','later':[1]}";

START_TEST(keeps_what_others_put_there)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of(",'labels':{'app':'web'},'annotations':{'new':'n'}", spec);
    CLEANUP(json_text_done) struct json_text json = json_text_of(live);
    CLEANUP(data_map_done) struct data_map data = {0};
    fill(&data);
    CLEANUP(rendered_done) struct rendered rendered = rendered_of(external_secret);
    const struct build_input input = {.external_secret = external_secret,
                                      .live = json.root,
                                      .data = &data,
                                      .rendered = &rendered};
    check_manifest(
        &input,
        "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'db','namespace':'prod',"
        "'uid':'s-uid','resourceVersion':'41','creationTimestamp':'2026-11-23T12:36:00Z',"
        "'finalizers':['x/y'],'future':{'n':12345678901234567890,'f':1.50,"
        "'l':[true,false,null]},"
        "'labels':{'app':'web'," CREATED_BY "," MANAGED ",'team':'a'},"
        "'annotations':{'mine':'kept','new':'n'," HASH "},"
        "'ownerReferences':[{'apiVersion':'v1','kind':'ConfigMap','name':'c','uid':'c-uid'}"
        "," OWNER_OF("es-uid") "]}," DATA ",'type':'kubernetes.io/basic-auth','later':[1]}");
}
END_TEST

/* target.immutable: content, labels and annotations stay; what marks it is put right. */
START_TEST(keeps_the_content_of_an_immutable_target)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of(",'labels':{'app':'web'},'annotations':{'new':'n'}", immutable_spec);
    CLEANUP(json_text_done)
    struct json_text json = json_text_of(
        "{'metadata':{'name':'db','labels':{'gone':'x'},'annotations':{'stale':'y'},"
        "'managedFields':[{'manager':'externalsecrets.external-secrets.io/db','fieldsV1':"
        "{'f:metadata':{'f:labels':{'f:gone':{}},'f:annotations':{'f:stale':{}}}}}]},"
        "'data':{'password':'cEBzcw==','user':'YQ=='},'immutable':false,'type':'Opaque'}");
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    ck_assert(data_map_put_json(&data, json_member(json.root, "data"), &err));
    const struct build_input input = {
        .external_secret = external_secret, .live = json.root, .data = &data, .keep_content = true};
    check_manifest(&input,
                   "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'db',"
                   "'labels':{'gone':'x'," CREATED_BY "," MANAGED "},"
                   "'annotations':{" HASH ",'stale':'y'},"
                   "'ownerReferences':[" OWNER_OF("es-uid") "]}," DATA
                                                            ",'type':'Opaque','immutable':true}");
}
END_TEST

/* The operator never takes immutability back. */
START_TEST(leaves_immutable_as_it_is)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", spec);
    CLEANUP(json_text_done)
    struct json_text json = json_text_of("{'metadata':{'name':'db'},'immutable':true}");
    CLEANUP(data_map_done) struct data_map data = {0};
    fill(&data);
    CLEANUP(rendered_done) struct rendered rendered = rendered_of(external_secret);
    const struct build_input input = {.external_secret = external_secret,
                                      .live = json.root,
                                      .data = &data,
                                      .rendered = &rendered};
    check_manifest(&input,
                   "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'db',"
                   "'labels':{" CREATED_BY "," MANAGED "},'annotations':{" HASH "},"
                   "'ownerReferences':[" OWNER_OF("es-uid") "]}," DATA ",'immutable':true}");
}
END_TEST

/* What the API server makes of a manifest is what the manifest says. */
START_TEST(finds_nothing_to_do_in_its_own_secret)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of(",'labels':{'app':'web'},'annotations':{'new':'n'}", spec);
    CLEANUP(json_text_done) struct json_text before = json_text_of(live);
    CLEANUP(data_map_done) struct data_map data = {0};
    fill(&data);
    CLEANUP(rendered_done) struct rendered rendered = rendered_of(external_secret);
    struct build_input input = {.external_secret = external_secret,
                                .live = before.root,
                                .data = &data,
                                .rendered = &rendered};
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    struct err err = {0};
    ck_assert(build_manifest(&input, &manifest, &err));
    ck_assert(!build_equals_live(&manifest, before.root));
    /* The tree is read in place, so from a copy. */
    CLEANUP(json_text_done) struct json_text after = json_text_of(manifest.bytes.data);
    ck_assert(build_equals_live(&manifest, after.root));
    CLEANUP(secret_buf_done) struct secret_buf second = {0};
    input.live = after.root;
    ck_assert(build_manifest(&input, &second, &err));
    ck_assert(build_equals_live(&second, after.root));
}
END_TEST

/* The live Secret, where one thing differs from what it should be. */
static const struct {
    const char *from;
    const char *to;
    bool equal;
} changes[] = {
    {"'team':'a'", "'team':'a'", true},
    {"'uid':'s-uid'", "'managedFields':[{'manager':'x'}],'uid':'s-uid'", true},
    {"'apiVersion':'v1','kind':'Secret',", "", true},
    {"'user':'YQ=='", "'user':'Yg=='", false},
    {"'user':'YQ=='", "'user':'YQ==','more':''", false},
    {"'password':'cEBzcw==',", "", false},
    {"'uid':'es-uid'", "'uid':'old-uid'", false},
    {"'blockOwnerDeletion':true", "'blockOwnerDeletion':false", false},
    {"'app':'web'", "'app':'other'", false},
    {"'app':'web',", "", false},
    {"data-hash':'", "data-hash':'0", false},
};

static char *replace_once(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "%s in %s", from, text);
    CLEANUP(buf_done) struct buf out = {0};
    buf_init(&out, 65536);
    buf_append(&out, text, (size_t)(at - text));
    buf_add_str(&out, to);
    buf_add_str(&out, at + strlen(from));
    return buf_take(&out);
}

START_TEST(sees_every_difference)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of(",'labels':{'app':'web'}", spec);
    CLEANUP(json_text_done) struct json_text before = json_text_of(live);
    CLEANUP(data_map_done) struct data_map data = {0};
    fill(&data);
    CLEANUP(rendered_done) struct rendered rendered = rendered_of(external_secret);
    struct build_input input = {.external_secret = external_secret,
                                .live = before.root,
                                .data = &data,
                                .rendered = &rendered};
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    struct err err = {0};
    ck_assert(build_manifest(&input, &manifest, &err));
    CLEANUP(mem_free_ptr) char *text = str_dup(manifest.bytes.data);
    for (char *at = text; *at; at++) {
        *at = *at == '"' ? '\'' : *at;
    }
    CLEANUP(mem_free_ptr) char *changed = replace_once(text, changes[_i].from, changes[_i].to);
    CLEANUP(json_text_done) struct json_text after = json_text_of(changed);
    /* A manifest for that Secret, because foreign parts come from it. */
    CLEANUP(secret_buf_done) struct secret_buf second = {0};
    input.live = after.root;
    ck_assert(build_manifest(&input, &second, &err));
    ck_assert(build_equals_live(&second, after.root) == changes[_i].equal);
}
END_TEST

START_TEST(is_not_fooled_by_empty_data)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", immutable_spec);
    CLEANUP(data_map_done) struct data_map data = {0};
    CLEANUP(json_text_done) struct json_text bare = json_text_of("{'metadata':{'name':'db'}}");
    struct build_input input = {
        .external_secret = external_secret, .live = bare.root, .data = &data, .keep_content = true};
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    struct err err = {0};
    ck_assert(build_manifest(&input, &manifest, &err));
    ck_assert_ptr_null(strstr(manifest.bytes.data, "\"data\""));
    CLEANUP(json_text_done) struct json_text after = json_text_of(manifest.bytes.data);
    input.live = after.root;
    CLEANUP(secret_buf_done) struct secret_buf second = {0};
    ck_assert(build_manifest(&input, &second, &err));
    ck_assert(build_equals_live(&second, after.root));
}
END_TEST

START_TEST(bounds_the_manifest)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", spec);
    CLEANUP(data_map_done) struct data_map data = {0};
    CLEANUP(mem_free_ptr) char *bytes = mem_alloc(LIMIT_SECRET_DATA_BYTES);
    static const char *const keys[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        put(&data, sv_of(keys[i]), sv_make(bytes, LIMIT_SECRET_DATA_BYTES));
    }
    CLEANUP(rendered_done) struct rendered rendered = rendered_of(external_secret);
    const struct build_input input = {
        .external_secret = external_secret, .data = &data, .rendered = &rendered};
    CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
    struct err err = {0};
    ck_assert(!build_manifest(&input, &manifest, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("build");
    TCase *tcase = tcase_create("build");
    tcase_add_test(tcase, makes_the_secret_of_the_operator);
    tcase_add_test(tcase, names_the_target_and_makes_it_immutable);
    tcase_add_test(tcase, does_not_let_labels_of_the_external_secret_lie);
    tcase_add_test(tcase, keeps_what_others_put_there);
    tcase_add_test(tcase, keeps_the_content_of_an_immutable_target);
    tcase_add_test(tcase, leaves_immutable_as_it_is);
    tcase_add_test(tcase, finds_nothing_to_do_in_its_own_secret);
    tcase_add_loop_test(tcase, sees_every_difference, 0, ARRAY_LEN(changes));
    tcase_add_test(tcase, is_not_fooled_by_empty_data);
    tcase_add_test(tcase, bounds_the_manifest);
    suite_add_tcase(suite, tcase);
    return suite;
}
