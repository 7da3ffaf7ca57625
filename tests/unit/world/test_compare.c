/* SPDX-License-Identifier: Apache-2.0 */
#include "world/compare.h"

#include "check_main.h"
#include "records.h"

static const struct {
    const char *uid;
    const char *version;
    const char *data;
    bool same;
} SECRETS[] = {
    {"u1", "1", "'a':'YQ==','b':'Yg=='", true},         {"u2", "9", "'b':'Yg==','a':'YQ=='", true},
    {"u1", "1", "'a':'YQ==','b':'Yw=='", false},        {"u1", "1", "'a':'YQ=='", false},
    {"u1", "1", "'a':'Yg==','b':'YQ=='", false},        {"u1", "1", "'a':'YQ==','c':'Yg=='", false},
    {"u1", "1", "'a':'YQ==','b':'Yg==','c':''", false},
};

START_TEST(only_digests_and_key_set_count_in_a_secret)
{
    struct secret *a = make_secret("shop", "db", "u1", "1", "'a':'YQ==','b':'Yg=='");
    struct secret *b =
        make_secret("shop", "db", SECRETS[_i].uid, SECRETS[_i].version, SECRETS[_i].data);
    ck_assert_int_eq(same_digests(a, b), SECRETS[_i].same);
    ck_assert_int_eq(same_digests(b, a), SECRETS[_i].same);
    secret_release(a);
    secret_release(b);
}
END_TEST

static const struct {
    const char *target;
    const char *metadata;
    const char *spec;
    bool same;
} EXTERNAL_SECRETS[] = {
    {"db", ",'labels':{'l':'1'}", "", true},
    {"db", ",'labels':{'l':'1'},'resourceVersion':'77'", "", true},
    {"db2", ",'labels':{'l':'1'}", "", false},
    {"db", ",'labels':{'l':'2'}", "", false},
    {"db", ",'labels':{'m':'1'}", "", false},
    {"db", "", "", false},
    {"db", ",'labels':{'l':'1'},'annotations':{'l':'1'}", "", false},
    {"db", ",'labels':{'l':'1'},'generation':2", "", false},
    {"db", ",'labels':{'l':'1'},'uid':'u'", "", false},
    {"db", ",'labels':{'l':'1'},'deletionTimestamp':'2026-01-01T00:00:00Z'", "", false},
    {"db", ",'labels':{'l':'1'}", ",'refreshInterval':'1m'", false},
    {"db", ",'labels':{'l':'1'}", ",'dataFrom':[{}]", false},
};

START_TEST(an_external_secret_is_what_it_makes)
{
    struct external_secret *a = make_external_secret("shop", "es", "db", ",'labels':{'l':'1'}", "");
    struct external_secret *b =
        make_external_secret("shop", "es", EXTERNAL_SECRETS[_i].target,
                             EXTERNAL_SECRETS[_i].metadata, EXTERNAL_SECRETS[_i].spec);
    ck_assert_int_eq(same_external_secret(a, b), EXTERNAL_SECRETS[_i].same);
    ck_assert_int_eq(same_external_secret(b, a), EXTERNAL_SECRETS[_i].same);
    external_secret_release(a);
    external_secret_release(b);
}
END_TEST

static const char *const DATA[] = {
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store2'},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store','kind':'ClusterSecretStore'},'data':[{'secretKey':'k',"
    "'remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k2','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r2'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r',"
    "'property':'p'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r',"
    "'version':'v'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r'}},"
    "{'secretKey':'l','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'immutable':true},'data':[{'secretKey':'k',"
    "'remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r','"
    "decodingStrategy':'Auto'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r','"
    "metadataPolicy':'Fetch'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r','"
    "nullBytePolicy':'Fail'}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r'},'sourceRef'"
    ":{'storeRef':{'name':'s'}}}]",
    "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'k','remoteRef':{'key':'r'},'sourceRef'"
    ":{'storeRef':{'name':'s','kind':'ClusterSecretStore'}}}]",
    "'secretStoreRef':{'name':'store'},'refreshPolicy':'OnChange','data':[{'secretKey':'k','"
    "remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'refreshInterval':'3m','data':[{'secretKey':'k','remoteRef':"
    "{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'creationPolicy':'Orphan'},'data':[{'secretKey':'"
    "k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'deletionPolicy':'Merge'},'data':[{'secretKey':'k'"
    ",'remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'syncWindows':{},'data':[{'secretKey':'k','remoteRef':{'key'"
    ":'r'}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r','property':'p'}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r','version':'v'}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r','metadataPolicy':'Fetch'}}"
    "]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r','decodingStrategy':'"
    "Base64'}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r','conversionStrategy':'"
    "Unicode'}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r','nullBytePolicy':'Fail'}}"
    "]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'sourceRef':{'storeRef':{"
    "'name':'s'}}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'regexp':{'"
    "source':'a','target':''}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'regexp':{'"
    "source':'a','target':'b'}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'transform':{"
    "'template':''}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'transform':{"
    "'template':'x'}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'merge':{}}]}"
    "]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'merge':{'"
    "into':'x'}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'merge':{'"
    "priority':['x']}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'merge':{'"
    "priority':['y']}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'merge':{'"
    "priorityPolicy':'IgnoreNotFound'}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'merge':{'"
    "conflictPolicy':'Ignore'}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r'},'rewrite':[{'merge':{'"
    "strategy':'JSON'}}]}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'extract':{'key':'r2'}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'find':{}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'find':{'path':'p'}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'find':{'name':{}}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'find':{'name':{'regexp':'p'}}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'find':{'tags':{'a':'b'}}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'find':{'tags':{'a':'c'}}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'sourceRef':{'storeRef':{'name':'s'}}}]",
    "'secretStoreRef':{'name':'store'},'dataFrom':[{'sourceRef':{'storeRef':{'name':'s','kind':'"
    "ClusterSecretStore'}}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{}},'data':[{'secretKey':'k','"
    "remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'type':'x'}},'data':[{'secretKey':'k',"
    "'remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'mergePolicy':'Merge'}},'data':[{'"
    "secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'data':{'a':'b'}}},'data':[{'"
    "secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'data':{'a':'c'}}},'data':[{'"
    "secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'metadata':{'labels':{'a':'b'}}}},'"
    "data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'metadata':{'annotations':{'a':'b'}}}}"
    ",'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'metadata':{'finalizers':['a']}}},'"
    "data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'literal':''}]}},'"
    "data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'literal':'x'}]}},'"
    "data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'literal':'x','"
    "target':'Labels'}]}},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'literal':'x','"
    "valuesDecodingStrategy':'Auto'}]}},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'secret':{'name':'a',"
    "'items':[]}}]}},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'configMap':{'name':'"
    "a','items':[]}}]}},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'configMap':{'name':'"
    "b','items':[]}}]}},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'configMap':{'name':'"
    "b','items':[{'key':'k'}]}}]}},'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]",
    "'secretStoreRef':{'name':'store'},'target':{'template':{'templateFrom':[{'configMap':{'name':'"
    "b','items':[{'key':'k','templateAs':'KeysAndValues'}]}}]}},'data':[{'secretKey':'k','"
    "remoteRef':{'key':'r'}}]",
};

static struct external_secret *with_data(size_t index)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'es','namespace':'shop'},'spec':{%s}}", DATA[index]);
    struct external_secret *record = NULL;
    struct err err = {0};
    ck_assert(external_secret_decode(json.root, &record, &err));
    json_text_done(&json);
    return record;
}

