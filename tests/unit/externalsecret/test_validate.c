/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/validate.h"

#include "base/buf.h"
#include "check_main.h"
#include "quoted_json.h"

/* `spec` behind a store. */
static void validate(const char *spec, struct problem_list *ret)
{
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'metadata':{'name':'es','namespace':'shop'},'spec':{'secretStoreRef':{"
                    "'name':'store'}%s}}",
                    spec);
    struct external_secret *external_secret = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &external_secret, &err), "%s", err.message);
    *ret = (struct problem_list){0};
    external_secret_validate(json.root, external_secret, ret);
    external_secret_release(external_secret);
}

#define DATA ",'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]"
#define TARGET(members) DATA ",'target':{" members "}"
#define TEMPLATE(members) TARGET("'template':{" members "}")
#define FROM(members) ",'dataFrom':[{'extract':{'key':'r'}},{" members "}]"

static const struct {
    const char *spec;
    int code; /* 0: nothing is wrong */
    enum problem_severity severity;
    const char *text; /* the first problem has it */
} CASES[] = {
    {DATA, 0, 0, NULL},
    {FROM("'find':{'name':{'regexp':'^a'}}"), 0, 0, NULL},
    {FROM("'sourceRef':{'storeRef':{'name':'s'}}"), 0, 0, NULL},
    {TEMPLATE("'data':{'a':'{{ .k }}'},'metadata':{'labels':{'l':'x'}},'templateFrom':[{'literal':"
              "'b: {{ .k }}','target':'annotations'}]"),
     0, 0, NULL},
    {TARGET("'deletionPolicy':'Delete','creationPolicy':'Orphan'"), 0, 0, NULL},
    {TARGET("'deletionPolicy':'Merge','creationPolicy':'Merge'"), 0, 0, NULL},
    /* (a) */
    {"", PROBLEM_EMPTY, PROBLEM_ERROR, "spec.data and spec.dataFrom"},
    {",'data':[],'dataFrom':null", PROBLEM_EMPTY, PROBLEM_ERROR, "spec.data and spec.dataFrom"},
    /* (b) */
    {TARGET("'deletionPolicy':'Delete','creationPolicy':'Merge'"), PROBLEM_DELETE_POLICY,
     PROBLEM_ERROR, "spec.target.deletionPolicy"},
    {TARGET("'deletionPolicy':'Delete','creationPolicy':'None'"), PROBLEM_DELETE_POLICY,
     PROBLEM_ERROR, "spec.target.deletionPolicy"},
    {TARGET("'deletionPolicy':'Delete','creationPolicy':'CreateOrMerge'"), PROBLEM_DELETE_POLICY,
     PROBLEM_ERROR, "spec.target.deletionPolicy"},
    /* (c) */
    {TARGET("'deletionPolicy':'Merge','creationPolicy':'None'"), PROBLEM_MERGE_POLICY,
     PROBLEM_ERROR, "creationPolicy None"},
    /* (d) */
    {FROM(""), PROBLEM_DATA_FROM, PROBLEM_ERROR, "spec.dataFrom[1] has no source"},
    {FROM("'rewrite':[]"), PROBLEM_DATA_FROM, PROBLEM_ERROR, "spec.dataFrom[1] has no source"},
    {FROM("'extract':{'key':'r'},'find':{}"), PROBLEM_DATA_FROM, PROBLEM_ERROR,
     "spec.dataFrom[1] has more than one"},
    {FROM("'extract':{'key':'r'},'sourceRef':{'generatorRef':{'kind':'Password','name':'p'}}"),
     PROBLEM_DATA_FROM, PROBLEM_ERROR, "spec.dataFrom[1] has more than one"},
    {FROM("'find':{},'sourceRef':{}"), PROBLEM_DATA_FROM, PROBLEM_ERROR,
     "spec.dataFrom[1].sourceRef is empty"},
    /* (e) */
    {",'data':[{'secretKey':'k','remoteRef':{'key':'a'}},{'secretKey':'k','remoteRef':{'key':'b'}}"
     "]",
     PROBLEM_DUPLICATE_KEY, PROBLEM_ERROR, "spec.data[1].secretKey k"},
    {",'target':{'deletionPolicy':'Delete'},'data':[{'secretKey':'k','remoteRef':{'key':'a'}},{"
     "'secretKey':'k','remoteRef':{'key':'b'}}]",
     0, 0, NULL},
    /* (f) */
    {TEMPLATE("'type':'bootstrap.kubernetes.io/token'"), PROBLEM_TOKEN_TYPE, PROBLEM_ERROR,
     "bootstrap.kubernetes.io/token"},
    {TEMPLATE("'type':'kubernetes.io/service-account-token'"), 0, 0, NULL},
    {TEMPLATE("'type':'kubernetes.io/service-account-token','metadata':{'annotations':{"
              "'kubernetes.io/service-account.name':'admin'}}"),
     PROBLEM_TOKEN_TYPE, PROBLEM_ERROR, "service-account-token"},
    {TEMPLATE("'type':'kubernetes.io/service-account-token','templateFrom':[{'literal':'a: b',"
              "'target':'Annotations'}]"),
     PROBLEM_TOKEN_TYPE, PROBLEM_ERROR, "service-account-token"},
    /* (g) */
    {TEMPLATE("'templateFrom':[{'literal':'a: b'},{'literal':'a: b','target':'spec.x'}]"),
     PROBLEM_TEMPLATE_TARGET, PROBLEM_ERROR, "templateFrom[1].target"},
    /* Found out about later otherwise. */
    {FROM("'find':{'name':{'regexp':'a('}}"), PROBLEM_REGEXP, PROBLEM_ERROR,
     "spec.dataFrom[1].find.name.regexp: "},
    {FROM("'find':{},'rewrite':[{'merge':{}},{'regexp':{'source':'(?=a)','target':''}}]"),
     PROBLEM_REGEXP, PROBLEM_ERROR, "spec.dataFrom[1].rewrite[1].regexp.source: "},
    {FROM("'find':{},'rewrite':[{'merge':{}},{'regexp':{'source':'a','target':''},'transform':{"
          "'template':'{{ if }}'}}]"),
     PROBLEM_TEMPLATE, PROBLEM_ERROR, "spec.dataFrom[1].rewrite[1].transform.template: line 1, "},
    {FROM("'find':{},'rewrite':[{'merge':{'strategy':'JSON'}}]"), PROBLEM_REWRITE_MERGE,
     PROBLEM_ERROR, "spec.dataFrom[1].rewrite[0].merge: into is empty"},
    {FROM("'find':{},'rewrite':[{'transform':{'template':'{{ if }}'}}]"), PROBLEM_TEMPLATE,
     PROBLEM_ERROR, "spec.dataFrom[1].rewrite[0].transform.template: line 1, column "},
    {TEMPLATE("'data':{'a':'x','tls.crt':'{{ .k '}"), PROBLEM_TEMPLATE, PROBLEM_ERROR,
     "spec.target.template.data[tls.crt]: line 1, column "},
    {TEMPLATE("'metadata':{'labels':{'l':'{{ end }}'}}"), PROBLEM_TEMPLATE, PROBLEM_ERROR,
     "spec.target.template.metadata.labels[l]: "},
    {TEMPLATE("'metadata':{'annotations':{'l':'{{ nosuchfunction }}'}}"), PROBLEM_TEMPLATE,
     PROBLEM_ERROR, "spec.target.template.metadata.annotations[l]: "},
    {TEMPLATE("'templateFrom':[{},{'literal':'a: {{'}]"), PROBLEM_TEMPLATE, PROBLEM_ERROR,
     "templateFrom[1].literal: "},
    /* Left to the operator. */
    {FROM("'find':{},'rewrite':[{'transform':{'template':'{{ genPrivateKey `rsa` }}'}}]"),
     PROBLEM_UNSUPPORTED, PROBLEM_FOREIGN, "spec.dataFrom[1].rewrite[0].transform.template: "},
    {TEMPLATE("'data':{'a':'{{ genPrivateKey `rsa` }}'}"), PROBLEM_UNSUPPORTED, PROBLEM_FOREIGN,
     "spec.target.template.data[a]: "},
    {",'data':[{'secretKey':'k','remoteRef':{'key':'r','property':'a|@pretty'}}]",
     PROBLEM_UNSUPPORTED, PROBLEM_FOREIGN, "spec.data[0].remoteRef.property: "},
    {",'dataFrom':[{'extract':{'key':'r','property':'a|@pretty'}}]", PROBLEM_UNSUPPORTED,
     PROBLEM_FOREIGN, "spec.dataFrom[0].extract.property: "},
    {FROM("'sourceRef':{'generatorRef':{'kind':'Password','name':'p'}}"), PROBLEM_UNSUPPORTED,
     PROBLEM_FOREIGN, "spec.dataFrom[1].sourceRef.generatorRef is not supported"},
    {DATA ",'syncWindows':{'kind':'allow'}", PROBLEM_UNSUPPORTED, PROBLEM_FOREIGN,
     "spec.syncWindows is not supported"},
};

