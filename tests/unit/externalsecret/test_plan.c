/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/plan.h"

#include "check_main.h"
#include "external_secret_text.h"

static void fill(struct remote_read *read, struct str_view value)
{
    secret_buf_init(&read->value, LIMIT_SECRET_DATA_BYTES + 1);
    secret_buf_add(&read->value, value);
}

static const char many[] =
    ",'data':["
    "{'secretKey':'user','remoteRef':{'key':'db','property':'user'}},"
    "{'secretKey':'whole','remoteRef':{'key':'other'}},"
    "{'secretKey':'pass','remoteRef':{'key':'db','property':'pass'}},"
    "{'secretKey':'old','remoteRef':{'key':'db','version':'AWSPREVIOUS','property':'pass'}},"
    "{'secretKey':'part','remoteRef':{'key':'other','property':'x'}}]";

START_TEST(reads_each_key_and_version_once)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", many);
    CLEANUP(plan_done) struct plan plan = {0};
    struct err err = {0};
    ck_assert_msg(plan_check(external_secret, &err) == PLAN_FINE, "%s", err.message);
    plan_make(external_secret, &plan);
    ck_assert_uint_eq(plan.read_count, 3);
    ck_assert(sv_is(plan.reads[0].key, "db"));
    ck_assert_uint_eq(plan.reads[0].version.len, 0);
    ck_assert(sv_is(plan.reads[1].key, "other"));
    ck_assert(sv_is(plan.reads[2].key, "db"));
    ck_assert(sv_is(plan.reads[2].version, "AWSPREVIOUS"));
    const size_t wanted[] = {0, 1, 0, 2, 1};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        ck_assert_uint_eq(plan.read_of_data[i], wanted[i]);
    }
    /* The binary value first where only properties are wanted. */
    ck_assert(plan.reads[0].prefer_binary);
    ck_assert(!plan.reads[1].prefer_binary);
    ck_assert(plan.reads[2].prefer_binary);
}
END_TEST

START_TEST(tells_key_and_version_apart)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of("", ",'data':[{'secretKey':'a','remoteRef':{'key':'k','version':'v'}},"
                               "{'secretKey':'b','remoteRef':{'key':'kv'}},"
                               "{'secretKey':'c','remoteRef':{'key':'k','version':'v'}}]");
    CLEANUP(plan_done) struct plan plan = {0};
    plan_make(external_secret, &plan);
    ck_assert_uint_eq(plan.read_count, 2);
    ck_assert_uint_eq(plan.read_of_data[2], 0);
}
END_TEST

START_TEST(collects_every_value)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", many);
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[0], SV("{\"user\":\"u\",\"pass\":\"p\\u0000q\"}"));
    fill(&plan.reads[1], SV("{\"x\": [1, 2]}"));
    fill(&plan.reads[2], SV("{\"pass\":1.10}"));
    ck_assert_msg(plan_collect(external_secret, &plan, &data, &err), "%s", err.message);
    static const char *const keys[] = {"old", "part", "pass", "user", "whole"};
    const struct str_view values[] = {SV("1.1"), SV("[1, 2]"), SV("p\0q"), SV("u"),
                                      SV("{\"x\": [1, 2]}")};
    ck_assert_uint_eq(data.count, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert(sv_is(data.entries[i].key, keys[i]));
        ck_assert(sv_equal(secret_buf_view(&data.entries[i].value), values[i]));
    }
}
END_TEST

