/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/render.h"

#include "check_main.h"
#include "external_secret_text.h"

enum {
    DEADLINE_MS = 777,
};

/* The one object of templateFrom; NULL: there is none. */
static const char *object_key;
static const char *object_value;
static enum template_from_kind asked_kind;

static bool read_object(void *context, enum template_from_kind kind, struct str_view namespace,
                        struct str_view name, int64_t deadline_ms, struct data_map *ret,
                        struct err *err)
{
    (void)context;
    ck_assert(sv_is(namespace, "prod") && sv_is(name, "texts"));
    ck_assert_int_eq(deadline_ms, DEADLINE_MS);
    asked_kind = kind;
    if (!object_key) {
        return err_set(err, ERR_MISSING, "NotFound");
    }
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, sv_of(object_value));
    data_map_put(ret, sv_of(object_key), &value);
    return true;
}

static void put(struct data_map *map, const char *key, const char *bytes)
{
    struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, sv_of(bytes));
    data_map_put(map, sv_of(key), &value);
}

/* `a=1 b=2` of a map. */
static void print_map(const struct data_map *map, struct buf *ret)
{
    buf_init(ret, 4096);
    for (size_t i = 0; i < map->count; i++) {
        buf_add_str(ret, i ? " " : "");
        buf_add(ret, map->entries[i].key);
        buf_add_byte(ret, '=');
        buf_add(ret, secret_buf_view(&map->entries[i].value));
    }
}

static void check_map(const struct data_map *map, const char *wanted)
{
    CLEANUP(buf_done) struct buf text = {0};
    print_map(map, &text);
    ck_assert_str_eq(text.data ? text.data : "", wanted);
}

static enum template_verdict render_it(const char *metadata, const char *target,
                                       struct rendered *ret, struct err *err)
{
    static const struct template_source source = {.read = read_object};
    char spec[2000];
    (void)snprintf(spec, sizeof spec,
                   ",'target':{%s},'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]", target);
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of(metadata, spec);
    ck_assert_msg(external_secret->unsupported.len == 0, "%.*s",
                  SV_ARG(external_secret->unsupported));
    CLEANUP(data_map_done) struct data_map fetched = {0};
    put(&fetched, "a", "1");
    put(&fetched, "b", "hunter2");
    const struct render_input input = {.external_secret = external_secret,
                                       .fetched = &fetched,
                                       .source = &source,
                                       .deadline_ms = DEADLINE_MS};
    return render(&input, ret, err);
}

/* Precedence and targets; ' is " in the JSON of the test. */
static const struct {
    const char *metadata;
    const char *target;
    const char *object; /* value of the key "key" */
    const char *data;
    const char *labels;
    const char *annotations;
} cases[] = {
    {",'labels':{'l':'{{ .a }}'},'annotations':{'n':'2'}", "", NULL, "a=1 b=hunter2", "l={{ .a }}",
     "n=2"},
    /* With a template nothing of the ExternalSecret is copied. */
    {",'labels':{'l':'1'},'annotations':{'n':'2'}", "'template':{}", NULL, "a=1 b=hunter2", "", ""},
    {"", "'template':{'metadata':{'labels':{'l':'x'}}}", NULL, "a=1 b=hunter2", "l=x", ""},
    /* An element without a source is a templateFrom all the same. */
    {"", "'template':{'templateFrom':[{}]}", NULL, "", "", ""},
    {"", "'template':{'mergePolicy':'Merge','templateFrom':[{}]}", NULL, "a=1 b=hunter2", "", ""},
    {"", "'template':{'data':{'x':'{{ .a }}-{{ .b }}'}}", NULL, "x=1-hunter2", "", ""},
    {"", "'template':{'mergePolicy':'Merge','data':{'a':'new','x':'y'}}", NULL,
     "a=new b=hunter2 x=y", "", ""},
    {"", "'template':{'metadata':{'labels':{'l':'{{ .a }}'},'annotations':{'n':'<{{ .b }}>'}}}",
     NULL, "a=1 b=hunter2", "l=1", "n=<hunter2>"},
    {"",
     "'template':{'templateFrom':[{'literal':'{\\u0022x\\u0022: \\u0022{{ .a }}\\u0022, "
     "\\u0022y\\u0022: true, \\u0022z\\u0022: null, \\u0022n\\u0022: 5}'}]}",
     NULL, "n=5 x=1 y=true z=", "", ""},
    /* Later ones win, and template.data over all of them. */
    {"",
     "'template':{'data':{'z':'data'},'templateFrom':[{'literal':'{\\u0022x\\u0022: "
     "\\u00221\\u0022, \\u0022y\\u0022: \\u00221\\u0022, \\u0022z\\u0022: \\u00221\\u0022}'},"
     "{'literal':'{\\u0022y\\u0022: \\u00222\\u0022, \\u0022z\\u0022: \\u00222\\u0022}'}]}",
     NULL, "x=1 y=2 z=data", "", ""},
    {"",
     "'template':{'templateFrom':[{'target':'Labels','literal':'{\\u0022x\\u0022: "
     "\\u00221\\u0022, \\u0022y\\u0022: \\u00221\\u0022}'},{'target':'annotations','literal':"
     "'{\\u0022n\\u0022: \\u00221\\u0022}'}],'metadata':{'labels':{'y':'2'}}}",
     NULL, "", "x=1 y=2", "n=1"},
    {"", "'template':{'templateFrom':[{'configMap':{'name':'texts','items':[{'key':'key'}]}}]}",
     "v={{ .a }}", "key=v=1", "", ""},
    {"",
     "'template':{'templateFrom':[{'secret':{'name':'texts','items':[{'key':'key',"
     "'templateAs':'KeysAndValues'}]}}]}",
     "{\"x\": \"{{ .a }}\"}", "x=1", "", ""},
};

