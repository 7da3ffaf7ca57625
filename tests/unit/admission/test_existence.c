/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/existence.h"

#include "check_main.h"
#include "externalsecret/fake_source.h"
#include "quoted_json.h"

static struct world *world;
static struct existence existence;
static struct problem_list found;

static void setup(void)
{
    world = world_new();
    world_set_synced(world, WORLD_STORES, true);
    world_set_synced(world, WORLD_CLUSTER_STORES, true);
    existence = (struct existence){0};
    found = (struct problem_list){0};
}

static void teardown(void)
{
    existence_done(&existence);
    world_free(world);
}

#define SM "'aws':{'service':'SecretsManager','region':'eu-north-1'}"
#define SSM "'aws':{'service':'ParameterStore','region':'eu-north-1'}"
#define FAKE "'fake':{'data':[{'key':'there','value':'{\\'a\\':1}'}]}"

static void put_store(bool cluster, const char *name, const char *conditions, const char *provider)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'%s'%s},'spec':{%s'provider':{%s}}}", name,
                    cluster ? "" : ",'namespace':'app'", conditions, provider);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    world_put_store(world, store);
    json_text_done(&json);
}

/* The members of spec without the store, which is called "store"; as printf(). */
static bool begin(bool remotely, const char *format, ...) PRINTF_LIKE(2, 3);