/* Nothing of a value in a message, and nothing half collected passed off as whole. */
START_TEST(names_the_property_that_is_missing)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", many);
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[0], SV("{\"user\":\"hunter2\",\"Pass\":\"hunter2\"}"));
    fill(&plan.reads[1], SV("hunter2"));
    fill(&plan.reads[2], SV("{\"pass\":\"hunter2\"}"));
    ck_assert(!plan_collect(external_secret, &plan, &data, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_str_eq(err.message, "spec.data[2]: data key pass: property pass of remote secret db: "
                                  "no such property in the value");
}
END_TEST

START_TEST(bounds_the_data)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of("", ",'data':[{'secretKey':'a','remoteRef':{'key':'k'}},"
                               "{'secretKey':'b','remoteRef':{'key':'k'}}]");
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    CLEANUP(mem_free_ptr) char *bytes = mem_alloc(LIMIT_SECRET_DATA_BYTES + 1);
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[0], sv_make(bytes, LIMIT_SECRET_DATA_BYTES / 2 + 1));
    ck_assert(!plan_collect(external_secret, &plan, &data, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    secret_buf_done(&plan.reads[0].value);
    fill(&plan.reads[0], sv_make(bytes, LIMIT_SECRET_DATA_BYTES + 1));
    ck_assert(!plan_collect(external_secret, &plan, &data, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, "data key a"));
}
END_TEST

START_TEST(lets_a_later_entry_overwrite)
{
    struct external_secret_data entries[] = {
        {.secret_key = SV("a"), .remote_key = SV("first")},
        {.secret_key = SV("a"), .remote_key = SV("second")},
    };
    const struct external_secret external_secret = {.data = entries, .data_count = 2};
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(&external_secret, &plan);
    ck_assert_uint_eq(plan.read_count, 2);
    fill(&plan.reads[0], SV("1"));
    fill(&plan.reads[1], SV("2"));
    ck_assert(plan_collect(&external_secret, &plan, &data, &err));
    ck_assert_uint_eq(data.count, 1);
    ck_assert(sv_is(secret_buf_view(&data.entries[0].value), "2"));
}
END_TEST

static const char several_stores[] =
    ",'data':[{'secretKey':'a','remoteRef':{'key':'k'}},"
    "{'secretKey':'b','remoteRef':{'key':'k'},"
    "'sourceRef':{'storeRef':{'name':'other','kind':'ClusterSecretStore'}}},"
    "{'secretKey':'c','remoteRef':{'key':'m'}},"
    "{'secretKey':'d','remoteRef':{'key':'n'},"
    "'sourceRef':{'storeRef':{'name':'other','kind':'ClusterSecretStore'}}}],"
    "'dataFrom':[{'extract':{'key':'m'},'sourceRef':{'storeRef':{'name':'third'}}}]";

/* So that each store is asked once, whatever the order of the entries. */
START_TEST(lays_the_reads_of_a_store_together)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", several_stores);
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(plan_done) struct plan stores = {0};
    static const char *const names[] = {"third", "store", "other"};
    static const size_t first[] = {0, 1, 3};
    static const size_t counts[] = {1, 2, 2};
    plan_make(external_secret, &plan);
    plan_stores(external_secret, &stores);
    ck_assert_uint_eq(plan.store_count, 3);
    ck_assert_uint_eq(stores.store_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(sv_is(plan.stores[i].ref.name, names[i]));
        ck_assert(sv_is(stores.stores[i].ref.name, names[i]));
        ck_assert(plan.stores[i].ref.cluster == (i == 2));
        ck_assert_uint_eq(plan.stores[i].first_read, first[i]);
        ck_assert_uint_eq(plan.stores[i].read_count, counts[i]);
    }
    static const size_t wanted[] = {1, 3, 2, 4};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        ck_assert_uint_eq(plan.read_of_data[i], wanted[i]);
    }
    ck_assert_uint_eq(plan.read_of_extract[0], 0);
}
END_TEST

START_TEST(reads_tags_apart_from_values)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of(
        "", ",'target':{'deletionPolicy':'Delete'},"
            "'data':[{'secretKey':'a','remoteRef':{'key':'k'}},"
            "{'secretKey':'b','remoteRef':{'key':'k','metadataPolicy':'Fetch','version':'1'}},"
            "{'secretKey':'c','remoteRef':{'key':'k','metadataPolicy':'Fetch'}}]");
    CLEANUP(plan_done) struct plan plan = {0};
    plan_make(external_secret, &plan);
    ck_assert_uint_eq(plan.read_count, 2);
    ck_assert(!plan.reads[0].metadata && plan.reads[1].metadata);
    ck_assert_uint_eq(plan.read_of_data[1], plan.read_of_data[2]);
    /* That there is nothing to have tags is never passed over. */
    ck_assert(plan.reads[0].may_miss && !plan.reads[1].may_miss);
}
END_TEST

