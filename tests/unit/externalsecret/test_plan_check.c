/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "external_secret_text.h"
#include "externalsecret/plan.h"

#define DATA ",'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]"
#define TEMPLATE(inside) ",'target':{'template':{" inside "}}" DATA

/* What an ExternalSecret holds, what becomes of it and which field says why. */
static const struct {
    const char *spec;
    enum plan_verdict verdict;
    const char *field;
} cases[] = {
    {DATA, PLAN_FINE, NULL},
    {TEMPLATE("'data':{'x':'{{ .a }}'}"), PLAN_FINE, NULL},
    {",'data':[{'secretKey':'a','remoteRef':{'key':'k'}},"
     "{'secretKey':'b','remoteRef':{'key':'k','property':'list.@pretty'}}]",
     PLAN_FOREIGN, "spec.data[1].remoteRef.property: "},
    {",'dataFrom':[{'extract':{'key':'k','property':'x|@pretty'}}]", PLAN_FOREIGN,
     "spec.dataFrom[0].extract.property: "},
    {",'dataFrom':[{'extract':{'key':'k'}},{'find':{'name':{'regexp':'a(b'}}}]", PLAN_BROKEN,
     "spec.dataFrom[1].find.name.regexp: "},
    {",'dataFrom':[{'extract':{'key':'k'},'rewrite':[{'transform':{'template':'x'}},"
     "{'transform':{'template':'{{ if .value }}'}}]}]",
     PLAN_BROKEN, "spec.dataFrom[0].rewrite[1].transform.template: line 1, column "},
    {",'dataFrom':[{'extract':{'key':'k'},'rewrite':[{'transform':{'template':"
     "'{{ uuidv4 }}'}}]}]",
     PLAN_FOREIGN, "spec.dataFrom[0].rewrite[0].transform.template: "},
    {TEMPLATE("'data':{'fine':'{{ .a }}','x':'{{ if .a }}'}"), PLAN_BROKEN,
     "spec.target.template.data[x]: line 1, column "},
    {TEMPLATE("'data':{'x':'{{ uuidv4 }}'}"), PLAN_FOREIGN, "spec.target.template.data[x]: "},
    {TEMPLATE("'metadata':{'labels':{'l':'{{ if .a }}'}}"), PLAN_BROKEN,
     "spec.target.template.metadata.labels[l]: "},
    {TEMPLATE("'metadata':{'annotations':{'n':'{{ uuidv4 }}'}}"), PLAN_FOREIGN,
     "spec.target.template.metadata.annotations[n]: "},
    {TEMPLATE("'templateFrom':[{'literal':'a: b'},{'literal':'{{ if .a }}'}]"), PLAN_BROKEN,
     "spec.target.template.templateFrom[1].literal: "},
    {",'future':1" DATA, PLAN_FOREIGN, "spec.future"},
};

START_TEST(tells_what_is_rendered_from_what_is_not)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", cases[_i].spec);
    struct err err = {0};
    ck_assert_msg(plan_check(external_secret, &err) == cases[_i].verdict, "%s", err.message);
    if (cases[_i].field) {
        ck_assert_msg(strncmp(err.message, cases[_i].field, strlen(cases[_i].field)) == 0, "%s",
                      err.message);
    } else {
        ck_assert_int_eq(err.kind, ERR_NONE);
    }
}
END_TEST

/* As at its admission (validate.h). */
START_TEST(compiles_only_so_many_patterns)
{
    CLEANUP(buf_done) struct buf spec = {0};
    struct err err = {0};
    buf_init(&spec, LIMIT_ELEMENT_BYTES);
    buf_add_str(&spec, ",'dataFrom':[{'extract':{'key':'k'},'rewrite':[");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&spec, "%s{'regexp':{'source':'^app-%d-(.*)$','target':'b'}}", i ? "," : "", i);
    }
    buf_add(&spec, sv_make("]}]", 4));
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", spec.data);
    ck_assert_int_eq(plan_check_reads(external_secret, &err), PLAN_FOREIGN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_msg(strstr(err.message, "spec.dataFrom[0].rewrite[3") == err.message, "%s",
                  err.message);
    ck_assert_ptr_nonnull(strstr(err.message, ".regexp.source: the ExternalSecret takes more"));
}
END_TEST

/* So that the status can say what went wrong. */
START_TEST(tells_templates_from_data)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of("", TEMPLATE("'data':{'x':'{{ if .a }}'}"));
    struct err err = {0};
    ck_assert_int_eq(plan_check_reads(external_secret, &err), PLAN_FINE);
    ck_assert_int_eq(plan_check_template(external_secret, &err), PLAN_BROKEN);
}
END_TEST

START_TEST(wants_a_remote_key)
{
    struct external_secret_data data = {.secret_key = SV("a")};
    const struct external_secret external_secret = {.data = &data, .data_count = 1};
    struct err err = {0};
    ck_assert_int_eq(plan_check(&external_secret, &err), PLAN_BROKEN);
    ck_assert_str_eq(err.message, "spec.data[0].remoteRef.key is empty");
    data.remote_key = SV("k");
    ck_assert_int_eq(plan_check(&external_secret, &err), PLAN_FINE);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("plan_check");
    TCase *tcase = tcase_create("plan_check");
    tcase_add_loop_test(tcase, tells_what_is_rendered_from_what_is_not, 0, ARRAY_LEN(cases));
    tcase_add_test(tcase, compiles_only_so_many_patterns);
    tcase_add_test(tcase, tells_templates_from_data);
    tcase_add_test(tcase, wants_a_remote_key);
    suite_add_tcase(suite, tcase);
    return suite;
}
