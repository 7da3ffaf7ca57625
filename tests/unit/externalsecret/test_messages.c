/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure tells, on the whole way from what was read to the Secret's data: where it
 * happened, and no byte of a value. extract and merge make keys of what stands in a value, so a key
 * is told by its place. */
#include "check_main.h"
#include "external_secret_text.h"
#include "externalsecret/build.h"
#include "externalsecret/plan.h"
#include "externalsecret/render.h"

/* In every value below, and in keys that come out of one. */
#define CANARY "hunter2"
#define TEN CANARY CANARY CANARY CANARY CANARY CANARY CANARY CANARY CANARY CANARY
#define EXTRACT(more) ",'dataFrom':[{'extract':{'key':'k'" more "}}]"
#define REWRITE(list) ",'dataFrom':[{'extract':{'key':'k'},'rewrite':[" list "]}]"
#define REGEXP "{'regexp':{'source':'^x','target':'y'}}"
#define TRANSFORM(text) REWRITE("{'transform':{'template':'" text "'}}")
#define MERGE "{'merge':{}}"
#define DATA(remote) ",'data':[{'secretKey':'s','remoteRef':{'key':'k'" remote "}}]"
#define TARGET(template) EXTRACT("") ",'target':{'template':{" template "}}"
#define TEXT(text) TARGET("'data':{'x':'" text "'}")
#define LITERAL(text) TARGET("'templateFrom':[{'literal':'" text "'}]")
#define Q "\\u0022"

static const char one[] = "{\"k\":\"hunter2\"}";