START_TEST(allows_values_to_be_missing_unless_they_are_retained)
{
    static const struct {
        const char *policy;
        bool may_miss;
    } policies[] = {{"Retain", false}, {"Delete", true}, {"Merge", true}};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        char spec[200];
        (void)snprintf(spec, sizeof spec,
                       ",'target':{'deletionPolicy':'%s'},'data':[{'secretKey':'a',"
                       "'remoteRef':{'key':'k'}}]",
                       policies[i].policy);
        CLEANUP(external_secret_release_ptr)
        struct external_secret *external_secret = external_secret_of("", spec);
        CLEANUP(plan_done) struct plan plan = {0};
        plan_make(external_secret, &plan);
        ck_assert(plan.reads[0].may_miss == policies[i].may_miss);
    }
}
END_TEST

static const char maps[] = ",'target':{'deletionPolicy':'Merge'},"
                           "'dataFrom':[{'extract':{'key':'one'}},"
                           "{'extract':{'key':'two','property':'in'}}],"
                           "'data':[{'secretKey':'c','remoteRef':{'key':'three'}}]";

static void check_entry(const struct data_map *map, const char *key, const char *value)
{
    const struct data_entry *entry = data_map_get(map, sv_of(key));
    ck_assert_msg(entry != NULL, "%s", key);
    ck_assert(sv_is(secret_buf_view(&entry->value), value));
}

START_TEST(takes_maps_in_order_and_then_single_keys)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", maps);
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[plan.read_of_extract[0]], SV("{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\"}"));
    fill(&plan.reads[plan.read_of_extract[1]], SV("{\"in\":{\"b\":\"2\",\"c\":\"2\"}}"));
    fill(&plan.reads[plan.read_of_data[0]], SV("3"));
    ck_assert_msg(plan_collect(external_secret, &plan, &data, &err), "%s", err.message);
    ck_assert_uint_eq(data.count, 3);
    check_entry(&data, "a", "1");
    check_entry(&data, "b", "2");
    check_entry(&data, "c", "3");
    ck_assert_uint_eq(plan.missing_count, 0);
}
END_TEST

START_TEST(leaves_out_what_is_missing_and_says_so)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", maps);
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[plan.read_of_extract[0]], SV("{\"a\":\"1\"}"));
    plan.reads[plan.read_of_extract[1]].missing = true;
    plan.reads[plan.read_of_data[0]].missing = true;
    ck_assert_msg(plan_collect(external_secret, &plan, &data, &err), "%s", err.message);
    ck_assert_uint_eq(data.count, 1);
    ck_assert_uint_eq(plan.missing_count, 2);
    ck_assert(plan.missing[0].data_from && plan.missing[0].entry == 1);
    ck_assert(sv_is(plan.missing[0].remote_key, "two"));
    ck_assert(!plan.missing[1].data_from && plan.missing[1].entry == 0);
    ck_assert(sv_is(plan.missing[1].remote_key, "three"));
}
END_TEST

static const char properties[] = ",'target':{'deletionPolicy':'%s'},"
                                 "'dataFrom':[{'extract':{'key':'map','property':'u.v'}}],"
                                 "'data':[{'secretKey':'a','remoteRef':{'key':'one','property':"
                                 "'x.y'}},"
                                 "{'secretKey':'b','remoteRef':{'key':'two','property':'u.v'}}]";

static bool collect_properties(const char *deletion_policy, bool fake, struct plan *plan,
                               struct data_map *ret, struct err *err)
{
    char spec[400];
    (void)snprintf(spec, sizeof spec, properties, deletion_policy);
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", spec);
    plan_make(external_secret, plan);
    for (size_t i = 0; i < plan->read_count; i++) {
        fill(&plan->reads[i], SV("{\"x\":{\"y\":\"path\"},\"x.y\":\"key\",\"u.v\":{}}"));
        plan->reads[i].fake = fake;
    }
    return plan_collect(external_secret, plan, ret, err);
}