START_TEST(renders_by_precedence)
{
    CLEANUP(rendered_done) struct rendered rendered = {0};
    struct err err = {0};
    object_key = cases[_i].object ? "key" : NULL;
    object_value = cases[_i].object;
    ck_assert_msg(render_it(cases[_i].metadata, cases[_i].target, &rendered, &err) == TEMPLATE_FINE,
                  "%s", err.message);
    check_map(&rendered.data, cases[_i].data);
    check_map(&rendered.labels, cases[_i].labels);
    check_map(&rendered.annotations, cases[_i].annotations);
    if (object_key) {
        ck_assert_int_eq(asked_kind, strstr(cases[_i].target, "configMap")
                                         ? TEMPLATE_FROM_CONFIG_MAP
                                         : TEMPLATE_FROM_SECRET);
    }
}
END_TEST

/* What fails, and that nothing of a value is told. */
static const struct {
    const char *target;
    const char *object;
    enum template_verdict verdict;
    enum err_kind kind;
    const char *message;
} failures[] = {
    {"'template':{'data':{'x':'{{ .missing }}'}}", NULL, TEMPLATE_BROKEN, ERR_INVALID,
     "spec.target.template.data[x]: "},
    {"'template':{'metadata':{'labels':{'l':'{{ .missing }}'}}}", NULL, TEMPLATE_BROKEN,
     ERR_INVALID, "spec.target.template.metadata.labels[l]: "},
    {"'template':{'templateFrom':[{'literal':'{{ .b }}'}]}", NULL, TEMPLATE_BROKEN, ERR_INVALID,
     "spec.target.template.templateFrom[0]: what it renders is no "},
    {"'template':{'templateFrom':[{'literal':'{\\u0022x\\u0022: [\\u0022{{ .b }}\\u0022]}'}]}",
     NULL, TEMPLATE_BROKEN, ERR_INVALID,
     "spec.target.template.templateFrom[0]: what it renders is no YAML map of keys and texts: "},
    {"'template':{'templateFrom':[{'configMap':{'name':'texts','items':[{'key':'key'}]}}]}", NULL,
     TEMPLATE_BROKEN, ERR_MISSING, "spec.target.template.templateFrom[0]: NotFound"},
    {"'template':{'templateFrom':[{'configMap':{'name':'texts','items':[{'key':'other'}]}}]}", "x",
     TEMPLATE_BROKEN, ERR_MISSING,
     "spec.target.template.templateFrom[0]: items[0].key other: ConfigMap texts has no such key"},
    {"'template':{'templateFrom':[{'secret':{'name':'texts','items':[{'key':'key'}]}}]}",
     "{{ if .a }}", TEMPLATE_BROKEN, ERR_INVALID,
     "spec.target.template.templateFrom[0]: items[0].key key: the template in it "},
    {"'template':{'templateFrom':[{'secret':{'name':'texts','items':[{'key':'key'}]}}]}",
     "{{ hunter2 }}", TEMPLATE_BROKEN, ERR_INVALID,
     "spec.target.template.templateFrom[0]: items[0].key key: the template in it "},
    {"'template':{'data':{'x':'{{repeat 1048000 .a}}','y':'{{repeat 1048000 .a}}',"
     "'z1':'{{repeat 1048000 .a}}','z2':'{{repeat 1048000 .a}}','z3':'{{repeat 1048000 .a}}',"
     "'z4':'{{repeat 1048000 .a}}','z5':'{{repeat 1048000 .a}}','z6':'{{repeat 1048000 .a}}',"
     "'z7':'{{repeat 1048000 .a}}'}}",
     NULL, TEMPLATE_BROKEN, ERR_TOO_BIG, "spec.target.template.data[z"},
    {"'template':{'templateFrom':[{'secret':{'name':'texts','items':[{'key':'key'}]}}]}",
     "{{ uuidv4 }}", TEMPLATE_FOREIGN, ERR_INVALID,
     "spec.target.template.templateFrom[0]: items[0].key key: the template in it "},
    {"'template':{'type':'bootstrap.kubernetes.io/token'}", NULL, TEMPLATE_BROKEN, ERR_DENIED,
     "spec.target.template.type: "},
    {"'template':{'type':'kubernetes.io/service-account-token','templateFrom':[{'target':"
     "'Annotations','literal':'{\\u0022kubernetes.io/service-account.name\\u0022: "
     "\\u0022x\\u0022}'}]}",
     NULL, TEMPLATE_BROKEN, ERR_DENIED, "spec.target.template.type: "},
};