START_TEST(every_field_of_the_spec_counts)
{
    for (size_t i = 0; i < ARRAY_LEN(DATA); i++) {
        for (size_t j = 0; j < ARRAY_LEN(DATA); j++) {
            struct external_secret *a = with_data(i);
            struct external_secret *b = with_data(j);
            ck_assert_msg(same_external_secret(a, b) == (i == j), "%zu, %zu", i, j);
            external_secret_release(a);
            external_secret_release(b);
        }
    }
}
END_TEST

static const struct {
    const char *metadata;
    const char *template_metadata;
    const char *spec;
} WORKLOADS[] = {
    {"", "", "'containers':[{'name':'a','envFrom':[{'secretRef':{'name':'db'}}]}]"},
    {"", "", "'containers':[{'name':'b','envFrom':[{'secretRef':{'name':'db'}}]}]"},
    {"", "", "'initContainers':[{'name':'a','envFrom':[{'secretRef':{'name':'db'}}]}]"},
    {"", "", "'containers':[{'name':'a','envFrom':[{'secretRef':{'name':'db2'}}]}]"},
    {"", "", "'containers':[{'name':'a','envFrom':[{'secretRef':{'name':'db','optional':true}}]}]"},
    {"", "",
     "'containers':[{'name':'a','env':[{'name':'E','valueFrom':{'secretKeyRef':{'name':'db',"
     "'key':'k'}}}]}]"},
    {"", "",
     "'containers':[{'name':'a','env':[{'name':'E','valueFrom':{'secretKeyRef':{'name':'db',"
     "'key':'l'}}}]}]"},
    {"", "", "'volumes':[{'name':'a','secret':{'secretName':'db'}}]"},
    {"", "", ""},
    {"", "'annotations':{'keyturn.io/rollout-hash':'x'}", ""},
    {"", "'annotations':{'keyturn.io/rollout-hash':''}", ""},
    {",'uid':'u'", "", ""},
    {",'annotations':{'keyturn.io/rollout':'off'}", "", ""},
    {",'deletionTimestamp':'2026-01-01T00:00:00Z'", "", ""},
    {",'ownerReferences':[{'kind':'Rollout','controller':true}]", "", ""},
};

static struct workload *workload_at(size_t index)
{
    return make_workload(KIND_DEPLOYMENT, "shop", "web", WORKLOADS[index].metadata,
                         WORKLOADS[index].template_metadata, WORKLOADS[index].spec);
}

START_TEST(a_workload_is_its_references_and_its_marker)
{
    for (size_t i = 0; i < ARRAY_LEN(WORKLOADS); i++) {
        for (size_t j = 0; j < ARRAY_LEN(WORKLOADS); j++) {
            struct workload *a = workload_at(i);
            struct workload *b = workload_at(j);
            ck_assert_msg(same_workload(a, b) == (i == j), "%zu, %zu", i, j);
            workload_release(a);
            workload_release(b);
        }
    }
}
END_TEST

START_TEST(status_and_version_of_a_workload_do_not_count)
{
    struct workload *a = workload_at(0);
    struct workload *b =
        make_workload(KIND_DEPLOYMENT, "shop", "web", ",'resourceVersion':'9','labels':{'a':'b'}",
                      "", WORKLOADS[0].spec);
    ck_assert(same_workload(a, b));
    workload_release(a);
    workload_release(b);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("compare");
    TCase *tcase = tcase_create("compare");
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, only_digests_and_key_set_count_in_a_secret, 0,
                        (int)ARRAY_LEN(SECRETS));
    tcase_add_loop_test(tcase, an_external_secret_is_what_it_makes, 0,
                        (int)ARRAY_LEN(EXTERNAL_SECRETS));
    tcase_add_test(tcase, every_field_of_the_spec_counts);
    tcase_add_test(tcase, a_workload_is_its_references_and_its_marker);
    tcase_add_test(tcase, status_and_version_of_a_workload_do_not_count);
    suite_add_tcase(suite, tcase);
    return suite;
}