START_TEST(of_the_fake_provider_a_property_is_a_path_and_may_miss)
{
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    ck_assert_msg(collect_properties("Delete", true, &plan, &data, &err), "%s", err.message);
    ck_assert_uint_eq(data.count, 1);
    check_entry(&data, "a", "path");
    ck_assert_uint_eq(plan.missing_count, 2);
    ck_assert(plan.missing[0].data_from && plan.missing[0].entry == 0);
    ck_assert(!plan.missing[1].data_from && plan.missing[1].entry == 1);
}
END_TEST

START_TEST(of_other_providers_a_property_may_be_a_key_with_dots)
{
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    ck_assert_msg(collect_properties("Delete", false, &plan, &data, &err), "%s", err.message);
    ck_assert_uint_eq(data.count, 2);
    check_entry(&data, "a", "key");
    check_entry(&data, "b", "{}");
    ck_assert_uint_eq(plan.missing_count, 0);
}
END_TEST

START_TEST(a_property_is_missed_where_the_secret_is_retained)
{
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    ck_assert(!collect_properties("Retain", true, &plan, &data, &err));
    ck_assert_int_eq(err.kind, ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.message, "spec.dataFrom[0]: property u.v of remote secret"));
}
END_TEST

START_TEST(names_the_entry_that_is_no_object)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", maps);
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[plan.read_of_extract[0]], SV("{\"a\":\"1\"}"));
    fill(&plan.reads[plan.read_of_extract[1]], SV("{\"in\":{\"a\":hunter2}}"));
    fill(&plan.reads[plan.read_of_data[0]], SV("3"));
    ck_assert(!plan_collect(external_secret, &plan, &data, &err));
    ck_assert_ptr_nonnull(
        strstr(err.message, "spec.dataFrom[1]: property in of remote secret two"));
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

START_TEST(names_the_value_with_a_null_byte)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of("", ",'dataFrom':[{'extract':{'key':'k','nullBytePolicy':'Fail'}}]");
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    plan_make(external_secret, &plan);
    fill(&plan.reads[0], SV("{\"fine\":\"x\",\"bad\":\"x\\u0000y\"}"));
    ck_assert(!plan_collect(external_secret, &plan, &data, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "spec.dataFrom[0]: key 1 of "));
}
END_TEST

START_TEST(compiles_the_name_of_a_find)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of(
        "", ",'dataFrom':[{'extract':{'key':'k'}},{'find':{'name':{'regexp':'db'}}},"
            "{'find':{'tags':{'env':'prod'}}}]");
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    struct err err = {0};
    bool matches = false;
    ck_assert(plan_has_find(external_secret));
    plan_make(external_secret, &plan);
    ck_assert_uint_eq(plan.find_count, 2);
    ck_assert_uint_eq(plan.finds[0].entry, 1);
    ck_assert(regex_matches(plan.finds[0].name, SV("my-db-1"), NULL, &matches, &err) && matches);
    ck_assert_ptr_null(plan.finds[1].name);
    fill(&plan.reads[0], SV("{\"my-db\":\"1\",\"x\":\"1\"}"));
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, SV("2"));
    data_map_put(&plan.finds[0].found, SV("my-db"), &value);
    ck_assert_msg(plan_collect(external_secret, &plan, &data, &err), "%s", err.message);
    ck_assert_uint_eq(data.count, 2);
    check_entry(&data, "my-db", "2");
}
END_TEST

/* `count` of `entry` with a comma between; `value` is what all of them read. */
static bool collect_many(const char *list, const char *entry, int count, struct str_view value,
                         struct data_map *ret, struct err *err)
{
    CLEANUP(buf_done) struct buf spec = {0};
    CLEANUP(plan_done) struct plan plan = {0};
    buf_init(&spec, LIMIT_ELEMENT_BYTES);
    buf_printf(&spec, ",'%s':[", list);
    for (int i = 0; i < count; i++) {
        buf_printf(&spec, "%s%s", i ? "," : "", entry);
    }
    buf_add(&spec, sv_make("]", 2));
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", spec.data);
    plan_make(external_secret, &plan);
    fill(&plan.reads[0], value);
    return plan_collect(external_secret, &plan, ret, err);
}