static const struct {
    const char *spec;
    const char *value; /* of the remote secret */
    const char *message;
} failures[] = {
    /* The value as a whole */
    {EXTRACT(""), CANARY, "spec.dataFrom[0]: remote secret k: the value is no JSON"},
    {EXTRACT(""), "\"hunter2\"", "the value is JSON but no object"},
    {EXTRACT(",'property':'p'"), "{\"p\":hunter2}", "property p of remote secret k: "},
    {EXTRACT(",'property':'p'"), "{\"p\":\"hunter2\"}", "property p of remote secret k: "},
    {EXTRACT(",'property':'gone'"), one, "no such property"},
    {DATA(",'property':'gone'"), one, "spec.data[0]: data key s: property gone of remote secret k"},
    {DATA(",'property':'k.#(a==1)'"), one, "no such property"},
    {DATA(",'decodingStrategy':'Base64'"), CANARY,
     "spec.data[0]: data key s: the value is no base"},
    {DATA(",'decodingStrategy':'Base64URL'"), CANARY, "data key s: the value is no base64url"},
    {DATA(",'nullBytePolicy':'Fail','property':'a'"), "{\"a\":\"hunter2\\u0000\"}",
     "data key s: the value has a null byte"},
    /* Keys that come out of it */
    {EXTRACT(""), "{\"hunter2/\":\"1\",\"hunter2!\":\"2\"}",
     "keys 1 and 2 of 2 (sorted) become one"},
    {EXTRACT(",'conversionStrategy':'Unicode'"), "{\"hunter2/\":\"1\",\"hunter2_U002f_\":\"2\"}",
     "keys 1 and 2 of 2 (sorted) become one"},
    {EXTRACT(""), "{\"a\":\"\",\"" TEN TEN TEN TEN "\":\"\"}",
     "spec.dataFrom[0]: key 2 of 2 (sorted): 280 bytes"},
    {EXTRACT(",'decodingStrategy':'Base64'"), "{\"hunter2\":\"hunter2\"}",
     "spec.dataFrom[0]: key 1 of 1 (sorted): the value is no base64"},
    {EXTRACT(",'nullBytePolicy':'Fail'"), "{\"hunter2\":\"\\u0000\"}",
     "key 1 of 1 (sorted): the value has a null byte"},
    {EXTRACT(""), "{\"hunter2\\u00e9\":\"\"}", "key 1 has another byte"},
    {EXTRACT(""), "{\"..hunter2\":\"\"}", "key 1 is empty, \".\" or begins with"},
    /* Rewritten */
    {REWRITE(REGEXP), "{\"a\":\"\",\"hunter2\\u2603\":\"\"}",
     "spec.dataFrom[0]: key 2 of 2 (sorted): byte 8 of 10"},
    {TRANSFORM("{{ fail .value }}"), "{\"hunter2\":\"\"}",
     "rewrite: [0].transform.template: key 1 of 1 (sorted): line 1"},
    {TRANSFORM("{{ .value.x }}"), "{\"hunter2\":\"\"}", "key 1 of 1 (sorted): line 1"},
    {TRANSFORM("{{ index .value 99 }}"), "{\"hunter2\":\"\"}", "key 1 of 1 (sorted): line 1"},
    {TRANSFORM("{{ repeat 1000 .value }}"), "{\"hunter2\":\"\"}", "key 1 of 1 (sorted): line 1"},
    {REWRITE("{'regexp':{'source':'.','target':'" TEN TEN TEN TEN TEN TEN TEN TEN TEN "'}}"),
     "{\"hunter2\":\"\"}", "[0].regexp.source: key 1 of 1 (sorted): "},
    /* Merged, and what merging made of a value */
    {REWRITE(MERGE), "{\"hunter2\":\"hunter2\"}",
     "rewrite: [0].merge: key 1 of 1 (sorted): the value is no JSON"},
    {REWRITE(MERGE), "{\"hunter2\":[\"hunter2\"]}",
     "key 1 of 1 (sorted): the value is JSON but no"},
    {REWRITE(MERGE), "{\"hunter2\":{\"hunter2\":1e400}}", "the value has a number over the range"},
    {REWRITE(MERGE), "{\"hunter2\":{\"hunter2\":1},\"i\":{\"hunter2\":2}}",
     "key 2 of 2 (sorted): a member of the value is in an earlier value too"},
    {REWRITE("{'merge':{'priority':['gone']}}"), "{\"hunter2\":{}}",
     "priority[0]: there is no key \"gone\""},
    {REWRITE(MERGE), "{\"a\":{\"hunter2/\":1}}", "spec.dataFrom[0]: key 1 of 1 (sorted): byte 8"},
    {REWRITE(MERGE "," MERGE), "{\"a\":{\"hunter2\":\"hunter2\"}}",
     "[1].merge: key 1 of 1 (sorted): the value is no JSON"},
    {REWRITE(MERGE ",{'transform':{'template':'{{ fail .value }}'}}"), "{\"a\":{\"hunter2\":1}}",
     "[1].transform.template: key 1 of 1 (sorted): line 1"},
    /* Templates over values, and over keys that are none of theirs */
    {TEXT("{{ .missing }}"), one, "data[x]: line 1, column 4: the map has no such key"},
    {TEXT("{{ .k.x }}"), one, "no fields has a value of type string"},
    {TEXT("{{ range $k, $v := . }}{{ $k.x }}{{ end }}"), "{\"hunter2\":\"\"}", "no fields has"},
    {TEXT("{{ index . .k " Q "x" Q " }}"), one, "data[x]: line 1"},
    {TEXT("{{ index .k 99 }}"), one, "data[x]: line 1"},
    {TEXT("{{ index .k .k }}"), one, "data[x]: line 1"},
    {TEXT("{{ index .k (int .n) }}"), "{\"k\":\"hunter2\",\"n\":\"7777777\"}", "data[x]: line 1"},
    {TEXT("{{ slice .k 9 99 }}"), one, "data[x]: line 1"},
    {TEXT("{{ fail .k }}"), one, "data[x]: line 1"},
    {TEXT("{{ range .k }}{{ end }}"), one, "range cannot go over a string"},
    {TEXT("{{ lt .k 1 }}"), one, "cannot compare string with int"},
    {TEXT("{{ len 3 }}{{ .k }}"), one, "data[x]: line 1"},
    {TEXT("{{ regexFind .k .k }}"), "{\"k\":\"hunter2(\"}", "regexFind: column 8"},
    {TEXT("{{ regexReplaceAll .k .k .k }}"), "{\"k\":\"(?P<hunter2\"}", "regexReplaceAll: column"},
    {TEXT("{{ mustRegexMatch .k .k }}"), "{\"k\":\"[[:hunter2:]]\"}", "mustRegexMatch: column"},
    {TEXT("{{ repeat 1000000 .k }}"), one, "data[x]: line 1"},
    {TEXT("{{ trunc .k .k }}"), one, "data[x]: line 1"},
    {TEXT("{{ get .k .k }}"), one, "data[x]: line 1"},
    {TEXT("{{ toYaml .k }}"), "{\"k\":\"hunter2\\u0085\"}", "data[x]: line 1"},
    {TEXT("{{ .k | " CANARY " }}"), one, "function \"hunter2\" is not defined"},
    {TARGET("'metadata':{'labels':{'l':'{{ fail .k }}'}}"), one, "metadata.labels[l]: line 1"},
    {TARGET("'metadata':{'annotations':{'n':'{{ .k.x }}'}}"), one,
     "metadata.annotations[n]: line 1"},
    /* YAML that a template makes of them */
    {LITERAL("{{ .k }}"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("[{{ .k }}"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("{{ .k }}: [1]"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("a: {{ .k }}: x"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("a: *{{ .k }}"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("a: !!binary {{ .k }}"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("a: !!int {{ .k }}"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("%{{ .k }}\\n---\\na: b"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("a: " Q "{{ .k }}"), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("a: " Q "\\\\{{ .k }}" Q), one, "templateFrom[0]: what it renders is no YAML map"},
    {LITERAL("{{ .k }}: b"), "{\"k\":\"hunter2\\u0001\"}",
     "templateFrom[0]: what it renders is no"},
    {LITERAL("{{ .k }}/: b"), one, "key 1 has another byte"},
    {TARGET("'templateFrom':[{'valuesDecodingStrategy':'Base64','literal':'{{ .k }}: {{ .k }}'}]"),
     one, "templateFrom[0]: the value is no base64"},
};

static bool read_all(struct plan *plan, const char *value)
{
    for (size_t i = 0; i < plan->read_count; i++) {
        secret_buf_init(&plan->reads[i].value, LIMIT_SECRET_DATA_BYTES);
        secret_buf_add(&plan->reads[i].value, sv_of(value));
    }
    return true;
}

/* As reconcile() does it. */
static bool make_data(const struct external_secret *external_secret, const char *value,
                      struct err *err)
{
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map fetched = {0};
    CLEANUP(rendered_done) struct rendered rendered = {0};
    CLEANUP(data_map_done) struct data_map data = {0};
    const struct render_input input = {.external_secret = external_secret, .fetched = &fetched};
    if (plan_check(external_secret, err) != PLAN_FINE) {
        return false;
    }
    plan_make(external_secret, &plan);
    return read_all(&plan, value) && plan_collect(external_secret, &plan, &fetched, err) &&
           render(&input, &rendered, err) == TEMPLATE_FINE &&
           build_data(external_secret, NULL, &rendered.data, &data, err);
}

/* `message` without what stands in the ExternalSecret itself. */
static bool tells(const char *message, const char *spec, const char *secret)
{
    return strstr(message, secret) && !strstr(spec, secret);
}

START_TEST(a_failure_tells_its_place_and_no_byte_of_a_value)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", failures[_i].spec);
    struct err err = {0};
    ck_assert_msg(external_secret->unsupported.len == 0, "%.*s",
                  SV_ARG(external_secret->unsupported));
    ck_assert_msg(!make_data(external_secret, failures[_i].value, &err), "%s", failures[_i].spec);
    ck_assert_msg(strstr(err.message, failures[_i].message), "%s: %s", failures[_i].spec,
                  err.message);
    static const char *const secrets[] = {CANARY, "2603", "7777777", "002F", "\xe2\x98\x83"};
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        ck_assert_msg(!tells(err.message, failures[_i].spec, secrets[i]), "%s", err.message);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("messages");
    TCase *tcase = tcase_create("messages");
    tcase_add_loop_test(tcase, a_failure_tells_its_place_and_no_byte_of_a_value, 0,
                        ARRAY_LEN(failures));
    suite_add_tcase(suite, tcase);
    return suite;
}
