/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/external_secret.h"

#include "check_main.h"
#include "quoted_json.h"

static void release(struct external_secret **record)
{
    external_secret_release(*record);
}

static struct external_secret *decode(struct json_text json)
{
    struct external_secret *record = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &record, &err), "%s", err.message);
    size_t len = strlen(json.text);
    memset(json.text, 'X', len);
    json_text_done(&json);
    return record;
}

/* `rest` stands behind a store and one entry of data. */
static struct external_secret *decode_spec(const char *rest)
{
    return decode(quoted_json(
        "{'metadata':{'name':'es','namespace':'shop'},'spec':{'secretStoreRef':{'name':'store'},"
        "'data':[{'secretKey':'user','remoteRef':{'key':'shop/db'}}]%s}}",
        rest));
}

START_TEST(reads_every_field_it_renders)
{
    CLEANUP(release)
    struct external_secret *record = decode(quoted_json(
        "{'metadata':{'name':'es','namespace':'shop','uid':'u','resourceVersion':'9',"
        "'generation':4,'labels':{'app':'web','b':''},'annotations':{'note':'x'}},"
        "'spec':{'secretStoreRef':{'name':'store','kind':'ClusterSecretStore'},"
        "'refreshInterval':'1m30s','refreshPolicy':'Periodic',"
        "'target':{'name':'db','creationPolicy':'Owner','deletionPolicy':'Retain',"
        "'immutable':true},"
        "'data':[{'secretKey':'user','remoteRef':{'key':'shop/db','property':'a.b','version':'v',"
        "'conversionStrategy':'Default','decodingStrategy':'None','metadataPolicy':'None',"
        "'nullBytePolicy':'Ignore'}},"
        "{'secretKey':'all','remoteRef':{'key':'shop/all'}}],'dataFrom':[]}}"));
    ck_assert(sv_is(record->namespace, "shop"));
    ck_assert(sv_is(record->name, "es"));
    ck_assert(sv_is(record->uid, "u"));
    ck_assert(sv_is(record->resource_version, "9"));
    ck_assert_int_eq(record->generation, 4);
    ck_assert(sv_is(record->target, "db"));
    ck_assert(sv_is(record->store_name, "store"));
    ck_assert(record->cluster_store);
    ck_assert(record->immutable);
    ck_assert(!record->deleting);
    ck_assert_int_eq(record->refresh_interval_ms, 90000);
    ck_assert_uint_eq(record->data_count, 2);
    ck_assert(sv_is(record->data[0].secret_key, "user"));
    ck_assert(sv_is(record->data[0].remote_key, "shop/db"));
    ck_assert(sv_is(record->data[0].property, "a.b"));
    ck_assert(sv_is(record->data[0].version, "v"));
    ck_assert(sv_is(record->data[1].secret_key, "all"));
    ck_assert_uint_eq(record->data[1].property.len, 0);
    ck_assert_uint_eq(record->data[1].version.len, 0);
    ck_assert_uint_eq(record->label_count, 2);
    ck_assert(sv_is(record->labels[0].key, "app"));
    ck_assert(sv_is(record->labels[0].value, "web"));
    ck_assert(sv_is(record->labels[1].value, ""));
    ck_assert_uint_eq(record->annotation_count, 1);
    ck_assert(sv_is(record->annotations[0].key, "note"));
    ck_assert(sv_is(record->annotations[0].value, "x"));
    ck_assert(sv_is(record->unsupported, ""));
}
END_TEST

START_TEST(has_the_defaults_of_the_crd)
{
    CLEANUP(release) struct external_secret *record = decode_spec("");
    ck_assert(sv_is(record->target, "es"));
    ck_assert(!record->cluster_store);
    ck_assert(!record->immutable);
    ck_assert_int_eq(record->refresh_interval_ms, 3600000);
    ck_assert_uint_eq(record->label_count + record->annotation_count, 0);
    ck_assert(sv_is(record->unsupported, ""));
}
END_TEST