START_TEST(names_what_is_wrong)
{
    struct problem_list list;
    validate(CASES[_i].spec, &list);
    ck_assert_msg(list.count == (CASES[_i].code ? 1 : 0), "%s: %zu, %s", CASES[_i].spec, list.count,
                  list.count ? list.items[0].text : "");
    if (CASES[_i].code) {
        char code[8];
        (void)snprintf(code, sizeof code, "KT%d ", CASES[_i].code);
        ck_assert_int_eq(list.items[0].code, CASES[_i].code);
        ck_assert_int_eq(list.items[0].severity, CASES[_i].severity);
        ck_assert_msg(strstr(list.items[0].text, CASES[_i].text), "%s", list.items[0].text);
        ck_assert(sv_starts_with(sv_of(list.items[0].text), sv_of(code)));
    }
}
END_TEST

START_TEST(names_all_of_it)
{
    struct problem_list list;
    validate(",'target':{'deletionPolicy':'Delete','creationPolicy':'None','template':{'data':{"
             "'a':'{{','b':'{{'}}}",
             &list);
    ck_assert_uint_eq(list.count, 4);
    ck_assert_int_eq(list.items[0].code, PROBLEM_EMPTY);
    ck_assert_int_eq(list.items[1].code, PROBLEM_DELETE_POLICY);
    ck_assert_int_eq(list.items[2].code, PROBLEM_TEMPLATE);
    ck_assert_int_eq(list.items[3].code, PROBLEM_TEMPLATE);
    ck_assert_uint_eq(list.more, 0);
}
END_TEST