START_TEST(says_what_cannot_be_rendered)
{
    CLEANUP(rendered_done) struct rendered rendered = {0};
    struct err err = {0};
    object_key = failures[_i].object ? "key" : NULL;
    object_value = failures[_i].object;
    ck_assert_int_eq(render_it("", failures[_i].target, &rendered, &err), failures[_i].verdict);
    ck_assert_int_eq(err.kind, failures[_i].kind);
    ck_assert_msg(strncmp(err.message, failures[_i].message, strlen(failures[_i].message)) == 0,
                  "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
}
END_TEST

/* `count` texts named "t000" on, of which each takes nine tenths of what one may. */
static enum template_verdict render_many(int count, const char *text, struct rendered *ret,
                                         struct err *err)
{
    CLEANUP(buf_done) struct buf spec = {0};
    buf_init(&spec, LIMIT_ELEMENT_BYTES);
    buf_add_str(&spec, ",'data':[{'secretKey':'a','remoteRef':{'key':'k'}}],"
                       "'target':{'template':{'data':{");
    for (int i = 0; i < count; i++) {
        buf_printf(&spec, "%s't%03d':'%s'", i ? "," : "", i, text);
    }
    buf_add_str(&spec, "}}}");
    buf_add_byte(&spec, '\0');
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of("", spec.data);
    CLEANUP(data_map_done) struct data_map fetched = {0};
    put(&fetched, "a", "1");
    const struct render_input input = {.external_secret = external_secret, .fetched = &fetched};
    return render(&input, ret, err);
}

/* What takes steps, memory, and regular expressions; each of them passes alone. */
static const char *const costly[] = {
    "{{ range $i := 900000 }}{{ end }}",
    "{{ range $i := 15 }}{{ $x := repeat 1000000 $.a }}{{ end }}",
    "{{ range $i := 40 }}{{ $x := regexMatch \\u0022(x+x+)+[yz]\\u0022 \\u0022xxxxxxxxxxxxx\\u0022 "
    "}}"
    "{{ end }}",
};

START_TEST(bounds_what_all_texts_take_together)
{
    CLEANUP(rendered_done) struct rendered one = {0};
    CLEANUP(rendered_done) struct rendered many = {0};
    struct err err = {0};
    ck_assert_msg(render_many(1, costly[_i], &one, &err) == TEMPLATE_FINE, "%s", err.message);
    ck_assert_int_eq(render_many(100, costly[_i], &many, &err), TEMPLATE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_msg(strncmp(err.message, "spec.target.template.data[t00", 29) == 0, "%s",
                  err.message);
    ck_assert_msg(strstr(err.message, "takes more than its 4000000 steps up to here"), "%s",
                  err.message);
}
END_TEST

/* A text of an object may be asked for again and again. */
START_TEST(bounds_what_is_parsed_for_all_texts)
{
    CLEANUP(mem_free_ptr) char *text = mem_alloc(LIMIT_TEMPLATE_TEXT + 1);
    CLEANUP(rendered_done) struct rendered rendered = {0};
    CLEANUP(buf_done) struct buf target = {0};
    struct err err = {0};
    memset(text, ' ', LIMIT_TEMPLATE_TEXT);
    memcpy(text, "{{- .a -}}", 10);
    object_key = "key";
    object_value = text;
    buf_init(&target, LIMIT_ELEMENT_BYTES);
    buf_add_str(&target, "'template':{'templateFrom':[");
    for (int i = 0; i < 17; i++) {
        buf_printf(&target, "%s{'configMap':{'name':'texts','items':[{'key':'key'}]}}",
                   i ? "," : "");
    }
    buf_add(&target, sv_make("]}", 3));
    ck_assert_int_eq(render_it("", target.data, &rendered, &err), TEMPLATE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_msg(strncmp(err.message, "spec.target.template.templateFrom[15]", 37) == 0, "%s",
                  err.message);
}
END_TEST

START_TEST(renders_many_texts_that_take_little)
{
    CLEANUP(rendered_done) struct rendered rendered = {0};
    struct err err = {0};
    ck_assert_msg(render_many(1000, "{{ .a | b64enc | quote }}", &rendered, &err) == TEMPLATE_FINE,
                  "%s", err.message);
    ck_assert_uint_eq(rendered.data.count, 1000);
}
END_TEST

/* Comments of a YAML are no values, but rendered all the same. */
START_TEST(bounds_the_bytes_of_all_texts_together)
{
    CLEANUP(buf_done) struct buf target = {0};
    CLEANUP(rendered_done) struct rendered rendered = {0};
    struct err err = {0};
    buf_init(&target, LIMIT_ELEMENT_BYTES);
    buf_add_str(&target, "'template':{'templateFrom':[");
    for (int i = 0; i < 9; i++) {
        buf_printf(&target, "%s{'literal':'#{{ repeat 1000000 .a }}'}", i ? "," : "");
    }
    buf_add_str(&target, "]}");
    buf_add_byte(&target, '\0');
    ck_assert_int_eq(render_it("", target.data, &rendered, &err), TEMPLATE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_msg(strstr(err.message, "spec.target.template.templateFrom[8]: its templates render"),
                  "%s", err.message);
}
END_TEST

/* A type alone is no credential. */
START_TEST(makes_a_service_account_token_without_its_account)
{
    CLEANUP(rendered_done) struct rendered rendered = {0};
    struct err err = {0};
    ck_assert_int_eq(
        render_it("", "'template':{'type':'kubernetes.io/service-account-token'}", &rendered, &err),
        TEMPLATE_FINE);
}
END_TEST

START_TEST(leaves_objects_alone_where_it_cannot_read_them)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = external_secret_of(
        "", ",'target':{'template':{'templateFrom':[{'configMap':{'name':'texts','items':"
            "[{'key':'key'}]}}]}},'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]");
    CLEANUP(rendered_done) struct rendered rendered = {0};
    const struct data_map fetched = {0};
    const struct render_input input = {.external_secret = external_secret, .fetched = &fetched};
    struct err err = {0};
    ck_assert_int_eq(render(&input, &rendered, &err), TEMPLATE_FOREIGN);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("render");
    TCase *tcase = tcase_create("render");
    tcase_set_timeout(tcase, 60); /* the costly ones, under a sanitizer */
    tcase_add_loop_test(tcase, renders_by_precedence, 0, ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, says_what_cannot_be_rendered, 0, ARRAY_LEN(failures));
    tcase_add_loop_test(tcase, bounds_what_all_texts_take_together, 0, ARRAY_LEN(costly));
    tcase_add_test(tcase, bounds_what_is_parsed_for_all_texts);
    tcase_add_test(tcase, renders_many_texts_that_take_little);
    tcase_add_test(tcase, bounds_the_bytes_of_all_texts_together);
    tcase_add_test(tcase, makes_a_service_account_token_without_its_account);
    tcase_add_test(tcase, leaves_objects_alone_where_it_cannot_read_them);
    suite_add_tcase(suite, tcase);
    return suite;
}