/* Each of them passes alone. */
static const struct {
    const char *list;
    const char *entry;
} costly[] = {
    {"data",
     "{'secretKey':'s','remoteRef':{'key':'k','property':'#(%\\u0022*a*a*a*a*b\\u0022)#'}}"},
    {"dataFrom", "{'extract':{'key':'k','property':'@this|0|@this'}}"},
    {"dataFrom", "{'extract':{'key':'k','property':'1'},"
                 "'rewrite':[{'regexp':{'source':'(x+x+)+[yz]','target':'q'}}]}"},
    {"dataFrom", "{'extract':{'key':'k','property':'1'},"
                 "'rewrite':[{'transform':{'template':'{{ range $i := 300000 }}{{ end }}k'}}]}"},
    {"dataFrom", "{'extract':{'key':'k','property':'1'},'rewrite':[{'merge':{'priority':"
                 "['xxxxxxxxxxxxxx'],'priorityPolicy':'IgnoreNotFound'}}]}"},
};

START_TEST(bounds_what_all_entries_take_together)
{
    CLEANUP(buf_done) struct buf value = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    buf_add_str(&value, "[{},{\"xxxxxxxxxxxxxx\":{\"xxxxxxxxxxxxxx\":[");
    for (int i = 0; i < 9000; i++) {
        buf_add_str(&value, "\"aaaa\",");
    }
    buf_add_str(&value, "1]}}]");
    ck_assert_msg(collect_many(costly[_i].list, costly[_i].entry, 1, buf_view(&value), &data, &err),
                  "%s", err.message);
    ck_assert(
        !collect_many(costly[_i].list, costly[_i].entry, 4000, buf_view(&value), &data, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_msg(strstr(err.message, "steps up to here"), "%s", err.message);
    ck_assert_msg(strncmp(err.message, "spec.data", 9) == 0, "%s", err.message);
}
END_TEST

START_TEST(collects_many_entries_that_take_little)
{
    CLEANUP(data_map_done) struct data_map data = {0};
    struct err err = {0};
    ck_assert_msg(collect_many("data", "{'secretKey':'s','remoteRef':{'key':'k','property':'a.b'}}",
                               3000, SV("{\"a\":{\"b\":1}}"), &data, &err),
                  "%s", err.message);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    tcase_set_timeout(tcase, 60); /* the costly ones, under a sanitizer */
    tcase_add_test(tcase, reads_each_key_and_version_once);
    tcase_add_test(tcase, tells_key_and_version_apart);
    tcase_add_test(tcase, collects_every_value);
    tcase_add_test(tcase, names_the_property_that_is_missing);
    tcase_add_test(tcase, bounds_the_data);
    tcase_add_test(tcase, lays_the_reads_of_a_store_together);
    tcase_add_test(tcase, reads_tags_apart_from_values);
    tcase_add_test(tcase, allows_values_to_be_missing_unless_they_are_retained);
    tcase_add_test(tcase, takes_maps_in_order_and_then_single_keys);
    tcase_add_test(tcase, leaves_out_what_is_missing_and_says_so);
    tcase_add_test(tcase, of_the_fake_provider_a_property_is_a_path_and_may_miss);
    tcase_add_test(tcase, of_other_providers_a_property_may_be_a_key_with_dots);
    tcase_add_test(tcase, a_property_is_missed_where_the_secret_is_retained);
    tcase_add_test(tcase, names_the_entry_that_is_no_object);
    tcase_add_test(tcase, names_the_value_with_a_null_byte);
    tcase_add_test(tcase, compiles_the_name_of_a_find);
    tcase_add_loop_test(tcase, bounds_what_all_entries_take_together, 0, ARRAY_LEN(costly));
    tcase_add_test(tcase, collects_many_entries_that_take_little);
    tcase_add_test(tcase, lets_a_later_entry_overwrite);
    suite_add_tcase(suite, tcase);
    return suite;
}
