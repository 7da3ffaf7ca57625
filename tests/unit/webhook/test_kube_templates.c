/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_templates.h"

#include "check_main.h"
#include "neighbours.h"

static const char CONFIG_MAP[] = "/namespaces/n/configmaps/c";
static const char SECRET[] = "/namespaces/n/secrets/s";

static struct kube_config *config;
static struct clients_options options;
static struct clients *clients;
static struct data_map found;
static struct err err;

static void setup(void)
{
    api_begin();
    config = api_config();
    options = (struct clients_options){.config = config, .clock = clock_system()};
    clients = clients_start(&options);
    found = (struct data_map){0};
    err = (struct err){0};
}

static void teardown(void)
{
    data_map_done(&found);
    clients_stop(clients);
    kube_config_free(config);
    api_end();
}

static bool read_object(enum template_from_kind kind, const char *name)
{
    const struct template_source source = kube_templates(&clients->kube);
    return source.read(source.context, kind, SV("n"), sv_of(name),
                       clock_monotonic_ms(clock_system()) + API_PATIENCE_MS, &found, &err);
}

static bool holds(const char *key, const char *value)
{
    const struct data_entry *entry = data_map_get(&found, sv_of(key));
    return entry && sv_is(secret_buf_view(&entry->value), value);
}

START_TEST(of_a_config_map_the_texts_count_and_nothing_else)
{
    api_set("GET", CONFIG_MAP, 200,
            "{'kind':'ConfigMap','data':{'a':'{{ .x }}','b':''},'binaryData':{'z':'eA=='}}");
    ck_assert_msg(read_object(TEMPLATE_FROM_CONFIG_MAP, "c"), "%s", err.message);
    ck_assert_uint_eq(found.count, 2);
    ck_assert(holds("a", "{{ .x }}"));
    ck_assert(holds("b", ""));
}
END_TEST

START_TEST(of_a_secret_the_values_are_decoded)
{
    api_set("GET", SECRET, 200, "{'kind':'Secret','data':{'a':'aHVudGVyMg==','b':''}}");
    ck_assert_msg(read_object(TEMPLATE_FROM_SECRET, "s"), "%s", err.message);
    ck_assert_uint_eq(found.count, 2);
    ck_assert(holds("a", "hunter2"));
    ck_assert(holds("b", ""));
}
END_TEST

START_TEST(one_without_data_is_empty)
{
    api_set("GET", CONFIG_MAP, 200, "{'kind':'ConfigMap'}");
    ck_assert_msg(read_object(TEMPLATE_FROM_CONFIG_MAP, "c"), "%s", err.message);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

/* As it is now: a template that changes has its effect at the next refresh. */
START_TEST(it_is_read_anew_each_time)
{
    api_set("GET", CONFIG_MAP, 200, "{'data':{'a':'1'}}");
    ck_assert(read_object(TEMPLATE_FROM_CONFIG_MAP, "c"));
    data_map_done(&found);
    api_set("GET", CONFIG_MAP, 200, "{'data':{'a':'2'}}");
    ck_assert(read_object(TEMPLATE_FROM_CONFIG_MAP, "c"));
    ck_assert(holds("a", "2"));
    ck_assert_uint_eq(api_count("GET", CONFIG_MAP), 2);
}
END_TEST

static const struct {
    unsigned status;
    const char *body;
    enum err_kind kind;
} failures[] = {
    {404, "{'kind':'Status','reason':'NotFound','message':'gone'}", ERR_MISSING},
    {403, "{'kind':'Status','reason':'Forbidden','message':'no'}", ERR_DENIED},
    {0, "", ERR_TIMEOUT},
    {200, "", ERR_UNAVAILABLE},
    {200, "hunter2", ERR_UNAVAILABLE},
    {200, "{'data':'hunter2'}", ERR_UNAVAILABLE},
    {200, "{'data':{'a':['hunter2']}}", ERR_UNAVAILABLE},
    {200, "{'data':{'a':'aGk=','b':1}}", ERR_UNAVAILABLE},
};

static void check_failure(size_t i, enum template_from_kind kind, const char *name,
                          const char *route)
{
    api_set("GET", route, failures[i].status, "%s", failures[i].body);
    ck_assert(!read_object(kind, name));
    ck_assert_msg(err.kind == failures[i].kind, "%d: %s", err.kind, err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}

START_TEST(what_is_no_such_object_is_an_error_without_its_content)
{
    check_failure((size_t)_i, TEMPLATE_FROM_CONFIG_MAP, "c", CONFIG_MAP);
    check_failure((size_t)_i, TEMPLATE_FROM_SECRET, "s", SECRET);
}
END_TEST

START_TEST(an_answer_that_is_no_such_object_is_named)
{
    api_set("GET", CONFIG_MAP, 200, "{'data':{'a':1}}");
    ck_assert(!read_object(TEMPLATE_FROM_CONFIG_MAP, "c"));
    ck_assert_ptr_eq(strstr(err.message, "ConfigMap c: "), err.message);
    ck_assert_ptr_nonnull(strstr(err.message, "data[a]"));
    api_set("GET", SECRET, 200, "{'data':{'a':'?'}}");
    ck_assert(!read_object(TEMPLATE_FROM_SECRET, "s"));
    ck_assert_ptr_eq(strstr(err.message, "Secret s: "), err.message);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/kube_templates");
    TCase *tcase = tcase_create("kube_templates");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, of_a_config_map_the_texts_count_and_nothing_else);
    tcase_add_test(tcase, of_a_secret_the_values_are_decoded);
    tcase_add_test(tcase, one_without_data_is_empty);
    tcase_add_test(tcase, it_is_read_anew_each_time);
    tcase_add_loop_test(tcase, what_is_no_such_object_is_an_error_without_its_content, 0,
                        ARRAY_LEN(failures));
    tcase_add_test(tcase, an_answer_that_is_no_such_object_is_named);
    suite_add_tcase(suite, tcase);
    return suite;
}