START_TEST(shows_printable_text_of_one_line_and_counts_the_rest)
{
    struct problem_list list = {0};
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    problem_add(&list, PROBLEM_REGEXP, PROBLEM_ERROR, "a\n\033[1m\xc3\xbc%s", "b");
    ck_assert_str_eq(list.items[0].text, "KT208 a??[1m??b");
    problem_add(&list, PROBLEM_REGEXP, PROBLEM_ERROR, "%s", name);
    ck_assert_uint_eq(strlen(list.items[1].text), LIMIT_DENIAL_BYTES);
    ck_assert(sv_ends_with(sv_of(list.items[1].text), SV("nn...")));
    for (size_t i = 0; i < PROBLEMS_MAX; i++) {
        problem_add(&list, PROBLEM_REGEXP, PROBLEM_ERROR, "x");
    }
    ck_assert_uint_eq(list.count, PROBLEMS_MAX);
    ck_assert_uint_eq(list.more, 2);
}
END_TEST

/* `count` finds, each with a regular expression of `unit` again and again. */
static void validate_patterns(int count, const char *unit, int times, struct problem_list *ret)
{
    CLEANUP(buf_done) struct buf spec = {0};
    buf_init(&spec, LIMIT_ELEMENT_BYTES);
    buf_add_str(&spec, ",'dataFrom':[");
    for (int i = 0; i < count; i++) {
        buf_printf(&spec, "%s{'find':{'name':{'regexp':'", i ? "," : "");
        for (int j = 0; j < times; j++) {
            buf_add_str(&spec, unit);
        }
        buf_add_str(&spec, "'}},'rewrite':[{'regexp':{'source':'a','target':'b'}}]}");
    }
    buf_add(&spec, sv_make("]", 2));
    validate(spec.data, ret);
}

static const struct {
    int count;
    const char *unit;
    int times;
    const char *over; /* NULL: none */
} patterns[] = {
    {80, "^app-[a-z]+/prod$", 1, NULL},
    {1, "^app-[a-z]+/prod$|", 200, NULL},
    {1000, "a", 1024, "KT210 spec.dataFrom[5].find.name.regexp: "},
    {30000, "a", 1, "KT210 spec.dataFrom["},
    {1000, "(?:[ab]|b){1000}", 1, "KT210 spec.dataFrom["},
    {1000, "(?i:[\\\\x{0}-\\\\x{10ffff}])", 1, "KT210 spec.dataFrom[1"},
};

START_TEST(compiles_only_so_much)
{
    struct problem_list list;
    validate_patterns(patterns[_i].count, patterns[_i].unit, patterns[_i].times, &list);
    ck_assert_msg(list.count == (patterns[_i].over ? 1 : 0), "%zu: %s", list.count,
                  list.items[0].text);
    ck_assert_uint_eq(list.more, 0);
    if (patterns[_i].over) {
        ck_assert_int_eq(list.items[0].severity, PROBLEM_FOREIGN);
        ck_assert_msg(strncmp(list.items[0].text, patterns[_i].over, strlen(patterns[_i].over)) ==
                          0,
                      "%s", list.items[0].text);
        ck_assert_ptr_nonnull(strstr(list.items[0].text, "more than its 100000 steps up to here"));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("validate");
    TCase *tcase = tcase_create("validate");
    tcase_add_loop_test(tcase, names_what_is_wrong, 0, (int)ARRAY_LEN(CASES));
    tcase_add_test(tcase, names_all_of_it);
    tcase_add_loop_test(tcase, compiles_only_so_much, 0, ARRAY_LEN(patterns));
    tcase_add_test(tcase, shows_printable_text_of_one_line_and_counts_the_rest);
    suite_add_tcase(suite, tcase);
    return suite;
}