/* What stands behind the store and one entry of data, and what is named. */
static const struct {
    const char *rest;
    const char *unsupported;
} SPECS[] = {
    {",'target':null,'dataFrom':null,'refreshPolicy':null,'syncWindows':null", ""},
    {",'target':{}", ""},
    {",'target':{'name':''}", ""},
    {",'target':{'immutable':false,'template':null}", ""},
    {",'refreshPolicy':''", ""},
    {",'refreshInterval':'0s'", ""},
    {",'refreshInterval':'-1h'", ""},
    {",'refreshPolicy':'CreatedOnce'", "spec.refreshPolicy"},
    {",'refreshPolicy':'OnChange'", "spec.refreshPolicy"},
    {",'refreshInterval':'soon'", "spec.refreshInterval"},
    {",'refreshInterval':3600", "spec.refreshInterval"},
    {",'dataFrom':[{'extract':{'key':'shop/all'}}]", "spec.dataFrom"},
    {",'dataFrom':'x'", "spec.dataFrom"},
    {",'syncWindows':{'kind':'allow'}", "spec.syncWindows"},
    {",'future':false", "spec.future"},
    {",'target':'x'", "spec.target"},
    {",'target':{'creationPolicy':'Orphan'}", "spec.target.creationPolicy"},
    {",'target':{'creationPolicy':'Merge'}", "spec.target.creationPolicy"},
    {",'target':{'creationPolicy':'None'}", "spec.target.creationPolicy"},
    {",'target':{'creationPolicy':'owner'}", "spec.target.creationPolicy"},
    {",'target':{'deletionPolicy':'Delete'}", "spec.target.deletionPolicy"},
    {",'target':{'template':{}}", "spec.target.template"},
    {",'target':{'template':{'engineVersion':'v2'}}", "spec.target.template"},
    {",'target':{'manifest':{'kind':'ConfigMap'}}", "spec.target.manifest"},
    {",'target':{'future':1}", "spec.target.future"},
};

START_TEST(names_what_it_does_not_render)
{
    CLEANUP(release) struct external_secret *record = decode_spec(SPECS[_i].rest);
    ck_assert_msg(sv_is(record->unsupported, SPECS[_i].unsupported), "%s: %.*s", SPECS[_i].rest,
                  SV_ARG(record->unsupported));
    /* It still describes its Secret. */
    ck_assert(sv_is(record->target, "es"));
    ck_assert_uint_eq(record->data_count, 1);
}
END_TEST

