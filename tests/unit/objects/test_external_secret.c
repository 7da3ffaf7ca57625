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
    {",'refreshPolicy':'CreatedOnce'", ""},
    {",'refreshPolicy':'OnChange'", ""},
    {",'refreshPolicy':'onchange'", "spec.refreshPolicy"},
    {",'refreshPolicy':7", "spec.refreshPolicy"},
    {",'refreshInterval':'soon'", "spec.refreshInterval"},
    {",'refreshInterval':3600", "spec.refreshInterval"},
    {",'dataFrom':[{'extract':{'key':'shop/all'}}]", ""},
    {",'dataFrom':'x'", "spec.dataFrom"},
    {",'syncWindows':{'kind':'allow'}", "spec.syncWindows"},
    {",'future':false", "spec.future"},
    {",'target':'x'", "spec.target"},
    {",'target':{'creationPolicy':'Orphan'}", ""},
    {",'target':{'creationPolicy':'Merge'}", ""},
    {",'target':{'creationPolicy':'None'}", ""},
    {",'target':{'creationPolicy':'CreateOrMerge'}", ""},
    {",'target':{'creationPolicy':'owner'}", "spec.target.creationPolicy"},
    {",'target':{'deletionPolicy':'Delete'}", ""},
    {",'target':{'deletionPolicy':'Merge'}", ""},
    {",'target':{'deletionPolicy':'Never'}", "spec.target.deletionPolicy"},
    {",'target':{'immutable':'true'}", "spec.target.immutable"},
    {",'target':{'template':{}}", ""},
    {",'target':{'template':[]}", "spec.target.template"},
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
    {"[]", ""},
    {"null", ""},
    {"'x'", "spec.data"},
    {"[{'secretKey':'k','remoteRef':{'key':'r'}},{'secretKey':'k2','remoteRef':{'key':'r'}},"
     "{'secretKey':'k3','remoteRef':{'key':'r'},'sourceRef':{'storeRef':{'name':'s'}}}]",
     ""},
    {"[{'secretKey':'k','remoteRef':{'key':'r'},'sourceRef':{'storeRef':{'kind':'SecretStore'}}}]",
     "spec.data[0].sourceRef.storeRef.name"},
    {"[{'secretKey':'k','remoteRef':{'key':'r'},'sourceRef':{'storeRef':{'name':'s','kind':'x'}}}]",
     "spec.data[0].sourceRef.storeRef.kind"},
    {"[{'secretKey':'k','remoteRef':{'key':'r'},'sourceRef':{}}]",
     "spec.data[0].sourceRef.storeRef.name"},
    {"[{'secretKey':'k','remoteRef':{'key':'r'},'sourceRef':{'generatorRef':{'kind':'Password'}}}]",
     "spec.data[0].sourceRef.generatorRef"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','decodingStrategy':'base64'}}]",
     "spec.data[0].remoteRef.decodingStrategy"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','conversionStrategy':'Unicode'}}]", ""},
    {"[{'secretKey':'k','remoteRef':{'key':'r','conversionStrategy':'Ascii'}}]",
     "spec.data[0].remoteRef.conversionStrategy"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','metadataPolicy':'All'}}]",
     "spec.data[0].remoteRef.metadataPolicy"},
    {"[{'secretKey':'k','remoteRef':{'key':'r','nullBytePolicy':'Drop'}}]",
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
    /* The later one counts. */
    {"[{'secretKey':'k','remoteRef':{'key':'a'}},{'secretKey':'l','remoteRef':{'key':'b'}},"
     "{'secretKey':'k','remoteRef':{'key':'c'}}]",
     ""},
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

/* `spec` is all there is. */
static struct external_secret *decode_whole_spec(const char *spec)
{
    return decode(quoted_json("{'metadata':{'name':'es','namespace':'shop'},'spec':{%s}}", spec));
}

START_TEST(reads_how_a_value_is_taken)
{
    CLEANUP(release)
    struct external_secret *record = decode_whole_spec(
        "'data':[{'secretKey':'a','remoteRef':{'key':'r','decodingStrategy':'Base64',"
        "'metadataPolicy':'Fetch','nullBytePolicy':'Fail'},'sourceRef':{'storeRef':{'name':'one',"
        "'kind':'ClusterSecretStore'}}},"
        "{'secretKey':'b','remoteRef':{'key':'r','decodingStrategy':'Base64URL'},"
        "'sourceRef':{'storeRef':{'name':'two'}}},"
        "{'secretKey':'c','remoteRef':{'key':'r','decodingStrategy':'Auto'},"
        "'sourceRef':{'storeRef':{'name':'two','kind':'SecretStore'}}}]");
    ck_assert_msg(sv_is(record->unsupported, ""), "%.*s", SV_ARG(record->unsupported));
    ck_assert_uint_eq(record->store_name.len, 0);
    ck_assert_uint_eq(record->data_count, 3);
    ck_assert_int_eq(record->data[0].decoding, DECODING_BASE64);
    ck_assert(record->data[0].metadata);
    ck_assert(record->data[0].null_bytes_fail);
    ck_assert(sv_is(record->data[0].store.name, "one"));
    ck_assert(record->data[0].store.cluster);
    ck_assert_int_eq(record->data[1].decoding, DECODING_BASE64URL);
    ck_assert(!record->data[1].metadata);
    ck_assert(!record->data[1].null_bytes_fail);
    ck_assert(sv_is(record->data[1].store.name, "two"));
    ck_assert(!record->data[1].store.cluster);
    ck_assert_int_eq(record->data[2].decoding, DECODING_AUTO);
}
END_TEST

START_TEST(reads_what_whole_secrets_are_taken_from)
{
    CLEANUP(release)
    struct external_secret *record = decode_whole_spec(
        "'secretStoreRef':{'name':'store'},'dataFrom':["
        "{'extract':{'key':'r','property':'p','version':'v','metadataPolicy':'Fetch',"
        "'decodingStrategy':'Auto','conversionStrategy':'Unicode','nullBytePolicy':'Fail'},"
        "'rewrite':[{'regexp':{'source':'a(.)','target':'$1'}},"
        "{'transform':{'template':'{{.value}}'}},"
        "{'merge':{'into':'x','priority':['k','l'],'priorityPolicy':'IgnoreNotFound',"
        "'conflictPolicy':'Ignore','strategy':'JSON'}},{'merge':{}}]},"
        "{'find':{'path':'shop/','name':{'regexp':'^db'},'tags':{'team':'a','env':''},"
        "'decodingStrategy':'Base64','conversionStrategy':'Default'},"
        "'sourceRef':{'storeRef':{'name':'other','kind':'ClusterSecretStore'}}},"
        "{'find':{'tags':{}}},{'sourceRef':{'storeRef':{'name':'idle'}}}]");
    ck_assert_msg(sv_is(record->unsupported, ""), "%.*s", SV_ARG(record->unsupported));
    ck_assert_uint_eq(record->data_count, 0);
    ck_assert_uint_eq(record->data_from_count, 4);
    const struct external_secret_data_from *extract = &record->data_from[0];
    ck_assert_int_eq(extract->kind, DATA_FROM_EXTRACT);
    ck_assert(sv_is(extract->remote_key, "r"));
    ck_assert(sv_is(extract->property, "p"));
    ck_assert(sv_is(extract->version, "v"));
    ck_assert(extract->metadata);
    ck_assert_int_eq(extract->decoding, DECODING_AUTO);
    ck_assert_int_eq(extract->conversion, CONVERSION_UNICODE);
    ck_assert(extract->null_bytes_fail);
    ck_assert_uint_eq(extract->store.name.len, 0);
    ck_assert_uint_eq(extract->rewrite_count, 4);
    ck_assert_int_eq(extract->rewrites[0].kind, REWRITE_REGEXP);
    ck_assert(sv_is(extract->rewrites[0].source, "a(.)"));
    ck_assert(sv_is(extract->rewrites[0].target, "$1"));
    ck_assert_int_eq(extract->rewrites[1].kind, REWRITE_TRANSFORM);
    ck_assert(sv_is(extract->rewrites[1].template, "{{.value}}"));
    ck_assert_int_eq(extract->rewrites[2].kind, REWRITE_MERGE);
    ck_assert(sv_is(extract->rewrites[2].into, "x"));
    ck_assert_uint_eq(extract->rewrites[2].priority_count, 2);
    ck_assert(sv_is(extract->rewrites[2].priority[1], "l"));
    ck_assert(extract->rewrites[2].priority_may_miss);
    ck_assert(extract->rewrites[2].conflict_ignored);
    ck_assert(extract->rewrites[2].json);
    ck_assert_int_eq(extract->rewrites[3].kind, REWRITE_MERGE);
    ck_assert_uint_eq(extract->rewrites[3].priority_count, 0);
    ck_assert(!extract->rewrites[3].priority_may_miss);
    ck_assert(!extract->rewrites[3].conflict_ignored);
    ck_assert(!extract->rewrites[3].json);
    const struct external_secret_data_from *find = &record->data_from[1];
    ck_assert_int_eq(find->kind, DATA_FROM_FIND);
    ck_assert(sv_is(find->path, "shop/"));
    ck_assert(find->has_name);
    ck_assert(sv_is(find->name_regexp, "^db"));
    ck_assert_uint_eq(find->tag_count, 2);
    ck_assert(sv_is(find->tags[0].key, "team"));
    ck_assert(sv_is(find->tags[0].value, "a"));
    ck_assert(sv_is(find->tags[1].value, ""));
    ck_assert_int_eq(find->decoding, DECODING_BASE64);
    ck_assert_int_eq(find->conversion, CONVERSION_DEFAULT);
    ck_assert(!find->null_bytes_fail);
    ck_assert(sv_is(find->store.name, "other"));
    ck_assert(find->store.cluster);
    ck_assert(!record->data_from[2].has_name);
    ck_assert_int_eq(record->data_from[3].kind, DATA_FROM_NOTHING);
    ck_assert(sv_is(record->data_from[3].store.name, "idle"));
}
END_TEST

static const struct {
    const char *from;
    const char *unsupported;
} FROM[] = {
    {"{}", "spec.dataFrom[0]"},
    {"'x'", "spec.dataFrom[0]"},
    {"{'extract':{'key':'r'},'find':{}}", "spec.dataFrom[0]"},
    {"{'extract':{}}", "spec.dataFrom[0].extract.key"},
    {"{'extract':{'key':'a\\u0000'}}", "spec.dataFrom[0].extract.key"},
    {"{'extract':{'key':'r','future':1}}", "spec.dataFrom[0].extract.future"},
    {"{'future':{},'extract':{'key':'r'}}", "spec.dataFrom[0].future"},
    {"{'sourceRef':{'generatorRef':{'kind':'Password','name':'p'}}}",
     "spec.dataFrom[0].sourceRef.generatorRef"},
    {"{'sourceRef':{}}", "spec.dataFrom[0].sourceRef.storeRef.name"},
    {"{'find':[]}", "spec.dataFrom[0].find"},
    {"{'find':{'future':1}}", "spec.dataFrom[0].find.future"},
    {"{'find':{'name':{'glob':'*'}}}", "spec.dataFrom[0].find.name.glob"},
    {"{'find':{'tags':{'a':1}}}", "spec.dataFrom[0].find.tags"},
    {"{'find':{'tags':['a']}}", "spec.dataFrom[0].find.tags"},
    {"{'find':{'path':'a\\u0000'}}", "spec.dataFrom[0].find.path"},
    {"{'find':{'decodingStrategy':'x'}}", "spec.dataFrom[0].find.decodingStrategy"},
    {"{'find':{'nullBytePolicy':'x'}}", "spec.dataFrom[0].find.nullBytePolicy"},
    {"{'find':{},'rewrite':{}}", "spec.dataFrom[0].rewrite"},
    {"{'find':{},'rewrite':[{}]}", "spec.dataFrom[0].rewrite[0]"},
    {"{'find':{},'rewrite':[{'regexp':{'source':'a','target':'b'},'merge':{}}]}",
     "spec.dataFrom[0].rewrite[0]"},
    {"{'find':{},'rewrite':[{'regexp':{'source':'a'}}]}",
     "spec.dataFrom[0].rewrite[0].regexp.target"},
    {"{'find':{},'rewrite':[{'regexp':{'source':'a','target':'','flags':'i'}}]}",
     "spec.dataFrom[0].rewrite[0].regexp.flags"},
    {"{'find':{},'rewrite':[{'merge':{}},{'transform':{}}]}",
     "spec.dataFrom[0].rewrite[1].transform.template"},
    {"{'find':{},'rewrite':[{'merge':{'strategy':'Yaml'}}]}",
     "spec.dataFrom[0].rewrite[0].merge.strategy"},
    {"{'find':{},'rewrite':[{'merge':{'priority':[1]}}]}",
     "spec.dataFrom[0].rewrite[0].merge.priority[0]"},
    {"{'find':{},'rewrite':[{'merge':{'priorityPolicy':'x'}}]}",
     "spec.dataFrom[0].rewrite[0].merge.priorityPolicy"},
    {"{'find':{},'rewrite':[{'merge':{'conflictPolicy':'x'}}]}",
     "spec.dataFrom[0].rewrite[0].merge.conflictPolicy"},
    {"{'find':{},'rewrite':[{'future':{}}]}", "spec.dataFrom[0].rewrite[0].future"},
};

START_TEST(names_the_source_it_does_not_render)
{
    CLEANUP(release)
    struct external_secret *record =
        decode(quoted_json("{'metadata':{'name':'es','namespace':'shop'},'spec':{"
                           "'secretStoreRef':{'name':'store'},'dataFrom':[%s]}}",
                           FROM[_i].from));
    ck_assert_msg(sv_is(record->unsupported, FROM[_i].unsupported), "%s: %.*s", FROM[_i].from,
                  SV_ARG(record->unsupported));
}
END_TEST

START_TEST(reads_a_template)
{
    CLEANUP(release)
    struct external_secret *record = decode_spec(
        ",'target':{'template':{'type':'kubernetes.io/tls','engineVersion':'v2',"
        "'mergePolicy':'Merge','metadata':{'labels':{'l':'{{.a}}'},'annotations':{'n':'1','m':'2'},"
        "'finalizers':['keep.example.com/it']},'data':{'tls.crt':'{{.crt}}','e':''},"
        "'templateFrom':[{'literal':'a: b','target':'LABELS'},"
        "{'configMap':{'name':'cm','items':[{'key':'one'},{'key':'two','templateAs':"
        "'KeysAndValues'}]},'target':'Annotations','valuesDecodingStrategy':'Base64'},"
        "{'literal':'','secret':{'name':'s','items':[]},'configMap':{'name':'c','items':[]}},{}]}"
        "}");
    ck_assert_msg(sv_is(record->unsupported, ""), "%.*s", SV_ARG(record->unsupported));
    ck_assert(record->has_template);
    const struct external_secret_template *part = &record->template;
    ck_assert(part->merge);
    ck_assert(sv_is(part->type, "kubernetes.io/tls"));
    ck_assert_uint_eq(part->label_count, 1);
    ck_assert(sv_is(part->labels[0].value, "{{.a}}"));
    ck_assert_uint_eq(part->annotation_count, 2);
    ck_assert(sv_is(part->annotations[1].key, "m"));
    ck_assert_uint_eq(part->finalizer_count, 1);
    ck_assert(sv_is(part->finalizers[0], "keep.example.com/it"));
    ck_assert_uint_eq(part->data_count, 2);
    ck_assert(sv_is(part->data[0].key, "tls.crt"));
    ck_assert(sv_is(part->data[1].value, ""));
    ck_assert_uint_eq(part->from_count, 6);
    ck_assert_int_eq(part->from[0].kind, TEMPLATE_FROM_LITERAL);
    ck_assert(sv_is(part->from[0].literal, "a: b"));
    ck_assert_int_eq(part->from[0].target, TEMPLATE_LABELS);
    ck_assert_int_eq(part->from[1].kind, TEMPLATE_FROM_CONFIG_MAP);
    ck_assert(sv_is(part->from[1].name, "cm"));
    ck_assert_uint_eq(part->from[1].index, 1);
    ck_assert_uint_eq(part->from[1].item_count, 2);
    ck_assert(sv_is(part->from[1].items[0].key, "one"));
    ck_assert(!part->from[1].items[0].keys_and_values);
    ck_assert(part->from[1].items[1].keys_and_values);
    ck_assert_int_eq(part->from[1].target, TEMPLATE_ANNOTATIONS);
    ck_assert_int_eq(part->from[1].decoding, DECODING_BASE64);
    ck_assert_int_eq(part->from[2].kind, TEMPLATE_FROM_CONFIG_MAP);
    ck_assert_int_eq(part->from[3].kind, TEMPLATE_FROM_SECRET);
    ck_assert(sv_is(part->from[3].name, "s"));
    ck_assert_int_eq(part->from[4].kind, TEMPLATE_FROM_LITERAL);
    ck_assert_uint_eq(part->from[4].index, 2);
    ck_assert_int_eq(part->from[4].target, TEMPLATE_DATA);
    ck_assert_int_eq(part->from[5].kind, TEMPLATE_FROM_NOTHING);
    ck_assert_uint_eq(part->from[5].index, 3);
}
END_TEST

static const struct {
    const char *json;
    const char *unsupported;
} TEMPLATES[] = {
    {"{'engineVersion':'v1'}", "spec.target.template.engineVersion"},
    {"{'engineVersion':''}", ""},
    {"{'future':1}", "spec.target.template.future"},
    {"{'type':1}", "spec.target.template.type"},
    {"{'mergePolicy':'Add'}", "spec.target.template.mergePolicy"},
    {"{'data':['a']}", "spec.target.template.data"},
    {"{'data':{'a':1}}", "spec.target.template.data"},
    {"{'metadata':{'ownerReferences':[{}]}}", "spec.target.template.metadata.ownerReferences"},
    {"{'metadata':{'labels':{'a':true}}}", "spec.target.template.metadata.labels"},
    {"{'metadata':{'annotations':'a'}}", "spec.target.template.metadata.annotations"},
    {"{'metadata':{'finalizers':[{}]}}", "spec.target.template.metadata.finalizers[0]"},
    {"{'templateFrom':{}}", "spec.target.template.templateFrom"},
    {"{'templateFrom':[{'future':1}]}", "spec.target.template.templateFrom[0].future"},
    {"{'templateFrom':[{'literal':1}]}", "spec.target.template.templateFrom[0].literal"},
    {"{'templateFrom':[{'literal':'','target':'spec.x'}]}",
     "spec.target.template.templateFrom[0].target"},
    {"{'templateFrom':[{'literal':'','valuesDecodingStrategy':'x'}]}",
     "spec.target.template.templateFrom[0].valuesDecodingStrategy"},
    {"{'templateFrom':[{},{'configMap':{'name':'c'}}]}",
     "spec.target.template.templateFrom[1].configMap.items"},
    {"{'templateFrom':[{'secret':{'name':'../c','items':[]}}]}",
     "spec.target.template.templateFrom[0].secret.name"},
    {"{'templateFrom':[{'secret':{'name':'c','items':[{'key':'a/b'}]}}]}",
     "spec.target.template.templateFrom[0].secret.items[0].key"},
    {"{'templateFrom':[{'secret':{'name':'c','items':[{'key':'a','templateAs':'Keys'}]}}]}",
     "spec.target.template.templateFrom[0].secret.items[0].templateAs"},
};

START_TEST(names_the_part_of_a_template_it_does_not_render)
{
    CLEANUP(release)
    struct external_secret *record =
        decode(quoted_json("{'metadata':{'name':'es','namespace':'shop'},'spec':{"
                           "'secretStoreRef':{'name':'store'},'data':[{'secretKey':'user',"
                           "'remoteRef':{'key':'shop/db'}}],'target':{'template':%s}}}",
                           TEMPLATES[_i].json));
    ck_assert_msg(sv_is(record->unsupported, TEMPLATES[_i].unsupported), "%s: %.*s",
                  TEMPLATES[_i].json, SV_ARG(record->unsupported));
    ck_assert(record->has_template);
}
END_TEST

START_TEST(reads_the_policies)
{
    CLEANUP(release)
    struct external_secret *once = decode_spec(
        ",'refreshPolicy':'CreatedOnce','target':{'creationPolicy':'Orphan','deletionPolicy':"
        "'Delete'}");
    ck_assert_int_eq(once->refresh_policy, REFRESH_CREATED_ONCE);
    ck_assert_int_eq(once->creation_policy, CREATION_ORPHAN);
    ck_assert_int_eq(once->deletion_policy, DELETION_DELETE);
    CLEANUP(release)
    struct external_secret *changes = decode_spec(
        ",'refreshPolicy':'OnChange','target':{'creationPolicy':'CreateOrMerge','deletionPolicy':"
        "'Merge'}");
    ck_assert_int_eq(changes->refresh_policy, REFRESH_ON_CHANGE);
    ck_assert_int_eq(changes->creation_policy, CREATION_CREATE_OR_MERGE);
    ck_assert_int_eq(changes->deletion_policy, DELETION_MERGE);
    CLEANUP(release) struct external_secret *plain = decode_spec("");
    ck_assert_int_eq(plain->refresh_policy, REFRESH_PERIODIC);
    ck_assert_int_eq(plain->creation_policy, CREATION_OWNER);
    ck_assert_int_eq(plain->deletion_policy, DELETION_RETAIN);
    ck_assert(!plain->has_template);
}
END_TEST

/* Without secretStoreRef. */
static const struct {
    const char *entries;
    const char *unsupported;
} STORELESS[] = {
    {"'data':[{'secretKey':'a','remoteRef':{'key':'r'},'sourceRef':{'storeRef':{'name':'s'}}}]",
     ""},
    {"'dataFrom':[{'extract':{'key':'r'},'sourceRef':{'storeRef':{'name':'s'}}}]", ""},
    {"'data':[{'secretKey':'a','remoteRef':{'key':'r'},'sourceRef':{'storeRef':{'name':'s'}}}],"
     "'dataFrom':[{'extract':{'key':'r'}}]",
     "spec.secretStoreRef.name"},
    {"'data':[{'secretKey':'a','remoteRef':{'key':'r'}}],"
     "'dataFrom':[{'extract':{'key':'r'},'sourceRef':{'storeRef':{'name':'s'}}}]",
     "spec.secretStoreRef.name"},
    {"'data':[]", "spec.secretStoreRef.name"},
};

START_TEST(each_entry_may_have_a_store_of_its_own)
{
    CLEANUP(release) struct external_secret *record = decode_whole_spec(STORELESS[_i].entries);
    ck_assert_msg(sv_is(record->unsupported, STORELESS[_i].unsupported), "%s: %.*s",
                  STORELESS[_i].entries, SV_ARG(record->unsupported));
}
END_TEST

/* The operator takes the regexp first, wherever it stands. */
START_TEST(an_element_may_have_a_regexp_and_a_transform)
{
    CLEANUP(release)
    struct external_secret *record = decode_whole_spec(
        "'secretStoreRef':{'name':'s'},'dataFrom':[{'extract':{'key':'r'},'rewrite':["
        "{'transform':{'template':'t'},'regexp':{'source':'a','target':'b'}},"
        "{'merge':{}}]}]");
    ck_assert(sv_is(record->unsupported, ""));
    const struct external_secret_data_from *from = &record->data_from[0];
    ck_assert_uint_eq(from->rewrite_count, 3);
    ck_assert_int_eq(from->rewrites[0].kind, REWRITE_REGEXP);
    ck_assert_int_eq(from->rewrites[1].kind, REWRITE_TRANSFORM);
    ck_assert_uint_eq(from->rewrites[1].index, 0);
    ck_assert_int_eq(from->rewrites[2].kind, REWRITE_MERGE);
    ck_assert_uint_eq(from->rewrites[2].index, 1);
}
END_TEST

START_TEST(reads_what_a_controller_has_written)
{
    CLEANUP(release)
    struct external_secret *record = decode(quoted_json(
        "{'metadata':{'name':'es','namespace':'shop','finalizers':['x',"
        "'externalsecrets.external-secrets.io/externalsecret-cleanup']},'spec':{},'status':{"
        "'refreshTime':'1970-01-01T00:01:00Z','syncedResourceVersion':'3-abc','conditions':["
        "{'type':'Other','status':'False','reason':'No'},"
        "{'type':'Ready','status':'True','reason':'SecretSynced'}]}}"));
    ck_assert(record->has_status);
    ck_assert(record->has_cleanup_finalizer);
    ck_assert_int_eq(record->status.refresh_ms, 60000);
    ck_assert(sv_is(record->status.synced_version, "3-abc"));
    ck_assert(record->status.ready);
    ck_assert(sv_is(record->status.reason, "SecretSynced"));
    CLEANUP(release)
    struct external_secret *failed = decode(quoted_json(
        "{'metadata':{'name':'es','namespace':'shop','finalizers':['x']},'spec':{},'status':{"
        "'refreshTime':'never','conditions':[{'type':'Ready','status':'False','reason':"
        "'SecretSyncedError'}]}}"));
    ck_assert(failed->has_status);
    ck_assert(!failed->has_cleanup_finalizer);
    ck_assert_int_eq(failed->status.refresh_ms, 0);
    ck_assert(!failed->status.ready);
    ck_assert(sv_is(failed->status.reason, "SecretSyncedError"));
}
END_TEST

START_TEST(the_first_thing_counts)
{
    CLEANUP(release)
    struct external_secret *record =
        decode_spec(",'refreshPolicy':'x','dataFrom':[{}],'target':{'template':7}");
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
    ck_assert_uint_ge(whole->data_from_count, 1);
    ck_assert(whole->has_template);
    /* What has every default the CRD writes. */
    ck_assert_msg(sv_is(whole->unsupported, ""), "%.*s", SV_ARG(whole->unsupported));
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
    tcase_add_test(tcase, reads_how_a_value_is_taken);
    tcase_add_test(tcase, reads_what_whole_secrets_are_taken_from);
    tcase_add_loop_test(tcase, names_the_source_it_does_not_render, 0, (int)ARRAY_LEN(FROM));
    tcase_add_test(tcase, reads_a_template);
    tcase_add_loop_test(tcase, names_the_part_of_a_template_it_does_not_render, 0,
                        (int)ARRAY_LEN(TEMPLATES));
    tcase_add_test(tcase, reads_the_policies);
    tcase_add_loop_test(tcase, each_entry_may_have_a_store_of_its_own, 0,
                        (int)ARRAY_LEN(STORELESS));
    tcase_add_test(tcase, an_element_may_have_a_regexp_and_a_transform);
    tcase_add_test(tcase, reads_what_a_controller_has_written);
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