static bool begin(bool remotely, const char *format, ...)
{
    CLEANUP(mem_free_ptr) char *spec = NULL;
    va_list args;
    va_start(args, format);
    ck_assert_int_ge(vasprintf(&spec, format, args), 0);
    va_end(args);
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'metadata':{'name':'db','namespace':'app'},'spec':{'secretStoreRef':{'name':"
                    "'store'},%s}}",
                    spec);
    struct external_secret *external_secret = NULL;
    struct err err = {0};
    existence_done(&existence);
    ck_assert_msg(external_secret_decode(json.root, &external_secret, &err), "%s", err.message);
    bool asks = existence_begin(world, external_secret, remotely, &existence);
    external_secret_release(external_secret);
    /* Whoever answers the review is not kept by the rest. */
    ck_assert_uint_eq(existence.plan.read_count, 0);
    ck_assert_uint_eq(existence.plan.find_count, 0);
    return asks && existence_plan(&existence);
}

static void judge_all(void)
{
    for (size_t i = 0; i < existence_entries(&existence); i++) {
        existence_judge(&existence, i, &found);
    }
}

/* Whoever asks: everything that is said to be "missing" is, the rest is `value`. */
static void answer(const char *value)
{
    struct existence_batch batch;
    size_t position = 0;
    while (existence_next(&existence, &position, &batch)) {
        existence_ask(&batch);
        for (size_t i = 0; i < batch.count; i++) {
            struct remote_read *read = &batch.reads[i];
            ck_assert(read->may_miss && read->may_fail && !read->metadata);
            read->missing = sv_is(read->key, "missing");
            if (!read->missing) {
                secret_buf_init(&read->value, 1000);
                secret_buf_add(&read->value, sv_of(value));
            }
        }
    }
}

#define ENTRY(remote) "{'secretKey':'k','remoteRef':{" remote "}}"

static const char THERE[] = ENTRY("'key':'there'");
static const char MISSING[] = ENTRY("'key':'missing'");
static const char PROPERTY_A[] = ENTRY("'key':'there','property':'a'");
static const char PROPERTY_B[] = ENTRY("'key':'there','property':'b.c'");
static const char TAGS[] = ENTRY("'key':'missing','metadataPolicy':'Fetch'");
static const char FIND[] = "{'find':{'name':{'regexp':'.'}}}";

START_TEST(what_is_missing_is_told_by_entry)
{
    put_store(false, "store", "", SM);
    ck_assert(begin(true,
                    "'data':[%s,%s,%s,%s],'dataFrom':[{'extract':{'key':'missing','version':'v1'}},"
                    "{'extract':{'key':'there','property':'x'}}]",
                    THERE, MISSING, PROPERTY_A, PROPERTY_B));
    answer("{\"a\":\"hunter2\"}");
    judge_all();
    static const char *const expected[] = {
        "KT224 ExternalSecret app/db: spec.data[1]: no secret missing in AWS Secrets Manager: make "
        "it or mend the key",
        "KT225 ExternalSecret app/db: spec.data[3]: no property b.c in there: add it or mend the "
        "property",
        "KT224 ExternalSecret app/db: spec.dataFrom[0]: no secret missing of this version in AWS "
        "Secrets Manager: make it or mend the key",
        "KT225 ExternalSecret app/db: spec.dataFrom[1]: no property x in there: add it or mend the "
        "property",
    };
    ck_assert_uint_eq(found.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < found.count; i++) {
        ck_assert_str_eq(found.items[i].text, expected[i]);
        ck_assert_int_eq(found.items[i].severity, PROBLEM_MISSING);
    }
}
END_TEST

START_TEST(the_deletion_policy_makes_no_difference)
{
    put_store(false, "store", "", SSM);
    for (int i = 0; i < 2; i++) {
        ck_assert(begin(true, "'target':{'deletionPolicy':'%s'},'data':[%s]",
                        i ? "Retain" : "Delete", MISSING));
        answer("");
        judge_all();
    }
    ck_assert_uint_eq(found.count, 2);
    ck_assert_str_eq(found.items[0].text,
                     "KT224 ExternalSecret app/db: spec.data[0]: no parameter missing in AWS "
                     "Parameter Store: make it or mend the key");
    ck_assert_str_eq(found.items[1].text, found.items[0].text);
}
END_TEST

START_TEST(what_nobody_would_carry_out_is_not_asked_for)
{
    put_store(false, "store", "", SM);
    ck_assert(!begin(true, "'data':[%s,%s]", THERE, ENTRY("'key':''")));
    ck_assert(existence.stores != NULL);
    ck_assert(!begin(true, "'data':[%s],'dataFrom':[{'find':{'name':{'regexp':'('}}}]", THERE));
}
END_TEST

START_TEST(what_could_not_be_read_says_nothing)
{
    struct existence_batch batch;
    size_t position = 0;
    put_store(false, "store", "", SM);
    ck_assert(begin(true, "'data':[%s,%s]", ENTRY("'key':'a','property':'p'"),
                    ENTRY("'key':'b','property':'p'")));
    judge_all();
    ck_assert_uint_eq(found.count, 0);
    ck_assert(existence_next(&existence, &position, &batch));
    ck_assert_uint_eq(batch.count, 2);
    existence_ask(&batch);
    batch.reads[0].failed = true;
    judge_all();
    ck_assert_uint_eq(found.count, 1);
    ck_assert(sv_contains(sv_of(found.items[0].text), SV("spec.data[1]")));
    existence_fail(&batch);
    judge_all();
    ck_assert_uint_eq(found.count, 1);
}
END_TEST

START_TEST(a_later_answer_takes_the_place_of_an_earlier_one)
{
    put_store(false, "store", "", SM);
    ck_assert(begin(true, "'data':[%s]", PROPERTY_A));
    answer("{}");
    judge_all();
    ck_assert_uint_eq(found.count, 1);
    answer("{\"a\":1}");
    judge_all();
    ck_assert_uint_eq(found.count, 1);
}
END_TEST

START_TEST(patterns_and_tags_are_not_asked_for)
{
    put_store(false, "store", "", SM);
    ck_assert(!begin(true, "'dataFrom':[%s]", FIND));
    ck_assert(!begin(true, "'data':[%s]", TAGS));
    ck_assert(begin(true, "'dataFrom':[%s],'data':[%s,%s]", FIND, MISSING, TAGS));
    answer("");
    judge_all();
    ck_assert_uint_eq(found.count, 1);
}
END_TEST

/* And one of dataFrom. */
static bool begin_many(int data_count)
{
    CLEANUP(buf_done) struct buf spec;
    buf_init(&spec, 100000);
    buf_printf(&spec, "'dataFrom':[%s],'data':[", FIND);
    for (int i = 0; i < data_count; i++) {
        buf_printf(&spec, "%s{'secretKey':'k%d','remoteRef':{'key':'r%d'}}", i ? "," : "", i, i);
    }
    buf_printf(&spec, "]");
    CLEANUP(mem_free_ptr) char *text = buf_take(&spec);
    return begin(true, "%s", text);
}

START_TEST(who_has_very_many_is_not_asked_for)
{
    put_store(false, "store", "", SM);
    ck_assert(begin_many(LIMIT_REVIEW_ENTRIES - 1));
    ck_assert(!begin_many(LIMIT_REVIEW_ENTRIES));
    ck_assert_uint_eq(existence.plan.store_count, 0);
}
END_TEST

START_TEST(of_many_the_first_are_asked_for)
{
    struct existence_batch batch;
    put_store(false, "store", "", SM);
    ck_assert(begin_many(LIMIT_REVIEW_READS + 5));
    size_t position = 0;
    ck_assert(existence_next(&existence, &position, &batch));
    ck_assert_uint_eq(batch.count, LIMIT_REVIEW_READS);
    ck_assert(!existence_next(&existence, &position, &batch));
}
END_TEST

START_TEST(each_store_is_asked_for_its_own)
{
    struct existence_batch batch;
    size_t position = 0;
    put_store(false, "store", "", SM);
    put_store(false, "other", "", SSM);
    ck_assert(begin(true,
                    "'data':[%s,{'secretKey':'k','sourceRef':{'storeRef':{'name':'other'}},"
                    "'remoteRef':{'key':'b'}},%s]",
                    MISSING, THERE));
    ck_assert(existence_next(&existence, &position, &batch));
    ck_assert(sv_is(batch.store->name, "store"));
    ck_assert_uint_eq(batch.count, 2);
    ck_assert(existence_next(&existence, &position, &batch));
    ck_assert(sv_is(batch.store->name, "other"));
    ck_assert_uint_eq(batch.count, 1);
    ck_assert(!existence_next(&existence, &position, &batch));
}
END_TEST

static const struct {
    bool cluster;
    const char *name;
    const char *spec;
    const char *provider;
} CLOSED[] = {
    {false, "elsewhere", "", SM},
    {true, "store", "", SM},
    {false, "store", "'controller':'other',", SM},
    {false, "store", "", "'vault':{}"},
    {false, "store", "", "'aws':{'service':'SecretsManager','region':'eu-north-1','x':1}"},
};

START_TEST(nothing_is_asked_of_a_store_that_nobody_would_read_through)
{
    put_store(CLOSED[_i].cluster, CLOSED[_i].name, CLOSED[_i].spec, CLOSED[_i].provider);
    ck_assert(!begin(true, "'data':[%s]", MISSING));
}
END_TEST

START_TEST(conditions_that_do_not_admit_the_namespace_keep_everything_back)
{
    put_store(false, "store", "", SM);
    put_store(true, "closed", "'conditions':[{'namespaces':['other']}],", SM);
    ck_assert(!begin(true,
                     "'data':[%s,{'secretKey':'k','sourceRef':{'storeRef':{'name':'closed','kind':"
                     "'ClusterSecretStore'}},'remoteRef':{'key':'b'}}]",
                     MISSING));
}
END_TEST

START_TEST(a_dry_run_asks_only_stores_that_hold_their_values)
{
    const struct secret_source fake = fake_source();
    struct existence_batch batch;
    struct err err = {0};
    size_t position = 0;
    put_store(false, "store", "", SM);
    ck_assert(!begin(false, "'data':[%s]", MISSING));
    put_store(false, "fake", "", FAKE);
    ck_assert(!begin(false,
                     "'data':[%s],'dataFrom':[{'find':{'name':{'regexp':'.'}},'sourceRef':{"
                     "'storeRef':{'name':'fake'}}}]",
                     MISSING));
    ck_assert(!begin(false,
                     "'data':[%s],'dataFrom':[{'extract':{'key':'k','metadataPolicy':'Fetch'},"
                     "'sourceRef':{'storeRef':{'name':'fake'}}}]",
                     MISSING));
    ck_assert(begin(false,
                    "'data':[%s],'dataFrom':[{'extract':{'key':'k'},'sourceRef':{'storeRef':{"
                    "'name':'fake'}}}]",
                    MISSING));
    put_store(false, "store", "", FAKE);
    ck_assert(begin(false, "'data':[%s,%s,%s]", PROPERTY_A, PROPERTY_B, MISSING));
    ck_assert(existence_next(&existence, &position, &batch));
    const struct remote_request request = {.store = batch.store, .namespace = SV("app")};
    existence_ask(&batch);
    ck_assert(fake.read(fake.context, &request, batch.reads, batch.count, &err));
    judge_all();
    ck_assert_uint_eq(found.count, 2);
    ck_assert_str_eq(
        found.items[0].text,
        "KT225 ExternalSecret app/db: spec.data[1]: no property b.c in there: add it or "
        "mend the property");
    ck_assert_str_eq(
        found.items[1].text,
        "KT224 ExternalSecret app/db: spec.data[2]: no secret missing in its store: make "
        "it or mend the key");
}
END_TEST

START_TEST(a_long_name_leaves_room_for_the_remedy_and_no_value_is_told)
{
    char name[600];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    put_store(false, "store", "", SM);
    ck_assert(begin(true, "'data':[{'secretKey':'k','remoteRef':{'key':'%s','property':'%s'}}]",
                    name, name));
    answer("hunter2");
    judge_all();
    ck_assert_uint_eq(found.count, 1);
    ck_assert(sv_ends_with(sv_of(found.items[0].text), SV(": add it or mend the property")));
    ck_assert_ptr_null(strstr(found.items[0].text, "hunter2"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("existence");
    TCase *tcase = tcase_create("existence");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_missing_is_told_by_entry);
    tcase_add_test(tcase, the_deletion_policy_makes_no_difference);
    tcase_add_test(tcase, what_nobody_would_carry_out_is_not_asked_for);
    tcase_add_test(tcase, what_could_not_be_read_says_nothing);
    tcase_add_test(tcase, a_later_answer_takes_the_place_of_an_earlier_one);
    tcase_add_test(tcase, patterns_and_tags_are_not_asked_for);
    tcase_add_test(tcase, who_has_very_many_is_not_asked_for);
    tcase_add_test(tcase, of_many_the_first_are_asked_for);
    tcase_add_test(tcase, each_store_is_asked_for_its_own);
    tcase_add_loop_test(tcase, nothing_is_asked_of_a_store_that_nobody_would_read_through, 0,
                        (int)ARRAY_LEN(CLOSED));
    tcase_add_test(tcase, conditions_that_do_not_admit_the_namespace_keep_everything_back);
    tcase_add_test(tcase, a_dry_run_asks_only_stores_that_hold_their_values);
    tcase_add_test(tcase, a_long_name_leaves_room_for_the_remedy_and_no_value_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