static const struct {
    const char *data;
    const char *unsupported;
} DATA[] = {
    {"[]", "spec.data"},
    {"null", "spec.data"},
    {"'x'", "spec.data"},
    {"[{'secretKey':'k','remoteRef':{'key':'r'}},{'secretKey':'k2','remoteRef':{'key':'r'}},"
     "{'secretKey':'k3','remoteRef':{'key':'r'},'sourceRef':{'storeRef':{'name':'s'}}}]",
     "spec.data[2].sourceRef"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','decodingStrategy':'Base64'}}]",
     "spec.data[0].remoteRef.decodingStrategy"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','decodingStrategy':'Auto'}}]",
     "spec.data[0].remoteRef.decodingStrategy"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','conversionStrategy':'Unicode'}}]",
     "spec.data[0].remoteRef.conversionStrategy"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','metadataPolicy':'Fetch'}}]",
     "spec.data[0].remoteRef.metadataPolicy"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','nullBytePolicy':'Fail'}}]",
     "spec.data[0].remoteRef.nullBytePolicy"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','future':1}}]", "spec.data[0].remoteRef.future"},
    {"[{'secretKey':'k','remoteRef':{'key':''}}]", "spec.data[0].remoteRef.key"},
    {"[{'secretKey':'k','remoteRef':{}}]", "spec.data[0].remoteRef.key"},
    {"[{'secretKey':'k'}]", "spec.data[0].remoteRef.key"},
    {"[{'secretKey':'k','remoteRef':{'key':7}}]", "spec.data[0].remoteRef.key"},
    {"[{'secretKey':'k','remoteRef':{'key':'a\\u0000b'}}]", "spec.data[0].remoteRef.key"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','property':[]}}]",
     "spec.data[0].remoteRef.property"},
    {"[{'secretKey':'k','remoteRef':'r'}]", "spec.data[0].remoteRef"},
    {"[{'remoteRef':{'key':'r'}}]", "spec.data[0].secretKey"},
    {"[{'secretKey':'../k','remoteRef':{'key':'r'}}]", "spec.data[0].secretKey"},
    {"[{'secretKey':'..','remoteRef':{'key':'r'}}]", "spec.data[0].secretKey"},
    {"['x']", "spec.data[0]"},
    {"[{'secretKey':'k','remoteRef':{'key':'a'}},{'secretKey':'l','remoteRef':{'key':'b'}},"
     "{'secretKey':'k','remoteRef':{'key':'c'}}]",
     "spec.data[2].secretKey"},
};

START_TEST(names_the_element_it_does_not_render)
{
    CLEANUP(release)
    struct external_secret *record =
        decode(quoted_json("{'metadata':{'name':'es','namespace':'shop'},'spec':{"
                           "'secretStoreRef':{'name':'store'},'data':%s}}",
                           DATA[_i].data));
    ck_assert_msg(sv_is(record->unsupported, DATA[_i].unsupported), "%s: %.*s", DATA[_i].data,
                  SV_ARG(record->unsupported));
}
END_TEST

static const struct {
    const char *ref;
    const char *unsupported;
} STORES[] = {
    {"{'name':'s'}", ""},
    {"{'name':'s','kind':''}", ""},
    {"{'name':'s','kind':'SecretStore'}", ""},
    {"{'name':'s','kind':'ClusterSecretStore'}", ""},
    {"{'name':'s','kind':'Vault'}", "spec.secretStoreRef.kind"},
    {"{'name':'../s'}", "spec.secretStoreRef.name"},
    {"{'kind':'SecretStore'}", "spec.secretStoreRef.name"},
    {"null", "spec.secretStoreRef.name"},
    {"'s'", "spec.secretStoreRef"},
    {"{'name':'s','namespace':'x'}", "spec.secretStoreRef.namespace"},
};

START_TEST(needs_a_store_it_can_name)
{
    CLEANUP(release)
    struct external_secret *record = decode(
        quoted_json("{'metadata':{'name':'es','namespace':'shop'},'spec':{'secretStoreRef':%s,"
                    "'data':[{'secretKey':'user','remoteRef':{'key':'shop/db'}}]}}",
                    STORES[_i].ref));
    ck_assert_msg(sv_is(record->unsupported, STORES[_i].unsupported), "%s: %.*s", STORES[_i].ref,
                  SV_ARG(record->unsupported));
}
END_TEST

START_TEST(the_first_thing_counts)
{
    CLEANUP(release)
    struct external_secret *record =
        decode_spec(",'refreshPolicy':'OnChange','dataFrom':[{}],'target':{'template':{}}");
    ck_assert(sv_is(record->unsupported, "spec.refreshPolicy"));
}
END_TEST

static const struct {
    const char *status;
    bool has_status;
} STATUSES[] = {
    {"null", false},
    {"{}", false},
    {"{'conditions':[],'refreshTime':null}", false},
    {"{'conditions':null,'binding':{'name':''}}", false},
    {"{'conditions':[{'type':'Ready','status':'False'}]}", true},
    {"{'refreshTime':'2026-11-25T01:44:11Z'}", true},
};

START_TEST(knows_whether_a_controller_has_been_here)
{
    CLEANUP(release)
    struct external_secret *record =
        decode(quoted_json("{'metadata':{'name':'es','namespace':'shop'},'spec':{},'status':%s}",
                           STATUSES[_i].status));
    ck_assert_int_eq(record->has_status, STATUSES[_i].has_status);
}
END_TEST

START_TEST(one_being_deleted_says_so)
{
    CLEANUP(release)
    struct external_secret *record =
        decode(quoted_json("{'metadata':{'name':'es','namespace':'shop','deletionTimestamp':"
                           "'2026-11-25T01:44:11Z'},'spec':{}}"));
    ck_assert(record->deleting);
}
END_TEST

static const char *const REFUSED[] = {
    "{'metadata':{'name':'es'},'spec':{}}",
    "{'metadata':{'name':'es','namespace':'shop'}}",
    "{'metadata':{'name':'es','namespace':'shop'},'spec':null}",
    "{'metadata':{'name':'es','namespace':'shop'},'spec':[]}",
    "{'metadata':{'name':'es','namespace':'shop'},'spec':{'data':[],'target':{'name':'../db'}}}",
    "{'metadata':{'name':'es','namespace':'shop'},'spec':{'target':{'name':'a/b'}}}",
    "'es'",
};

START_TEST(refuses_what_describes_nothing)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", REFUSED[_i]);
    struct external_secret *record = NULL;
    struct err err = {0};
    ck_assert(!external_secret_decode(json.root, &record, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(record);
}
END_TEST

static const char *const RECORDED[] = {
    "objects/external-secret-v1.json",
    "objects/external-secret-v1beta1.json",
};

/* Cuts "name": ... up to the end of its array or object out of the text. */
static void cut_member(char *text, const char *name, char close)
{
    char *start = strstr(text, name);
    ck_assert_ptr_nonnull(start);
    int depth = 0;
    for (char *at = start + strlen(name);; at++) {
        bool opens = *at == '{' || *at == '[';
        bool closes = *at == '}' || *at == ']';
        depth += opens - closes;
        char found = *at;
        *at = ' ';
        if (closes && depth == 0) {
            ck_assert_int_eq(found, close);
            break;
        }
    }
    memcpy(start, "\"x\":", 4);
    memset(start + 4, ' ', strlen(name) - 4);
    memcpy(start + strlen(name) - 5, "null", 4);
}

START_TEST(reads_what_a_real_api_server_sends)
{
    size_t len = 0;
    char *text = test_data(RECORDED[_i], &len);
    CLEANUP(release) struct external_secret *whole = decode(json_text_of(text));
    ck_assert(sv_is(whole->namespace, "shop"));
    ck_assert(sv_equal(whole->target, whole->name));
    ck_assert_uint_eq(whole->uid.len, 36);
    ck_assert_int_eq(whole->refresh_interval_ms, 7200000);
    ck_assert_uint_eq(whole->data_count, 1);
    ck_assert(sv_is(whole->data[0].secret_key, "user"));
    ck_assert(sv_is(whole->data[0].remote_key, "shop/db"));
    ck_assert(sv_is(whole->data[0].property, "user"));
    ck_assert_uint_eq(whole->annotation_count, 1);
    ck_assert(sv_is(whole->unsupported, "spec.dataFrom"));
    char *spec = strstr(text, "\"spec\": {\n  \"data\"");
    ck_assert_ptr_nonnull(spec);
    cut_member(spec, "\"dataFrom\":", ']');
    CLEANUP(release) struct external_secret *without_from = decode(json_text_of(text));
    ck_assert(sv_is(without_from->unsupported, "spec.target.template"));
    cut_member(spec, "\"template\":", '}');
    /* What is left has every default the CRD writes: nothing of it stands in the way. */
    CLEANUP(release) struct external_secret *plain = decode(json_text_of(text));
    ck_assert_msg(sv_is(plain->unsupported, ""), "%.*s", SV_ARG(plain->unsupported));
    free(text);
}
END_TEST

START_TEST(lives_until_the_last_reference_goes)
{
    struct external_secret *record = decode_spec("");
    ck_assert_ptr_eq(external_secret_retain(record), record);
    external_secret_release(record);
    ck_assert(sv_is(record->target, "es"));
    external_secret_release(record);
    external_secret_release(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("external_secret");
    TCase *tcase = tcase_create("external_secret");
    tcase_add_test(tcase, reads_every_field_it_renders);
    tcase_add_test(tcase, has_the_defaults_of_the_crd);
    tcase_add_loop_test(tcase, names_what_it_does_not_render, 0, (int)ARRAY_LEN(SPECS));
    tcase_add_loop_test(tcase, names_the_element_it_does_not_render, 0, (int)ARRAY_LEN(DATA));
    tcase_add_loop_test(tcase, needs_a_store_it_can_name, 0, (int)ARRAY_LEN(STORES));
    tcase_add_test(tcase, the_first_thing_counts);
    tcase_add_loop_test(tcase, knows_whether_a_controller_has_been_here, 0,
                        (int)ARRAY_LEN(STATUSES));
    tcase_add_test(tcase, one_being_deleted_says_so);
    tcase_add_loop_test(tcase, refuses_what_describes_nothing, 0, (int)ARRAY_LEN(REFUSED));
    tcase_add_loop_test(tcase, reads_what_a_real_api_server_sends, 0, (int)ARRAY_LEN(RECORDED));
    tcase_add_test(tcase, lives_until_the_last_reference_goes);
    suite_add_tcase(suite, tcase);
    return suite;
}
